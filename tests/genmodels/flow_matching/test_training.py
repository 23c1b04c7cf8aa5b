"""Velocities that are learned: training, torch beside numpy, the divergence, reflow, refusals."""

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from genmodels.data.planar import get_dataset
from genmodels.flow_matching.exact import ExactMixtureVelocity
from genmodels.flow_matching.ode import OdeConfig, reflow_pairs, solve, solve_path, straightness
from genmodels.flow_matching.training import fit_flow_matching, iterate_flow_matching
from genmodels.flow_matching.velocity import ForwardVelocity, MatchingConfig
from genmodels.metrics import energy_distance
from genmodels.nn.waves import level_features
from genmodels.states import DivergedError
from tests.genmodels.diffusion.shared import draws, normal, rng

torch.set_num_threads(1)  # as in the app
SMALL = {"hidden": (16, 16), "batch": 32, "n_steps": 40}


def trained(**options) -> MatchingConfig:
    return MatchingConfig(**(SMALL | options))


def test_training_states():
    config = trained(every=150, n_steps=400)
    states = list(iterate_flow_matching(None, config))
    assert [s.step for s in states] == [0, 150, 300, 400]
    assert states[0].loss == pytest.approx(2, abs=0.5)  # it says nearly 0
    assert states[-1].loss < 1.7
    assert states[-1].loss_by_time.shape == (20,)
    assert not states[1].parameters.flags.writeable
    assert not np.array_equal(states[1].parameters, states[1].average)
    dataset = get_dataset("moons")
    np.testing.assert_array_equal(states[0].centre, dataset.mean)
    assert states[0].scale == dataset.scale
    other = fit_flow_matching(None, dataclasses.replace(config, seed=1))
    assert not np.array_equal(other.average, states[-1].average)


@pytest.mark.parametrize("with_pairs", [False, True])
def test_a_resumed_run_goes_on_bit_for_bit(with_pairs):
    config, pairs = trained(every=7, n_steps=80), (normal(400, 2), draws(400)) if with_pairs else None
    whole = list(iterate_flow_matching(None, config, pairs))
    for saved in (whole[4], whole[4].snapshot()):
        rest = list(iterate_flow_matching(None, config, pairs, resume=saved))
        assert [s.step for s in rest] == [s.step for s in whole[4:]]
        for a, b in zip(rest, whole[4:], strict=True):
            np.testing.assert_array_equal(a.average, b.average)
            np.testing.assert_array_equal(a.moments, b.moments)
    with pytest.raises(ValueError, match="same network"):
        next(iterate_flow_matching(None, dataclasses.replace(config, hidden=(8,)), pairs, resume=whole[4]))


def test_a_diverging_run_says_so():
    with pytest.raises(DivergedError, match="smaller learning rate"):
        fit_flow_matching(None, trained(learning_rate=1e12, activation="relu", decay=False, n_steps=300))


@pytest.mark.parametrize("activation", ["silu", "relu", "tanh"])
@pytest.mark.parametrize(("x_waves", "t_waves"), [(3, 4), (0, 0)])
def test_the_network_is_the_same_in_numpy_and_torch_and_its_divergence_autograds(activation, x_waves, t_waves):
    config = trained(activation=activation, x_waves=x_waves, t_waves=t_waves)
    state = fit_flow_matching(None, config)
    velocity, named = state.velocity(), state.arrays()
    layers = [(torch.tensor(named[f"net.{i}.weight"]), torch.tensor(named[f"net.{i}.bias"])) for i in (0, 2, 4)]
    phi = {"silu": torch.nn.functional.silu, "relu": torch.relu, "tanh": torch.tanh}[activation]
    for t in (0.0, 0.37, 1.0):
        x = torch.tensor(normal(9, 2), dtype=torch.float32, requires_grad=True)
        told = [2 * t - 1] + [f(2.0**j * math.pi * t) for j in range(t_waves) for f in (math.sin, math.cos)]
        waves = [
            wave(2.0**j * x[:, [d]]) for wave in (torch.sin, torch.cos) for d in range(2) for j in range(x_waves)
        ]
        h = torch.cat([x, *waves, torch.tensor(told).expand(9, -1)], 1)
        for weight, bias in layers[:-1]:
            h = phi(h @ weight.T + bias)
        out = h @ layers[-1][0].T + layers[-1][1]
        trace = sum(torch.autograd.grad(out[:, d].sum(), x, retain_graph=True)[0][:, d] for d in range(2))
        v = velocity(x.detach().numpy(), t)
        assert v.dtype == np.float64
        np.testing.assert_allclose(v, out.detach().numpy(), atol=2e-5)
        said, by_tangents = velocity.divergence(x.detach().numpy(), t)
        np.testing.assert_allclose(said, v, atol=2e-5)
        np.testing.assert_allclose(by_tangents, trace.numpy(), atol=2e-4)


