"""Variational autoencoders: can two numbers be a picture?"""

import functools
import math
from collections.abc import Callable

import streamlit as st

from dashboard import lesson
from dashboard.lesson import checkpoints as rebuild
from dashboard.lesson import controls
from dashboard.player import play, train
from dashboard.scene import Scene
from dashboard.scenes.pictures import DIGITS
from dashboard.scenes.vae import beta, learn, live, plane, seven, walk, yours
from dashboard.scenes.vae.setup import PLANE

PAGE = "vae"
KEY = f"{PAGE}.player"
show = functools.partial(play, key=KEY, on_hand=functools.partial(controls.put, PAGE), focus=lesson.focus_token())
FIGURES = {
    "elbo_nats": "ELBO, nats per image",
    "bound_500_nats": "500-sample bound, nats per image",
}


def stage(build: Callable[..., Scene], config: object, *names: str, **more) -> bool:
    """The picture over the whole width, if what it needs can be read."""
    ready = rebuild.ready(PAGE, *names)
    if ready:
        show(build, config, **more)
    return ready


def places(**defaults: float) -> dict[str, float]:
    """Places that stand in the link, within the plane."""
    low, high = PLANE
    return {name: min(max(controls.linked(PAGE, name, at), low), high) for name, at in defaults.items()}


def show_plane(seed: int) -> None:
    """Two numbers are a picture."""
    config = plane.Config(seed=seed, **places(z_1=0.0, z_2=0.0))
    ready = stage(plane.scene, config, "vae-2d", after_hand=plane.after_hand)
    lesson.notice(
        "Drag through the plane: the decoded digit follows. Every z is a picture, and near ones are alike.",
        "The encoder answers with a *Gaussian*, not a point: that is what closes the gaps between digits.",
        "**M**: the whole plane as a sheet of pictures. **Q**: the aggregate posterior, where all digits' codes lie.",
        "VAEs have holes too: where q(z) ÷ p(z) is far below 1, the prior draws what no digit was ever put.",
    )
    lesson.formula(
        "What is climbed: the evidence lower bound",
        r"\mathrm{ELBO}(x)=\underbrace{\mathbb E_{q(z\mid x)}\log p(x\mid z)}_{\text{reconstruction}}-"
        r"\underbrace{\mathrm{KL}\big(q(z\mid x)\,\|\,p(z)\big)}_{\text{price of the code}}\le\log p(x)",
        "It is EM's bound once more, with a continuous z and an E-step that a network does for all x at once.",
    )
    lesson.predict(
        PAGE,
        "z = μ + σ ε: why not simply draw z from N(μ, σ²)?",
        ["It is a different distribution", "So that the gradient passes through μ and σ", "It is faster"],
        "So that the gradient passes through μ and σ",
        "It is the same distribution. Written like this, chance enters from outside (ε), and z depends smoothly on "
        "what is learned.",
    )
    if ready:
        others = [name for name in ("vae-16d", "vae-conditional") if rebuild.ready(PAGE, name)]
        rebuild.figures("vae-2d", *others, words=FIGURES)
        st.caption(
            "Trained on 4,000 binarised images of MNIST, judged on 500 others. The conditional one: log p(x | y). "
            "The bound by 500 importance samples (Burda, Grosse & Salakhutdinov 2016) lies nearer to log p(x)."
        )
        target(seed, config)


def target(seed: int, config: plane.Config) -> None:
    """A challenge: do the encoder's work by hand."""
    picture, best = plane.target(seed)
    left, right = st.columns([1, 5], vertical_alignment="center")
    left.image(picture, width=112, caption="this digit")
    with right:
        lesson.challenge(
            PAGE,
            "be the encoder",
            f"Drag until the decoder draws this digit. The encoder's own answer costs {best:.0f} nats.",
            "−log p(x | z) at your z",
            lambda: plane.cost(seed, config),
            math.ceil(best + 10),
            "nats",
        )


def show_walk(seed: int) -> None:
    """Two ways between two digits."""
    ends = {name: controls.linked(PAGE, name, default) for name, default in (("start", 7), ("end", 0))}
    config = walk.Config(**{name: min(max(value, 0), 499) for name, value in ends.items()})
    stage(walk.scene, config, "vae-2d", after_hand=walk.after_hand)
    lesson.notice(
        "In pixels the way leads through two faint digits at once. No digit looks like that.",
        "In the plane the way leads over other digits, and each picture is one the model could have drawn.",
        "Take hold of either end: it goes to the nearest test digit. Cross a hole and look at what happens.",
        "*Blur lies near everything*: a grey average is close to many digits. The curve is a hint, no proof.",
    )


def show_learn(seed: int) -> None:
    """A recorded training."""
    stage(learn.scene, learn.Config(), "vae-training")
    lesson.notice(
        "First all codes sit in the middle and every picture is the mean digit; then the KL is *spent*: classes move "
        "apart as far as it pays.",
        "Samples from fixed z: the same thirty seeds all along, so one can follow one of them.",
        "The two bounds part: 4,000 images are few. Where the unseen bound is highest, one should have stopped.",
    )


