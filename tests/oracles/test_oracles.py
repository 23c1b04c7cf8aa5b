"""Every layer, curve and readout of every scene is what an independent computation says, in every cue.

    python -m tests.oracles.test_oracles        # counts by page, and the reasons where there is no oracle

Scenes and what they show are found, not listed: a thing without an oracle in ``PAGE.py`` fails. Each cue is drawn
from the config its link opens, from another one with every control elsewhere, and after a drag of each of its
handles; of a run that trains live, the first frames.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import sys
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest

from dashboard.scene import Handle, Scene
from dashboard.scene.fields import Choice, Slider, Switch, control_of
from tests.claims.test_captions import drawn_by, scenes
from tests.oracles.seen import Oracles, faults, seen
from tests.pages import recorded_links
from tests.pages.found import EVERY_CUE


@cache
def oracles(page: str) -> Oracles:
    return importlib.import_module(f"tests.oracles.{page}").ORACLES


def frames(scene: Scene) -> list[int]:
    """The first, three middle ones, the last."""
    return sorted(set(np.linspace(0, len(scene.steps) - 1, 5).round().astype(int).tolist()))


def look(page: str, cue: str, draw: Any, config: Any) -> list[str]:
    """What is wrong with what a config shows."""
    wrong: dict[str, None] = {}
    drawn = list(scenes(draw, config))
    assert drawn, f"This cannot be drawn: {config}"
    for scene in drawn:
        for frame in frames(scene):
            for one in seen(config, scene, frame):
                wrong |= dict.fromkeys(faults(one, oracles(page).of(cue, one)))
    return [f"{fault}\n      {config}" for fault in wrong]


def elsewhere(page: str, cue: str, draw: Any, config: Any) -> Any:
    """Another config, with every control at a random place; one that can be drawn."""
    rng = np.random.default_rng(sum(map(ord, page + cue)))
    for _ in range(20):
        changes: dict[str, Any] = {}
        for field in dataclasses.fields(config):
            control = control_of(field)
            if isinstance(control, Slider):
                count = round((control.high - control.low) / control.step)
                value = control.low + control.step * int(rng.integers(count + 1))
                changes[field.name] = type(getattr(config, field.name))(round(value, 9))
            elif isinstance(control, Choice):
                options = [value for value in control.options if value not in ("painted", "csv")]
                changes[field.name] = options[rng.integers(len(options))]
            elif isinstance(control, Switch):
                changes[field.name] = bool(rng.integers(2))
        try:
            found = dataclasses.replace(config, **changes)
        except ValueError:
            continue
        if next(scenes(draw, found), None) is not None:
            return found
    raise AssertionError("No other config can be drawn.")


def after_drags(draw: Any, config: Any) -> list[Any]:
    """The config after a drag of each handle, by a tenth of its panel across and a seventh up."""
    scene = next(scenes(draw, config))
    drag = drag_of(draw)
    found = []
    for handle in scene.handles if drag else ():
        before = {h.name: (h.at if h.at.ndim == 1 else h.at[0]).tolist() for h in scene.handles}
        place = pushed(handle, scene)
        said = {"handles": before | {handle.name: place}, "before": before, "moved": handle.name}
        found.append(drag(config, said))
    return found


def drag_of(draw: Any) -> Any:
    """What turns a drag into another config, for the scenes of this function."""
    modules = (sys.modules[draw.__module__], sys.modules.get(f"{draw.__module__.rpartition('.')[0]}.setup"))
    return next((module.after_drag for module in modules if hasattr(module, "after_drag")), None)


def pushed(handle: Handle, scene: Scene) -> list[float]:
    """A place towards the middle of the panel, as far as the handle may move."""
    panel, at = scene.panels[handle.panel], handle.at if handle.at.ndim == 1 else handle.at[0]
    place = []
    for axis, now, (low, high), parts in zip("xy", at.tolist(), (panel.x, panel.y), (10, 7), strict=True):
        by = (high - low) / parts * (1 if now < (low + high) / 2 else -1)
        place.append(now + by if axis in handle.free else now)
    return place


def more(page: str, cue: str) -> list[Any]:
    """Configs that the page's oracles want to be looked at, too."""
    return getattr(importlib.import_module(f"tests.oracles.{page}"), "MORE", {}).get(cue, [])


