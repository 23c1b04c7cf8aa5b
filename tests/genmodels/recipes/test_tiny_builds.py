"""Small builds of the recipes, their arrays found once more by numpy, scipy, scikit-learn or another road."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA

from genmodels.autoencoder.model import AutoencoderConfig, iterate_autoencoder
from genmodels.data.digits import load_binarised_mnist, load_mnist
from genmodels.data.planar import get_dataset
from genmodels.gan import GANConfig, fit_gan
from genmodels.recipes import autoencoder, cnn, gan, pixels, vae
from genmodels.states import last
from genmodels.store import building
from genmodels.store.recipe import Job
from genmodels.vae.runtime import ForwardVAE

DIGITS = load_mnist()
JOB = Job("cpu", lambda done, total, text: None, lambda: None, lambda arrays: None)


def flat(split):
    return split.images.reshape(len(split.images), -1) / 255


def rms(x):
    return np.sqrt(np.mean(np.square(x)))


def assert_found_again(recompute, arrays):
    """A recipe's own check passes its own small build."""
    findings = [building._compare("tiny", arrays, one) for one in recompute(arrays, "cpu")]
    assert findings
    assert not [line for line in findings if not line.ok]


# Autoencoders


NETWORK = {**autoencoder.NARROW, "hidden": (6,), "n_steps": 2 * autoencoder.STEPS_PER_EPOCH}


@pytest.fixture
def squeeze(monkeypatch):
    networks = ({**NETWORK, "n_bottleneck": 2}, {**NETWORK, "n_bottleneck": 5})
    small = {"networks": networks, "epochs": (0, 1, 2), "kept": (1, 2)}
    monkeypatch.setattr(autoencoder, "SQUEEZE", small)
    return autoencoder._build_squeeze(JOB).arrays


def by_torch(given, x):
    """The copies of x by a network trained here."""
    import torch

    state = last(iterate_autoencoder(flat(DIGITS.train), AutoencoderConfig(**given)))
    with torch.no_grad():
        return state.model()(torch.tensor(x, dtype=torch.float32)).numpy()


def test_the_error_is_over_all_test_images_not_the_first_batch(squeeze):
    clean = flat(DIGITS.test)
    for i, given in enumerate(autoencoder.SQUEEZE["networks"]):
        off = by_torch(given, clean) - clean
        assert squeeze["test_rmse"][-1, i] == pytest.approx(rms(off), abs=1e-5)
        assert squeeze["test_rmse"][-1, i] != pytest.approx(rms(off[:100]), abs=1e-4), "a batch"
        assert squeeze["test_rmse"][-1, i] != pytest.approx(rms(off[:8]), abs=1e-4), "the pictures"
        assert squeeze["test_rmse"][-1, i] != pytest.approx(np.sqrt(np.square(off).mean(1)).mean(), abs=1e-5)
    pictures = squeeze["test_copies"] / 255 - clean.reshape(500, 28, 28)
    np.testing.assert_allclose(rms_of_last(pictures), squeeze["test_rmse"][1:], atol=5e-5)
    np.testing.assert_array_equal(squeeze["test_copies"][:, :, :8], squeeze["reconstructions"][1:])


def rms_of_last(x):
    return np.sqrt(np.square(x).mean(axis=(2, 3, 4)))


def test_principal_components_are_of_training_images_and_judged_on_test_images(squeeze):
    seen, unseen = flat(DIGITS.train), flat(DIGITS.test)
    for i, m in enumerate(squeeze["bottlenecks"].tolist()):
        fitted = PCA(m, svd_solver="full").fit(seen)
        error = {id(x): rms(fitted.inverse_transform(fitted.transform(x)) - x) for x in (seen, unseen)}
        assert squeeze["pca_rmse"][i] == pytest.approx(error[id(unseen)], abs=1e-5)
        assert squeeze["pca_rmse"][i] != pytest.approx(error[id(seen)], abs=1e-4)
        cheat = PCA(m, svd_solver="full").fit(unseen)
        assert squeeze["pca_rmse"][i] != pytest.approx(
            rms(cheat.inverse_transform(cheat.transform(unseen)) - unseen), abs=1e-4
        )


