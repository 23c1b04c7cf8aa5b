"""The Gaussian's scenes."""

import numpy as np
import pytest
import scipy.stats

from dashboard.scene.board import after_painting
from dashboard.scene.own_points import BOARD
from dashboard.scene.painted import decode_points
from dashboard.scenes.gaussian import converge, evaluate, fit, likelihood, sample
from dashboard.scenes.gaussian.sources import SOURCES
from genmodels.gaussian import Gaussian, fit_gaussian
from tests.scenes.reading import dragged, layer, readouts

EXTREMES = [
    *((fit, fit.Config(source, n)) for source in SOURCES for n in (1, 2, 3, 500)),
    *(
        (sample, sample.Config(m, -m, a, b, rho, n, slip, True))
        for m, a, b in ((3.0, 0.1, 4.0), (-3.0, 4.0, 0.1))
        for rho in (-0.99, 0.99)
        for n in (1, 2, 1000)
        for slip in (False, True)
    ),
    *(
        (likelihood, likelihood.Config(plane, n, m, -m, s, s, r))
        for plane in (False, True)
        for n in (3, 60)
        for m, s, r in ((-5.0, 0.25, 0.99), (5.0, 3.5, -0.99))
    ),
    *((evaluate, evaluate.Config(a, b, r, p, -p)) for a, b, r, p in ((0.1, 4, 0.99, 6), (4, 0.1, -0.99, 0))),
    *((converge, converge.Config(name)) for name in converge.TITLES),
]


@pytest.mark.parametrize(("module", "config"), EXTREMES, ids=str)
def test_scenes_at_their_extremes(module, config):
    scene = module.scene(config)
    for name, array in scene.moving():
        if name.endswith("covariance"):
            kept = array[~np.isnan(array).any(axis=(-1, -2))]
            assert (np.linalg.eigvalsh(kept) > -1e-9).all()
    if hasattr(module, "formula"):
        assert "nan" not in module.formula(config)


HELD = [
    (sample, sample.Config(), ["mean", "axis 1", "axis 2"]),
    (likelihood, likelihood.Config(), ["μ", "σ", "you"]),
    (likelihood, likelihood.Config(plane=True), ["mean", "axis 1", "axis 2"]),
    (evaluate, evaluate.Config(), ["probe"]),
]


@pytest.mark.parametrize(("module", "config", "handles"), HELD, ids=["sample", "line", "plane", "evaluate"])
def test_handles_anywhere_give_a_scene_and_stay_within_limits(module, config, handles):
    scene = module.scene(config)
    for held in handles:
        for place in ((0, 0), (1e-9, 0), (6, -6), (-1e6, 1e6), (0.3, 2)):
            new = module.after_drag(config, dragged(scene, held, place))
            module.scene(new)
            again = module.after_drag(config, dragged(scene, held, place))
            assert new == again
    for bad in (
        {},
        {"handles": {}, "before": {}, "moved": "mean"},
        {"moved": "elbow"},
        dragged(scene, handles[0], (float("nan"), 0)),
        {"handles": 3, "before": 4, "moved": handles[0]},
        dragged(scene, handles[0], (1, 2, 3)),
    ):
        with pytest.raises(ValueError, match=r"handle|Unknown"):
            module.after_drag(config, bad)


def test_an_axis_handle_sets_length_and_tilt_and_leaves_the_other_length():
    config = sample.Config(sigma_1=2.0, sigma_2=1.0, rho=0.0)
    new = sample.after_drag(config, dragged(sample.scene(config), "axis 1", (0.0, 3.0)))
    assert (new.sigma_1, new.sigma_2, new.rho) == (1.0, 3.0, 0.0)
    new = sample.after_drag(config, dragged(sample.scene(config), "axis 1", (2.0, 2.0)))
    eigenvalues = np.linalg.eigvalsh(new.gaussian().covariance)
    np.testing.assert_allclose(np.sqrt(eigenvalues), [1.0, np.sqrt(8)], atol=0.05)


def test_divergence_has_the_floor_it_must_have():
    """For a Gaussian source KL → 0; for two lumps it stays above their negentropy, found here by Monte Carlo."""
    for name, source in SOURCES.items():
        kl = fit.scene(fit.Config(name, 500)).readouts[1].values
        assert (kl[3:] > 0).all()
        if name != "lumps":
            assert source.entropy() == pytest.approx(source.moments().entropy(), abs=1e-9)
            assert kl[-1] < 0.03
    lumps = SOURCES["lumps"]
    x = lumps.sample(200_000, np.random.default_rng(1))
    offset, var = np.array(lumps.offset), lumps.covariance[0][0]
    terms = [-((x - s * offset) ** 2).sum(1) / (2 * var) for s in (-1, 1)]
    log_p = np.logaddexp(*terms) - np.log(4 * np.pi * var)
    assert lumps.entropy() == pytest.approx(-log_p.mean(), abs=4 * log_p.std() / np.sqrt(len(x)))
    floor = lumps.moments().entropy() - lumps.entropy()
    assert fit.scene(fit.Config("lumps", 500)).readouts[1].values[-1] >= floor > 0.3


def test_the_hill_is_the_likelihood():
    data = likelihood.Config(seed=5).data()
    means, sigmas = np.array([-1.0, 0.4]), np.array([0.7, 2.0, 3.0])
    expected = [[Gaussian([m], [[s**2]]).log_prob(data).mean() for m in means] for s in sigmas]
    np.testing.assert_allclose(likelihood.hill(data, means, sigmas), expected, rtol=1e-12)


