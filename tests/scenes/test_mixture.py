"""The mixtures' scenes."""

import numpy as np
import pytest

from dashboard.scenes.mixture import choose, collapse, em, generate, harden, kmeans, starts
from dashboard.scenes.mixture.setup import BOARD, Config, after_drag
from genmodels.kmeans import KMeansConfig, fit_kmeans
from genmodels.mixture import GaussianMixture, fit_mixture, iterate_em
from tests.claims.shown import Shown
from tests.claims.test_captions import check
from tests.scenes.reading import dragged, painted


def told(scene, frame=-1):
    """The sentence that stands in a frame."""
    return scene.captions[scene.caption[frame]]


def test_k_means_ends_where_the_model_does():
    config = Config(k=4, seed=3)
    data = config.data()
    scene = kmeans.scene(config)
    got = fit_kmeans(data, KMeansConfig(4, init=config.start(data)))
    assert scene.readouts[0].values[-1] == pytest.approx(got.inertia)
    labels = next(layer for _, layer in scene.layers() if layer.name == "points").labels[-1]
    np.testing.assert_array_equal(labels, got.labels)


def test_em_prints_what_the_model_says():
    config = Config(source="unequal", k=3, seed=1)
    data = config.data()
    scene, states = em.scene(config), list(iterate_em(data, config.em()))
    got = {r.name: r.values for r in scene.readouts}
    np.testing.assert_allclose(got["log-likelihood"], [s.log_likelihood for s in states])
    assert (got["lower bound"] <= got["log-likelihood"] + 1e-9).all()
    chosen = int(((data - [config.probe_1, config.probe_2]) ** 2).sum(1).argmin())
    last = GaussianMixture.from_state(states[-1])
    density = np.exp(last.log_prob(data[[chosen]])[0])
    assert got["p(x)"][-1] == pytest.approx(density)
    terms = [got[f"πN{k}"][-1] for k in (1, 2, 3)]
    assert sum(terms) == pytest.approx(density)
    for k, term in zip("₁₂₃", terms, strict=True):
        assert got[f"r{k}"][-1] == pytest.approx(term / density)


def test_the_printed_responsibility_is_the_printed_share_in_every_frame():
    scene = em.scene(Config(source="unequal", k=3, seed=1, probe_1=1.5, probe_2=0.5))
    got = {r.name: r.values for r in scene.readouts}
    assert np.isnan(got["p(x)"][0]), "before the first E-step there are no densities to print"
    for k in (1, 2, 3):
        np.testing.assert_allclose(got[f"r{'₁₂₃'[k - 1]}"][1:], got[f"πN{k}"][1:] / got["p(x)"][1:], rtol=1e-9)
    assert (got["p(x)"][2::2] == got["p(x)"][1::2][: len(got["p(x)"][2::2])]).all(), "an M-step prints its E-step's"
    assert "last E-step" in scene.equation


def test_the_m_step_never_comes_before_its_e_step():
    scene = em.scene(Config())
    lit = next(layer for _, layer in scene.layers() if layer.name == "schema").active
    assert [tuple(row[:2]) for row in lit[:4]] == [(0, 0), (1, 0), (0, 1), (1, 0)]


def test_dragging_a_start_or_the_probe_changes_the_config():
    config = Config()
    scene = em.scene(config)
    moved = after_drag(config, dragged(scene, "start 2", (-4, 4)))
    start = moved.start(config.data())
    np.testing.assert_allclose(start[1], [-4, 4], atol=0.01)
    assert after_drag(config, dragged(scene, "probe", (2, -1))).probe_1 == 2
    for bad in ({}, {"handles": {}, "moved": "start 1"}, {"moved": "probe", "handles": {"probe": [1, float("nan")]}}):
        with pytest.raises(ValueError, match="handle"):
            after_drag(config, bad)


def test_soft_becomes_hard():
    got = {r.name: r.values for r in harden.scene(Config()).readouts}
    assert got["mean entropy of r"][0] > 0.5
    assert got["mean entropy of r"][-1] < 1e-3
    assert got["likeliest component = K-means' cluster"][-1] == 100


