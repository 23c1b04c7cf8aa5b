"""Recipes: how each checkpoint is built, and how it is judged.

A module of this package is named after its model and lists its recipes as ``RECIPES``; nothing else needs to be
told of it. Importing it must be cheap: torch belongs inside `build` and `evaluate`, so that listing what is there
does not wait for it.

*Resuming.* `build` may be killed at any moment and started again. It asks :attr:`Job.resume` once for the arrays it
last gave to :attr:`Job.keep`, and should keep all that decides the rest: parameters, the optimiser's moments, the
step, the states of its generators (:func:`generator_to_array`; a torch generator's `get_state` is an array
already). Then a build with interruptions gives the same arrays as one without.

What decides the arrays belongs into `config`: it is how a checkpoint is found to be stale. A change of code is not
seen; change the config, or build again by name.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genmodels.data.digits import DIGITS, data_sha256
from genmodels.data.planar import DATASETS
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


@dataclass(frozen=True)
class Recipe:
    """How one checkpoint is built and judged.

    Attributes:
        name: Of the checkpoint.
        kind: ``"weights"`` or ``"recording"``.
        model: What is trained.
        config: All that decides the arrays besides data and seed: numbers, text, lists, dicts.
        data: Name of a set in `genmodels.data.digits` or `genmodels.data.planar`, or ``""``.
        seed: Seed of the build.
        build: From a job to the arrays.
        evaluate: From the arrays as stored and a device to metrics on held-out data; the same each time, up to the
            tolerance. Its names say the unit, such as ``nll_nats``.
        tolerance: For each metric, by how much it may differ on another machine or device.

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

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: kind is {self.kind!r}; expected one of {', '.join(KINDS)}.")
        if self.data not in ("", *DIGITS, *DATASETS):
            known = ", ".join((*DIGITS, *DATASETS))
            raise ValueError(f"{self.name}: data is {self.data!r}; expected '' or one of {known}.")
        if not all(value >= 0 for value in self.tolerance.values()):
            raise ValueError(f"{self.name}: tolerance is {self.tolerance}; expected numbers of 0 or more.")
        object.__setattr__(self, "config", plain(self.config))

    @property
    def data_sha256(self) -> str:
        """Of the digits it uses; ``""`` for data drawn from a formula."""
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
