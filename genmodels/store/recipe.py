"""Recipes: how each checkpoint is built, and how it is judged.

A module of this package is named after its model and lists its recipes as ``RECIPES``; nothing else needs to be
told of it. Importing it must be cheap: torch belongs inside `build` and `evaluate`, so that listing what is there
does not wait for it.

*Resuming.* `build` may be killed at any moment and started again. It asks :attr:`Job.resume` once for the arrays it
last gave to :attr:`Job.keep`, and should keep all that decides the rest: parameters, the optimiser's moments, the
step, the states of its generators (:func:`generator_to_array`; a torch generator's `get_state` is an array
already). Then a build with interruptions gives the same arrays as one without.

*Judging.* `evaluate` gives the held-out figures; `recompute` finds the arrays that pages show once more: from
weights, pictures or data, never from themselves. What it cannot find is named in `recorded`.

What decides the arrays belongs into `config`: it is how a checkpoint is found to be stale. A change of code is not
seen; change the config, or build again by name.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genmodels.data.digits import DIGITS, data_sha256
from genmodels.data.planar import DATASETS
from genmodels.data.text import TEXTS
from genmodels.store.checkpoint import KINDS
from genmodels.store.packing import plain

PACKAGE = "genmodels.recipes"
Arrays = Mapping[str, Any]
"""Numpy arrays or torch tensors by name."""
Progress = Callable[[int, int, str], None]
"""Takes steps done, steps in all, and a line of text."""


@dataclass(frozen=True)
class Job:
    """What `build` is given.

    Attributes:
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; it can be used.
        progress: To be called now and then, with steps done, steps in all, and a line of text such as the loss. It
            may raise, to end the build.
        resume: The arrays last kept by an unfinished build of this very recipe, or None.
        keep: Takes all that is needed to go on, or a function that makes it. Writes it at most every 15 seconds, so
            call it after every step or every hundred.
    """

    device: str
    progress: Progress
    resume: Callable[[], dict[str, np.ndarray] | None]
    keep: Callable[[Arrays | Callable[[], Arrays]], None]


@dataclass(frozen=True)
class Built:
    """What `build` returns: the arrays to store, and how many training steps they took."""

    arrays: Arrays
    steps: int


@dataclass(frozen=True, eq=False)
class Recomputed:
    """A stored array, or some of its entries, found once more without reading it.

    Attributes:
        name: Of the array.
        values: What was found, of the same shape as what is stored there.
        tolerance: By how much any entry may differ on another machine.
        at: Which entries along the first axis; None for all.
        by: From what, in a word or two, to tell several of one array apart.
    """

    name: str
    values: np.ndarray
    tolerance: float = 0.0
    at: Sequence[int] | None = None
    by: str = ""

    def differs(self, arrays: Arrays) -> tuple[float, float]:
        """What is stored and what was found, in the entry where they differ most.

        Raises:
            ValueError: The stored array has another shape.
        """
        stored = np.asarray(arrays[self.name], dtype=np.float64)
        stored = stored if self.at is None else stored[list(self.at)]
        found = np.asarray(self.values, dtype=np.float64)
        if stored.shape != found.shape or not found.size:
            raise ValueError(f"{self.name} has the shape {stored.shape} where {found.shape} was found")
        worst = np.abs(stored - found).argmax()  # a NaN, if there is one
        return float(stored.flat[worst]), float(found.flat[worst])


def within(name: str, stored: np.ndarray, low: Any, high: Any, by: str, tolerance: float = 1e-6) -> Recomputed:
    """For an array of which only bounds are known: it has to lie between them, entry by entry."""
    return Recomputed(name, np.clip(np.asarray(stored, dtype=np.float64), low, high), tolerance, by=by)


def nothing(arrays: dict[str, np.ndarray], device: str) -> Iterable[Recomputed]:
    """Of a recipe that stores weights alone."""
    return ()


@dataclass(frozen=True)
class Recipe:
    """How one checkpoint is built and judged.

    Attributes:
        name: Of the checkpoint.
        kind: ``"weights"`` or ``"recording"``.
        model: What is trained.
        config: All that decides the arrays besides data and seed: numbers, text, lists, dicts.
        data: Name of a set in `genmodels.data.digits`, `.text` or `.planar`, or ``""``.
        seed: Seed of the build.
        build: From a job to the arrays.
        evaluate: From the arrays as stored and a device to metrics on held-out data; the same each time, up to the
            tolerance. Its names say the unit, such as ``nll_nats``.
        tolerance: For each metric, by how much it may differ on another machine or device.
        recompute: From the arrays as stored and a device to what is found once more.
        recorded: Arrays of which some entries, or all, cannot be found once more, and what is known of them instead.

    Raises:
        ValueError: An unknown kind or data set, a config that JSON cannot say, or a tolerance below 0.
    """

    name: str
    kind: str
    model: str
    config: dict[str, Any]
    data: str
    seed: int
    build: Callable[[Job], Built]
    evaluate: Callable[[dict[str, np.ndarray], str], dict[str, float]]
    tolerance: dict[str, float]
    recompute: Callable[[dict[str, np.ndarray], str], Iterable[Recomputed]] = nothing
    recorded: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: kind is {self.kind!r}; expected one of {', '.join(KINDS)}.")
        if self.data not in ("", *DIGITS, *TEXTS, *DATASETS):
            known = ", ".join((*DIGITS, *TEXTS, *DATASETS))
            raise ValueError(f"{self.name}: data is {self.data!r}; expected '' or one of {known}.")
        if not all(value >= 0 for value in self.tolerance.values()):
            raise ValueError(f"{self.name}: tolerance is {self.tolerance}; expected numbers of 0 or more.")
        object.__setattr__(self, "config", plain(self.config))

    @property
    def data_sha256(self) -> str:
        """Of the digits or the text it uses; ``""`` for data drawn from a formula."""
        if self.data in TEXTS:
            return TEXTS[self.data]().sha256
        return data_sha256(self.data) if self.data in DIGITS else ""

    def identity(self) -> dict[str, Any]:
        """What a checkpoint or an unfinished build must share with this recipe to be of it."""
        fields = ("kind", "model", "config", "data", "data_sha256", "seed")
        return {field: getattr(self, field) for field in fields}


def all_recipes() -> dict[str, Recipe]:
    """All recipes by name, from the modules of :mod:`genmodels.recipes`, which are imported now.

    Raises:
        ValueError: Two have the same name.
    """
    found: dict[str, Recipe] = {}
    for module in sorted(
        pkgutil.iter_modules(importlib.import_module(PACKAGE).__path__), key=lambda module: module.name
    ):
        for recipe in importlib.import_module(f"{PACKAGE}.{module.name}").RECIPES:
            if recipe.name in found:
                raise ValueError(f"Two recipes are named {recipe.name!r}; rename the one in {module.name}.py.")
            found[recipe.name] = recipe
    return found


def generator_to_array(rng: np.random.Generator) -> np.ndarray:
    """The state of a generator, as numbers that :attr:`Job.keep` can store: uint8."""
    return np.frombuffer(json.dumps(rng.bit_generator.state).encode(), dtype=np.uint8)


def array_to_generator(state: np.ndarray) -> np.random.Generator:
    """The inverse of :func:`generator_to_array`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> copy = array_to_generator(generator_to_array(rng))
        >>> rng.random() == copy.random()
        True
    """
    rng = np.random.default_rng()
    rng.bit_generator.state = json.loads(state.tobytes())
    return rng