def test_noise_has_the_standard_deviation_told_not_its_square(monkeypatch):
    small = {**NETWORK, "n_bottleneck": 5}
    levels = (0.0, 0.25, 0.5)
    given = {"networks": (small, {**small, "noise": 0.5}), "noise": levels, "noise_seed": 1, "kept": levels}
    monkeypatch.setattr(autoencoder, "NOISE", given)
    arrays = autoencoder._build_noise(JOB).arrays
    clean = flat(DIGITS.test)
    np.testing.assert_allclose(arrays["rmse_noisy"], levels, rtol=0.005)  # 392,000 draws: 0.1 % is a standard error
    eps = np.random.default_rng(1).standard_normal(clean.shape, dtype=np.float32)
    for k, sigma in enumerate(levels):
        noisy = clean + sigma * eps
        shown = np.rint(255 * noisy[:8].clip(0, 1)).reshape(8, 28, 28)
        assert np.abs(shown - arrays["noisy"][k]).max() <= 1
        for which, network in zip(autoencoder.ANSWERS, given["networks"], strict=True):
            off = by_torch(network, noisy) - clean
            assert arrays[f"rmse_{which}"][k] == pytest.approx(rms(off), abs=1e-5), (which, sigma)
    assert (arrays["rmse_copied"] != arrays["rmse_denoised"]).all(), "two networks"


# Variational autoencoders


TINY = {**vae.COMMON, "hidden": (5,), "n_steps": 160, "n_samples": 8}


def kl_of(mu, sigma):
    return 0.5 * (mu**2 + sigma**2 - 1 - 2 * np.log(sigma))


def test_a_training_is_judged_on_all_test_images_by_its_own_weights():
    recipe = vae.training("tiny", {**TINY, "epochs": (0, 1, 3), "kept": (1, 3)})
    arrays = recipe.build(JOB).arrays
    digits = load_binarised_mnist()
    splits = {"train": flat(digits.train)[:500] * 255, "test": flat(digits.test) * 255}
    for frame, epoch in ((1, 1), (2, 3)):
        weights = {k.removeprefix(f"{epoch}."): v for k, v in arrays.items() if k.startswith(f"{epoch}.")}
        network = ForwardVAE(weights, "silu")
        for split, x in splits.items():
            mu, sigma = network.encode(x)
            assert arrays[f"{split}_kl"][frame] == pytest.approx(kl_of(mu, sigma).sum(1).mean(), abs=0.01)
            drawn, _ = network.elbo(x, 8, np.random.default_rng(0))
            other = network.elbo(x, 8, np.random.default_rng(1))[0].mean()
            spread = 6 * abs(drawn.mean() - other) + 0.3  # of eight draws of 500 images
            assert arrays[f"{split}_reconstruction"][frame] == pytest.approx(drawn.mean(), abs=spread)
        np.testing.assert_allclose(arrays["mu"][frame], mu, atol=0.01)
        np.testing.assert_allclose(arrays["sigma"][frame], sigma, atol=0.005)
        assert np.abs(arrays["sigma"][frame] - sigma**2).max() > 0.05, "σ and not σ²"
    assert_found_again(recipe.recompute, arrays)
    assert recipe.evaluate(arrays, "cpu").keys() == recipe.tolerance.keys()


