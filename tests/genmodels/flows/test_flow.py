"""The runtime: against zuko with the same parameters, autograd, quadrature, and far from where it was trained."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import softmax

from genmodels.flows.flow import Flow, FlowConfig
from genmodels.store import checkpoint
from tests.genmodels.flows.shared import drawn, flow_of, in_zuko, mass, rng, small

KINDS = pytest.mark.parametrize("kind", ["spline", "affine"])
FLOWS = pytest.mark.parametrize(
    ("kind", "activation", "d"),
    [
        ("spline", "relu", 2),
        ("spline", "silu", 3),
        ("spline", "tanh", 5),
        ("affine", "tanh", 2),
        ("affine", "relu", 4),
    ],
)
# zuko's networks read any coordinate, so that the points must lie inside the box on their whole way
WIDE = {"spline": {"bound": 8.0}, "affine": {"bound": 1e6}}
STORED = [name for name in ("flow-moons", "flow-ffjord8", "flow-checkerboard") if name in checkpoint.entries()]


@FLOWS
def test_it_is_zukos_flow_of_the_same_parameters(kind, activation, d):
    state = drawn(small(kind=kind, activation=activation, **WIDE[kind]), d, size=0.3)
    flow, other = state.flow(), in_zuko(state)
    x = 2 * rng(1).standard_normal((60, d))  # no coordinate is beyond 8
    z, log_abs_det = flow.forward(x)
    theirs = other().transform(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(z, theirs, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(flow.log_prob(x), other().log_prob(torch.tensor(x)).detach(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(flow.inverse(z)[1], log_abs_det, rtol=0, atol=1e-9)


@FLOWS
def test_the_layers_volumes_add_up_to_that_of_the_whole_by_autograd(kind, activation, d):
    state = drawn(small(kind=kind, activation=activation, **WIDE[kind]), d, size=0.3)
    flow, whole = state.flow(), in_zuko(state)().transform
    x = rng(2).standard_normal((20, d))
    jacobian = np.stack([torch.autograd.functional.jacobian(whole, row).numpy() for row in torch.tensor(x)])
    _, each = flow.path(x)
    assert each.shape == (3, 20)
    np.testing.assert_allclose(each.sum(axis=0), np.linalg.slogdet(jacobian)[1], rtol=0, atol=1e-10)
    np.testing.assert_allclose(flow.jacobian(x), jacobian, rtol=1e-9, atol=1e-9)


def test_float32_volumes_add_up_to_a_millionth():
    """What is shown of float32 weights is computed in float64; here the network's own numbers are float32."""
    state = drawn(small(), size=0.3)
    single = {name: np.asarray(value, np.float32) for name, value in state.arrays().items()}
    flow, whole = Flow(single, state.config), in_zuko(state, single)().transform
    x = rng(2).standard_normal((20, 2))
    found = [np.linalg.slogdet(torch.autograd.functional.jacobian(whole, r).numpy())[1] for r in torch.tensor(x)]
    np.testing.assert_allclose(flow.path(x)[1].sum(axis=0), found, rtol=0, atol=1e-6)


