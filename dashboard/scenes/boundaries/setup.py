"""What all scenes of this page start from: labelled points, and the two models that are fitted to them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np

from dashboard.scene import Ellipses, Field, Panel, Points, Polylines, drag, plane
from dashboard.scene.board import after_painting
from dashboard.scene.contours import cell_centres, hatching, level_lines
from dashboard.scene.fields import choice, file, placed, slider
from dashboard.scene.own_points import BOARD, OWN, OwnPoints, Pair, is_drawn, is_file
from dashboard.scene.snippet import written
from genmodels import classifiers
from genmodels.classifiers.discriminative import DiscriminativeClassifier
from genmodels.classifiers.generative import GenerativeClassifier
from genmodels.classifiers.labelled import check_labelled
from genmodels.data.classes import RECIPES, balanced, draw_classes, mislabel
from genmodels.mixture import GaussianMixture

CELLS = 44
ROOM = 700
"""Pieces that a live boundary may have."""
COLOURS = 10
"""Of classes; ellipse 10 has the colour of ellipse 0 again."""
FEWEST = 3
"""Points that a class needs, in two dimensions, for a covariance of its own."""

TITLES = {
    "blobs": "Blobs",
    "elongated": "Elongated",
    "moons": "Moons",
    "circles": "Circles",
    "xor": "XOR",
    "inside": "One inside another",
    "apart": "Far apart (separable)",
    **OWN,
}
GENERATIVE = {
    "lda": "LDA: one covariance for all",
    "qda": "QDA: a covariance each",
    "naive": "Naive Bayes: x₁, x₂ independent",
    "shared": "Naive Bayes, shared variances",
    "mixture": "Three Gaussians a class, by EM",
}
DISCRIMINATIVE = {1: "Logistic regression", 2: "Logistic, with squares", 3: "Logistic, with cubes"}
SHORT = {
    "lda": "LDA",
    "qda": "QDA",
    "naive": "naive Bayes",
    "shared": "naive Bayes, shared variances",
    "mixture": "three Gaussians a class",
}
NORM = "‖w‖ (x standardised)"
"""Models on the left standardise x, so that the length of their weights does not depend on its units."""
CLASSES = {2: "Two", 3: "Three"}
PENALTIES = {1.0: "C = 1 (scikit-learn's own)", 100.0: "C = 100", math.inf: "none"}
FEATURES = {2: "x₂ is missing", 1: "x₁ is missing"}
WRONG = {"independence": "Independence (naive Bayes)", "shared": "One covariance for all (LDA)"}
DATA = ("source", "classes", "points", "painted", "csv")
MODELS = ("degree", "generative")
"""The controls of most cues; one with more names them first."""
REACH: Pair = (-1e6, 1e6)  # of the probe


class Labelled(NamedTuple):
    """Points ``(N, 2)``, their classes ``(N,)`` from 0, the classes' names, and the axis ranges of own points."""

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    frame: tuple[Pair, Pair] | None = None

    @property
    def n_classes(self) -> int:
        """How many classes there are, with points or without."""
        return len(self.names)


