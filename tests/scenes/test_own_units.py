"""The same points in other units give the same picture: only densities change, and by exactly the scales."""

import dataclasses
import itertools

import numpy as np
import pytest

from dashboard.scenes.boundaries import descend, knows, learn, missing, prior, sample
from dashboard.scenes.boundaries.setup import Config as Labelled
from dashboard.scenes.diffusion import live as diffusion
from dashboard.scenes.flows import live as flows
from dashboard.scenes.gan import ab
from dashboard.scenes.gan import live as gan
from dashboard.scenes.gaussian import fit
from dashboard.scenes.mixture import choose, collapse, em, generate, harden, kmeans, starts
from dashboard.scenes.mixture.setup import Config as Mixture
from dashboard.scenes.vae import live as vae
from genmodels.gaussian import Gaussian
from tests.scenes.reading import painted, readouts
from tests.scenes.test_gan import TICK, tiny

rng = np.random.default_rng(3)
POINTS = np.concatenate([rng.standard_normal((30, 2)), rng.standard_normal((30, 2)) * 0.5 + [4, 2]])
LABELS = (0,) * 30 + (1,) * 30
UNITS = [  # scales and offsets of either axis
    ((1e-9, 1e9), (0.0, 0.0)),
    ((1e9, 1e-9), (1e15, -1e-3)),
    ((1e-6, 1e-6), (0.0, 0.0)),
    ((60.0, 60.0), (-7.0, 3.0)),
    ((1e4, 1e4), (900_000.0, -900_000.0)),
    ((0.01, 1e5), (0.04, 6e5)),
]
EVERY = [units if k in (0, 4) else pytest.param(units, marks=pytest.mark.slow) for k, units in enumerate(UNITS)]
SHIFTED = {  # by how many times log scale a number changes
    "log-likelihood": -1,
    "lower bound": -1,
    "log-likelihood of the mixture": -1,
    "held-out log-likelihood": -1,
    "BIC / n": 2,
    "AIC / n": 2,
    "BIC": 2,
    "AIC": 2,
    "held out": -1,
    "log p(x)": -1,
    "threshold": -1,
    "mean log p(x | y) of those drawn": -1,
    "mean log p(x) of those drawn": -1,
    "held-out nats": 1,
    "training nats": 1,
    "ELBO": -1,
    "reconstruction": -1,
} | {f"start {k}": -1 for k in range(1, 9)}
OTHER = {"p(x)", *(f"πN{k}" for k in range(1, 10)), "μ̂₁", "μ̂₂", "Σ̂₁₁", "Σ̂₁₂", "Σ̂₂₂", "x₁", "x₂"}
"""Densities, moments and coordinates: these have tests of their own."""
SCENES = {
    "gaussian": (fit.scene, fit.Config),
    **{f"mixture/{m.__name__.rpartition('.')[2]}": (m.scene, Mixture) for m in (kmeans, em, harden, starts, choose)},
    "mixture/beside": (kmeans.beside, Mixture),
    "mixture/collapse": (collapse.scene, Mixture),
    "mixture/generate": (generate.scene, Mixture),
    **{
        f"boundaries/{m.__name__.rpartition('.')[2]}": (m.scene, Labelled)
        for m in (learn, descend, knows, sample, prior, missing)
    },
}


def config_of(kind: type, scale, offset, **more):
    points = np.array(offset) + np.array(scale) * POINTS
    given = {"source": "csv", "csv": tuple(map(tuple, points.tolist()))} | more
    if kind is Labelled:
        given |= {"labels": LABELS, "names": ("a", "b")}
    return kind(**given)


def expect_same(base, other, shift: float, atol: float = 1e-6) -> None:
    """Two scenes of the same points, whose log-densities differ by ``shift``."""
    frames = (0, -1)
    for panel, same in zip(base.panels, other.panels, strict=True):
        for layer, again in zip(panel.layers, same.layers, strict=True):
            times = SHIFTED.get(layer.name, 0)
            for channel in layer.channels:
                was, now = getattr(layer, channel), getattr(again, channel)
                if was is None:
                    continue
                by = times * shift if channel in ("y", "values") else 0.0
                if channel == "x" and "log p(x)" in panel.x_label:
                    by = -shift
                where = f"{panel.title}, {layer.name}, {channel}"
                np.testing.assert_allclose(now, was + by if by else was, atol=atol, rtol=1e-6, err_msg=where)
    for was, now in zip(base.readouts, other.readouts, strict=True):
        if was.name not in OTHER:
            by = SHIFTED.get(was.name, 0) * shift
            for frame in frames:
                np.testing.assert_allclose(
                    now.values[frame], was.values[frame] + by, atol=atol, rtol=1e-6, err_msg=was.name
                )


@pytest.mark.parametrize("units", EVERY, ids=[str(units) for units in UNITS])
@pytest.mark.parametrize("name", SCENES)
def test_the_picture_is_the_same_in_all_units(name, units):
    draw, kind = SCENES[name]
    scale, offset = units
    base, other = draw(config_of(kind, (1, 1), (0, 0))), draw(config_of(kind, scale, offset))
    expect_same(base, other, float(np.log(scale).sum()))
    for was, now in zip(base.panels, other.panels, strict=True):
        for axis in "xy":
            if getattr(was, f"{axis}_label") in ("x₁", "x₂"):
                k = ("x₁", "x₂").index(getattr(was, f"{axis}_label"))
                centre, unit = getattr(was, f"{axis}_unit")
                got = getattr(now, f"{axis}_unit")
                np.testing.assert_allclose(got, [offset[k] + scale[k] * centre, scale[k] * unit], rtol=1e-6)


