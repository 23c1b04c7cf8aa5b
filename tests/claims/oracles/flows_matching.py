"""What the captions of flow matching and of the two roads claim."""

from __future__ import annotations

import re

import numpy as np
from scipy.integrate import quad
from scipy.spatial.distance import cdist
from scipy.stats import norm

from genmodels.data.planar import get_dataset
from tests.claims.oracles.samples import of_true_samples, w2
from tests.claims.shown import Oracle, Shown, holds_whatever

Match = re.Match[str]
SLACK = 1.0  # a standard deviation that was found from few sets is not known better


def at_the_end(shown: Shown) -> bool:
    return shown.frame == len(shown.scene.steps) - 1


def drawn(shown: Shown, name: str) -> list[np.ndarray]:
    """What both panels draw under a name, ``(F, N, 2)`` each."""
    return [
        np.asarray(next(layer.xy for layer in panel.layers if layer.name == name), dtype=float)
        for panel in shown.scene.panels[:2]
    ]


# --- on a line -------------------------------------------------------------------------------------------------


def all_at_the_mean(shown: Shown, match: Match) -> bool:
    roads = drawn(shown, "xₜ")[1]
    return at_the_end(shown) and shown.config.match_steps == 1 and bool(np.abs(roads[-1, :, 1]).max() < 1e-5)


def crossed(shown: Shown, match: Match) -> bool:
    """Pairs whose order has changed, one by one."""
    for x, told in zip((one[..., 1] for one in drawn(shown, "xₜ")), match.groups(), strict=True):
        pairs = [(i, j) for i in range(40) for j in range(i)]
        count = sum((x[0, i] < x[0, j]) != (x[-1, i] < x[-1, j]) for i, j in pairs)
        if abs(count - int(told)) > 1:  # two that end within float32 of each other
            return False
    return at_the_end(shown)


def go_up(shown: Shown, match: Match) -> bool:
    t, x = shown.config.match_t, shown.config.match_x

    def joint(x_1: float) -> float:
        return float((norm.pdf(x_1, -1.4, 0.3) + norm.pdf(x_1, 1.4, 0.3)) * norm.pdf(x, t * x_1, 1 - t))

    up, down = quad(joint, 0, 4, limit=200)[0], quad(joint, -4, 0, limit=200)[0]
    share = up / (up + down)
    return bool(abs(100 * share - float(match[1])) < 0.6 and 0.09 < share < 0.91)


# --- in the plane ----------------------------------------------------------------------------------------------


def mean_under_hand(shown: Shown) -> np.ndarray:
    return np.asarray(shown.scene.panels[0].layers[4].xy)[shown.frame, 0]


def to_the_mean_of_all(shown: Shown, match: Match) -> bool:
    dataset = get_dataset(shown.config.source)
    of_points = dataset.sigma is None
    mean = shown.config.points(250, 2).mean(axis=0) if of_points else np.zeros(2)
    return shown.frame == 0 and bool(np.abs(mean_under_hand(shown) - mean).max() < 1e-6)


def ends(shown: Shown) -> float:
    t, x = shown.frame / 50, np.array([[shown.config.x_1, shown.config.x_2]])
    squared = cdist(x, t * shown.config.points(300, 3), "sqeuclidean")[0]
    w = np.exp(-(squared - squared.min()) / (2 * max(1 - t, 1e-5) ** 2))
    return float(w.sum() ** 2 / np.square(w).sum())


def far_from_data(shown: Shown, match: Match) -> bool:
    return bool(cdist(mean_under_hand(shown)[None], shown.config.points(300, 3)).min() > 0.24)


# --- few steps -------------------------------------------------------------------------------------------------


def far_off(shown: Shown) -> list[float]:
    """How many standard deviations above true samples' W₂, before and after reflow."""
    mean, deviation = of_true_samples(shown.config.source)
    truth = shown.config.points(200, 6)
    return [(w2(x[-1], truth) - mean) / deviation for x in drawn(shown, "xₜ, by its start")]


def in_steps(shown: Shown, match: Match) -> bool:
    n = shown.config.match_steps
    return at_the_end(shown) and match[1] == f"{n} step{'s' * (n > 1)}"


def only_after_reflow(shown: Shown, match: Match) -> bool:
    first, second = far_off(shown)
    return in_steps(shown, match) and first > 2 - SLACK and second < 2 + SLACK


def both_near(shown: Shown, match: Match) -> bool:
    return in_steps(shown, match) and max(far_off(shown)) < 2 + SLACK


def second_nearer(shown: Shown, match: Match) -> bool:
    first, second = far_off(shown)
    return in_steps(shown, match) and second < first


def straighter(shown: Shown, match: Match) -> bool:
    bent = [float(shown.readout(f"straightness, {name}")) for name in ("first", "after reflow")]
    return bent[1] < bent[0]


def one_start(shown: Shown, match: Match) -> bool:
    first, second = drawn(shown, "xₜ, by its start")
    return bool(np.abs(first[0] - second[0]).max() < 1e-6)


# --- two roads -------------------------------------------------------------------------------------------------


def apart(shown: Shown) -> np.ndarray:
    """How far apart a grain's two places are, in this frame."""
    first, second = (x[shown.frame] for x in drawn(shown, "xₜ, by its start"))
    return np.linalg.norm(first - second, axis=1)


def in_another_lump(shown: Shown) -> int:
    dataset = get_dataset(shown.config.source)
    raw, labels = dataset.draw(1_000, np.random.default_rng([shown.config.seed, 41]))
    points = dataset.standardise(raw)
    one, other = (labels[cdist(x[-1], points).argmin(axis=1)] for x in drawn(shown, "xₜ, by its start"))
    return int((one != other).sum())


def one_place(shown: Shown, match: Match) -> bool:
    return at_the_end(shown) and bool(apart(shown).max() < 0.011)


def another_lump(shown: Shown, match: Match) -> bool:
    return at_the_end(shown) and abs(in_another_lump(shown) - int(match[1])) <= 1


def one_lump_at_least(shown: Shown, match: Match) -> bool:
    return at_the_end(shown) and in_another_lump(shown) <= 1 and bool(apart(shown).max() > 0.009)


ORACLES: list[Oracle] = [
    Oracle(r"^One step of Euler: every road ends at the mean of all data", all_at_the_mean),
    Oracle(r"^(\d+) of 780 pairs of threads have crossed, and (\d+) of roads", crossed),
    Oracle(r"^Under the hand (\d+) % of threads go to the upper lump", go_up),
    Oracle(r"the velocity points to the mean of all data", to_the_mean_of_all),
    Oracle(r"^Few ends are likely", lambda shown, match: ends(shown) < 3.01),
    Oracle(r"points to their mean, where no data are", far_from_data),
    Oracle(r"^Several ends are possible", holds_whatever("so it is defined")),
    Oracle(r"^In (\d+ steps?) only the velocity after reflow is as near as true samples", only_after_reflow),
    Oracle(r"^In (\d+ steps?) both are as near to the data as true samples", both_near),
    Oracle(r"^In (\d+ steps?) the one after reflow ends nearer to the data", second_nearer),
    Oracle(r"^After reflow the roads are straighter", straighter),
    Oracle(r"^Same noise, same number of steps|^The same noise, on two roads", one_start),
    Oracle(r"^Each grain ends in the same place on both roads: only the way differs", one_place),
    Oracle(r"^(\d+) of 200 grains end in another lump", another_lump),
    Oracle(r"^All grains end in the same lump on both roads, though not in the same place", one_lump_at_least),
    Oracle(r"^On the way the roads differ", lambda shown, match: bool(apart(shown).mean() > 0.049)),
]
