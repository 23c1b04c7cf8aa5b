r"""What the neural models share: networks, explicit randomness, and a training loop that can be resumed.

A training run at one moment is four things: the parameters θ, Adam's two moments of the gradient, the state of
the random generator, and the number of steps taken. Write all four down as arrays and read them back, and the run
goes on as if it had never stopped, bit for bit (same machine, same versions, one thread).

*Randomness*: one ``torch.Generator`` on the CPU, seeded by the config, draws the initial weights and later the
noise, whatever the device, so that a seed means the same numbers everywhere; the global seed is never touched. The
order of the data in epoch e depends on (seed, e) alone.

*Which loss belongs to a state*: that of the **next** minibatch, under the state's own parameters. So the numbers
shown belong to the network shown, the initial state has some too, and during the first epoch they are those of
data not yet learned from.

Sources: Kingma & Ba (2015), *Adam*, arXiv:1412.6980; Loshchilov & Hutter (2019), *Decoupled weight decay*,
arXiv:1711.05101; LeCun et al. (1998), *Efficient BackProp*, for the scale of the initial weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn.utils import skip_init

from genmodels import device
from genmodels.kmeans import check_whole

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}
OTHERS = ("adam.exp_avg", "adam.exp_avg_sq", "adam.step", "generator", "step")
Diagnostics = TypeVar("Diagnostics")


class DivergedError(ValueError):
    """The loss is no longer a finite number.

    Attributes:
        step: The step that led there; the states before it have been yielded.
    """

    def __init__(self, step: int) -> None:
        self.step = step
        super().__init__(
            f"The training diverged at step {step}: its loss is not a finite number; try a smaller learning rate."
        )


# --- Networks -----------------------------------------------------------------------------------------------


def linear(n_inputs: int, n_outputs: int) -> nn.Linear:
    """A linear layer whose weights are not set yet (torch would draw them from the global seed)."""
    return skip_init(nn.Linear, n_inputs, n_outputs)


def conv(n_inputs: int, n_outputs: int, size: int = 3) -> nn.Conv2d:
    """A convolution that keeps height and width, whose weights are not set yet; ``size`` is odd."""
    return skip_init(nn.Conv2d, n_inputs, n_outputs, size, padding=size // 2)


def mlp(sizes: Sequence[int], activation: str = "relu") -> nn.Sequential:
    """A multi-layer perceptron; the last layer is linear. Its weights are not set: call :func:`initialise`.

    Args:
        sizes: Width of each layer, inputs and outputs included, two or more; two make a linear map.
        activation: Between the layers: ``"relu"``, ``"silu"`` or ``"tanh"``.

    >>> mlp([3, 8, 2])
    Sequential(
      (0): Linear(in_features=3, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=8, out_features=2, bias=True)
    )
    """
    check_activation(activation)
    if len(sizes) < 2:
        raise ValueError(f"sizes is {tuple(sizes)}; give at least the number of inputs and of outputs.")
    layers: list[nn.Module] = []
    for n_inputs, n_outputs in pairwise(sizes):
        layers += [linear(n_inputs, n_outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU with this seed."""
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
def initialise(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """Draw the weights and biases of every linear and convolutional layer from U(−1/√fan_in, 1/√fan_in).

    This is torch's own default distribution, drawn from a generator of ours; other parameters stay as they are.

    Args:
        module: Anything that holds ``nn.Linear`` or ``nn.Conv2d`` layers; changed in place, and returned.
        generator: On the CPU.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = layer.weight[0].numel() ** -0.5
            for parameter in (layer.weight, layer.bias):
                if parameter is not None:
                    parameter.copy_((2 * torch.rand(parameter.shape, generator=generator) - 1) * bound)
    return module


def n_parameters(module: nn.Module) -> int:
    """How many numbers the module has learned or holds fixed."""
    return sum(parameter.numel() for parameter in module.parameters())


# --- Parameters as arrays -----------------------------------------------------------------------------------


def flat(module: nn.Module) -> np.ndarray:
    """All parameters in one vector ``(P,)``, a copy, in the module's order."""
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()]).cpu().numpy()


def arrays(module: nn.Module) -> dict[str, np.ndarray]:
    """Copies of the parameters by name, such as ``"encoder.0.weight"`` of shape ``(outputs, inputs)``."""
    return unflatten(flat(module), _shapes(module))


