"""What the captions of the page of bounds claim where a q is held over an exact posterior."""

import re
from typing import Any

import numpy as np

from tests.claims.shown import Oracle, Shown, holds_whatever
from tests.oracles import elbo_bound as told


def _of(shown: Shown, back: int = 0) -> dict[str, float]:
    """What is told of the q that is drawn, or of the one so many frames before."""
    layer, k = shown.layer("q, 1 and 2 σ"), shown.frame - back
    return told.parts(shown.config.held_x, (layer.mean[k, 0], layer.covariance[k, 0]))


def _gains(shown: Shown) -> dict[str, float]:
    """By how much each has grown since the frame before."""
    now, before = _of(shown), _of(shown, 1)
    return {name: now[name] - before[name] for name in now}


def _last(shown: Shown) -> bool:
    return shown.frame == len(shown.scene.steps) - 1


def _too_low(shown: Shown, match: re.Match[str]) -> bool:
    return _of(shown)["elbo"] < shown.scene.panels[1].y[0] + 1e-6


def _beyond(shown: Shown, match: re.Match[str]) -> bool:
    of = _of(shown)
    return min(of["energy"], of["reconstruction"], of["elbo"]) < shown.scene.panels[1].x[0] + 1e-6


def _held(shown: Shown, match: re.Match[str]) -> bool:
    layer, (mean, covariance) = shown.layer("q, 1 and 2 σ"), told.held_q(shown.config)
    return np.allclose(layer.mean[shown.frame, 0], mean) and np.allclose(layer.covariance[shown.frame, 0], covariance)


def _best(shown: Shown, match: re.Match[str]) -> bool:
    short = told.best(shown.config.held_x)[1] - _of(shown)["elbo"]
    left = told.grid(shown.config.held_x)[2] - told.best(shown.config.held_x)[1]
    return abs(short) < 6e-4 and abs(left - float(match[1])) < 0.0051 and left > 0.1


def _at_rest(shown: Shown, match: re.Match[str]) -> bool:
    short = told.best(shown.config.held_x)[1] - _of(shown)["elbo"]
    return _last(shown) and short > 4e-4 and _of(shown)["elbo"] - _of(shown, 3)["elbo"] < 1.01e-4


def _moments(shown: Shown, match: re.Match[str]) -> bool:
    """Then log q is least surprised by p: of all moves of mean and covariance none lowers KL(p ‖ q)."""
    layer, (mean, covariance, _) = shown.layer("q, 1 and 2 σ"), told.moments(shown.config.held_x)
    there = np.allclose(layer.mean[-1, 0], mean, atol=1e-4) and np.allclose(
        layer.covariance[-1, 0], covariance, atol=1e-4
    )
    others = [(mean + by, covariance * times) for by in ([0.02, 0], [0, -0.02], [0, 0]) for times in (0.97, 1.03)]
    least = all(told.parts(shown.config.held_x, other)["turned"] > _of(shown)["turned"] for other in others)
    return _last(shown) and there and least


def _turned(shown: Shown, match: re.Match[str]) -> bool:
    gains = _gains(shown)
    return gains["turned"] < 1e-9 and (gains["elbo"] > -1e-9) == (match[1] == "and the bound rises")


def _rises(shown: Shown, match: re.Match[str]) -> bool:
    gains = _gains(shown)
    return gains["elbo"] > -1e-9 and abs(gains["elbo"] + gains["gap"]) < 1e-6


def _entropy(shown: Shown, match: re.Match[str]) -> bool:
    gains = _gains(shown)
    up = gains["entropy"] > -1e-9 if match[1].startswith(", and so") else gains["entropy"] < 1e-9
    return gains["elbo"] > -1e-9 and up and abs(gains["energy"] + gains["entropy"] - gains["elbo"]) < 1e-6


def _within(config: Any) -> bool:
    """Of both estimators, along both latents."""
    each, slope = told.both_slopes(config)
    errors = each.std(axis=1, ddof=1) / 200**0.5
    return bool((np.abs(each.mean(axis=1) - slope) < 3 * errors).all())


def _far(shown: Shown, match: re.Match[str]) -> bool:
    far, near = (each.var(axis=0).sum() for each in told.both_slopes(shown.config)[0])
    return bool(far > 99.9 * near)


ORACLES: list[Oracle] = [
    Oracle(r"^The bound lies lower than the picture", _too_low),
    Oracle(r"^A bar reaches beyond the picture", _beyond),
    Oracle(r"^As you hold it\. ELBO and gap fill the bar", _held),
    Oracle(r"^As you hold it\. Three ways to write the same number", _held),
    Oracle(r"^The best Gaussian there is, and a gap of (\d\.\d\d) nats is left", _best),
    Oracle(r"^It has come to rest, and lower than the best", _at_rest),
    Oracle(r"^q has p's mean and covariance: no Gaussian has a smaller", _moments),
    Oracle(r"^KL\(p ‖ q\) falls, (and the bound rises|and so does the bound)", _turned),
    Oracle(r"^The bound rises, and the gap shrinks by as much", _rises),
    Oracle(r"^The bound rises( though|, and so)", _entropy),
    Oracle(r"^ELBO and gap fill the bar\.$|^Three ways to write the same number\.$", holds_whatever("a theorem")),
    Oracle(r"^Both means lie within three", lambda shown, match: _last(shown) and _within(shown.config)),
    Oracle(r"^A mean lies more than three", lambda shown, match: _last(shown) and not _within(shown.config)),
    Oracle(r"^The same draws of z, twice: .* more than ten times as far", _far),
    Oracle(r"^The same draws of z, twice\.$", holds_whatever("how they are drawn; their oracle asks")),
]
