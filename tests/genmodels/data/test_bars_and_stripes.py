"""Bars and stripes, by looking at every square."""

import itertools

import numpy as np
import pytest

from genmodels.data.bars_and_stripes import bars_and_stripes


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_they_are_the_squares_whose_rows_or_columns_are_of_one_colour(side):
    squares = (np.array(pixels).reshape(side, side) for pixels in itertools.product([0, 1], repeat=side**2))
    expected = {
        tuple(square.ravel().tolist())
        for square in squares
        if (square == square[:, :1]).all() or (square == square[:1]).all()
    }
    found = bars_and_stripes(side).tolist()
    assert len(found) == len(expected)
    assert set(map(tuple, found)) == expected


def test_each_pixel_is_black_in_half_of_them():
    assert bars_and_stripes(3).mean(axis=0).tolist() == [0.5] * 9


def test_a_square_has_a_side():
    with pytest.raises(ValueError, match="side"):
        bars_and_stripes(0)