A_SHARE = [pytest.param(*both, marks=[pytest.mark.slow] * (k % 3 > 0)) for k, both in enumerate(EVERY_CUE)]
"""A third of the cues by default, all of them with the slow tests."""


@pytest.mark.parametrize(("page", "cue"), A_SHARE)
def test_what_a_cue_shows_is_true(page, cue):
    draw, config = drawn_by(page, cue)
    wrong = look(page, cue, draw, config)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("page", "cue"), A_SHARE)
def test_what_the_hand_has_changed_has_its_place_in_the_link(page, cue):
    draw, config = drawn_by(page, cue)
    dragged = [] if inspect.isgeneratorfunction(draw) else after_drags(draw, config)
    changed = {
        name for one in dragged for name, now in vars(one).items() if not np.array_equal(now, vars(config)[name])
    }
    kept = recorded_links.show({"page": page, f"{page}.cue": cue}).session_state if changed else ()
    assert {name for name in changed if f"{page}.{name}" not in kept} == set()


@pytest.mark.slow
@pytest.mark.parametrize(("page", "cue"), EVERY_CUE)
def test_what_other_settings_and_drags_show_is_true(page, cue):
    draw, config = drawn_by(page, cue)
    dragged = [] if inspect.isgeneratorfunction(draw) else after_drags(draw, config)
    others = [elsewhere(page, cue, draw, config)] if dataclasses.is_dataclass(config) else []
    wrong = [fault for other in [*others, *dragged, *more(page, cue)] for fault in look(page, cue, draw, other)]
    assert not wrong, "\n".join(wrong)


TO_A_POINT = {("mixture", "em"), ("vae", "walk")}  # the handle goes to the nearest point of the data
HELD = {("flows", "change")}  # a knot goes no farther than its neighbour lets it
TO_A_POINT |= {("flows", "cell")}  # to the nearest cell, whose side is 0.5
TO_A_LINE = {("flows", "bridge")}  # the handle goes to the nearest place of the line that bears its name


@pytest.mark.parametrize(("page", "cue"), A_SHARE)
def test_a_handle_stands_where_it_was_dragged(page, cue):
    draw, config = drawn_by(page, cue)
    if inspect.isgeneratorfunction(draw):
        return
    handles = next(scenes(draw, config)).handles
    for handle, dragged in zip(handles, after_drags(draw, config), strict=bool(drag_of(draw))):
        place = pushed(handle, next(scenes(draw, config)))
        now = next(h for h in next(scenes(draw, dragged)).handles if h.name == handle.name)
        start, end = (h.at if h.at.ndim == 1 else h.at[0] for h in (handle, now))
        if (page, cue) in TO_A_LINE:
            line = next(lines for _, lines in next(scenes(draw, dragged)).layers() if lines.name == handle.name).xy[
                0, 0
            ]
            nearest = line[np.square(line - place).sum(axis=1).argmin()]
            assert end == pytest.approx(nearest, abs=1e-6)
            continue
        off, way = np.abs(end - place), np.abs(start - place)
        near = 0.3 if (page, cue) in TO_A_POINT else 0.05
        free = [axis in handle.free for axis in "xy"]
        if (page, cue) in HELD and handle.name.startswith("knot"):
            assert ((end - start) * (place - start) >= 0).all(), f"{handle.name} goes elsewhere"
            assert (np.abs(end - start) <= way + 1e-3).all(), f"{handle.name} goes too far"
            assert np.abs(end - start).max() > 0.05, f"{handle.name} does not move at all"
            continue
        assert (off <= near * way.max() + handle.snap)[free].all(), (handle.name, start, place, end)


def counts() -> dict[str, Counter[str]]:
    """By page, how many things have an oracle, a reason, or neither."""
    found: dict[str, Counter[str]] = {}
    for page, cue in EVERY_CUE:
        draw, config = drawn_by(page, cue)
        scene = next(scenes(draw, config))
        for one in seen(config, scene, 0):
            told = oracles(page).of(cue, one)
            kind = "none" if not told else "oracle" if all(oracle.tells for oracle in told) else "reason"
            found.setdefault(page, Counter())[kind] += 1
    return found


if __name__ == "__main__":
    for name, count in counts().items():
        print(f"{name:<12} {count['oracle']:4} oracles, {count['reason']:3} reasons, {count['none']:3} neither")
        for oracle in oracles(name).all:
            if oracle.why:
                print(f"    {oracle.cue}: {oracle.what}: {oracle.why}")
