"""Concepts and their cues, found rather than listed."""

from __future__ import annotations

import ast
from functools import cache

from dashboard.concepts import Concept, concepts

CONCEPTS = concepts()
PAGES = tuple(concept.page for concept in CONCEPTS)


@cache
def cues(concept: Concept) -> tuple[str, ...]:
    """Names of a page's cues, in order: its functions ``show_NAME`` that are decorated by ``page.cue``."""
    body = ast.parse(concept.path.read_text("utf-8")).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef) and is_cue(node)]
    return tuple(function.name.removeprefix("show_") for function in functions)


def is_cue(function: ast.FunctionDef) -> bool:
    calls = [d.func for d in function.decorator_list if isinstance(d, ast.Call)]
    return any(isinstance(call, ast.Attribute) and call.attr == "cue" for call in calls)


EVERY_CUE = tuple((concept.page, cue) for concept in CONCEPTS for cue in cues(concept))
FROM_THE_STORE = tuple(c.page for c in CONCEPTS if "needs=" in c.path.read_text("utf-8"))
"""Pages that show a checkpoint."""
