"""The pixels' scenes."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp

from dashboard.scenes.pictures import flat, grey
from dashboard.scenes.pixels import alone, bayes, eigen, looks
from genmodels.data.digits import load_mnist
from genmodels.pixels import GaussianPixels, NaivePixels
from genmodels.store import cache, checkpoint
from tests.scenes.reading import layers, readouts

CLASSIFIERS = "pixel-classifiers"


def train_images(digit: int) -> np.ndarray:
    images, labels = load_mnist().train
    return flat(images)[labels == digit].astype(float)


@pytest.mark.parametrize(
    ("at", "pixel"),
    [
        ((1e6, -1e6), (27, 27)),
        ((-1e6, 1e6), (0, 0)),
        ((0, 0), (0, 27)),
        ((28, 28), (27, 0)),
        ((13.99, 14.01), (13, 13)),
    ],
)
def test_the_cross_stays_on_the_picture(at, pixel):
    moved = alone.after_drag(alone.Config(5, 3, 3), {"handles": {"pixel": list(at)}, "moved": "pixel"})
    assert (moved.digit, moved.pixel_x, moved.pixel_y) == (5, *pixel)
    assert all(type(value) is int for value in vars(moved).values())


@pytest.mark.parametrize(
    "values",
    [
        {"handles": {"pixel": [np.nan, 0]}},
        {"handles": {"pixel": [0, np.inf]}},
        {"handles": {"pixel": ["a", 1]}},
        {"handles": {"pixel": [1, 2, 3]}},
        {"handles": {"pixel": [1e7, 0]}},
        {"handles": {}},
        {},
    ],
)
def test_a_place_that_is_none_is_refused(values):
    with pytest.raises(ValueError, match="handle 'pixel'"):
        alone.after_drag(alone.Config(), values)


@pytest.mark.parametrize("which", looks.WHICH)
def test_maps_and_biases_sum_to_the_evidence(which):
    scene = looks.scene(looks.Config(which))
    arrays = cache.arrays("cnn")
    p, labels = arrays["test.probabilities"].astype(float), grey().labels
    at = np.flatnonzero(p.argmax(1) != labels)[: looks.SHOWN] if which == "wrong" else np.arange(looks.SHOWN)
    maps = np.stack([layer.values for layer in layers(scene, "evidence")], axis=1).astype(float)  # (F, 10, 7, 7)
    assert maps.shape == (len(at), 10, 7, 7)
    assert np.abs(maps.mean(axis=1)).max() < 1e-3
    logits = maps.mean(axis=(2, 3)) + arrays["head.bias"].astype(float)
    for a, b in itertools.combinations(range(10), 2):
        both = (p[at, a] > 1e-20) & (p[at, b] > 1e-20)
        told = np.log(p[at[both], a] / p[at[both], b])
        assert np.abs(logits[both, a] - logits[both, b] - told).max() < 0.02, (a, b)


def test_maps_lie_as_the_picture_does():
    """The upper left cell of a map is the highest and leftmost of its field: a field's row 0 is the lowest."""
    scene = looks.scene(looks.Config())
    stored_map = cache.arrays("cnn")["test.maps"][0].astype(float)
    drawn = layers(scene, "evidence")[4].values[0]
    assert drawn[-1, 0] == pytest.approx(stored_map[4, 0, 0] - stored_map[:, 0, 0].mean(), abs=1e-2)


def test_it_shows_what_it_says():
    scene = looks.scene(looks.Config("wrong"))
    got = readouts(scene)
    assert (got["it is a"] != got["the CNN says"]).all()
    assert (scene.caption == 1).all()
    accuracy = checkpoint.load("cnn").entry.metrics["accuracy"]
    assert got["right on 500 test digits"][0] == pytest.approx(100 * accuracy)
    assert (readouts(looks.scene(looks.Config()))["it is a"] == grey().labels[: looks.SHOWN]).all()


@pytest.mark.parametrize(("digit", "x", "y"), [(3, 14, 14), (0, 7, 12), (1, 0, 0), (8, 27, 27)])
def test_covariances_are_those_of_numpy(digit, x, y):
    pixel = 28 * y + x
    expected = np.cov(train_images(digit), rowvar=False, bias=True)[pixel]
    assert np.allclose(alone.covariances(digit, pixel), expected, atol=1e-6)


def test_the_map_is_the_model_s_covariance():
    config = alone.Config(3, 9, 20)
    scene = alone.scene(config)
    pixel = 28 * config.pixel_y + config.pixel_x
    x = train_images(3)
    drawn = layers(scene, "covariance")[0].values[:, ::-1].reshape(-1, 784)  # from the upper left again
    shrinkage = readouts(scene)["shrinkage λ"]
    assert (np.diff(shrinkage) < 0).all()
    for k in (0, 4, len(shrinkage) - 1):
        model = GaussianPixels.fit(x, np.zeros(len(x), int), shrinkage=float(shrinkage[k]))
        expected = model.covariances[0, pixel]
        expected[pixel] -= model.floor
        assert np.allclose(drawn[k], expected, atol=1e-5), shrinkage[k]


def test_alone_only_the_pixel_itself_varies_with_itself():
    config = alone.Config(7, 15, 9)
    scene = alone.scene(config)
    first = layers(scene, "covariance")[0].values[0]
    row, column = np.nonzero(first)
    assert readouts(scene)["shrinkage λ"][0] == 1
    assert (row.tolist(), column.tolist()) == ([27 - 9], [15])
    assert scene.handles[0].at.tolist() == [15.5, 28 - 9.5]  # the middle of that very cell
    deviation = readouts(scene)["its standard deviation"][0]
    assert first[row, column][0] + 0.01 == pytest.approx(deviation**2, abs=0.004)  # a grey level, squared


