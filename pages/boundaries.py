"""Boundaries: to tell cats from dogs, must you be able to draw one?"""

import streamlit as st

from dashboard import lesson
from dashboard.lesson import Page, charts
from dashboard.scenes.boundaries import CONCEPT, descend, faster, knows, learn, missing, prior, sample, wrong
from dashboard.scenes.boundaries.setup import DATA, MODELS, Config, after_drag
from genmodels import classifiers
from genmodels.classifiers import learning_curves

page = Page(CONCEPT, after_drag)


@page.cue("Learn", "**Points arrive.** One learns the border, one the countries.")
def show_learn() -> None:
    """Points arrive."""
    page.stage(Config, learn.scene, *MODELS, "penalty", *DATA)
    lesson.notice(
        "**Left** learns p(y | x): only where one class ends and the other begins. **Right** learns p(x | y) and "
        "p(y): what each class looks like; its boundary falls out by Bayes' rule.",
        "*Hatched*: there the two name different classes.",
        "On *moons*, *circles*, *XOR*: no straight line is right. Give the left model squares, the right one a "
        "covariance each.",
        "**A word that lectures use in three ways**: “generative” means a model of p(x) to one, of p(x, y) to "
        "another, of p(x | y) to a third. Here it is p(x | y) p(y) = p(x, y); summing over y gives p(x).",
    )
    lesson.formula(
        "Two roads to p(y | x)",
        r"\underbrace{p(y\mid x)=\mathrm{softmax}(Wx+b)_y}_{\text{discriminative}}\qquad"
        r"\underbrace{p(y\mid x)=\frac{p(x\mid y)\,p(y)}{\sum_{y'}p(x\mid y')\,p(y')}}_{\text{generative}}",
    )
    page.predict(
        "LDA and logistic regression both draw a straight boundary. Fitted to the same points, is it the same line?",
        ["Always", "Only by chance, or in the limit", "Never"],
        "Only by chance, or in the limit",
        "Both have the form p(y | x) = softmax(Wx + b), but LDA finds W and b by modelling x, logistic regression by "
        "the labels alone. If the classes truly are Gaussians with one covariance, both tend to the same line.",
    )
    lesson.source(classifiers.fit_lda, classifiers.fit_logistic, classifiers.GenerativeClassifier)


@page.cue("Descend", "**Step by step downhill.** Optimisation is not data.")
def show_descend() -> None:
    """Optimisation is not data."""
    with lesson.beside() as (left, right):
        with left:
            config = page.choose(Config, "descend", "rate", *DATA)
        with right:
            if config.descend == "network":
                page.show(descend.scenes, config, rate=30)
            else:
                page.show(descend.scene, config)
    lesson.notice(
        "All points are there from the start: the time axis is *optimisation*, not data.",
        "*Far apart*: the loss has no lowest point, ‖w‖ grows without end, the field hardens into a step.",
        "A large learning rate jumps across the valley; a small one has hardly left after 2,000 steps.",
    )
    lesson.formula(
        "One step",
        r"w\leftarrow w-\eta\,\nabla_w\Big[-\tfrac1N\sum_n\log p(y_n\mid x_n;w)\Big]\qquad"
        r"\nabla_w=\tfrac1N\sum_n\big(p(y\mid x_n)-\mathbb 1[y=y_n]\big)\,\phi(x_n)",
    )
    lesson.source(descend.steps_of(config.descend))


@page.cue("What it knows", "**Drag the probe far away.** Who admits to never having been there?")
def show_knows() -> None:
    """Ask both about a point."""
    config = page.stage(Config, knows.scene, *MODELS, "probe_1", "probe_2", *DATA)
    lesson.notice(
        "Drag the probe far away: **both** posteriors are sure, LDA's as much as logistic regression's.",
        "Only p(x) says “I have never seen such a thing”: points below the threshold are flagged.",
        "p(x) is the price of modelling x, and worth it only where the model of x is right.",
    )
    charts.show_roc("Who recognises a stranger?", lambda: knows.detectors(config))
    lesson.source(classifiers.GenerativeClassifier.log_marginal)


@page.cue("Draw me one", "**Three questions.** y given x, x given y, x alone.", generative="qda")
def show_sample() -> None:
    """Three different questions."""
    page.stage(Config, sample.scene, "chosen", *MODELS, *DATA)
    lesson.notice(
        "*p(y | x)*: given a point, which class? It holds nothing that could be drawn.",
        "*p(x | y)*: given a class, which points? *p(x)*: which points at all? Draw y, then x given y.",
        "A bad model of x draws bad points even where its boundary is good: try *moons* with LDA.",
    )
    lesson.source(classifiers.GenerativeClassifier.sample)