def test_each_beta_has_its_own_network_judged_on_all_test_images():
    recipe = vae.betas("tiny", {**TINY, "epochs": 2, "betas": (1, 8)})
    arrays = recipe.build(JOB).arrays
    mu, sigma = arrays["mu"].astype(float), arrays["sigma"].astype(float)
    assert mu.shape == (2, 500, 2)
    np.testing.assert_allclose(arrays["kl"], kl_of(mu, sigma).mean(1), atol=0.01)
    assert arrays["kl"][1].sum() < arrays["kl"][0].sum()
    x = flat(load_binarised_mnist().test) * 255
    for frame in range(2):
        decoder = {k.replace("decoders", "decoder"): v[frame] for k, v in arrays.items() if "decoders." in k}
        encoder = {"encoder.0.weight": np.zeros((4, 784)), "encoder.0.bias": np.zeros(4)}  # codes are stored
        network = ForwardVAE(decoder | encoder, "silu")
        z = mu[frame] + sigma[frame] * np.random.default_rng(0).standard_normal((64, 500, 2))
        drawn = np.mean([network.log_prob(x, some).mean() for some in z])
        assert arrays["reconstruction"][frame] == pytest.approx(drawn, abs=0.5)
    assert_found_again(recipe.recompute, arrays)


# Pixel classifiers


@pytest.fixture
def small_pixels(monkeypatch):
    """Digits of 7 × 7, and labels of the test images of which the validation images know nothing."""

    def shrunk(split, labels=None):
        images = split.images.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).round().astype(np.uint8)
        return split._replace(images=images, labels=split.labels if labels is None else labels)

    wrong = np.random.default_rng(0).permutation(DIGITS.test.labels)
    digits = dataclasses.replace(
        DIGITS, train=shrunk(DIGITS.train), valid=shrunk(DIGITS.valid), test=shrunk(DIGITS.test, wrong)
    )
    monkeypatch.setattr(pixels, "load_mnist", lambda: digits)
    monkeypatch.setattr(pixels, "SIDE", 7)
    given = {**pixels.CONFIG, "shrinkages": (0.02, 0.2, 0.6, 1.0), "samples": 2, "eigenvectors": 3}
    monkeypatch.setattr(pixels, "CONFIG", given)
    return digits, pixels._build(JOB).arrays


def gaussians(digits, shrinkage):
    """Mean and covariance of each class, by the formula."""
    x, y = flat(digits.train), digits.train.labels
    for k in range(10):
        sample = np.cov(x[y == k].T, bias=True)
        diagonal = np.diag(np.diag(sample))
        floor = pixels.CONFIG["floor"] * np.eye(len(sample))
        yield x[y == k].mean(0), (1 - shrinkage) * sample + shrinkage * diagonal + floor


def by_scipy(digits, shrinkage, x):
    return np.stack([multivariate_normal(mean, cov).logpdf(x) for mean, cov in gaussians(digits, shrinkage)], axis=1)


def test_the_shrinkage_is_chosen_on_validation_images_not_on_test_images(small_pixels):
    digits, arrays = small_pixels
    prior = np.log(np.bincount(digits.train.labels) / len(digits.train.labels))
    right = {
        split: [
            ((by_scipy(digits, s, flat(part)) + prior).argmax(1) == part.labels).mean()
            for s in pixels.CONFIG["shrinkages"]
        ]
        for split, part in (("valid", digits.valid), ("test", digits.test))
    }
    np.testing.assert_allclose(arrays["valid_accuracy"], right["valid"], atol=1e-6)
    np.testing.assert_allclose(arrays["test_accuracy"], right["test"], atol=1e-6)
    best, other = (pixels.CONFIG["shrinkages"][int(np.argmax(right[split]))] for split in ("valid", "test"))
    assert best != other, "the test labels are shuffled, so that they would choose another"
    assert arrays["chosen"][0] == pytest.approx(best)
    assert arrays["accuracy"][2] == pytest.approx(right["test"][pixels.CONFIG["shrinkages"].index(best)])


