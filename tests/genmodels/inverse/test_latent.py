"""Climbs in z: the closed form of a linear decoder, slopes of 0 at the top, and what is covered is not looked at."""

import numpy as np
import pytest

from genmodels.inverse.latent import ClimbConfig, climb, iterate_climb
from genmodels.nn.runtime import Forward

RNG = np.random.default_rng(0)
W, B = RNG.standard_normal((6, 2)), RNG.standard_normal(6)
LINEAR = Forward({"f.0.weight": W, "f.0.bias": B}, "f", dtype=np.float64)
DEEP = Forward(
    {
        "f.0.weight": RNG.standard_normal((8, 2)),
        "f.0.bias": RNG.standard_normal(8),
        "f.1.weight": RNG.standard_normal((6, 8)),
        "f.1.bias": RNG.standard_normal(6),
    },
    "f",
    "silu",
    dtype=np.float64,
)
X, SEEN = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0]), np.array([True, True, False, True, False, True])
STARTS = RNG.standard_normal((3, 2))
CONTRACT = [("climb-in-z", 6, lambda: iterate_climb(DEEP, X, SEEN, STARTS, ClimbConfig(6)))]


def joint(z: np.ndarray, a: np.ndarray) -> np.ndarray:
    """log p(x_S, z) of black and white pixels, by probabilities."""
    p = 1 / (1 + np.exp(-a))
    likely = np.where(X == 1, p, 1 - p)[:, SEEN].prod(axis=1)
    return np.log(likely * np.exp(-0.5 * (z**2).sum(axis=1)) / (2 * np.pi))


def test_with_a_linear_decoder_every_start_comes_to_the_posterior_s_mean():
    noise, w = 0.5, W[SEEN]
    expected = np.linalg.solve(w.T @ w / noise**2 + np.eye(2), w.T @ (X - B)[SEEN] / noise**2)
    top = climb(LINEAR, X, SEEN, STARTS, ClimbConfig(400), noise)
    assert top.z == pytest.approx(np.tile(expected, (3, 1)), abs=1e-5)
    assert top.pictures == pytest.approx(np.tile(W @ expected + B, (3, 1)), abs=1e-4)
    off = (X - W @ expected - B)[SEEN]
    log_p = -0.5 * (off @ off / noise**2 + 4 * np.log(2 * np.pi * noise**2) + expected @ expected)
    assert top.log_p == pytest.approx(np.full(3, log_p - np.log(2 * np.pi)), abs=1e-8)


def test_at_the_top_the_joint_density_is_flat():
    top = climb(DEEP, X, SEEN, STARTS, ClimbConfig(1500))
    assert top.log_p == pytest.approx(joint(top.z, DEEP(top.z)), abs=1e-9)
    for step in 1e-4 * np.eye(2):
        ends = [joint(top.z + s, DEEP(top.z + s)) for s in (step, -step)]
        assert (ends[0] - ends[1]) / 2e-4 == pytest.approx(np.zeros(3), abs=1e-4)
        assert (np.maximum(*ends) <= top.log_p).all()


def test_it_never_falls_and_starts_climb_alone():
    states = list(iterate_climb(DEEP, X, SEEN, STARTS, ClimbConfig(60, rate=5.0)))
    log_p = np.array([s.log_p for s in states])
    assert (np.diff(log_p, axis=0) >= 0).all()
    assert states[0].z == pytest.approx(STARTS)
    alone = [climb(DEEP, X, SEEN, start[None], ClimbConfig(60, rate=5.0)).z[0] for start in STARTS]
    assert states[-1].z == pytest.approx(np.array(alone))


def test_what_is_covered_is_not_looked_at():
    other = np.where(SEEN, X, 7.0)
    assert (climb(DEEP, other, SEEN, STARTS).z == climb(DEEP, X, SEEN, STARTS).z).all()
    nothing = climb(DEEP, X, np.zeros(6, dtype=bool), STARTS, ClimbConfig(300))
    assert nothing.z == pytest.approx(np.zeros((3, 2)), abs=1e-6)  # the prior's own top


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ClimbConfig(-1), "n_steps"),
        (lambda: ClimbConfig(rate=0.0), "rate"),
        (lambda: climb(DEEP, X[:5], SEEN[:5], STARTS), "picture"),
        (lambda: climb(DEEP, X, SEEN.astype(int), STARTS), "booleans"),
        (lambda: climb(DEEP, X, SEEN, STARTS, noise=0.0), "noise"),
    ],
)
def test_what_cannot_be_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
