"""One contract for all models: n + 1 states, list equals stream, same seed same states, nothing mutated.

A model's own test file lists small runs of it as ``CONTRACT``: a name, the number of steps, and what starts the run.
"""

import ast
import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

HERE = Path(__file__).parent
GENMODELS = HERE.parents[1] / "genmodels"


def contracts() -> list[tuple]:
    """All that the test files list."""
    found = []
    for path in sorted(HERE.rglob("test_*.py")):
        if "\nCONTRACT = [" in path.read_text("utf-8"):
            spec = importlib.util.spec_from_file_location(f"contract_of_{path.stem}", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            found += [pytest.param(steps, make, id=name) for name, steps, make in module.CONTRACT]
    return found


CONTRACTS = contracts()
every_model = pytest.mark.parametrize(("steps", "make"), CONTRACTS)


def iterators() -> set[str]:
    """Every public ``iterate_…`` of genmodels."""
    trees = [ast.parse(path.read_text("utf-8")) for path in GENMODELS.rglob("*.py")]
    return {node.name for tree in trees for node in tree.body if name_of(node).startswith("iterate_")}


def name_of(node: ast.stmt) -> str:
    return node.name if isinstance(node, ast.FunctionDef) else ""


def fingerprint(state) -> list:
    return [np.array(getattr(state, f.name), copy=True) for f in dataclasses.fields(state)]


def same(a: list, b: list) -> bool:
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(a, b, strict=True))


def test_every_model_is_here():
    held = {name for _, make in (p.values for p in CONTRACTS) for name in make.__code__.co_names}
    assert iterators() <= held, f"no CONTRACT holds {iterators() - held}"


@every_model
def test_n_steps_give_n_plus_1_states(steps, make):
    states = list(make())
    assert len(states) == steps + 1
    assert [s.step for s in states] == list(range(steps + 1))


@every_model
def test_states_are_frozen_and_never_mutated_later(steps, make):
    streamed = [(state, fingerprint(state)) for state in make()]
    assert all(same(fingerprint(state), then) for state, then in streamed)
    with pytest.raises(dataclasses.FrozenInstanceError):
        streamed[0][0].step = 5


@every_model
def test_same_seed_same_states(steps, make):
    assert all(same(fingerprint(a), fingerprint(b)) for a, b in zip(make(), make(), strict=True))


@every_model
def test_no_global_is_touched(steps, make):
    """Neither seed, nor torch's gradient mode at a yield, whatever it was before."""
    before = np.random.get_state()[1].copy(), torch.random.get_rng_state()  # noqa: NPY002
    for mode in (True, False):
        with torch.set_grad_enabled(mode):
            for _ in make():
                assert torch.is_grad_enabled() == mode
    assert np.array_equal(before[0], np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(before[1], torch.random.get_rng_state())