@dataclass(frozen=True)
class Config(OwnPoints):
    """Everything that a scene of this page depends on.

    Args:
        source: One of ``TITLES``.
        classes: 2 or 3; a CSV file brings its own.
        points: How many are drawn; own points are taken as they are.
        generative, degree: Which model stands on the right, and how many powers of x the left one sees.
        penalty: C of scikit-learn's logistic regression; infinity for none.
        probe_1, probe_2: Where the probe is.
        chosen: The class to draw from, from 0.
        missing: The feature that is missing at test time, 1 or 2.
        mislabelled: Per cent of the training points that bear another class's label.
        descend: The model that walks downhill: a degree, or ``"network"``.
        rate: Power of ten of its learning rate.
        adam: The same of the network, which Adam trains.
        wrong: Which assumption is broken.
        labels, names: Classes of the points of a file, from 0, and what they are called.
        brisk: Only the last frame is wanted, while one paints.
        seed: Draws the points.
    """

    source: str = choice("Data", "blobs", TITLES)
    classes: int = choice("Classes", 2, CLASSES, when=lambda v: not is_file(v))
    points: int = slider("Training points", 120, 6, 400, 2, when=is_drawn)
    mislabelled: int = slider("Mislabelled", 0, 0, 30, 1, format="%d %%", when=is_drawn)
    csv: tuple[Pair, ...] = file(labelled=True, when=is_file)
    generative: str = choice("Right, p(x | y) p(y)", "lda", GENERATIVE)
    degree: int = choice("Left, p(y | x)", 1, DISCRIMINATIVE)
    penalty: float = choice("Penalty", 1.0, PENALTIES)
    probe_1: float = placed(4.0, *REACH)
    probe_2: float = placed(-3.0, *REACH)
    chosen: int = choice("Draw from", 0, {c: f"class {c + 1}" for c in range(3)})
    missing: int = choice("At test time", 2, FEATURES)
    descend: int | str = choice("Model", 1, {**DISCRIMINATIVE, "network": "A network (trained live)"})
    rate: float = slider("log₁₀ learning rate", -0.3, -3.0, 2.0, 0.1, when=lambda v: v["descend"] != "network")
    adam: float = slider("log₁₀ rate of Adam", -2.0, -5.0, -0.5, 0.1, when=lambda v: v["descend"] == "network")
    wrong: str = choice("Assumption", "independence", WRONG)
    labels: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    brisk: bool = False
    seed: int = 0

    @property
    def learning_rate(self) -> float:
        """Of gradient descent."""
        return 10.0**self.rate

    def data(self, at_least: int = FEWEST, two: bool = False) -> Labelled:
        """The training points, in an order whose first ones hold every class.

        Raises:
            ValueError: A class has too few points, or there are more than two where two are asked for.
        """
        x, y, names, frame = self._draw(self.points, np.random.default_rng(self.seed))
        if two and len(names) != 2:
            raise ValueError(f"This cue compares two classes and the data have {len(names)}: choose two classes.")
        x, y = check_labelled(x, self._labelled(y, len(names)), len(names), at_least)
        return Labelled(*balanced(x, y, at_least), names, frame)

    def _labelled(self, y: np.ndarray, k: int) -> np.ndarray:
        """The classes as they are told to the models: of some points that are drawn, another one at random."""
        share = 0.0 if self.is_own else self.mislabelled / 100
        return mislabel(y, k, share, np.random.default_rng([self.seed, 31]))

    def fresh(self, n: int, stream: int = 1) -> Labelled:
        """Points to test on, not seen in training, none mislabelled; one's own points where there are no others."""
        return self._draw(n, np.random.default_rng([self.seed, stream]))

    def _draw(self, n: int, rng: np.random.Generator) -> Labelled:
        k = self.classes
        if self.source == "csv":
            return Labelled(self.own(), np.array(self.labels, dtype=np.int64), self.names, self.frame())
        if self.source == "painted":
            x, y, k = self.own(), self.painted_classes(), self.n_classes
        else:
            x, y = draw_classes(self.source, n, k, rng)
        return Labelled(x, y, tuple(f"class {c + 1}" for c in range(k)))

    @property
    def n_classes(self) -> int:
        """How many classes the data have."""
        if self.source == "csv":
            return len(self.names)
        return self.n_painted() if self.source == "painted" else self.classes

    def data_code(self, at_least: int = FEWEST, ordered: bool = False) -> str:
        """As :meth:`data`, in Python: ``x`` and ``y``; in its order only if that is asked for."""
        drawn = self._draw(self.points, np.random.default_rng(self.seed))
        told = self._labelled(drawn.y, drawn.n_classes)
        if self.is_own:
            lines = [self.own_code(), f"y = {written(drawn.y)}"]
        else:
            rng = f"np.random.default_rng({self.seed})"
            lines = [
                "import numpy as np\nfrom genmodels.data.classes import draw_classes",
                f"x, y = draw_classes('{self.source}', {self.points}, {self.classes}, {rng})",
            ]
        if (told != drawn.y).any():
            rng = f"np.random.default_rng([{self.seed}, 31])"
            lines.append("from genmodels.data.classes import mislabel")
            lines.append(f"y = mislabel(y, {self.classes}, {self.mislabelled / 100}, {rng})")
        if ordered and (balanced(drawn.x, told, at_least)[1] != told).any():
            lines.append("from genmodels.data.classes import balanced")
            lines.append(f"x, y = balanced(x, y, {at_least})  # some of each class come first")
        return "\n".join(lines)

    def fresh_code(self, n: int) -> str:
        """As :meth:`fresh`, in Python: ``x_test`` and ``y_test``."""
        if self.is_own:
            return "x_test, y_test = x, y  # there are no others"
        rng = f"np.random.default_rng([{self.seed}, 1])"
        return f"x_test, y_test = draw_classes('{self.source}', {n}, {self.classes}, {rng})"

    def models_code(self) -> str:
        """The data, and both models that are fitted to them, in Python: ``left`` and ``right``."""
        k = self.n_classes
        degree = f", degree={self.degree}" if self.degree > 1 else ""
        penalty = f", C={written(self.penalty)}" if self.penalty != 1 else ""
        fit, options = {
            "lda": ("fit_lda", ""),
            "qda": ("fit_qda", ""),
            "naive": ("fit_naive_bayes", ""),
            "shared": ("fit_naive_bayes", ", shared_variance=True"),
            "mixture": ("fit_class_mixtures", f", seed={self.seed}"),
        }[self.generative]
        return "\n".join(
            (
                self.data_code(ordered=self.generative == "mixture"),
                f"from genmodels.classifiers import fit_logistic, {fit}",
                f"left = fit_logistic(x, y, {k}{degree}{penalty})",
                f"right = {fit}(x, y, {k}{options})",
            )
        )

    def n_painted(self) -> int:
        """As many classes as are chosen, or as have been painted."""
        return max(self.classes, int(self.painted_classes().max(initial=0)) + 1)

    def truth(self) -> GenerativeClassifier | None:
        """The mixture that the points are drawn from, where it is one."""
        if self.source not in RECIPES:
            return None
        parts = []
        for means, covariance in RECIPES[self.source][: self.classes]:
            m = len(means)
            parts.append(GaussianMixture(np.full(m, 1 / m), np.array(means), np.array([covariance] * m)))
        return GenerativeClassifier(np.full(self.classes, 1 / self.classes), tuple(parts))


