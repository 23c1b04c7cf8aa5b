"""Variational autoencoders: can two numbers be a picture?"""

import streamlit as st

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.vae import CONCEPT, beta, learn, live, plane, seven, walk, yours

FIGURES = {
    "elbo_nats": "ELBO, nats per image",
    "bound_500_nats": "500-sample bound, nats per image",
}
page = Page(CONCEPT)


@page.cue("The latent plane", "**Two numbers are a picture.** Drag through the plane.")
def show_plane() -> None:
    """Two numbers are a picture."""
    page.predict(
        "z = μ + σ ε: why not simply draw z from N(μ, σ²)?",
        ["It is a different distribution", "So that the gradient passes through μ and σ", "It is faster"],
        "So that the gradient passes through μ and σ",
        "It is the same distribution. Written like this, chance enters from outside (ε), and z depends smoothly on "
        "what is learned.",
    )
    config = page.stage(plane.Config, plane.scene, code=plane.code, needs=("vae-2d",), after_drag=plane.after_drag)
    lesson.notice(
        "Drag through the plane: the decoded picture follows. Each z has one, and it changes smoothly with z.",
        "The encoder answers with a *Gaussian*, not a point: the decoder is trained on all codes drawn from it, so "
        "that gaps between digits are filled.",
        "**M**: the whole plane as a sheet of pictures. **Q**: the aggregate posterior q(z), the mean of q(z | x) "
        "over the 500 test digits.",
        "VAEs have holes too: where q(z) ÷ p(z) is far below 1, the prior samples codes no digit was encoded to."
        + (f" {100 * plane.holes():.0f} % of its draws fall where the ratio is below 0.1." if page.shown else ""),
    )
    lesson.formula(
        "The objective: the evidence lower bound",
        r"\mathrm{ELBO}(x)=\underbrace{\mathbb E_{q(z\mid x)}\log p(x\mid z)}_{\text{reconstruction}}-"
        r"\underbrace{\mathrm{KL}\big(q(z\mid x)\,\|\,p(z)\big)}_{\text{price of the code}}\le\log p(x)",
        "It is EM's bound once more, with a continuous z and an approximate E-step: one network gives q for all x, "
        "and q is a Gaussian, so that the bound is maximised but need not touch log p(x).",
    )
    if page.shown:
        others = [name for name in ("vae-16d", "vae-conditional") if page.ready(name)]
        lesson.figures("vae-2d", *others, words=FIGURES)
        st.caption(
            "Trained on 4,000 binarised images of MNIST, judged on 500 others. The conditional one: log p(x | y). "
            "The bound by 500 importance samples (Burda, Grosse & Salakhutdinov 2016) is tighter in expectation."
        )
        target(config)


def target(config: plane.Config) -> None:
    """A challenge: do the encoder's work by hand."""
    picture, best = plane.target(page.seed)
    left, right = st.columns([1, 5], vertical_alignment="center")
    left.image(picture, width=112, caption="this digit", alt="The digit to draw.")
    with right:
        page.challenge(
            "be the encoder",
            f"Drag until the decoder draws this digit. The encoder's own answer costs {best:.0f} nats.",
            "−log p(x | z) at your z",
            lambda: plane.cost(page.seed, config),
            plane.within_reach(best),
            "nats",
        )


@page.cue("Walk", "**From one digit to another.** Straight in pixels, straight in the plane.")
def show_walk() -> None:
    """Two ways between two digits."""
    page.stage(walk.Config, walk.scene, code=walk.code, needs=("vae-2d",), after_drag=walk.after_drag)
    lesson.notice(
        "In pixels the way leads through both digits at once, each fainter.",
        "In the plane the way may lead over other digits. Each picture is the mean E[x | z] at a z, not a draw of x.",
        "Take hold of either end: it goes to the nearest test digit. Cross a hole and look at what happens.",
        "*Beware of blur*: a grey average is at a moderate distance from many digits. The curve is a hint, no proof.",
    )