@pytest.mark.parametrize("units", EVERY, ids=[str(units) for units in UNITS])
def test_a_gan_is_the_same_in_all_units(units):
    configs = (tiny("csv", csv=config_of(Mixture, *u).csv, every=5) for u in (((1, 1), (0, 0)), units))
    base, other = ([s for s in gan.scenes(c, iter([TICK] * 40)) if s is not None] for c in configs)
    for k in (0, -1):
        expect_same(base[k], other[k], 0.0, atol=1e-4)  # float32 networks


@pytest.mark.parametrize("units", EVERY, ids=[str(units) for units in UNITS])
def test_a_diffusion_is_the_same_in_all_units(units, monkeypatch):
    monkeypatch.setattr(diffusion, "STEPS", 40)
    base, other = (
        [s for s in diffusion.scenes(config_of(diffusion.Live, *u)) if s is not None]
        for u in (((1, 1), (0, 0)), units)
    )
    for k in (0, -1):
        expect_same(base[k], other[k], 0.0, atol=1e-3)  # float32 networks


@pytest.mark.parametrize("units", EVERY, ids=[str(units) for units in UNITS])
def test_a_flow_is_the_same_in_all_units(units, monkeypatch):
    monkeypatch.setattr(flows, "STEPS", 20)
    base, other = (
        [s for s in flows.scenes(config_of(flows.Live, *u)) if s is not None] for u in (((1, 1), (0, 0)), units)
    )
    for k in (0, -1):
        expect_same(base[k], other[k], float(np.log(units[0]).sum()), atol=2e-2)  # float32 networks


@pytest.mark.parametrize("units", EVERY, ids=[str(units) for units in UNITS])
def test_a_vae_is_the_same_in_all_units(units):
    configs = (config_of(vae.Config, *u, device="cpu") for u in (((1, 1), (0, 0)), units))
    base, other = (list(itertools.islice(vae.scenes(c), 3)) for c in configs)
    for k in (0, -1):
        expect_same(base[k], other[k], float(np.log(units[0]).sum()), atol=1e-3)  # float32 networks


def test_painted_points_are_standardised_where_a_model_begins_with_noise():
    points = np.random.default_rng(1).uniform(-4, 3, (80, 2)) * [1, 0.3]
    for kind in (vae.Config, diffusion.Live, flows.Live):
        config = kind(source="painted", painted=painted(points, kind.board))
        own = config.own()
        np.testing.assert_allclose(own.mean(axis=0), 0, atol=1e-12)
        assert own.var(axis=0).mean() == pytest.approx(1)
        assert config.units.scale[0] == config.units.scale[1], "round stays round"
        np.testing.assert_allclose(config.units.restore(own), points, atol=0.01)


def test_both_gans_of_a_pair_see_the_same_points():
    source = config_of(Mixture, (1e-6, 1e6), (0, 0)).csv
    pair = ab.Repair(source="csv", csv=source, columns=("rate", "price")).pair()
    assert pair.units.names == ("rate", "price")
    assert np.abs(pair.left.points()).max() < 10


def test_moments_are_told_in_the_file_s_units():
    scale, offset = np.array([0.01, 1e5]), np.array([0.04, 6e5])
    points = offset + scale * POINTS
    got = readouts(fit.scene(config_of(fit.Config, scale, offset)))
    mean, covariance = points.mean(axis=0), np.cov(points.T, bias=True)
    assert [got[f"μ̂{k}"][-1] for k in "₁₂"] == pytest.approx(mean)
    assert got["Σ̂₁₁"][-1] == pytest.approx(covariance[0, 0])
    assert got["Σ̂₁₂"][-1] == pytest.approx(covariance[0, 1])
    assert got["Σ̂₂₂"][-1] == pytest.approx(covariance[1, 1])
    assert got["log-likelihood"][-1] == pytest.approx(Gaussian(mean, covariance).log_prob(points).mean())


def test_bayes_rule_is_told_in_densities_of_the_file_s_units():
    scale = (1e-3, 1e-2)
    base, other = (readouts(em.scene(config_of(Mixture, s, (0, 0)))) for s in ((1, 1), scale))
    for name in ("p(x)", "πN1", "πN2"):
        np.testing.assert_allclose(other[name] * np.prod(scale), base[name], rtol=1e-6)


def test_the_missing_coordinate_is_told_in_the_file_s_units():
    base, other = (
        readouts(missing.scene(config_of(Labelled, s, o))) for s, o in (((1, 1), (0, 0)), ((3, 7), (5, -2)))
    )
    np.testing.assert_allclose(other["x₁"], 5 + 3 * base["x₁"])


def test_columns_lend_their_names():
    shown = em.scene(config_of(Mixture, (1, 1), (0, 0), columns=("eruptions", "waiting")))
    assert (shown.panels[0].x_label, shown.panels[0].y_label) == ("eruptions", "waiting")
    shown = missing.scene(config_of(Labelled, (1, 1), (0, 0), columns=("eruptions", "waiting")))
    assert "eruptions" in readouts(shown)
    assert shown.panels[0].title == "p(y | x), waiting guessed"


def test_every_source_of_own_points_is_asked_through_the_one_door():
    """A config with own points that overrides how they are read would not be standardised."""
    from dashboard.scene.own_points import OwnPoints

    seen, todo = set(), [OwnPoints]
    while todo:
        for kind in todo.pop().__subclasses__():
            seen.add(kind)
            todo.append(kind)
    assert len(seen) >= 7
    for kind in seen:
        assert kind.own is OwnPoints.own
        assert kind.as_given is OwnPoints.as_given
        assert {f.name for f in dataclasses.fields(kind)} >= {"csv", "columns", "painted", "source"}
