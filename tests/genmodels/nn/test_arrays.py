"""Parameters as arrays: copies, round trips, a run that goes on as if it had never stopped."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from genmodels.nn import arrays as parameters
from genmodels.nn.arrays import restore, snapshot
from genmodels.nn.layers import initialise, mlp, seeded

torch.set_num_threads(1)  # as in the app: two threads on two busy cores are far slower


def built(seed: int = 0, sizes: tuple[int, ...] = (3, 8, 2), **options):
    module = initialise(mlp(sizes), seeded(seed))
    return module, torch.optim.Adam(module.parameters(), lr=0.01, **options), seeded(seed + 1)


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