@page.cue("Wrong assumptions", "**Right, then ever more wrong.**")
def show_wrong() -> None:
    """Right wins, wrong costs."""
    page.stage(Config, wrong.scene, "wrong", under=lambda _: st.caption("The data are made for this cue."))
    lesson.notice(
        "At the left end the assumption is true: it saves parameters, so that a dozen points are enough.",
        "At the right end it is false: more points do not help, the model cannot bend.",
        "Naive Bayes may classify well although its p(x | y) is wrong: look at the ellipses, then at the errors.",
    )
    lesson.source(classifiers.fit_naive_bayes, classifiers.fit_lda, classifiers.fit_qda)


def curves() -> faster.Config:
    """The stored curves, or those computed again in this session."""
    st.caption("Two synthetic tasks in 20 dimensions, and scikit-learn's digits; 50 training sets of each size.")
    computed = lesson.recomputed(page.name, "curves", learning_curves.compute, "Compute all again")
    return faster.Config(tuple(computed.items()) if computed else ())


@page.cue("Who learns faster?", "**Few points, many points.** Who leads?")
def show_faster() -> None:
    """Ng & Jordan's question."""
    page.stage(curves, faster.scene, needs=faster.needs)
    lesson.notice(
        "*Independent*: naive Bayes' assumption holds. *Correlated*: it does not. *Digits*: nobody knows.",
        "The pair that belongs together: naive Bayes with *shared* variances, and logistic regression. Both draw a "
        "straight boundary; one is fitted to p(x, y), the other to p(y | x).",
        "Ng & Jordan (2001): the generative one reaches *its own* limit after about log D points, the discriminative "
        "one after about D; but the latter's limit is never worse.",
        "The line is the mean, the band 5–95 % of 50 repetitions. A leader is named only where the paired difference "
        "exceeds two standard errors.",
        "Logistic regression is not penalised. Where it has no optimum (n ≤ D points can be separated), it stops "
        "when " + learning_curves.STOPPING_RULE,
    )
    lesson.source(learning_curves.iterate_learning_curve, learning_curves.spells)


@page.cue("Move the prior", "**One class becomes rare.** Both boundaries must move.")
def show_prior() -> None:
    """Another world."""
    page.stage(Config, prior.scene, *MODELS, *DATA)
    lesson.notice(
        "Replace p(y) in the generative model; add the change of the log-odds to the discriminative one. Both move.",
        "Solid: corrected. Dashed: as trained. Where one class is rare, not correcting costs most.",
        "Both may be corrected, because only p(y) changed: p(x | y) is the same in both worlds.",
    )
    lesson.formula(
        "What changes",
        r"\log\frac{p'(2\mid x)}{p'(1\mid x)}=\log\frac{p(2\mid x)}{p(1\mid x)}+\log\frac{p'(2)}{p'(1)}-"
        r"\log\frac{p(2)}{p(1)}",
    )
    lesson.source(classifiers.GenerativeClassifier.with_prior, classifiers.DiscriminativeClassifier.with_prior)


@page.cue("A feature is missing", "**Only one coordinate.** Guess, or integrate?", source="elongated")
def show_missing() -> None:
    """Half of the input."""
    page.stage(Config, missing.scene, "missing", *MODELS, *DATA)
    lesson.notice(
        "The generative model integrates the missing feature out: for Gaussians, it drops a row and a column.",
        "The discriminative one must put in a guess, here the training mean, and is as sure as ever.",
        "On *elongated* data the guess is at its worst: what is likely for x₂ depends on x₁.",
    )
    lesson.formula("Integrate it out", r"p(y\mid x_1)\propto p(y)\int p(x_1,x_2\mid y)\,dx_2")
    lesson.source(classifiers.GenerativeClassifier.marginalise)


page.run(
    "A. Y. Ng & M. I. Jordan (2001), *On discriminative vs. generative classifiers*.",
    "R. A. Fisher (1936), *The use of multiple measurements in taxonomic problems*: LDA.",
    "D. R. Cox (1958), *The regression analysis of binary sequences*: logistic regression.",
    "M. Saerens, P. Latinne & C. Decaestecker (2002), *Adjusting the outputs of a classifier to new a priori "
    "probabilities*.",
    "C. M. Bishop (1994), *Novelty detection and neural network validation*: p(x) for strangers.",
)
