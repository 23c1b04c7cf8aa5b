"""What the captions of vae claim."""

import re

import numpy as np
from scipy import stats
from scipy.spatial.distance import cdist

from dashboard.scene.painted import decode_points
from genmodels.data.digits import load_binarised_mnist
from genmodels.store import cache
from genmodels.vae.runtime import ForwardVAE
from tests.claims.shown import Oracle, Shown, holds_whatever


def _flat(split: str) -> np.ndarray:
    images = getattr(load_binarised_mnist(), split).images
    return images.reshape(len(images), -1).astype(np.float32)


# --- β ----------------------------------------------------------------------------------------------------------


def _at_one(shown: Shown) -> int:
    return int(np.flatnonzero(shown.readouts("β") == 1).item())


def _collapsed(shown: Shown, match: re.Match[str]) -> bool:
    """The KL of all codes to N(0, I), on average, and ten digits copied to one picture, up to a grey level."""
    stored = cache.arrays("vae-beta")
    mu, sigma = stored["mu"][shown.frame].astype(float), stored["sigma"][shown.frame].astype(float)
    copies = stored["reconstructions"][shown.frame].astype(int)
    kl = 0.5 * (mu**2 + sigma**2 - 1 - 2 * np.log(sigma)).sum(axis=1).mean()
    return kl < float(match["nats"]) and np.abs(copies - copies[0]).max() <= 2


def _cheaper(shown: Shown, match: re.Match[str]) -> bool:
    return shown.readout("KL") < shown.readouts("KL")[_at_one(shown)]


def _reconstructed(shown: Shown, match: re.Match[str]) -> bool:
    change = shown.readout("reconstruction") - shown.readouts("reconstruction")[_at_one(shown)]
    return change > 0 if match["how"] == "no worse" else change < 0


def _beyond(shown: Shown, match: re.Match[str]) -> bool:
    mu = cache.arrays("vae-beta")["mu"][shown.frame].astype(float)
    beyond = (np.square(mu).sum(axis=1) > 9).mean()
    dearer = shown.readout("KL") > shown.readouts("KL")[_at_one(shown)]
    better = shown.readout("reconstruction") > shown.readouts("reconstruction")[_at_one(shown)]
    return dearer and better and abs(100 * beyond - int(match["share"])) <= 0.5


# --- the training -----------------------------------------------------------------------------------------------


def _at(shown: Shown, match: re.Match[str]) -> int:
    return shown.scene.steps.tolist().index(int(match["epoch"]))


def _highest(shown: Shown, match: re.Match[str]) -> bool:
    bounds = shown.readouts("ELBO, unseen")
    return shown.frame == _at(shown, match) and bounds[shown.frame] == bounds.max()


def _against(shown: Shown, match: re.Match[str], seen: int, unseen: int, later: bool) -> bool:
    """Whether each bound has moved this way against the epoch named, which is the best on unseen digits."""
    at = _at(shown, match)
    moved = [np.sign(shown.readout(name) - shown.readouts(name)[at]) for name in ("ELBO, seen", "ELBO, unseen")]
    is_best = shown.readouts("ELBO, unseen").argmax() == at
    return moved == [seen, unseen] and is_best and (shown.frame > at or not later)


# --- walk -------------------------------------------------------------------------------------------------------


def _network() -> ForwardVAE:
    stored = cache.load("vae-2d")
    return ForwardVAE(stored.arrays, stored.entry.config["activation"])


def _ways(shown: Shown) -> tuple[float, float]:
    """Distance to the nearest training digit, of the mix of pixels and of the decoded way."""
    t = shown.frame / (len(shown.scene.steps) - 1)
    ends, network = _flat("test")[[shown.config.start, shown.config.end]], _network()
    codes = network.encode(ends)[0].astype(float)
    pictures = [(1 - t) * ends[:1] + t * ends[1:], network.decode((1 - t) * codes[:1] + t * codes[1:])]
    mixed, decoded = (float(cdist(one, _flat("train")).min()) for one in pictures)
    return mixed, decoded


def _nearer(shown: Shown, match: re.Match[str]) -> bool:
    mixed, decoded = _ways(shown)
    return decoded < mixed + 1e-4 and shown.config.start != shown.config.end


