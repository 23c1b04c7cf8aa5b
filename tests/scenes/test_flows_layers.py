"""Flows' scenes on layers: one cell, the way there and back, the thread."""

import numpy as np
import pytest
from scipy.stats import norm

from dashboard.scenes.flows import bridge, carried, cell, layers
from dashboard.scenes.flows.setup import STORED, learned
from dashboard.scenes.planar import PLANE
from genmodels.data.planar import get_dataset
from tests.scenes.reading import dragged, layer, readouts

SOURCES = list(STORED)


@pytest.mark.parametrize("source", SOURCES)
def test_between_two_layers_there_is_a_bijection_of_known_density(source):
    flow, parts, h = learned(source), 5, 1e-6
    x = np.random.default_rng(0).uniform(-2.5, 2.5, (200, 2))
    around = np.concatenate([x + h * np.array(step) for step in ([1, 0], [-1, 0], [0, 1], [0, -1])])
    frames = carried.carried(flow.path(around)[0], parts).reshape(-1, 4, 200, 2)
    across, up = (frames[:, k] - frames[:, k + 1] for k in (0, 2))
    det = (across[..., 0] * up[..., 1] - across[..., 1] * up[..., 0]) / (2 * h) ** 2
    assert (det > 0).all()
    off = np.abs(np.log(det) - carried.log_dets(flow.path(x)[1], parts))
    assert np.quantile(off, 0.98) < 1e-5, "but where a spline's knot lies between"
    assert len(frames) == len(carried.stops(flow.n_layers, parts)) == flow.n_layers * parts + 1


@pytest.mark.parametrize("passed", [0.0, 0.4, 1.0, 2.75, 4.0])
def test_what_is_at_a_place_between_two_layers_is_found(passed):
    flow, parts = learned("moons"), 20
    x = np.array([[0.4, -0.8]])
    place = carried.carried(flow.path(x)[0], parts)[round(passed * parts), 0]
    assert carried.undone("moons", place, passed) == pytest.approx(x[0], abs=1e-5)


