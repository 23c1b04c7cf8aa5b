"""Rows read and drawn at once are what the runtime without torch reads and says one after another."""

import numpy as np

from genmodels.nn.arrays import arrays as arrays_of
from genmodels.nn.layers import initialise, seeded
from genmodels.transformer.config import Shape
from genmodels.transformer.model import Transformer
from genmodels.transformer.rows import draw_rows, row_log_probs
from genmodels.transformer.runtime import TransformerRuntime, softmax

SHAPE = Shape(letters=5, context=8, layers=2, heads=2, width=8)
MODEL = initialise(Transformer(SHAPE), seeded(1))
RUNTIME = TransformerRuntime(arrays_of(MODEL), SHAPE, np.float64)
ROWS = np.array([[0, 3, 2, 0, -1, -1], [0, 1, 1, 4, 2, 0], [0, 4, 0, -1, -1, -1]])


def test_rows_are_judged_as_one_by_one():
    found, expected = row_log_probs(MODEL, ROWS), RUNTIME.log_probs(ROWS)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (np.isnan(found) == (ROWS[:, 1:] < 0)).all()


def test_rows_are_drawn_as_one_by_one():
    chance = np.random.default_rng(0).random((40, 7))
    for row, numbers in zip(draw_rows(MODEL, 0, chance), chance, strict=True):
        left = iter(numbers)
        said = list(RUNTIME.say([0], lambda l: int(np.searchsorted(softmax(l).cumsum(), next(left))), 7, end=0))  # noqa: B023, E741
        assert row[row >= 0].tolist() == said
        assert (row[len(said) :] == -1).all()


def test_the_end_sign_is_the_last_that_a_row_says():
    rows = draw_rows(MODEL, 0, np.random.default_rng(1).random((200, 8)))
    ends = (rows == 0).sum(axis=1)
    assert ends.max() == 1
    assert ((rows[:, -1] > 0) == (ends == 0)).all()
