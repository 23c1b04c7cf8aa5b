"""The shell that draws of a Gaussian are in, beside scipy's χ."""

import numpy as np
import pytest
from scipy import stats

from genmodels import typical

DIMENSIONS = (1, 2, 3, 10, 100, 1000)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_the_distance_is_scipys_chi(d):
    r = np.linspace(0.01, np.sqrt(d) + 4, 50)
    assert np.allclose(typical.log_norm_density(r, d), stats.chi(d).logpdf(r))
    assert typical.mean_norm(d) == pytest.approx(stats.chi(d).mean())
    shares = np.array([0.05, 0.5, 0.95])
    assert np.allclose(typical.norm_quantile(shares, d), stats.chi(d).ppf(shares))


@pytest.mark.parametrize("d", [1, 2, 3, 10, 60])
@pytest.mark.parametrize("radius", [0.5, 1.0, 4.0, 9.0])
def test_the_share_within_is_scipys(d, radius):
    assert typical.log_share_within(radius, d) == pytest.approx(stats.chi(d).logcdf(radius), abs=1e-9)


def test_a_share_too_small_for_a_float_has_a_logarithm():
    few, more = typical.log_share_within(1.0, 1000), typical.log_share_within(1.0, 999)
    assert few < more < -2900
    assert typical.log_share_within(1.0, 1000) == pytest.approx(500 * np.log(0.5) - 0.5 - 2611.33 - 0.0, abs=0.05)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_density_and_entropy(d):
    x = np.random.default_rng(0).standard_normal((2_000, d))
    log_p = typical.log_prob_at(np.linalg.norm(x, axis=1), d)
    assert np.allclose(log_p, stats.norm.logpdf(x).sum(axis=1))
    assert typical.entropy(d) == pytest.approx(d * stats.norm.entropy())
    assert typical.log_prob_at(0, d) + typical.entropy(d) == pytest.approx(d / 2)
    assert log_p.max() < typical.log_prob_at(0, d)


def test_at_the_centre_there_is_no_space():
    assert typical.log_norm_density(0.0, 2) == -np.inf


@pytest.mark.parametrize("d", [0, -1, 1.5])
def test_dimensions_are_whole(d):
    with pytest.raises(ValueError, match="dimensions"):
        typical.entropy(d)