@KINDS
@pytest.mark.parametrize("d", [2, 3])
def test_there_and_back(kind, d):
    flow = flow_of(small(kind=kind, n_layers=5), d, size=0.25)
    x = rng(3).uniform(-6, 6, (600, d))  # more than one block
    path, each = flow.path(x)
    z, log_abs_det = flow.forward(x)
    np.testing.assert_array_equal(path[-1], z)
    np.testing.assert_allclose(each.sum(axis=0), log_abs_det, rtol=0, atol=1e-12)
    back, log_back = flow.inverse(z)
    np.testing.assert_allclose(back, x, rtol=0, atol=1e-8)
    np.testing.assert_allclose(log_back, log_abs_det, rtol=0, atol=1e-7)
    np.testing.assert_allclose(flow.inverse_path(z), path[::-1], rtol=0, atol=1e-8)
    for k in range(5):
        stays = np.setdiff1d(np.arange(d), flow.moved(k))
        assert len(stays) in (d // 2, d - d // 2)
        np.testing.assert_array_equal(path[k + 1][:, stays], path[k][:, stays])
        assert (path[k + 1][:, flow.moved(k)] != path[k][:, flow.moved(k)]).mean() > 0.5


def knots_of(flow: Flow, at: float) -> np.ndarray:
    """Where the first layer's spline of the second coordinate has its knots, if the first coordinate is ``at``."""
    h = np.clip([[at]], -5, 5)
    for i, (weight, bias) in enumerate(flow._networks[0]):
        h = weight @ (np.maximum(h, 0) if i else h) + bias
    widths, heights = h[:8, 0], h[8:16, 0]
    limit = np.log(1e-3)
    shares = [softmax(r / (1 + np.abs(2 * r / limit))) for r in (widths, heights)]
    return np.array([5 * (2 * np.array([0, *np.cumsum(share)]) - 1) for share in shares])


def test_at_knots_and_at_the_edge_of_the_box():
    flow = flow_of(small(n_layers=1))
    for at in (0.0, 1.3, -5.0, 1e6):
        knots, heights = knots_of(flow, at)
        x = np.stack([np.full_like(knots, at), knots], axis=1)
        z, log_abs_det = flow.forward(x)
        np.testing.assert_allclose(z[:, 1], heights, rtol=0, atol=1e-11)
        back, log_back = flow.inverse(z)
        np.testing.assert_allclose(back, x, rtol=0, atol=1e-10)
        np.testing.assert_allclose(log_back, log_abs_det, rtol=0, atol=1e-9)
        near = [flow.forward(x + np.array([0, e]))[1] for e in (-1e-9, 1e-9)]  # no jump of the slope at a knot
        np.testing.assert_allclose(near[0], near[1], rtol=0, atol=1e-4)
    edge = np.array([[a, b] for a in (-5.0, 5.0, 0.1) for b in (-5.0, 5.0)])
    deep = flow_of(small(n_layers=6))
    z, log_abs_det = deep.forward(edge)
    assert np.isfinite(z).all()
    assert np.isfinite(log_abs_det).all()
    np.testing.assert_allclose(deep.inverse(z)[0], edge, rtol=0, atol=1e-6)


def test_far_outside_a_spline_is_the_identity():
    flow = flow_of(small(n_layers=6), size=0.3)
    far = np.array([[a, b] for a in (-1e6, 1e6, -5.1) for b in (-1e6, 1e6, 7.0)])
    z, log_abs_det = flow.forward(far)
    np.testing.assert_array_equal(z, far)
    np.testing.assert_array_equal(log_abs_det, 0)
    np.testing.assert_array_equal(flow.inverse(far)[0], far)
    beside = np.array([[1e6, 0.3], [-0.7, -1e6], [1e6, 5.0], [5.0, -1e6]])  # one coordinate inside: it still moves
    z, log_abs_det = flow.forward(beside)
    assert np.isfinite(log_abs_det).all()
    np.testing.assert_allclose(flow.inverse(z)[0], beside, rtol=0, atol=1e-6)
    assert np.isfinite(flow.jacobian(far)).all()
    assert np.isfinite(flow.jacobian(beside)).all()


def test_far_outside_an_affine_flow_is_still_inverted():
    flow = flow_of(small(kind="affine"), size=0.2)
    far = np.array([[a, b] for a in (-1e6, 1e6, 0.3) for b in (-1e6, 1e6, -2.0)])
    z, log_abs_det = flow.forward(far)
    assert np.isfinite(log_abs_det).all()
    np.testing.assert_allclose(flow.inverse(z)[0], far, rtol=0, atol=1e-6)


@KINDS
def test_beyond_the_box_the_network_reads_its_edge(kind):
    flow = flow_of(small(kind=kind, n_layers=1))
    z, log_abs_det = flow.forward(np.array([[5.0, 0.7], [1e6, 0.7], [-5.0, 0.7], [-1e6, 0.7]]))
    assert (z[0, 1], log_abs_det[0]) == (z[1, 1], log_abs_det[1])
    assert (z[2, 1], log_abs_det[2]) == (z[3, 1], log_abs_det[3])
    assert z[0, 1] != z[2, 1]
    jacobian = flow.jacobian(np.array([[4.9, 0.7], [5.1, 0.7]]))
    assert jacobian[0, 1, 0] != 0
    assert jacobian[1, 1, 0] == 0


@KINDS
def test_its_density_is_one(kind):
    flow = flow_of(small(kind=kind), size=0.25)
    assert mass(flow.log_prob, half=12 if kind == "affine" else 8) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("name", STORED)
def test_the_density_of_a_stored_flow_is_one(name):
    assert mass(Flow.of(checkpoint.load(name)).log_prob, half=5.5) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("name", STORED)
def test_a_stored_flow_is_inverted_everywhere(name):
    flow = Flow.of(checkpoint.load(name))
    x = np.concatenate([rng(5).uniform(-6, 6, (2000, 2)), [[1e6, -1e6], [0.2, 1e6], [5, 5], [-5, 0]]])
    z, log_abs_det = flow.forward(x)
    back, log_back = flow.inverse(z)
    np.testing.assert_allclose(back, x, rtol=0, atol=1e-6)
    np.testing.assert_allclose(log_back, log_abs_det, rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.slogdet(flow.jacobian(x))[1], log_abs_det, rtol=0, atol=1e-8)


@KINDS
def test_what_a_flow_draws_has_its_density(kind):
    """The noise of its own samples is normal, and E log p by samples is that by quadrature."""
    flow = flow_of(small(kind=kind, n_layers=2), size=0.25)
    x = flow.sample(20_000, rng(4))
    z, _ = flow.forward(x)
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    ticks = np.linspace(-9, 9, 401)
    at = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    log_p = flow.log_prob(at)
    expected = (np.exp(log_p) * log_p).sum() * (ticks[1] - ticks[0]) ** 2
    found = flow.log_prob(x)
    assert found.mean() == pytest.approx(expected, abs=5 * found.std() / np.sqrt(len(x)))


def test_stretch_is_the_longest_a_short_step_becomes():
    flow = flow_of(small(), size=0.3)
    z = rng(6).standard_normal((30, 2))
    angles = np.linspace(0, np.pi, 721)
    turns = 1e-6 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    there, back = (flow.inverse((z[:, None] + s * turns).reshape(-1, 2))[0] for s in (1, -1))
    lengths = np.linalg.norm(there - back, axis=1).reshape(30, -1) / 2e-6
    np.testing.assert_allclose(flow.stretch(z), lengths.max(axis=1), rtol=1e-3)
    apart = flow.inverse(np.array([[-1.0, 0.5], [1.0, -0.5]]))[
        0
    ]  # no two points part by more than the greatest stretch
    way = np.linspace([-1.0, 0.5], [1.0, -0.5], 2001)
    assert np.linalg.norm(apart[0] - apart[1]) <= flow.stretch(way).max() * np.sqrt(5)


def test_a_flow_without_training_is_the_identity():
    from genmodels.flows.training import fit_flow

    for kind in ("spline", "affine"):
        flow = fit_flow(None, small(kind=kind)).flow()
        x = 2 * rng().standard_normal((50, 2))
        np.testing.assert_allclose(flow.forward(x)[0], x, rtol=0, atol=1e-14)
        np.testing.assert_allclose(flow.log_prob(x), stats.norm.logpdf(x).sum(axis=1), rtol=0, atol=1e-13)
        np.testing.assert_allclose(flow.stretch(x), 1, atol=1e-12)


def test_of_a_checkpoint_and_units():
    state = drawn(small())
    flow = Flow(state.arrays() | {"centre": np.array([1.0, 2.0]), "scale": np.array([3.0])}, state.config)
    np.testing.assert_array_equal(flow.to_data([[0.0, 0.0], [1.0, -1.0]]), [[1, 2], [4, -1]])
    assert (flow.n_layers, flow.n_features) == (3, 2)
    assert [flow.moved(k).tolist() for k in range(3)] == [[1], [0], [1]]


def test_no_point_at_all():
    flow = flow_of(small())
    assert flow.sample(0, rng()).shape == (0, 2)
    assert flow.path(np.zeros((0, 2)))[0].shape == (4, 0, 2)
    assert flow.jacobian(np.zeros((0, 2))).shape == (0, 2, 2)


def test_what_does_not_fit_is_told():
    state = drawn(small())
    flow, arrays = state.flow(), state.arrays()
    with pytest.raises(ValueError, match="have 3 coordinates, and the flow 2"):
        flow.forward(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="NaN or infinity"):
        flow.log_prob(np.full((4, 2), np.nan))
    with pytest.raises(ValueError, match="hold no 'scale'"):
        Flow({name: value for name, value in arrays.items() if name != "scale"}, state.config)
    with pytest.raises(ValueError, match=r"layers\.2\.0\.weight should have the shape \(16, 1\).* hold nothing"):
        Flow({name: value for name, value in arrays.items() if name != "layers.2.0.weight"}, state.config)
    with pytest.raises(ValueError, match=r"layers\.0\.2\.weight should have the shape \(11, 16\)"):
        Flow(arrays, small(bins=4))
    with pytest.raises(ValueError, match="whole number"):
        flow.sample(-1, rng())


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"kind": "cubic"}, "spline, affine"),
        ({"n_layers": 0}, "n_layers"),
        ({"bins": 1}, "bins"),
        ({"bound": 0}, "bound"),
        ({"average": 1}, "average"),
        ({"average": -0.1}, "average"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"hidden": 64}, "hidden"),
        ({"activation": "gelu"}, "activation"),
        ({"data": "lines"}, "data"),
        ({"batch": 0}, "batch"),
    ],
)
def test_a_config_checks_itself(options, word):
    with pytest.raises(ValueError, match=word):
        FlowConfig(**options)