@pytest.mark.parametrize("side", cell.SIDES)
def test_the_lattice_consists_of_the_squares_one_can_take(side):
    lines, places = carried.lattice(side, 4), carried.centres(side)
    at = np.unique(lines[: len(lines) // 2, 0, 0])
    assert np.diff(at) == pytest.approx(side)
    assert np.unique(places[:, 0]) == pytest.approx((at[1:] + at[:-1]) / 2)
    assert np.abs(places).min() == 0
    assert len(places) == (len(at) - 1) ** 2


# --- One cell -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("place", [(1.0, -1.0), (1.5, 2.0)])
def test_area_times_mean_density_is_the_mass_in_every_frame(source, place):
    """Over the cell's own area, cut into many pieces; four digits."""
    config = cell.Cell(source, side=0.25, cell_1=place[0], cell_2=place[1])
    scene, flow, n = cell.scene(config), learned(source), 240
    edges = np.linspace(-0.125, 0.125, n + 1)
    corners = config.centre + np.stack(np.meshgrid(edges, edges, indexing="ij"), axis=-1)
    middles = ((corners[1:, 1:] + corners[:-1, :-1]) / 2).reshape(-1, 2)
    path = flow.inverse_path(np.concatenate([corners.reshape(-1, 2), middles]))
    by_layer = -flow.path(path[-1, (n + 1) ** 2 :])[1][::-1]
    every = len(scene.steps) // flow.n_layers
    for k in range(flow.n_layers + 1):
        now = path[k, : (n + 1) ** 2].reshape(corners.shape)
        a, b = now[1:, 1:] - now[:-1, :-1], now[:-1, 1:] - now[1:, :-1]
        areas = np.abs(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).ravel() / 2
        density = np.exp(norm.logpdf(middles).sum(axis=1) - by_layer[:k].sum(axis=0))
        told = {name: values[k * every] for name, values in readouts(scene).items()}
        assert (areas * density).sum() == pytest.approx(told["mass of the cell"], rel=1e-4)
        assert areas.sum() == pytest.approx(told["area of the cell"], rel=1e-3)


@pytest.mark.parametrize("source", SOURCES)
def test_the_parallelogram_s_product_is_one_constant(source):
    for place in ((0.0, 0.0), (1.0, -1.0), (-2.5, 1.5)):
        told = readouts(cell.scene(cell.Cell(source, cell_1=place[0], cell_2=place[1])))
        product = told["parallelogram's area × density"]
        assert product == pytest.approx(product[0], rel=1e-6)
        assert product[0] == pytest.approx(0.25 * np.exp(norm.logpdf(place).sum()), rel=1e-9)


def test_a_smaller_cell_is_nearer_to_its_parallelogram():
    off = []
    for side in sorted(cell.SIDES):
        told = readouts(cell.scene(cell.Cell("moons", side=side)))
        off.append(np.abs(told["area × density"] / told["mass of the cell"] - 1).max())
    assert off[0] < off[1] < off[2]
    assert off[0] < 0.01


def test_draws_stay_in_their_cell():
    scene = cell.scene(cell.Cell("ffjord8", cell_1=0.5, cell_2=0.5))
    inside, every = layer(scene, "draws in it").xy, layer(scene, "draws of z").xy
    there = np.isfinite(inside).all(axis=2)
    assert (there == there[0]).all()
    assert 0 < there[0].sum() < 60
    assert np.array_equal(inside[:, there[0]], every[:, there[0]])


def test_the_hand_takes_the_nearest_cell_of_the_frame_it_is_in():
    config = cell.Cell("moons", seed=5)
    scene = cell.scene(config)
    for frame in (0, 20, 48):
        goal = cell.scene(cell.Cell("moons", cell_1=-1.5, cell_2=0.5)).handles[0].at[frame]
        moved = cell.after_drag(config, dragged(scene, "cell", goal + 0.01, frame))
        assert (moved.cell_1, moved.cell_2, moved.seed) == (-1.5, 0.5, 5)
    far = cell.after_drag(config, dragged(scene, "cell", [100.0, -100.0]))
    assert (far.cell_1, far.cell_2) == (3.0, -3.0)


# --- Layer by layer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
def test_the_columns_add_up_to_log_p(source):
    config = layers.Layers(source, x_1=0.7, x_2=-0.9)
    scene = layers.scene(config)
    told, half = readouts(scene), len(scene.steps) // 2
    assert told["log p_x(x)"][0] == pytest.approx(learned(source).log_prob(np.array([[0.7, -0.9]]))[0])
    assert told["log p_x(x)"] == pytest.approx(told["log p_z(z)"] + told["Σ log |det J|"])
    so_far = told["Σ of the layers passed"]
    assert (so_far[0], so_far[-1]) == (0, 0)
    assert so_far[half - 1] == so_far[half] == pytest.approx(told["Σ log |det J|"][0])
    whole = layer(scene, "", 1).xy
    assert whole[1:-1, 0, 1] == pytest.approx(whole[:-2, 2, 1]), "each begins where the one before has ended"
    assert whole[-1, 2, 1] == pytest.approx(told["log p_x(x)"][0])


def test_a_layer_moves_one_coordinate_and_leaves_the_other():
    scene, flow = layers.scene(layers.Layers("moons")), learned("moons")
    data, every = layer(scene, "data").xy, (len(scene.steps) // 2 - 1) // flow.n_layers
    for k in range(flow.n_layers):
        before, after = data[k * every], data[(k + 1) * every]
        moved = [bool(np.abs(after[:, i] - before[:, i]).max() > 1e-3) for i in (0, 1)]
        assert [i for i in (0, 1) if moved[i]] == flow.moved(k).tolist()
        told = scene.captions[scene.caption[k * every + 1]]
        assert f"layer {k + 1} moves {('x₁', 'x₂')[int(flow.moved(k)[0])]}" in told


def test_there_it_is_data_and_back_it_is_fresh():
    scene = layers.scene(layers.Layers("ffjord8", seed=2))
    data, draws, half = layer(scene, "data").xy, layer(scene, "fresh noise").xy, len(scene.steps) // 2
    assert np.isfinite(data[:half]).all()
    assert np.isnan(data[half:]).all()
    assert np.isnan(draws[:half]).all()
    for cloud in (data[half - 1], draws[half]):
        assert np.abs(cloud.mean(axis=0)).max() < 0.2
        assert np.abs(cloud.std(axis=0) - 1).max() < 0.15
    lump = get_dataset("ffjord8")
    near = np.linalg.norm(draws[-1][:, None] - lump.standardise(lump.centres), axis=2).min(axis=1)
    assert np.median(near) < 0.4, "in the lumps again"
    assert scene.handles[0].at[0] == pytest.approx(scene.handles[0].at[-1], abs=0)


@pytest.mark.parametrize("frame", [0, 3, 7, 28, 29, 40])
def test_the_probe_is_under_the_hand_in_every_frame(frame):
    config = layers.Layers("moons", x_1=-0.5, x_2=0.5)
    scene = layers.scene(config)
    place = scene.handles[0].at[frame] + [0.15, -0.1]
    moved = layers.after_drag(config, dragged(scene, "x", place, frame))
    assert layers.scene(moved).handles[0].at[frame] == pytest.approx(place, abs=0.02)


def test_the_probe_stays_in_the_plane():
    scene = layers.scene(layers.Layers())
    moved = layers.after_drag(layers.Layers(), dragged(scene, "x", [50.0, -50.0]))
    assert (moved.x_1, moved.x_2) == (PLANE[1], PLANE[0])


# --- The thread ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", bridge.DATA)
def test_the_cut_parts_the_truth_in_halves(source):
    """Each lump is on one side as a whole, and there are as many of them on either."""
    data, line = get_dataset(source), bridge.cut(source)
    x, labels = data.draw(20_000, np.random.default_rng(0))
    x = data.standardise(x)
    nearest = np.linalg.norm(x[:500, None] - line, axis=2).argmin(axis=1)
    along = np.gradient(line, axis=0)[nearest]
    apart = x[:500] - line[nearest]
    side = along[:, 0] * apart[:, 1] - along[:, 1] * apart[:, 0] > 0
    shares = [side[labels[:500] == k].mean() for k in np.unique(labels)]
    assert all(share < 0.02 or share > 0.98 for share in shares)
    assert np.mean(np.round(shares)) == 0.5
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    assert np.ptp(steps) < 0.01 * steps.mean()


@pytest.mark.parametrize("source", bridge.DATA)
def test_no_flow_has_less_on_the_cut_than_the_bound(source):
    scene = bridge.scene(bridge.Bridge(source))
    told, line = readouts(scene), bridge.cut(source)
    assert (told["∫ p along the cut"] > told["at least φ(Φ⁻¹(α)) ÷ L"]).all()
    assert (told["at least φ(Φ⁻¹(α)) ÷ L"] > 0).all()
    for k, flow in enumerate(bridge.flows(source)):
        z = flow.forward(line)[0]
        p_z = np.exp(norm.logpdf((z[1:] + z[:-1]) / 2).sum(axis=1))
        around = (p_z * np.linalg.norm(np.diff(z, axis=0), axis=1)).sum()
        least = told["at least φ(Φ⁻¹(α)) ÷ L"][k] * told["largest stretch L"][k]
        assert 0.38 < least <= norm.pdf(0) * 1.0001, "half of the mass is on either side, nearly"
        assert around > least * 0.999, "of all lines a straight one has least"
        assert told["∫ p along the cut"][k] * told["largest stretch L"][k] > around


@pytest.mark.parametrize("source", bridge.DATA)
@pytest.mark.parametrize("lumps", bridge.LUMPS)
def test_the_thread_goes_from_lump_to_lump_and_is_never_nothing(source, lumps):
    config = bridge.Bridge(source, lumps=lumps)
    xy, both = layer(bridge.scene(config), "thread").xy[:, 0], bridge.ends(config)
    for flow, x in zip(bridge.flows(source), xy, strict=True):
        assert x[0] == pytest.approx(both[0], abs=1e-3)
        assert x[-1] == pytest.approx(both[1], abs=1e-3)
        z = flow.forward(x.astype(float))[0]
        assert np.abs((z - z[0]) @ [[0, -1], [1, 0]] @ (z[-1] - z[0])).max() < 2e-3, "a straight line of z"
        assert np.exp(flow.log_prob(x.astype(float))).min() > 1e-7


def test_the_hand_stays_on_the_thread():
    config = bridge.Bridge("moons", along=0.2)
    scene = bridge.scene(config)
    for frame in range(4):
        goal = layer(scene, "thread").xy[frame, 0, 120]
        assert bridge.after_drag(config, dragged(scene, "thread", goal, frame)).along == pytest.approx(0.75)
    away = bridge.after_drag(config, dragged(scene, "thread", [3.0, -30.0]))
    assert 0 <= away.along <= 1
