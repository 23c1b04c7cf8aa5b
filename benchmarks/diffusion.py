"""Sampling beside diffusers: 1,000 points, 1,000 steps of DDPM and 50 of DDIM, with the same network.

    python benchmarks/diffusion.py --rounds 5

The network is the stored one of the two moons. *diffusers* is the loop of its documentation: the scheduler's `step`
around the network in torch (`genmodels.diffusion.training.TorchDenoiser`), float32, `clip_sample=False`. *Ours,
torch* is `sample_reverse` with that very network; *ours, numpy* the same weights without torch, as the pages use
them. One thread, turn by turn, medians of the rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser
from genmodels.diffusion.sampler import ReverseConfig, sample_reverse
from genmodels.diffusion.training import TorchDenoiser
from genmodels.store.checkpoint import load

POINTS = 1_000
WAYS = {"DDPM, 1,000 steps": ReverseConfig("ddpm", 1_000), "DDIM, 50 steps": ReverseConfig("ddim", 50)}


def loop(network: TorchDenoiser, schedule, way: ReverseConfig, x: torch.Tensor) -> torch.Tensor:
    """Everybody's loop around a scheduler of diffusers."""
    given = {"trained_betas": schedule.beta[1:].astype(np.float32), "clip_sample": False}
    given["prediction_type"] = {"eps": "epsilon", "x0": "sample", "v": "v_prediction"}[network.prediction]
    if way.sampler == "ddpm":
        scheduler = DDPMScheduler(**given, variance_type="fixed_small")
    else:
        scheduler = DDIMScheduler(**given, set_alpha_to_one=True, timestep_spacing="trailing")
    scheduler.set_timesteps(way.n_steps)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for t in scheduler.timesteps:
            said = network(x, float(scheduler.alphas_cumprod[t]))
            x = scheduler.step(said, t, x, generator=generator).prev_sample
    return x


def main() -> None:
    """Rounds, then medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    stored = load("diffusion-moons")
    config = DenoiserConfig(**stored.entry.config)
    forward, schedule = ForwardDenoiser(stored.arrays, config), config.make_schedule()
    network = TorchDenoiser(stored.arrays, config)
    x = np.random.default_rng(0).standard_normal((POINTS, 2)).astype(np.float32)
    contestants = {
        "diffusers": lambda way: loop(network, schedule, way, torch.tensor(x)),
        "ours, torch": lambda way: sample_reverse(network, torch.tensor(x), schedule, way, np.random.default_rng(0)),
        "ours, numpy": lambda way: sample_reverse(forward, x, schedule, way, np.random.default_rng(0)),
    }
    print(f"load {os.getloadavg()[0]:.1f}; {POINTS} points, one thread, medians of {options.rounds} rounds, ms")
    for name, way in WAYS.items():
        times: dict[str, list[float]] = {who: [] for who in contestants}
        for _ in range(options.rounds):
            for who, sample in contestants.items():
                began = time.perf_counter()
                sample(way)
                times[who].append(1000 * (time.perf_counter() - began))
        middle = {who: statistics.median(values) for who, values in times.items()}
        told = ", ".join(f"{who} {value:.0f}" for who, value in middle.items())
        shares = {who: middle[who] / middle["diffusers"] for who in list(contestants)[1:]}
        ratios = ", ".join(f"{who} / diffusers {share:.2f}" for who, share in shares.items())
        print(f"{name:<18} {told};  {ratios}")


if __name__ == "__main__":
    main()
