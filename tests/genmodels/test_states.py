"""The last of the states, and the one loop that trains."""

from dataclasses import dataclass

import pytest

from genmodels.states import DivergedError, iterate, last


@dataclass
class Counter:
    """The smallest training there is."""

    step: int = 0

    def update(self) -> None:
        if self.step == 7:
            raise DivergedError(8)
        self.step += 1

    def state(self) -> int:
        return self.step


@pytest.mark.parametrize(
    ("n_steps", "every", "steps"), [(0, 1, [0]), (3, 1, [0, 1, 2, 3]), (5, 2, [0, 2, 4, 5]), (4, 9, [0, 4])]
)
def test_the_first_state_and_the_last_are_always_there(n_steps, every, steps):
    assert list(iterate(Counter(), n_steps, every)) == steps


def test_a_resumed_training_starts_where_it_is():
    assert list(iterate(Counter(2), 4)) == [2, 3, 4]


def test_states_before_a_divergence_have_been_yielded():
    seen = []
    with pytest.raises(DivergedError, match=r"diverged at step 8: .*; try a smaller learning rate") as why:
        seen.extend(iterate(Counter(), 100))
    assert seen == list(range(8))
    assert why.value.step == 8


def test_the_last_of_none_is_refused():
    states = iterate(Counter(), 3)
    assert last(states) == 3
    with pytest.raises(ValueError, match="no state"):
        last(states)
