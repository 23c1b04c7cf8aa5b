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


@page.cue("K-means", "**Assign, update.** Two simple steps, alternating.")
def show_kmeans() -> None:
    """Assign, update, assign …"""
    page.stage(Config, kmeans.scene, *DATA, code=kmeans.code)
    lesson.notice(
        "Neither step can increase the sum of squared distances, and there are finitely many assignments: so it "
        "ends.",
        "It ends where neither step helps, which need not be the lowest sum: drag a round start, and it may end "
        "elsewhere.",
        "The regions are cut by straight lines, halfway between two centroids.",
    )
    lesson.formula(
        "The objective",
        r"J=\sum_n \lVert x_n-c_{z_n}\rVert^2\qquad z_n=\arg\min_k\lVert x_n-c_k\rVert^2\qquad"
        r"c_k=\frac{1}{|\{n: z_n=k\}|}\sum_{n: z_n=k}x_n",
    )
    page.source(iterate_kmeans, assign, update)


@page.cue(
    "Where it fails",
    "**Elongated and unequal.** The same points, the same start: K-means and EM.",
    source="elongated",
)
def show_beside() -> None:
    """Where K-means fails."""
    page.stage(Config, kmeans.beside, *DATA, code=kmeans.beside_code)
    lesson.notice(
        "*Elongated*: K-means cuts across the clusters, because its distance is the same in all directions.",
        "*Unequal*: K-means gives a part of the large cloud to the small ones: it has neither weights nor variances.",
        "EM fits a covariance and a weight to each component: more parameters, more local maxima, and degenerate "
        "ones.",
    )
    page.source(iterate_kmeans, iterate_em)


@page.cue("EM", "**Expectation, maximisation.** Points are shared between components.")
def show_em() -> None:
    """E-step, M-step, and the numbers of one point."""
    page.predict(
        "Which of the two steps can raise the log-likelihood?",
        ["Only the E-step", "Only the M-step", "Both"],
        "Only the M-step",
        "The E-step changes the responsibilities, not the parameters, and p(x) depends on the parameters alone. It "
        "lifts the lower bound up to the log-likelihood: what the M-step then adds to the bound, the log-likelihood "
        "gains at least.",
    )
    page.stage(Config, em.scene, "type", "probe_1", "probe_2", *DATA, code=em.code)
    lesson.notice(
        "**E** leaves the parameters alone: it recolours the points, and lifts the *bound* up to the log-likelihood.",
        "**M** changes the parameters for these r, and maximises the bound. With reg_covar = 0 neither curve can "
        "fall, so that the likelihood converges unless a component collapses; reg_covar may cost a little.",
        "**Maximum likelihood minimises KL(p_data ‖ p_model)**: for many points the mean log-likelihood is "
        "−KL(p_data ‖ p_model) − H(p_data), and H does not depend on θ.",
        "The gap between the curves is KL(r ‖ p(z | x)), averaged over the points.",
        "Click a point: its responsibilities stand in the bars and, with their numbers, in the line below. In an "
        "M-step both are those of the E-step before, whose r it uses; the bars of π are already the new ones.",
        "Drag a start: the whole trajectory follows, at the step that is shown.",
    )
    lesson.formula(
        "Bayes' rule, then weighted averages",
        r"r_{nk}=\frac{\pi_k\,\mathcal N(x_n;\mu_k,\Sigma_k)}{\sum_j \pi_j\,\mathcal N(x_n;\mu_j,\Sigma_j)}\qquad"
        r"\pi_k=\tfrac1N\sum_n r_{nk}\qquad \mu_k=\frac{\sum_n r_{nk}x_n}{\sum_n r_{nk}}\qquad"
        r"\Sigma_k=\frac{\sum_n r_{nk}(x_n-\mu_k)(x_n-\mu_k)^\top}{\sum_n r_{nk}}",
    )
    page.source(iterate_em)


