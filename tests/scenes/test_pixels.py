"""The pixels' scenes."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.decomposition import PCA

from dashboard.scenes.pictures import flat, grey
from dashboard.scenes.pixels import alone, bayes, eigen, looks
from genmodels.cnn import CNN, CNNConfig, predict_proba
from genmodels.data.digits import load_mnist
from genmodels.nn import arrays as parameters
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
    maps = np.stack([layer.values for layer in layers(scene, "evidence")], axis=1).astype(float)  # (F, 5, 7, 7)
    assert maps.shape == (len(at), 5, 7, 7)
    for frame, index in enumerate(at):
        loudest = np.argsort(-p[index], kind="stable")[:5]
        logits = maps[frame].mean(axis=(1, 2)) + arrays["head.bias"].astype(float)[loudest]
        for a, b in itertools.combinations(range(5), 2):
            if min(p[index, loudest[[a, b]]]) > 1e-20:
                told = np.log(p[index, loudest[a]] / p[index, loudest[b]])
                assert logits[a] - logits[b] == pytest.approx(told, abs=0.02), (frame, a, b)


def test_each_of_the_five_maps_bears_its_class():
    scene = looks.scene(looks.Config())
    p, names = cache.arrays("cnn")["test.probabilities"], layers(scene, "class numbers")[0]
    corners = np.array([layer.extent for layer in layers(scene, "evidence")])
    for frame in (0, 7, 39):
        shown = np.flatnonzero(np.isfinite(names.at[frame, :, 0]))
        assert set(shown) == set(np.argsort(-p[frame], kind="stable")[:5])
        for rank, (x0, x1, _, top) in enumerate(corners):
            above = np.flatnonzero(np.isclose(names.at[frame, :, 0], (x0 + x1) / 2) & (names.at[frame, :, 1] > top)
                                   & (names.at[frame, :, 1] < top + 0.3))  # fmt: skip
            assert p[frame, above.item()] == np.sort(p[frame])[::-1][rank]


def test_maps_lie_as_the_picture_does():
    """The upper left cell of a map is the highest and leftmost of its field: a field's row 0 is the lowest."""
    scene = looks.scene(looks.Config())
    stored_map = cache.arrays("cnn")["test.maps"][0].astype(float)
    likeliest = cache.arrays("cnn")["test.probabilities"][0].argmax()
    drawn = layers(scene, "evidence")[0].values[0]
    assert drawn[-1, 0] == pytest.approx(stored_map[likeliest, 0, 0] - stored_map[:, 0, 0].mean(), abs=1e-2)
    assert drawn[0, 0] == pytest.approx(stored_map[likeliest, -1, 0] - stored_map[:, -1, 0].mean(), abs=1e-2)


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
    deviation = readouts(scene)["its standard deviation, ε included"][0]
    assert first[row, column][0] + 0.01 == pytest.approx(deviation**2, abs=0.004)  # a grey level, squared


@pytest.mark.parametrize("digit", [0, 4, 9])
def test_mean_and_deviation_are_those_of_the_pixel(digit):
    x = train_images(digit)
    for px, py in ((14, 14), (10, 6), (0, 0)):
        got = readouts(alone.scene(alone.Config(digit, px, py)))
        column = x[:, 28 * py + px]
        assert got["mean of this pixel"][0] == pytest.approx(column.mean(), abs=1 / 255)
        assert got["its standard deviation, ε included"][0] == pytest.approx(
            np.sqrt(column.var() + 0.01), abs=1 / 255
        )


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
    assert arrays["eigenvalues"][1] == pytest.approx(variance, rel=1e-3)
    fields = [layer for layer in eigen.scene(eigen.Config(1)).panels[1].layers if layer.kind == "field"]
    for drawn, vector in zip(fields, vectors, strict=True):
        assert abs(drawn.values[::-1].ravel() @ vector) == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("digit", [0, 1, 8])
def test_shares_are_of_the_variance_of_the_data(digit):
    """The ε that the model adds to each of 784 variances is none of the digits': of the ones' 36 % it left 26."""
    scene = eigen.scene(eigen.Config(digit))
    explained = 100 * PCA(8).fit(train_images(digit)).explained_variance_ratio_
    assert np.allclose(scene.panels[2].layers[0].height, explained, atol=0.05)
    assert readouts(scene)["along these eight, of the data's variance"] == pytest.approx(explained.sum(), abs=0.05)
    assert f"The first takes {explained[0]:.0f} %" in " ".join(eigen.sentences(eigen.Config(digit)))


