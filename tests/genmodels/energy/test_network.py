"""Energies of the plane: values and gradients against torch, the grid against closed forms."""

import itertools

import numpy as np
import pytest
import torch

from genmodels.energy.network import Energy, Perceptron, cell_centres
from genmodels.nn.adam import views

SIZES = (2 * 7, 12, 9, 1)  # two coordinates with three waves each


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def made(spread: float = 1.5, dtype: type = np.float64) -> tuple[Perceptron, list[np.ndarray]]:
    """A network with drawn parameters, and room for its gradients."""
    theta = 0.5 * rng(3).standard_normal(sum((i + 1) * o for i, o in itertools.pairwise(SIZES)))
    return Perceptron(views(theta.astype(dtype), SIZES), spread, 3), views(np.zeros_like(theta), SIZES)


def in_torch(network: Perceptron) -> list[torch.Tensor]:
    return [torch.tensor(matrix, requires_grad=True) for matrix in network.matrices]


def energy(x: torch.Tensor, matrices: list[torch.Tensor], spread: float = 1.5) -> torch.Tensor:
    """E of rows, written from the formula."""
    waves = [f(2.0**j * x) for f in (torch.sin, torch.cos) for j in range(3)]
    h = torch.cat([x, *waves], dim=1)
    for matrix in matrices[:-1]:
        h = torch.nn.functional.silu(h @ matrix[:, :-1].T + matrix[:, -1])
    return (h @ matrices[-1][:, :-1].T + matrices[-1][:, -1])[:, 0] + (x * x).sum(1) / (2 * spread**2)


def test_energy_and_slope_are_autograds():
    network, _ = made()
    rows = 2 * rng().standard_normal((40, 2))
    x = torch.tensor(rows, requires_grad=True)
    theirs = energy(x, in_torch(network))
    theirs.sum().backward()
    slope, value = network.slopes(rows.T)
    np.testing.assert_allclose(value, theirs.detach(), rtol=1e-12)
    np.testing.assert_allclose(network.energies(rows.T), theirs.detach(), rtol=1e-12)
    np.testing.assert_allclose(slope.T, x.grad, rtol=0, atol=1e-12)


def test_the_weighted_gradient_is_autograds():
    network, gradients = made()
    rows, weights = 2 * rng().standard_normal((40, 2)), rng(1).standard_normal(40)
    matrices = in_torch(network)
    (torch.tensor(weights) * energy(torch.tensor(rows), matrices)).sum().backward()
    network.add_gradient(rows.T, weights, gradients)
    for found, theirs in zip(gradients, matrices, strict=True):
        np.testing.assert_allclose(found, theirs.grad, rtol=0, atol=1e-11)


def test_the_tangents_gradient_is_autograds_twice():
    network, gradients = made()
    rows, v = 2 * rng().standard_normal((40, 2)), rng(1).standard_normal((40, 2))
    matrices = in_torch(network)
    x = torch.tensor(rows, requires_grad=True)
    (slope,) = torch.autograd.grad(energy(x, matrices).sum(), x, create_graph=True)
    (torch.tensor(v) * slope).sum().backward()
    network.add_tangent_gradient(rows.T, v.T.copy(), gradients)
    for found, theirs in zip(gradients, matrices, strict=True):
        wanted = np.zeros_like(found) if theirs.grad is None else theirs.grad
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-11)


def test_gradients_are_added_to_what_is_there():
    network, gradients = made()
    x = rng().standard_normal((2, 10))
    network.add_gradient(x, np.ones(10), gradients)
    once = [g.copy() for g in gradients]
    network.add_gradient(x, np.ones(10), gradients)
    for twice, one in zip(gradients, once, strict=True):
        np.testing.assert_allclose(twice, 2 * one)


def named(network: Perceptron) -> dict[str, np.ndarray]:
    found = {}
    for i, matrix in enumerate(network.matrices):
        found |= {f"net.{i}.weight": matrix[:, :-1], f"net.{i}.bias": matrix[:, -1]}
    return found


def test_a_network_of_zeros_is_the_gaussian():
    network, _ = made()
    flat = {name: np.zeros_like(value) for name, value in named(network).items()}
    spread = 0.8
    grid = Energy(flat, spread, 3).on_grid(6.0, 120)
    assert grid.log_z == pytest.approx(np.log(2 * np.pi * spread**2), abs=1e-10)
    np.testing.assert_allclose(
        grid.log_p, -np.square(grid.x).sum(axis=1) / (2 * spread**2) - np.log(2 * np.pi * spread**2), atol=1e-10
    )


def test_the_grids_probabilities_sum_to_one_and_do_not_depend_on_its_cells():
    network, _ = made()
    learned = Energy(named(network), 1.5, 3)
    coarse, fine = learned.on_grid(8.0, 180), learned.on_grid(8.0, 300)
    assert np.exp(coarse.log_p).sum() * coarse.area == pytest.approx(1, abs=1e-12)
    assert coarse.log_z == pytest.approx(fine.log_z, abs=1e-6)


def test_a_constant_more_of_energy_changes_log_z_alone():
    network, _ = made()
    arrays = named(network)
    more = arrays | {"net.2.bias": arrays["net.2.bias"] + 3}
    before, after = (Energy(a, 1.5, 3).on_grid(6.0, 60) for a in (arrays, more))
    assert after.log_z == pytest.approx(before.log_z - 3)
    np.testing.assert_allclose(after.log_p, before.log_p)


def test_rows_in_blocks_are_rows_alone():
    network, _ = made()
    learned, x = Energy(named(network), 1.5, 3), rng().standard_normal((5_000, 2))
    np.testing.assert_allclose(learned(x), network.energies(x.T))
    np.testing.assert_allclose(learned.gradient(x[:7]), network.slopes(x[:7].T)[0].T)
    assert learned(np.zeros((0, 2))).shape == (0,)


def test_cells():
    at = cell_centres(2.0, 4)
    assert at.shape == (16, 2)
    assert at[0].tolist() == [-1.5, -1.5]
    assert at[1].tolist() == [-0.5, -1.5]


def test_bad_input_is_told():
    with pytest.raises(ValueError, match=r"no net\.0\.weight"):
        Energy({"a": np.zeros(1)}, 1.0, 0)
    with pytest.raises(ValueError, match="spread"):
        Energy(named(made()[0]), 0.0, 3)
