"""What a drag is told: the frame as it would be, and what is said of it."""

from dataclasses import replace

import numpy as np

from dashboard import runs
from tests.dashboard.runs.walks import frame


def told(*captions: str, value: float = 2.0):
    """What a scene with these captions is told as, asked of a run whose caption is *One.*"""
    shown = replace(frame(0, 1.0), captions=("One.",), caption=0)
    run = runs.record(shown, "a session", lambda values, step: replace(frame(0, value), captions=captions, caption=0))
    return run.answer({}, 0)


def test_a_caption_that_is_another_comes_along():
    arrays, said = told("Two.")
    assert said == {"step": 0, "captions": ("Two.",)}
    assert arrays["readout.0"] == 2


def test_what_stays_is_not_sent_again():
    arrays, said = told("One.")
    assert said == {"step": 0}
    assert "0.0.xy" not in arrays, "it stands still"
    assert np.allclose(arrays["0.1.xy"], 2)
