"""The convolutional classifier, and its maps that add up to the logits."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.ndimage import shift as scipy_shift
from sklearn.datasets import load_digits

from genmodels.cnn import (
    CNNConfig,
    class_activation_maps,
    fit_cnn,
    iterate_cnn,
    predict_proba,
    shift_images,
)
from genmodels.nn.layers import initialise, n_parameters, seeded
from genmodels.states import DivergedError

torch.set_num_threads(1)  # as in the app: two threads on two busy cores are far slower
DIGITS = load_digits()
X, Y = DIGITS.images / 16, DIGITS.target
SMALL = CNNConfig(8, channels=(12, 24), n_pools=1, n_steps=400, learning_rate=1e-2, every=400)


@pytest.fixture(scope="module")
def trained():
    return fit_cnn(X[:1400], Y[:1400], SMALL).model()


def test_it_learns_digits(trained):
    assert (predict_proba(trained, X[1400:]).argmax(1) == Y[1400:]).mean() > 0.88


@pytest.mark.parametrize(
    ("config", "grid"),
    [
        (CNNConfig(), 7),
        (CNNConfig(28, n_pools=1), 14),
        (CNNConfig(8, channels=(3, 5), n_pools=0), 8),
        (CNNConfig(9, channels=(4,), n_pools=1, n_classes=3), 4),
    ],
)
def test_the_mean_of_a_map_and_the_bias_are_the_logit(config, grid):
    model = initialise(config.network(), seeded(0))
    x = np.random.default_rng(0).random((6, config.side, config.side), dtype=np.float32)
    maps = class_activation_maps(model, x)
    assert maps.shape == (6, config.n_classes, grid, grid)
    with torch.no_grad():
        logits = model(torch.from_numpy(x)).numpy()
        bias = model.head.bias.numpy()
    np.testing.assert_allclose(maps.mean((2, 3)) + bias, logits, rtol=1e-5, atol=1e-5)


def test_the_same_holds_once_trained(trained):
    logits = class_activation_maps(trained, X[:50]).mean((2, 3)) + trained.head.bias.detach().numpy()
    p = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(p / p.sum(1, keepdims=True), predict_proba(trained, X[:50]), atol=1e-5)


def test_a_change_in_one_corner_leaves_the_maps_far_from_it_alone():
    model = initialise(CNNConfig().network(), seeded(0))
    x = np.zeros((1, 28, 28), dtype=np.float32)
    touched = x.copy()
    touched[0, 0, 0] = 1
    changed = np.abs(class_activation_maps(model, touched) - class_activation_maps(model, x)).max((0, 1)) > 0
    assert changed[:2, :2].any()
    assert not changed[3:].any()
    assert not changed[:, 3:].any()


def test_the_field_of_one_cell_is_18_pixels_wide():
    config = CNNConfig()
    model = initialise(config.network(), seeded(0))
    with torch.no_grad():
        for layer in model.convolutions:  # all positive, so that no ReLU hides a pixel
            layer.weight.abs_()
            layer.bias.fill_(1)
    reached = torch.zeros(28, 28, dtype=torch.bool)
    for seed in range(60):
        x = torch.rand(1, 28, 28, generator=seeded(seed), requires_grad=True)
        model.features(x)[0, :, 3, 3].sum().backward()
        reached |= x.grad[0] != 0
    rows = torch.nonzero(reached.any(1)).ravel()
    assert int(rows[-1] - rows[0]) + 1 == 18


def test_shifts_equal_scipys():
    by = np.array([[0, 0], [2, -1], [-2, 2], [1, 1], [0, -2]])
    got = shift_images(torch.tensor(X[:5]), torch.tensor(by)).numpy()
    expected = np.stack([scipy_shift(x, b, order=0) for x, b in zip(X, by, strict=False)])
    np.testing.assert_allclose(got, expected)


def test_it_is_small():
    assert n_parameters(CNNConfig().network()) <= 30_000


@pytest.mark.parametrize("shift", [0, 1])
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(shift):
    config = dataclasses.replace(SMALL, n_steps=12, every=1, shift=shift, decay=True)
    whole = list(iterate_cnn(X, Y, config))
    rest = list(iterate_cnn(X, Y, config, resume=whole[5].snapshot()))
    for a, b in zip(whole[5:], rest, strict=True):
        assert (a.step, a.loss, a.accuracy) == (b.step, b.loss, b.accuracy)
        assert np.array_equal(a.parameters, b.parameters)


def test_the_loss_starts_near_that_of_a_guess():
    state = next(iterate_cnn(X, Y, SMALL))
    assert state.loss == pytest.approx(np.log(10), abs=0.1)


def test_many_images_are_looked_at_in_pieces(trained):
    np.testing.assert_allclose(predict_proba(trained, X)[-1:], predict_proba(trained, X[-1:]), atol=1e-6)


def test_divergence_says_so():
    with pytest.raises(DivergedError, match="smaller learning rate"):
        fit_cnn(X, Y, dataclasses.replace(SMALL, learning_rate=1e15))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": ()}, "give at least one"),
        ({"channels": (4,), "n_pools": 2}, "as many as n_pools"),
        ({"side": 3, "n_pools": 2}, "cannot be halved so often"),
        ({"shift": -1}, "shift is -1"),
        ({"n_classes": 1}, "n_classes is 1"),
    ],
)
def test_configs_check_themselves(options, message):
    with pytest.raises(ValueError, match=message):
        CNNConfig(**options)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X.reshape(-1, 64), Y, r"shape \(N, 8, 8\); got \(1797, 64\)"),
        (X * 16, Y, "Pixels lie in 0…16"),
        (X, Y[:5], "must be 1797 whole numbers"),
        (X, Y + 1, r"1…10; give 0…9"),
    ],
)
def test_data_that_do_not_fit_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        next(iterate_cnn(x, y, SMALL))


IMAGES, CLASSES = np.random.default_rng(0).random((12, 4, 4)), np.arange(12) % 10
TINY = CNNConfig(4, channels=(2, 3), n_pools=1, shift=1, n_steps=7, batch=5)
CONTRACT = [("cnn", 7, lambda: iterate_cnn(IMAGES, CLASSES, TINY))]
