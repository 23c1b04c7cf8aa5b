"""Checks say what came, what was expected and what to do."""

import numpy as np
import pytest
import torch

from genmodels.checks import (
    as_tuples,
    check_activation,
    check_choice,
    check_data,
    check_hidden,
    check_images,
    check_labels,
    check_number,
    check_whole,
)

REFUSALS = [
    (lambda: check_whole("n", 1.0, at_least=0), r"n is 1\.0; give a whole number, 0 or more"),
    (lambda: check_whole("n", True, at_least=0), "n is True"),
    (lambda: check_whole("n", -1, at_least=0), "n is -1"),
    (lambda: check_number("x", np.nan, above=0), "x is nan; give a finite number above 0"),
    (lambda: check_number("x", -0.1, at_least=0), r"x is -0\.1; give a finite number, 0 or more"),
    (lambda: check_choice("loss", "l3", ("l1", "l2")), "loss is 'l3'; choose one of l1, l2"),
    (lambda: check_activation("gelu"), "activation is 'gelu'"),
    (lambda: check_hidden("12"), "hidden is '12'"),
    (lambda: check_hidden((4, 0)), "A width in hidden is 0"),
    (lambda: check_data([1.0, 2.0]), r"shape \(N, D\)"),
    (lambda: check_data([[1.0], [np.inf]]), "Row 1"),
    (lambda: as_tuples([[1.0, np.nan]], "init"), "init holds NaN"),
    (lambda: check_images(np.zeros((2, 3)), 4), "D = 4"),
    (lambda: check_images(np.full((2, 4), 2.0), 4), "divide 8-bit images"),
    (lambda: check_labels([0, 3], 2, 3), r"0…3"),
    (lambda: check_labels([0.5, 1.0], 2, 3), "whole numbers"),
]


@pytest.mark.parametrize(("check", "sentence"), REFUSALS)
def test_what_cannot_be_used_is_said_in_a_sentence(check, sentence):
    with pytest.raises(ValueError, match=sentence):
        check()


def test_what_can_be_used_comes_back():
    check_whole("n", np.int64(3), at_least=3)
    check_number("x", 0, at_least=0)
    assert check_hidden([3, np.int32(2)]) == (3, 2)
    assert as_tuples([[1, 2], [3, 4]], "init") == ((1.0, 2.0), (3.0, 4.0))
    assert check_data([[1, 2]]).dtype == np.float64
    assert check_images(torch.zeros(2, 4, dtype=torch.float64), 4).dtype == torch.float64
    assert check_labels([0, 2], 2, 3).dtype == torch.int64
