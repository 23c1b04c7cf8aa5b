"""Flows with weights of no training, and the same in zuko."""

import numpy as np
import torch
import zuko

from genmodels.flows.flow import Flow, FlowConfig
from genmodels.flows.training import FlowState, iterate_flow

torch.set_num_threads(1)
ACTIVATIONS = {"relu": torch.nn.ReLU, "silu": torch.nn.SiLU, "tanh": torch.nn.Tanh}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def small(**options) -> FlowConfig:
    return FlowConfig(**({"n_layers": 3, "hidden": (16, 16), "batch": 32, "n_steps": 0} | options))


def drawn(config: FlowConfig, d: int = 2, size: float = 0.4, seed: int = 0) -> FlowState:
    """A state whose parameters are normal, float64: bent more than any training would."""
    start = next(iterate_flow(rng().standard_normal((40, d)), config))
    theta = size * rng(seed).standard_normal(start.parameters.shape)
    parts = {"parameters": theta, "average": theta, "moments": start.moments}
    return FlowState(step=0, loss=0.0, **parts, centre=np.zeros(d), scale=1.0, config=config)


def flow_of(config: FlowConfig, d: int = 2, size: float = 0.4, seed: int = 0) -> Flow:
    return drawn(config, d, size, seed).flow()


def in_zuko(state: FlowState, arrays: dict | None = None):
    """zuko's RealNVP, or the same with its splines, float64, with the state's parameters."""
    config, d = state.config, len(state.centre)
    spline = {
        "univariate": lambda *phi: zuko.transforms.MonotonicRQSTransform(*phi, bound=config.bound),
        "shapes": [(config.bins,), (config.bins,), (config.bins - 1,)],
    }
    flow = zuko.flows.RealNVP(
        d,
        transforms=config.n_layers,
        hidden_features=config.hidden,
        activation=ACTIVATIONS[config.activation],
        **(spline if config.kind == "spline" else {}),
    ).double()
    named = state.arrays() if arrays is None else arrays
    with torch.no_grad():
        for k, layer in enumerate(flow.transform.transforms):
            for i, linear in enumerate(linears(layer)):
                linear.weight.copy_(torch.tensor(named[f"layers.{k}.{i}.weight"]))
                linear.bias.copy_(torch.tensor(named[f"layers.{k}.{i}.bias"]))
    return flow


def linears(layer) -> list:
    return [module for module in layer.hyper if hasattr(module, "weight")]


def mass(log_prob, half: float = 8.0, n: int = 400) -> float:
    """∫ p over a square, by the midpoint rule."""
    ticks = (np.arange(n) + 0.5) * (2 * half / n) - half
    at = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    return float(np.exp(log_prob(at)).sum() * (2 * half / n) ** 2)
