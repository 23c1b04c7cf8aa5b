"""The Gaussian: how can a bell curve generate data?"""

import streamlit as st

from dashboard import controls, lesson
from dashboard.player import play
from dashboard.scenes import gaussian as scenes
from genmodels.gaussian import Gaussian, fit_gaussian, iterate_fit, iterate_transport

PAGE = "gaussian"
PLAYER = "gaussian.player"
CUES = {
    "fit": lesson.Cue(
        "Fit",
        "**Learn.** Points arrive one by one; the Gaussian that makes them most likely follows.",
        {"data": "lecture", "points": 200},
    ),
    "sample": lesson.Cue(
        "Sample",
        "**Generate.** Draw noise z, then compute x = μ + L z: that is all there is to it.",
        {"mean1": 0.0, "mean2": 0.0, "sigma1": 2.24, "sigma2": 1.0, "rho": 0.67, "samples": 300, "slip": False},
    ),
}


def fit(seed: int) -> None:
    """Points arrive; the maximum-likelihood estimate follows."""
    with lesson.beside_controls() as (left, right):
        with left:
            config = scenes.FitSceneConfig(
                source=controls.choice(PAGE, "data", "Data", scenes.SOURCE_TITLES, "lecture"),
                n=controls.slider(PAGE, "points", "Points n", 1, 500, 200, 1),
                seed=seed,
            )
        with right:
            play(scenes.fit_scene, config, key=PLAYER, focus=lesson.focus_token())
    lesson.notice(
        "After one point Σ̂ is a dot, after two a line: **singular**. From the third point on it is an ellipse.",
        "In the plane the 1-σ and 2-σ ellipses hold 39 % and 86 % of the probability, not 68 % and 95 %.",
        "The divergence falls roughly like 1/n: four times the data, a quarter of it.",
        "With *two lumps* it does not fall to zero: the best Gaussian is still the wrong model.",
    )
    lesson.formula("The estimate from all points", scenes.fit_formula(config))
    lesson.source(iterate_fit, fit_gaussian, Gaussian.log_prob)


def sample(seed: int) -> None:
    """Noise is carried to data."""
    with lesson.beside_controls() as (left, right):
        with left:
            config = scenes.SampleSceneConfig(
                mean_1=controls.slider(PAGE, "mean1", "Mean μ₁", -3.0, 3.0, 0.0, 0.1),
                mean_2=controls.slider(PAGE, "mean2", "Mean μ₂", -3.0, 3.0, 0.0, 0.1),
                sigma_1=controls.slider(PAGE, "sigma1", "Standard deviation σ₁", 0.1, 4.0, 2.24, 0.02),
                sigma_2=controls.slider(PAGE, "sigma2", "Standard deviation σ₂", 0.1, 4.0, 1.0, 0.02),
                rho=controls.slider(PAGE, "rho", "Correlation ρ", -0.99, 0.99, 0.67, 0.01),
                n=controls.slider(PAGE, "samples", "Samples", 1, 1000, 300, 1),
                slip=controls.switch(PAGE, "slip", "Play the slip: Lᵀ for L"),
                seed=seed,
            )
        with right:
            play(scenes.sample_scene, config, key=PLAYER, focus=lesson.focus_token())
    lesson.notice(
        "On the left nothing ever changes: all the noise looks alike. All knowledge of the data is in μ and L.",
        "Scale, shear, shift: a triangular L is nothing but these. A flow or a diffusion model bends more, "
        "but carries noise to data in just this way.",
        "The area grows by |det A|, which is why the density must shrink by it.",
        "**The slip.** Some lecture notes write Σ = LᵀL beside x = μ + L z. Play it: same area, other tilt.",
    )
    lesson.formula("This Gaussian in numbers", scenes.sample_formula(config))
    lesson.source(iterate_transport, Gaussian.sample)


lesson.question("How can a bell curve generate data?")
cue = lesson.cues(PAGE, CUES)
{"fit": fit, "sample": sample}[cue](st.session_state["_shell"].seed)
lesson.references(
    "C. F. Gauss (1809), *Theoria motus corporum coelestium*.",
    "C. M. Bishop (2006), *Pattern Recognition and Machine Learning*, section 2.3.",
    "B. P. Welford (1962), *Note on a method for calculating corrected sums of squares and products*.",
)
