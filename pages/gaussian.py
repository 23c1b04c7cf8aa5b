"""The Gaussian: how can a bell curve generate data?"""

import functools

import streamlit as st

from dashboard import lesson
from dashboard.lesson import charts, controls
from dashboard.player import play
from dashboard.scenes.gaussian import converge, evaluate, fit, likelihood, sample
from dashboard.scenes.gaussian.sources import SOURCE_TITLES
from genmodels.gaussian import Gaussian, fit_gaussian, iterate_ascent, iterate_fit, iterate_transport

PAGE = "gaussian"
slider = functools.partial(controls.slider, PAGE)
linked = functools.partial(controls.linked, PAGE)
show = functools.partial(
    play, key="gaussian.player", on_hand=functools.partial(controls.put, PAGE), focus=lesson.focus_token()
)


def show_fit(seed: int) -> None:
    """Points arrive; the maximum-likelihood estimate follows."""
    with lesson.beside_controls() as (left, right):
        with left:
            source = controls.choice(PAGE, "source", "Data", SOURCE_TITLES, "lecture")
            own = fit.is_own(source)
            config = fit.Config(
                source=source,
                points=200 if own else slider("points", "Points n", 1, 500, 200, 1),
                painted=controls.painted(PAGE, "painted", fit.BOARD, fit.BOARD) if source == "painted" else "",
                csv=controls.csv_points(PAGE) if source == "csv" else (),
                seed=seed,
            )
            controls.download_points(config.data)
        with right:
            show(fit.scene, config, after_hand=fit.after_hand)
    lesson.notice(
        "After one point Σ̂ is a dot, after two a line: **singular**. From the third point on it is an ellipse.",
        "In the plane the 1-σ and 2-σ ellipses hold 39 % and 86 % of the probability, not 68 % and 95 %.",
        "The divergence falls roughly like 1/n: four times the data, a quarter of it.",
        "With *two lumps* it does not fall to zero: the best Gaussian is still the wrong model.",
    )
    lesson.formula("The estimate from all points", fit.formula(config))
    lesson.source(iterate_fit, fit_gaussian)


def show_sample(seed: int) -> None:
    """Noise is carried to data."""
    with lesson.beside_controls() as (left, right):
        with left:
            config = sample.Config(
                mean_1=slider("mean_1", "Mean μ₁", -3.0, 3.0, 0.0, 0.1),
                mean_2=slider("mean_2", "Mean μ₂", -3.0, 3.0, 0.0, 0.1),
                sigma_1=slider("sigma_1", "Standard deviation σ₁", 0.1, 4.0, 2.24, 0.02),
                sigma_2=slider("sigma_2", "Standard deviation σ₂", 0.1, 4.0, 1.0, 0.02),
                rho=slider("rho", "Correlation ρ", -0.99, 0.99, 0.67, 0.01),
                samples=slider("samples", "Samples", 1, 1000, 300, 1),
                slip=controls.switch(PAGE, "slip", "Play the slip: Lᵀ for L"),
                challenge=controls.switch(PAGE, "challenge", "Challenge: match the hidden Gaussian"),
                seed=seed,
            )
        with right:
            show(sample.scene, config, after_hand=sample.after_hand)
    if config.challenge:
        lesson.challenge(
            PAGE,
            "Match the hidden Gaussian",
            "The dark dots come from a hidden Gaussian. Drag the handles until yours (dashed) is the same.",
            "KL(hidden ‖ yours)",
            functools.partial(config.hidden().kl_divergence, config.gaussian()),
            goal=0.1,
            unit="nats",
        )
    lesson.notice(
        "On the left nothing ever changes: all the noise looks alike. All knowledge of the data is in μ and L.",
        "Scale, shear, shift: a triangular L is nothing but these. A flow or a diffusion model bends more, "
        "but carries noise to data in just this way.",
        "The area grows by |det A|, which is why the density must shrink by it.",
        "**The slip.** Some lecture notes write Σ = LᵀL beside x = μ + L z. Play it: same area, other tilt.",
    )
    lesson.formula("This Gaussian in numbers", sample.formula(config))
    lesson.predict(
        PAGE,
        "If ρ goes to 1, what happens to det Σ and to p(μ)?",
        ["Both grow", "det Σ → 0, p(μ) → ∞", "det Σ → 0, p(μ) → 0", "Neither changes"],
        "det Σ → 0, p(μ) → ∞",
        "det Σ = σ₁²σ₂²(1 − ρ²) goes to 0, and p(μ) = 1 / (2π √det Σ) beyond all bounds: the same probability on an "
        "ever smaller area. Drag an axis to nothing, or set ρ to 0.99, and see.",
    )
    lesson.source(iterate_transport, Gaussian.sample)