@page.cue("Soft to hard", "**σ → 0.** EM becomes K-means.")
def show_harden() -> None:
    """From soft to hard."""
    page.stage(Config, harden.scene, *DATA, code=harden.code)
    lesson.notice(
        "With one σ for all and equal weights, r depends only on distances over σ. As σ → 0 the nearest mean takes "
        "all.",
        "In each frame EM is run at that σ, from K-means' centroids, until it comes to rest: only the means move.",
        "**Which likelihood does K-means maximise?** Π_n max_k N(x_n; μ_k, σ²I), whatever σ is: hard EM with equal "
        "weights and a shared, round covariance, up to a local maximum.",
        "Merged means, all at the data's mean, are a local maximum exactly while σ² lies above λ_max, the largest "
        "eigenvalue of the data's covariance (dashed). Below it they part, along its eigenvector first.",
    )
    page.source(GaussianMixture.responsibilities, assign)


@page.cue("Starts", "**It depends where you start.** Eight starts, and where each ends.", k=4)
def show_starts() -> None:
    """It depends where you start."""
    config = page.stage(Config, starts.scene, *DATA, code=starts.code)
    lesson.notice(
        "Eight random starts, one data set. EM increases the likelihood up to a stationary point, usually a local "
        "maximum: which one depends on the start.",
        "A component on a few points may have a very high likelihood (without reg_covar there is no highest). Such "
        "endings (fewer than five points, or hardly any width) are called degenerate, and not ranked.",
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
    page.source(iterate_em)


@page.cue("How it breaks", "**The likelihood runs away.** One component, one point.", reg_covar=0.0)
def show_collapse() -> None:
    """How it breaks."""
    page.stage(Config, collapse.scene, "reg_covar", *DATA, code=collapse.code)
    lesson.notice(
        "A component on one point gains likelihood by shrinking, without end, while others cover the rest: σ → 0, "
        "p → ∞.",
        "reg_covar is added to every variance: none falls below it, and the likelihood stays bounded.",
        "Remedies: fewer components, another start, a larger reg_covar, or a prior on the covariances.",
    )
    page.source(iterate_em)


@page.cue("How many?", "**K from 1 to 10.** Three judges.")
def show_choose() -> None:
    """How many components?"""
    page.stage(Config, choose.scene, "type", *DATA, code=choose.code)
    st.caption("Here K is the time axis; the slider K does nothing.")
    lesson.notice(
        "At its best the training likelihood cannot fall with K: a larger mixture contains the smaller. BIC and AIC "
        "charge for parameters; fresh data need no formula. Each fit is the best of three starts, with "
        "reg_covar = 10⁻³ at least. Of one's own points every other one is held out.",
        "On *moons* and *ring* no K is true: a mixture then needs many components to follow a curve.",
    )
    page.source(GaussianMixture.bic, GaussianMixture.aic)


@page.cue("Generate", "**z, then x given z.** And a bridge to the VAE.")
def show_generate() -> None:
    """First z, then x given z; and the bridge to the VAE."""
    page.stage(Config, generate.scene, *DATA, code=generate.code)
    lesson.notice(
        "A latent variable z decides first; only then x is drawn. That is *ancestral sampling*.",
        "The shares drawn tend to the weights π as more are drawn.",
        "**A VAE is a mixture of infinitely many Gaussians**: z is continuous, and a network says their means. The "
        "hundred on the right are laid by hand along a curve, not fitted.",
    )
    page.source(GaussianMixture.sample)


page.run(
    "K. Pearson (1894), *Contributions to the mathematical theory of evolution*.",
    "A. P. Dempster, N. M. Laird & D. B. Rubin (1977), *Maximum likelihood from incomplete data via the EM "
    "algorithm*.",
    "S. P. Lloyd (1982), *Least squares quantization in PCM*.",
    "R. M. Neal & G. E. Hinton (1998), *A view of the EM algorithm that justifies incremental, sparse, and other "
    "variants*: the lower bound.",
)
