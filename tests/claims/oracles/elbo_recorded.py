"""What the captions of the page of bounds' cues with stored numbers claim."""

import re

import numpy as np

from tests.claims.shown import Oracle, Shown
from tests.oracles import elbo_recorded as told


def _bound(shown: Shown, name: str = "q", frame: int | None = None) -> float:
    """The bound at an ellipse that is drawn, by another quadrature."""
    layer = shown.layer(name)
    frame = shown.frame if frame is None else frame
    mean, covariance = (a[frame] if name == "q" else a for a in (layer.mean, layer.covariance))
    return told.bound(shown.config.one_image, mean[0], np.sqrt(np.diag(covariance[0])))


def _encoder(shown: Shown) -> float:
    return told.bound(shown.config.one_image, *told.encoded(shown.config.one_image))


def begins_as_the_prior(shown: Shown, match: re.Match[str]) -> bool:
    layer = shown.layer("q")
    is_prior = np.array_equal(layer.mean[0, 0], [0, 0]) and np.array_equal(layer.covariance[0, 0], np.eye(2))
    below = told.log_p(told.image(shown.config.one_image)) - _bound(shown)
    return shown.frame == 0 and is_prior and abs(below - float(match[1])) < 0.6 + 0.008 * below


def begins_at_the_encoder(shown: Shown, match: re.Match[str]) -> bool:
    return shown.frame == 0 and abs(_bound(shown) - _encoder(shown)) < 0.01


def arrived(shown: Shown, match: re.Match[str]) -> bool:
    best = _bound(shown, "best q of its own")
    return best - _bound(shown) < 0.07 and abs(best - _encoder(shown) - float(match[1])) < 0.02


def rests_below(shown: Shown, match: re.Match[str]) -> bool:
    """Nothing beside it is higher, and the best is."""
    layer, last = shown.layer("q"), len(shown.scene.steps) - 1
    mean, sigma = layer.mean[last, 0], np.sqrt(np.diag(layer.covariance[last, 0]))
    below = _bound(shown, "best q of its own") - _bound(shown, frame=last)
    resting = abs(_bound(shown, frame=last) - _bound(shown)) < 0.03
    return (
        resting
        and below > 0.03
        and abs(below - float(match[1])) < 0.1
        and told.is_top(shown.config.one_image, mean, sigma)
    )


def above_and_rising(shown: Shown, match: re.Match[str]) -> bool:
    last = len(shown.scene.steps) - 1
    return _bound(shown) > _encoder(shown) - 0.02 and _bound(shown, frame=last) > _bound(shown) - 0.02


def _off(shown: Shown, model: str, proposal: str) -> float:
    config = shown.config
    return float(told.running(config.sure_image, config.sure_run - 1, model, proposal)[0][shown.frame])


def _by_two(shown: Shown) -> float:
    """By how much the encoder's estimate is farther off than the prior's, nats."""
    exact = told.log_p(told.image(shown.config.sure_image))
    return abs(_off(shown, "2d", "encoder") - exact) - abs(_off(shown, "2d", "prior") - exact)


def _by_sixteen(shown: Shown) -> float:
    return _off(shown, "16d", "encoder") - _off(shown, "16d", "prior")


SLACK = 0.04


def two(shown: Shown, match: re.Match[str]) -> bool:
    apart = _by_two(shown)
    if match[1] == "both estimates are as near":
        return abs(apart) < 0.5 + SLACK
    return apart > 0.5 - SLACK if "prior" in match[1] else apart < -0.5 + SLACK


def sixteen(shown: Shown, match: re.Match[str]) -> bool:
    apart = _by_sixteen(shown)
    if match[1] == "the two are within half a nat":
        return abs(apart) < 0.5 + SLACK
    return apart > 0.5 - SLACK if "encoder" in match[1] else apart < -0.5 + SLACK


def pairs(shown: Shown, match: re.Match[str]) -> bool:
    area = told.area_of(told.KINDS[shown.frame], shown.config.ours_by)
    named = {
        "Upside down": "turned",
        "Inverted": "inverted",
        "Noise": "noise",
        "Blank to black": "constant",
        "One black bar": "bars",
    }
    return named[match[1]] == told.KINDS[shown.frame] and abs(100 * area - float(match[2])) < 0.501


def without_a_mistake(shown: Shown, match: re.Match[str]) -> bool:
    by = shown.config.ours_by
    return told.stored(f"{told.KINDS[shown.frame]}.{by}").max() < told.stored(f"ours.{by}").min()


def usually_more_probable(shown: Shown, match: re.Match[str]) -> bool:
    return told.area_of(told.KINDS[shown.frame], shown.config.ours_by) < 0.5


ORACLES: list[Oracle] = [
    Oracle(r"^q begins as the prior, (\d+) nats below log p\(x\)", begins_as_the_prior),
    Oracle(r"^q begins where the encoder puts it", begins_at_the_encoder),
    Oracle(r"^Arrived at the best q of its own\. The encoder's is (\d+\.\d+) nats lower", arrived),
    Oracle(r"^It rises no more, (\d+\.\d) nats below the best q", rests_below),
    Oracle(r"^Above the encoder's q, and rising", above_and_rising),
    Oracle(r"^2 latents: (the prior's estimate|the encoder's estimate|both estimates are as near)", two),
    Oracle(r"16 latents: (the encoder's is higher|the prior's is higher|the two are within half a nat)", sixteen),
    Oracle(r"^([\w ,]+): in (\d+) of 100 pairs the digit scores higher", pairs),
    Oracle(r"Told apart without a mistake", without_a_mistake),
    Oracle(r"The stranger is usually the more probable one", usually_more_probable),
]