def test_likelihoods_deviations_and_eigenvalues_are_those_of_the_formulas(small_pixels):
    digits, arrays = small_pixels
    x, chosen = flat(digits.test), float(arrays["chosen"][0])
    ink, y = flat(digits.train) > 0.5, digits.train.labels
    p = np.stack([(ink[y == k].sum(0) + 1) / ((y == k).sum() + 2) for k in range(10)])
    coins = np.stack([np.where(x > 0.5, np.log(q), np.log(1 - q)).sum(1) for q in p], axis=1)
    expected = (coins, by_scipy(digits, 1.0, x), by_scipy(digits, chosen, x))
    np.testing.assert_allclose(arrays["log_likelihood"], expected, rtol=1e-4)
    for k, (mean, covariance) in enumerate(gaussians(digits, chosen)):
        np.testing.assert_allclose(arrays["means"][k].ravel() / 255, mean, atol=0.5 / 255 + 1e-9)
        deviation = np.sqrt(np.diag(covariance))
        np.testing.assert_allclose(arrays["deviations"][k].ravel() / 255, deviation, atol=0.5 / 255 + 1e-9)
        np.testing.assert_allclose(arrays["eigenvalues"][k], np.linalg.eigvalsh(covariance)[:-4:-1], rtol=1e-5)
    assert_found_again(pixels._recompute, arrays)


# CNN and GANs


def test_the_cnn_is_judged_on_all_test_images(monkeypatch):
    monkeypatch.setattr(cnn, "CONFIG", {**cnn.CONFIG, "channels": (3, 4), "n_steps": 40})
    arrays = cnn._build(JOB).arrays
    assert arrays["test.probabilities"].shape == (500, 10)
    right = arrays["test.probabilities"].argmax(1) == DIGITS.test.labels
    assert cnn._evaluate(arrays, "cpu")["accuracy"] == pytest.approx(right.mean(), abs=1e-9)
    assert right.mean() != right[:64].mean()
    assert_found_again(cnn._recompute, arrays)


def test_modes_are_counted_of_all_samples_and_quality_within_three_sigma(monkeypatch):
    small = {**gan.PLANES["ring8"], "g_hidden": (16,), "d_hidden": (16,), "batch": 64, "n_steps": 600}
    monkeypatch.setitem(gan.PLANES, "ring8", small)
    arrays = gan._build_plane("ring8", JOB).arrays
    samples, dataset = fit_gan(None, GANConfig(**small)).samples.astype(float), get_dataset("ring8")
    assert len(samples) == 2500
    distance = np.linalg.norm(samples[:, None] - dataset.centres, axis=-1)
    share = np.bincount(distance.argmin(1), minlength=8) / 2500
    near = distance.min(1) < 3 * dataset.sigma
    assert arrays["quality"][-1] == pytest.approx(near.mean(), abs=1e-6)
    assert arrays["modes"][-1] == len(set(distance.argmin(1)[near]))
    assert arrays["reverse_kl"][-1] == pytest.approx(
        (share[share > 0] * np.log(8 * share[share > 0])).sum(), abs=1e-5
    )
    assert near[:1000].mean() != near.mean()
    assert_found_again(lambda arrays, device: gan._recompute_plane("ring8", arrays, device), arrays)


def test_classes_are_counted_of_all_samples(monkeypatch):
    monkeypatch.setattr(gan, "DIGITS", {**gan.DIGITS, "g_hidden": (8,), "d_hidden": (8,), "batch": 10, "n_steps": 80})
    monkeypatch.setattr(gan, "EPOCHS", (0, 1, 2))
    monkeypatch.setattr(gan, "_classifier", lambda: lambda images: (images.sum(axis=(1, 2)) * 10).astype(int) % 10)
    arrays = gan._build_digits(JOB).arrays
    config = GANConfig(**gan.DIGITS, n_samples=500)
    drawn = np.clip(fit_gan(flat(DIGITS.train), config).samples, 0, 1).reshape(-1, 28, 28)
    expected = np.bincount(gan._classifier()(drawn), minlength=10) / 500
    np.testing.assert_allclose(arrays["classes"][-1], expected, atol=1e-6)
    np.testing.assert_allclose(arrays["samples"][-1] / 255, drawn[:40], atol=0.5 / 255 + 1e-6)
