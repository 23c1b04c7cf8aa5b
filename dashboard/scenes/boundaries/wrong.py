"""Assumptions, from true to false: independence (naive Bayes), one covariance for all (LDA)."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from dashboard.scene import Curve, Panel, Readout, Scene, chart
from dashboard.scene.claims import Claim, said
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.boundaries.setup import (
    Config,
    Labelled,
    class_ellipses,
    error,
    grid,
    panel,
    points_layer,
    posterior_layers,
)
from genmodels import classifiers
from genmodels.classifiers.generative import GenerativeClassifier
from genmodels.mixture import GaussianMixture

DEGREES = np.linspace(0.0, 1.0, 11)
SHOWN, FEW, REPEATS, TESTED = 400, 12, 8, 800
NAMES = ("class 1", "class 2")


def world(wrong: str, degree: float) -> GenerativeClassifier:
    """Two Gaussians for which the assumption holds at degree 0, and is badly wrong at 1."""
    if wrong == "independence":
        rho = 0.95 * degree
        one = two = np.array([[1.4, 1.4 * rho], [1.4 * rho, 1.4]])
        half = np.array([[1.0, -0.3]])
        half *= 1.036 / np.sqrt(half[0] @ np.linalg.solve(one, half[0]))  # the lowest possible error stays 15 %
        means = np.array([-half, half])
    else:
        spread = 3.2**degree
        one, two = 1.2 / spread * np.eye(2), 1.2 * spread * np.eye(2)
        means = np.array([[[-0.9, 0.0]], [[0.9, 0.0]]])
    parts = tuple(GaussianMixture(np.ones(1), m, c[None]) for m, c in zip(means, (one, two), strict=True))
    return GenerativeClassifier(np.full(2, 0.5), parts)


def scene(config: Config) -> Scene:
    """How wrong is the time axis: one model that assumes, one that does not, and both errors."""
    assuming, free = MODELS[config.wrong]
    worlds = [world(config.wrong, d) for d in DEGREES]
    noise = _draw(config.seed, SHOWN)
    drawn = [_points(w, noise) for w in worlds]
    fits = [[fit(d.x, d.y, 2) for d in drawn] for fit in (assuming, free)]
    at, extent = grid(Labelled(np.zeros((0, 2)), np.zeros(0, dtype=int), NAMES))
    posteriors = [np.stack([m.log_posterior(at) for m in models]) for models in fits]
    many = [[error_of(m, w, config.seed) for m, w in zip(models, worlds, strict=True)] for models in fits]
    few = few_points(config.wrong, config.seed)
    best = np.array([error_of(w, w, config.seed) for w in worlds])
    limit = np.array([error_of(in_the_limit(config.wrong, w), w, config.seed) for w in worlds])
    xy, labels = np.stack([d.x for d in drawn]), drawn[0].y
    shown = Labelled(xy, labels, NAMES)
    titles = TITLES[config.wrong]
    return Scene(
        panels=(
            *(
                panel(
                    titles[k],
                    (*posterior_layers(posteriors[k], extent), points_layer(shown), class_ellipses(fits[k], 2)),
                    Labelled(xy[:0].reshape(0, 2), labels, NAMES),
                )
                for k in range(2)
            ),
            _errors(few, many, best),
        ),
        steps=np.arange(len(DEGREES)),
        time="how wrong",
        readouts=(
            Readout(MEASURE[config.wrong][0], MEASURE[config.wrong][1](DEGREES), digits=2),
            Readout(f"left: test error, n = {FEW}", few[0], "%", 1),
            Readout("right", few[1], "%", 1),
            Readout(f"left: n = {SHOWN}", np.array(many[0]), "%", 1),
            Readout("right ", np.array(many[1]), "%", 1),
            Readout("left: n → ∞", limit, "%", 1),
            Readout("lowest possible", best, "%", 1),
        ),
        **said(len(DEGREES), *_verdicts(few, np.array(many), limit, best)),
        alt="Two models of the same points; over time the first one's assumption becomes wrong.",
        fps=3,
    )


def code(config: Config) -> str:
    """Both models of the last frame, where the assumption is false, and their errors on fresh points."""
    parts = world(config.wrong, 1.0).conditionals
    means, covariances = (np.concatenate([getattr(p, name) for p in parts]) for name in ("means", "covariances"))
    left, right = (fit.__name__ for fit in MODELS[config.wrong])
    return snippet(
        "import numpy as np",
        f"from genmodels.classifiers import GenerativeClassifier, {left}, {right}",
        "from genmodels.mixture import GaussianMixture",
        f"means = {written(means)}",
        f"covariances = {written(covariances.round(12))}",
        "parts = [GaussianMixture(np.ones(1), means[[k]], covariances[[k]]) for k in range(2)]",
        "truth = GenerativeClassifier(np.full(2, 0.5), tuple(parts))",
        "\ndef draw(n, seed):",
        "    z, y = np.random.default_rng(seed).standard_normal((n, 2)), np.arange(n) % 2",
        "    return means[y] + np.einsum('nij,nj->ni', np.linalg.cholesky(covariances)[y], z), y\n",
        f"x, y = draw({SHOWN}, {config.seed})",
        f"x_test, y_test = draw({10 * TESTED}, [{config.seed}, 9])",
        f"models = {{'left: n = {SHOWN}': {left}(x, y, 2), 'right ': {right}(x, y, 2), 'lowest possible': truth}}",
        "shown = {name: 100 * np.mean(model.predict(x_test) != y_test) for name, model in models.items()}",
    )


def _verdicts(few: np.ndarray, many: np.ndarray, limit: np.ndarray, best: np.ndarray) -> Iterator[Claim]:
    """For each degree, what the assumption saves or costs with few points and with many; and what bias it leaves.

    Args:
        few, many: Errors ``(2, degrees)`` of left and right, in per cent.
        limit, best: Left's error for n → ∞, and the lowest possible, ``(degrees,)``.
    """
    for at, degree in enumerate(DEGREES):
        here = np.arange(len(DEGREES)) == at
        a, b = (errors[0, at] - errors[1, at] for errors in (few, many))
        judged = "The assumption is true:" if degree == 0 else "False, and yet" if a < 0 < b else "False:"
        sentence = (
            f"{judged} at n = {FEW} left errs {abs(a):.1f} percentage points {_more(a)} than right, "
            f"at n = {SHOWN} {abs(b):.1f} {_more(b)}"
        )
        biased = f"{sentence}; for n → ∞ {limit[at]:.1f} %, not {best[at]:.1f} %: its bias."
        yield Claim(biased, here & (limit - best >= 0.1))
        yield Claim(f"{sentence}.", here)


def _more(gap: float) -> str:
    return "more" if gap > 0 else "less"


def in_the_limit(wrong: str, true: GenerativeClassifier) -> GenerativeClassifier:
    """What the left model tends to with ever more points of a world: the true moments that its assumption keeps."""
    covariances = np.stack([part.covariances[0] for part in true.conditionals])
    if wrong == "independence":
        kept = covariances * np.eye(2)
    else:
        kept = np.repeat(covariances.mean(axis=0, keepdims=True), 2, axis=0)
    parts = tuple(
        GaussianMixture(np.ones(1), part.means, c[None]) for part, c in zip(true.conditionals, kept, strict=True)
    )
    return GenerativeClassifier(true.prior, parts)


MODELS = {
    "independence": (classifiers.fit_naive_bayes, classifiers.fit_qda),
    "shared": (classifiers.fit_lda, classifiers.fit_qda),
}
TITLES = {
    "independence": ("Naive Bayes: independent", "QDA: any covariance"),
    "shared": ("LDA: one covariance", "QDA: a covariance each"),
}
MEASURE = {
    "independence": ("correlation within classes", lambda d: 0.95 * d),
    "shared": ("variance of class 2 / class 1", lambda d: 3.2 ** (2 * d)),
}


def _draw(stream, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal noise ``(n, 2)`` and balanced labels: the same for every degree, so that points only shift."""
    rng = np.random.default_rng(stream)
    return rng.standard_normal((n, 2)), np.arange(n) % 2


