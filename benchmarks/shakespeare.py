"""Which transformer learns Shakespeare best within 2 MB: candidates, side by side on one GPU.

    python -m benchmarks.shakespeare --out FOLDER [--seconds 330] [--device cuda] [NAME …]

Each candidate is a process with a store of its own, FOLDER/NAME. It measures its pace beside the others first, takes
as many steps as fit in the seconds (its config's at most), and prints the held-out nats of what it has stored. Then
copy the config of the best one (FOLDER/NAME/config.json) to ``genmodels/recipes/shakespeare.py``, and
``python -m genmodels.train --adopt FOLDER/NAME``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from genmodels.data.text import load_shakespeare
from genmodels.device import resolve
from genmodels.recipes.shakespeare import CONFIG, EVERY, recipe_of
from genmodels.store.building import build

CANDIDATES = {
    "deep": CONFIG | {"layers": 9, "heads": 4, "width": 128, "dropout": 0.15},
    "wide": CONFIG,
    "small": CONFIG | {"heads": 4, "width": 128, "dropout": 0.1, "learning_rate": 2e-3},
    "tiny": CONFIG | {"layers": 2, "heads": 2, "width": 32, "context": 32, "batch": 8, "warm_up": 20, "n_steps": 400},
}
"""The last is for trying this file out on a CPU."""


def pace(config: dict, device: str) -> float:
    """Steps a second, beside whatever else runs."""
    from genmodels.transformer.training import TransformerConfig, iterate_transformer

    where = resolve(device).type
    training = TransformerConfig(**config, every=50, device=where, bf16=where == "cuda")
    states = iterate_transformer(load_shakespeare().fit, training)
    next(states), next(states)
    started, first = time.monotonic(), 50
    for state in states:
        if state.step >= 400 or time.monotonic() - started > 15:
            return (state.step - first) / (time.monotonic() - started)
    return (config["n_steps"] - first) / (time.monotonic() - started)


def run(name: str, out: Path, seconds: float, device: str) -> None:
    """Pace, build, report."""
    config = dict(CANDIDATES[name])
    rate = pace(config, device)
    config["n_steps"] = max(EVERY, min(config["n_steps"], int(0.85 * rate * seconds) // EVERY * EVERY))
    print(f"{name}: {rate:.0f} steps/s, takes {config['n_steps']:,}", flush=True)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    recipe, started, told = recipe_of(config), time.monotonic(), [0]

    def progress(done: int, total: int, text: str) -> None:
        if done >= told[0]:
            told[0] = done + max(EVERY, total // 10 // EVERY * EVERY)
            print(f"{name}: {done:,} of {total:,}, {time.monotonic() - started:.0f} s, {text}", flush=True)

    entry = build("shakespeare", device, progress, folder, recipes={"shakespeare": recipe})
    seconds = time.monotonic() - started
    print(
        f"{name}: HELD OUT {entry.metrics}, {entry.size:,} bytes, {seconds:.0f} s, {json.dumps(config)}", flush=True
    )


def main() -> int:
    """All, side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["deep", "wide", "small"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=330)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        run(args.names[0], args.out, args.seconds, args.device)
        return 0
    options = ["--out", str(args.out), "--seconds", str(args.seconds), "--device", args.device, "--one"]
    env = os.environ | {"OMP_NUM_THREADS": "4"}
    processes = [
        subprocess.Popen([sys.executable, "-m", "benchmarks.shakespeare", name, *options], env=env)
        for name in args.names
    ]
    return max(process.wait() for process in processes)


if __name__ == "__main__":
    sys.exit(main())