@pytest.mark.parametrize("digit", [0, 4, 9])
def test_mean_and_deviation_are_those_of_the_pixel(digit):
    x = train_images(digit)
    for px, py in ((14, 14), (10, 6), (0, 0)):
        got = readouts(alone.scene(alone.Config(digit, px, py)))
        column = x[:, 28 * py + px]
        assert got["mean of this pixel"][0] == pytest.approx(column.mean(), abs=1 / 255)
        assert got["its standard deviation"][0] == pytest.approx(np.sqrt(column.var() + 0.01), abs=1 / 255)


def test_the_samples_differ_by_lambda_only():
    arrays = cache.arrays(CLASSIFIERS)
    scene = alone.scene(alone.Config(2))
    naive, gaussian = (scene.panels[k].layers[0].pixels for k in (0, 1))
    assert set(np.unique(naive)) == {0, 255}
    assert np.array_equal(gaussian[0], arrays["gaussian_samples"][arrays["shrinkage"].argmax(), 2])
    rough = np.abs(np.diff(gaussian.astype(float), axis=-1)).mean(axis=(1, 2, 3))
    assert (np.diff(rough) < 0).all(), "the less shrunk, the smoother"


def test_a_pixel_that_never_varies_has_no_correlation():
    assert alone.lowest_correlation(alone.Config(3, 0, 0)) == 0.0


def test_the_lowest_correlation_is_numpy_s():
    config = alone.Config(6, 12, 10)
    x = train_images(6)
    x = x + np.where(x.std(axis=0) < 0.02, np.nan, 0)
    with np.errstate(invalid="ignore"):
        expected = np.nanmin(np.corrcoef(x, rowvar=False)[28 * 10 + 12])
    assert alone.lowest_correlation(config) == pytest.approx(expected, abs=1e-4)


def test_pictures_swing_by_two_deviations_about_the_mean():
    scene = eigen.scene(eigen.Config(4))
    arrays = cache.arrays(CLASSIFIERS)
    t = readouts(scene)["standard deviations from the mean"]
    assert (t[0], t.min(), t.max()) == (0, pytest.approx(-2), pytest.approx(2))
    tiles = [layer for layer in scene.panels[0].layers if layer.kind == "images"]
    mean = arrays["means"][4]
    variance, vectors = arrays["eigenvalues"][4].astype(float), arrays["eigenvectors"][4].astype(float)
    for k, tile in enumerate(tiles):
        assert np.array_equal(tile.pixels[0, 0], mean)
        far = np.clip(mean + 255 * t.max() * np.sqrt(variance[k]) * vectors[k], 0, 255)
        assert np.abs(tile.pixels[t.argmax(), 0] - far).max() <= 0.5 + 1e-6
    assert len(tiles) == 8


def test_the_axes_are_the_covariance_s_eigenvectors():
    arrays = cache.arrays(CLASSIFIERS)
    x = train_images(1)
    model = GaussianPixels.fit(x, np.zeros(len(x), int), shrinkage=float(arrays["chosen"][0]))
    variance, vectors = model.eigenvectors(0, 8)
    shares = readouts(eigen.scene(eigen.Config(1)))["share of these eight"]
    assert shares[0] == pytest.approx(100 * variance.sum() / model.variances.sum(), abs=0.5)
    fields = [layer for layer in eigen.scene(eigen.Config(1)).panels[1].layers if layer.kind == "field"]
    for drawn, vector in zip(fields, vectors, strict=True):
        assert abs(drawn.values[::-1].ravel() @ vector) == pytest.approx(1, abs=1e-2)


def test_posteriors_sum_to_one():
    log_p = bayes.log_posteriors()
    assert log_p.shape == (4, 500, 10)
    assert np.abs(logsumexp(log_p, axis=-1)).max() < 1e-5


def test_posteriors_are_those_of_the_models():
    images, labels = load_mnist().train
    naive = NaivePixels.fit(flat(images).astype(float), labels)
    x = flat(grey().images[:60]).astype(float)
    assert np.abs(bayes.log_posteriors()[0, :60] - naive.log_posterior(x)).max() < 1e-3


def test_accuracies_are_those_of_the_index():
    got = readouts(bayes.scene(bayes.Config()))
    told, cnn = (checkpoint.load(name).entry.metrics for name in (CLASSIFIERS, "cnn"))
    expected = [told["accuracy_naive"], told["accuracy_independent"], told["accuracy_full"], cnn["accuracy"]]
    shown = [got[f"{name}: right"][-1] for name in bayes.MODELS]
    assert shown == pytest.approx([100 * share for share in expected])


def test_the_curves_end_where_the_readouts_are():
    scene = bayes.scene(bayes.Config())
    got = readouts(scene)
    for curve in scene.panels[-1].layers:
        assert curve.y[-1] == pytest.approx(got[f"{curve.name}: right"][-1])


def test_only_digits_on_which_they_differ():
    scene = bayes.scene(bayes.Config("differ"))
    says = np.stack([panel.layers[0].height.argmax(axis=1) for panel in scene.panels[1:5]])
    assert (says != says[0]).any(axis=0).all()
    assert 0 < len(scene.steps) < 500
    assert np.array_equal(scene.steps, np.arange(1, len(scene.steps) + 1))
