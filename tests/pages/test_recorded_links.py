"""Every recorded link still shows what it showed: its controls, its first frame, its readouts."""

import numpy as np
import pytest

from tests.pages import recorded_links
from tests.pages.recorded_links import look, machine

LINKS, SAMPLES = recorded_links.recorded()


def tolerance(entry: dict) -> float:
    """Rounding is that of the machine that recorded, or of another one."""
    return 1e-12 if entry["machine"] == machine() else 1e-4


def name_of(entry: dict) -> str:
    return " ".join(f"{key.rpartition('.')[2]}={value[:12]}" for key, value in entry["link"].items())


def alike(now: object, before: object) -> bool:
    """Equal, or the number that a text of numbers says."""
    try:
        return now == before or float(now) == float(before)
    except (TypeError, ValueError):
        return False


def links() -> list:
    """All of them; three in four are slow."""
    return [
        pytest.param(k, id=f"{k} {name_of(entry)}", marks=[pytest.mark.slow] * (k % 4 > 0))
        for k, entry in enumerate(LINKS)
    ]


@pytest.mark.parametrize("number", links())
def test_a_link_shows_what_it_showed(number):
    seen, samples, _ = look(LINKS[number]["link"])
    before = LINKS[number]
    assert seen["controls"].keys() == before["controls"].keys()
    for name, value in before["controls"].items():
        assert alike(seen["controls"][name], value), name
    assert seen == {key: before[key] for key in seen} | {"controls": seen["controls"]}
    assert samples.keys() == SAMPLES[number].keys()
    close = tolerance(before)
    for name, before in SAMPLES[number].items():
        np.testing.assert_allclose(samples[name], before, rtol=close, atol=close, err_msg=name)
