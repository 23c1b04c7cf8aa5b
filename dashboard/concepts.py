"""A concept and what it says of itself; every concept is found, none is listed.

A folder of :mod:`dashboard.scenes` that holds a ``CONCEPT`` is one. The menu, the map, the timeline, the README's
table (``python -m dashboard.concepts`` writes it) and the tests take it from there.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

PACKAGE = "dashboard.scenes"
PAGES = Path(__file__).resolve().parent.parent / "pages"
HOME = "map"
"""The page that stands at the root of the address."""
Family = Literal["exact", "approximate", "implicit"]


@dataclass(frozen=True)
class Model:
    """One generative model on the map.

    Args:
        name: As the field calls it.
        family: Whether log p(x) can be computed, can be bounded, or neither.
        year: First appearance.
        paper: Who, as one cites it.
        disputed: Where lectures disagree about its family or its year, and why.
    """

    name: str
    family: Family
    year: int
    paper: str
    disputed: str = ""


@dataclass(frozen=True, order=True)
class Event:
    """One entry of the timeline: when, what, who."""

    year: int
    name: str
    who: str


@dataclass(frozen=True)
class Concept:
    """What a page is about.

    Args:
        page: Its file in ``pages/``, and its address.
        title: In the menu.
        question: That the page answers.
        section: Of the menu.
        order: Among all concepts; a section stands where its first concept does.
        models: On the map of families.
        events: On the timeline.
        thumbnail: The cue, empty for the first, and the panel of it that its picture on the map is made of.
    """

    page: str
    title: str
    question: str
    section: str
    order: int
    models: tuple[Model, ...] = ()
    events: tuple[Event, ...] = ()
    thumbnail: tuple[str, int] = ("", 0)

    @property
    def address(self) -> str:
        """The path of its page in a link: empty for the map."""
        return "" if self.page == HOME else self.page

    @property
    def path(self) -> Path:
        """The page's file."""
        return PAGES / f"{self.page}.py"


@lru_cache(maxsize=1)
def concepts() -> tuple[Concept, ...]:
    """All concepts, in their order."""
    package = importlib.import_module(PACKAGE)
    folders = [f"{PACKAGE}.{m.name}" for m in pkgutil.iter_modules(package.__path__) if m.ispkg]
    found = [getattr(importlib.import_module(folder), "CONCEPT", None) for folder in folders]
    return tuple(sorted((c for c in found if c is not None), key=lambda c: c.order))


@lru_cache(maxsize=64)
def cues(concept: Concept) -> tuple[str, ...]:
    """Names of a page's cues, in order: its functions ``show_NAME`` that are decorated by ``page.cue``."""
    body = ast.parse(concept.path.read_text("utf-8")).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef) and _is_cue(node)]
    return tuple(function.name.removeprefix("show_") for function in functions)


def _is_cue(function: ast.FunctionDef) -> bool:
    calls = [d.func for d in function.decorator_list if isinstance(d, ast.Call)]
    return any(isinstance(call, ast.Attribute) and call.attr == "cue" for call in calls)


def sections() -> dict[str, list[Concept]]:
    """Concepts by section, in order."""
    by_section: dict[str, list[Concept]] = {}
    for concept in concepts():
        by_section.setdefault(concept.section, []).append(concept)
    return by_section


def readme_table() -> str:
    """The README's list of pages."""
    rows = [f"| `/{concept.address}` | {concept.question} |" for concept in concepts()]
    return "\n".join(["| page | question |", "|---|---|", *rows])


def in_readme(text: str) -> str:
    """The README's text with today's list of pages in place of the old one."""
    before, _, rest = text.partition("| page | question |\n")
    after = rest.partition("\n\n")[2]
    return f"{before}{readme_table()}\n\n{after}"


if __name__ == "__main__":
    readme = PAGES.parent / "README.md"
    readme.write_text(in_readme(readme.read_text("utf-8")), "utf-8")
