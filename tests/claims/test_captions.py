"""Every caption is true of the arrays of its frame: every cue, over its controls.

``oracles/PAGE.py`` holds the oracles of a page. A sentence that claims something and has none fails the test, and so
does an oracle that no sentence of the sweep ever meets.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from dashboard.scene import Move, Scene
from dashboard.scene.fields import Choice, Slider, Switch, control_of
from tests.claims.shown import CLAIMS, Oracle, Shown
from tests.pages import controls, recorded_links
from tests.pages.found import EVERY_CUE, PAGES

LIVE_FRAMES = 4
SEEDS = range(10)


def drawn_by(page: str, cue: str) -> tuple[Any, Any]:
    """What the cue draws, and from which config."""
    (module, name, config), _ = controls.shown(recorded_links.show({"page": page, f"{page}.cue": cue}), page)
    return getattr(importlib.import_module(module), name), config


def variants(config: Any, generous: bool) -> list[Any]:
    """The config as it comes, with each control at its ends, at random pairs, and with other seeds."""
    if not dataclasses.is_dataclass(config):
        return [config]
    ends: list[dict[str, Any]] = []
    for field in dataclasses.fields(config):
        control = control_of(field)
        values: list[Any] = []
        if isinstance(control, Slider):
            values = [control.low, control.high]
        elif isinstance(control, Choice):
            values = [value for value in control.options if value not in ("painted", "csv")]
        elif isinstance(control, Switch):
            values = [False, True]
        ends += [{field.name: value} for value in values]
    rng = np.random.default_rng(0)
    pairs = [a | b for a, b in itertools.combinations(ends, 2)]
    chosen = [pairs[k] for k in rng.permutation(len(pairs))[: 12 if generous else 2]]
    seeds = [{"seed": s} for s in (SEEDS if generous else range(2))] if hasattr(config, "seed") else []
    changes = [{}, *(ends if generous else ends[:: max(1, len(ends) // 3)]), *chosen, *seeds]
    found = []
    for change in changes:
        try:
            found.append(dataclasses.replace(config, **change))
        except ValueError:  # such a config cannot be
            continue
    return list(dict.fromkeys(found))


def scenes(draw: Any, config: Any, most: int = LIVE_FRAMES) -> Iterator[Scene]:
    """The scene of a config, or the first frames of a run that grows."""
    try:
        if inspect.isgeneratorfunction(draw):
            more = (None,) if len(inspect.signature(draw).parameters) > 1 else ()
            run = draw(config, *(itertools.repeat(Move("both", single=False)) for _ in more))
            yield from itertools.islice((scene for scene in run if scene is not None), most)
        else:
            yield draw(config)
    except ValueError:  # the page says why it cannot be drawn
        return


def frames(scene: Scene) -> list[int]:
    """The first, three middle ones, the last, and the first and last at which each caption stands."""
    count = len(scene.steps)
    chosen = set(np.linspace(0, count - 1, 5).round().astype(int).tolist())
    said = np.asarray(scene.caption if scene.caption is not None else np.full(count, -1))
    for k in set(said.tolist()):
        at = np.flatnonzero(said == k)
        chosen |= {int(at[0]), int(at[-1])}
    return sorted(chosen)


@cache
def oracles(page: str) -> tuple[Oracle, ...]:
    return tuple(importlib.import_module(f"tests.claims.oracles.{page}").ORACLES)


MET: set[tuple[str, str]] = set()


def check(page: str, shown: Shown) -> list[str]:
    """What is wrong with the caption of a frame."""
    k = int(np.asarray(shown.scene.caption)[shown.frame]) if shown.scene.captions else -1
    if k < 0:
        return []
    sentence = shown.scene.captions[k]
    found = [(oracle, match) for oracle in oracles(page) if (match := oracle.match(sentence))]
    MET.update((page, oracle.says) for oracle, _ in found)
    wrong = [f"false: {sentence!r}" for oracle, match in found if not oracle.true(shown, match)]
    if not found and CLAIMS.search(sentence):
        wrong.append(f"no oracle: {sentence!r}")
    return wrong


def sweep(page: str, cue: str, generous: bool) -> None:
    draw, config = drawn_by(page, cue)
    wrong: dict[str, Any] = {}
    looked = 0
    for variant in variants(config, generous):
        for scene in scenes(draw, variant):
            for frame in frames(scene):
                looked += 1
                for fault in check(page, Shown(variant, scene, frame)):
                    wrong.setdefault(fault, (variant, frame))
    assert looked
    assert not wrong, "\n".join(
        f"{fault}\n    at frame {frame} of {variant}" for fault, (variant, frame) in wrong.items()
    )


@pytest.mark.parametrize(("page", "cue"), EVERY_CUE[::4])
def test_captions_are_true(page, cue):
    sweep(page, cue, generous=False)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "cue"), EVERY_CUE)
def test_captions_are_true_over_all_controls(page, cue):
    sweep(page, cue, generous=True)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_oracles(page):
    assert all(isinstance(oracle, Oracle) for oracle in oracles(page))
