"""The autoencoder: principal components, bottlenecks, noise."""

import numpy as np
import pytest
import torch
from scipy.special import xlogy
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from genmodels.autoencoder import model as autoencoder
from genmodels.autoencoder.model import AutoencoderConfig, fit_autoencoder, iterate_autoencoder
from genmodels.nn.layers import initialise, seeded

torch.set_num_threads(1)  # as in the app: two threads on two busy cores are far slower
DIGITS = load_digits().data / 16
TRAIN, TEST = DIGITS[:1400], DIGITS[1400:]


def squared_error(state, x: np.ndarray, target: np.ndarray) -> float:
    return float(np.square(state.forward()(x) - target).sum(axis=1).mean())


def test_the_linear_autoencoder_finds_the_principal_subspace():
    config = AutoencoderConfig(
        64, 4, hidden=(), loss="squared", n_steps=3000, batch=200, learning_rate=0.02, decay=True, every=3000
    )
    state = fit_autoencoder(TRAIN, config)
    pca = PCA(4).fit(TRAIN)
    best = np.square(TRAIN - pca.inverse_transform(pca.transform(TRAIN))).sum(axis=1).mean()
    assert best * (1 - 1e-5) <= squared_error(state, TRAIN, TRAIN) <= best * 1.001
    basis = np.linalg.qr(state.arrays()["decoder.0.weight"])[0]
    cosines = np.linalg.svd(pca.components_ @ basis, compute_uv=False)
    assert cosines.min() > 0.999


def test_over_wide_copies_better_than_one_number():
    errors = [
        squared_error(fit_autoencoder(TRAIN, AutoencoderConfig(64, m, n_steps=600, every=600)), TEST, TEST)
        for m in (1, 100)
    ]
    assert errors[1] < 0.3 * errors[0]


def test_denoising_beats_plain_on_noisy_digits_and_plain_on_clean_ones():
    noisy = TEST + 0.5 * np.random.default_rng(0).standard_normal(TEST.shape)
    plain, denoising = (
        fit_autoencoder(TRAIN, AutoencoderConfig(64, 100, noise=noise, n_steps=800, every=800)) for noise in (0, 0.5)
    )
    assert squared_error(denoising, noisy, TEST) < 0.7 * squared_error(plain, noisy, TEST)
    assert squared_error(plain, TEST, TEST) < squared_error(denoising, TEST, TEST)


@pytest.mark.parametrize("loss", autoencoder.LOSSES)
def test_the_loss_is_summed_over_pixels(loss):
    model = initialise(AutoencoderConfig(64, 3, loss=loss).network(), seeded(0))
    copy = autoencoder.decode(model, autoencoder.encode(model, TEST)).astype(float)
    expected = {
        "squared": np.square(TEST - copy).sum(axis=1),
        "cross-entropy": -(xlogy(TEST, copy) + xlogy(1 - TEST, 1 - copy)).sum(axis=1),
    }[loss]
    x = torch.tensor(TEST, dtype=torch.float32)
    np.testing.assert_allclose(model.loss(x, x).detach(), expected, rtol=1e-5)


def test_the_loss_of_a_state_is_that_of_the_next_minibatch_under_its_parameters():
    config = AutoencoderConfig(64, n_steps=3, batch=2000)
    x = torch.tensor(TRAIN, dtype=torch.float32)
    for state in iterate_autoencoder(TRAIN, config):
        assert state.loss == pytest.approx(state.model().loss(x, x).mean().item(), rel=1e-5)


@pytest.mark.parametrize("from_snapshot", [False, True])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(from_snapshot, noise):
    config = AutoencoderConfig(64, hidden=(16,), n_steps=30, batch=100, noise=noise)
    whole = list(iterate_autoencoder(TRAIN, config))
    for stop in (0, 1, 17, 30):
        resume = whole[stop].snapshot() if from_snapshot else whole[stop]
        rest = list(iterate_autoencoder(TRAIN, config, resume=resume))
        assert len(rest) == 31 - stop
        for a, b in zip(whole[stop:], rest, strict=True):
            assert (a.step, a.epoch, a.loss) == (b.step, b.epoch, b.loss)
            assert np.array_equal(a.parameters, b.parameters)
            assert np.array_equal(a.moments, b.moments)
            assert np.array_equal(a.generator, b.generator)


def test_fit_gives_the_last_state():
    config = AutoencoderConfig(64, n_steps=5)
    last = list(iterate_autoencoder(TRAIN, config))[-1]
    assert np.array_equal(fit_autoencoder(TRAIN, config).parameters, last.parameters)


def test_encode_and_decode_take_and_give_arrays():
    model = fit_autoencoder(TRAIN, AutoencoderConfig(64, 3, n_steps=1)).model()
    z = autoencoder.encode(model, TEST)
    x = autoencoder.decode(model, z)
    assert (z.shape, x.shape) == ((len(TEST), 3), TEST.shape)
    assert x.min() >= 0
    assert x.max() <= 1


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (DIGITS.reshape(-1, 8, 8), r"shape \(N, D\).*D = 64; got \(1797, 8, 8\)"),
        (DIGITS * 16, r"Pixels lie in 0…16; give 0…1"),
        (np.where(DIGITS > 0.9, np.nan, DIGITS), "NaN or infinity"),
        (DIGITS[:0], r"got \(0, 64\)"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        next(iterate_autoencoder(images, AutoencoderConfig(64)))


def test_bad_configs_are_refused():
    with pytest.raises(ValueError, match="n_bottleneck is 0"):
        AutoencoderConfig(64, 0)
    with pytest.raises(ValueError, match="noise is -1"):
        AutoencoderConfig(64, noise=-1)
    with pytest.raises(ValueError, match="choose one of cross-entropy, squared"):
        AutoencoderConfig(64, loss="mse")


TINY = AutoencoderConfig(2, 3, noise=0.1, loss="squared", n_steps=7, batch=8)
CONTRACT = [("autoencoder", 7, lambda: iterate_autoencoder(np.random.default_rng(0).normal(size=(30, 2)), TINY))]