def test_the_walk_ends_where_the_formula_says():
    for plane in (False, True):
        scene = likelihood.scene(likelihood.Config(plane=plane))
        missing = next(r.values for r in scene.readouts if r.name == "missing to the top")
        assert (np.diff(missing) <= 1e-12).all()
        assert missing[-1] < 0.01


def test_evaluate_prints_what_the_closed_form_says():
    config = evaluate.Config(1.5, 0.7, -0.3, 1.0, -0.4)
    scene = evaluate.scene(config)
    got = {r.name: r.values for r in scene.readouts}
    for k in (0, 30, 60):
        gaussian = config.gaussian(evaluate.SCALES[k])
        probe = np.array([[1.0, -0.4]])
        assert got["log p(x)"][k] == pytest.approx(gaussian.log_prob(probe)[0])
        distance = gaussian.mahalanobis(probe)[0]
        inside = (gaussian.mahalanobis(gaussian.sample(100_000, np.random.default_rng(k))) < distance).mean()
        shown = got["probability inside its contour"][k] / 100
        assert shown == pytest.approx(inside, abs=4 * np.sqrt(0.25 / 100_000))


def test_the_shaded_area_is_the_probability_within_one_sigma():
    line = evaluate.scene(evaluate.Config()).panels[1].layers
    for k in (0, 60):
        x, y = line[0].xy[k, 0].T
        assert np.trapezoid(y[1:-1], x[1:-1]) == pytest.approx(0.6827, abs=0.001)


def test_errors_follow_their_law():
    scene = converge.scene(converge.Config())
    got = {r.name: r.values for r in scene.readouts}
    late = scene.steps > 100
    for name, law in (("‖μ̂ − μ‖, rms of 20", "expected"), ("‖Σ̂ − Σ‖ (Frobenius), rms of 20", "expected (large n)")):
        ratio = got[name][late] / got[law][late]
        assert ratio.min() > 0.5
        assert ratio.max() < 1.7
        assert ratio.mean() == pytest.approx(1, abs=0.3)


def test_own_points_are_fitted():
    csv = tuple(map(tuple, np.random.default_rng(0).normal(size=(3000, 2)).tolist()))
    config = fit.Config("csv", csv=csv)
    scene = fit.scene(config)
    assert len(scene.steps) <= fit.MOST_FRAMES
    assert scene.steps[-1] == 3000
    mean = config.units.restore(fit_gaussian(config.data()).mean)
    np.testing.assert_allclose(mean, np.mean(csv, axis=0), atol=1e-12)


def test_painting_adds_points():
    config = after_painting(fit.Config("painted"), {"painted": [[1, 2, 0], [-3, 0.5, 0]]})
    points, _ = decode_points(config.painted, BOARD, BOARD)
    np.testing.assert_allclose(points, [[1, 2], [-3, 0.5]], atol=0.01)
    assert fit.scene(config).start == 2
    for bad in ({}, {"painted": 3}, {"painted": [[1, 2]]}, {"painted": [[0, 0, 0]] * 501}):
        with pytest.raises(ValueError, match="painted"):
            after_painting(config, bad)


@pytest.mark.parametrize("slip", [False, True])
def test_the_samples_have_their_own_mean_and_covariance(slip):
    config = sample.Config(mean_1=1.0, rho=-0.4, samples=7, slip=slip, seed=3)
    scene = sample.scene(config)
    got = readouts(scene)
    z = np.random.default_rng(3).standard_normal((7, 2))
    factor = np.linalg.cholesky(config.gaussian().covariance)
    x = config.gaussian().mean + z @ (factor.T if slip else factor).T
    for name, value in zip(("x̄₁", "x̄₂"), x.mean(axis=0), strict=True):
        assert got[name][-1] == pytest.approx(value)
    centred = x - x.mean(axis=0)
    for name, value in zip(("S₁₁", "S₁₂", "S₂₂"), (centred.T @ centred / 7)[np.triu_indices(2)], strict=True):
        assert got[name][-1] == pytest.approx(value)
    assert np.isnan(got["S₁₁"][0]), "nothing has arrived"
    assert all(f"{{{name}}}" in scene.equation for name in ("v₁₁", "v₁₂", "v₂₂", "S₁₁", "S₁₂", "S₂₂", "x̄₁", "x̄₂"))
    assert got["v₁₂"][-1] == pytest.approx((factor.T @ factor if slip else factor @ factor.T)[0, 1])


def test_the_mistake_is_called_one_only_where_it_is():
    for rho, harm in ((0.5, True), (0.0, False)):
        scene = sample.scene(sample.Config(rho=rho, slip=True))
        assert ("the tilt is wrong" in scene.captions[scene.caption[-1]]) == harm


@pytest.mark.slow
def test_the_best_gaussian_of_two_lumps_is_that_far_off():
    lumps = SOURCES["lumps"]
    x = lumps.sample(200_000, np.random.default_rng(0))
    best = fit_gaussian(x).gaussian
    assert fit.best_of_lumps() == pytest.approx(-best.log_prob(x).mean() - lumps.entropy(), abs=0.01)


def test_bars_are_as_long_as_the_densities_are_small():
    config = likelihood.Config(guess_mean_1=-5.0, guess_sigma_1=0.25)
    bars = layer(likelihood.scene(config), "log p(xᵢ)", 0)
    expected = scipy.stats.norm(-5.0, 0.25).logpdf(config.data()[:, 0])
    assert bars.height[0] == pytest.approx(expected)
