"""The things a scene shows, one by one, and what an independent computation says of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.scene import Layer, Readout, Scene

NUMBER = re.compile(r"\d\.\d|\d %")


@dataclass(frozen=True)
class Seen:
    """One thing in one frame: a layer, a readout, or a panel's title that bears a number.

    Attributes:
        config: What the scene was drawn from.
        frame: Index of the frame, ``scene.steps[frame]`` its id.
        thing: The layer, the readout, or the title.
        panel: Index of its panel; −1 for a readout.
        k: Which one it is of those with the same kind and name in its panel, from 0.
    """

    config: Any
    scene: Scene
    frame: int
    thing: Layer | Readout | str
    panel: int = -1
    k: int = 0

    @property
    def name(self) -> str:
        """Kind and name, such as ``Ellipses components``, ``Readout σ``, ``Title 1.  −3.28``."""
        if isinstance(self.thing, str):
            return f"Title {self.thing}"
        return f"{type(self.thing).__name__} {self.thing.name}"

    @property
    def step(self) -> int:
        """The frame's id."""
        return int(self.scene.steps[self.frame])

    def at(self, channel: str) -> Any:
        """What a channel of this layer holds in this frame, or a style, such as texts; a readout's value or unit."""
        return channel_at(self.thing, channel, self.frame)

    def other(self, name: str, panel: int | None = None) -> Seen:
        """Another layer of the same frame, by its name; ``readout(name)`` for numbers."""
        for p, shown in enumerate(self.scene.panels):
            for layer in shown.layers:
                if layer.name == name and panel in (None, p):
                    return Seen(self.config, self.scene, self.frame, layer, p)
        raise LookupError(f"No layer {name!r}.")

    def readout(self, name: str) -> float:
        """A readout in this frame."""
        found = next(r for r in self.scene.readouts if r.name == name)
        return float(np.asarray(found.values)[min(self.frame, len(found.values) - 1)])

    def channels(self) -> list[str]:
        """What has to be told by an oracle."""
        if isinstance(self.thing, Layer):
            return [name for name in self.thing.channels if getattr(self.thing, name) is not None]
        return ["values"] if isinstance(self.thing, Readout) else ["text"]


def channel_at(thing: Layer | Readout | str, channel: str, frame: int) -> Any:
    if isinstance(thing, str):
        return thing
    if isinstance(thing, Readout) and channel in ("unit", "digits"):
        return getattr(thing, channel)
    if isinstance(thing, Readout):
        return float(thing.values[min(frame, len(thing.values) - 1)])
    value = getattr(thing, channel)
    if channel not in thing.channels:
        return value
    return value[frame] if value.ndim > thing.channels[channel] else value


def seen(config: Any, scene: Scene, frame: int) -> Iterator[Seen]:
    """Everything that a frame shows."""
    for p, panel in enumerate(scene.panels):
        if NUMBER.search(panel.title):
            yield Seen(config, scene, frame, panel.title, p)
        names: list[str] = []
        for layer in panel.layers:
            one = Seen(config, scene, frame, layer, p)
            yield Seen(config, scene, frame, layer, p, names.count(one.name))
            names.append(one.name)
    for readout in scene.readouts:
        yield Seen(config, scene, frame, readout)


@dataclass(frozen=True)
class About:
    """An expected value with its tolerance: ``|shown − value| ≤ absolute + relative · |value|``, everywhere."""

    value: Any
    relative: float = 1e-4
    absolute: float = 1e-5


Expected = Any
"""An array or number (as ``About``), a string or tuple (equal), or a function of what is shown that says True."""

Tells = Callable[[Seen], "dict[str, Expected] | Expected"]


@dataclass(frozen=True)
class Oracle:
    """Who tells what a thing has to be; ``why`` stands in place of that where nobody can."""

    cue: str
    what: str
    tells: Tells | None
    why: str = ""
    panel: int | None = None

    def is_for(self, cue: str, one: Seen) -> bool:
        return bool(
            re.fullmatch(self.cue, cue)
            and re.fullmatch(self.what, one.name, re.DOTALL)
            and self.panel in (None, one.panel)
        )


class Oracles:
    """A page's oracles.

    ::

        ORACLES = Oracles()

        @ORACLES("em|beside", "Ellipses components")
        def components(seen):
            ...
            return {"mean": means, "covariance": covariances, "weight": weights}

    The cue and the thing are patterns that have to match as a whole. The function returns what each channel holds in
    that frame (and styles, such as ``texts`` or ``labels``, where they say something); of a curve, a readout or a
    title the value alone will do.
    """

    def __init__(self) -> None:
        self.all: list[Oracle] = []

    def __call__(self, cue: str, what: str, panel: int | None = None) -> Callable[[Tells], Tells]:
        def register(tells: Tells) -> Tells:
            self.all.append(Oracle(cue, what, tells, panel=panel))
            return tells

        return register

    def none(self, cue: str, what: str, why: str, panel: int | None = None) -> None:
        """For what cannot have one: a diagram's light, a photograph. The reason is printed."""
        self.all.append(Oracle(cue, what, None, why, panel))

    def of(self, cue: str, one: Seen) -> list[Oracle]:
        return [oracle for oracle in self.all if oracle.is_for(cue, one)]


def faults(one: Seen, oracles: list[Oracle]) -> Iterator[str]:
    """What is wrong with a thing, or who is missing."""
    place = f"{one.name!r}, panel {one.panel}"
    if not oracles:
        yield f"no oracle: {place}"
        return
    left = set(one.channels())
    for oracle in oracles:
        if oracle.tells is None:
            return
        told = oracle.tells(one)
        if not isinstance(told, dict):
            told = {"y" if "y" in one.channels() else one.channels()[0]: told}
        if "y" in told and "x" in left and "x" not in told:
            yield f"no oracle for x: {place}"
        for channel, expected in told.items():
            if fault := differs(one.at(channel), expected):
                yield f"{place}, {channel}, frame {one.frame}: {fault}"
        left -= told.keys()
    left.discard("x")
    if left:
        yield f"no oracle for {', '.join(sorted(left))}: {place}"


def differs(shown: Any, expected: Expected) -> str:
    """In what the shown value differs from the expected one; empty if it does not."""
    if callable(expected):
        verdict = expected(shown)
        return (
            "" if verdict is None or verdict is True or (isinstance(verdict, np.bool_) and verdict) else f"{verdict}"
        )
    if isinstance(expected, str) or (isinstance(expected, tuple) and all(isinstance(e, str) for e in expected)):
        return "" if shown == expected else f"shown {shown!r}, expected {expected!r}"
    about = expected if isinstance(expected, About) else About(expected)
    got, want = np.asarray(shown, dtype=float), np.asarray(about.value, dtype=float)
    if got.shape != want.shape:
        return f"shape {got.shape}, expected {want.shape}"
    if not np.array_equal(np.isnan(got), np.isnan(want)):
        return "NaN in other places than expected"
    endless = np.isinf(want)
    if not np.array_equal(got[endless], want[endless]):
        return "not as infinite as expected"
    got, want = np.where(endless, 0, got), np.where(endless, 0, want)
    off = np.abs(got - want) - about.absolute - about.relative * np.abs(want)
    if not off.size or np.nanmax(np.where(np.isnan(off), -1, off)) <= 0:
        return ""
    at = np.unravel_index(np.nanargmax(off), off.shape) if off.ndim else ()
    return f"shown {got[at]:.6g}, expected {want[at]:.6g} at {tuple(int(k) for k in at)}"