def fit_generative(config: Config, data: Labelled) -> GenerativeClassifier:
    """The model on the right."""
    x, y, k = data.x, data.y, data.n_classes
    if config.generative == "lda":
        return classifiers.fit_lda(x, y, k)
    if config.generative == "qda":
        return classifiers.fit_qda(x, y, k)
    if config.generative == "mixture":
        return classifiers.fit_class_mixtures(x, y, k, seed=config.seed)
    return classifiers.fit_naive_bayes(x, y, k, shared_variance=config.generative == "shared")


def fit_discriminative(config: Config, data: Labelled) -> DiscriminativeClassifier:
    """The model on the left."""
    return classifiers.fit_logistic(data.x, data.y, data.n_classes, degree=config.degree, C=config.penalty)


class Classifier(Protocol):
    """Whatever names classes."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Classes ``(N,)`` from 0, of points ``(N, 2)``."""
        ...


def error(model: Classifier, test: Labelled) -> float:
    """Share of test points in a wrong class, in per cent."""
    return 100 * float(np.mean(model.predict(test.x) != test.y))


# --- what both planes are made of ---------------------------------------------------------------------------


def ranges(data: Labelled) -> tuple[Pair, Pair]:
    """Axis ranges: those of own points, else the board."""
    return data.frame or (BOARD, BOARD)


