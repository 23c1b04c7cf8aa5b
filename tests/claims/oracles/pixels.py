"""What the captions of pixels claim."""

import re

import numpy as np
from scipy.special import log_softmax, logsumexp

from genmodels.data.digits import load_mnist
from genmodels.store import cache
from tests.claims.shown import Oracle, Shown, holds_whatever

MODELS = ("Naive coins", "Naive Gaussian", "Full Gaussian", "CNN")


def _samples(shown: Shown) -> np.ndarray:
    return np.asarray(shown.scene.panels[1].layers[0].pixels, dtype=float)


def _smoother(shown: Shown, match: re.Match[str]) -> bool:
    """The samples on the screen, against those at λ = 1; their neighbours are those to the right."""
    first = int(np.flatnonzero(shown.readouts("shrinkage λ") == 1).item())
    now, alone = (
        np.mean(np.abs(_samples(shown)[k][..., 1:] - _samples(shown)[k][..., :-1])) for k in (shown.frame, first)
    )
    return round(100 * (1 - now / alone)) == int(match["share"]) and shown.readout("shrinkage λ") < 1


def _independent(shown: Shown, match: re.Match[str]) -> bool:
    """At λ = 1 the model's covariance of the pixel under the cross with any other one is 0."""
    values = np.array(shown.layer("covariance").values[shown.frame])
    pixel = (27 - shown.config.pixel_y, shown.config.pixel_x)
    values[pixel] = 0
    return shown.readout("shrinkage λ") == 1 and not values.any()


def _right(shown: Shown, match: re.Match[str]) -> bool:
    return (shown.readout("it is a") == shown.readout("the CNN says")) == (match[0] == "It is right")


def _surest(shown: Shown, match: re.Match[str]) -> bool:
    """Whose probability of all other classes is the least; with the classes and log-likelihoods of the store."""
    stored, cnn = cache.arrays("pixel-classifiers"), cache.arrays("cnn")
    answers = np.concatenate([
        log_softmax(stored["log_likelihood"].astype(float) + stored["log_prior"], axis=-1),
        np.log(np.maximum(cnn["test.probabilities"].astype(float), 1e-30))[None],
    ])  # fmt: skip
    says = answers.argmax(axis=-1)
    picture = shown.frame
    if shown.config.turns == "differ":
        picture = [k for k in range(500) if len(set(says[:, k])) > 1][shown.frame]
    doubt = [logsumexp(np.delete(one, one.argmax())) for one in answers[:, picture]]
    m = MODELS.index(match["name"])
    right = says[m, picture] == load_mnist().test.labels[picture]
    lowest = min(float(layer.base) for _, layer in shown.scene.layers() if layer.kind == "bars")
    return doubt[m] == min(doubt) and right == (match["word"] == "right") and lowest == -40


ORACLES: list[Oracle] = [
    Oracle(r"no pixel knows of another", _independent),
    Oracle(r"differ by (?P<share>\d+) % less than at λ = 1", _smoother),
    Oracle(r"no mean and no variance has changed", holds_whatever("the diagonal of Σ(λ) does not depend on λ")),
    Oracle(r"^It is (right|wrong)", _right),
    Oracle(
        r"here: (?P<name>[\w ]+)\. The answer is (?P<word>right|wrong)\. Bars are cut at log p = −40 nats", _surest
    ),
]