def test_the_loss_is_that_of_the_velocity_at_points_on_their_way():
    """The input is x_t; a stream of our own, of the same law, gives the same loss by time."""
    config = trained(data="ffjord8", hidden=(64,), batch=500, n_steps=200, every=200, learning_rate=1e-9)
    state = fit_flow_matching(None, config)  # a rate so small that nothing changes
    velocity, dataset = state.velocity(averaged=False), get_dataset("ffjord8")
    for b in (0, 9, 19):
        x_1, x_0 = dataset.standardise(dataset.sample(4000, rng(b))), normal(4000, 2, seed=b + 70)
        losses = []
        for share, rows in zip((0.1, 0.3, 0.5, 0.7, 0.9), np.split(np.arange(4000), 5), strict=True):
            t = (b + share) / 20
            said = velocity((1 - t) * x_0[rows] + t * x_1[rows], t)
            losses.append(np.square(said - (x_1 - x_0)[rows]).mean(1))
        losses = np.concatenate(losses)
        assert state.loss_by_time[b] == pytest.approx(losses.mean(), abs=4 * losses.std() / math.sqrt(3000))
    assert state.loss == pytest.approx(state.loss_by_time.mean())


def test_the_learned_velocity_comes_near_the_exact_one():
    """The loss's least value is the pairs' own variance; what the velocity errs stands above it."""
    dataset, exact = get_dataset("ffjord8"), ExactMixtureVelocity.of(get_dataset("ffjord8"))
    config = MatchingConfig(data="ffjord8", n_steps=1500, every=1500)
    state = fit_flow_matching(None, config)
    learned = state.velocity()
    x_1, x_0 = dataset.standardise(dataset.sample(2000, rng())), normal(2000, 2, seed=3)
    for t in (0.02, 0.3, 0.6, 0.8):
        x = (1 - t) * x_0 + t * x_1
        gap = np.square(learned(x, t) - exact(x, t)).mean()
        assert gap < 0.06, t
        both = [np.square(v(x, t) - (x_1 - x_0)).mean() for v in (learned, exact)]
        assert both[0] - both[1] == pytest.approx(gap, abs=0.1), "the rest is the threads' own"
    made = solve(learned, normal(1000, 2), OdeConfig("euler", 50))
    assert energy_distance(made, dataset.standardise(dataset.sample(4000, rng(1)))) < 0.12


def test_reflow_keeps_pairs_together_and_straightens():
    """Pairs of a turn, x_1 = R x_0: a network that had drawn the sides apart could not tell them."""
    teacher = fit_flow_matching(None, MatchingConfig(n_steps=1000, every=1000)).velocity()
    pairs = reflow_pairs(teacher, 4000, 2, rng(), OdeConfig("rk4", 20))
    student = fit_flow_matching(None, MatchingConfig(n_steps=1500, every=1500, seed=1), pairs)
    velocity, x = student.velocity(), normal(400, 2, seed=8)
    before, after = (straightness(solve_path(v, x, OdeConfig("euler", 50))) for v in (teacher, velocity))
    assert after < 0.2 * before
    assert student.loss < 0.2, "for pairs that do not cross, it comes near 0"
    once, goal = (solve(v, x, OdeConfig(*way)) for v, way in ((velocity, ("euler", 1)), (teacher, ("rk4", 20))))
    assert np.linalg.norm(once - goal, axis=1).mean() < 0.3
    np.testing.assert_array_equal(student.centre, get_dataset("moons").mean)


