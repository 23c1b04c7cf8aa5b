"""What the recipes of autoencoders, CNN and pixel models have stored, and that their builds can be interrupted."""

from types import SimpleNamespace

import numpy as np
import pytest

from genmodels.autoencoder.runtime import ForwardAutoencoder
from genmodels.data.digits import Split, load_mnist
from genmodels.recipes import autoencoder, cnn, pixels
from genmodels.store import building, checkpoint
from genmodels.store.recipe import Job

RECIPES = {recipe.name: recipe for module in (autoencoder, cnn, pixels) for recipe in module.RECIPES}
TEST = load_mnist().test
U1, I4, F2, F4 = "uint8", "int32", "float16", "float32"
PICTURES = ((8, 28, 28), U1)
ARRAYS = {
    "autoencoder-2d": {
        "encoder.0.weight": ((256, 784), F2),
        "encoder.0.bias": ((256,), F2),
        "encoder.2.weight": ((64, 256), F2),
        "encoder.2.bias": ((64,), F2),
        "encoder.4.weight": ((2, 64), F2),
        "encoder.4.bias": ((2,), F2),
        "decoder.0.weight": ((64, 2), F2),
        "decoder.0.bias": ((64,), F2),
        "decoder.2.weight": ((256, 64), F2),
        "decoder.2.bias": ((256,), F2),
        "decoder.4.weight": ((784, 256), F2),
        "decoder.4.bias": ((784,), F2),
    },
    "autoencoder-squeeze": {
        "bottlenecks": ((5,), I4),
        "epochs": ((26,), I4),
        "pictures": PICTURES,
        "reconstructions": ((26, 5, 8, 28, 28), U1),
        "test_rmse": ((26, 5), F4),
        "test_copies": ((2, 5, 500, 28, 28), U1),
        "pca_rmse": ((5,), F4),
    },
    "autoencoder-noise": {
        "noise": ((21,), F4),
        "pictures": PICTURES,
        **dict.fromkeys(("noisy", "copied", "denoised"), ((21, 8, 28, 28), U1)),
        **dict.fromkeys(("rmse_noisy", "rmse_copied", "rmse_denoised"), ((21,), F4)),
        **dict.fromkeys(("test_copied", "test_denoised"), ((3, 500, 28, 28), U1)),
    },
    "cnn": {
        "convolutions.0.weight": ((16, 1, 3, 3), F2),
        "convolutions.0.bias": ((16,), F2),
        "convolutions.1.weight": ((32, 16, 3, 3), F2),
        "convolutions.1.bias": ((32,), F2),
        "convolutions.2.weight": ((64, 32, 3, 3), F2),
        "convolutions.2.bias": ((64,), F2),
        "head.weight": ((10, 64), F2),
        "head.bias": ((10,), F2),
        "test.probabilities": ((500, 10), F4),
        "test.maps": ((500, 10, 7, 7), F2),
        "test.labels": ((500,), U1),
    },
    "cnn-14": {
        "convolutions.0.weight": ((32, 1, 3, 3), F2),
        "convolutions.0.bias": ((32,), F2),
        "convolutions.1.weight": ((64, 32, 3, 3), F2),
        "convolutions.1.bias": ((64,), F2),
        "convolutions.2.weight": ((64, 64, 3, 3), F2),
        "convolutions.2.bias": ((64,), F2),
        "head.weight": ((10, 64), F2),
        "head.bias": ((10,), F2),
    },
    "pixel-classifiers": {
        "log_likelihood": ((3, 500, 10), F4),
        "log_prior": ((10,), F4),
        "labels": ((500,), U1),
        "accuracy": ((3,), F4),
        **dict.fromkeys(("shrinkage", "valid_accuracy", "test_accuracy"), ((12,), F4)),
        "chosen": ((1,), F4),
        "naive_samples": ((10, 12, 28, 28), U1),
        "gaussian_samples": ((12, 10, 12, 28, 28), U1),
        **dict.fromkeys(("means", "deviations"), ((10, 28, 28), U1)),
        "eigenvalues": ((10, 8), F4),
        "eigenvectors": ((10, 8, 28, 28), F2),
    },
}


