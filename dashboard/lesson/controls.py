"""Controls bound to the link, made from the fields of a scene's config; each key is prefixed by its page.

A link is the whole state. What a link says that cannot be (out of range, of the wrong kind) is taken out of it before
a control sees it, and :func:`show_ignored` says so: Streamlit would drop it without a word, or raise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, Literal, TypeVar

import streamlit as st

from dashboard.lesson import own_data
from dashboard.scene.fields import (
    Choice,
    Control,
    File,
    Painted,
    Placed,
    Slider,
    Switch,
    Typed,
    Written,
    control_of,
    default_of,
)
from dashboard.scene.own_points import OWN
from dashboard.scene.painted import decode_points
from dashboard.scene.words import plain

C = TypeVar("C")


# --- From a config's fields to widgets ----------------------------------------------------------------------


def choose(page: str, config: type[C], *names: str, start: Mapping[str, Any], **given: Any) -> C:
    """Show the controls of a config's fields, and return the config that they say.

    Args:
        page: Prefix of the keys.
        config: A dataclass whose fields bring their controls along (:mod:`dashboard.scene.fields`).
        names: Which fields, in this order; all of them by default. The others keep their defaults.
        start: Defaults that differ here, by field.
        given: Values of fields that have no control here.
    """
    fields = {f.name: f for f in dataclasses.fields(config)}  # type: ignore[arg-type]
    values: dict[str, Any] = {name: default_of(f) for name, f in fields.items() if _has_default(f)} | given
    folded = said = None
    for name in names or fields:
        control = control_of(fields[name])
        if control is None or name in given or not control.when(values):
            continue
        if control.folded and folded is None:
            folded = st.expander("More")
        with folded if control.folded and folded is not None else nullcontext():
            _register(page, name, values[name], control)
            _take_over(page, name, control, values[name])
            values |= _show(page, name, control, start.get(name, values[name]))
            said = st.empty() if isinstance(control, File) else said
    made = config(**values)
    if said is not None:
        said.caption(plain(own_data.words(made)))  # type: ignore[arg-type]
    return made


def has_widgets(config: type, *names: str) -> bool:
    """Whether any of these fields is one that a visitor sees a control of."""
    controls = [control_of(f) for f in dataclasses.fields(config) if f.name in names or not names]
    return any(control is not None and not isinstance(control, Placed | Written) for control in controls)


def _has_default(field: dataclasses.Field) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _show(page: str, name: str, control: Control, default: Any) -> dict[str, Any]:
    """Show one control; the values it sets, by field."""
    key = f"{page}.{name}"
    if isinstance(control, File):
        return own_data.of_file(page, control.labelled)
    if isinstance(control, Slider):
        value: Any = slider(key, control, default)
    elif isinstance(control, Choice):
        if control.formerly:
            _rename(f"{page}.{control.formerly}", key, control)
        value = choice(key, control, default)
    elif isinstance(control, Switch):
        value = switch(key, control, default)
    elif isinstance(control, Typed):
        value = typed(key, control, default)
    elif isinstance(control, Placed):
        value = min(max(linked(key, default, (control.low, control.high)), control.low), control.high)
    elif isinstance(control, Written):
        value = linked(key, default)
    elif isinstance(control, Painted):
        value = _painted(key, control, default)
    else:
        raise TypeError(f"{name} has the control {control!r}, which nobody knows how to show.")
    return {name: value}


def slider(key: str, control: Slider, default: float) -> float:
    """A number within limits."""
    bind = binding(key, number_within(control.low, control.high))
    return st.slider(
        control.label,
        control.low,
        control.high,
        default,
        control.step,
        format=control.format,
        key=key,
        bind=bind,
    )


def choice(key: str, control: Choice, default: Any) -> Any:
    """One of a few; Streamlit writes the text, as one reads it on the page, into the link."""
    options = list(control.options)
    if st.session_state.get(key, default) not in options:  # what another cue offers, and this one does not
        del st.session_state[key]
    bind = binding(key, lambda asked: asked in control.options.values())
    return st.selectbox(
        control.label,
        options,
        options.index(default),
        format_func=control.options.__getitem__,
        key=key,
        bind=bind,
    )


def _rename(old: str, key: str, control: Choice) -> None:
    """Take over what an older link calls by another name."""
    asked = st.query_params.get(old)
    if asked is None:
        return
    del st.query_params[old]
    known = {title: value for value, title in control.options.items()}
    if asked in known:
        st.session_state[key] = known[asked]
    else:
        note_ignored(old, asked)


def switch(key: str, control: Switch, default: bool) -> bool:
    """On or off."""
    bind = binding(key, is_switch)
    return st.toggle(control.label, default, key=key, bind=bind)


def typed(key: str, control: Typed, default: str) -> str:
    """A line of text."""
    bind = binding(key, lambda asked: len(asked) <= control.most)
    return st.text_input(control.label, default, control.most, key=key, bind=bind) or ""


def linked(key: str, default: Any, ends: tuple[float, float] = (-1e6, 1e6)) -> Any:
    """A value without a widget that still stands in the link: what was painted, where a handle was left.

    It has the type of its default, and a number is within the ends; what the link says that is not, is ignored with a
    note.
    """
    if key not in st.session_state:
        asked = st.query_params.get(key)
        st.session_state[key] = default if asked is None else _read(key, asked, default, ends)
    if st.session_state[key] == default:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != str(st.session_state[key]):
        st.query_params[key] = str(st.session_state[key])
    return st.session_state[key]


def written(page: str, name: str) -> str:
    """A text of the link that has no control: what a link or a lecture's step says of the picture itself."""
    control = Written()
    _register(page, name, "", control)
    _take_over(page, name, control, "")
    return linked(f"{page}.{name}", "")


