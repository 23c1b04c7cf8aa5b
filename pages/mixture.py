"""Mixtures: what if the data are not one lump?"""

import functools

import streamlit as st

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.mixture import CONCEPT, choose, collapse, em, generate, harden, kmeans, starts
from dashboard.scenes.mixture.setup import DATA, Config, after_drag
from genmodels.kmeans import assign, iterate_kmeans, update
from genmodels.mixture import GaussianMixture, iterate_em

page = Page(CONCEPT, after_drag)


@page.cue("K-means", "**Assign, update.** Two simple steps by turns.")
def show_kmeans() -> None:
    """Assign, update, assign …"""
    page.stage(Config, kmeans.scene, *DATA)
    lesson.notice(
        "Neither step can make the sum of squared distances larger: so it must end.",
        "It ends somewhere, not necessarily at the best place: drag a round start and watch another ending.",
        "The regions are cut by straight lines, halfway between two centroids.",
    )
    lesson.formula(
        "What falls", r"J=\sum_n \lVert x_n-c_{z_n}\rVert^2\qquad z_n=\arg\min_k\lVert x_n-c_k\rVert^2\qquad"
        r"c_k=\frac{1}{|\{n: z_n=k\}|}\sum_{n: z_n=k}x_n")  # fmt: skip
    lesson.source(iterate_kmeans, assign, update)


@page.cue(
    "Where it fails",
    "**Elongated and unequal.** The same points, the same start: K-means and EM.",
    source="elongated",
)
def show_beside() -> None:
    """Where K-means fails."""
    page.stage(Config, kmeans.beside, *DATA)
    lesson.notice(
        "*Elongated*: K-means cuts across the sausages, because near means near in every direction alike.",
        "*Unequal*: K-means gives a part of the large cloud to the small ones, because it knows no sizes.",
        "EM learns shape and size of each component, at the price of more parameters and more ways to go wrong.",
    )
    lesson.source(iterate_kmeans, iterate_em)


@page.cue("EM", "**Expectation, maximisation.** Points belong a little to everyone.")
def show_em() -> None:
    """E-step, M-step, and the numbers of one point."""
    page.stage(Config, em.scene, "type", "probe_1", "probe_2", *DATA)
    lesson.notice(
        "**E** moves nothing: it only recolours the points, and lifts the *bound* up to the log-likelihood.",
        "**M** moves the ellipses, and lifts both curves. Neither ever falls: that is the proof that EM works.",
        "Click a point: its responsibilities stand in the bars and, with their numbers, in the line below.",
        "Drag a start: the whole trajectory follows, at the step that is shown.",
    )
    lesson.formula(
        "Bayes' rule, then weighted averages",
        r"r_{nk}=\frac{\pi_k\,\mathcal N(x_n;\mu_k,\Sigma_k)}{\sum_j \pi_j\,\mathcal N(x_n;\mu_j,\Sigma_j)}\qquad"
        r"\pi_k=\tfrac1N\sum_n r_{nk}\qquad \mu_k=\frac{\sum_n r_{nk}x_n}{\sum_n r_{nk}}\qquad"
        r"\Sigma_k=\frac{\sum_n r_{nk}(x_n-\mu_k)(x_n-\mu_k)^\top}{\sum_n r_{nk}}",
    )
    page.predict(
        "Which of the two steps can raise the log-likelihood?",
        ["Only the E-step", "Only the M-step", "Both"],
        "Only the M-step",
        "The E-step changes the responsibilities, not the parameters, and p(x) depends on the parameters alone. It "
        "lifts the lower bound up to the log-likelihood, so that the next M-step has something to push.",
    )
    lesson.source(iterate_em)


@page.cue("Soft to hard", "**σ → 0.** EM becomes K-means.")
def show_harden() -> None:
    """From soft to hard."""
    page.stage(Config, harden.scene, *DATA)
    lesson.notice(
        "With one σ for all and equal weights, r depends on distances only. As σ → 0 the nearest takes all.",
        "**Which likelihood does K-means maximise?** Π_n max_k N(x_n; μ_k, σ²I), whatever σ is: hard EM with equal "
        "weights and a shared, round covariance.",
        "Soft EM at fixed σ becomes K-means as σ → 0. With σ² above the data's largest eigenvalue its means merge.",
    )
    lesson.source(GaussianMixture.responsibilities, assign)


@page.cue("Starts", "**It depends where you start.** Eight starts, eight hills.", k=4)
def show_starts() -> None:
    """It depends where you start."""
    config = page.stage(Config, starts.scene, *DATA)
    lesson.notice(
        "Eight random starts, one data set. EM climbs the hill that it stands on.",
        "The highest likelihoods of all are degenerate: a component on a few points. They are named, not ranked.",
    )
    page.challenge(
        "Place the means",
        "Walk to cue 3 and drag the round starts to where EM reaches the best log-likelihood known "
        "(of thirty k-means++ starts).",
        "best known − yours",
        functools.partial(starts.missing, config),
        goal=0.001,
        unit="nats per point",
    )
    lesson.source(iterate_em)


@page.cue("How it breaks", "**The likelihood runs away.** One component, one point.", reg_covar=0.0)
def show_collapse() -> None:
    """How it breaks."""
    page.stage(Config, collapse.scene, "reg_covar", *DATA)
    lesson.notice(
        "A component that sits on one point gains likelihood by shrinking, without end: σ → 0, p → ∞.",
        "reg_covar adds a little to every variance: the component stays on its point, the likelihood finite.",
        "Remedies: fewer components, another start, a larger reg_covar, or a prior on the covariances.",
    )
    lesson.source(iterate_em)


@page.cue("How many?", "**K from 1 to 10.** Three judges.")
def show_choose() -> None:
    """How many components?"""
    page.stage(Config, choose.scene, "type", *DATA)
    st.caption("Here K is the time axis; the slider K does nothing.")
    lesson.notice(
        "The training likelihood only rises with K. BIC and AIC charge for parameters; fresh data need no formula.",
        "On *moons* and *ring* no K is true: a mixture then needs many components to follow a curve.",
    )
    lesson.source(GaussianMixture.bic, GaussianMixture.aic)


@page.cue("Generate", "**z, then x given z.** And a bridge to the VAE.")
def show_generate() -> None:
    """First z, then x given z; and the bridge to the VAE."""
    page.stage(Config, generate.scene, *DATA)
    lesson.notice(
        "A latent variable z decides first; only then x is drawn. That is *ancestral sampling*.",
        "The shares drawn close in on the weights π.",
        "A hundred Gaussians along a curve are nearly a tube: **a VAE is a mixture of infinitely many**, "
        "whose means are a network's answer to z.",
    )
    lesson.source(GaussianMixture.sample)


page.run(
    "K. Pearson (1894), *Contributions to the mathematical theory of evolution*.",
    "A. P. Dempster, N. M. Laird & D. B. Rubin (1977), *Maximum likelihood from incomplete data via EM*.",
    "S. P. Lloyd (1982), *Least squares quantization in PCM*.",
    "R. M. Neal & G. E. Hinton (1998), *A view of the EM algorithm that justifies incremental, sparse, and other "
    "variants*: the lower bound.",
)