def _no_farther(shown: Shown, match: re.Match[str]) -> bool:
    mixed, decoded = _ways(shown)
    return mixed <= decoded + 1e-4 and shown.config.start != shown.config.end


def _one_digit(shown: Shown, match: re.Match[str]) -> bool:
    return shown.config.start == shown.config.end


def _end(shown: Shown, match: re.Match[str]) -> bool:
    """One end of both ways: a test digit, and what the mean of its code is decoded to."""
    digit = _flat("test")[shown.config.start if shown.frame == 0 else shown.config.end][None]
    network = _network()
    mixed, decoded = (shown.scene.panels[k].layers[0].pixels[shown.frame].ravel() / 255 for k in (1, 2))
    copy = network.decode(network.encode(digit)[0])[0]
    return np.abs(mixed - digit[0]).max() < 1e-6 and np.abs(decoded - copy).max() <= 1 / 255


# --- yours ------------------------------------------------------------------------------------------------------


def _rank(shown: Shown) -> float:
    """Percent of held-out digits with an ELBO no higher than that on the screen."""
    return 100 - stats.percentileofscore(
        -cache.arrays("vae-2d")["reference.digits"], -shown.readout("ELBO"), "strict"
    )


def _could_be(shown: Shown, match: re.Match[str]) -> bool:
    return abs(_rank(shown) - float(match["rank"])) < 0.06 and _rank(shown) >= 5


def _odd(shown: Shown, match: re.Match[str]) -> bool:
    return 0 < _rank(shown) < 5


def _shuffled(shown: Shown) -> float:
    """Share of shuffled digits that are harder to explain."""
    return float((cache.arrays("vae-2d")["reference.noise"] < shown.readout("ELBO")).mean())


def _harder_than_digits(shown: Shown, match: re.Match[str]) -> bool:
    return _rank(shown) == 0 and _shuffled(shown) >= 0.95


def _as_hard_as_noise(shown: Shown, match: re.Match[str]) -> bool:
    return _rank(shown) == 0 and _shuffled(shown) <= 0.95


def _empty(shown: Shown, match: re.Match[str]) -> bool:
    return not len(decode_points(shown.config.drawn, (0.0, 28.0), (0.0, 28.0))[0])


ORACLES: list[Oracle] = [
    Oracle(
        r"^Posterior collapse: the KL is below (?P<nats>[\d.]+) nats, and each digit is decoded to the same",
        _collapsed,
    ),
    Oracle(r"^β = 1: the objective is the ELBO", holds_whatever("the definition of the ELBO")),
    Oracle(r"^Against β = 1: codes cost fewer nats", _cheaper),
    Oracle(r"unseen digits are reconstructed (?P<how>no worse|worse)", _reconstructed),
    Oracle(r"^Against β = 1: better reconstructions, larger KL; (?P<share>\d+) % of codes", _beyond),
    Oracle(r"^Epoch (?P<epoch>\d+): the bound on unseen digits is at its highest", _highest),
    Oracle(
        r"^Overfitting: higher than at epoch (?P<epoch>\d+) on digits seen, lower on unseen",
        lambda shown, match: _against(shown, match, 1, -1, later=True),
    ),
    Oracle(
        r"^Both bounds are lower than they are at epoch (?P<epoch>\d+)",
        lambda shown, match: _against(shown, match, -1, -1, later=False),
    ),
    Oracle(r"both digits show at once, each fainter; the decoded picture is nearer", _nearer),
    Oracle(r"both digits show at once, each fainter; still the mix is no farther", _no_farther),
    Oracle(r"^Both ends are the same digit", _one_digit),
    Oracle(r"^At the end: the digit itself, and its reconstruction", _end),
    Oracle(r"^By its ELBO it could be one of ours: (?P<rank>[\d.]+) % of held-out", _could_be),
    Oracle(r"^An odd one: fewer than 5 %", _odd),
    Oracle(r"^None of ours: harder to explain than every held-out digit, easier than 95 %", _harder_than_digits),
    Oracle(r"^None of ours: as hard to explain as digits whose pixels are shuffled", _as_hard_as_noise),
    Oracle(r"^Draw a digit with the mouse", _empty),
]
