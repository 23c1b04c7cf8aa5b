"""Boundaries: to tell cats from dogs, must you be able to draw one?"""

import functools
from collections.abc import Callable

import streamlit as st

from dashboard import lesson
from dashboard.lesson import charts, controls
from dashboard.player import play, train
from dashboard.scene import Scene
from dashboard.scenes.boundaries import descend, faster, knows, learn, missing, prior, sample, wrong
from dashboard.scenes.boundaries.setup import (
    BOARD,
    CLASSES,
    DISCRIMINATIVE,
    GENERATIVE,
    OWN,
    TITLES,
    Config,
    after_hand,
)
from genmodels import classifiers
from genmodels.classifiers import learning_curves

PAGE = "boundaries"
PENALTIES = {"1": "C = 1 (scikit-learn's own)", "100": "C = 100", "inf": "none"}
FEATURES = {"2": "x₂ is missing", "1": "x₁ is missing"}
LEFT = DISCRIMINATIVE | {"network": "A network (trained live)"}
KEY = f"{PAGE}.player"
show = functools.partial(
    play, key=KEY, after_hand=after_hand, on_hand=functools.partial(controls.put, PAGE), focus=lesson.focus_token()
)


def setup(seed: int, **more) -> Config:
    """Data, on every cue."""
    source = controls.choice(PAGE, "source", "Data", TITLES, "blobs")
    own: dict = {}
    if source == "csv":
        own = controls.csv_labelled(PAGE)
    else:
        own["classes"] = int(controls.choice(PAGE, "classes", "Classes", CLASSES, "2"))
    if source not in OWN:
        own["points"] = controls.slider(PAGE, "points", "Training points", 6, 400, 120, 2)
    if source == "painted":
        own["painted"] = controls.painted(PAGE, "painted", BOARD, BOARD)
    return Config(source=source, seed=seed, **own, **more)


def models() -> dict:
    """The model on either side."""
    return {
        "degree": int(controls.choice(PAGE, "degree", "Left, p(y | x)", DISCRIMINATIVE, "1")),
        "generative": controls.choice(PAGE, "generative", "Right, p(x | y) p(y)", GENERATIVE, "lda"),
    }


def stage(build: Callable[[Config], Scene], seed: int, extra: Callable[[], dict] = models) -> Config:
    """Controls on the left, those of the cue first, and the picture on the right."""
    return lesson.beside(lambda: setup(seed, **extra()), functools.partial(show, build))


def show_learn(seed: int) -> None:
    """Points arrive."""
    stage(
        learn.scene,
        seed,
        lambda: models() | {"penalty": float(controls.choice(PAGE, "penalty", "Penalty", PENALTIES, "1"))},
    )
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
    lesson.predict(
        PAGE,
        "LDA and logistic regression both draw a straight boundary. Fitted to the same points, is it the same line?",
        ["Always", "Only by chance, or in the limit", "Never"],
        "Only by chance, or in the limit",
        "Both have the form p(y | x) = softmax(Wx + b), but LDA finds W and b by modelling x, logistic regression by "
        "the labels alone. If the classes truly are Gaussians with one covariance, both tend to the same line.",
    )
    lesson.source(classifiers.fit_lda, classifiers.fit_logistic, classifiers.GenerativeClassifier)


def show_descend(seed: int) -> None:
    """Optimisation is not data."""
    with lesson.beside_controls() as (left, right):
        with left:
            model = controls.choice(PAGE, "descend", "Model", LEFT, "1")
            rate = 10.0 ** controls.slider(PAGE, "rate", "log₁₀ learning rate", -3.0, 2.0, -0.3, 0.1)
            degree = 1 if model == "network" else int(model)
            config = setup(seed, degree=degree, learning_rate=rate)
        with right:
            if model == "network":
                train(descend.network, config, key=KEY, rate=30, focus=lesson.focus_token())
            else:
                show(descend.scene, config)
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
    lesson.source(descend.steps_of(model))


def show_knows(seed: int) -> None:
    """Ask both about a point."""

    def extra() -> dict:
        return models() | {n: controls.linked(PAGE, n, d) for n, d in (("probe_1", 4.0), ("probe_2", -3.0))}

    config = stage(knows.scene, seed, extra)
    lesson.notice(
        "Drag the probe far away: **both** posteriors are sure, LDA's as much as logistic regression's.",
        "Only p(x) says “I have never seen such a thing”: points below the threshold are flagged.",
        "p(x) is the price of modelling x, and worth it only where the model of x is right.",
    )
    charts.show_roc("Who recognises a stranger?", lambda: knows.detectors(config))
    lesson.source(classifiers.GenerativeClassifier.log_marginal)


