"""Networks, snapshots and the training loop, which the neural models share."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes
from torch import nn

from genmodels.autoencoder.model import AutoencoderConfig, iterate_autoencoder
from genmodels.nn import arrays as parameters
from genmodels.nn import layers
from genmodels.nn.arrays import restore, snapshot
from genmodels.nn.layers import initialise, mlp, seeded
from genmodels.nn.training import minibatch
from genmodels.states import DivergedError

torch.set_num_threads(1)  # as in the app: two threads on two busy cores are far slower


def built(seed: int = 0, sizes: tuple[int, ...] = (3, 8, 2), **options):
    module = initialise(mlp(sizes), seeded(seed))
    return module, torch.optim.Adam(module.parameters(), lr=0.01, **options), seeded(seed + 1)


def collect(stream: Iterator, into: list) -> None:
    for state in stream:
        into.append(state)  # one by one, so that those before an error are kept


def take_steps(module, optimizer, generator, n: int) -> None:
    for _ in range(n):
        optimizer.zero_grad()
        module(torch.randn(5, 3, generator=generator)).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("n_before", [0, 1, 7])
@pytest.mark.parametrize("fused", [False, True])
def test_a_restored_run_goes_on_bit_for_bit_even_through_safetensors(n_before, fused):
    run = built(fused=fused)
    take_steps(*run, n_before)
    saved = from_bytes(to_bytes(snapshot(*run, n_before)))
    take_steps(*run, 5)

    other = built(seed=9, fused=fused)
    take_steps(*other, 3)  # a past of its own, which must leave no trace
    assert restore(saved, *other[:2], other[2]) == n_before
    take_steps(*other, 5)
    assert np.array_equal(parameters.flat(run[0]), parameters.flat(other[0]))
    assert torch.equal(run[2].get_state(), other[2].get_state())


def test_a_snapshot_is_a_copy_of_plain_arrays_under_torchs_names():
    run = built()
    take_steps(*run, 2)
    saved = snapshot(*run, 2)
    before = {name: value.copy() for name, value in saved.items()}
    take_steps(*run, 1)
    assert {"0.weight", "0.bias", "2.weight", "2.bias", "generator", "step"} < set(saved)
    assert all(np.array_equal(saved[name], before[name]) for name in saved)
    assert saved["generator"].dtype == np.uint8
    assert all(value.ndim > 0 and value.flags.c_contiguous for value in saved.values())


def test_a_snapshot_of_another_network_is_refused():
    saved = snapshot(*built(), 0)
    wide = built(sizes=(3, 9, 2))
    with pytest.raises(ValueError, match=r"'0.weight' has the shape \(8, 3\).*same config"):
        restore(saved, *wide)
    with pytest.raises(ValueError, match=r"hold no '4\.weight'"):
        restore(saved, *built(sizes=(3, 8, 2, 2)))
    with pytest.raises(ValueError, match=r"holds no adam\.exp_avg"):
        restore(parameters.arrays(wide[0]), *wide)


def test_flat_and_unflatten_are_inverse():
    module = built()[0]
    named = parameters.arrays(module)
    assert [value.shape for value in named.values()] == [p.shape for p in module.parameters()]
    assert np.array_equal(np.concatenate([value.ravel() for value in named.values()]), parameters.flat(module))
    with pytest.raises(ValueError, match="50 parameters"):
        parameters.unflatten(np.zeros(49), {name: value.shape for name, value in named.items()})


def test_weights_come_from_the_generator_alone_with_torchs_own_spread():
    state = torch.get_rng_state()
    module = nn.Sequential(layers.conv(4, 50), layers.linear(400, 100))
    initialise(module, seeded(3))
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(0)
    same = initialise(nn.Sequential(layers.conv(4, 50), layers.linear(400, 100)), seeded(3))
    other = initialise(nn.Sequential(layers.conv(4, 50), layers.linear(400, 100)), seeded(4))
    torch.set_rng_state(state)
    assert np.array_equal(parameters.flat(module), parameters.flat(same))
    assert not np.array_equal(parameters.flat(module), parameters.flat(other))
    for layer, fan_in in zip(module, (36, 400), strict=True):
        weight = layer.weight.detach() * fan_in**0.5
        assert weight.abs().max() <= 1
        assert abs(weight.square().mean() - 1 / 3) < 4 * (4 / 45 / weight.numel()) ** 0.5  # Var[u²] = 4/45


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


def test_an_mlp_needs_two_sizes():
    with pytest.raises(ValueError, match="inputs and of outputs"):
        mlp([3])
