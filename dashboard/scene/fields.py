"""Fields of a scene's config that bring their control along: label and limits stand beside the default, once.

    @dataclass(frozen=True)
    class Config:
        points: int = slider("Points n", 200, 1, 500, 1)
        source: str = choice("Data", "lecture", TITLES)
        probe_1: float = placed(1.5, -6.0, 6.0)

Nothing here knows how a control looks; :func:`dashboard.lesson.controls.choose` makes the widgets and the config.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

CONTROL = "control"
C = TypeVar("C")
Values = Mapping[str, Any]


def always(values: Values) -> bool:
    """Shown whatever the other values are."""
    return True


@dataclass(frozen=True)
class Control:
    """What all controls share.

    Args:
        label: Beside the control; empty where nothing is shown.
        when: From the config's values so far to whether the control is there; if not, the default stands.
        folded: Whether it is put away under *More*.
        kept: Whether it stays as it is when a cue is started: one's own data.
    """

    label: str = ""
    when: Callable[[Values], bool] = always
    folded: bool = False
    kept: bool = False


@dataclass(frozen=True, kw_only=True)
class Slider(Control):
    """A number from ``low`` to ``high``; whole where all limits are."""

    low: float
    high: float
    step: float
    format: str | None = None


@dataclass(frozen=True, kw_only=True)
class Choice(Control):
    """One of a few values, each with the title that one reads; ``formerly`` is its name in older links."""

    options: Mapping[Any, str]
    formerly: str = ""


@dataclass(frozen=True, kw_only=True)
class Switch(Control):
    """On or off."""


@dataclass(frozen=True, kw_only=True)
class Placed(Control):
    """A number without a control, within limits: where a handle was left."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Written(Control):
    """A text without a control: what was drawn, in words of the scene's own."""


@dataclass(frozen=True, kw_only=True)
class Typed(Control):
    """A text that the visitor types, of at most so many characters."""

    most: int


@dataclass(frozen=True, kw_only=True)
class Painted(Control):
    """Painted points, as text, on a board with these ends along both axes."""

    ends: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class File(Control):
    """Points of a file, ``(N, 2)`` as nested tuples; with ``labelled`` also the fields ``labels`` and ``names``."""

    labelled: bool = False


def slider(label: str, default: float, low: float, high: float, step: float, **more: Any) -> Any:
    """A field for a number within limits."""
    return _field(default, Slider(label, low=low, high=high, step=step, **more))


def choice(label: str, default: Any, options: Mapping[Any, str], **more: Any) -> Any:
    """A field for one of a few values; the link carries their titles."""
    return _field(default, Choice(label, options=options, **more))


def switch(label: str, default: bool = False, **more: Any) -> Any:
    """A field for on or off."""
    return _field(default, Switch(label, **more))


def placed(default: float, low: float, high: float) -> Any:
    """A field for where a handle was left; it stands in the link, and has no control."""
    return _field(default, Placed(low=low, high=high))


def written(default: str) -> Any:
    """A field for a text that stands in the link and has no control."""
    return _field(default, Written())


def typed(label: str, default: str, most: int, **more: Any) -> Any:
    """A field for a text of at most so many characters, any characters: the config says what it cannot take."""
    return _field(default, Typed(label, most=most, **more))


def painted(
    ends: tuple[float, float], *, default: str | Callable[[], str] = "", kw_only: bool = False, **more: Any
) -> Any:
    """A field for painted points as they stand in the link."""
    return _field(default, Painted(ends=ends, **more), kw_only)


def file(*, labelled: bool = False, **more: Any) -> Any:
    """A field for the points of a file."""
    return _field((), File(labelled=labelled, **more), kw_only=True)


def _field(default: Any, control: Control, kw_only: bool = False) -> Any:
    made = {"default_factory": default} if callable(default) else {"default": default}
    return dataclasses.field(**made, kw_only=kw_only, metadata={CONTROL: control})


def control_of(field: dataclasses.Field) -> Control | None:
    """The control that a field brings along."""
    return field.metadata.get(CONTROL)


def default_of(field: dataclasses.Field) -> Any:
    """A field's default, made if need be."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def within_limits(config: C) -> C:
    """The config with every placed number within its limits."""
    placed_at = {f.name: c for f in dataclasses.fields(config) if isinstance(c := control_of(f), Placed)}  # type: ignore[arg-type]
    inside = {name: min(max(getattr(config, name), c.low), c.high) for name, c in placed_at.items()}
    return dataclasses.replace(config, **inside)  # type: ignore[type-var]