@pytest.mark.parametrize(("source", "k"), [("blobs", 3), ("elongated", 3), ("ring", 4)])
def test_em_at_a_fixed_width_merges_above_the_largest_variance_and_parts_below(source, k):
    config = Config(source=source, k=k)
    scene = harden.scene(config)
    means = next(layer for _, layer in scene.layers() if layer.name == "components").mean
    sigma = {r.name: r.values for r in scene.readouts}["σ"]
    widest = np.linalg.eigvalsh(np.cov(config.data().T, bias=True))[-1]
    apart = np.ptp(means, axis=1).max(axis=1) / np.sqrt(widest)
    assert (apart[sigma**2 > 1.1 * widest] < 0.01).all()
    assert (apart[sigma**2 < 0.8 * widest] > 0.2).all()
    np.testing.assert_allclose(means[0], config.data().mean(axis=0)[None].repeat(k, 0), atol=0.01)
    assert "merged" in told(scene, 0)
    assert "EM has become K-means" in told(scene)


def test_a_centroid_without_points_is_named():
    config = Config(means=painted([(-2.6, -1.2), (0.4, 2.4), (5, 5)], BOARD))
    scene = kmeans.scene(config)
    assert "one without points stays" in told(scene, 2)
    assert not check("mixture", Shown(config, scene, 2))


def test_degenerate_endings_are_named_and_not_ranked():
    points = [(0, 0), (0.01, 0), (4, 4), (4.01, 4), (-3, 1), (2, -2), (1, 3)]
    config = Config(source="painted", painted=painted(points, BOARD), k=3)
    titles = [p.title for p in starts.scene(config).panels]
    assert any("degenerate" in t for t in titles)
    ranked = sorted(
        int(t.split(".")[0]) for t in [p.title for p in starts.scene(Config(k=4)).panels] if t[0].isdigit()
    )
    assert ranked == list(range(1, len(ranked) + 1))


def test_dragging_one_start_leaves_the_others_where_they_are():
    """Also where a file's points lie far outside the board."""
    rng = np.random.default_rng(0)
    minutes = np.vstack([rng.normal((2, 54), (0.3, 6), (40, 2)), rng.normal((4.4, 80), (0.4, 6), (40, 2))])
    own = tuple(map(tuple, minutes.tolist()))
    for config in (Config(k=3), Config(source="csv", csv=own, k=2), Config(source="csv", csv=own, k=4)):
        data = config.data()
        before = config.start(data)
        cell = np.ptp(config.frame(), axis=1) / 1024
        place = data[3]
        after = after_drag(config, dragged(em.scene(config), "start 1", place)).start(data)
        assert (np.abs(after[0] - place) <= cell).all()
        assert (np.abs(after[1:] - before[1:]) <= cell).all()


def test_without_regularisation_it_collapses_and_with_it_does_not():
    free, held = (collapse.scene(Config(reg_covar=r)) for r in (0.0, 1e-2))
    assert "collapsed at step" in told(free)
    assert "falls below reg_covar" in told(held)
    sigma = next(r.values for r in held.readouts if r.name == "smallest σ")
    assert sigma.min() >= 0.1


def test_nothing_is_said_of_reg_covar_where_it_is_zero():
    for seed in range(10):
        for source in ("blobs", "moons", "ring"):
            assert "reg_covar, so" not in told(collapse.scene(Config(source=source, seed=seed, reg_covar=0.0)))


def test_three_blobs_are_found_to_be_three():
    got = {r.name: r.values for r in choose.scene(Config(points=500)).readouts}
    assert got["best K by BIC"][0] == 3


def test_generated_points_follow_the_fit():
    config = Config()
    data = config.data()
    scene = generate.scene(config)
    points = next(layer for _, layer in scene.layers() if layer.name == "generated")
    mixture = GaussianMixture.from_state(fit_mixture(data, config.em()))
    error = mixture.log_prob(points.xy).std() / np.sqrt(len(points.xy))
    assert mixture.log_prob(points.xy).mean() == pytest.approx(mixture.log_prob(data).mean(), abs=4 * error + 0.1)
    assert "infinitely many" in scene.captions[-1]
