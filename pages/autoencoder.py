"""Autoencoders: can a picture be two numbers?"""

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.autoencoder import CONCEPT, dream, noise, squeeze

page = Page(CONCEPT)


@page.cue("Squeeze", "**784 pixels through a narrow place.** What comes out?")
def show_squeeze() -> None:
    """Through the bottleneck."""
    page.predict(
        "Which of the five knows best what a digit is?",
        ["The one with the smallest error", "One with a bottleneck", "None can be told from its error"],
        "None can be told from its error",
        lambda: squeeze.told_by_error() if page.ready("autoencoder-noise") else "",
    )
    page.stage(squeeze.Config, squeeze.scene, code=squeeze.code, needs=("autoencoder-squeeze",))
    lesson.notice(
        "Row by row the bottleneck widens: 1, 2, 8, 32 numbers for 784 pixels. What is kept first, what is lost?",
        *(squeeze.sentences() if page.shown else ()),
    )
    lesson.formula(
        "Copy the input through a narrow place",
        r"z=f(x)\in\mathbb R^M,\qquad \hat x=g(z),\qquad \min_{f,g}\ \mathbb E\,\ell\big(x,g(f(x))\big)",
        "ℓ is the cross-entropy summed over pixels; the error shown is the root mean square over pixels and over the "
        "500 test digits.",
    )
    if page.shown:
        lesson.figures(
            "autoencoder-squeeze",
            words={f"rmse_{m}": f"error, {m:,} numbers" for m in (1, 2, 8, 32, 1000)},
        )
        lesson.recorded("the errors at epochs 0, 16 and 40")


@page.cue("Noise", "**One copies, one has learned to clean.** Add noise.")
def show_noise() -> None:
    """The denoising autoencoder."""
    page.stage(noise.Config, noise.scene, code=noise.code, needs=("autoencoder-noise",))
    lesson.notice(
        "Both networks are over-wide: the same layers, the same digits. One was trained to copy, the other to give "
        "back the clean digit from a noisy one (σ = 0.5).",
        *(noise.sentences() if page.shown else ()),
        "By this loss the best answer to a noisy picture is the mean of the clean digits that it may have come from, "
        "E[x | x + σε]: the denoising network is trained towards that, and so has to learn what digits are like.",
        "Taking away a little noise at a time, again and again, is how diffusion models generate.",
    )
    lesson.formula(
        "Denoise",
        r"\min_{f,g}\ \mathbb E\,\ell\big(x,\,g(f(x+\sigma\varepsilon))\big),\qquad\varepsilon\sim\mathcal N(0,I)",
        "Networks see x + σε as it is; the pictures above show it cut to 0…1.",
    )
    if page.shown:
        lesson.figures("autoencoder-noise", words={"rmse_copied_half": "error of the copying one, σ = 0.5",
                       "rmse_denoised_half": "error of the denoising one"})  # fmt: skip
        lesson.recorded("the errors of both answers at σ = 0, 0.5 and 1")


@page.cue("Why it cannot dream", "**Random codes through the decoder.** Drag, and find the holes.")
def show_dream() -> None:
    """Why it cannot dream."""
    page.predict(
        "What is missing for a generative model?",
        ["A better decoder", "A distribution p(z)", "More latent numbers"],
        "A distribution p(z)",
        "A decoder turns z into x; with p(z) it is a recipe for p(x): draw z, then decode.",
    )
    config = page.stage(
        dream.Config, dream.scene, code=dream.code, needs=("autoencoder-2d",), after_drag=dream.after_drag
    )
    lesson.notice(
        "Drag through the plane. Between the codes of two classes the decoder passes from one to the other, "
        "often through a blend; where no code lies, nothing in the loss holds its picture to a digit.",
        *(dream.sentences(config) if page.shown else ()),
        "So there is nothing to draw z *from*: these 24 come from a box around the codes, chosen by hand. To "
        "generate one needs a p(z) that the codes are trained to follow: that is the variational autoencoder.",
    )
    if page.shown:
        page.challenge(
            "find a hole",
            "Put the probe among the codes where the picture resembles no digit at all.",
            "its likeness (cosine) to the most similar of 4,000 training digits",
            lambda: dream.likeness(config),
            0.84,
            "",
        )


page.run(
    "G. E. Hinton & R. R. Salakhutdinov (2006), *Reducing the dimensionality of data with neural networks*.",
    "H. Bourlard & Y. Kamp (1988), *Auto-association by multilayer perceptrons and singular value decomposition*.",
    "P. Vincent et al. (2010), *Stacked denoising autoencoders*.",
)