def test_points_given_are_standardised_and_reached():
    points = np.array([[100.0, 5.0], [104.0, 5.0], [100.0, 9.0]])
    state = fit_flow_matching(points, MatchingConfig(hidden=(32, 32), n_steps=800, every=800))
    np.testing.assert_allclose(state.centre, points.mean(0))
    assert state.scale == pytest.approx(np.sqrt(points.var(0).mean()))
    made = state.velocity().to_data(solve(state.velocity(), normal(200, 2), OdeConfig("euler", 100)))
    assert np.median(np.linalg.norm(made[:, None] - points, axis=2).min(1)) < 0.3


def test_a_gaussian_start_is_assumed_and_another_is_refused():
    x_1, config = draws(2000), trained(n_steps=0)
    fit_flow_matching(None, config, (normal(2000, 2), x_1))
    fit_flow_matching(None, config, (normal(3, 2), x_1[:3]))
    tilted = normal(2000, 2) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    for start in (normal(2000, 2) + 0.3, 1.3 * normal(2000, 2), rng().random((2000, 2)), tilted, x_1):
        with pytest.raises(ValueError, match="A Gaussian start is assumed"):
            fit_flow_matching(None, config, (start, x_1))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MatchingConfig(data="cat"), "choose one of"),
        (lambda: MatchingConfig(hidden=(0,)), "hidden"),
        (lambda: MatchingConfig(hidden="128"), "hidden"),
        (lambda: MatchingConfig(activation="gelu"), "choose one of relu"),
        (lambda: MatchingConfig(learning_rate=0.0), "above 0"),
        (lambda: MatchingConfig(average=1.0), "below 1"),
        (lambda: MatchingConfig(batch=0), "batch"),
        (lambda: MatchingConfig(device="tpu"), "choose one of auto"),
        (lambda: fit_flow_matching(np.empty((0, 2)), trained(n_steps=0)), "no points"),
        (lambda: fit_flow_matching([[np.nan, 0.0]], trained(n_steps=0)), "NaN"),
        (lambda: fit_flow_matching(None, trained(n_steps=0), normal(9, 2)), "two arrays"),
        (lambda: fit_flow_matching(None, trained(n_steps=0), (normal(9, 2), draws(8))), "shapes"),
        (lambda: fit_flow_matching(None, trained(n_steps=0), (normal(9, 3), normal(9, 3))), "shapes"),
        (lambda: fit_flow_matching(None, trained(n_steps=0)).velocity()(normal(3, 2), 1.5), "from 0"),
        (lambda: ForwardVelocity({"centre": np.zeros(2), "scale": np.ones(1)}, trained()), "no net.0.weight"),
        (lambda: ForwardVelocity(fit_flow_matching(None, trained(n_steps=0)).arrays(), trained(x_waves=1)), "inputs"),
    ],
)
def test_bad_input_is_told_in_a_sentence(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_torch_is_imported_by_training_alone():
    code = """
import sys, numpy as np
from genmodels.flow_matching.exact import ExactPointsVelocity
from genmodels.flow_matching.ode import OdeConfig, log_likelihood, solve
from genmodels.flow_matching.roads import two_roads
from genmodels.flow_matching.velocity import ForwardVelocity
from genmodels.store.checkpoint import load
import genmodels.flow_matching.training
velocity = ForwardVelocity.of(load("matching-moons"))
solve(velocity, np.zeros((3, 2)), OdeConfig("rk4", 4))
log_likelihood(velocity, np.zeros((3, 2)), 4)
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_the_level_is_told_by_the_formula():
    told = level_features([0.0, 0.3], 2)
    expected = [[2 * u - 1, *(f(k * math.pi * u) for k in (1, 2) for f in (math.sin, math.cos))] for u in (0.0, 0.3)]
    np.testing.assert_allclose(told, expected, atol=1e-6)


CONTRACT = [
    ("flow matching", 7, lambda: iterate_flow_matching(None, trained(n_steps=7))),
    (
        "reflow",
        7,
        lambda: iterate_flow_matching(draws(50), trained(n_steps=7), (normal(60, 2), normal(60, 2, seed=1))),
    ),
]
