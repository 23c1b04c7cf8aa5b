"""Networks that denoise: the gradient, the walk back, states, resuming, divergence, and what is reached."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from genmodels.gsn.chain import corrupt, drawn
from genmodels.gsn.training import GSNConfig, add_gradient, denoiser, fit_gsn, iterate_gsn
from genmodels.nn.adam import views
from genmodels.states import DivergedError

IMAGES = (np.random.default_rng(3).random((40, 9)) < np.linspace(0.1, 0.9, 9)).astype(np.uint8)
SIZES = (9, 6, 5, 9)


def small(**options) -> GSNConfig:
    return GSNConfig(**({"hidden": (6, 5), "batch": 7, "n_steps": 3} | options))


CONTRACT = [(f"{k} rounds", 3, lambda k=k: iterate_gsn(IMAGES, small(walk_back=k))) for k in (1, 3)]


def by_torch(theta: np.ndarray, x: np.ndarray, walk: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """The gradient of the walk's mean loss, and the loss, with columns x and x̃, in float64."""
    weights = torch.tensor(theta.astype(np.float64), requires_grad=True)
    losses, target = [], torch.tensor(x.T.astype(np.float64))
    for corrupted in walk:
        h, start = torch.tensor(corrupted.T.astype(np.float64)), 0
        for inputs, outputs in itertools.pairwise(SIZES):
            end = start + outputs * (inputs + 1)
            matrix = weights[start:end].reshape(outputs, inputs + 1)
            a = h @ matrix[:, :-1].T + matrix[:, -1]
            h, start = a.tanh(), end
        losses.append(torch.nn.functional.binary_cross_entropy_with_logits(a, target, reduction="sum") / len(target))
    loss = torch.stack(losses).mean()
    loss.backward()
    return weights.grad.numpy(), loss.item()


def test_the_gradient_is_torch_s():
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(sum(b * (a + 1) for a, b in itertools.pairwise(SIZES)))
    x, corrupted = (np.round(rng.random((2, 9, 4)))[i] for i in (0, 1))
    gradient = np.zeros_like(theta)
    p, nats = add_gradient(views(theta, SIZES), x, corrupted, views(gradient, SIZES), 1.0)
    wanted, loss = by_torch(theta, x, [corrupted])
    np.testing.assert_allclose(gradient, wanted, atol=1e-10)
    assert nats == pytest.approx(loss, abs=1e-10)
    assert nats == pytest.approx(-np.log(np.where(x == 1, p, 1 - p)).sum() / 4, abs=1e-10)
    add_gradient(views(theta, SIZES), x, corrupted, views(gradient, SIZES), 0.5)
    np.testing.assert_allclose(gradient, 1.5 * wanted, atol=1e-10)


@pytest.mark.parametrize("k", [1, 3])
def test_the_walk_starts_at_the_datum_and_asks_for_it_at_each_place(k):
    config = small(walk_back=k, noise=0.6)
    start, after = itertools.islice(iterate_gsn(IMAGES, config), 2)
    rows = np.random.default_rng([0, 0]).integers(len(IMAGES), size=64 * 7)[:7]
    x = IMAGES[rows].T.astype(float)
    rng, here, walk = np.random.default_rng([0, 1 << 31, 1, 0]), x, []
    for _ in range(k):
        walk.append(corrupt(here, config.noise, rng))
        here = drawn(denoiser(start.arrays())(walk[-1].T).T, rng)
    assert (k == 1) or any((one != walk[0]).any() for one in walk)
    gradient, loss = by_torch(start.parameters, x, walk)
    np.testing.assert_allclose(after.moments[0] / np.float32(0.1), gradient, atol=1e-5)
    assert after.loss == pytest.approx(loss, rel=1e-5)


def test_states():
    states = list(iterate_gsn(IMAGES, small(n_steps=25, every=10)))
    assert [s.step for s in states] == [0, 10, 20, 25]
    assert np.isnan(states[0].loss)
    assert np.isfinite(states[-1].loss)
    for s in states:
        assert s.parameters.dtype == np.float32
        assert not s.parameters.flags.writeable
        assert set(s.arrays()) == {f"net.{i}.{part}" for i in range(3) for part in ("weight", "bias")}
    p = denoiser(states[-1].arrays())(IMAGES)
    assert p.shape == IMAGES.shape
    assert p.dtype == np.float64
    assert ((p > 0) & (p < 1)).all()


def test_a_resumed_run_goes_on_bit_for_bit():
    config = small(every=7, n_steps=80, walk_back=2)
    whole = list(iterate_gsn(IMAGES, config))
    for saved in (whole[4], whole[4].snapshot()):
        for a, b in zip(list(iterate_gsn(IMAGES, config, resume=saved))[1:], whole[5:], strict=True):
            for name in ("parameters", "average", "moments"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    with pytest.raises(ValueError, match="same network"):
        next(iterate_gsn(IMAGES, dataclasses.replace(config, hidden=(8,)), resume=whole[4]))


def test_a_trained_network_puts_right_what_noise_has_changed():
    two = np.repeat([[0, 0, 0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0, 0, 0]], 20, axis=0)
    state = fit_gsn(two, small(hidden=(16,), batch=32, n_steps=400, learning_rate=0.01, noise=0.3))
    noisy = corrupt(two, 0.3, np.random.default_rng(9))
    right = (denoiser(state.arrays())(noisy).round() == two).mean()
    assert right > 0.97 > 0.9 > (noisy == two).mean()


def test_what_diverges_says_so():
    with pytest.raises(DivergedError, match="smaller learning rate"):
        fit_gsn(IMAGES, small(learning_rate=1e39, decay=False, n_steps=20))


def test_grey_pixels_are_refused():
    with pytest.raises(ValueError, match="binarise"):
        next(iterate_gsn(IMAGES / 2, small()))


@pytest.mark.parametrize(("name", "value"), [("noise", 1.2), ("walk_back", 0), ("hidden", (0,)), ("batch", 0)])
def test_bad_settings_are_told(name, value):
    with pytest.raises(ValueError, match=name):
        GSNConfig(**{name: value})