@pytest.fixture(scope="module")
def stored():
    return {name: checkpoint.load(name) for name in RECIPES}


@pytest.mark.parametrize("name", ARRAYS)
def test_each_is_fresh_and_holds_what_its_recipe_says(stored, name):
    assert building.status(RECIPES[name]) == "fresh"
    arrays = stored[name].arrays
    assert {key: (array.shape, str(array.dtype)) for key, array in arrays.items()} == ARRAYS[name]
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_no_recipe_is_untold():
    assert RECIPES.keys() == ARRAYS.keys()


# The autoencoders


def images(split):
    return split.images.reshape(-1, 784) / np.float32(255)


def test_the_plane_is_read_without_torch_and_has_the_error_told(stored):
    entry, arrays = stored["autoencoder-2d"].entry, stored["autoencoder-2d"].arrays
    x = images(TEST)
    copy = ForwardAutoencoder(arrays, entry.config["activation"], entry.config["loss"])
    error = np.sqrt(np.square(copy(x) - x).mean())
    assert error == pytest.approx(entry.metrics["rmse"], abs=1e-4)
    assert error < np.sqrt(np.square(images(load_mnist().train).mean(0) - x).mean())  # the mean picture's


@pytest.mark.parametrize("name", ["autoencoder-squeeze", "autoencoder-noise"])
def test_the_pictures_are_the_first_of_eight_classes(stored, name):
    assert TEST.labels[:8].tolist() == list(range(8))
    np.testing.assert_array_equal(stored[name].arrays["pictures"], TEST.images[:8])


def test_a_wider_bottleneck_copies_better_and_each_beats_as_many_principal_components(stored):
    arrays = stored["autoencoder-squeeze"].arrays
    assert arrays["bottlenecks"].tolist() == [1, 2, 8, 32, 1000]
    assert arrays["epochs"].tolist() == [*range(11), *range(12, 41, 2)]
    last, pca = arrays["test_rmse"][-1], arrays["pca_rmse"]
    assert (np.diff(last) < 0).all()
    assert (np.diff(pca) < 0).all()
    assert (last[:4] < pca[:4]).all()
    assert pca[4] < 1e-6 < last[4]  # all 784 directions lose nothing


def test_training_lowers_the_error_on_test_images(stored):
    arrays = stored["autoencoder-squeeze"].arrays
    assert (arrays["test_rmse"][-1] < arrays["test_rmse"][1]).all()


def test_the_reconstructions_are_near_the_pictures_at_the_end_only(stored):
    arrays = stored["autoencoder-squeeze"].arrays
    differences = (arrays["reconstructions"].astype(float) - arrays["pictures"]) / 255
    errors = np.sqrt(np.square(differences).mean(axis=(2, 3, 4)))  # of eight pictures, not of 500
    assert (errors[0] > 0.4).all()
    assert (errors[-1, 3:] < 0.12).all()


def test_the_noise_has_the_size_told_and_grows_from_none(stored):
    arrays = stored["autoencoder-noise"].arrays
    np.testing.assert_allclose(arrays["noise"], np.linspace(0, 1, 21), atol=1e-6)
    np.testing.assert_allclose(arrays["rmse_noisy"], arrays["noise"], rtol=0.01)
    np.testing.assert_array_equal(arrays["noisy"][0], arrays["pictures"])
    mask = (arrays["noisy"][1:-1] > 0) & (arrays["noisy"][1:-1] < 255)  # not clipped
    step = np.diff(arrays["noisy"].astype(int), axis=0)
    signs = np.sign(step[1:] * step[:-1])[mask]
    assert (signs >= 0).all()  # the same pattern, scaled


def test_without_noise_the_copier_is_better_and_at_a_half_the_denoiser(stored):
    arrays = stored["autoencoder-noise"].arrays
    copied, denoised = arrays["rmse_copied"], arrays["rmse_denoised"]
    assert copied[0] < denoised[0]
    assert denoised[10] < copied[10] < arrays["rmse_noisy"][10]
    squeeze = stored["autoencoder-squeeze"].arrays["test_rmse"][-1, -1]
    assert copied[0] == pytest.approx(squeeze, abs=1e-4)  # the same network


# The CNN


