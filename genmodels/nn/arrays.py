"""A network's parameters, and a training run's moment, as named arrays, and back.

A training run at one moment is four things: the parameters θ, Adam's two moments of the gradient, the state of the
random generator, and the number of steps taken. Write all four down as arrays and read them back, and the run goes
on as if it had never stopped, bit for bit (same machine, same versions, one thread).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

OTHERS = ("adam.exp_avg", "adam.exp_avg_sq", "adam.step", "generator", "step")


def flat(module: nn.Module) -> np.ndarray:
    """All parameters in one vector ``(P,)``, a copy, in the module's order."""
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()]).cpu().numpy()


def arrays(module: nn.Module) -> dict[str, np.ndarray]:
    """Copies of the parameters by name, such as ``"encoder.0.weight"`` of shape ``(outputs, inputs)``."""
    return unflatten(flat(module), shapes(module))


def unflatten(vector: np.ndarray, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Cut a vector ``(P,)`` into named arrays (views), the inverse of :func:`flat`."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    if vector.shape != (ends[-1],):
        raise ValueError(f"The vector has the shape {vector.shape}; this network has {ends[-1]} parameters.")
    pieces = np.split(vector, ends[:-1])
    return {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


def shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of each parameter, by name."""
    return {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}


@torch.no_grad()
def load(module: nn.Module, named: Mapping[str, np.ndarray]) -> nn.Module:
    """Copy named arrays into the module's parameters; other names (Adam's, the step) are passed over.

    Raises:
        ValueError: A name is missing or a shape does not fit; the message says which.
    """
    for name, parameter in module.named_parameters():
        if name not in named:
            raise ValueError(f"The arrays hold no {name!r}; give those of a network built by the same config.")
        value = np.asarray(named[name])
        if value.shape != parameter.shape:
            raise ValueError(
                f"{name!r} has the shape {value.shape}, and this network's has {tuple(parameter.shape)}; give the "
                "arrays of a network built by the same config."
            )
        parameter.copy_(torch.tensor(value))
    return module


def adam_moments(module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[np.ndarray, int]:
    """Adam's running means of g and of g², ``(2, P)``, and how many updates it has made; zeros before the first."""
    rows, updates = [], 0
    for name in ("exp_avg", "exp_avg_sq"):
        held = [optimizer.state.get(p, {}).get(name, torch.zeros_like(p)) for p in module.parameters()]
        rows.append(torch.cat([m.detach().reshape(-1) for m in held]))
    for entry in optimizer.state.values():
        updates = int(entry["step"])
    return torch.stack(rows).cpu().numpy(), updates


def snapshot(
    module: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator, step: int
) -> dict[str, np.ndarray]:
    """Everything that a training run needs to go on, as copies; fit for safetensors (no scalar, no view).

    Args:
        module: The network; its P parameters appear under their own names.
        optimizer: Adam or AdamW over ``module.parameters()``.
        generator: Its state appears as uint8.
        step: How many steps have been taken.

    Returns:
        The parameters; ``adam.exp_avg`` and ``adam.exp_avg_sq`` ``(P,)``; ``adam.step`` and ``step`` ``(1,)`` int64;
        ``generator``.
    """
    moments, updates = adam_moments(module, optimizer)
    return pack(arrays(module), moments, updates, generator.get_state().numpy().copy(), step)


def pack(
    named: Mapping[str, np.ndarray], moments: np.ndarray, updates: int, generator: np.ndarray, step: int
) -> dict[str, np.ndarray]:
    """A snapshot from its parts: parameters by name, moments ``(2, P)``, counts, the generator's state."""
    counts = [np.array([n], dtype=np.int64) for n in (updates, step)]
    others = (moments[0].copy(), moments[1].copy(), counts[0], generator.copy(), counts[1])
    return {name: value.copy() for name, value in named.items()} | dict(zip(OTHERS, others, strict=True))


def restore(
    saved: Mapping[str, np.ndarray],
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
) -> int:
    """Put a :func:`snapshot` back into a run that was built alike; the three are changed in place.

    Returns:
        The step to go on from.

    Raises:
        ValueError: An array is missing or does not fit; the message says which.
    """
    missing = [name for name in OTHERS if name not in saved]
    if missing:
        raise ValueError(f"The snapshot holds no {', '.join(missing)}; give the whole of what was saved.")
    load(module, saved)
    named = shapes(module)
    first, second = (unflatten(np.asarray(saved[name]), named) for name in OTHERS[:2])
    updates = int(np.asarray(saved["adam.step"]).item())
    optimizer.load_state_dict(
        {
            "param_groups": optimizer.state_dict()["param_groups"],
            "state": {
                i: {
                    "step": torch.tensor(float(updates)),
                    "exp_avg": torch.tensor(first[name]),
                    "exp_avg_sq": torch.tensor(second[name]),
                }
                for i, (name, parameter) in enumerate(module.named_parameters())
                if updates and parameter.requires_grad
            },
        }
    )
    generator.set_state(torch.tensor(np.asarray(saved["generator"], dtype=np.uint8)))
    return int(np.asarray(saved["step"]).item())
