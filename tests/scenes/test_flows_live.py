"""Flows: the training that one watches, and the three that are compared."""

import dataclasses
import itertools

import numpy as np
import pytest

from dashboard.scene.own_points import OWN
from dashboard.scenes.flows import compare, live
from dashboard.scenes.flows.setup import LEARNED
from dashboard.scenes.planar import BOARD, KNOWN
from genmodels.data.planar import get_dataset
from genmodels.flow_matching.ode import log_likelihood
from genmodels.recipes import flow_compare
from genmodels.states import DivergedError, last
from genmodels.store import cache
from tests.oracles.flows_live import true_log_prob
from tests.scenes.reading import expect_one_shape, layer, numbers, painted, readouts

POINTS = {
    "nothing painted": ([], "there are 0"),
    "one point": ([(1, 1)], "there are 1"),
    "all at one place": ([(1, 1)] * 30, "two different points"),
    "two points": ([(1, 1), (2, 2)], ""),
    "on a line": ([(x / 10, 1.0) for x in range(-30, 30)], ""),
    "everywhere": (np.random.default_rng(0).uniform(*BOARD, (500, 2)), ""),
}
LUMPS = np.random.default_rng(5).standard_normal((40, 2)) * [1, 0.5] + 1.5 * np.sign(np.arange(40) - 20)[:, None]


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(live, "STEPS", 60)


def says(scene, frame: int = 0) -> str:
    return scene.captions[scene.caption[frame]]


@pytest.mark.parametrize("kind", live.KINDS)
def test_frames_have_one_shape(short, kind):
    scenes = list(live.scenes(live.Live("moons", live_kind=kind)))
    assert [int(s.steps[0]) for s in scenes] == [0, 20, 40, 60]
    expect_one_shape(scenes)
    assert "x = z" in says(scenes[0])
    assert not any("x = z" in says(s) for s in scenes[1:])
    first, last = numbers(scenes[0]), numbers(scenes[-1])
    assert last["gap"] < 0.6 * first["gap"]
    for now in (first, last):
        assert now["gap"] == pytest.approx(now["held-out nats"] - now["of the true density"], abs=1e-12)


def test_the_floor_is_the_entropy_but_for_chance():
    for source in (*LEARNED, "ring8"):
        config, dataset = live.Live(source), get_dataset(source)
        entropy = dataset.entropy - 2 * np.log(dataset.scale)
        surprise = -true_log_prob(source, config.split().held_out)
        assert live.truth(config).nats == pytest.approx(surprise.mean(), abs=1e-9)
        assert abs(surprise.mean() - entropy) <= 4 * surprise.std() / np.sqrt(live.HELD_OUT) + 1e-9


def test_held_out_points_are_no_training_points():
    seen, unseen = live.Live("moons").split()
    assert not set(map(tuple, seen)) & set(map(tuple, unseen))
    config = live.Live("painted", painted=painted(LUMPS, BOARD), seed=3)
    seen, unseen = config.split()
    own = np.concatenate([seen, unseen])
    assert (len(seen), len(unseen)) == (32, 8)
    assert np.array_equal(np.sort(own, axis=0), np.sort(config.own(), axis=0))
    assert "8 of your points" in live.told(config)
    few = live.Live("painted", painted=painted(LUMPS[:19], BOARD))
    assert len(few.split().held_out) == 0
    assert "none is held out" in live.told(few)


@pytest.mark.parametrize("name", [*KNOWN, *(n for n, (_, told) in POINTS.items() if not told), "csv"])
def test_every_data_set_is_trained_on(monkeypatch, name):
    monkeypatch.setattr(live, "STEPS", 20)
    if name == "csv":
        config = live.Live("csv", csv=((0.0, 0.0), (1.0, 0.5), (2.0, 0.4), (3.0, 1.6)))
    elif name in POINTS:
        config = live.Live("painted", painted=painted(POINTS[name][0], BOARD))
    else:
        config = live.Live(name)
    live.check(config)
    scenes = list(live.scenes(config))
    expect_one_shape(scenes)
    assert np.isfinite(layer(scenes[-1], "samples").xy).all()
    again = list(live.scenes(config))[-1]
    assert np.array_equal(layer(scenes[-1], "samples").xy, layer(again, "samples").xy)
    own = config.source in OWN
    assert ("gap" in numbers(scenes[-1])) != own, "own points have no floor"
    if own and len(config.own()) < live.FEW:
        assert np.isnan(numbers(scenes[-1])["held-out nats"])


@pytest.mark.parametrize("name", [name for name, (_, told) in POINTS.items() if told])
def test_check_refuses_before_anything_starts(name):
    with pytest.raises(ValueError, match="add some"):
        live.check(live.Live("painted", painted=painted(POINTS[name][0], BOARD)))


@pytest.mark.parametrize("kind", live.KINDS)
@pytest.mark.parametrize("layers", [1, 12])
def test_a_learning_rate_of_one_trains_or_says_why_not(monkeypatch, kind, layers):
    monkeypatch.setattr(live, "STEPS", 100)
    scenes, why_not = [], None
    try:
        for scene in live.scenes(live.Live(live_kind=kind, live_layers=layers, live_rate=0.0)):
            scenes.append(scene)
    except DivergedError as why:
        why_not = str(why)
    print(f"\n{kind}, {layers}: {len(scenes)} frames, {why_not}")
    expect_one_shape(scenes)
    assert len(scenes) == 6 or "try a smaller learning rate" in why_not
    assert not any("by heart" in says(s) for s in scenes), "fresh points cannot be learned by heart"


