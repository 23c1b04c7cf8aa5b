"""Every cue's snippet runs by itself, with ``genmodels`` alone, and makes the numbers that its picture shows.

What it calls ``shown`` is compared with the readouts and layers of the same names, a panel's pictures also by its
title, a layer that others share a name with after its panel's title: an array with one number a frame
with all frames, anything else with the last one, or with the frame whose id it calls ``step``. The slow tests do the
same with every control elsewhere, another seed, after a drag, and with own points.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pytest

from dashboard.lesson import Page
from dashboard.scene import Images, Scene
from dashboard.scene.fields import Choice, control_of
from dashboard.scene.painted import encode_points
from tests.claims.test_captions import scenes
from tests.oracles.test_oracles import after_drags, elsewhere
from tests.pages import recorded_links
from tests.pages.found import EVERY_CUE

LONGEST = 16
"""Lines, not counting imports, braces of a table of numbers, and empty ones."""
ALLOWED = {"genmodels", "numpy", "torch"}
ALSO = [
    ("boundaries", "descend", "descend", "A network (trained live)"),
    ("gan", "modes", "modes", "Twenty-five, live"),
    ("gan", "digits", "digits", "A walk through its latent space"),
    ("diffusion", "digits", "digits", "A test digit's way forward"),
    ("diffusion", "digits", "digits", "Guidance, w = 0 … 8"),
    ("flows", "matching", "match_view", "In the plane: where may this go?"),
    ("flows", "matching", "match_view", "Few steps: before and after reflow"),
    ("flows", "crowd", "crowd_who", "The stored networks"),
    ("energy", "walkers", "target", "Two lumps, far apart"),
    ("energy", "walkers", "against", "Annealed Langevin"),
]
"""Cues that draw something else where a control, the third, stands so."""


class Shown(NamedTuple):
    """What a page has drawn, of which config, what writes its snippet, and what stands on the page."""

    draw: Any
    config: Any
    code: Callable[[Any], str]
    text: str


@cache
def shown(page: str, cue: str, *control: str) -> Shown:
    """The stage of a cue, with one control elsewhere if it is named."""
    asked, show = [], Page.show

    def noting(self: Page, draw: Any, config: Any, **more: Any) -> None:
        if self.name == page:
            asked.append((draw, config, more.get("code")))
        show(self, draw, config, **more)

    link = {f"{page}.{control[0]}": control[1]} if control else {}
    with mock.patch.object(Page, "show", noting):
        app = recorded_links.show({"page": page, f"{page}.cue": cue} | link)
    texts = [block.value for block in app.code if "\nprint(shown)" in block.value]
    assert len(texts) == 1, f"{page}/{cue}: {len(texts)} snippets"
    return Shown(*asked[-1], texts[0])


def others(page: str, cue: str, draw: Any, config: Any) -> list[Any]:
    """The config with every control elsewhere and another seed, after a drag, and with own points if it can."""
    if not is_dataclass(config):
        return []
    moved = elsewhere(page, cue, draw, config)
    dragged = [] if inspect.isgeneratorfunction(draw) else after_drags(draw, config)[:1]
    return [replace(moved, seed=7) if hasattr(moved, "seed") else moved, *dragged, *with_own_points(config)]


def with_own_points(config: Any) -> list[Any]:
    """The config with painted points, and with those of a file, in two lumps, as far as it takes them."""
    if (inner := getattr(config, "to_paint", config)) is not config:
        return [replace(config, left=other) for other in with_own_points(inner)]
    controls = {field.name: control_of(field) for field in fields(config)}
    source = controls.get("source")
    if not isinstance(source, Choice) or "csv" not in source.options:
        return []
    classes = np.arange(36) % 2
    points = np.random.default_rng(0).standard_normal((36, 2)) + 3 * classes[:, None] - 1.5
    text = encode_points(points, classes, config.board, config.board)
    rows = tuple(map(tuple, (1000 + [3, 40] * points).tolist()))
    labelled = {"labels": tuple(classes.tolist()), "names": ("cat", "dog")} if "labels" in controls else {}
    painted = replace(config, source="painted", painted=text)
    return [painted, replace(config, source="csv", csv=rows, columns=("width", "height"), **labelled)]


def run(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(text, "snippet", "exec"), names)
    return names


def frame_shown(names: dict[str, Any], draw: Any, config: Any) -> tuple[Scene, int]:
    """The scene and the frame that the snippet speaks of."""
    for scene in scenes(draw, config, most=400):
        steps = scene.steps.tolist()
        if "step" not in names:
            return scene, len(steps) - 1
        if names["step"] in steps:
            return scene, steps.index(names["step"])
    raise AssertionError(f"No frame has the id {names.get('step')}.")


def expected(scene: Scene, name: str, frame: int) -> tuple[np.ndarray, np.ndarray | None]:
    """What the picture shows under a name: in this frame, and in all of them if it is one number a frame."""
    for readout in scene.readouts:
        if readout.name == name:
            return np.asarray(readout.values[frame]), readout.values
    pictures = ((panel.title, panel.layers[0]) for panel in scene.panels if isinstance(panel.layers[0], Images))
    in_panels = ((f"{panel.title} · {layer.name}", layer) for panel in scene.panels for layer in panel.layers)
    for called, layer in (*((layer.name, layer) for _, layer in scene.layers()), *pictures, *in_panels):
        if called == name:
            channel = next(iter(layer.channels))
            value, moves = getattr(layer, channel), getattr(layer, channel).ndim > layer.channels[channel]
            return (value[frame] if moves else value), None
    raise AssertionError(f"The picture shows nothing called {name!r}.")


def differences(text: str, draw: Any, config: Any) -> list[str]:
    """Which numbers of the snippet are not those of the picture."""
    names = run(text)
    assert names["shown"], f"It shows nothing.\n{text}"
    scene, frame = frame_shown(names, draw, config)
    wrong = []
    for name, value in names["shown"].items():
        here, all_frames = expected(scene, name, frame)
        got = np.asarray(value, dtype=float)
        want = all_frames if all_frames is not None and got.shape == all_frames.shape and got.size > 1 else here
        same = got.shape == np.shape(want) and np.allclose(got, want, rtol=1e-4, atol=1e-6, equal_nan=True)
        if not same:
            wrong.append(f"{name}: {got} in the snippet, {want} in the picture of {config}")
    return [*wrong, text] if wrong else []


def check_form(text: str) -> None:
    """It is short, and takes from nowhere but the models."""
    lines = [line for line in text.splitlines() if line.strip(" {}()[],") and not line.startswith(("import", "from"))]
    assert len(lines) <= LONGEST, text
    tree = ast.parse(text)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= ALLOWED


STAGES = [*EVERY_CUE, *ALSO]
A_SHARE = [
    pytest.param(stage, marks=[pytest.mark.slow] * (k % 5 > 0 or stage in ALSO)) for k, stage in enumerate(STAGES)
]


@pytest.mark.parametrize("stage", A_SHARE, ids="-".join)
def test_a_cues_snippet_makes_the_numbers_shown(stage):
    draw, config, _, text = shown(*stage)
    check_form(text)
    assert not (wrong := differences(text, draw, config)), "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES, ids="-".join)
def test_so_does_that_of_other_settings_and_of_own_points(stage):
    page, cue, *_ = stage
    draw, config, code, _ = shown(*stage)
    for other in others(page, cue, draw, config):
        check_form(text := code(other))
        assert not (wrong := differences(text, draw, other)), "\n".join(wrong)
