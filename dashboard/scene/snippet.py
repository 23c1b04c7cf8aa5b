"""The model's call behind a picture, as Python that runs by itself: with this very config, and ``genmodels`` only.

A scene's file has, beside ``scene(config)``, a function ``code(config)`` that returns such a text. Its last lines
make ``shown``, the numbers that the picture shows, under the names that they have there: of the last frame, or of the
one whose id the text calls ``step``, or an array with one number a frame.
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

WIDTH = 112
"""Characters of a line in which arguments are written."""


def snippet(*lines: str) -> str:
    """Lines as one text; imports come first, each once, whoever asked for them; what is empty is left out.

    Example:
        >>> print(snippet("x = np.ones(2)", "import numpy as np", "shown = {'sum': x.sum()}"), end="")
        import numpy as np
        <BLANKLINE>
        x = np.ones(2)
        shown = {'sum': x.sum()}
        print(shown)
    """
    given = [line for text in lines if text for line in text.split("\n")]
    plain = {line for line in given if line.startswith("import ")}
    named: dict[str, set[str]] = {}
    for line in given:
        if line.startswith("from "):
            module, names = line.removeprefix("from ").split(" import ")
            named.setdefault(module, set()).update(names.split(", "))
    imports = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(named.items())]
    body = [line for line in given if not line.startswith(("import ", "from "))]
    return "\n".join([*sorted(plain), *imports, "", *body, "print(shown)", ""])


def called(name: str, *values: Any, **named: Any) -> str:
    """Python that calls a function with these values, on as many lines as they need.

    Example:
        >>> called("config = VAEConfig", 64, n_latents=2)
        'config = VAEConfig(64, n_latents=2)'
    """
    arguments = ", ".join([*map(written, values), *(f"{key}={written(value)}" for key, value in named.items())])
    lines = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False)
    lines.subsequent_indent = " " * (len(name) + 1)
    return lines.fill(f"{name}({arguments})")


def written(value: Any, **fields: str) -> str:
    """Python that makes an equal value: numbers with all their digits, of a config only what is not its default.

    Args:
        value: A number, text, array, config, or a list or tuple of them.
        fields: Of a config, by their names, how the text calls them.

    Example:
        >>> written(np.array([[0.5, 1], [2, 3]])), written((1, "a", None)), written(10**-2.7)
        ('np.array([[0.5, 1.0], [2.0, 3.0]])', "(1, 'a', None)", '10**-2.7')
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({', '.join(_fields(value, fields))})"
    if isinstance(value, np.ndarray):
        return f"np.array({value.tolist()!r}{_dtype(value)})" if value.size else f"np.zeros({value.shape})"
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, tuple):
        inner = ", ".join(map(written, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, float) and value > 0:
        return _number(value)
    return repr(value)


def _number(value: float) -> str:
    """A power of ten as such, where it is one by a tenth: so a learning rate stands on its slider."""
    if value == np.inf:
        return "np.inf"
    power = round(float(np.log10(value)), 1)
    return f"10**{power}" if len(repr(value)) > 12 and 10.0**power == value else repr(value)


def _fields(config: Any, named: Mapping[str, str]) -> list[str]:
    """``name=value`` of what is not the default; of what has none, always; or as it is named."""
    texts = {name: written(value) for name, value in settings(config).items()} | dict(named)
    return [f"{field.name}={texts[field.name]}" for field in dataclasses.fields(config) if field.name in texts]


def settings(config: Any) -> dict[str, Any]:
    """The fields of a config whose values are not the default; what has none, always."""
    found = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if field.init and not _same(value, default):
            found[field.name] = value
    return found


def _same(value: Any, default: Any) -> bool:
    if isinstance(value, np.ndarray) or isinstance(default, np.ndarray):
        return isinstance(default, type(value)) and np.array_equal(value, default)
    return type(value) is type(default) and bool(value == default)


def _dtype(array: np.ndarray) -> str:
    """What ``np.array`` would not guess by itself."""
    guessed = np.array(array.tolist()).dtype
    return "" if array.dtype == guessed else f", dtype=np.{array.dtype.name}"