def test_the_maps_explain_the_probabilities_exactly(stored):
    arrays = stored["cnn"].arrays
    logits = arrays["test.maps"].astype(float).mean(axis=(2, 3)) + arrays["head.bias"].astype(float)
    p = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(p / p.sum(1, keepdims=True), arrays["test.probabilities"], atol=5e-3)


def test_the_cnn_reads_digits(stored):
    arrays = stored["cnn"].arrays
    np.testing.assert_array_equal(arrays["test.labels"], TEST.labels)
    right = (arrays["test.probabilities"].argmax(1) == TEST.labels).mean()
    assert right == pytest.approx(stored["cnn"].entry.metrics["accuracy"], abs=0.004)
    assert right > 0.95


# The pixel classifiers


def test_the_likelihoods_give_the_accuracies_told(stored):
    entry, arrays = stored["pixel-classifiers"].entry, stored["pixel-classifiers"].arrays
    np.testing.assert_array_equal(arrays["labels"], TEST.labels)
    right = ((arrays["log_likelihood"] + arrays["log_prior"]).argmax(2) == TEST.labels).mean(axis=1)
    np.testing.assert_allclose(right, arrays["accuracy"], atol=1e-6)
    metrics = [entry.metrics[f"accuracy_{name}"] for name in ("naive", "independent", "full")]
    np.testing.assert_allclose(right, metrics, atol=0.004)
    assert np.exp(arrays["log_prior"]).sum() == pytest.approx(1)


def test_the_shrinkage_chosen_is_best_on_valid_and_the_last_is_the_independent_model(stored):
    arrays = stored["pixel-classifiers"].arrays
    chosen = np.flatnonzero(arrays["shrinkage"] == arrays["chosen"][0])
    assert arrays["valid_accuracy"][chosen] == arrays["valid_accuracy"].max()
    assert arrays["test_accuracy"][chosen] == arrays["accuracy"][2]
    assert (np.diff(arrays["shrinkage"]) > 0).all()
    assert arrays["shrinkage"][-1] == 1
    assert arrays["test_accuracy"][-1] == arrays["accuracy"][1]


def test_the_samples_change_smoothly_with_the_shrinkage(stored):
    samples = stored["pixel-classifiers"].arrays["gaussian_samples"].astype(float)
    steps = np.abs(np.diff(samples, axis=0)).mean(axis=(1, 2, 3, 4))
    others = np.abs(samples[:, :, 1:] - samples[:, :, :-1]).mean()  # another draw of the same class
    assert (steps > 0).all()
    assert steps.max() < others / 2


def test_strokes_need_the_covariance(stored):
    """Neighbours agree in the full model's samples, and not in the independent one's; their spread is the same."""
    arrays = stored["pixel-classifiers"].arrays
    differences = arrays["gaussian_samples"].astype(float) - arrays["means"][:, None]
    agreement = (differences[..., 1:] * differences[..., :-1]).mean(axis=(1, 2, 3, 4))
    assert agreement[-1] < 0.2 * agreement[0]
    assert set(np.unique(arrays["naive_samples"])) == {0, 255}


def test_the_eigenvectors_are_unit_pictures_of_falling_variance(stored):
    arrays = stored["pixel-classifiers"].arrays
    rows = arrays["eigenvectors"].astype(float).reshape(10, 8, 784)
    np.testing.assert_allclose(rows @ rows.transpose(0, 2, 1), np.broadcast_to(np.eye(8), (10, 8, 8)), atol=2e-3)
    assert (np.diff(arrays["eigenvalues"], axis=1) <= 0).all()


# Interrupted builds, on small networks


class Stop(Exception):
    pass


def interrupted(build, at):
    """The arrays of a build that ends after so many reports and is taken up from what it kept."""
    kept, told = [], []

    def keep(arrays):
        arrays = arrays() if callable(arrays) else arrays
        kept[:] = [{name: np.array(array) for name, array in arrays.items()}]

    def progress(done, total, text):
        told.append((done, total))
        if len(told) == at:
            raise Stop

    def start():
        return build(Job("cpu", progress, lambda: kept[0] if kept else None, keep))

    if at:
        with pytest.raises(Stop):
            start()
    built = start()
    assert told[-1][0] == told[-1][1]
    return built.arrays


