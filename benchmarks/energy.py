"""How fast walkers walk: 1,000 walkers, 1,000 steps of each sampler, on each of three targets.

    python -m benchmarks.energy [--rounds 5] [--walkers 1000] [--steps 1000]

One thread, float64, medians of the rounds in seconds of processor time.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from genmodels.langevin.samplers import SAMPLERS, WalkersConfig, walk
from genmodels.langevin.targets import Banana, RoundLumps, Target

TARGETS: dict[str, Target] = {
    "Gaussian": RoundLumps([[0.0, 0.0]], 1.0),
    "banana": Banana(),
    "eight lumps": RoundLumps([[np.cos(a), np.sin(a)] for a in 2 * np.pi * np.arange(8) / 8], 0.2),
}


def seconds(sampler: str, target: str, walkers: int, steps: int) -> float:
    config = WalkersConfig(sampler, step=0.05, n_steps=steps)
    began = time.process_time()
    walk(TARGETS[target], np.zeros((walkers, 2)), config)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--walkers", type=int, default=1_000)
    parser.add_argument("--steps", type=int, default=1_000)
    asked = parser.parse_args()
    print(f"{asked.walkers:,} walkers, {asked.steps:,} steps; seconds of processor time")
    print(f"{'':<12}" + "".join(f"{name:>14}" for name in TARGETS))
    for sampler in SAMPLERS:
        rounds = {
            name: [seconds(sampler, name, asked.walkers, asked.steps) for _ in range(asked.rounds)]
            for name in TARGETS
        }
        print(f"{sampler:<12}" + "".join(f"{statistics.median(found):>14.3f}" for found in rounds.values()))


if __name__ == "__main__":
    main()