def _read(key: str, asked: str, default: Any, ends: tuple[float, float]) -> Any:
    try:
        value = type(default)(asked)
    except ValueError:
        value = None
    if value is None or (isinstance(value, int | float) and not ends[0] <= value <= ends[1]):
        note_ignored(key, asked)
        return default
    return value


def _painted(key: str, control: Painted, default: str) -> str:
    """Painted points as they stand in the link; what cannot be read is ignored with a note."""
    text = linked(key, default)
    try:
        decode_points(text, control.ends, control.ends)
    except ValueError:
        note_ignored(key, text)
        st.session_state[key] = default
        return linked(key, default)
    return text


# --- What a lecture's step asks for -------------------------------------------------------------------------


def ask(page: str, link: Mapping[str, str]) -> None:
    """Let these controls, as soon as they are shown, say what a link would make them say."""
    st.session_state.setdefault("_asked", {})[page] = dict(link)


def _take_over(page: str, name: str, control: Control, default: Any) -> None:
    asked = st.session_state.get("_asked", {}).get(page, {})
    if name not in asked:
        return
    key, text = f"{page}.{name}", asked.pop(name)
    value = _meant(key, text, control, default)
    if value is None:
        note_ignored(key, text)
    else:
        st.session_state[key] = value


def _meant(key: str, text: str, control: Control, default: Any) -> Any:
    """What a link's text means for a control; None if it cannot be."""
    if isinstance(control, Slider):
        kind = int if isinstance(control.low, int) and isinstance(control.step, int) else float
        return kind(float(text)) if number_within(control.low, control.high)(text) else None
    if isinstance(control, Choice):
        return next((value for value, title in control.options.items() if text in (title, str(value))), None)
    if isinstance(control, Switch):
        return text.lower() == "true" if is_switch(text) else None
    if isinstance(control, Typed):
        return text if len(text) <= control.most else None
    if isinstance(control, Placed):
        return _read(key, text, default, (control.low, control.high))
    return text if isinstance(control, Written | Painted) else None


# --- What a cue and a drag set ------------------------------------------------------------------------------


def _register(page: str, name: str, default: Any, control: Control) -> None:
    """Remember what a control goes back to when a cue is started, and whether Streamlit keeps it in the link."""
    if not control.kept:
        bound = isinstance(control, Slider | Choice | Switch | Typed)
        st.session_state.setdefault("_controls", {}).setdefault(page, {})[name] = (default, bound)


