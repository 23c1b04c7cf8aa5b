"""How much watching a GAN costs.

    python benchmarks/gan.py --seconds 8 --rounds 3

Steps a second, each with one thread, one after the other in every round:

- plain      a bare loop of PyTorch: the default networks, minibatch and R1 penalty, Adam as torch has it by default
- fused      the same with Adam(fused=True)
- unwatched  `iterate_gan`, recording nothing
- watched    the live run of the page's cue *A ring of eight* with Chromium looking on (all on the same cores): moves
             made between two looks at `data-frame`; and the distinct frames that the Player showed in that time,
             counted by an observer in the page

Printed as they are and as ratios: unwatched / fused, watched / unwatched.
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
from driving import free_port, launch, streamlit_run, wait_for_port
from playwright.sync_api import sync_playwright
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genmodels.data.planar import get_dataset  # noqa: E402
from genmodels.gan import GANConfig, iterate_gan  # noqa: E402

COUNT_FRAMES = """player => {
  window.shown = 0;
  new MutationObserver((all) => { window.shown += all.length; }).observe(player, {attributeFilter: ['data-frame']});
}"""


def bare(seconds: float, fused: bool) -> float:
    """Steps a second of the loop that anybody would write."""
    torch.manual_seed(0)
    config, data = GANConfig(), get_dataset("ring8")
    rng = np.random.default_rng(0)
    x = torch.tensor(data.standardise(data.sample(64 * config.batch, rng)), dtype=torch.float32).split(config.batch)

    def network(*sizes: int) -> nn.Sequential:
        layers = [nn.Linear(sizes[0], sizes[1]), nn.ReLU(), nn.Linear(sizes[1], sizes[2]), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(sizes[2], sizes[3]))

    g, d = network(config.n_noise, 128, 128, 2), network(2, 128, 128, 1)
    for_g, for_d = (torch.optim.Adam(n.parameters(), 2e-3, (0.5, 0.9), fused=fused) for n in (g, d))
    softplus = nn.functional.softplus
    steps, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        real = x[steps % 64].clone().requires_grad_()
        with torch.no_grad():
            fake = g(torch.randn(config.batch, config.n_noise))
        a = d(real)
        (slope,) = torch.autograd.grad(a.sum(), real, create_graph=True)
        loss = softplus(-a).mean() + softplus(d(fake)).mean() + config.r1 / 2 * slope.square().sum(1).mean()
        for_d.zero_grad()
        loss.backward()
        for_d.step()
        loss = softplus(-d(g(torch.randn(config.batch, config.n_noise)))).mean()
        for_g.zero_grad()
        loss.backward()
        for_g.step()
        steps += 1
    return steps / (time.perf_counter() - began)


def unwatched(seconds: float) -> float:
    """Steps a second of our own loop; the clock is looked at every 50 steps."""
    states = iterate_gan(None, GANConfig(n_steps=10**9, decay="none", every=50))
    next(states)
    steps, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        next(states)
        steps += 50
    return steps / (time.perf_counter() - began)


def watched(page, url: str, seconds: float) -> tuple[float, float]:
    """Moves a second, and distinct frames shown a second."""
    page.goto(url)
    player = page.get_by_test_id("player")
    player.wait_for()
    page.wait_for_timeout(3_000)
    player.evaluate(COUNT_FRAMES)
    first, began = int(player.get_attribute("data-frame") or 0), time.perf_counter()
    page.wait_for_timeout(1000 * seconds)
    last, took = int(player.get_attribute("data-frame") or 0), time.perf_counter() - began
    shown = page.evaluate("() => window.shown")
    page.goto("about:blank")
    time.sleep(1)
    return (last - first) / took, shown / took


def main() -> None:
    """Rounds, then medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, list[float]] = {name: [] for name in ("plain", "fused", "unwatched", "watched", "frames")}
    with sync_playwright() as play:
        port, browser = free_port(), launch(play)
        with streamlit_run(port) as process:
            wait_for_port(port, process)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            for k in range(options.rounds):
                rows["plain"].append(bare(options.seconds, fused=False))
                rows["fused"].append(bare(options.seconds, fused=True))
                rows["unwatched"].append(unwatched(options.seconds))
                url = f"http://127.0.0.1:{port}/gan?gan.cue=ring&gan.steps=8000&seed={k}"  # long enough not to end
                moves, frames = watched(page, url, options.seconds)
                rows["watched"].append(moves)
                rows["frames"].append(frames)
                print(f"round {k + 1}: " + ", ".join(f"{name} {values[-1]:.0f}" for name, values in rows.items()))
        browser.close()
    middle = {name: statistics.median(values) for name, values in rows.items()}
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, medians of {options.rounds} rounds, a second")
    for name, value in middle.items():
        print(f"  {name:<10} {value:7.1f}")
    print(f"  unwatched / fused  {middle['unwatched'] / middle['fused']:.3f}   (to be 0.97 or more)")
    print(f"  watched / unwatched {middle['watched'] / middle['unwatched']:.3f}   (to be 0.7 or more)")


if __name__ == "__main__":
    main()
