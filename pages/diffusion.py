"""Diffusion: ruin it slowly, then learn to undo it."""

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.diffusion import CONCEPT, backward, copier, curve, digits, forward, guess, live, why
from dashboard.scenes.diffusion.setup import CHECKPOINTS, after_drag, stored
from genmodels.diffusion import sampler, schedules

POINT = ("source", "schedule", "x_1", "x_2")
page = Page(CONCEPT)


@page.cue("Forward", "**Ruin it slowly.** Step by step, or all at once?")
def show_forward() -> None:
    """Ruin it."""
    page.stage(forward.Forward, forward.scene, *POINT, after_drag=after_drag)
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
    page.predict(
        "After many steps the points are Gaussian. Does the variance grow without end?",
        ["Yes: noise is added at each step", "No: each step also shrinks x a little", "It depends on the data"],
        "No: each step also shrinks x a little",
        "√(1 − β) shrinks just so much that a variance of 1 stays 1: the process is variance-preserving.",
    )
    lesson.source(sampler.iterate_forward, sampler.q_sample)


@page.cue("Schedule", "**How fast?** Choose, or draw your own.")
def show_schedule() -> None:
    """How fast."""
    page.stage(curve.Curves, curve.scene, "schedule", "count", "source", "knots", after_drag=curve.after_drag)
    lesson.notice(
        "The schedule decides where the steps are spent: on fine detail (ᾱ near 1) or on nearly pure noise.",
        "Fewer steps are no other process: ᾱ at some of the times, and β_t = 1 − ᾱ_t ÷ ᾱ_{t−1}.",
        "*Your own*: leave ᾱ_T at 0.3, and read KL(q(x_T) ‖ N(0, I)). Sampling would start in the wrong place.",
    )
    lesson.source(schedules.Schedule.choose, schedules.Schedule.kl_to_noise)


@page.cue("What to guess", "**Where did it come from?** Drag the noisy point.", source="ffjord8")
def show_guess() -> None:
    """The best answer."""
    page.stage(guess.Guess, guess.scene, "source", "x_1", "x_2", needs=stored, after_drag=after_drag)
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
    page.predict(
        "x_t is exactly half-way between two clusters. What does the best network answer?",
        ["One of the two, at random", "A point between them, where there are no data", "x_t itself"],
        "A point between them, where there are no data",
        "Squared error is least for the mean. That is why one step from noise gives a blur, and many steps do not.",
    )
    lesson.source(sampler.convert)


@page.cue("Why so many?", "**A small step back is a Gaussian.** A large one is not.", source="ffjord8")
def show_why() -> None:
    """Many small steps."""
    page.stage(forward.Forward, why.scene, *POINT, after_drag=after_drag)
    lesson.notice(
        "The three panels are magnified to the same spread: look at the *shape* of one exact step back.",
        "1,000 steps: a Gaussian. 5 steps: several humps, or a crescent. DDPM puts a Gaussian there all the same.",
        "Drag x_t to where it could have come from two places: there it matters.",
    )
    lesson.formula(
        "What is replaced by a Gaussian",
        r"p(x_{t-1}\mid x_t)=\int q(x_{t-1}\mid x_t,x_0)\,p(x_0\mid x_t)\,dx_0",
    )
    lesson.source(sampler.ddpm_step)


@page.cue("Backward", "**Noise becomes data.** Two samplers, one start.")
def show_backward() -> None:
    """Undo it."""
    config = page.stage(backward.Back, backward.scene, "source", "sampler", "eta", "back", "who", needs=stored)
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
    if page.shown:
        page.challenge(
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
        lesson.figures(*(name for name in CHECKPOINTS if page.ready(name)), words=words)
    lesson.source(sampler.ddim_step, sampler.iterate_reverse)


@page.cue("Photocopier", "**The perfect denoiser of N points.** What does it dream of?")
def show_copier() -> None:
    """Zero loss, nothing new."""
    page.stage(copier.Copy, copier.scene, "source", "n", needs=stored)
    lesson.notice(
        "*Left*: the exact answer for N points. Run backwards it returns these points, whatever the noise.",
        "*Right*: a network that has learned the distribution. Its samples are new.",
        "With more points even fresh data lie near a training point: look at how the distances fall together.",
        "So “zero loss” is not the aim. What a network *cannot* fit is what makes it generalise.",
    )


@page.cue("Train it", "**Before your eyes.** Any points, your own too.")
def show_live() -> None:
    """In front of the class."""
    names = ("source", "painted", "csv", "live_schedule", "prediction", "log_rate")
    page.stage(live.Live, live.scenes, *names, rate=30, check=live.check)
    lesson.notice(
        "First the score only points inwards, then it finds the clusters, last their shapes.",
        "The loss has a floor above 0: noise cannot be guessed. At which t is it hardest?",
        "Painted points, a dinosaur: all the same code. Scrub back to see when it became one.",
    )
    lesson.source(*live.steps())


@page.cue("Digits", "**From static to digit.** The class is asked for.")
def show_digits() -> None:
    """From static to digit."""
    page.stage(digits.Config, digits.scene, needs=(digits.NAME,))
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
    if page.shown:
        words = {"accuracy": "right class (share), w = 2", "nearest": "to the nearest training digit",
                 "nearest_test": "the same, test digits"}  # fmt: skip
        lesson.figures(digits.NAME, words=words)


page.run(
    "J. Sohl-Dickstein et al. (2015), *Deep unsupervised learning using nonequilibrium thermodynamics*.",
    "J. Ho, A. Jain & P. Abbeel (2020), *Denoising diffusion probabilistic models*.",
    "J. Song, C. Meng & S. Ermon (2021), *Denoising diffusion implicit models*.",
    "Y. Song et al. (2021), *Score-based generative modeling through stochastic differential equations*.",
    "T. Salimans & J. Ho (2022), *Progressive distillation*: v. A. Nichol & P. Dhariwal (2021): the cosine schedule.",
)