def unflatten(vector: np.ndarray, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Cut a vector ``(P,)`` into named arrays (views), the inverse of :func:`flat`."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    if vector.shape != (ends[-1],):
        raise ValueError(f"The vector has the shape {vector.shape}; this network has {ends[-1]} parameters.")
    pieces = np.split(vector, ends[:-1])
    return {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
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


def _moments(module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[np.ndarray, int]:
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
    moments, updates = _moments(module, optimizer)
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
    shapes = _shapes(module)
    first, second = (unflatten(np.asarray(saved[name]), shapes) for name in OTHERS[:2])
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


# --- Training -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How to train; each model's config adds what to train, and ``build()``.

    Args:
        n_steps: Steps of Adam to take in all (those before a resumption included), 0 or more.
        batch: Most images in a minibatch, B ≥ 1. An epoch of N is cut into ⌈N/B⌉ parts that differ by at most 1.
        learning_rate: Adam's, above 0.
        decay: Whether the learning rate falls to 0 at n_steps, along half a cosine.
        weight_decay: Decoupled, as in AdamW, 0 or more: each step shrinks the weights by this times learning_rate.
        every: A state, which holds copies of all parameters and moments, is yielded every so many steps, 1 or more
            (and at the last step). The steps between cost no copy.
        seed: Of weights, order and noise, 0 or more.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``; small networks are fastest on the CPU.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    n_steps: int = 1000
    batch: int = 128
    learning_rate: float = 1e-3
    decay: bool = False
    weight_decay: float = 0.0
    every: int = 1
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, least in (("n_steps", 0), ("batch", 1), ("every", 1), ("seed", 0)):
            check_whole(name, getattr(self, name), at_least=least)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("weight_decay", self.weight_decay, at_least=0)
        if self.device not in device.CHOICES:
            raise ValueError(f"device is {self.device!r}; choose one of {', '.join(device.CHOICES)}.")

    def rate(self, step: int) -> float:
        """Learning rate of the update that follows after ``step`` of them."""
        return self.learning_rate * (0.5 + 0.5 * math.cos(math.pi * step / self.n_steps) if self.decay else 1.0)

    def build(self) -> nn.Module:
        """The network that this config describes, its weights not yet set."""
        raise NotImplementedError


@lru_cache(maxsize=64)
def _shapes_of(config: TrainingConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return _shapes(config.build())


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingState:
    """A training run after ``step`` updates: copies, which nothing changes later.

    Attributes:
        step: Number of updates made.
        epoch: Passes through the data so far, a fraction.
        parameters: All of them in one vector, ``(P,)``; see :meth:`arrays`.
        moments: Adam's running means of g and g², ``(2, P)``.
        generator: The random generator's state, uint8.
        config: What was trained, and how.
    """

    step: int
    epoch: float
    parameters: np.ndarray
    moments: np.ndarray
    generator: np.ndarray
    config: Any

    def arrays(self) -> dict[str, np.ndarray]:
        """The parameters by name, read-only views; what :mod:`genmodels.forward` takes."""
        return unflatten(self.parameters, _shapes_of(self.config))

    def snapshot(self) -> dict[str, np.ndarray]:
        """Parameters, moments, generator and step as named arrays; what ``resume=`` and safetensors take."""
        return pack(self.arrays(), self.moments, self.step, self.generator, self.step)

    def model(self) -> Any:
        """A new network with these parameters, on the CPU."""
        return load(self.config.build(), self.arrays())


Resume = TrainingState | Mapping[str, np.ndarray]


def train(
    config: TrainingConfig,
    n: int,
    loss_of: Callable[[Any, torch.Tensor, torch.Generator], tuple[torch.Tensor, Diagnostics]],
    resume: Resume | None = None,
) -> Iterator[tuple[dict[str, Any], Diagnostics]]:
    """Adam on minibatches.

    Args:
        config: What and how.
        n: Number of data, N.
        loss_of: From the module, the rows of a minibatch ``(B,)`` and the generator to the loss to descend and what
            to report of it.
        resume: A state of an earlier run of this config, or its snapshot; None starts anew.

    Yields:
        The fields of :class:`TrainingState`, and the report of ``loss_of`` for the next minibatch under these
        parameters; first of all before any update (when resumed: at the step resumed from).

    Raises:
        DivergedError: The loss is no longer finite, *after* the states that led there have been yielded.
        ValueError: ``resume`` belongs to another network, or is further on than ``n_steps``.
    """
    generator = seeded(config.seed)
    module = initialise(config.build(), generator).to(device.resolve(config.device))
    where = next(module.parameters()).device
    optimizer = torch.optim.AdamW(
        module.parameters(),
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=where.type in ("cpu", "cuda"),
    )
    step = 0
    if resume is not None:
        saved = resume.snapshot() if isinstance(resume, TrainingState) else resume
        step = restore(saved, module, optimizer, generator)
        if step > config.n_steps:
            raise ValueError(
                f"The run to resume has taken {step} steps; give n_steps above that, not {config.n_steps}."
            )
    per_epoch = -(-n // config.batch)
    while True:
        draws = generator.get_state()
        rows = minibatch(n, config.batch, config.seed, step).to(where)
        with torch.enable_grad():
            loss, report = loss_of(module, rows, generator)
        if not torch.isfinite(loss):
            raise DivergedError(step)
        if step % config.every == 0 or step == config.n_steps:
            yield _freeze(config, module, optimizer, draws, step, step / per_epoch), report
        if step == config.n_steps:
            return
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = config.rate(step)
        optimizer.step()
        step += 1


def _freeze(
    config: TrainingConfig,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    draws: torch.Tensor,
    step: int,
    epoch: float,
) -> dict[str, Any]:
    parameters, moments, generator = flat(module), _moments(module, optimizer)[0], draws.numpy()
    for array in (parameters, moments, generator):
        array.setflags(write=False)
    return {
        "step": step,
        "epoch": epoch,
        "parameters": parameters,
        "moments": moments,
        "generator": generator,
        "config": config,
    }


def minibatch(n: int, batch: int, seed: int, step: int) -> torch.Tensor:
    """Rows of the minibatch that is used after ``step`` steps, ``(≤ batch,)`` int64; each row once an epoch.

    >>> torch.cat([minibatch(5, 2, seed=0, step=s) for s in (3, 4, 5)]).sort().values.tolist()
    [0, 1, 2, 3, 4]
    """
    per_epoch = -(-n // batch)
    epoch, part = divmod(step, per_epoch)
    order = _order(n, seed, epoch)
    return torch.from_numpy(order[n * part // per_epoch : n * (part + 1) // per_epoch].copy())


@lru_cache(maxsize=8)
def _order(n: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(n)


# --- Checks -------------------------------------------------------------------------------------------------


def check_activation(activation: str) -> None:
    """Raise a ValueError unless the activation is known."""
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation is {activation!r}; choose one of {', '.join(ACTIVATIONS)}.")


def check_number(name: str, value: Any, above: float | None = None, at_least: float | None = None) -> None:
    """Raise a ValueError unless the value is a finite number that is large enough."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool) and np.isfinite(value)
    if above is not None and not (number and value > above):
        raise ValueError(f"{name} is {value!r}; give a finite number above {above:g}.")
    if at_least is not None and not (number and value >= at_least):
        raise ValueError(f"{name} is {value!r}; give a finite number, {at_least:g} or more.")


def check_hidden(hidden: Any) -> tuple[int, ...]:
    """Return the hidden widths as a tuple, or raise a ValueError unless they are whole numbers, 1 or more."""
    if not isinstance(hidden, Sequence) or isinstance(hidden, str):
        raise ValueError(f"hidden is {hidden!r}; give a tuple of widths, such as (128, 64), or () for a linear map.")
    for width in hidden:
        check_whole("A width in hidden", width, at_least=1)
    return tuple(int(width) for width in hidden)


def check_images(images: Any, n_features: int, between: bool = True) -> torch.Tensor:
    """Return images as a float32 tensor ``(N, D)``, or raise a ValueError that says what to mend.

    Args:
        images: ``(N, D)``, numpy or torch; float64 stays float64 if it comes as a tensor.
        n_features: D.
        between: Whether pixels have to lie in 0…1.
    """
    x = images if isinstance(images, torch.Tensor) else torch.as_tensor(np.array(images, dtype=np.float32))
    if x.ndim != 2 or x.shape[1] != n_features or len(x) == 0:
        raise ValueError(
            f"Images must have the shape (N, D), one row an image, with D = {n_features}; got {tuple(x.shape)}. "
            "Flatten them by images.reshape(len(images), -1), or change n_features."
        )
    if not torch.isfinite(x).all():
        raise ValueError("The images hold NaN or infinity; give finite numbers only.")
    if between and (x.min() < 0 or x.max() > 1):
        raise ValueError(
            f"Pixels lie in {x.min().item():g}…{x.max().item():g}; give 0…1 (divide 8-bit images by 255, and "
            "scikit-learn's 8×8 digits by 16)."
        )
    return x


def check_labels(labels: Any, n: int, n_classes: int) -> torch.Tensor:
    """Return labels as an int64 tensor ``(n,)``, or raise a ValueError unless they lie in 0…n_classes − 1."""
    y = torch.as_tensor(np.array(labels) if not isinstance(labels, torch.Tensor) else labels)
    if y.shape != (n,) or y.is_floating_point():
        raise ValueError(f"Labels must be {n} whole numbers, one an image; got {y.dtype} of shape {tuple(y.shape)}.")
    if n and (y.min() < 0 or y.max() >= n_classes):
        raise ValueError(f"Labels lie in {y.min()}…{y.max()}; give 0…{n_classes - 1}, or raise n_classes.")
    return y.long()