def test_few_points_are_learned_by_heart_and_it_is_said(monkeypatch):
    monkeypatch.setattr(live, "STEPS", 300)
    scenes = list(live.scenes(live.Live("painted", painted=painted(LUMPS, BOARD), live_rate=-1.8)))
    unseen, seen = (np.array([numbers(s)[f"{who} nats"] for s in scenes]) for who in ("held-out", "training"))
    print("\nheld-out nats of 8 points:", unseen.round(2))
    said = np.array(["by heart" in says(s) for s in scenes])
    lowest = np.minimum.accumulate(unseen)
    at = np.array([unseen[: k + 1].argmin() for k in range(len(unseen))])
    assert said.any()
    assert (said == ((unseen >= lowest + 0.1) & (seen < seen[at]))).all()


def test_the_lattice_is_whole_and_the_density_is_one():
    scene = next(itertools.islice(live.scenes(live.Live("moons")), 3, None))
    upright, level = layer(scene, "lattice of z").xy[0].reshape(2, live.LINES, live.FINE + 1, 2)
    between = live.FINE // (live.LINES - 1)
    assert upright[:, ::between] == pytest.approx(level[:, ::between].swapaxes(0, 1), abs=1e-5), "lines cross"
    x0, x1, y0, y1 = layer(scene, "log p(x)").extent
    p = np.exp(layer(scene, "log p(x)").values[0].astype(float))
    mass = p.sum() * (x1 - x0) * (y1 - y0) / live.CELLS**2
    assert mass == pytest.approx(1, abs=0.05), "nearly all of it is in the picture"


def test_a_file_s_log_densities_are_those_of_its_units(short):
    scale = np.array([60.0, 1e-3])
    configs = [live.Live("csv", csv=tuple(map(tuple, (LUMPS * by).tolist()))) for by in (1.0, scale)]
    plain, scaled = (list(live.scenes(config))[-1] for config in configs)
    more = np.log(scale).sum()
    for name in ("held-out nats", "training nats"):
        assert numbers(scaled)[name] == pytest.approx(numbers(plain)[name] + more, abs=2e-3)
        assert layer(scaled, name).y[0] == pytest.approx(numbers(scaled)[name])
    fields = [layer(scene, "log p(x)") for scene in (plain, scaled)]
    assert fields[1].values == pytest.approx(fields[0].values - more, abs=2e-2)
    assert np.subtract(fields[0].limits, fields[1].limits) == pytest.approx([more, more])
    assert scaled.panels[2].y == pytest.approx(np.add(plain.panels[2].y, more))


@pytest.mark.slow
@pytest.mark.parametrize(("source", "goal"), [("moons", 0.02), ("ffjord8", 0.04)])
def test_a_run_comes_near_the_entropy(source, goal):
    scene = last(live.scenes(live.Live(source)))
    gap = numbers(scene)["gap"]
    print(f"\n{source}: gap {gap:.4f}")
    assert gap <= goal
    assert "Within" in says(scene) or gap > live.NEAR
    other = next(live.scenes(dataclasses.replace(live.Live(source), seed=1)))
    assert not np.array_equal(layer(other, "samples").xy, layer(scene, "samples").xy)


# --- Three kinds --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", LEARNED)
def test_all_three_are_shown_after_the_same_seconds(source):
    scene = compare.scene(compare.Config(source))
    assert scene.steps.tolist() == [100 * t for t in flow_compare.TENTHS]
    x, y = flow_compare.REACH[source]
    for k, kind in enumerate(flow_compare.KINDS):
        gap = readouts(scene)[f"gap, {kind}"]
        assert np.array_equal(layer(scene, kind).y, gap)
        assert layer(scene, kind).x == pytest.approx(scene.steps / 1_000)
        low, high = scene.panels[3].y
        assert low < gap.min() <= gap.max() < high
        assert gap[-1] < 0.35 * gap[0]
        p = np.exp(layer(scene, "log p(x)", k).values[-1].astype(float))
        mass = p.sum() * 4 * x * y / flow_compare.CELLS**2
        assert mass == pytest.approx(1, abs=0.04), kind
    best = np.argmin([readouts(scene)[f"gap, {kind}"] for kind in flow_compare.KINDS], axis=0)
    for f in range(1, len(scene.steps)):
        assert says(scene, f).startswith(compare.NEAREST[best[f]])
    assert "Before the first step" in says(scene)


@pytest.mark.parametrize("source", LEARNED)
def test_more_steps_of_the_ode_would_not_change_the_gap(source):
    arrays = cache.arrays(f"flow-compare-{source}")
    model = flow_compare.learned(arrays, "continuous", source, -1)
    x, true = flow_compare.held_out(source)
    coarse, fine = (-log_likelihood(model, x[:1_000], n).mean() for n in (flow_compare.SOLVER.n_steps, 80))
    print(
        f"\n{source}: gap of 1,000 points {true[:1_000].mean() + coarse:.4f}, by 80 steps {coarse - fine:+.4f} less"
    )
    assert coarse == pytest.approx(fine, abs=3e-3)


@pytest.mark.parametrize("source", LEARNED)
def test_what_is_told_of_the_comparison_is_what_was_recorded(source):
    scene, told = compare.scene(compare.Config(source)), compare.told(compare.Config(source))
    for kind in flow_compare.KINDS:
        assert f"{kind} {readouts(scene)[f'gap, {kind}'][-1]:.3f}" in told[0]
    assert "6,100, 4,200, 6,100 steps" in told[1]
    sizes = [8 * (48 + 600 + 50), 4 * (48 + 600 + 575), 27 * 64 + 64 + 64 * 65 + 2 * 65]
    assert ", ".join(f"{n:,}" for n in sizes) in told[1]
    assert "8 networks (affine) or 4 networks (splines)" in told[2]
    assert "80 times: 20 steps" in told[2]
