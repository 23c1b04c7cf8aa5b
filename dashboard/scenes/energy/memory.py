"""Memory: a Hopfield net that has stored some digits walks downhill from a broken one, one unit at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Bars, Claim, Curve, Images, Labels, Panel, Polylines, Readout, Scene, chart, said
from dashboard.scene.fields import Values, choice, slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import ink, picture
from genmodels.data.digits import load_mnist
from genmodels.hopfield import HopfieldConfig, energy, iterate_hopfield, overlaps, store_patterns

DIGITS = (6, 7, 8, 2, 3, 5, 1, 0)
"""Of these classes the first training image each, in the order in which they are stored."""
MOST = len(DIGITS)
CUT = slice(4, 24)
"""Rows and columns of a digit: beyond there is paper only."""
SIDE = 20
UNITS = SIDE**2
EVERY, LONGEST, AFTER = 20, 2400, 5  # updates a frame, at most so many updates, and frames that follow the end
FEWEST = 3
"""Patterns for which there is room at least."""
SALT = 61
KINDS = {"digits": "Digits", "coins": "Tossed coins"}
RULES = {"hebb": "Hebb", "pseudo": "Pseudo-inverse"}
BREAKS = {"noise": "Flipped pixels", "cover": "A covered half"}
ORDINAL = {k + 1: f"Pattern {k + 1}" for k in range(MOST)}


def is_noisy(values: Values) -> bool:
    """Whether single pixels are flipped."""
    return values["memory_break"] == "noise"


@dataclass(frozen=True)
class Memory:
    """What is stored, how, and where the walk starts."""

    memory_count: int = slider("Stored patterns", 3, 1, MOST, 1)
    memory_rule: str = choice("Stored by", "hebb", RULES)
    memory_kind: str = choice("Patterns", "digits", KINDS)
    memory_start: int = choice("Start from", 1, ORDINAL)
    memory_break: str = choice("Broken by", "noise", BREAKS)
    memory_noise: int = slider("Flipped, %", 25, 0, 50, 5, when=is_noisy)
    seed: int = 0

    def first(self) -> np.ndarray:
        """The broken pattern, ``(400,)``."""
        return broken(self, patterns(self.memory_kind, self.seed)[self.memory_start - 1])


class Walk(NamedTuple):
    """From a broken pattern to where it ends, F frames.

    Attributes:
        steps: Updates made, ``(F,)``.
        units: ``(F, 400)``.
        energy: ``(F,)``.
        flips: ``(F,)``.
        settled: ``(F,)``.
        overlaps: With each of the eight patterns, stored or not, ``(F, 8)``.
        depth: Energies of the eight, ``(8,)``.
    """

    steps: np.ndarray
    units: np.ndarray
    energy: np.ndarray
    flips: np.ndarray
    settled: np.ndarray
    overlaps: np.ndarray
    depth: np.ndarray


def scene(config: Memory) -> Scene:
    """A frame is twenty updates of single units."""
    xi, walk = patterns(config.memory_kind, config.seed), walked(config)
    stored = walk.overlaps[:, : config.memory_count]
    wrong = UNITS * (1 - stored.max(axis=1)) / 2
    return Scene(
        panels=(_net(walk), _stored(config, xi, walk), _curve(config, walk)),
        steps=walk.steps,
        time="update",
        readouts=(
            Readout("energy", walk.energy, digits=1),
            Readout("flips", walk.flips, digits=0),
            Readout("largest overlap", stored.max(axis=1), digits=3),
            Readout("pixels off the nearest", wrong, digits=0),
            Readout("P ÷ N", np.full(len(walk.steps), config.memory_count / UNITS), digits=4),
            Readout("stored patterns that stay", np.full(len(walk.steps), stay(config)), digits=0),
        ),
        **said(len(walk.steps), *_sentences(config, walk)),
        alt="A broken digit on a sheet of 400 units, the stored digits, how much it overlaps with each, and an "
        "energy that falls while units are updated one by one.",
        fps=8,
    )


def code(config: Memory) -> str:
    """The net, the broken pattern, and where the walk ends."""
    if config.memory_kind == "digits":
        made = (
            "from genmodels.data.digits import load_mnist\n"
            f"ink = load_mnist().train.images[list({DIGITS}), {CUT.start}:{CUT.stop}, {CUT.start}:{CUT.stop}] > 0\n"
            f"xi = 2.0 * ink.reshape({MOST}, {UNITS}) - 1"
        )
    else:
        made = f"xi = np.random.default_rng([{config.seed}, {SALT}]).choice([-1.0, 1.0], ({MOST}, {UNITS}))"
    if config.memory_break == "noise":
        spoilt = (
            f"places = np.random.default_rng([{config.seed}, {SALT + 1}]).permutation({UNITS})\n"
            f"s = xi[{config.memory_start - 1}].copy()\n"
            f"s[places[:{flipped(config)}]] *= -1"
        )
    else:
        spoilt = f"s = np.where(np.arange({UNITS}) < {UNITS // 2}, xi[{config.memory_start - 1}], -1)"
    return snippet(
        "import numpy as np",
        "from genmodels.hopfield import HopfieldConfig, overlaps, run_hopfield, store_patterns",
        made,
        spoilt,
        f"weights = store_patterns(xi[:{config.memory_count}], {config.memory_rule!r})",
        f"step = {walked(config).steps[-1]}",
        f"end = run_hopfield(weights, s, HopfieldConfig(step, {config.seed}))",
        "shown = {",
        "    'energy': end.energy,",
        "    'flips': end.flips,",
        f"    'largest overlap': overlaps(xi[:{config.memory_count}], end.units).max(),",
        "}",
    )


@lru_cache(maxsize=4)
def patterns(kind: str, seed: int) -> np.ndarray:
    """Eight, ``(8, 400)`` of −1 (paper) and 1 (ink)."""
    if kind == "coins":
        return np.random.default_rng([seed, SALT]).choice([-1.0, 1.0], (MOST, UNITS))
    images, labels = load_mnist().train
    first = [int(np.flatnonzero(labels == digit)[0]) for digit in DIGITS]
    return 2.0 * (images[first, CUT, CUT].reshape(MOST, UNITS) > 0) - 1


def flipped(config: Memory) -> int:
    """Pixels that are flipped."""
    return UNITS * config.memory_noise // 100


def broken(config: Memory, xi: np.ndarray) -> np.ndarray:
    """One pattern with some pixels flipped, or its lower half turned to paper."""
    if config.memory_break == "cover":
        return np.where(np.arange(UNITS) < UNITS // 2, xi, -1.0)
    s = xi.copy()
    s[np.random.default_rng([config.seed, SALT + 1]).permutation(UNITS)[: flipped(config)]] *= -1
    return s


def stay(config: Memory) -> int:
    """How many of the stored patterns no flip of a single unit lowers."""
    xi, weights = patterns(config.memory_kind, config.seed)[: config.memory_count], net(config)
    return sum(next(iterate_hopfield(weights, x, HopfieldConfig(0))).settled for x in xi)


def net(config: Memory) -> np.ndarray:
    """W."""
    return _net_of(config.memory_kind, config.memory_count, config.memory_rule, config.seed)


@lru_cache(maxsize=4)
def _net_of(kind: str, count: int, rule: str, seed: int) -> np.ndarray:
    return store_patterns(patterns(kind, seed)[:count], rule)  # type: ignore[arg-type]


@lru_cache(maxsize=4)
def walked(config: Memory) -> Walk:
    """Until it has settled, and a little longer."""
    weights, xi = net(config), patterns(config.memory_kind, config.seed)
    frames, left = [], AFTER
    for state in iterate_hopfield(weights, config.first(), HopfieldConfig(LONGEST, config.seed)):
        if state.step % EVERY:
            continue
        frames.append(state)
        left -= state.settled
        if left < 0:
            break
    units = np.array([state.units for state in frames])
    steps, energies, flips, settled = (
        np.array([getattr(state, name) for state in frames]) for name in ("step", "energy", "flips", "settled")
    )
    return Walk(steps, units, energies, flips, settled, overlaps(xi, units), energy(weights, xi))


# --- what is shown ----------------------------------------------------------------------------------------------


def _names(config: Memory) -> tuple[str, ...]:
    """Of the stored ones."""
    every = [str(digit) for digit in DIGITS] if config.memory_kind == "digits" else [str(k + 1) for k in range(MOST)]
    return tuple(every[: config.memory_count])


def _net(walk: Walk) -> Panel:
    pixels = ink((walk.units + 1) / 2)[:, None]
    return Panel("The net: 400 units", (picture(pixels, (0, 1), 1),), (0, 1), (0, 1), axes=False, share=1.1)


def _stored(config: Memory, xi: np.ndarray, walk: Walk) -> Panel:
    """The stored patterns in a row, and over each a bar from −1 to 1: its overlap with the net."""
    n = config.memory_count
    middle, far = (n - 1) / 2, max(n, FEWEST) / 2
    left, right = middle - far, middle + far
    marks = np.array([-1.0, 0.0, 1.0])
    layers = (
        Polylines(name="", xy=np.array([[[left, y], [right, y]] for y in marks]), colour="muted", width=1, alpha=0.6),
        Labels(
            name="",
            at=np.stack([np.full(3, left - 0.1), marks], axis=1),
            texts=("−1", "0", "1"),
            align="right",
            colour="muted",
        ),
        Bars(name="overlap", key="o", height=walk.overlaps[:, :n], x=np.arange(n), colour="model", width=0.7),
        *(
            Images(
                name=f"stored {k + 1}",
                pixels=ink((xi[k] + 1) / 2)[None],
                columns=1,
                extent=(k - 0.45, k + 0.45, -2.05, -1.15),
            )
            for k in range(n)
        ),
        Labels(
            name="",
            at=np.stack([np.arange(n), np.full(n, -2.3)], axis=1),
            texts=_names(config),
            colour="truth",
        ),
    )
    title = "Overlap with what is stored, ξ·s ÷ N"
    return Panel(title, layers, (left - 0.6, right + 0.1), (-2.5, 1.1), axes=False, share=1.1)


def _curve(config: Memory, walk: Walk) -> Panel:
    end, depth = float(walk.steps[-1]), walk.depth[: config.memory_count]
    low, high = float(min(depth.min(), walk.energy.min())), float(max(depth.max(), walk.energy.max()))
    room = 0.06 * (high - low) + 1e-3
    floors = np.array([[[0, level], [end, level]] for level in depth])
    layers = (
        Polylines(name="stored patterns", key="s", xy=floors, colour="truth", width=1.5, dashed=True),
        Labels(
            name="",
            at=np.stack([np.linspace(0.04, 0.04 + 0.06 * len(depth), len(depth)) * end, depth], axis=1),
            texts=_names(config),
            colour="truth",
        ),
        Curve(name="energy", key="e", y=walk.energy, colour="model"),
    )
    return chart("Energy", layers, (0, end), (low - room, high + room), x_label="update")


def _sentences(config: Memory, walk: Walk) -> list[Claim | str]:
    names, here = _names(config), walk.overlaps[:, : config.memory_count]
    last, best = walk.settled, here.argmax(axis=1)
    off = np.rint(UNITS * (1 - here.max(axis=1)) / 2).astype(int)
    mirrored = here.min(axis=1) == -1
    end, k = -1, int(best[-1])
    deeper = bool(walk.energy[end] < walk.depth[: config.memory_count].min() - 1e-9)
    nobody = f"Settled where nobody stored anything: {off[end]} pixels off the nearest, pattern {names[k]}"
    return [
        *(
            Claim(f"Settled: pattern {name}, pixel for pixel.", last & (off == 0) & (best == j))
            for j, name in enumerate(names)
        ),
        Claim("Settled: the negative of a stored pattern. It is as deep: E(−s) = E(s).", last & mirrored),
        Claim(f"{nobody}, and deeper than every stored one.", last & deeper),
        Claim(f"{nobody}.", last),
        "One unit at a time asks all others, and follows their weighted vote: the energy never rises.",
    ]
