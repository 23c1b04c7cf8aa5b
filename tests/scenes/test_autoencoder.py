"""The autoencoders' scenes."""

import numpy as np
import pytest

from dashboard.scenes.autoencoder import dream, noise, squeeze
from dashboard.scenes.pictures import flat, grey
from genmodels.data.digits import load_mnist
from genmodels.nn.convolutional import ForwardCNN
from genmodels.store import cache, checkpoint
from tests.scenes.reading import readouts


@pytest.fixture(scope="module")
def network():
    """The stored network, by torch."""
    from genmodels.autoencoder.model import Autoencoder, AutoencoderConfig
    from genmodels.nn import arrays as parameters

    loaded = checkpoint.load("autoencoder-2d")
    return parameters.load(Autoencoder(AutoencoderConfig(**loaded.entry.config)), loaded.arrays)


@pytest.mark.parametrize("at", [(1e6, -1e6), (-1e6, 1e6), (0, 0), (1.234, -5.678)])
def test_the_probe_goes_where_the_hand_is(at):
    moved = dream.after_drag(dream.Config(seed=7), {"handles": {"code": list(at)}})
    assert (moved.code_1, moved.code_2, moved.seed) == (round(at[0], 2), round(at[1], 2), 7)
    for name, values in readouts(dream.scene(moved)).items():
        assert np.isfinite(values).all(), name


@pytest.mark.parametrize(
    "values",
    [
        {"handles": {"code": [np.nan, 0]}},
        {"handles": {"code": [0, -np.inf]}},
        {"handles": {"code": "ab"}},
        {"handles": {"code": [1]}},
        {"handles": {}},
        {},
    ],
)
def test_a_place_that_is_none_is_refused(values):
    with pytest.raises(ValueError, match="handle 'code'"):
        dream.after_drag(dream.Config(), values)


def test_errors_end_where_the_index_says():
    scene = squeeze.scene(squeeze.Config())
    told = checkpoint.load("autoencoder-squeeze").entry.metrics
    for size in (1, 2, 8, 32, 1000):
        name = f"{size:,} number{'s' * (size > 1)}"
        assert readouts(scene)[name][-1] == pytest.approx(100 * told[f"rmse_{size}"], abs=0.01)


def test_the_error_shown_is_that_of_the_copies_shown():
    """The eight pictures are some of the 500: by all 500 it is exact, by eight within four times their spread."""
    scene = squeeze.scene(squeeze.Config())
    first, *copies = (layer.pixels.astype(float) for layer in scene.panels[0].layers if layer.kind == "images")
    assert np.array_equal(first, grey().images[:8])
    every = cache.arrays("autoencoder-squeeze")["test_copies"][-1] / 255 - grey().images / 255
    for of, (name, told), off in zip(copies, readouts(scene).items(), every, strict=True):
        squared = np.square(off).mean(axis=(1, 2))
        assert 100 * np.sqrt(squared.mean()) == pytest.approx(told[-1], abs=0.01), name
        eights = np.array([np.random.default_rng(seed).choice(squared, 8).mean() for seed in range(200)])
        error = 100 * np.sqrt(np.square((of - first) / 255).mean(axis=(1, 2, 3)))
        assert error[-1] == pytest.approx(told[-1], abs=400 * np.sqrt(eights).std()), name
        assert error[-1] < error[0]


def test_dashed_lines_are_principal_components():
    x, test = (flat(split.images).astype(float) for split in (load_mnist().train, load_mnist().test))
    _, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
    centred = test - x.mean(axis=0)
    lines = [layer for _, layer in squeeze.scene(squeeze.Config()).layers() if layer.name.startswith("PCA")]
    for size, line in zip((1, 2, 8, 32), lines, strict=True):
        axes = vectors[:, -size:]
        error = np.sqrt(np.square(centred - centred @ axes @ axes.T).mean())
        assert np.allclose(line.xy[..., 1], 100 * error, rtol=1e-3), size


def test_noise_curves_pass_through_the_index_s_figures():
    got = readouts(noise.scene(noise.Config()))
    told = checkpoint.load("autoencoder-noise").entry.metrics
    half = np.abs(got["σ"] - 0.5).argmin()
    assert got["σ"][half] == pytest.approx(0.5)
    assert got["copying"][half] == pytest.approx(100 * told["rmse_copied_half"], abs=0.01)
    assert got["denoising"][half] == pytest.approx(100 * told["rmse_denoised_half"], abs=0.01)
    assert got["noisy picture"] == pytest.approx(100 * got["σ"], rel=0.02)


def test_the_caption_says_who_is_better():
    scene = noise.scene(noise.Config())
    got, said = readouts(scene), [scene.captions[k] for k in scene.caption]
    nearer = got["denoising"] < got["copying"]
    assert nearer.any()
    assert not nearer.all()
    for k, sentence in enumerate(said):
        if nearer[k]:
            assert "that one is nearer" in sentence or "it is still the nearer" in sentence
        else:
            assert "copying network" in sentence or "noisy picture itself" in sentence


