"""Diffusion: ruin it slowly, then learn to undo it."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from dashboard import lesson
from dashboard.lesson import checkpoints as rebuild
from dashboard.lesson import controls
from dashboard.player import play, train
from dashboard.scene import Scene
from dashboard.scenes.diffusion import backward, copier, curve, digits, forward, guess, live, why
from dashboard.scenes.diffusion.setup import BOARD, LEARNED, SCHEDULES, TITLES, Config, after_hand
from genmodels.diffusion import sampler as diffusion
from genmodels.diffusion import schedules

PAGE = "diffusion"
C = TypeVar("C", bound=Config)
KEY = f"{PAGE}.player"
STORED = {name: TITLES[name] for name in LEARNED}
CHECKPOINTS = [f"diffusion-{name}" for name in LEARNED]
ANY = {name: title for name, title in TITLES.items() if name not in ("painted", "csv")}
show = functools.partial(play, key=KEY, on_hand=functools.partial(controls.put, PAGE), focus=lesson.focus_token())


def data(titles: dict[str, str]) -> dict[str, Any]:
    """Where the points come from."""
    source = controls.choice(PAGE, "source", "Data", titles, "moons")
    own: dict[str, Any] = {}
    if source == "painted":
        own["painted"] = controls.painted(PAGE, "painted", BOARD, BOARD)
    if source == "csv":
        own["csv"] = controls.csv_points(PAGE)
    return {"source": source, **own}


def hand() -> dict[str, Any]:
    """The place under the hand; it stands in the link."""
    return {name: controls.linked(PAGE, name, 0.5) for name in ("x_1", "x_2")}


def schedule(**more: str) -> str:
    """Its name."""
    return controls.choice(PAGE, "schedule", "Schedule", SCHEDULES | more, "linear")


def stage(build: Callable[..., Scene], choose: Callable[[], C], *, needs: bool = False, **more) -> C | None:
    """Controls on the left, the picture on the right; the config, if what it needs could be read."""
    with lesson.beside_controls() as (left, right):
        with left:
            config = choose()
        with right:
            ready = not needs or rebuild.ready(PAGE, f"diffusion-{config.source}")
            if ready:
                show(build, config, **more)
    return config if ready else None


def show_forward(seed: int) -> None:
    """Ruin it."""
    stage(forward.scene, lambda: Config(**data(ANY), schedule=schedule(), seed=seed, **hand()), after_hand=after_hand)
    lesson.notice(
        "*Left*: a thousand small steps, each a little noise. *Right*: one jump to the same t. Same distribution.",
        "So training never walks: it jumps to a random t and asks what was added.",
        "Drag the point on the right: its cloud q(x_t | x_0) grows and slides to the origin.",
    )
    lesson.formula(
        "A step, and all steps at once",
        r"x_t=\sqrt{1-\beta_t}\,x_{t-1}+\sqrt{\beta_t}\,\varepsilon_t\qquad\Longrightarrow\qquad "
        r"x_t=\sqrt{\bar\alpha_t}\,x_0+\sqrt{1-\bar\alpha_t}\,\varepsilon,\quad"
        r"\bar\alpha_t=\prod_{s\le t}(1-\beta_s)",
    )
    lesson.predict(
        PAGE,
        "After many steps the points are Gaussian. Does the variance grow without end?",
        ["Yes: noise is added at each step", "No: each step also shrinks x a little", "It depends on the data"],
        "No: each step also shrinks x a little",
        "√(1 − β) shrinks just so much that a variance of 1 stays 1: the process is variance-preserving.",
    )
    lesson.source(diffusion.iterate_forward, diffusion.q_sample)


def show_curve(seed: int) -> None:
    """How fast."""

    def choose() -> curve.Curves:
        name = schedule(**{curve.OWN: "Your own: drag the knots"})
        count = int(controls.choice(PAGE, "count", "Steps", curve.COUNTS, "50"))
        return curve.Curves(**data(ANY), schedule=name, seed=seed, count=count,
                            knots=controls.linked(PAGE, "knots", curve.START))  # fmt: skip

    stage(curve.scene, choose, after_hand=curve.after_hand)
    lesson.notice(
        "The schedule decides where the steps are spent: on fine detail (ᾱ near 1) or on nearly pure noise.",
        "Fewer steps are no other process: ᾱ at some of the times, and β_t = 1 − ᾱ_t ÷ ᾱ_{t−1}.",
        "*Your own*: leave ᾱ_T at 0.3, and read KL(q(x_T) ‖ N(0, I)). Sampling would start in the wrong place.",
    )
    lesson.source(schedules.Schedule.choose, schedules.Schedule.kl_to_noise)


def show_guess(seed: int) -> None:
    """The best answer."""

    def choose() -> guess.Guess:
        return guess.Guess(**data(STORED), seed=seed, **hand())

    stage(guess.scene, choose, needs=True, after_hand=after_hand)
    lesson.notice(
        "Each thread ends at a data point that x_t may have come from, shaded by how likely that is.",
        "**The mean of all of them is the best possible answer**: no network can have a smaller error.",
        "The network was never shown this mean. It only saw single pairs (x_0, x_t), and found it.",
        "The score points from x_t towards that mean; press **L** to hide the learned arrows, **E** the exact ones.",
    )
    lesson.formula(
        "Three names for one answer",
        r"\mathbb E[x_0\mid x_t],\qquad \hat\varepsilon=\frac{x_t-\sqrt{\bar\alpha_t}\,\mathbb E[x_0\mid x_t]}"
        r"{\sqrt{1-\bar\alpha_t}},\qquad \nabla\log p_t(x_t)=-\frac{\hat\varepsilon}{\sqrt{1-\bar\alpha_t}}",
    )
    lesson.predict(
        PAGE,
        "x_t is exactly half-way between two clusters. What does the best network answer?",
        ["One of the two, at random", "A point between them, where there are no data", "x_t itself"],
        "A point between them, where there are no data",
        "Squared error is least for the mean. That is why one step from noise gives a blur, and many steps do not.",
    )
    lesson.source(diffusion.convert)


def show_why(seed: int) -> None:
    """Many small steps."""
    stage(why.scene, lambda: Config(**data(ANY), schedule=schedule(), seed=seed, **hand()), after_hand=after_hand)
    lesson.notice(
        "The three panels are magnified to the same spread: look at the *shape* of one exact step back.",
        "1,000 steps: a Gaussian. 5 steps: several humps, or a crescent. DDPM puts a Gaussian there all the same.",
        "Drag x_t to where it could have come from two places: there it matters.",
    )
    lesson.formula(
        "What is replaced by a Gaussian",
        r"p(x_{t-1}\mid x_t)=\int q(x_{t-1}\mid x_t,x_0)\,p(x_0\mid x_t)\,dx_0",
    )
    lesson.source(diffusion.ddpm_step)


def show_backward(seed: int) -> None:
    """Undo it."""

    def choose() -> backward.Back:
        where = data(STORED)
        sampler = controls.choice(PAGE, "sampler", "On the right", backward.SAMPLERS, "ddim")
        eta = controls.slider(PAGE, "eta", "η", 0.0, 1.0, 0.0, 0.05)
        count = int(controls.choice(PAGE, "back", "Both in", backward.COUNTS, "50"))
        who = controls.choice(PAGE, "who", "Denoiser", backward.WHO, "learned")
        return backward.Back(**where, seed=seed, sampler=sampler, eta=eta, count=count, who=who)

    config = stage(backward.scene, choose, needs=True)
    lesson.notice(
        "Same x_T on both sides. DDPM adds fresh noise at each step, DDIM with η = 0 none: each x_T has its own end.",
        "η = 1 makes DDIM a DDPM. **R** draws trails.",
        "x̂₀ begins as a blur (the mean of everything) and sharpens: the decision falls half-way.",
        "5 steps, 50, 1,000: who suffers more from few steps? Read W₂ beside that of true samples.",
    )
    lesson.formula(
        "One step of DDIM",
        r"x_s=\sqrt{\bar\alpha_s}\,\hat x_0+\sqrt{1-\bar\alpha_s-\sigma^2}\,\hat\varepsilon+\sigma z,\qquad"
        r"\sigma=\eta\sqrt{\tfrac{1-\bar\alpha_s}{1-\bar\alpha_t}\big(1-\tfrac{\bar\alpha_t}{\bar\alpha_s}\big)}",
    )
    if config is not None:
        lesson.challenge(
            PAGE,
            "few steps",
            "Choose sampler, η and steps on the right so that its samples are as near to the data as true samples "
            "are (W₂ within two standard deviations of theirs), asking the network as rarely as possible; a step of "
            "the ODE asks four times.",
            "questions to the network (10,000 if the samples are not that near)",
            lambda: backward.fewest(config),
            5,
            "questions",
        )
        words = {"w2_ddpm_200": "W₂, DDPM in 200 steps", "w2_ddim_50": "W₂, DDIM in 50", "w2_true": "true samples"}
        rebuild.figures(*(name for name in CHECKPOINTS if rebuild.ready(PAGE, name)), words=words)
    lesson.source(diffusion.ddim_step, diffusion.iterate_reverse)


def show_copier(seed: int) -> None:
    """Zero loss, nothing new."""

    def choose() -> copier.Copy:
        n = {str(k): f"{k:,} training points" for k in copier.COUNTS}
        return copier.Copy(**data(STORED), seed=seed, n=int(controls.choice(PAGE, "n", "Photocopier", n, "30")))

    stage(copier.scene, choose, needs=True)
    lesson.notice(
        "*Left*: the exact answer for N points. Run backwards it returns these points, whatever the noise.",
        "*Right*: a network that has learned the distribution. Its samples are new.",
        "With more points even fresh data lie near a training point: look at how the distances fall together.",
        "So “zero loss” is not the aim. What a network *cannot* fit is what makes it generalise.",
    )


def show_live(seed: int) -> None:
    """In front of the class."""
    with lesson.beside_controls() as (left, right):
        with left:
            where = data(TITLES)
            config = live.Live(
                **where,
                schedule=controls.choice(PAGE, "live_schedule", "Schedule", SCHEDULES, "cosine"),
                seed=seed,
                prediction=controls.choice(PAGE, "prediction", "The network predicts", live.PREDICTIONS, "v"),
                learning_rate=10.0 ** controls.slider(PAGE, "log_rate", "log₁₀ learning rate", -5.0, 0.0, -2.4, 0.1),
                device=st.session_state["_shell"].device,
            )
        with right:
            train(live.train, config, key=KEY, rate=30, check=live.check, focus=lesson.focus_token())
    lesson.notice(
        "First the score only points inwards, then it finds the clusters, last their shapes.",
        "The loss has a floor above 0: noise cannot be guessed. At which t is it hardest?",
        "Painted points, a dinosaur: all the same code. Scrub back to see when it became one.",
    )
    lesson.source(*live.steps())


def show_digits(seed: int) -> None:
    """From static to digit."""
    with lesson.beside_controls() as (left, right):
        with left:
            what = controls.choice(PAGE, "digits", "Show", digits.WHAT, "back")
            classes = {"-1": "one of each"} | {str(d): f"the {d}s" for d in range(10)}
            digit = int(controls.choice(PAGE, "digit", "Class", classes, "-1"))
            w = controls.slider(PAGE, "w", "Guidance w", 0.0, 8.0, 2.0, 0.5)
        with right:
            ready = rebuild.ready(PAGE, digits.NAME)
            if ready:
                show(digits.scene, digits.Config(what, digit, w, seed))
    lesson.notice(
        "14 × 14 pixels, a perceptron with three layers of 512: the smallest thing that dreams of digits.",
        "*Above* xₜ, *below* x̂₀: at every moment the network answers with its best guess at the end.",
        "**Guidance** asks the same network twice, with and without the class, and overdoes the difference.",
        "It does not sample p(x) p(y | x)^w, whatever is often said: it is a recipe that works.",
    )
    lesson.formula(
        "Classifier-free guidance, in this convention",
        r"\hat\varepsilon=\hat\varepsilon(x_t)+w\,\big(\hat\varepsilon(x_t,y)-\hat\varepsilon(x_t)\big),\qquad "
        r"w=1:\text{ conditional}",
    )
    if ready:
        words = {"accuracy": "right class (share), w = 2", "nearest": "to the nearest training digit",
                 "nearest_test": "the same, test digits"}  # fmt: skip
        rebuild.figures(digits.NAME, words=words)


CUES = {
    "forward": lesson.Cue(
        "Forward", "**Ruin it slowly.** Step by step, or all at once?", show_forward,
        {"source": "moons", "schedule": "linear", "x_1": 0.5, "x_2": 0.5},
    ),
    "schedule": lesson.Cue(
        "Schedule", "**How fast?** Choose, or draw your own.", show_curve,
        {"source": "moons", "schedule": "linear", "count": "50", "knots": curve.START},
    ),
    "guess": lesson.Cue(
        "What to guess", "**Where did it come from?** Drag the noisy point.", show_guess,
        {"source": "ffjord8", "x_1": 0.5, "x_2": 0.5},
    ),
    "why": lesson.Cue(
        "Why so many?", "**A small step back is a Gaussian.** A large one is not.", show_why,
        {"source": "ffjord8", "schedule": "linear", "x_1": 0.5, "x_2": 0.5},
    ),
    "backward": lesson.Cue(
        "Backward", "**Noise becomes data.** Two samplers, one start.", show_backward,
        {"source": "moons", "sampler": "ddim", "eta": 0.0, "back": "50", "who": "learned"},
    ),
    "copier": lesson.Cue(
        "Photocopier", "**The perfect denoiser of N points.** What does it dream of?", show_copier,
        {"source": "moons", "n": "30"},
    ),
    "live": lesson.Cue(
        "Train it", "**Before your eyes.** Any points, your own too.", show_live,
        {"source": "moons", "live_schedule": "cosine", "prediction": "v", "log_rate": -2.4},
    ),
    "digits": lesson.Cue(
        "Digits", "**From static to digit.** The class is asked for.", show_digits,
        {"digits": "back", "digit": "-1", "w": 2.0},
    ),
}  # fmt: skip

lesson.question("Ruin it slowly: can that be undone?")
lesson.cues(PAGE, CUES).show(st.session_state["_shell"].seed)
lesson.references(
    "J. Sohl-Dickstein et al. (2015), *Deep unsupervised learning using nonequilibrium thermodynamics*.",
    "J. Ho, A. Jain & P. Abbeel (2020), *Denoising diffusion probabilistic models*.",
    "J. Song, C. Meng & S. Ermon (2021), *Denoising diffusion implicit models*.",
    "Y. Song et al. (2021), *Score-based generative modeling through stochastic differential equations*.",
    "T. Salimans & J. Ho (2022), *Progressive distillation*: v. A. Nichol & P. Dhariwal (2021): the cosine schedule.",
)
