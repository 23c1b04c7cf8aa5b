"""Other priors: what each solver does with the part, and what the numbers are taken of."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.inverse import solvers
from tests.scenes.reading import layer, readouts

CONFIG = solvers.Asked()
every_solver = pytest.mark.parametrize("solver", solvers.SOLVERS)


def last(config, frames_from_the_end: int = 1) -> dict[str, float]:
    return {name: float(values[-frames_from_the_end]) for name, values in readouts(solvers.scene(config)).items()}


@every_solver
@pytest.mark.parametrize("cover", ["upper", "middle"])
def test_seen_pixels_stand_at_the_end_and_covered_ones_are_answered(solver, cover):
    config = replace(CONFIG, solver=solver, cover=cover)
    way = solvers._WAYS[solver](config)
    seen = config.seen(round(way.part.size**0.5))
    assert (way.film[-1][:, seen] == way.part[seen]).all()
    assert way.film[-1].shape[0] == solvers.ANSWERS
    assert (way.film >= 0).all()
    assert (way.film <= 1).all()
    assert np.ptp(way.film[-1][:, ~seen], axis=0).max() > 0


@every_solver
def test_what_is_covered_is_not_looked_at(solver, monkeypatch):
    """Another digit under the cover: the same answers."""
    config = replace(CONFIG, solver=solver)
    before = solvers._WAYS[solver](config)
    black, grey = solvers.binary_digit(config.index()), solvers.grey_digit(config)
    monkeypatch.setattr(solvers, "binary_digit", lambda i: np.where(config.seen(28), black, 1 - black))
    monkeypatch.setattr(solvers, "grey_digit", lambda c: np.where(config.seen(14), grey, 1 - grey))
    after = solvers._WAYS[solver](config)
    assert (after.part != before.part).any()
    assert after.film == pytest.approx(before.film)


@pytest.mark.parametrize("cover", solvers.COVERS)
def test_both_sizes_have_the_same_cover(cover):
    config = replace(CONFIG, cover=cover)
    small, large = config.seen(14).reshape(14, 14), config.seen(28).reshape(28, 28)
    assert (small.repeat(2, axis=0).repeat(2, axis=1) == large).all()
    assert (~large)[{"upper": 3, "lower": 20}.get(cover, 14), {"left": 3, "right": 20}.get(cover, 14)]
    assert cover == "middle" or large.mean() == 0.5


@pytest.mark.parametrize(("solver", "least", "most"), [("replacement", 0, 1e-6), ("dps", 0.01, 0.05), ("made", 0, 0)])
def test_who_misses_the_part(solver, least, most):
    assert least <= last(replace(CONFIG, solver=solver))["misses the part by"] <= most


def test_a_long_step_of_dps_misses_the_part_by_more():
    missed = [last(replace(CONFIG, solver="dps", strength=z))["misses the part by"] for z in (0.0, 1.0, 8.0)]
    assert missed[0] > missed[1] < missed[2]


def test_dps_without_strength_has_not_looked_at_the_part():
    way = [solvers._WAYS["dps"](replace(CONFIG, solver="dps", strength=0.0, digit=d)).own for d in (1, 8)]
    assert way[0] == pytest.approx(way[1])


@pytest.mark.parametrize(
    ("cover", "says", "count"),
    [("lower", "All seen pixels come first", 9), ("upper", "All covered", None), ("left", "A covered pixel", None)],
)
def test_made_knows_what_came_before(cover, says, count):
    scene = solvers.scene(replace(CONFIG, cover=cover))
    assert scene.captions[scene.caption[-2]].startswith(says)
    counted = readouts(scene)["answers that count"]
    assert counted[0] == pytest.approx(9)
    assert counted[-1] == pytest.approx(9) if count else counted[-1] < 5


def test_the_upper_half_by_made_is_the_same_whatever_is_below():
    ways = [solvers._WAYS["made"](replace(CONFIG, digit=d)).film[-1][:, :392] for d in (1, 8)]
    assert (ways[0] == ways[1]).all()


def test_pixels_come_row_by_row_and_only_where_they_are_covered():
    way = solvers._WAYS["made"](replace(CONFIG, cover="lower"))
    assert way.steps[0] == 392
    waiting = np.isclose(way.film, solvers.NOT_YET)[:, 0].sum(axis=1)
    assert waiting.tolist() == (784 - way.steps).tolist()


def test_the_climb_never_falls():
    told = readouts(solvers.scene(replace(CONFIG, solver="vae")))
    for who in ("highest", "lowest"):
        assert (np.diff(told[f"log p(part, z): {who}"]) >= 0).all()


@every_solver
def test_numbers_come_with_the_answers_and_the_truth_comes_last(solver):
    scene = solvers.scene(replace(CONFIG, solver=solver))
    told = readouts(scene)
    assert np.isnan(told["PSNR: their mean"][:-2]).all()
    assert np.isfinite(told["PSNR: their mean"][-2:]).all()
    assert np.isfinite(told["PSNR: E[x | part], the list"]).all()
    four = [one for one in scene.panels[1].layers if getattr(one, "pixels", None) is not None]
    truth = four[3].pixels
    assert not truth[:-1].any()
    assert (truth[-1] == layer(scene, "truth now").pixels).all()


@every_solver
def test_the_mean_is_never_farther_than_the_answers(solver):
    for cover in solvers.COVERS:
        told = last(replace(CONFIG, solver=solver, cover=cover, digit=7))
        assert told["PSNR: their mean"] >= told["PSNR: an answer"] - 1e-9


def test_each_needs_its_own_checkpoint():
    assert solvers.needs(CONFIG) == ("vae-conditional", "cnn-14", "pixel-made")
    assert solvers.needs(replace(CONFIG, solver="list")) == ("vae-conditional", "cnn-14")


@pytest.mark.slow
def test_over_digits_dps_keeps_more_than_replacement_and_made_knows_least():
    """Which digit the covered upper halves are taken for, of fifty test digits."""
    right = {
        solver: np.mean(
            [
                last(solvers.Asked(k % 10, 1 + k // 10, "upper", solver))["CNN: answers that are right"]
                for k in range(50)
            ]
        )
        for solver in ("list", "dps", "repaint", "replacement", "made")
    }
    assert right["dps"] > right["repaint"] > right["replacement"] > right["made"] + 10
    assert right["list"] > right["replacement"]