def show_live(seed: int) -> None:
    """In front of the class."""
    with lesson.beside_controls() as (left, right):
        with left:
            data = controls.choice(PAGE, "data", "Data", live.DATA, "digits8")
            latents = {str(n): f"z has {n} number{'s' * (n > 1)}" for n in live.LATENTS}
            config = live.Config(
                data,
                int(controls.choice(PAGE, "latents", "Latents", latents, "2")),
                10.0 ** controls.slider(PAGE, "log_beta", "log₁₀ β", -2.0, 2.0, 0.0, 0.1),
                10.0 ** controls.slider(PAGE, "log_rate", "log₁₀ learning rate", -4.0, 0.0, -2.5, 0.1),
                seed,
                st.session_state["_shell"].device,
            )
        with right:
            train(live.network, config, key=KEY, rate=30, focus=lesson.focus_token())
    lesson.notice(
        "*Digits*: after a few hundred steps kinds of digits part; after a thousand you can read the copies.",
        "*Moons, one latent*: the line is bent through the data, and σₓ is the fuzz around it. Its ends wander.",
        "Large β: the line shrinks to a point, the KL to 0: the decoder has stopped listening.",
        "A large learning rate ends in a sentence, not in a crash: what was recorded stays.",
    )
    lesson.formula(
        "Gaussian decoder",
        r"\log p(x\mid z)=-\frac{\|x-g(z)\|^2}{2\sigma_x^2}-D\log\sqrt{2\pi\sigma_x^2}",
        "σₓ is learned too. β weighs the KL in what is climbed; the ELBO shown has β = 1. Nats here are those of a "
        "*density*, they may be positive.",
    )
    lesson.source(*live.steps())


def show_beta(seed: int) -> None:
    """From an autoencoder to posterior collapse."""
    stage(beta.scene, beta.Config(), "vae-beta")
    lesson.notice(
        "*Left end*: the KL is cheap. Tiny ellipses far out; sharp copies, odd samples.",
        "*β = 1*: the bound itself is climbed. On unseen digits it is nearly flat from 0.5 to 4 (one seed).",
        "*Right end*: one latent falls silent, then the other: **posterior collapse**. Which β it takes, see below.",
        "Each frame is a network of its own, trained from the same seed.",
    )
    lesson.predict(
        PAGE,
        "After total collapse, what does the decoder draw?",
        ["Noise", "The mean digit", "Only ones"],
        "The mean digit",
        "z says nothing about x any more, so the best answer is the same for all: each pixel's share of ink.",
    )


def show_seven(seed: int) -> None:
    """Class chosen, style kept."""
    with lesson.beside_controls() as (left, right):
        with left:
            digit = int(controls.choice(PAGE, "digit", "Class", {d: f"a {d}" for d in DIGITS}, "7"))
            config = seven.Config(digit, **places(style_1=0.8, style_2=-0.6))
        with right:
            stage(seven.scene, config, seven.NAME, after_hand=seven.after_hand)
    lesson.notice(
        "Encoder and decoder are told the class, so z need not say it: it says slant, width, thickness.",
        "Drag: all ten change their style together. Beside each: the real digit that is nearest in style.",
        "The classes' clouds lie on top of each other: z and y have become (nearly) independent.",
    )
    lesson.formula(
        "Conditional",
        r"\mathrm{ELBO}(x\mid y)=\mathbb E_{q(z\mid x,y)}\log p(x\mid z,y)-"
        r"\mathrm{KL}\big(q(z\mid x,y)\,\|\,p(z)\big)",
    )


def show_yours(seed: int) -> None:
    """Drawn by hand."""
    with lesson.beside_controls() as (left, right):
        with left:
            drawn = controls.painted(PAGE, "drawn", yours.BOARD, yours.BOARD, yours.example())
            fitted = controls.switch(PAGE, "fitted", "Centre and scale as MNIST does", True)
            st.caption("Draw on the board; *Clear* empties it. What you drew stands in the link.")
        with right:
            stage(yours.scene, yours.Config(drawn, fitted, seed), "vae-2d", after_hand=yours.after_hand)
    lesson.notice(
        "The ELBO says how well the model explains your picture: the lower bound of log p(x), in nats.",
        "Draw a digit upside down, a letter, a house: is it *one of ours*? Two numbers make a forgiving judge: about "
        "two in three held-out digits still pass when they are turned upside down.",
        "Beware: an empty or simple picture is easy to explain. A high bound does not make it typical.",
        "Without centring and scaling even a perfect digit is a stranger: the network has seen none at that place.",
    )


CUES = {
    "plane": lesson.Cue(
        "The latent plane", "**Two numbers are a picture.** Drag through the plane.", show_plane,
        {"z_1": 0.0, "z_2": 0.0},
    ),
    "walk": lesson.Cue(
        "Walk", "**From one digit to another.** Straight in pixels, straight in the plane.", show_walk,
        {"start": 7, "end": 0},
    ),
    "learn": lesson.Cue("Watch it learn", "**200 epochs.** Scrub: when should one stop?", show_learn),
    "live": lesson.Cue(
        "Live", "**Trained before your eyes.** Your β, your latents, your learning rate.", show_live,
        {"data": "digits8", "latents": "2", "log_beta": 0.0, "log_rate": -2.5},
    ),
    "beta": lesson.Cue("β", "**What a code costs.** From an autoencoder to posterior collapse.", show_beta),
    "seven": lesson.Cue(
        "Ask for a seven", "**Class chosen, style kept.** Drag the style.", show_seven,
        {"digit": "7", "style_1": 0.8, "style_2": -0.6},
    ),
    "yours": lesson.Cue(
        "Your digit", "**Draw one.** Is it one of ours?", show_yours, {"drawn": yours.example(), "fitted": True}
    ),
}  # fmt: skip

lesson.question("Can two numbers be a picture?")
lesson.cues(PAGE, CUES).show(st.session_state["_shell"].seed)
lesson.references(
    "D. P. Kingma & M. Welling (2014), *Auto-encoding variational Bayes*.",
    "D. J. Rezende, S. Mohamed & D. Wierstra (2014), *Stochastic backpropagation*.",
    "I. Higgins et al. (2017), *β-VAE*. Y. Burda, R. Grosse & R. Salakhutdinov (2016), *Importance weighted "
    "autoencoders*.",
    "K. Sohn, H. Lee & X. Yan (2015), *Learning structured output representation using deep conditional generative "
    "models*.",
)
