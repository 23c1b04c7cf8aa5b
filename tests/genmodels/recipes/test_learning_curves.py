"""The recipe of the learning curves."""

import numpy as np
import pytest

from genmodels.classifiers.learning_curves import CONFIGS, LearningCurveState, as_arrays
from genmodels.recipes import learning_curves
from genmodels.store import checkpoint

(RECIPE,) = learning_curves.RECIPES


def test_it_is_judged_by_the_mean_error_at_the_largest_size():
    rng = np.random.default_rng(0)
    arrays, expected = {}, {}
    for task, config in CONFIGS.items():
        errors = rng.random((2, config.repetitions, len(config.sizes)))
        arrays |= as_arrays(LearningCurveState(config.repetitions, config, errors))
        for model, mean in zip(("naive_bayes", "logistic"), errors[..., -1].mean(axis=1), strict=True):
            expected[f"error_{task}_{model}"] = mean
    assert RECIPE.evaluate(arrays, "cpu") == pytest.approx(expected, abs=1e-6)


@pytest.mark.skipif(RECIPE.name not in checkpoint.entries(), reason="test_train.py says that it is missing")
def test_what_is_stored_has_the_figures_told():
    stored = checkpoint.load(RECIPE.name)
    assert RECIPE.evaluate(stored.arrays, "cpu") == pytest.approx(stored.entry.metrics, abs=1e-6)