def show_sample(seed: int) -> None:
    """Three different questions."""

    def extra() -> dict:
        chosen = controls.choice(PAGE, "chosen", "Draw from", {str(c): f"class {c + 1}" for c in range(3)}, "0")
        return models() | {"chosen": int(chosen)}

    stage(sample.scene, seed, extra)
    lesson.notice(
        "*p(y | x)*: given a point, which class? It holds nothing that could be drawn.",
        "*p(x | y)*: given a class, which points? *p(x)*: which points at all? Draw y, then x given y.",
        "A bad model of x draws bad points even where its boundary is good: try *moons* with LDA.",
    )
    lesson.source(classifiers.GenerativeClassifier.sample)


def show_wrong(seed: int) -> None:
    """Right wins, wrong costs."""
    with lesson.beside_controls() as (left, right):
        with left:
            broken = controls.choice(PAGE, "wrong", "Assumption", wrong.WRONG, "independence")
            st.caption("The data are made for this cue.")
        with right:
            show(wrong.scene, Config(wrong=broken, seed=seed))
    lesson.notice(
        "At the left end the assumption is true: it saves parameters, so that a dozen points are enough.",
        "At the right end it is false: more points do not help, the model cannot bend.",
        "Naive Bayes may classify well although its p(x | y) is wrong: look at the ellipses, then at the errors.",
    )
    lesson.source(classifiers.fit_naive_bayes, classifiers.fit_lda, classifiers.fit_qda)


def show_faster(seed: int) -> None:
    """Ng & Jordan's question."""
    with lesson.beside_controls() as (left, right):
        with left:
            st.caption(
                "Two synthetic tasks in 20 dimensions, and scikit-learn's digits; 50 training sets of each size."
            )
            curves = lesson.recomputed(
                PAGE, "curves", learning_curves.load, learning_curves.compute, "Compute all again"
            )
        with right:
            if curves:
                show(faster.scene, faster.Config(tuple(curves.items())), after_hand=None)
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


def show_prior(seed: int) -> None:
    """Another world."""
    stage(prior.scene, seed)
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


def show_missing(seed: int) -> None:
    """Half of the input."""

    def extra() -> dict:
        return models() | {"missing": int(controls.choice(PAGE, "missing", "At test time", FEATURES, "2")) - 1}

    stage(missing.scene, seed, extra)
    lesson.notice(
        "The generative model integrates the missing feature out: for Gaussians, it drops a row and a column.",
        "The discriminative one must put in a guess, here the training mean, and is as sure as ever.",
        "On *elongated* data the guess is at its worst: what is likely for x₂ depends on x₁.",
    )
    lesson.formula("Integrate it out", r"p(y\mid x_1)\propto p(y)\int p(x_1,x_2\mid y)\,dx_2")
    lesson.source(classifiers.GenerativeClassifier.marginalise)


START = {"source": "blobs", "classes": "2", "points": 120, "degree": "1", "generative": "lda"}
CUES = {
    "learn": lesson.Cue("Learn", "**Points arrive.** One learns the border, one the countries.", show_learn, START),
    "descend": lesson.Cue(
        "Descend", "**Step by step downhill.** Optimisation is not data.", show_descend, START | {"descend": "1"}
    ),
    "knows": lesson.Cue(
        "What it knows", "**Drag the probe far away.** Who admits to never having been there?", show_knows, START
    ),
    "sample": lesson.Cue(
        "Draw me one", "**Three questions.** y given x, x given y, x alone.", show_sample,
        START | {"generative": "qda"},
    ),
    "wrong": lesson.Cue(
        "Wrong assumptions", "**Right, then ever more wrong.**", show_wrong, {"wrong": "independence"}
    ),
    "faster": lesson.Cue("Who learns faster?", "**Few points, many points.** Who leads?", show_faster),
    "prior": lesson.Cue(
        "Move the prior", "**One class becomes rare.** Both boundaries must move.", show_prior, START
    ),
    "missing": lesson.Cue(
        "A feature is missing", "**Only one coordinate.** Guess, or integrate?", show_missing,
        START | {"source": "elongated"},
    ),
}  # fmt: skip

lesson.question("To tell cats from dogs, must you be able to draw one?")
lesson.cues(PAGE, CUES).show(st.session_state["_shell"].seed)
lesson.references(
    "A. Y. Ng & M. I. Jordan (2001), *On discriminative vs. generative classifiers*.",
    "R. A. Fisher (1936), *The use of multiple measurements in taxonomic problems*: LDA.",
    "D. R. Cox (1958), *The regression analysis of binary sequences*: logistic regression.",
    "M. Saerens, P. Latinne & C. Decaestecker (2002), *Adjusting the outputs of a classifier to new a priori "
    "probabilities*.",
    "C. M. Bishop (1994), *Novelty detection and neural network validation*: p(x) for strangers.",
)