def show_likelihood(seed: int) -> None:
    """argmax over θ of p(x): by hand, then by gradient."""
    with lesson.beside_controls() as (left, right):
        with left:
            config = likelihood.Config(
                plane=controls.switch(PAGE, "plane", "In the plane"),
                few=slider("few", "Points", 3, 60, 12, 1),
                guess_mean_1=linked("guess_mean_1", -2.0),
                guess_mean_2=linked("guess_mean_2", 1.0),
                guess_sigma_1=linked("guess_sigma_1", 0.8),
                guess_sigma_2=linked("guess_sigma_2", 0.8),
                guess_rho=linked("guess_rho", 0.0),
                seed=seed,
            ).within_limits()
            st.markdown("Drag the round handles. Then press play: the gradient walks from where you are.")
        with right:
            show(likelihood.scene, config, after_hand=likelihood.after_hand)
    lesson.notice(
        "Each point votes with its own log p(xᵢ). A point far outside votes very loudly: log p falls like a square.",
        "Too narrow is punished harder than too wide.",
        "At the top no handle helps any more: there μ is the mean of the points, and σ² their mean squared distance "
        "from it. Press **T** for the answer of the formula.",
        "The steps are long at first and short near the top: the gradient fades.",
    )
    lesson.formula("The most likely parameters", likelihood.formula(config))
    lesson.source(iterate_ascent, Gaussian.log_prob)


def show_evaluate(seed: int) -> None:
    """What is p(x) here?"""
    with lesson.beside_controls() as (left, right):
        with left:
            config = evaluate.Config(
                sigma_1=slider("sigma_1", "Standard deviation σ₁", 0.1, 4.0, 2.24, 0.02),
                sigma_2=slider("sigma_2", "Standard deviation σ₂", 0.1, 4.0, 1.0, 0.02),
                rho=slider("rho", "Correlation ρ", -0.99, 0.99, 0.67, 0.01),
                probe_1=linked("probe_1", 1.5),
                probe_2=linked("probe_2", 0.5),
            ).within_limits()
        with right:
            show(evaluate.scene, config, after_hand=evaluate.after_hand)
    lesson.notice(
        "On the dashed contour p(x) is the same: the Mahalanobis distance measures in standard deviations.",
        "Play: σ shrinks, the bell grows past 1, the shaded area stays: **a density is not a probability**.",
        "Probability is what lies *inside*: 39 % within 1 σ, 86 % within 2 σ.",
    )
    lesson.formula("At the probe", evaluate.formula(config))
    charts.show_surface(PAGE, config.gaussian())
    lesson.source(Gaussian.log_prob, Gaussian.mahalanobis)


def show_converge(seed: int) -> None:
    """How many points are enough?"""
    with lesson.beside_controls() as (left, right):
        with left:
            target = controls.choice(PAGE, "target", "True Gaussian", converge.TITLES, "lecture")
        with right:
            show(converge.scene, converge.Config(target, seed))
    lesson.notice(
        "Every one of the twenty goes another way; all of them narrow like 1/√n.",
        "Ten times smaller an error costs a hundred times the data. On logarithmic axes that is a line of slope −½.",
        "At n = 1 every covariance is zero, whatever the truth: its error starts at ‖Σ‖, below the line for large n.",
    )
    lesson.source(fit_gaussian, iterate_fit)


CUES = {
    "fit": lesson.Cue(
        "Fit",
        "**Learn.** Points arrive one by one; the Gaussian that makes them most likely follows.",
        show_fit,
        {"source": "lecture", "points": 200},
    ),
    "sample": lesson.Cue(
        "Sample",
        "**Generate.** Draw noise z, then compute x = μ + L z: that is all there is to it.",
        show_sample,
        {"mean_1": 0.0, "mean_2": 0.0, "sigma_1": 2.24, "sigma_2": 1.0, "rho": 0.67, "samples": 300, "slip": False,
         "challenge": False},
    ),
    "likelihood": lesson.Cue(
        "Maximum likelihood",
        "**argmax over θ.** Where must the bell stand so that the points are as likely as can be? Find it by hand.",
        show_likelihood,
        {"plane": False, "few": 12, "guess_mean_1": -2.0, "guess_mean_2": 1.0, "guess_sigma_1": 0.8,
         "guess_sigma_2": 0.8, "guess_rho": 0.0},
    ),
    "evaluate": lesson.Cue(
        "Evaluate",
        "**Evaluate p(x).** Drag the probe, or click: how likely is this place?",
        show_evaluate,
        {"sigma_1": 2.24, "sigma_2": 1.0, "rho": 0.67, "probe_1": 1.5, "probe_2": 0.5},
    ),
    "converge": lesson.Cue(
        "Converge",
        "**How many points are enough?** Twenty classes draw their own points and fit; n grows to 10,000.",
        show_converge,
        {"target": "lecture"},
    ),
}  # fmt: skip

lesson.question("How can a bell curve generate data?")
lesson.cues(PAGE, CUES).show(st.session_state["_shell"].seed)
lesson.references(
    "C. F. Gauss (1809), *Theoria motus corporum coelestium*.",
    "R. A. Fisher (1922), *On the mathematical foundations of theoretical statistics*: maximum likelihood.",
    "C. M. Bishop (2006), *Pattern Recognition and Machine Learning*, section 2.3.",
    "S. Amari (1998), *Natural gradient works efficiently in learning*.",
)
