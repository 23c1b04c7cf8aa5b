"""Drawing digits pixel by pixel and sound sample by sample: the numpy runtimes beside the naive loop in torch.

    python benchmarks/pixel_ar.py --rounds 3

The networks are the stored ones. *Naive* runs the whole network for every pixel, as most tutorials do
(`genmodels.pixel_ar.model.sample_pixels`); it is timed on one digit. One thread, turn by turn, medians of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from genmodels.nn.layers import seeded
from genmodels.pixel_ar.model import sample_pixels
from genmodels.pixel_ar.runtime import DrawConfig, complete, draw_pixels, forward_pixels
from genmodels.recipes import pixel_ar, wavenet
from genmodels.store.checkpoint import load
from genmodels.wavenet.runtime import ForwardWaveNet, SoundConfig, draw_sound

NETWORKS = ("pixel-fvsbn", "pixel-made", "pixel-cnn")


def tasks() -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    found: dict[str, Callable[[], object]] = {}
    for name in NETWORKS:
        stored = load(name)
        forward = forward_pixels(stored.arrays, stored.entry.config)
        for n in (1, 16):
            found[f"{name}, {n} drawn"] = lambda f=forward, n=n: draw_pixels(f, DrawConfig(n))
        half = np.zeros((1, 784)), np.arange(784) < 392
        found[f"{name}, 16 lower halves"] = lambda f=forward, half=half: complete(f, *half, DrawConfig(16))
        model = pixel_ar.model_of(stored.entry.config, stored.arrays)
        found[f"{name}, 1 drawn, naive in torch"] = lambda m=model: sample_pixels(m, 1, seeded(0))
    forward = ForwardWaveNet(wavenet.stage(load("wavenet").arrays, "end"))
    for kinds in ((0,), (0, 1, 2)):
        found[f"wavenet, {len(kinds)} × 1 s of sound"] = lambda kinds=kinds: draw_sound(
            forward, SoundConfig(kinds, 8000)
        )
    return found


def main() -> None:
    """Rounds, then medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    todo = tasks()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in todo}
    for _ in range(options.rounds):
        for name, task in todo.items():
            began = time.perf_counter(), time.process_time()
            task()
            seconds[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    for name, rounds in seconds.items():
        clock, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{name:<36} {clock:8.3f} s   {cpu:8.3f} s of CPU")


if __name__ == "__main__":
    main()
