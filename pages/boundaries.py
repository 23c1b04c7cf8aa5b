"""Boundaries: to tell cats from dogs, must you be able to draw one?"""

import functools

import streamlit as st

from dashboard import lesson
from dashboard.lesson import Page, charts
from dashboard.scenes.boundaries import CONCEPT, descend, faster, knows, learn, missing, prior, sample, wrong
from dashboard.scenes.boundaries.setup import DATA, MODELS, Config, after_drag
from genmodels import classifiers
from genmodels.classifiers import learning_curves

page = Page(CONCEPT, after_drag)


@page.cue("Learn", "**Points arrive.** One model learns p(y | x), the other p(x | y) and p(y).")
def show_learn() -> None:
    """Points arrive."""
    page.predict(
        "LDA and logistic regression both draw a straight boundary. Fitted to the same points, is it the same line?",
        ["Always", "In general not", "Never"],
        "In general not",
        "Both have the form p(y | x) = softmax(Wx + b), but LDA finds W and b by modelling x, logistic regression by "
        "modelling the labels given x. If the classes truly are Gaussians with one covariance, both tend to the same "
        "line as points are added.",
    )
    config = page.stage(Config, learn.scene, *MODELS, "penalty", "mislabelled", *DATA, code=learn.code)
    lesson.notice(
        "**Left** learns p(y | x): where one class ends and the other begins, and how sharply. **Right** learns "
        "p(x | y) and p(y): what each class looks like; its boundary follows by Bayes' rule.",
        "*Hatched*: there the two name different classes.",
        "On *moons*, *circles*, *XOR* the best boundary is no straight line. Give the left model squares or cubes, "
        "the right one a covariance each, or three Gaussians a class.",
        "*Mislabelled*: so many training labels are another class's, drawn at random; test labels stay right. With a "
        "share ρ of two classes p(y | x) is squeezed into ρ … 1 − ρ, while the likelier class stays the same. "
        "Left, ‖w‖ shrinks; right, each p(x | y) becomes a mixture with the other class's.",
        "**A word that lectures use in three ways**: “generative” means a model of p(x) to one, of p(x, y) to "
        "another, of p(x | y) to a third. Here it is p(x | y) p(y) = p(x, y); summing over y gives p(x).",
    )
    lesson.formula(
        "Two roads to p(y | x)",
        r"\underbrace{p(y\mid x)=\mathrm{softmax}(Wx+b)_y}_{\text{discriminative}}\qquad"
        r"\underbrace{p(y\mid x)=\frac{p(x\mid y)\,p(y)}{\sum_{y'}p(x\mid y')\,p(y')}}_{\text{generative}}",
    )
    page.challenge(
        "Learn from wrong labels",
        f"Take *circles* and mislabel at least {learn.WRONG_LABELS} % of the training points. Choose both models and "
        "the number of points so that both still classify the test points well.",
        "the larger test error",
        functools.partial(learn.larger_error, config),
        goal=learn.GOAL,
        unit="%",
    )
    page.source(classifiers.fit_lda, classifiers.fit_logistic, classifiers.GenerativeClassifier)


@page.cue("Descend", "**Gradient descent, step by step.** Time is optimisation, not data.")
def show_descend() -> None:
    """Optimisation is not data."""
    with lesson.beside() as (left, right):
        with left:
            config = page.choose(Config, "descend", "rate", "adam", *DATA)
        with right:
            if config.descend == "network":
                page.show(descend.scenes, config, rate=30, code=descend.network_code)
            else:
                page.show(descend.scene, config, code=descend.code)
    lesson.notice(
        "All points are there from the start: the time axis is *optimisation*, not data.",
        "*Far apart*: the classes can be separated, so the loss has no minimum: ‖w‖ grows without end, and the field "
        "hardens into a step.",
        "Points may overlap and the loss still have no minimum, where *one* class can be told from the others "
        "without an error (three classes of *moons*): weights grow for ever, and the dashed line is an infimum.",
        "There is a minimum exactly where no direction in (W, b) leaves all margins at least as large and makes one "
        "larger: a linear programme decides that.",
        "With too large a learning rate the loss rises now and then (try 2 on *moons*); with a small one 2,000 "
        "steps are too few (try −3 on *blobs*).",
        "‖w‖ belongs to standardised x. The network is trained by Adam, whose learning rate has a slider of its own.",
    )
    lesson.formula(
        "One step",
        r"w\leftarrow w-\eta\,\nabla_w\Big[-\tfrac1N\sum_n\log p(y_n\mid x_n;w)\Big]\qquad"
        r"\nabla_{w_k}=\tfrac1N\sum_n\big(p(k\mid x_n)-\mathbb 1[y_n=k]\big)\,\phi(x_n)",
    )
    page.source(descend.steps_of(config.descend))


@page.cue("What it knows", "**Drag the probe far away.** Which score says that no data lie there?")
def show_knows() -> None:
    """Ask both about a point."""
    config = page.stage(Config, knows.scene, *MODELS, "probe_1", "probe_2", *DATA, code=knows.code)
    lesson.notice(
        "Where the boundary is straight, drag the probe away *from it*: **both** posteriors tend to 0 or 1, LDA's "
        "like logistic regression's, with no data there. *Along* the boundary they stay at ½, however far.",
        "p(y | x) is about classes, whatever x is. p(x) is about x itself: points below the threshold are flagged.",
        "A density helps as far as its model of x is right, and it depends on the units of x.",
        f"**Out-of-distribution points** are here {knows.UNIFORM} points uniform over the frame; some of them may "
        "fall among the data, where nothing tells them apart. *False alarms* are fresh points of the data, flagged.",
    )
    charts.show_roc("Which score finds out-of-distribution points?", lambda: knows.detectors(config))
    page.source(classifiers.GenerativeClassifier.log_marginal)


