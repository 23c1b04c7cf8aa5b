"""An epoch of persistent contrastive divergence: ours against scikit-learn's BernoulliRBM.

    python benchmarks/energy_rbm.py           # half a minute; `--repeats 3` for a quick look

Both train a machine of 256 hidden units on the 4,000 binarised training digits, in batches of 100, on one thread,
from the same kind of start, in turns; seconds of an epoch and the ratio are medians.
In double precision the arithmetic is the same; in single precision ours draws its random numbers as single ones, too.
Ours shuffles, and yields its states at both ends. An epoch is what two more of them take more, so that checks and the
start count for none.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genmodels.data.digits import load_binarised_mnist  # noqa: E402
from genmodels.rbm.training import RBMConfig, fit_rbm  # noqa: E402

HIDDEN, BATCH, RATE, EPOCHS = 256, 100, 0.05, 2


def seconds(run: Callable[[int], object]) -> float:
    """Of an epoch: what more epochs take more."""
    times = []
    for epochs in (1, 1 + EPOCHS):
        start = time.perf_counter()
        run(epochs)
        times.append(time.perf_counter() - start)
    return (times[1] - times[0]) / EPOCHS


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    x = load_binarised_mnist().train.images.reshape(4000, -1)

    def ours(single: bool) -> Callable[[int], object]:
        data = x.astype(float)
        return lambda epochs: fit_rbm(
            data,
            RBMConfig(
                HIDDEN,
                "pcd",
                n_chains=BATCH,
                learning_rate=RATE,
                batch=BATCH,
                n_steps=epochs * len(x) // BATCH,
                single=single,
            ),
        )

    def theirs(single: bool) -> Callable[[int], object]:
        data = x.astype(np.float32 if single else np.float64)
        return lambda epochs: BernoulliRBM(
            HIDDEN, learning_rate=RATE, batch_size=BATCH, n_iter=epochs, random_state=0
        ).fit(data)

    with threadpool_limits(1):
        for single in (False, True):
            pairs = [(seconds(ours(single)), seconds(theirs(single))) for _ in range(repeats)]
            own, other = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(a / b for a, b in pairs)
            kind = "float32" if single else "float64"
            print(f"{kind}: ours {own:.3f} s, scikit-learn {other:.3f} s an epoch; ratio {ratio:.2f} (goal ≤ 1.0)")


if __name__ == "__main__":
    main()
