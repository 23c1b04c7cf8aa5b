"""How fast walkers walk, how fast a Boltzmann machine learns, and how far an energy of the plane comes.

    python benchmarks/energy.py walkers    # 1,000 walkers, 1,000 steps of each sampler, on each of three targets
    python benchmarks/energy.py rbm        # an epoch of PCD, ours against scikit-learn's BernoulliRBM
    python benchmarks/energy.py learned    # KL(data ‖ p) of learned energies, five seeds; six minutes

*walkers*: one thread, float64, medians of the rounds in seconds of processor time.

*rbm*: both train a machine of 256 hidden units on the 4,000 binarised training digits, in batches of 100, on one
thread, from the same kind of start, in turns; seconds of an epoch and the ratio are medians. In double precision the
arithmetic is the same; in single precision ours draws its random numbers as single ones, too. Ours shuffles, and
yields its states at both ends. An epoch is what two more of them take more: checks and the start count for none.

*learned*: training stops after `--seconds` of processor time; KL and the share of p where no data are (outside the
region with 99.9 % of their mass) are sums over a grid. Two far lumps: N(∓1.5, 0.15² I), a quarter and three quarters.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import multivariate_normal
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genmodels.data.digits import load_binarised_mnist  # noqa: E402
from genmodels.data.planar import get_dataset  # noqa: E402
from genmodels.energy.training import EnergyConfig, iterate_energy  # noqa: E402
from genmodels.langevin.samplers import SAMPLERS, WalkersConfig, walk  # noqa: E402
from genmodels.langevin.targets import Banana, RoundLumps, Target  # noqa: E402
from genmodels.rbm.training import RBMConfig, fit_rbm  # noqa: E402
from genmodels.states import DivergedError  # noqa: E402

TARGETS: dict[str, Target] = {
    "Gaussian": RoundLumps([[0.0, 0.0]], 1.0),
    "banana": Banana(),
    "eight lumps": RoundLumps([[np.cos(a), np.sin(a)] for a in 2 * np.pi * np.arange(8) / 8], 0.2),
}
WALKERS, STEPS = 1_000, 1_000
HIDDEN, BATCH, RATE, EPOCHS = 256, 100, 0.05, 2
WAYS = {"contrastive, k = 10": ("contrastive", 10), "persistent, k = 10": ("persistent", 10), "exact": ("exact", 1)}
WEIGHTS, MIDDLE, WIDTH = (0.25, 0.75), 1.5, 0.15
LEARNED = ("moons", "ffjord8", "two far lumps")
SEEDS = 5


# --- walkers --------------------------------------------------------------------------------------------------------


def walkers(rounds: int) -> None:
    print(f"{WALKERS:,} walkers, {STEPS:,} steps; seconds of processor time")
    print(f"{'':<12}" + "".join(f"{name:>14}" for name in TARGETS))
    for sampler in SAMPLERS:
        found = [statistics.median(_walked(sampler, target) for _ in range(rounds)) for target in TARGETS.values()]
        print(f"{sampler:<12}" + "".join(f"{seconds:>14.3f}" for seconds in found))


def _walked(sampler: str, target: Target) -> float:
    began = time.process_time()
    walk(target, np.zeros((WALKERS, 2)), WalkersConfig(sampler, step=0.05, n_steps=STEPS))
    return time.process_time() - began


# --- rbm ------------------------------------------------------------------------------------------------------------


def rbm(rounds: int) -> None:
    x = load_binarised_mnist().train.images.reshape(4000, -1)
    with threadpool_limits(1):
        for single in (False, True):
            pairs = [(_epoch(_ours(x, single)), _epoch(_theirs(x, single))) for _ in range(rounds)]
            own, other = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(a / b for a, b in pairs)
            kind = "float32" if single else "float64"
            print(f"{kind}: ours {own:.3f} s, scikit-learn {other:.3f} s an epoch; ratio {ratio:.2f} (goal ≤ 1.0)")


def _epoch(run: Callable[[int], object]) -> float:
    """Seconds: what more epochs take more."""
    times = []
    for epochs in (1, 1 + EPOCHS):
        start = time.perf_counter()
        run(epochs)
        times.append(time.perf_counter() - start)
    return (times[1] - times[0]) / EPOCHS


def _ours(x: np.ndarray, single: bool) -> Callable[[int], object]:
    data = x.astype(float)

    def run(epochs: int) -> object:
        n_steps = epochs * len(x) // BATCH
        settings = {"n_chains": BATCH, "learning_rate": RATE, "batch": BATCH, "n_steps": n_steps, "single": single}
        return fit_rbm(data, RBMConfig(HIDDEN, "pcd", **settings))

    return run


def _theirs(x: np.ndarray, single: bool) -> Callable[[int], object]:
    data = x.astype(np.float32 if single else np.float64)
    settings = {"learning_rate": RATE, "batch_size": BATCH, "random_state": 0}
    return lambda epochs: BernoulliRBM(HIDDEN, n_iter=epochs, **settings).fit(data)


# --- learned --------------------------------------------------------------------------------------------------------


def learned(seconds: float, asked: list[str]) -> None:
    print(f"KL(data ‖ p), nats, and p where no data are, %, after {seconds:g} s of one core; seeds 0 … {SEEDS - 1}")
    with threadpool_limits(1):
        for data in asked or LEARNED:
            for name, (method, k) in WAYS.items():
                cells = [_learned(data, method, k, seed, seconds) for seed in range(SEEDS)]
                print(f"{data:<14}{name:<20}" + "  ".join(cells), flush=True)


def _learned(data: str, method: str, k: int, seed: int, seconds: float) -> str:
    """KL, and the stray mass in brackets; or when it diverged."""
    points = _lumps(4_000, np.random.default_rng([seed, 9])) if data == "two far lumps" else None
    known = {} if data == "two far lumps" else {"data": data}
    settings = {"method": method, "chain_steps": k, "chain_step": 0.005, "adjusted": False, "seed": seed, **known}
    trial = EnergyConfig(**settings, n_steps=100)
    began = time.process_time()
    for _ in iterate_energy(points, trial):
        pass
    n_steps = int(seconds / (time.process_time() - began) * trial.n_steps)
    config = EnergyConfig(**settings, n_steps=n_steps, every=n_steps)
    try:
        *_, state = iterate_energy(points, config)
    except DivergedError as why:
        return f"diverged at {why.step:,} of {n_steps:,}"
    grid = state.energy().on_grid()
    if data == "two far lumps":
        log_p = _lumps_log_prob(state.centre + state.scale * grid.x) + 2 * np.log(state.scale)
    else:
        log_p = get_dataset(data).standard_log_prob(grid.x)
    p = np.exp(log_p) * grid.area
    order = np.argsort(-p)
    empty = order[np.cumsum(p[order]) > 0.999]
    kl = float((p[p > 0] * (log_p - grid.log_p)[p > 0]).sum())
    return f"{kl:.3f} ({100 * np.exp(grid.log_p[empty]).sum() * grid.area:.1f})"


def _lumps(n: int, rng: np.random.Generator) -> np.ndarray:
    side = np.where(rng.random(n) < WEIGHTS[0], -MIDDLE, MIDDLE)
    return side[:, None] + WIDTH * rng.standard_normal((n, 2))


def _lumps_log_prob(x: np.ndarray) -> np.ndarray:
    at = [multivariate_normal([m, m], WIDTH**2).logpdf(x) for m in (-MIDDLE, MIDDLE)]
    return np.logaddexp(np.log(WEIGHTS[0]) + at[0], np.log(WEIGHTS[1]) + at[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("walkers", "rbm", "learned"))
    parser.add_argument("--rounds", type=int, default=5, help="of walkers and rbm")
    parser.add_argument("--seconds", type=float, default=10, help="of learned")
    parser.add_argument("--data", nargs="*", choices=LEARNED, help="of learned")
    asked = parser.parse_args()
    if asked.what == "learned":
        learned(asked.seconds, asked.data)
    else:
        {"walkers": walkers, "rbm": rbm}[asked.what](asked.rounds)


if __name__ == "__main__":
    main()