@page.cue("Watch it learn", "**200 epochs.** Scrub: when should one stop?")
def show_learn() -> None:
    """A recorded training."""
    page.stage(learn.Config, learn.scene, code=learn.code, needs=("vae-training",))
    lesson.notice(
        "At first all codes sit in the middle, the KL is near 0, and each digit is copied to the same picture, after "
        "one epoch to the mean digit; then the KL is *spent*: classes move apart as far as it pays.",
        "*From the prior*: the same ten z all along, so one can follow one of them. A mean E[x | z] is no draw of x: "
        "below each is one, every pixel a coin of its own.",
        *(learn.sentences() if page.shown else ()),
    )
    if page.shown:
        lesson.recorded("epochs 0, 42 and 200, and the KL of unseen digits at every epoch,")


@page.cue("Live", "**Trained before your eyes.** Your β, your latents, your learning rate.")
def show_live() -> None:
    """In front of the class."""
    page.stage(live.Config, live.scenes, code=live.code, rate=30, check=live.check)
    lesson.notice(
        "*Digits*: look for when the classes part in the plane, and when you can read the copies. The last row adds "
        "the decoder's noise to the means above it: a draw of x.",
        "*Moons, one latent*: the decoded line is bent through the data, and σₓ is the spread of x around it.",
        "At the largest β the KL falls towards 0, and the decoded line shrinks to a point: posterior collapse.",
        "Where a large learning rate makes training diverge, it stops with a sentence; what was recorded stays.",
    )
    lesson.formula(
        "Gaussian decoder",
        r"\log p(x\mid z)=-\frac{\|x-g(z)\|^2}{2\sigma_x^2}-D\log\sqrt{2\pi\sigma_x^2}",
        "σₓ is learned too. β weighs the KL in the objective; the ELBO shown has β = 1. Nats here are those of a "
        "*density*, they may be positive.",
    )
    page.source(*live.steps())


@page.cue("β", "**What a code costs.** From an autoencoder to posterior collapse.")
def show_beta() -> None:
    """From an autoencoder to posterior collapse."""
    page.predict(
        "After total collapse, what does the decoder draw?",
        ["Noise", "The mean digit", "Only ones"],
        "The mean digit",
        "z says nothing about x any more, so the best answer is the same for all: each pixel's share of ink in the "
        "training digits.",
    )
    page.stage(beta.Config, beta.scene, code=beta.code, needs=("vae-beta",))
    lesson.notice(
        *(beta.sentences() if page.shown else ()),
        "Each frame is a network of its own, trained from the same seed.",
    )


@page.cue("Ask for a seven", "**Class chosen, style kept.** Drag the style.")
def show_seven() -> None:
    """Class chosen, style kept."""
    page.stage(seven.Config, seven.scene, code=seven.code, needs=(seven.NAME,), after_drag=seven.after_drag)
    lesson.notice(
        "Encoder and decoder are told the class, so z need not say it: what is left is how the digit is written.",
        "Drag: all ten change their style together. Beside each: the real digit that is nearest in style.",
        *([seven.sentence()] if page.shown else []),
    )
    lesson.formula(
        "Conditional",
        r"\mathrm{ELBO}(x\mid y)=\mathbb E_{q(z\mid x,y)}\log p(x\mid z,y)-"
        r"\mathrm{KL}\big(q(z\mid x,y)\,\|\,p(z)\big)",
    )


@page.cue("Your digit", "**Draw one.** Is it one of ours?")
def show_yours() -> None:
    """Drawn by hand."""
    caption = "Draw on the board; *Clear* empties it. What you drew stands in the link."
    page.stage(
        yours.Config,
        yours.scene,
        code=yours.code,
        needs=("vae-2d",),
        after_drag=yours.after_drag,
        under=lambda _: st.caption(caption),
    )
    lesson.notice(
        "The ELBO says how well the model explains your picture: a lower bound of log p(x), in nats.",
        *(yours.sentences() if page.shown else ()),
    )


page.run(
    "D. P. Kingma & M. Welling (2014), *Auto-encoding variational Bayes*.",
    "D. J. Rezende, S. Mohamed & D. Wierstra (2014), *Stochastic backpropagation*.",
    "I. Higgins et al. (2017), *β-VAE*. Y. Burda, R. Grosse & R. Salakhutdinov (2016), *Importance weighted "
    "autoencoders*.",
    "K. Sohn, H. Lee & X. Yan (2015), *Learning structured output representation using deep conditional generative "
    "models*.",
)
