"""Concepts and their cues, found rather than listed."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import re
from functools import cache

from dashboard.concepts import Concept, concepts, cues
from dashboard.scene.fields import Choice, control_of

CONCEPTS = concepts()
PAGES = tuple(concept.page for concept in CONCEPTS)


@cache
def without_picture(concept: Concept) -> frozenset[str]:
    """Cues of a page that nothing is played in: no stage stands in their function."""
    body = ast.parse(concept.path.read_text("utf-8")).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    staged = {f.name for f in functions if re.search(r"page\.(stage|show)\(", ast.unparse(f))}
    return frozenset(cue for cue in cues(concept) if f"show_{cue}" not in staged)


EVERY_CUE = tuple(
    (concept.page, cue) for concept in CONCEPTS for cue in cues(concept) if cue not in without_picture(concept)
)
"""Every cue that plays something."""
FROM_THE_STORE = tuple(c.page for c in CONCEPTS if "needs=" in c.path.read_text("utf-8"))
"""Pages that show a checkpoint."""


@cache
def configs(page: str) -> frozenset[type]:
    """The dataclasses of a page's scenes."""
    package = importlib.import_module(f"dashboard.scenes.{page}")
    names = [f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__)]
    modules = [importlib.import_module(name) for name in names]
    found = {value for module in modules for value in vars(module).values() if dataclasses.is_dataclass(value)}
    return frozenset(value for value in found if isinstance(value, type))


@cache
def titles(page: str) -> dict[str, dict[object, str]]:
    """Values of each select box of a page with their titles, by key, from the fields of its scenes' configs."""
    found: dict[str, dict[object, str]] = {}
    for field in (f for config in configs(page) for f in dataclasses.fields(config)):
        if isinstance(control := control_of(field), Choice):
            found.setdefault(f"{page}.{field.name}", {}).update(control.options)
    return found
