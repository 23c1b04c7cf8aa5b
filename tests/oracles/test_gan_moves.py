"""A GAN in slow motion: what a frame shows after each single move of D, of G or of both, by the page's oracles."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import pytest

from dashboard.scene import Move
from dashboard.scenes.gan import ab, live, onedim
from dashboard.scenes.gan.setup import Config
from tests.oracles.gan import ORACLES, recipe
from tests.oracles.seen import faults, seen

D, G, BOTH = "discriminator", "generator", "both"
MOVES = (D, G, BOTH, D, D, G)
SMALL: dict[str, Any] = {"width": 16, "batch": 24}


@dataclass(frozen=True)
class Played(Config):
    """A run with these moves, one by one."""

    moves: tuple[str, ...] = MOVES


@dataclass(frozen=True)
class PlayedPair(ab.Versus):
    """A pair with these moves, one by one."""

    moves: tuple[str, ...] = MOVES


@dataclass(frozen=True)
class PlayedInOneDimension(onedim.Config):
    """The curves' run with these moves, one by one."""

    moves: tuple[str, ...] = MOVES


RUNS = {
    "ring": (live.scenes, Played("ring8", **SMALL)),
    "first": (live.scenes, Played("ffjord8", loss="minimax", packing=3, average=0.9, d_steps=2, g_steps=3, **SMALL)),
    "ab": (ab.scenes, PlayedPair(Config("ffjord8", g_steps=2, **SMALL), (("packing", 2), ("g_steps", 1)))),
    "one": (onedim.scenes, PlayedInOneDimension("two", d_steps_1=2)),
}


@pytest.mark.parametrize("cue", RUNS)
def test_single_moves_show_the_truth(cue):
    draw, config = RUNS[cue]
    scenes = list(draw(config, iter([Move(name, single=True) for name in config.moves])))  # type: ignore[operator]
    assert [int(scene.steps[0]) for scene in scenes] == list(range(len(MOVES) + 1))
    found = [one for scene in scenes for one in seen(config, scene, 0)]
    wrong = [fault for one in found for fault in faults(one, ORACLES.of(cue, one))]
    assert not wrong, "\n".join(wrong)


REPAIRED = {"packing": "packing", "r1": "r1", "noise": "instance_noise", "decay": "decay", "equal": "g_steps"}
SAID = {"packing": "Packing", "r1": "R1", "noise": "Instance noise", "decay": "Learning rates", "equal": "G learns"}


@pytest.mark.parametrize("repair", ab.REPAIRS)
def test_a_repair_is_what_it_is_called_and_nothing_else(repair):
    pair = ab.Repair(repair=repair).pair()
    a, b = recipe(pair.left)[0], recipe(pair.left, pair.other)[0]
    assert [f.name for f in fields(a) if getattr(a, f.name) != getattr(b, f.name)] == [REPAIRED[repair]]
    assert (a.packing, a.r1, a.instance_noise, a.decay) == (1, 0, 0, "none")
    assert a.g_steps > a.d_steps == b.d_steps
    better = (b.packing == 2, b.r1 > 0, b.instance_noise > 0, b.decay == "linear", b.g_steps == b.d_steps)
    assert better == tuple(key == repair for key in REPAIRED)
    assert pair.titles[1].startswith(SAID[repair])


CHANGED = {"loss": "wasserstein-gp", "decay": "none", "n_noise": 2, "r1": 0.5}


@pytest.mark.parametrize("what", ab.CHANGES)
def test_b_differs_in_what_is_said_alone(what):
    pair = ab.Change(b_what=what).pair(Config(r1=1.25, noise="16"))
    a, b = recipe(pair.left)[0], recipe(pair.left, pair.other)[0]
    assert [f.name for f in fields(a) if getattr(a, f.name) != getattr(b, f.name)] == [what]
    assert getattr(b, what) == CHANGED[what]
    assert pair.titles[1].endswith(f": {CHANGED[what]}")
