"""How fast a flow learns, and how fast it draws, beside zuko's neural spline flow of the same size.

    python -m benchmarks.flows [--rounds 8] [--layers 4] [--batch 256]

One thread, by turns, medians of the rounds in processor time:

- training   steps a second: minibatch, loss, gradient, Adam, running mean; zuko's without data and mean, with fused
             Adam. zuko's NSF moves both coordinates in each transformation, our layer one; beside it, zuko's spline
             in couplings like ours
- sampling   milliseconds for 10,000 points, ours in float64, zuko's in float32

The size: so many layers, networks of two hidden layers of 64, eight bins.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
import torch
import zuko

from genmodels.flows.flow import FlowConfig
from genmodels.flows.training import fit_flow, iterate_flow

STEPS, DRAWN = 25, 10_000


def zukos(layers: int, coupled: bool) -> torch.nn.Module:
    """The same size in zuko."""
    size = {"transforms": layers, "hidden_features": (64, 64)}
    if not coupled:
        return zuko.flows.NSF(2, bins=8, **size)
    spline = {"univariate": zuko.transforms.MonotonicRQSTransform, "shapes": [(8,), (8,), (7,)]}
    return zuko.flows.NICE(2, **size, **spline)


def trainer(flow: torch.nn.Module, batch: int) -> Callable[[], None]:
    """Takes some steps."""
    optimiser = torch.optim.Adam(flow.parameters(), 1e-3, fused=True)
    x = torch.randn(batch, 2, generator=torch.Generator().manual_seed(0))

    def steps() -> None:
        for _ in range(STEPS):
            optimiser.zero_grad()
            (-flow().log_prob(x).mean()).backward()
            optimiser.step()

    return steps


def seconds(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median processor time of each, by turns; the first round is thrown away."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            began = time.process_time()
            way()
            took[name].append(time.process_time() - began)
    return {name: float(np.median(times[1:])) for name, times in took.items()}


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--batch", type=int, default=256)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    config = FlowConfig(n_layers=options.layers, batch=options.batch, n_steps=1_000_000, every=STEPS)
    states = iterate_flow(None, config)
    nsf, coupled = (zukos(options.layers, so) for so in (False, True))
    ways = {
        "ours": lambda: next(states),
        "NSF": trainer(nsf, options.batch),
        "coupled": trainer(coupled, options.batch),
    }
    took = seconds(ways, options.rounds)
    rates = {name: STEPS / time for name, time in took.items()}
    print(f"training  ours {rates['ours']:6.0f} steps a second")
    for name, title in (("NSF", "zuko's NSF"), ("coupled", "zuko's splines in couplings")):
        print(f"          {title} {rates[name]:.0f}: ours {rates['ours'] / rates[name]:.1f} times as many")
    flow = fit_flow(None, FlowConfig(n_layers=options.layers, n_steps=0)).flow()
    with torch.no_grad():
        draws: dict[str, Callable[[], object]] = {
            "ours": lambda: flow.sample(DRAWN, np.random.default_rng(0)),
            "NSF": lambda: nsf().sample((DRAWN,)),
            "coupled": lambda: coupled().sample((DRAWN,)),
        }
        took = seconds(draws, options.rounds)
    print(f"sampling  ours {1000 * took['ours']:6.1f} ms for {DRAWN:,} points")
    for name, title in (("NSF", "zuko's NSF"), ("coupled", "zuko's splines in couplings")):
        print(f"          {title} {1000 * took[name]:.1f} ms: ours {took[name] / took['ours']:.1f} times as fast")


if __name__ == "__main__":
    main()