def assert_resumable(build, stops):
    whole = interrupted(build, 0)
    for at in stops:
        parts = interrupted(build, at)
        assert parts.keys() == whole.keys()
        for name in whole:
            np.testing.assert_array_equal(parts[name], whole[name])


def test_an_interrupted_recording_is_the_uninterrupted_one(monkeypatch):
    small = {**autoencoder.OVERWIDE, "n_bottleneck": 2, "hidden": (4,), "n_steps": 80}
    networks = (small, {**small, "noise": 0.5})
    monkeypatch.setattr(
        autoencoder, "NOISE", {"networks": networks, "noise": (0.0, 0.5), "noise_seed": 1, "kept": (0.5,)}
    )
    assert_resumable(autoencoder._build_noise, stops=(5,))


def test_an_interrupted_cnn_is_the_uninterrupted_one(monkeypatch):
    monkeypatch.setattr(cnn, "CONFIG", {**cnn.CONFIG, "channels": (2, 2), "n_steps": 90})
    monkeypatch.setattr(cnn, "STEPS_PER_EPOCH", 30)
    assert_resumable(cnn._build, stops=(3,))


# Small builds, against other computations


@pytest.fixture
def job():
    return Job("cpu", lambda done, total, text: None, lambda: None, lambda arrays: None)


def test_the_errors_of_principal_components_are_those_of_the_train_images(job, monkeypatch):
    from sklearn.decomposition import PCA

    small = {**autoencoder.NARROW, "n_bottleneck": 1, "hidden": (4,), "n_steps": 40}
    networks = ({**small, "n_bottleneck": 2}, {**small, "n_bottleneck": 5})
    monkeypatch.setattr(autoencoder, "SQUEEZE", {"networks": networks, "epochs": (0, 1), "kept": (1,)})
    built = autoencoder._build_squeeze(job).arrays
    train, test = (split.images.reshape(-1, 784) / 255 for split in (load_mnist().train, TEST))
    for error, n in zip(built["pca_rmse"], (2, 5), strict=True):
        pca = PCA(n, svd_solver="full").fit(train)
        assert error == pytest.approx(np.sqrt(np.square(pca.inverse_transform(pca.transform(test)) - test).mean()))
    assert built["test_rmse"].shape == (2, 2)
    assert (built["test_rmse"][1] < built["test_rmse"][0]).all()


def striped(rng, n):
    """Grey pictures of two classes with one mean: in the first, rows vary as wholes, in the second columns do."""
    labels = np.arange(2 * n) % 2
    waves = rng.standard_normal((2 * n, 28, 1)) * np.ones(28)
    pictures = np.where(labels[:, None, None] == 0, waves, waves.swapaxes(1, 2))
    pictures = 128 + 20 * pictures + 8 * rng.standard_normal(pictures.shape)
    return Split(pictures.clip(0, 255).round().astype(np.uint8), labels)


def test_pixel_classifiers_are_chosen_on_valid_and_drawn_with_their_own_covariance(job, monkeypatch):
    rng = np.random.default_rng(0)
    train, valid, test = striped(rng, 80), striped(rng, 60), striped(rng, 60)
    misled = Split(test.images, 1 - test.labels)  # by the test images the worst λ would be the best
    monkeypatch.setattr(pixels, "load_mnist", lambda: SimpleNamespace(train=train, valid=valid, test=misled))
    shrinkages = (0.3, 0.6, 1.0)
    monkeypatch.setattr(
        pixels, "CONFIG", {**pixels.CONFIG, "shrinkages": shrinkages, "samples": 400, "eigenvectors": 3}
    )
    built = pixels._build(job).arrays
    assert built["test_accuracy"].argmax() == 2
    assert built["valid_accuracy"].argmax() == 0
    assert built["chosen"] == pytest.approx([0.3])
    rows = built["eigenvectors"].astype(float).reshape(2, 3, 784)
    for k in (0, 1):
        drawn = built["gaussian_samples"][0, k].reshape(400, 784) / 255
        assert (drawn @ rows[k].T).var(axis=0) == pytest.approx(built["eigenvalues"][k], rel=0.25)
