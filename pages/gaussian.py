"""The Gaussian: how can a bell curve generate data?"""

import functools

import streamlit as st

from dashboard import lesson
from dashboard.lesson import Page, charts, own_data
from dashboard.scene.board import after_painting
from dashboard.scenes.gaussian import CONCEPT, converge, evaluate, fit, likelihood, sample
from genmodels.gaussian import Gaussian, fit_gaussian, iterate_ascent, iterate_fit, iterate_transport

page = Page(CONCEPT)


@page.cue("Fit", "**Learn.** Points arrive one by one; the Gaussian that makes them most likely follows.")
def show_fit() -> None:
    """Points arrive; the maximum-likelihood estimate follows."""
    config = page.stage(fit.Config, fit.scene, after_drag=after_painting, under=own_data.download, code=fit.code)
    lesson.notice(
        "After one point Σ̂ is a dot, after two a line: **singular**. It becomes an ellipse with the first point "
        "that does not lie on one line with the others.",
        "In the plane the 1-σ and 2-σ ellipses hold 39 % and 86 % of the probability, not 68 % and 95 %.",
        "Where the truth is a Gaussian, the divergence is on average about 5 ÷ 2n nats (five parameters, large n): "
        "four times the data, a quarter of it.",
        f"With *two lumps* it levels off at {fit.best_of_lumps():.2f} nats: even the best Gaussian is a wrong model.",
    )
    lesson.formula("The estimate from all points", fit.formula(config))
    page.source(iterate_fit, fit_gaussian)


@page.cue("Sample", "**Generate.** Draw noise z, then compute x = μ + L z: that is all there is to it.")
def show_sample() -> None:
    """Noise is carried to data."""
    page.predict(
        "If ρ goes to 1, what happens to det Σ and to p(μ)?",
        ["Both grow", "det Σ → 0, p(μ) → ∞", "det Σ → 0, p(μ) → 0", "Neither changes"],
        "det Σ → 0, p(μ) → ∞",
        "det Σ = σ₁²σ₂²(1 − ρ²) goes to 0, and p(μ) = 1 / (2π √det Σ) beyond all bounds: the same probability on an "
        "ever smaller area. Drag an axis to nothing, or set ρ to 0.99, and see.",
    )
    config = page.stage(sample.Config, sample.scene, after_drag=sample.after_drag, code=sample.code)
    if config.challenge:
        page.challenge(
            "Match the hidden Gaussian",
            "The dark dots come from a hidden Gaussian. Drag the handles until yours (dashed) is the same.",
            "KL(hidden ‖ yours)",
            functools.partial(config.hidden().kl_divergence, config.gaussian()),
            goal=0.1,
            unit="nats",
        )
    lesson.notice(
        "The distribution on the left is always N(0, I). All that is known of the data is in μ and L.",
        "Scale, shear, shift: a triangular L is nothing but these. A flow or a diffusion model bends more, "
        "but carries noise to data in just this way.",
        "Areas change by the factor |det A|, and the density by its inverse: log p(x) = log p(z) − log |det L|. That "
        "is the *change of variables* on which flows are built.",
        "Beside A Aᵀ, the covariance of the map, stand mean x̄ and covariance S of the samples: with few of them they "
        "differ.",
        "**A common mistake.** Some lecture notes write Σ = LᵀL beside x = μ + L z. Show it: same area, and unless "
        "ρ = 0 another tilt.",
    )
    lesson.formula("This Gaussian in numbers", sample.formula(config))
    page.source(iterate_transport, Gaussian.sample)


@page.cue(
    "Maximum likelihood",
    "**argmax over θ.** Where must the bell stand so that the points are as likely as can be? Find it by hand.",
)
def show_likelihood() -> None:
    """argmax over θ of p(x): by hand, then by gradient."""
    hint = "Drag the round handles. Then press play: the *natural* gradient (Amari 1998) walks from where you are."
    config = page.stage(
        likelihood.Config,
        likelihood.scene,
        after_drag=likelihood.after_drag,
        under=lambda _: st.markdown(hint),
        code=likelihood.code,
    )
    lesson.notice(
        "Each point votes with its own log p(xᵢ). A point far outside votes loudly: log p falls with the squared "
        "distance.",
        "σ too small by a factor costs more than σ too large by the same factor.",
        "At the top no handle helps: there μ is the mean of the points, and Σ (on the line σ²) the mean of their "
        "squared deviations from it. Press **T** for the answer of the formula.",
        "Near the top the steps shorten, because the gradient goes to zero there. The natural gradient is the "
        "gradient times the inverse Fisher information: for small steps its way does not depend on whether σ, σ² or "
        "log σ is moved.",
        "**Maximum likelihood minimises KL(data ‖ model)**: the mean of −log p(xᵢ; θ) is the cross-entropy, and the "
        "entropy of the data does not depend on θ.",
    )
    lesson.formula("The most likely parameters", likelihood.formula(config))
    page.source(iterate_ascent, Gaussian.log_prob)


@page.cue("Evaluate", "**Evaluate p(x).** Drag the probe, or click: how likely is this place?")
def show_evaluate() -> None:
    """What is p(x) here?"""
    config = page.stage(evaluate.Config, evaluate.scene, after_drag=evaluate.after_drag, code=evaluate.code)
    lesson.notice(
        "On the dashed contour p(x) is the same: the Mahalanobis distance measures in standard deviations.",
        "Play: σ shrinks, the bell grows (past 1 once σ₁ < 0.40), the shaded area stays: **a density is not a "
        "probability**.",
        "Probability is what lies *inside*: 39 % within 1 σ, 86 % within 2 σ.",
    )
    lesson.formula("At the probe", evaluate.formula(config))
    charts.show_surface(page.name, config.gaussian())
    page.source(Gaussian.log_prob, Gaussian.mahalanobis)


@page.cue(
    "Converge",
    "**How many points are enough?** Twenty classes draw their own points and fit; n grows to 10,000.",
)
def show_converge() -> None:
    """How many points are enough?"""
    page.stage(converge.Config, converge.scene, code=converge.code)
    lesson.notice(
        "Each of the twenty goes its own way; their root mean square error falls like 1/√n.",
        "Ten times smaller an error costs a hundred times the data. On logarithmic axes that is a line of slope −½.",
        "At n = 1 every covariance is zero, whatever the truth: its error is ‖Σ‖ (Frobenius: the root of the sum of "
        "squared entries), below the line, which holds for large n.",
    )
    page.source(fit_gaussian, iterate_fit)


page.run(
    "C. F. Gauss (1809), *Theoria motus corporum coelestium*.",
    "R. A. Fisher (1922), *On the mathematical foundations of theoretical statistics*: maximum likelihood.",
    "C. M. Bishop (2006), *Pattern Recognition and Machine Learning*, section 2.3.",
    "S. Amari (1998), *Natural gradient works efficiently in learning*.",
)
