"""The chain: what its noise does, the theorem on four pixels, and that it visits what its matrix says."""

import itertools

import numpy as np
import pytest

from genmodels.gsn.chain import corrupt, drawn, iterate_chain

NOISE = 0.5
IMAGES = np.array(list(itertools.product([0.0, 1.0], repeat=4)))
"""All 16 of four pixels."""
START = np.zeros((4_000, 4))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def data() -> np.ndarray:
    """Of the 16 images: pixels hang together, and two images never occur."""
    p = rng(5).dirichlet(np.ones(16))
    p[[3, 9]] = 0
    return p / p.sum()


def noise_matrix() -> np.ndarray:
    """C(x̃ | x), rows are x: ν/2 of the pixels change."""
    changed = (IMAGES[:, None] != IMAGES).sum(axis=2)
    return (NOISE / 2) ** changed * (1 - NOISE / 2) ** (4 - changed)


def posterior(p: np.ndarray) -> np.ndarray:
    """P(x | x̃), rows are x̃, by Bayes' rule."""
    joint = p[:, None] * noise_matrix()
    return (joint / joint.sum(axis=0)).T


def index(x: np.ndarray) -> np.ndarray:
    """Which of the 16, of rows of pixels."""
    return (x @ [8, 4, 2, 1]).astype(int)


def stationary(matrix: np.ndarray) -> np.ndarray:
    """π with π T = π."""
    values, vectors = np.linalg.eig(matrix.T)
    found = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    return found / found.sum()


def pixelwise(p: np.ndarray) -> np.ndarray:
    """P(x | x̃), rows are x̃, of a network that has the exact probability of each pixel, and draws each by itself."""
    ink = posterior(p) @ IMAGES
    return np.where(IMAGES == 1, ink[:, None], 1 - ink[:, None]).prod(axis=2)


def test_the_noise_replaces_pixels_by_fair_coins():
    x = np.repeat([[0.0, 1.0]], 40_000, axis=0)
    changed = (corrupt(x, 0.3, rng()) != x).mean(axis=0)
    np.testing.assert_allclose(changed, 0.15, atol=3 * np.sqrt(0.15 * 0.85 / len(x)))
    assert np.array_equal(corrupt(x, 0.0, rng()), x)
    assert corrupt(x, 1.0, rng()).mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.0075)
    assert corrupt(x.astype(np.float32), 0.3, rng()).dtype == np.float32


def test_with_the_exact_posterior_the_data_are_stationary_and_nothing_else_is():
    matrix = noise_matrix() @ posterior(data())
    np.testing.assert_allclose(data() @ matrix, data(), atol=1e-10)
    np.testing.assert_allclose(stationary(matrix), data(), atol=1e-10)
    assert (np.sort(np.abs(np.linalg.eigvals(matrix)))[:-1] < 1 - 1e-3).all()


def test_pixels_drawn_by_themselves_keep_independent_data_and_no_others():
    independent = np.where(IMAGES == 1, [0.2, 0.7, 0.5, 0.9], [0.8, 0.3, 0.5, 0.1]).prod(axis=1)
    np.testing.assert_allclose(stationary(noise_matrix() @ pixelwise(independent)), independent, atol=1e-10)
    assert np.abs(stationary(noise_matrix() @ pixelwise(data())) - data()).max() > 0.01


@pytest.mark.parametrize("way", ["posterior", "pixelwise"])
def test_the_chain_visits_what_its_matrix_says(way):
    table, draws = posterior(data()), rng(1)

    def whole(corrupted: np.ndarray) -> np.ndarray:
        """A picture drawn from the posterior: its pixels are then certain."""
        cumulative = table[index(corrupted)].cumsum(axis=1)
        return IMAGES[(cumulative < draws.random((len(corrupted), 1))).sum(axis=1).clip(max=15)]

    def each(corrupted: np.ndarray) -> np.ndarray:
        return table[index(corrupted)] @ IMAGES

    wanted = data() if way == "posterior" else stationary(noise_matrix() @ pixelwise(data()))
    *_, last = iterate_chain(whole if way == "posterior" else each, START, NOISE, 40, rng(2))
    shares = np.bincount(index(last.x), minlength=16) / len(START)
    assert (np.abs(shares - wanted) < 3.5 * np.sqrt(wanted * (1 - wanted) / len(START)) + 1e-12).all()


def test_states():
    x = (rng().random((5, 4)) < 0.5).astype(np.uint8)
    states = list(iterate_chain(lambda c: 0.25 + 0.5 * c, x, 0.4, 3, rng(1)))
    assert [s.step for s in states] == [0, 1, 2, 3]
    for array in (states[0].x, states[0].corrupted, states[0].p):
        assert np.array_equal(array, x)
    chance = rng(1)
    for before, state in itertools.pairwise(states):
        assert np.array_equal(state.corrupted, corrupt(before.x, 0.4, chance))
        assert np.array_equal(state.p, 0.25 + 0.5 * state.corrupted)
        assert np.array_equal(state.x, drawn(state.p, chance))
        assert not any(array.flags.writeable for array in (state.x, state.p, state.corrupted))


@pytest.mark.parametrize(
    ("change", "match"),
    [({"x": START[:1] + 0.5}, "binarise"), ({"noise": 1.5}, "noise"), ({"n_steps": -1}, "n_steps")],
)
def test_what_cannot_be_run_says_so(change, match):
    with pytest.raises(ValueError, match=match):
        next(iterate_chain(**({"network": None, "x": START, "noise": 0.4, "n_steps": 3, "rng": rng()} | change)))


CONTRACT = [("chain of a network", 3, lambda: iterate_chain(lambda c: 0.25 + 0.5 * c, START[:3], 0.4, 3, rng()))]
