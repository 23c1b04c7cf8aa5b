"""Perplexity and the number of codes used, and that both depend on how many words one looks at."""

import numpy as np
import pytest
from scipy.stats import entropy

from genmodels.vq.measures import n_used, perplexity, shares


def test_perplexity_is_the_exponential_of_the_entropy():
    words = np.random.default_rng(0).choice(9, size=(40, 7, 7), p=np.arange(9) / 36)
    p = np.array([(words == k).mean() for k in range(9)])
    assert shares(words, 9) == pytest.approx(p)
    assert perplexity(words, 9) == pytest.approx(np.exp(entropy(p)))
    assert n_used(words, 9) == 8  # 0 has no chance


@pytest.mark.parametrize("n", [1, 3, 30, 1000])
def test_it_lies_between_one_and_the_codes_used(n):
    rng = np.random.default_rng(n)
    for _ in range(20):
        words = rng.choice(16, size=n, p=rng.dirichlet(np.full(16, 0.3)))
        assert perplexity(words, 16) + 1e-12 >= 1
        assert perplexity(words, 16) <= n_used(words, 16) + 1e-9 <= 16 + 1e-9


def test_one_code_alone_has_one_and_all_alike_have_k():
    assert perplexity(np.full(100, 3), 8) == 1
    assert perplexity(np.arange(24) % 8, 8) == pytest.approx(8)


def test_a_small_batch_has_a_lower_perplexity_and_uses_fewer_codes_than_a_large_one():
    """Of the very same words, cut into minibatches of some sizes."""
    words = np.random.default_rng(1).integers(64, size=4096)
    parts = [words.reshape(-1, size) for size in (16, 64, 256, 4096)]
    mean = np.array([np.mean([perplexity(part, 64) for part in some]) for some in parts])
    used = np.array([np.mean([n_used(part, 64) for part in some]) for some in parts])
    assert (np.diff(mean) > 0).all()
    assert (np.diff(used) >= 0).all()
    assert mean[0] < 16 < 60 < mean[-1]
    assert used[0] < 16 < used[-1] == 64


def test_the_geometric_mean_of_minibatches_is_at_most_the_whole_but_the_mean_need_not_be():
    rng = np.random.default_rng(2)
    for _ in range(30):
        parts = np.stack([rng.choice(32, size=50, p=rng.dirichlet(np.full(32, 0.2))) for _ in range(6)])
        each = [perplexity(part, 32) for part in parts]
        assert np.exp(np.mean(np.log(each))) <= perplexity(parts, 32) + 1e-9
    odd = np.stack([np.zeros(64, int), np.arange(64)])
    assert np.mean([perplexity(part, 64) for part in odd]) > perplexity(odd, 64)


@pytest.mark.parametrize(
    ("words", "message"),
    [([0, 8], "0…8; give 0…7"), ([-1, 2], "-1…2; give 0…7"), ([0.5], "whole numbers"), ([], "no words")],
)
def test_words_of_another_book_are_refused(words, message):
    with pytest.raises(ValueError, match=message):
        perplexity(words, 8)
