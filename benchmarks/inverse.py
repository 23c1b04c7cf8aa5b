"""How good are answers to inverse problems? Every solver of the cue *Other priors* over test digits; samplers in 2-D.

    python benchmarks/inverse.py [digits|plane] [--digits 200] [--particles 2000]

*Digits*: each of the first test digits (the classes go round), two covers: the upper half, and a random half, 98 of
the 196 blocks of 2 × 2 pixels, drawn anew for each digit. Nine answers each. *Right*: share that the CNN of 14 × 14
takes for the true class, the seen pixels put back; PSNR in dB over the covered pixels at 14 × 14 against the grey
digit, means over digits; seconds of CPU for nine answers.

*Plane*: gap of the lumps' weights, total variation, of the cue *Is the sampler right?* as it opens. ``exact
samples`` is the floor: the mean gap of as many samples of p(x | y) itself.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from functools import lru_cache

import numpy as np

from dashboard.scenes.inverse import right, solvers
from dashboard.scenes.inverse.mask import gaussian
from dashboard.scenes.pictures import binary_digit
from genmodels.diffusion.exact import ExactMixtureDenoiser
from genmodels.diffusion.schedules import linear
from genmodels.inverse.guidance import GuidedConfig, sample_guided
from genmodels.inverse.metrics import diversity, lump_weights, weight_gap

COUNTS = (50, 200, 1000)
STRENGTHS, DIVIDED = (0.05, 0.1, 0.3, 1.0), (0.05, 0.1, 0.3)
SETS = 40


class RandomHalf(solvers.Asked):
    """Half of the blocks of 2 × 2 pixels are covered, by lot."""

    def seen(self, side: int) -> np.ndarray:
        """Which pixels are not covered, ``(side²,)``."""
        blocks = np.random.default_rng([self.index(), 65]).permutation(solvers.HALF**2) % 2 == 0
        wide = side // solvers.HALF
        return blocks.reshape(solvers.HALF, solvers.HALF).repeat(wide, axis=0).repeat(wide, axis=1).ravel()


def judged(config: solvers.Asked, x: np.ndarray, missed: float, seconds: float) -> tuple[float, ...]:
    """A row of the table, of answers ``(N, 196)``."""
    covered, truth = ~config.seen(solvers.HALF), solvers.grey_digit(config)
    votes = solvers.classifier()(x.reshape(-1, solvers.HALF, solvers.HALF)).argmax(axis=1)
    off = (x - truth)[:, covered]
    one, mean = (float(solvers.decibels(np.square(error).mean())) for error in (off, off.mean(axis=0)))
    apart = diversity(x) if len(x) > 1 else np.nan
    return 100 * float((votes == config.digit).mean()), one, mean, missed, apart, seconds


def answered(config: solvers.Asked) -> tuple[float, ...]:
    """By the config's solver."""
    began = time.process_time()
    way = solvers._WAYS[config.solver](config)
    seconds = time.process_time() - began
    off = (solvers.small(way.own) - solvers.small(way.part[None]))[:, config.seen(solvers.HALF)]
    return judged(config, solvers.small(way.film[-1]), float(np.sqrt(np.square(off).mean())), seconds)


def digits(count: int) -> None:
    """A table for each cover."""
    for name, cover in (("upper half", solvers.Asked), ("random half", RandomHalf)):
        found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
        for index in range(count):
            for solver, (title, _) in solvers.SOLVERS.items():
                config = cover(index % 10, index // 10 + 1, "upper", solver)
                found[title].append(answered(config))
            black, began = binary_digit(index), time.process_time()
            filled = gaussian().fill(black, config.seen(solvers.SIDE)).clip(0, 1)
            seconds = time.process_time() - began
            found["Wiener filter"].append(judged(config, solvers.small(filled[None]), 0.0, seconds))
            found["the truth, grey"].append(judged(config, solvers.grey_digit(config)[None], 0.0, 0.0))
            found["the truth, black and white"].append(judged(config, solvers.small(black[None]), 0.0, 0.0))
        heads = ("right %", "PSNR one", "PSNR mean", "misses", "apart", "seconds")
        print(f"\n{count} digits, covered: {name}\n{'':34}" + "".join(f"{head:>11}" for head in heads))
        for who, rows in found.items():
            values = np.mean(rows, axis=0)
            print(f"{who:34}" + "".join(f"{v:11.3f}" if k > 2 else f"{v:11.2f}" for k, v in enumerate(values)))


@lru_cache(maxsize=1)
def _measured() -> right.Measured:
    return right.Guided().measured()


def plane(particles: int) -> None:
    """Gaps of weights by sampler and steps, %, for both η."""
    at = _measured()
    posterior, denoiser = at.posterior(), ExactMixtureDenoiser(at.prior(), "x0")
    rng = np.random.default_rng(0)
    drawn = at.prior().responsibilities(posterior.sample(SETS * particles, rng)[0])
    luck = weight_gap(drawn.reshape(SETS, particles, -1).mean(axis=1), posterior.weights)
    print(f"\n{particles} particles: gap of the lumps' weights, % (p(k | y) = {posterior.weights.round(3)})")
    print(f"exact samples: mean {100 * luck.mean():.1f}, worst of {SETS} sets {100 * luck.max():.1f}")
    ways = {"replacement": {"method": "replacement"}, "RePaint, 5 times": {"method": "replacement", "repeats": 5}}
    ways |= {f"DPS, ζ = {z:g}": {"method": "dps", "strength": z} for z in STRENGTHS}
    ways |= {f"DPS, ζ = {z:g} / miss": {"method": "dps", "strength": z, "normalised": True} for z in DIVIDED}
    ways |= {"exact guidance": {"method": "exact"}}
    print(f"{'steps':22}" + "".join(f"{f'{n}, η={eta:g}':>12}" for eta in (1.0, 0.0) for n in COUNTS))
    x_T = np.random.default_rng(1).standard_normal((particles, 2))
    for name, way in ways.items():
        gaps = []
        for eta in (1.0, 0.0):
            for n in COUNTS:
                config = GuidedConfig(**way, n_steps=n, eta=eta)  # type: ignore[arg-type]
                line, y = at.measurement(), np.array([at.offset])
                x = sample_guided(denoiser, x_T, linear(), line, y, config, np.random.default_rng(2))
                gaps.append(100 * float(weight_gap(lump_weights(at.prior(), x), posterior.weights)))
        print(f"{name:22}" + "".join(f"{gap:12.1f}" for gap in gaps), flush=True)


def main() -> None:
    """Both tables, or one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("digits", "plane"))
    parser.add_argument("--digits", type=int, default=200)
    parser.add_argument("--particles", type=int, default=2000)
    given = parser.parse_args()
    if given.what != "plane":
        digits(given.digits)
    if given.what != "digits":
        plane(given.particles)


if __name__ == "__main__":
    main()
