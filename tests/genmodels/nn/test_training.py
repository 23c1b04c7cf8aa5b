"""Training on minibatches: order, rates, states, divergence."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from genmodels.autoencoder.model import AutoencoderConfig, iterate_autoencoder
from genmodels.nn.training import minibatch
from genmodels.states import DivergedError

torch.set_num_threads(1)  # as in the app: two threads on two busy cores are far slower


def collect(stream: Iterator, into: list) -> None:
    for state in stream:
        into.append(state)  # one by one, so that those before an error are kept


@pytest.mark.parametrize(("n", "batch"), [(10, 3), (10, 10), (10, 50), (7, 1), (128 * 14 + 5, 128)])
def test_an_epoch_has_each_row_once_in_parts_that_differ_by_at_most_one(n, batch):
    per_epoch = -(-n // batch)
    parts = [minibatch(n, batch, 5, per_epoch * 3 + i) for i in range(per_epoch)]
    assert sorted(torch.cat(parts).tolist()) == list(range(n))
    assert max(map(len, parts)) <= batch
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_the_order_depends_on_seed_and_epoch():
    orders = {tuple(minibatch(20, 20, seed, epoch).tolist()) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((20, 6))


def test_the_learning_rate_falls_along_a_cosine_or_stays():
    config = AutoencoderConfig(6, n_steps=10, learning_rate=0.2, decay=True)
    assert [config.rate(step) for step in (0, 5, 10)] == pytest.approx([0.2, 0.1, 0.0])
    assert AutoencoderConfig(6, n_steps=10, learning_rate=0.2).rate(7) == 0.2


def test_a_decayed_run_resumes_bit_for_bit_and_its_last_steps_are_small(images):
    config = AutoencoderConfig(6, n_steps=12, batch=5, learning_rate=0.1, decay=True)
    states = list(iterate_autoencoder(images, config))
    resumed = list(iterate_autoencoder(images, config, resume=states[7]))
    assert np.array_equal(states[-1].parameters, resumed[-1].parameters)
    moved = [np.abs(b.parameters - a.parameters).max() for a, b in itertools.pairwise(states)]
    assert moved[-1] < 0.1 * moved[0]


def test_every_thins_the_states_and_keeps_the_last(images):
    config = AutoencoderConfig(6, n_steps=10, batch=5)
    full = list(iterate_autoencoder(images, config))
    thin = list(iterate_autoencoder(images, AutoencoderConfig(6, n_steps=10, batch=5, every=4)))
    assert [state.step for state in thin] == [0, 4, 8, 10]
    assert [state.epoch for state in thin] == [0, 1, 2, 2.5]
    assert all(np.array_equal(state.parameters, full[state.step].parameters) for state in thin)
    assert all(state.loss == full[state.step].loss for state in thin)


def test_gradient_mode_is_the_callers_across_a_yield_and_training_works_in_either(images):
    config = AutoencoderConfig(6, n_steps=3)
    expected = list(iterate_autoencoder(images, config))[-1].parameters
    with torch.no_grad():
        stream, states = iterate_autoencoder(images, config), []
        for state in stream:
            assert not torch.is_grad_enabled()
            states.append(state)
        assert np.array_equal(states[-1].parameters, expected)
    stream = iterate_autoencoder(images, config)
    next(stream)
    assert torch.is_grad_enabled()


def test_states_cannot_be_written_to_and_give_networks_of_their_own(images):
    state = next(iterate_autoencoder(images, AutoencoderConfig(6, n_steps=1)))
    for array in (state.parameters, state.moments, state.generator, state.arrays()["encoder.0.weight"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    nn.init.zeros_(state.model().encoder[0].weight)
    assert np.any(state.arrays()["encoder.0.weight"])


def test_a_run_beyond_the_last_step_is_refused(images):
    state = list(iterate_autoencoder(images, AutoencoderConfig(6, n_steps=5)))[-1]
    with pytest.raises(ValueError, match="has taken 5 steps; give n_steps"):
        next(iterate_autoencoder(images, AutoencoderConfig(6, n_steps=4), resume=state))
    further = list(iterate_autoencoder(images, AutoencoderConfig(6, n_steps=7), resume=state))
    assert [s.step for s in further] == [5, 6, 7]


def test_divergence_says_when_and_what_to_do_after_finite_states(images):
    config = AutoencoderConfig(6, n_steps=200, learning_rate=1e12, hidden=(8, 8, 8), loss="squared")
    states: list = []
    with pytest.raises(DivergedError, match=r"diverged at step \d+.*try a smaller learning rate") as caught:
        collect(iterate_autoencoder(images, config), states)
    assert caught.value.step > 0
    assert [state.step for state in states] == list(range(caught.value.step))
    assert all(np.isfinite(state.loss) for state in states)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_steps": -1}, "n_steps is -1"),
        ({"batch": 0}, "batch is 0"),
        ({"every": 0}, "every is 0"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"learning_rate": 0}, "learning_rate is 0; give a finite number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1; give a finite number, 0 or more"),
        ({"device": "tpu"}, "choose one of auto, cpu, cuda, mps"),
        ({"hidden": 128}, "give a tuple of widths"),
        ({"hidden": (128, 0)}, "A width in hidden is 0"),
        ({"activation": "sine"}, "choose one of relu, silu, tanh"),
    ],
)
def test_configs_check_themselves(options, message):
    with pytest.raises(ValueError, match=message):
        AutoencoderConfig(6, **options)
