"""Detectors: areas and curves as scikit-learn has them."""

import numpy as np
import pytest
from sklearn import metrics

from genmodels.detection import flagged, roc_auc, roc_curve


@pytest.mark.parametrize("ties", [False, True])
def test_the_area_is_scikit_learns(ties):
    rng = np.random.default_rng(1)
    familiar, strange = rng.normal(0.5, 1, 300), rng.normal(0, 2, 200)
    if ties:
        familiar, strange = familiar.round(), strange.round()
    truth = np.repeat([0, 1], [300, 200])
    wanted = metrics.roc_auc_score(truth, -np.concatenate([familiar, strange]))
    assert roc_auc(familiar, strange) == pytest.approx(wanted, abs=1e-12)
    assert roc_auc(familiar, strange) + roc_auc(strange, familiar) == pytest.approx(1)


def test_nothing_told_is_a_half_and_infinite_scores_count():
    assert roc_auc([1.0, 1.0], [1.0]) == 0.5
    assert roc_auc([0.0, -np.inf], [-np.inf, -np.inf]) == 0.75
    assert roc_auc([3.0, 2.0], [-np.inf]) == 1


def test_the_curve_runs_from_none_to_all_and_holds_the_area():
    rng = np.random.default_rng(2)
    familiar, strange = rng.normal(1, 1, 400), rng.normal(0, 1, 500)
    curve = roc_curve(familiar, strange, steps=400)
    assert curve[0, 0] == 0
    assert curve[-1].tolist() == [1, 1]
    assert (np.diff(curve, axis=0) >= 0).all()
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(roc_auc(familiar, strange), abs=2e-3)


def test_a_score_at_the_threshold_is_not_flagged():
    assert flagged([1.0, 2.0, 3.0, 4.0], [2.0, 0.0, 9.0]).tolist() == [0.25, 0, 1]


@pytest.mark.parametrize("scores", [[], [[1.0]], [np.nan]])
def test_what_are_no_scores_is_said(scores):
    with pytest.raises(ValueError, match="one score or more"):
        roc_auc(scores, [1.0])