def test_the_over_wide_network_is_not_said_to_copy_noise():
    """At σ = 0.5 its answer is nearer to the clean digit than what it was given: it takes noise away, too."""
    got = readouts(noise.scene(noise.Config()))
    half = np.abs(got["σ"] - 0.5).argmin()
    noisy, copied, denoised = (got[name][half] for name in ("noisy picture", "copying", "denoising"))
    assert denoised < copied < noisy / 2
    for words in (squeeze.told_by_error(), " ".join(noise.sentences())):
        for number in (noisy, copied, denoised):
            assert f"{number:.1f} %" in words
        assert "copy anything" not in words
    assert "noise it passes on in part only" in " ".join(noise.sentences())


def test_beyond_its_noise_some_answers_are_of_another_class():
    stored = cache.load("autoencoder-noise").arrays
    reads = ForwardCNN(cache.arrays("cnn"))
    last = stored["noise"].argmax()
    wrong = [(reads(stored["denoised"][k] / 255).argmax(axis=1) != grey().labels[:8]).sum() for k in (0, last)]
    assert wrong[0] == 0
    assert 0 < wrong[1] < 8
    assert "some are of another class" in noise.sentences()[1]


def test_gains_over_principal_components_are_those_of_the_picture():
    scene = squeeze.scene(squeeze.Config())
    pca = [layer.xy[0, 0, 1] for _, layer in scene.layers() if layer.name.startswith("PCA")]
    error = [values[-1] for values in readouts(scene).values()]
    gains = [100 * (1 - e / p) for e, p in zip(error, pca, strict=False)]
    first, second = squeeze.sentences()
    for size, gain in zip((1, 2, 8, 32), gains, strict=True):
        assert f"{size}: {gain:.0f} %" in first
    assert ("grows with the numbers kept" in first) == (sorted(gains) == gains)
    assert f"{error[-1]:.1f} %" in second
    assert ("smallest of the five" in second) == (error[-1] == min(error))


@pytest.mark.parametrize("seed", range(4))
def test_holes_are_judged_by_their_pictures(seed):
    scene, known = dream.scene(dream.Config(seed=seed)), dream.plane()
    z = next(layer.xy for _, layer in scene.layers() if layer.name == "random codes")
    far = np.array([np.linalg.norm(known.codes - one, axis=1).min() for one in z]) > 3 * known.gap
    alike = np.array([dream.likeness(dream.Config(*one)) for one in z])
    words = dream.sentences(dream.Config(seed=seed))[1]
    for mean in (alike[far].mean(), alike[~far].mean()):
        assert f"{mean:.2f}" in words
    assert ("less alike" in words) == (alike[~far].mean() - alike[far].mean() >= 0.02)


def test_the_diagram_narrows_between_the_pictures():
    diagram = next(layer for _, layer in squeeze.scene(squeeze.Config()).layers() if layer.kind == "diagram")
    x, z, copy = (node.size[1] for node in diagram.nodes)
    assert z < x == copy
    assert [(e.start, e.end, e.text) for e in diagram.edges] == [(0, 1, "f"), (1, 2, "g")]


@pytest.mark.parametrize("at", [(0.0, 0.0), (-12.5, 3.25), (9.0, -20.0)])
def test_the_picture_under_the_hand_is_the_decoder_s(network, at):
    import torch

    scene = dream.scene(dream.Config(*at))
    drawn = scene.panels[1].layers[0].pixels[0]
    known = dream.plane()
    assert np.array_equal(drawn.ravel(), np.round(255 * known.network.decode(np.array([at]))[0]))
    with torch.no_grad():
        by_torch = 255 * network.decode(torch.tensor([at])).numpy().reshape(28, 28)
    assert np.abs(drawn - by_torch).max() <= 1


def test_the_codes_are_the_encoder_s(network):
    import torch

    with torch.no_grad():
        codes = network.encode(torch.tensor(flat(grey().images))).numpy()
    known = dream.plane()
    assert np.abs(known.codes - codes).max() < 1e-3
    nearest = np.linalg.norm(codes - np.array([3.0, -4.0]), axis=1).min()
    got = readouts(dream.scene(dream.Config(3.0, -4.0)))
    assert got["from the probe to the nearest code"][0] == pytest.approx(nearest, abs=1e-3)


def test_random_codes_come_one_by_one_from_the_whole_plane():
    known = dream.plane()
    (x0, x1), (y0, y1) = known.ends
    scenes = [dream.scene(dream.Config(seed=seed)) for seed in (0, 0, 1)]
    drawn = [next(layer.xy for _, layer in s.layers() if layer.name == "random codes") for s in scenes]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert ((drawn[0] >= (x0, y0)) & (drawn[0] <= (x1, y1))).all()
    pictures = scenes[0].panels[2].layers[0].pixels
    for k in (0, 11, 23):
        assert not pictures[k, k + 1 :].any()
        last = np.round(255 * known.network.decode(drawn[0][k : k + 1])[0]).reshape(28, 28)
        assert np.array_equal(pictures[k, k], last)


def test_likeness_is_the_largest_cosine():
    at = np.array([[4.0, -9.0]])
    decoded = dream.plane().network.decode(at)[0].astype(float)
    x = load_mnist().train.images.reshape(-1, 784) / 255
    cosine = [row @ decoded / np.linalg.norm(row) / np.linalg.norm(decoded) for row in x]
    assert dream.likeness(dream.Config(*at[0])) == pytest.approx(max(cosine), abs=1e-5)