def grid(data: Labelled) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Cell centres ``(CELLS², 2)`` over both planes and what a window shows beside them; their outer edges."""
    (x0, x1), (y0, y1) = ranges(data)
    wide, high = x1 - x0, y1 - y0
    more_x, more_y = max(high - wide, 0) / 2, max(wide - high, 0) / 2 + 0.3 * max(wide, high)
    extent = (x0 - more_x, x1 + more_x, y0 - more_y, y1 + more_y)
    return cell_centres(extent, CELLS), extent


def as_field(log_posterior: np.ndarray) -> np.ndarray:
    """``(F, CELLS², K)`` to ``(F, CELLS, CELLS)``: p(class 2) for two classes, else the likeliest class."""
    frames, _, k = log_posterior.shape
    values = np.exp(log_posterior[..., 1]) if k == 2 else log_posterior.argmax(axis=-1).astype(float)
    return np.where(np.isfinite(log_posterior[..., 0]), values, np.nan).reshape(frames, CELLS, CELLS)


def still(frames: np.ndarray) -> np.ndarray:
    """A single frame without its axis: it stands still."""
    return frames[0] if len(frames) == 1 else frames


def posterior_layers(log_posterior: np.ndarray, extent, live: bool = False) -> tuple[Field, Polylines]:
    """p(y | x) as a field, and the line where the likeliest class changes.

    Args:
        log_posterior: ``(F, CELLS², K)``; a single frame stands still, unless it is one of a live run.
        extent: Outer edges of the grid.
        live: Keep the frame's axis, and a shape that does not depend on the values.
    """
    k = log_posterior.shape[-1]
    fix = (lambda frames: frames) if live else still
    field = Field(
        name="p(class 2 | x)" if k == 2 else "likeliest class",
        key="v",
        values=fix(as_field(log_posterior)),
        extent=extent,
        limits=(0.0, 1.0) if k == 2 else (0.0, k - 1.0),
        colour_map="diverging",
        classes=k > 2,
        alpha=0.5 if k == 2 else 0.3,
    )
    lines = fix(boundaries(log_posterior, extent, ROOM if live else 0))
    return field, Polylines(name="boundary", key="b", xy=lines, colour="ink", width=3)


def boundaries(log_posterior: np.ndarray, extent, room: int = 0) -> np.ndarray:
    """Where the likeliest class changes, ``(F, S, 2, 2)``, from ``(F, CELLS², K)``."""
    frames, _, k = log_posterior.shape
    shaped = log_posterior.reshape(frames, CELLS, CELLS, k)
    if k == 2:
        return level_lines(_bounded(shaped[..., 1] - shaped[..., 0]), extent, room=room)
    parts = []
    for c in range(k):
        others = np.delete(shaped, c, axis=-1).max(axis=-1)
        parts.append(level_lines(_bounded(shaped[..., c] - others), extent, room=room))
    return np.concatenate(parts, axis=1)


def _bounded(log_odds: np.ndarray) -> np.ndarray:
    return np.clip(log_odds, -1e6, 1e6)  # its sign and zero are wanted, not its size


def disagreement(left: np.ndarray, right: np.ndarray, extent) -> Polylines:
    """Hatching where the two models name different classes."""
    frames = len(left)
    differ = (left.argmax(axis=-1) != right.argmax(axis=-1)).reshape(frames, CELLS, CELLS)
    differ &= (np.isfinite(left[..., 0]) & np.isfinite(right[..., 0])).reshape(frames, CELLS, CELLS)
    spacing = (extent[1] - extent[0]) / 26
    return Polylines(
        name="the two disagree", key="h", xy=still(hatching(differ, extent, spacing)), colour="muted", width=1.4
    )


def class_ellipses(models: Sequence[GenerativeClassifier | None], n_classes: int) -> Ellipses:
    """Every class's density as 1 σ and 2 σ contours of its Gaussians, frame by frame, in the class's colour."""
    most = max(len(c.weights) for m in models if m for c in m.conditionals)
    rows = COLOURS * (most - 1) + n_classes
    means = np.full((len(models), rows, 2), np.nan)
    covariances = np.full((len(models), rows, 2, 2), np.nan)
    for f, model in enumerate(models):
        for c, part in enumerate(model.conditionals if model else ()):
            at = c + COLOURS * np.arange(len(part.weights))
            means[f, at], covariances[f, at] = part.means, part.covariances
    return Ellipses(
        name="p(x | y), 1 σ and 2 σ",
        key="e",
        mean=still(means),
        covariance=still(covariances),
        classes=True,
        width=2.5,
    )


def points_layer(data: Labelled, count: np.ndarray | None = None) -> Points:
    """The training points."""
    return Points(name="points", key="p", xy=data.x, count=count, labels=data.y, radius=4.5)


def panel(title: str, layers: tuple, data: Labelled, share: float = 1.0) -> Panel:
    """One of the planes; all have the same axes."""
    x, y = ranges(data)
    return plane(title, layers, x, y, share=share)


# --- dragging and painting ----------------------------------------------------------------------------------

PROBES = ("probe", "probe, right")


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after a probe was moved, or points were painted."""
    if "painted" in values:
        return replace(after_painting(config, values), brisk=True)
    name = str(values.get("moved", "probe"))
    x, y = drag.handle(values, name if name in PROBES else "probe").round(3).tolist()
    return replace(config, probe_1=x, probe_2=y)
