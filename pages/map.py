"""The map: which families of generative models there are, when they came, and what they have in common."""

import streamlit as st

from dashboard.lesson import Page, notice
from dashboard.scenes.map import CONCEPT, gauss, schema
from dashboard.shell import families, hall

page = Page(CONCEPT)


@page.cue("Families", "**The tree.** Each tile is a model: a click opens its page.")
def show_families() -> None:
    """Families as a tree over an axis of years."""
    families.tree()
    hall.lectures()
    families.sources()


@page.cue("Timeline", "**Who, and when.**")
def show_timeline() -> None:
    """Years, models and people."""
    families.timeline()


@page.cue("A bit of Gauss in every one", "**The same dots, four models.** What does each make of them?")
def show_gauss() -> None:
    """Gaussian dots as the code of a VAE, the noise of a GAN, the base of a flow, and x_T of diffusion."""
    page.stage(gauss.Config, gauss.scene, code=gauss.code, needs=gauss.NEEDS)
    notice(
        "Below, the four clouds are one and the same: dots drawn from N(0, I). A colour is a direction from the "
        "middle, and a dot keeps it.",
        "VAE and GAN take a dot through a network once. A thin line is a leap: nothing lies between its two ends. "
        "The digits are means E[x | z], what the VAE's decoder gives for the first 25 dots.",
        "Flow and diffusion take many small steps. That the dots rise meanwhile is the drawing's, to show both ends.",
        "The flow is computed, not learned: the probability-flow ODE between N(0, I) and a ring of eight Gaussians, "
        "a continuous flow, in 50 steps of Runge–Kutta. It can be followed back from x to z.",
        "Diffusion is DDPM with the stored network: it adds fresh noise at each step but the last, so that one z may "
        "become another x.",
    )
    page.source(gauss.generated, gauss.flown, gauss.denoised)


@page.cue("What all have in common", "**Data, a model, learn; then generate, or evaluate.**")
def show_schema() -> None:
    """The schema that every page repeats."""
    page.stage(schema.Config, schema.scene, code=schema.code)
    st.markdown(
        "Every page about a model is this picture with another model in the middle. Not all can do everything: a GAN "
        "draws new x, but gives no p(x)."
    )


page.run(
    "I. Goodfellow (2016), *NIPS 2016 tutorial: generative adversarial networks*, arXiv:1701.00160, figure 9.",
    "S. Bond-Taylor et al. (2022), *Deep generative modelling*, IEEE TPAMI 44(11).",
)
