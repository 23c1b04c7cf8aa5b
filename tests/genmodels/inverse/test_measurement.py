"""What is measured: adjoints, matrices, means by hand."""

import numpy as np
import pytest

from genmodels.inverse.measurement import BlockMean, Blur, Grey, Identity, Line, Mask

EVERY = {
    "mask": Mask(0.1, np.arange(20) % 3 > 0),
    "blocks": BlockMean(0.1, 4, 6, 2),
    "blur": Blur(0.1, 5, 7, 1.3),
    "grey": Grey(0.1, 6, (0.2, 0.5, 0.3)),
    "two channels": Grey(0.1, 5, (0.5, 0.5)),
    "noise": Identity(0.1, 9),
    "line": Line.at_angle(0.1, 70.0),
    "plane": Line(0.1, (1.0, -2.0, 0.5)),
}
every = pytest.mark.parametrize("a", EVERY.values(), ids=EVERY)


@every
def test_the_adjoint_is_the_transpose(a):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, a.n_features)), rng.standard_normal((30, a.n_measured))
    assert (a.apply(x) * y).sum(axis=1) == pytest.approx((x * a.adjoint(y)).sum(axis=1), abs=1e-12)


@every
def test_the_matrix_does_the_same(a):
    x = np.random.default_rng(1).standard_normal((4, a.n_features))
    assert a.matrix.shape == (a.n_measured, a.n_features)
    assert a.apply(x) == pytest.approx(x @ a.matrix.T, abs=1e-12)
    again = a.matrix @ a.pseudoinverse @ a.matrix
    assert again == pytest.approx(a.matrix, abs=1e-8)


@every
def test_noise_has_its_width(a):
    x = np.ones((4000, a.n_features))
    noise = a.observe(x, np.random.default_rng(2)) - a.apply(x)
    assert noise.std() == pytest.approx(0.1, rel=0.05)
    assert noise.mean() == pytest.approx(0, abs=0.01)


def test_a_blur_keeps_what_is_even_and_spreads_what_is_not():
    blur = Blur(0.0, 9, 9, 1.0)
    assert blur.apply(np.full((1, 81), 0.7)) == pytest.approx(np.full((1, 81), 0.7))
    dot = np.zeros((1, 81))
    dot[0, 40] = 1
    spread = blur.apply(dot).reshape(9, 9)
    assert spread[4, 4] == spread.max()
    assert spread[4, 5] / spread[4, 4] == pytest.approx(np.exp(-0.5), rel=1e-3)
    assert spread == pytest.approx(spread.T, abs=1e-12)


def test_means_of_blocks_of_a_digit():
    x = np.arange(784.0).reshape(1, 784)
    y = BlockMean(0.0, 28, 28, 7).apply(x).reshape(4, 4)
    assert y[1, 2] == pytest.approx(x.reshape(28, 28)[7:14, 14:21].mean())


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Mask(-1.0, [True]), "sigma"),
        (lambda: Mask(0.0, [False, False]), "at least one true"),
        (lambda: Mask(0.0, [1, 0]), "booleans"),
        (lambda: BlockMean(0.0, 28, 28, 5), "divisor"),
        (lambda: Blur(0.0, 3, 3, 0.0), "spread"),
        (lambda: Grey(0.0, 0), "pixels"),
        (lambda: Grey(0.0, 3, (np.nan,)), "weights"),
        (lambda: Identity(0.0, 0), "features"),
        (lambda: Line(0.0, (0.0, 0.0)), "not all 0"),
        (lambda: Line(0.0, (0.0, 1.0)).apply(np.zeros((2, 3))), "columns"),
    ],
)
def test_what_cannot_be_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