@page.cue("Draw me one", "**Three questions.** y given x, x given y, x alone.", generative="qda")
def show_sample() -> None:
    """Three different questions."""
    page.stage(Config, sample.scene, "chosen", *MODELS, *DATA, code=sample.code)
    lesson.notice(
        "*p(y | x)*: given a point, which class? One can draw y from it, but not x: it is no distribution of x.",
        "*p(x | y)*: given a class, which points? *p(x)*: which points at all? Draw y, then x given y.",
        "A wrong model of x draws points unlike the data, though its boundary may classify well: try *moons* with "
        "LDA.",
    )
    page.source(classifiers.GenerativeClassifier.sample)


@page.cue("Wrong assumptions", "**An assumption that is true, then more and more violated.** What does it cost?")
def show_wrong() -> None:
    """What a false assumption costs."""
    page.stage(
        Config, wrong.scene, "wrong", under=lambda _: st.caption("The data are made for this cue."), code=wrong.code
    )
    lesson.notice(
        "At the left end the assumption is true: it saves parameters, and so variance.",
        "Where it is false, its error here tends to a limit above the lowest possible one, however many points there "
        "are: *bias*. With few points even a false assumption may win, because the model without it has more "
        "variance.",
        f"n = {wrong.FEW} is the mean over {wrong.REPEATS} training sets, n = {wrong.SHOWN} the one training set in "
        "the picture: by chance it may do better than the limit.",
        "Naive Bayes may classify well although its p(x | y) is wrong: look at the ellipses, then at the errors.",
    )
    page.source(classifiers.fit_naive_bayes, classifiers.fit_lda, classifiers.fit_qda)


def curves() -> faster.Config:
    """The stored curves, or those computed again in this session."""
    st.caption("Two synthetic tasks in 20 dimensions, and scikit-learn's digits; 50 training sets of each size.")
    computed = lesson.recomputed(page.name, "curves", learning_curves.compute, "Compute all again")
    return faster.Config(tuple(computed.items()) if computed else ())


@page.cue("Who learns faster?", "**Few points, many points.** Which model has the lower test error?")
def show_faster() -> None:
    """Ng & Jordan's question."""
    config = page.stage(curves, faster.scene, needs=faster.needs, code=faster.code)
    lesson.notice(
        "*Independent*: naive Bayes' assumption holds. *Correlated*: it does not. *Digits*: the truth is not known.",
        "The pair that belongs together: naive Bayes with *shared* variances, and logistic regression. Both draw a "
        "straight boundary; one is fitted to p(x, y), the other to p(y | x).",
        "Ng & Jordan (2001): in D dimensions the generative one needs O(log D) points to come near *its own* limit, "
        "the discriminative one O(D). These are rates, with constants: log 20 is 3. "
        + (faster.arrivals(config) if page.shown else ""),
        "On both synthetic tasks the true log-odds are linear in x, so that logistic regression's limit is the "
        "lowest possible error; naive Bayes' is that only where features are independent.",
        "The line is the mean, the band 5–95 % of 50 repetitions. A leader is named only where the paired difference "
        "exceeds two standard errors.",
        "Logistic regression is not penalised. Where it has no optimum (n ≤ D points in general position can be "
        "separated), it stops when " + learning_curves.STOPPING_RULE,
    )
    page.source(learning_curves.iterate_learning_curve, learning_curves.spells)


@page.cue("Move the prior", "**One class becomes rare.** Both boundaries must move.")
def show_prior() -> None:
    """Another p(y)."""
    config = page.stage(Config, prior.scene, *MODELS, *DATA, code=prior.code)
    lesson.notice(
        "Replace p(y) in the generative model; add the change of the log-odds to the discriminative one. Both move.",
        "Solid: corrected. Dashed: as trained. " + prior.cost(config),
        "Both may be corrected, because only p(y) changed: p(x | y) is the same before and after.",
    )
    lesson.formula(
        "What changes",
        r"\log\frac{p'(2\mid x)}{p'(1\mid x)}=\log\frac{p(2\mid x)}{p(1\mid x)}+\log\frac{p'(2)}{p'(1)}-"
        r"\log\frac{p(2)}{p(1)}",
    )
    page.source(classifiers.GenerativeClassifier.with_prior, classifiers.DiscriminativeClassifier.with_prior)


@page.cue("A feature is missing", "**Only one coordinate is known.** Impute, or integrate?", source="elongated")
def show_missing() -> None:
    """Half of the input."""
    page.stage(Config, missing.scene, "missing", *MODELS, *DATA, code=missing.code)
    lesson.notice(
        "The generative model integrates the missing feature out: for Gaussians, it drops a row and a column.",
        "The discriminative one has no p(x) to integrate over; as it was trained, it needs a value. Here it is given "
        "the training mean, the simplest guess. (One may also impute from the other feature, or train without it.)",
        "On *elongated* data the mean is a poor guess: which x₂ is likely depends on x₁.",
    )
    lesson.formula("Integrate it out", r"p(y\mid x_1)\propto p(y)\int p(x_1,x_2\mid y)\,dx_2")
    page.source(classifiers.GenerativeClassifier.marginalise)


page.run(
    "A. Y. Ng & M. I. Jordan (2001), *On discriminative vs. generative classifiers*.",
    "R. A. Fisher (1936), *The use of multiple measurements in taxonomic problems*: LDA.",
    "D. R. Cox (1958), *The regression analysis of binary sequences*: logistic regression.",
    "M. Saerens, P. Latinne & C. Decaestecker (2002), *Adjusting the outputs of a classifier to new a priori "
    "probabilities*.",
    "C. M. Bishop (1994), *Novelty detection and neural network validation*: p(x) for out-of-distribution points.",
)
