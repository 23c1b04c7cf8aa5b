"""The boundaries' network is trained live by a function of its own, which the link of its cue does not open."""

import pytest

from dashboard.scenes.boundaries import descend
from dashboard.scenes.boundaries.setup import Config
from tests.oracles import boundaries
from tests.oracles.test_oracles import look

OWN = [boundaries.IN_UNITS, boundaries.PAINTED]
DRAWN = [Config(source="moons"), Config(source="circles", classes=3, adam=-1.0, mislabelled=10, seed=2)]


@pytest.mark.parametrize("config", [*DRAWN, *(pytest.param(one, marks=pytest.mark.slow) for one in OWN)])
def test_what_a_network_in_training_shows_is_true(config):
    wrong = look("boundaries", "descend", descend.scenes, boundaries.replace(config, descend="network"))
    assert not wrong, "\n".join(wrong)
