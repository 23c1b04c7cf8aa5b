"""The scenes of the page of bounds."""

import itertools

import numpy as np
import pytest

from dashboard.scenes.elbo import infinite, which_z
from tests.scenes.reading import dragged, layer, readouts


def test_the_last_frame_has_all_z_and_the_mixtures_come_near():
    scene = infinite.scene(infinite.Config())
    said = readouts(scene)
    assert np.isnan(said["Gaussians K"][-1])
    assert said["Gaussians K"][:-1].tolist() == list(infinite.COUNTS)
    assert said["mass elsewhere"][-1] == 0
    assert said["log p(x) by these"][-1] == said["log p(x) by all z"][0]
    assert said["log p(x) by these"][-2] == pytest.approx(said["log p(x) by all z"][0], abs=0.01)


def test_a_curve_with_little_noise_takes_more_gaussians():
    few, many = (readouts(infinite.scene(infinite.Config(curve_noise=s)))["mass elsewhere"] for s in (0.5, 0.1))
    assert (few[:-1] < many[:-1]).all()


def test_across_the_fold_two_lumps_become_one():
    above, below = which_z.Config(which_2=0.4), which_z.Config(which_2=-1.4)
    counts = [readouts(which_z.scene(config))["lumps"][0] for config in (above, below)]
    assert counts == [2, 1]


@pytest.mark.parametrize("x", list(itertools.product(which_z.ACROSS, which_z.UP)))
@pytest.mark.parametrize("noise", [0.15, 0.6])
def test_every_corner_of_the_plane_has_an_exact_answer_in_the_picture(x, noise):
    scene = which_z.scene(which_z.Config(which_noise=noise, which_1=x[0], which_2=x[1]))
    assert readouts(scene)["its error"][0] < 1e-6
    tops = layer(scene, "tops", 0).xy
    assert np.nanmax(np.abs(tops)) < which_z.LATENT[1]


@pytest.mark.parametrize("cue", [infinite, which_z])
def test_x_stays_where_it_is_dragged_and_within_the_picture(cue):
    config = cue.Config()
    scene = cue.scene(config)
    moved = cue.after_drag(config, dragged(scene, "x", (-0.5, 0.25)))
    assert cue.scene(moved).handles[0].at.tolist() == [-0.5, 0.25]
    far = cue.scene(cue.after_drag(config, dragged(scene, "x", (90, -90))))
    panel = far.panels[far.handles[0].panel]
    assert far.handles[0].at.tolist() == [panel.x[1], panel.y[0]]


def test_a_drag_changes_nothing_but_numbers():
    """The Player has laid the picture out once."""
    for cue in (infinite, which_z):
        scene = cue.scene(cue.Config())
        other = cue.scene(cue.after_drag(cue.Config(), dragged(scene, "x", (-0.9, -1.3))))
        assert {k: v.shape for k, v in scene.moving()} == {k: v.shape for k, v in other.moving()}
        assert {k: v.shape for k, v in scene.still()} == {k: v.shape for k, v in other.still()}


def test_a_digit_is_asked_of_the_stored_decoder():
    config = which_z.Config("vae", which_image=44)
    assert which_z.needs(config) == ("vae-2d",)
    assert which_z.needs(which_z.Config()) == ()
    scene = which_z.scene(config)
    assert not scene.handles
    assert readouts(scene)["log of the volume so far"][-1] == pytest.approx(readouts(scene)["log p(x)"][0], abs=1e-6)


@pytest.mark.parametrize("x", [(-1.0, 2.0), (-1.2, 0.4), (-1.6, 1.0)])
def test_a_ridge_has_one_top(x):
    """More nodes of the grid are higher than their neighbours there, and lead to the same places."""
    config = which_z.Config(which_noise=0.15, which_1=x[0], which_2=x[1])
    nodes, tops = len(config.exact().lumps()), readouts(which_z.scene(config))["lumps"][0]
    assert nodes > tops
    assert tops == (1 if x[0] == -1.6 else 2)
