"""The prior over words: a proper distribution, that of the transformer it is made of."""

import itertools

import numpy as np
import pytest
import torch

from genmodels.nn.arrays import arrays as arrays_of
from genmodels.nn.layers import initialise, seeded
from genmodels.transformer.config import shape_of
from genmodels.transformer.model import Transformer
from genmodels.vq.prior import WordsPrior, as_rows, word_shares

torch.set_num_threads(1)
CONFIG = {"letters": 4, "context": 6, "layers": 2, "heads": 2, "width": 8}
MODEL = initialise(Transformer(shape_of(CONFIG)), seeded(1))
PRIOR = WordsPrior(arrays_of(MODEL), CONFIG, (2, 3), np.float64)
EVERY = np.array(list(itertools.product(range(3), repeat=6))).reshape(-1, 2, 3)


def test_it_sums_to_one_over_all_pictures():
    log_p = PRIOR.log_prob(EVERY)
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-9)
    assert log_p.std() > 0.01


def test_it_is_the_transformers_softmax_over_the_codes_given_the_words_before():
    words = EVERY[[5, 300, 728]]
    with torch.no_grad():
        logits = MODEL(torch.tensor(as_rows(words, 3)[:, :-1]))[..., :3]
    expected = logits.log_softmax(-1).numpy()
    rows = words.reshape(3, 6)
    found = PRIOR.log_prob_of_words(words).reshape(3, 6)
    for row, log_p, every in zip(rows, found, expected, strict=True):
        np.testing.assert_allclose(log_p, every[np.arange(6), row], atol=1e-5)
        for i in range(6):
            np.testing.assert_allclose(PRIOR.log_next(row[:i]), every[i], atol=1e-5)


def test_drawn_words_have_its_probabilities():
    drawn = PRIOR.draw(800, np.random.default_rng(0)).reshape(-1, 6)
    p = np.exp(PRIOR.log_prob(EVERY))
    for place in range(6):
        for word in range(3):
            expected = p[EVERY.reshape(-1, 6)[:, place] == word].sum()
            error = np.sqrt(expected * (1 - expected) / 800)
            assert (drawn[:, place] == word).mean() == pytest.approx(expected, abs=4 * error)


def test_words_that_are_given_are_gone_on_from():
    rng = np.random.default_rng(1)
    whole = list(PRIOR.write(rng))
    rest = list(PRIOR.write(np.random.default_rng(2), whole[:4]))
    assert (len(whole), len(rest)) == (6, 2)
    chance = np.random.default_rng(2).random(2)
    for i, u in enumerate(chance):
        before = [*whole[:4], *rest[:i]]
        assert rest[i] == np.searchsorted(np.exp(PRIOR.log_next(before)).cumsum(), u)
    assert list(PRIOR.write(rng, whole)) == []


def test_a_low_temperature_takes_the_most_probable_word():
    row = list(PRIOR.write(np.random.default_rng(3), temperature=1e-6))
    assert row == [int(PRIOR.log_next(row[:i]).argmax()) for i in range(6)]


def test_shares_of_each_place_sum_to_one_and_are_counted():
    words = EVERY[:100]
    p = word_shares(words, 3)
    np.testing.assert_allclose(p.sum(axis=-1), 1)
    for i, j, k in np.ndindex(2, 3, 3):
        assert p[i, j, k] == pytest.approx(((words[:, i, j] == k).sum() + 1 / 3) / 101)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shape \(N, h, w\)"):
        as_rows([1, 2], 3)
    with pytest.raises(ValueError, match=r"reads 6 letters; a grid \(3, 3\) needs 9"):
        WordsPrior(arrays_of(MODEL), CONFIG, (3, 3))
    with pytest.raises(ValueError, match="0…2"):
        PRIOR.log_prob(np.full((1, 2, 3), 3))
    with pytest.raises(ValueError, match="none comes after"):
        PRIOR.log_next([0] * 6)
    with pytest.raises(ValueError, match="temperature is 0"):
        next(PRIOR.write(np.random.default_rng(0), temperature=0))
    with pytest.raises(ValueError, match="words are left"):
        next(PRIOR.write(np.random.default_rng(0), [0] * 7))
