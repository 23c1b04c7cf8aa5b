"""An energy learned live: frames, data, what is said, and what too short chains leave behind."""

import numpy as np
import pytest

from dashboard.scenes.energy import learn
from dashboard.scenes.planar import BOARD
from genmodels.data.planar import get_dataset
from genmodels.states import DivergedError
from tests.scenes.reading import expect_one_shape, layer, numbers, painted

LUMPS = np.random.default_rng(5).standard_normal((40, 2)) * [1, 0.5] + 1.5 * np.sign(np.arange(40) - 20)[:, None]


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(learn, "STEPS", 60)


def says(scene) -> str:
    return scene.captions[scene.caption[0]]


@pytest.mark.parametrize("chains", learn.METHODS)
@pytest.mark.parametrize("source", ["moons", "painted"])
def test_frames_have_one_shape(short, chains, source):
    board = painted(LUMPS, BOARD) if source == "painted" else ""
    scenes = list(learn.scenes(learn.Learn(source, painted=board, chains=chains)))
    assert [int(s.steps[0]) for s in scenes] == [0, 20, 40, 60]
    expect_one_shape(scenes)
    assert "Nothing is learned" in says(scenes[0])
    if chains in ("contrastive", "exact"):  # persistent chains begin far from p
        assert numbers(scenes[-1])["held-out nats"] < numbers(scenes[0])["held-out nats"]
    assert np.isfinite(layer(scenes[-1], "chains").xy).all() == (chains != "exact")


@pytest.mark.parametrize("source", ["moons", "ffjord8", "checkerboard"])
def test_the_grid_holds_the_data(source):
    data, dataset = learn.truth(source), get_dataset(source)
    assert data.p.sum() == pytest.approx(1, abs=1e-9)
    there = data.p > 0
    assert -(data.p * data.log_p)[there].sum() == pytest.approx(dataset.entropy - 2 * np.log(dataset.scale), abs=0.02)
    assert data.p[data.empty].sum() == pytest.approx(0.001, abs=0.001)


def test_the_density_shown_is_one_and_the_energy_is_the_same_upside_down(short):
    scene = list(learn.scenes(learn.Learn()))[-1]
    log_p, energy = (layer(scene, n).values[0].astype(float) for n in ("log p(x)", "E(x) above its lowest"))
    assert np.exp(log_p).sum() * (2 * learn.REACH / learn.CELLS) ** 2 == pytest.approx(1, abs=0.1), "nearly all of it"
    assert log_p + energy == pytest.approx(log_p.max() + 0 * log_p, abs=1e-4)
    assert energy.min() == 0


def test_held_out_nats_are_the_divergence_above_the_entropy_but_for_chance(short):
    scene = list(learn.scenes(learn.Learn()))[-1]
    dataset = get_dataset("moons")
    floor = dataset.entropy - 2 * np.log(dataset.scale)
    assert numbers(scene)["held-out nats"] - floor == pytest.approx(numbers(scene)["KL(data ‖ p)"], abs=0.1)


@pytest.mark.slow
def test_chains_that_never_go_far_leave_mass_where_no_data_are_and_persistent_ones_find_it():
    few, kept = (
        list(learn.scenes(learn.Learn(**options)))[-1]
        for options in ({}, {"chains": "persistent", "chain_steps": 10})
    )
    print(f"\nwhere no data are: {numbers(few)}; {numbers(kept)}")
    assert numbers(few)["p where no data are"] > 15
    assert "More than 5 %" in says(few)
    assert numbers(kept)["p where no data are"] < 3
    assert abs(numbers(few)["E(data) − E(chains)"]) < 0.3, "and the contrast tells nothing of it"


def test_without_its_negative_phase_it_runs_away(monkeypatch):
    monkeypatch.setattr(learn, "STEPS", 300)
    scenes, why = [], ""
    try:
        for scene in learn.scenes(learn.Learn(negative=0.0)):
            scenes.append(scene)
    except DivergedError as stopped:
        why = str(stopped)
    divergences = np.array([numbers(s)["KL(data ‖ p)"] for s in scenes])
    assert np.nanmax(divergences) > divergences[0] or np.isnan(divergences).any()
    assert any("Nothing pulls up" in says(s) for s in scenes)
    for scene, kl in zip(scenes, divergences, strict=True):
        assert np.isnan(kl) == ("too far out" in says(scene))
        assert np.isnan(kl) == np.isnan(numbers(scene)["log Z"])
    assert not why or "weight 1" in why


@pytest.mark.parametrize("chains", learn.METHODS)
def test_a_learning_rate_of_one_trains_or_says_why_not(monkeypatch, chains):
    monkeypatch.setattr(learn, "STEPS", 100)
    scenes, why_not = [], ""
    try:
        for scene in learn.scenes(learn.Learn(chains=chains, learn_rate=0.0, chain_step=0.05)):
            scenes.append(scene)
    except DivergedError as why:
        why_not = str(why)
    assert len(scenes) == 6 or "try a smaller" in why_not
    expect_one_shape(scenes)


@pytest.mark.parametrize(
    ("points", "word"), [([], "there are 0"), ([(1, 1)], "there are 1"), ([(1, 1)] * 30, "two diff")]
)
def test_check_refuses_before_anything_starts(points, word):
    with pytest.raises(ValueError, match=word):
        learn.check(learn.Learn("painted", painted=painted(points, BOARD)))


def test_a_file_s_log_densities_are_those_of_its_units(short):
    scale = np.array([60.0, 1e-3])
    plain, scaled = (
        list(learn.scenes(learn.Learn("csv", csv=tuple(map(tuple, (LUMPS * by).tolist())))))[-1]
        for by in (1.0, scale)
    )
    more = np.log(scale).sum()
    for name in ("held-out nats", "log Z"):
        assert numbers(scaled)[name] == pytest.approx(numbers(plain)[name] + more, abs=2e-3)
