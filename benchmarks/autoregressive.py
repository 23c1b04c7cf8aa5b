"""How fast letters are said, how fast an edge of attention is cut, and how long a check of Shakespeare takes.

    python -m benchmarks.autoregressive [--letters 200] [--context 128]

With the stored Shakespeare transformer (random weights of its shape if it is not there), one thread:

- cached     letters a second of the numpy runtime, with its memory of keys and values
- uncached   of the loop that anybody would write in torch: the whole context once more for each letter
- cut        milliseconds to answer what every next letter's log p would be with an edge cut: median and p95 of edges
             drawn at random in a text of so many letters; and with a whole head cut
- check      seconds of processor time for the held-out figure of the whole test text, from a tenth of it
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np
import torch

from genmodels.data.text import load_shakespeare
from genmodels.nn.arrays import arrays as arrays_of
from genmodels.nn.arrays import load
from genmodels.nn.layers import initialise, seeded
from genmodels.recipes.shakespeare import CONFIG
from genmodels.sampling import SamplingConfig, draw
from genmodels.store import checkpoint
from genmodels.transformer.config import shape_of
from genmodels.transformer.model import Transformer, log_probs
from genmodels.transformer.runtime import Cut, TransformerRuntime, unpacked


def stored() -> tuple[dict, Transformer, str]:
    """Weights, the network, and a word on what they are."""
    model = Transformer(shape_of(CONFIG))
    try:
        found = checkpoint.load("shakespeare", config=CONFIG)
    except checkpoint.CheckpointError:
        return arrays_of(initialise(model, seeded(0))), model, "random weights"
    load(model, unpacked(found.arrays))
    return found.arrays, model, "as stored"


def cached(runtime: TransformerRuntime, prompt: np.ndarray, n: int) -> float:
    """Letters a second."""
    began = time.perf_counter()
    said = sum(1 for _ in runtime.say(prompt, SamplingConfig().choose(np.random.default_rng(0)), n))
    return said / (time.perf_counter() - began)


@torch.no_grad()
def uncached(model: Transformer, prompt: np.ndarray, n: int, context: int) -> float:
    """Letters a second."""
    text, rng, began = torch.tensor(prompt)[None], np.random.default_rng(0), time.perf_counter()
    for _ in range(n):
        token = draw(model(text[:, -context:])[0, -1].numpy(), rng)
        text = torch.cat([text, torch.tensor([[token]])], dim=1)
    return n / (time.perf_counter() - began)


def cuts(runtime: TransformerRuntime, tokens: np.ndarray, n: int, whole: bool) -> np.ndarray:
    """Milliseconds of each answer."""
    reading, rng, took = runtime.read(tokens), np.random.default_rng(0), []
    for _ in range(n):
        query = int(rng.integers(1, len(tokens)))
        edge = (None, None) if whole else (query, int(rng.integers(0, query + 1)))
        cut = Cut(int(rng.integers(runtime.shape.layers)), int(rng.integers(runtime.shape.heads)), *edge)
        began = time.perf_counter()
        runtime.without(reading, cut)
        took.append(1000 * (time.perf_counter() - began))
    return np.array(took)


def main() -> None:
    """All, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=200)
    parser.add_argument("--context", type=int, default=128)
    options = parser.parse_args()
    torch.set_num_threads(1)
    arrays, model, what = stored()
    runtime, text = TransformerRuntime(arrays, shape_of(CONFIG)), load_shakespeare().test
    prompt = text[: options.context]
    cached(runtime, prompt, 5), uncached(model, prompt, 2, CONFIG["context"])
    print(f"{what}, {runtime.shape.n_parameters:,} weights, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    fast = cached(runtime, prompt, options.letters)
    slow = uncached(model, prompt, max(options.letters // 4, 1), CONFIG["context"])
    print(f"cached    {fast:7.0f} letters a second")
    print(f"uncached  {slow:7.0f} letters a second; {fast / slow:.1f} times fewer (to be 5 or more)")
    for name, whole in (("cut edge", False), ("cut head", True)):
        took = cuts(runtime, prompt, 100, whole)
        print(f"{name}  median {np.median(took):.1f} ms, p95 {np.quantile(took, 0.95):.1f} ms (to be 50 or less)")
    part, began = text[: len(text) // 10], time.process_time()
    log_probs(model, part, CONFIG["context"])
    print(f"check     {10 * (time.process_time() - began):.1f} s of processor time (to be 25 or less)")


if __name__ == "__main__":
    main()
