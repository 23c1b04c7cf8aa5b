"""A lecture: pages and cues in an order, with what to say and to ask; a file ``lectures/NAME.toml``.

::

    title = "From mixtures to VAEs"

    [[step]]
    page = "gaussian"
    cue = "fit"
    say = "One lump, by maximum likelihood."
    ask = "What will the ellipse do after one point?"  # before the picture plays
    answers = ["Nothing", "It shrinks to that point"]  # may be left out, as may all but the page
    right = "It shrinks to that point"
    because = "One point has no spread."
    link = { points = "500", pin = "1,100" }  # as in the page's link: controls, and frames to keep side by side

A step whose page or cue is not there is skipped, and the lecture says so; a file that cannot be read raises a
sentence with its line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from dashboard.concepts import concepts, cues
from dashboard.questions import Question

FOLDER = Path(__file__).resolve().parents[1] / "lectures"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
MOST_STEPS, MOST_BYTES, MOST_WORDS = 200, 200_000, 300
WORDS = ("page", "cue", "say", "ask", "right", "because")


class LectureError(ValueError):
    """A lecture that cannot be read; the message is one sentence that says where and what to do."""


@dataclass(frozen=True)
class Step:
    """Where the lecture stands.

    Args:
        page: Of a concept; the map is one.
        cue: Of that page; empty for its first.
        say: To the class, in place of the cue's own sentence.
        ask: A question, to be answered before the picture plays; in place of the cue's own.
        link: What the link says of the page's controls, by field; ``pin`` of the frames to keep side by side.
        answers: To choose from; may be none.
        right: One of them; may be empty.
        because: Why.
    """

    page: str
    cue: str = ""
    say: str = ""
    ask: str = ""
    link: Mapping[str, str] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    right: str = ""
    because: str = ""

    @property
    def question(self) -> Question | None:
        """What it asks, if anything."""
        return Question(self.ask, self.answers, self.right, self.because) if self.ask else None


@dataclass(frozen=True)
class Lecture:
    """Steps in their order, and a sentence for each that was skipped."""

    name: str
    title: str
    steps: tuple[Step, ...]
    skipped: tuple[str, ...] = ()


def shipped() -> tuple[str, ...]:
    """Names of the lectures in ``lectures/``."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@lru_cache(maxsize=16)
def load(name: str) -> Lecture:
    """A shipped lecture.

    Raises:
        LectureError: There is none of that name, or it cannot be read.
    """
    if not NAME.fullmatch(name) or name not in shipped():
        raise LectureError(f"There is no lecture {name[:40]!r}; there are {', '.join(shipped())}.")
    try:
        text = (FOLDER / f"{name}.toml").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as why:
        raise LectureError(f"The file lectures/{name}.toml cannot be read; restore it from the repository.") from why
    return read(text, name)


def read(text: str, name: str) -> Lecture:
    """A lecture from its file's text.

    Raises:
        LectureError: It is no TOML, has no step that can be shown, or says what no lecture can.
    """
    if len(text) > MOST_BYTES:
        raise LectureError(f"A lecture's file has at most {MOST_BYTES:,} characters; this one has {len(text):,}.")
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise LectureError(f"The lecture's file cannot be read: {why}.") from why
    steps, lines = said.get("step", []), _lines(text)
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps) or not steps:
        raise LectureError("A lecture needs at least one [[step]] with a page.")
    if len(steps) > MOST_STEPS:
        raise LectureError(f"A lecture has at most {MOST_STEPS} steps; this one has {len(steps):,}.")
    kept, skipped = [], []
    for number, table in enumerate(steps):
        where = f"Line {lines[number]}" if number < len(lines) else f"Step {number + 1}"
        step = _step(table, where)
        if why_not := _missing(step):
            skipped.append(f"{where}: {why_not}")
        else:
            kept.append(step)
    if not kept:
        raise LectureError(f"No step of this lecture can be shown. {skipped[0]}")
    return Lecture(name, str(said.get("title", name))[:80], tuple(kept), tuple(skipped))


def _lines(text: str) -> list[int]:
    return [k for k, line in enumerate(text.splitlines(), start=1) if re.match(r"\s*\[\[\s*step\s*\]\]", line)]


def _step(table: Mapping[str, Any], where: str) -> Step:
    unknown = sorted(table.keys() - {*WORDS, "answers", "link"})
    if unknown:
        raise LectureError(f"{where}: a step has no {unknown[0]!r}; it has {', '.join(WORDS)}, answers and link.")
    words = {name: table.get(name, "") for name in WORDS}
    wrong = next(
        (name for name, value in words.items() if not isinstance(value, str) or len(value) > MOST_WORDS), None
    )
    if wrong:
        raise LectureError(f"{where}: {wrong} must be a text in quotes of at most {MOST_WORDS} characters.")
    if not words["page"]:
        raise LectureError(f'{where}: the step says no page; write page = "gaussian", for instance.')
    link = table.get("link", {})
    if not isinstance(link, dict) or not all(isinstance(value, str | int | float | bool) for value in link.values()):
        raise LectureError(f'{where}: link must be a table of what the link says, such as {{ points = "500" }}.')
    answers = table.get("answers", [])
    if not isinstance(answers, list) or not all(isinstance(a, str) and 0 < len(a) <= MOST_WORDS for a in answers):
        raise LectureError(f'{where}: answers must be a list of texts, such as ["Yes", "No"].')
    step = Step(**words, answers=tuple(answers), link={key: _as_link(value) for key, value in link.items()})
    if not step.ask and (answers or step.right or step.because):
        raise LectureError(f"{where}: the step has answers but asks nothing; write the question as ask.")
    try:
        _ = step.question
    except ValueError as why:
        raise LectureError(f"{where}: {why}") from why
    return step


def _as_link(value: str | float) -> str:
    """As a link writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _missing(step: Step) -> str:
    """Why a step cannot be shown; empty if it can."""
    concept = next((one for one in concepts() if one.page == step.page), None)
    if concept is None:
        return f"there is no page {step.page!r} yet."
    if step.cue and step.cue not in cues(concept):
        return f"the page {step.page!r} has no cue {step.cue!r} yet."
    return ""


def written(title: str, steps: tuple[Step, ...]) -> str:
    """A lecture's file, which :func:`read` takes back."""
    parts = [f"title = {_quoted(title)}\n"]
    for step in steps:
        lines = [f"{name} = {_quoted(getattr(step, name))}" for name in WORDS if getattr(step, name)]
        if step.answers:
            lines.append(f"answers = [{', '.join(map(_quoted, step.answers))}]")
        if step.link:
            pairs = ", ".join(f"{_quoted(key)} = {_quoted(value)}" for key, value in step.link.items())
            lines.append(f"link = {{ {pairs} }}")
        parts.append("[[step]]\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
