"""What the captions of the autoregressive page's cues about pixels and sound claim."""

import math
import re

import numpy as np

from genmodels.data.digits import load_binarised_mnist
from genmodels.pixel_ar.runtime import forward_pixels
from genmodels.store import cache
from tests.claims.shown import Oracle, Shown, holds_whatever


def _answers(shown: Shown) -> np.ndarray:
    """The nine finished pictures, ``(9, 784)`` of 0 and 1."""
    sheet = next(panel for panel in shown.scene.panels if panel.title == "Nine answers").layers[0]
    return (np.asarray(sheet.pixels)[-1][:, 1:-1, 1:-1] > 127).reshape(9, 784).astype(np.float32)


def _counted(shown: Shown, match: re.Match[str]) -> bool:
    """Pictures that differ; and of which log p(x) is above that of the digit, which shares what is given."""
    answers = _answers(shown)
    stored = cache.load(f"pixel-{shown.config.model}")
    digit = load_binarised_mnist().test.images[[shown.config.digit]].reshape(1, 784).astype(np.float32)
    log_p = forward_pixels(stored.arrays, stored.entry.config).log_prob(np.concatenate([digit, answers]))
    margin = np.abs(log_p[1:] - log_p[0]) > 1e-3
    above = int((log_p[1:] > log_p[0]).sum())
    same = int(match["likelier"]) == above if margin.all() else True
    return (
        same
        and len(np.unique(answers, axis=0)) == int(match["different"])
        and shown.frame == len(answers[0]) - (28 * shown.config.rows)
    )


def _field(shown: Shown, match: re.Match[str]) -> bool:
    """The highest line around what is seen is so many rows above the next pixel, where the picture is high enough."""
    lines = np.asarray(shown.layer("what it sees").xy)[:-1, 0]
    upper, top = lines[:, 2, 1], lines[:, 0, 1]
    return shown.config.model == "cnn" and int(match["rows"]) == 11 and bool((top - upper <= 11).all())


def _of_all(shown: Shown, match: re.Match[str]) -> bool:
    return shown.config.model != "cnn"


def _given(shown: Shown, match: re.Match[str]) -> bool:
    given = 28 * shown.config.rows
    asked = int(match["asked"]) == 784 - given
    return asked and shown.frame == 0 and (int(match["given"]) == given if match["given"] else given == 0)


def _even(shown: Shown, match: re.Match[str]) -> bool:
    """e to the mean entropy of the bars on the screen, which make a distribution in each frame."""
    p = np.asarray(shown.layer("p(next level)").height, dtype=float)
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
    same = abs(math.exp(entropy.mean()) - int(match["even"])) < 0.51 and np.allclose(p.sum(axis=1), 1, atol=1e-4)
    return bool(same) and ("Untrained" not in match.string or shown.config.stage == "start")


def _noise(shown: Shown, match: re.Match[str]) -> bool:
    return shown.config.stage == "noise"


def _compared(shown: Shown, match: re.Match[str]) -> bool:
    """Against the first bar; and lowest, if it says so."""
    nats = shown.readouts("−log p")
    much = nats[0] - nats[shown.frame]
    told = float(match["much"]) if "much" in match.re.groupindex else None
    right = told is None or abs((much if "nats less" in match[0] else math.exp(much)) - told) < 0.051
    return bool(right)


def _lowest(shown: Shown, match: re.Match[str]) -> bool:
    return shown.readout("−log p") == shown.readouts("−log p").min()


def _kinds(shown: Shown, match: re.Match[str]) -> bool:
    return int(match["kinds"]) == len(cache.arrays("pixel-mixture")["means"])


ORACLES: list[Oracle] = [
    Oracle(r"^(The first (?P<given>\d+) pixels of its order are|Nothing is) given, (?P<asked>\d+) are asked", _given),
    Oracle(
        r"^Nine answers, (?P<different>\d) of them different; to the model (?P<likelier>\d) of the nine", _counted
    ),
    Oracle(r"in the field, (?P<rows>\d+) rows up at most", _field),
    Oracle(r"on the pixels that are there, wherever they are", _of_all),
    Oracle(r"as wide as (?P<even>\d+) equally probable levels", _even),
    Oracle(r"^Uniform noise: no sample knows of another", _noise),
    Oracle(r"(?P<much>[\d.]+) nats less than coins", _compared),
    Oracle(r"A letter is (?P<much>[\d.]+) times as probable as with uniform letters", _compared),
    Oracle(r"The lowest bar\.", _lowest),
    Oracle(r"(?P<kinds>\d+) kinds of digits", _kinds),
    Oracle(r"Each pixel is a coin of its own", holds_whatever("that is what the model is")),
    Oracle(r"a bound of 500 samples", holds_whatever("an importance-sampled bound is one in expectation")),
    Oracle(r"^(uniform|\d-gram|MLP \d|transformer|MADE|PixelCNN|logistic): ", holds_whatever("says what a model is")),
]