def values(page: str) -> dict[str, Any]:
    """What the page's controls say, by field; where own data come from is not a cue's affair."""
    shown = st.session_state.get("_controls", {}).get(page, {})
    said = {name: st.session_state[f"{page}.{name}"] for name in shown if f"{page}.{name}" in st.session_state}
    return said if said.get("source") not in OWN else {n: v for n, v in said.items() if n != "source"}


def reset(page: str, differs: Mapping[str, Any], keep: frozenset[str]) -> None:
    """Put the page's controls at their defaults, but for what differs; one's own data stay, unless it is they.

    Args:
        page: Prefix of the keys.
        differs: Values by field.
        keep: Keys that the link may go on holding.
    """
    shown = st.session_state.get("_controls", {}).get(page, {})
    defaults = {name: default for name, (default, _) in shown.items()}
    if (own := st.session_state.get(f"{page}.source")) in OWN:
        defaults["source"] = own
    for name, value in (defaults | dict(differs)).items():
        st.session_state[f"{page}.{name}"] = value
    bound = {f"{page}.{name}" for name, (_, bound) in shown.items() if bound}  # these Streamlit takes out itself
    for key in [k for k in st.query_params if k.startswith(f"{page}.") and k not in keep | bound]:
        del st.query_params[key]


def put(page: str, config: Any) -> None:
    """Take over a config that a drag or a brush has made: each field goes to the control of that name.

    Raises:
        TypeError: A field has no place on this cue, or not this one: what the hand has done would be lost.
    """
    fields = {f.name: f for f in dataclasses.fields(config)}
    for name, value in vars(config).items():
        control = control_of(fields[name])
        if f"{page}.{name}" in st.session_state:
            if isinstance(control, Choice) and value not in control.options:
                raise TypeError(f"{name}={value!r} is none of {list(control.options)}: it could not stand in a link.")
            st.session_state[f"{page}.{name}"] = value
        elif isinstance(control, Placed) and value != default_of(fields[name]):
            raise TypeError(f"{name}={value!r} is lost: name it among the fields of the cue's stage.")


# --- What the link asks for that cannot be ------------------------------------------------------------------


def binding(key: str, can_be: Callable[[str], bool]) -> Literal["query-params"] | None:
    """How a widget is bound to the link: not at all in the run in which the link says what it cannot be.

    That is taken out of the link, with a note, and the page is run once more, with the widget bound. (Streamlit would
    read the link's first value even where it is no longer there, and some of its widgets raise at infinity.)
    """
    asked = st.query_params.get(key) if key not in st.session_state else None
    if asked is None or can_be(asked):
        return "query-params"
    del st.query_params[key]
    note_ignored(key, asked)
    st.session_state["_bind_again"] = True
    return None


def number_within(low: float, high: float) -> Callable[[str], bool]:
    """Whether a text is a number from low to high; a whole one where both are."""

    def can_be(asked: str) -> bool:
        try:
            value = float(asked)
        except ValueError:
            return False
        whole = isinstance(low, int) and isinstance(high, int)
        return low <= value <= high and (not whole or value.is_integer())

    return can_be


def is_switch(asked: str) -> bool:
    """Whether a text is on or off."""
    return asked.lower() in ("true", "false")


def note_ignored(key: str, asked: str) -> None:
    """Remember that the link asked for something that cannot be."""
    st.session_state.setdefault("_ignored", {})[key] = asked


def show_ignored() -> None:
    """Say once, in one sentence, what in the link was ignored."""
    if st.session_state.pop("_bind_again", False):
        st.rerun()
    for page, left in st.session_state.pop("_asked", {}).items():  # of a lecture's step, and no control's
        for name, text in left.items():
            note_ignored(f"{page}.{name}", text)
    ignored = st.session_state.pop("_ignored", {})
    if ignored:
        asked = ", ".join(plain(f"{key}={value[:40]}") for key, value in ignored.items())
        st.info(f"The link asks for something this page does not have ({asked}); the usual value is used instead.")