@pytest.mark.parametrize("digit", range(10))
def test_the_slant_is_that_of_the_ink_s_moments(digit):
    x = train_images(digit).reshape(-1, 28, 28)
    vector = cache.arrays(CLASSIFIERS)["eigenvectors"][digit, 0].astype(float)
    leaning = []
    for image in x:
        rows, columns = np.indices((28, 28))
        cov = np.cov(columns.ravel(), rows.ravel(), aweights=image.ravel(), ddof=0)
        leaning.append(cov[0, 1] / cov[1, 1])
    r = abs(np.corrcoef(leaning, (x * vector).sum(axis=(1, 2)))[0, 1])
    assert eigen.slant(eigen.Config(digit)) == pytest.approx(r, abs=1e-3)
    assert f"|r| = {r:.2f}" in eigen.sentences(eigen.Config(digit))[0]
    assert ("mostly a *slant*" in eigen.sentences(eigen.Config(digit))[0]) == (r * r > 0.5)


def test_what_the_cnn_says_of_noise_is_what_torch_says():
    stored = checkpoint.load("cnn")
    weights = {name: value for name, value in stored.arrays.items() if not name.startswith("test.")}
    network = parameters.load(CNN(CNNConfig(**stored.entry.config)), weights)
    p = predict_proba(network, np.random.default_rng(0).random((100, 28, 28)))
    said = np.bincount(p.argmax(axis=1), minlength=10)
    words = looks.of_noise_in_words()
    assert f"“{said.argmax()}” to {said.max()} of them" in words
    assert f"is {p.max(axis=1).mean():.3f} on average" in words


def test_what_the_cnn_reads_in_samples_is_what_torch_reads():
    stored, arrays = checkpoint.load("cnn"), cache.arrays(CLASSIFIERS)
    weights = {name: value for name, value in stored.arrays.items() if not name.startswith("test.")}
    network = parameters.load(CNN(CNNConfig(**stored.entry.config)), weights)
    words = alone.sentence()
    for k in (arrays["shrinkage"].argmin(), arrays["shrinkage"].argmax()):
        p = np.stack([predict_proba(network, samples / 255) for samples in arrays["gaussian_samples"][k]])
        right = np.mean(p.argmax(axis=-1) == np.arange(10)[:, None])
        assert f"λ = {arrays['shrinkage'][k]:g}" in words
        assert f"{100 * right:.0f} %" in words
        assert f"{p.max(axis=-1).mean():.2f}" in words


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
    shown = [got[f"{name}: right so far"][-1] for name in bayes.MODELS]
    assert shown == pytest.approx([100 * share for share in expected])


@pytest.mark.parametrize("turns", bayes.WHICH)
def test_readouts_are_those_of_the_picture_shown_as_the_curves_are(turns):
    scene = bayes.scene(bayes.Config(turns))
    got, posterior = readouts(scene), bayes.log_posteriors()
    says, labels = posterior.argmax(axis=-1), grey().labels
    at = np.arange(500) if turns == "all" else np.flatnonzero((says != says[0]).any(axis=0))
    for m, curve in enumerate(scene.panels[-1].layers):
        assert np.array_equal(curve.y, got[f"{curve.name}: right so far"])
        for frame in (0, 12, len(at) - 1):
            first = at[: frame + 1]
            assert curve.y[frame] == pytest.approx(100 * np.mean(says[m, first] == labels[first]))


def test_numbers_above_bars_have_room():
    for panel, least in (*((p, 0.2) for p in bayes.scene(bayes.Config()).panels[1:5]),
                         (looks.scene(looks.Config()).panels[2], 0.1)):  # fmt: skip
        low, high = panel.y
        tallest = max(float(layer.height.max()) for layer in panel.layers)
        assert (high - tallest) / (high - low) > least


def test_the_surest_model_is_computed():
    posterior, labels = bayes.log_posteriors(), grey().labels
    sure, right = np.exp(posterior).max(axis=-1).mean(axis=1), (posterior.argmax(axis=-1) == labels).mean(axis=1)
    words = " ".join(bayes.sentences())
    name = bayes.MODELS[int(sure.argmax())].replace("Naive", "naive").replace("Full", "full")
    assert f"The surest is the {name}." in words
    assert ("surer than it is right" in words) == bool((sure > right)[:3].all())
    assert ("tell most digits apart" in words) == bool((right[:2] > 0.5).all())
    for s, r in zip(sure, right, strict=True):
        assert f"{100 * s:.1f} % and {100 * r:.1f} %" in words


def test_only_digits_on_which_they_differ():
    scene = bayes.scene(bayes.Config("differ"))
    says = np.stack([panel.layers[0].height.argmax(axis=1) for panel in scene.panels[1:5]])
    assert (says != says[0]).any(axis=0).all()
    assert 0 < len(scene.steps) < 500
    assert np.array_equal(scene.steps, np.arange(1, len(scene.steps) + 1))