def _points(model: GenerativeClassifier, noise: tuple[np.ndarray, np.ndarray]) -> Labelled:
    z, y = noise
    means = np.stack([c.means[0] for c in model.conditionals])
    roots = np.stack([c.cholesky[0] for c in model.conditionals])
    return Labelled(means[y] + np.einsum("nij,nj->ni", roots[y], z), y, NAMES)


def error_of(model, true: GenerativeClassifier, seed: int, n: int = 10 * TESTED) -> float:
    """Test error in per cent on fresh points of a world."""
    return error(model, _points(true, _draw([seed, 9], n)))


@functools.lru_cache(maxsize=8)
def few_points(wrong: str, seed: int) -> np.ndarray:
    """Mean test error ``(2, degrees)`` in per cent after a few training points, over several draws of them."""
    errors = np.zeros((2, len(DEGREES), REPEATS))
    for r in range(REPEATS):
        noise, test_noise = _draw([seed, 11, r], FEW), _draw([seed, 12, r], TESTED)
        for k, degree in enumerate(DEGREES):
            true = world(wrong, degree)
            part, test = _points(true, noise), _points(true, test_noise)
            for m, fit in enumerate(MODELS[wrong]):
                errors[m, k, r] = error(fit(part.x, part.y, 2), test)
    return errors.mean(axis=2)


def _errors(few: np.ndarray, many: list[list[float]], best: np.ndarray) -> Panel:
    top = 1.15 * max(float(few.max()), float(np.max(many)))
    curves = (
        Curve(name=f"left, n = {FEW}", key="l", x=DEGREES, y=few[0], colour="model"),
        Curve(name=f"right, n = {FEW}", key="r", x=DEGREES, y=few[1], colour="data"),
        Curve(name=f"left, n = {SHOWN}", key="m", x=DEGREES, y=np.array(many[0]), colour="model", dashed=True),
        Curve(name=f"right, n = {SHOWN}", key="s", x=DEGREES, y=np.array(many[1]), colour="data", dashed=True),
        Curve(name="lowest possible", key="o", x=DEGREES, y=best, colour="truth"),
    )
    return chart("Test error in %", curves, (0, 1), (0, top), x_label="how wrong the assumption is", share=0.6)
