"""Decoders against closed forms, χ² and exhaustive search."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import chisquare

from genmodels.ngram import NGramConfig, fit_ngram
from genmodels.sampling import (
    BeamConfig,
    SamplingConfig,
    draw,
    greedy,
    iterate_beam,
    iterate_text,
    log_softmax,
    nats_per_letter,
    nucleus,
    repetition,
    say,
    top_k,
    with_temperature,
)
from genmodels.states import last

P = np.array([0.4, 0.3, 0.2, 0.1])
LOGITS = np.log(P) + 7.0  # any constant
MODEL = fit_ngram(np.array([0, 1, 2, 0, 1, 1, 0, 2, 2, 1, 0]), NGramConfig(letters=3, alpha=0.3))


def rng(seed=0):
    return np.random.default_rng(seed)


CONTRACT = [
    ("text", 5, lambda: iterate_text(MODEL.log_next, [0], SamplingConfig(), 5, np.random.default_rng(1))),
    ("beam", 4, lambda: iterate_beam(MODEL.log_next, [0], BeamConfig(width=3, n_steps=4))),
]


# One letter


def test_temperature_is_the_power_of_the_probabilities():
    for t in (0.5, 1.0, 2.0, 7.0):
        expected = P ** (1 / t) / (P ** (1 / t)).sum()
        np.testing.assert_allclose(np.exp(with_temperature(LOGITS, t)), expected, rtol=1e-12)
    two = with_temperature(np.array([1.0, 0.0]), 0.25)
    assert np.exp(two[0]) == pytest.approx(1 / (1 + math.exp(-4)), rel=1e-12)


def test_temperature_at_its_limits():
    np.testing.assert_array_equal(np.exp(with_temperature(LOGITS, 0)), [1, 0, 0, 0])
    np.testing.assert_allclose(np.exp(with_temperature(LOGITS, 1e-3)), [1, 0, 0, 0], atol=1e-100)
    np.testing.assert_array_equal(np.exp(with_temperature(LOGITS, 1e-308)), [1, 0, 0, 0])
    np.testing.assert_allclose(np.exp(with_temperature(LOGITS, 1e9)), 0.25, atol=1e-8)
    np.testing.assert_allclose(np.exp(with_temperature(np.array([2.0, 2.0, 0.0]), 0)), [0.5, 0.5, 0])


def test_top_k_keeps_k_and_renormalises():
    np.testing.assert_allclose(np.exp(top_k(LOGITS, 2)), [4 / 7, 3 / 7, 0, 0], rtol=1e-12)
    np.testing.assert_allclose(np.exp(top_k(LOGITS, 9)), P, rtol=1e-12)
    np.testing.assert_array_equal(np.exp(top_k(np.zeros(3), 1)), [1, 0, 0])  # the first of equals
    np.testing.assert_allclose(np.exp(top_k(LOGITS[[3, 1, 0, 2]], 2)), [0, 3 / 7, 4 / 7, 0], rtol=1e-12)


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0, 1), (0.05, 1), (0.4, 1), (0.41, 2), (0.7, 2), (0.71, 3), (0.9, 3), (0.95, 4), (1, 4)]
)
def test_the_nucleus_is_the_smallest_set_that_reaches_p(top_p, kept):
    order = np.array([2, 0, 3, 1])
    expected = np.where(np.arange(4) < kept, P, 0) / P[:kept].sum()
    np.testing.assert_allclose(np.exp(nucleus(LOGITS, top_p)), expected, atol=1e-12)
    np.testing.assert_allclose(np.exp(nucleus(LOGITS[order], top_p)), expected[order], atol=1e-12)


def test_of_equals_a_nucleus_keeps_as_many_as_it_needs():
    assert (np.exp(nucleus(np.zeros(10), 0.3)) > 0).sum() == 3


def test_they_follow_each_other_each_on_what_is_left():
    config = SamplingConfig(temperature=2, top_k=3, top_p=0.5)
    p = np.sqrt(P[:3]) / np.sqrt(P[:3]).sum()  # 0.39, 0.34, 0.28
    np.testing.assert_allclose(config.probabilities(LOGITS), [*(p[:2] / p[:2].sum()), 0, 0], rtol=1e-12)
    np.testing.assert_allclose(SamplingConfig().probabilities(LOGITS), P, rtol=1e-12)


def test_rows_are_treated_alone():
    rows = np.stack([LOGITS, LOGITS[::-1]])
    for function in (lambda x: nucleus(x, 0.6), lambda x: top_k(x, 2), lambda x: with_temperature(x, 3)):
        np.testing.assert_array_equal(function(rows)[1], function(LOGITS[::-1]))


def test_minus_infinity_is_never_said():
    logits = np.array([-np.inf, 0.0, -np.inf, 0.0])
    for config in (SamplingConfig(), SamplingConfig(temperature=50), SamplingConfig(top_k=3)):
        np.testing.assert_array_equal(config.probabilities(logits), [0, 0.5, 0, 0.5])
    generator = rng()
    assert {draw(logits, generator) for _ in range(200)} == {1, 3}
    assert {draw(np.array([0.0, -np.inf]), generator) for _ in range(200)} == {0}


@pytest.mark.parametrize(
    "config", [SamplingConfig(), SamplingConfig(temperature=1.7), SamplingConfig(top_p=0.8), SamplingConfig(top_k=2)]
)
def test_frequencies_are_the_probabilities(config):
    choose = config.choose(rng(3))
    found = np.bincount([choose(LOGITS) for _ in range(4000)], minlength=4)
    p = config.probabilities(LOGITS)
    assert (found[p == 0] == 0).all()
    assert chisquare(found[p > 0], 4000 * p[p > 0]).pvalue > 1e-3


def test_greedy_is_temperature_zero_and_draws_nothing():
    generator = rng()
    before = generator.bit_generator.state
    assert SamplingConfig(temperature=0).choose(generator)(LOGITS) == greedy(LOGITS) == 0
    assert generator.bit_generator.state == before
    assert greedy(np.array([1.0, 3.0, 3.0])) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: SamplingConfig(temperature=-0.1),
        lambda: SamplingConfig(temperature=float("nan")),
        lambda: SamplingConfig(top_k=0),
        lambda: SamplingConfig(top_k=1.5),
        lambda: SamplingConfig(top_p=1.01),
        lambda: SamplingConfig(top_p=-0.01),
        lambda: BeamConfig(width=0),
        lambda: log_softmax(np.array([np.nan, 0])),
        lambda: log_softmax(np.array([np.inf, 0])),
        lambda: log_softmax(np.array([-np.inf, -np.inf])),
        lambda: log_softmax(np.empty(0)),
        lambda: list(say(MODEL.log_next, [], greedy, 3)),
        lambda: list(say(MODEL.log_next, [0.5], greedy, 3)),
        lambda: list(say(MODEL.log_next, [0], greedy, -1)),
        lambda: repetition([1, 2], 0),
    ],
)
def test_what_cannot_be_is_told(make):
    with pytest.raises(ValueError, match=r"; |needs"):
        make()


# A text


def test_a_text_is_said_as_its_states_tell():
    states = list(iterate_text(MODEL.log_next, [0, 1], SamplingConfig(temperature=0.7), 6, rng(5)))
    text = states[-1].tokens
    assert len(text) == 8
    for state in states:
        np.testing.assert_array_equal(state.tokens, text[: 2 + state.step])
        np.testing.assert_allclose(state.log_p, MODEL.log_next(state.tokens))
        np.testing.assert_allclose(
            state.drawn_from, SamplingConfig(temperature=0.7).probabilities(state.log_p), rtol=1e-12
        )
    np.testing.assert_allclose(states[-1].said_log_p, MODEL.log_probs(text)[1:])  # the model's, not the decoder's
    again = list(say(MODEL.log_next, [0, 1], SamplingConfig(temperature=0.7).choose(rng(5)), 6))
    assert again == text[2:].tolist()


def test_nothing_follows_the_end_sign():
    text = list(say(MODEL.log_next, [0], SamplingConfig().choose(rng(2)), 100, end=2))
    assert text.index(2) == len(text) - 1
    states = list(iterate_text(MODEL.log_next, [0], SamplingConfig(), 100, rng(2), end=2))
    assert states[-1].tokens[1:].tolist() == text
    assert len(list(iterate_text(MODEL.log_next, [2], SamplingConfig(), 3, rng(2), end=None))) == 4


# Beam search


def test_a_beam_that_is_wide_enough_finds_the_most_probable_text():
    n = 4
    texts = [np.array((0, *said)) for said in itertools.product(range(3), repeat=n)]
    log_p = np.array([MODEL.log_probs(text).sum() for text in texts])
    state = last(iterate_beam(MODEL.log_next, [0], BeamConfig(width=81, n_steps=n)))
    assert len(state.tokens) == 81
    np.testing.assert_allclose(state.log_p, np.sort(log_p)[::-1], atol=1e-12)
    np.testing.assert_array_equal(state.tokens[0], texts[log_p.argmax()])


def test_a_beam_of_one_is_greedy_and_a_wider_one_is_no_worse():
    one = last(iterate_beam(MODEL.log_next, [0], BeamConfig(width=1, n_steps=6)))
    assert one.tokens[0, 1:].tolist() == list(say(MODEL.log_next, [0], greedy, 6))
    assert last(iterate_beam(MODEL.log_next, [0], BeamConfig(width=9, n_steps=6))).log_p[0] >= one.log_p[0]


def test_beams_can_overtake_what_greedy_takes():
    table = np.log([[0.01, 0.55, 0.44], [0.34, 0.33, 0.33], [0.98, 0.01, 0.01]])

    def model(text):
        return table[text[-1]]

    greedy_one, wide = (last(iterate_beam(model, [0], BeamConfig(width=w, n_steps=2))) for w in (1, 2))
    assert greedy_one.tokens[0].tolist() == [0, 1, 0]
    assert wide.tokens[0].tolist() == [0, 2, 0]
    assert wide.log_p[0] == pytest.approx(math.log(0.44 * 0.98))


def test_complete_texts_stay_and_parents_lead_back():
    states = list(iterate_beam(MODEL.log_next, [0], BeamConfig(width=5, n_steps=5, end=2)))
    for before, after in itertools.pairwise(states):
        np.testing.assert_array_equal(after.tokens[:, :-1], before.tokens[after.parents])
        assert (np.diff(after.log_p) <= 0).all()
    for text, log_p in zip(states[-1].tokens, states[-1].log_p, strict=True):
        said = text[text >= 0]
        assert log_p == pytest.approx(MODEL.log_probs(said).sum(), abs=1e-12)
        assert (text[len(said) :] == -1).all()
        assert 2 not in said[1:-1]
    assert (states[-1].tokens == -1).any()


# Judging


def test_repetition_counts_pieces_seen_before():
    assert repetition([1, 1, 1, 1], 1) == 0.75
    assert repetition([1, 2, 3, 4, 5], 2) == 0
    assert repetition(list("abcabcabc"), 3) == pytest.approx(1 - 3 / 7)
    assert math.isnan(repetition([1, 2], 3))


def test_nats_are_the_mean_over_letters_not_over_rows():
    assert nats_per_letter(np.array([[-1.0, -2.0, -3.0], [-6.0, np.nan, np.nan]])) == 3.0
    assert nats_per_letter(np.array([-1.0, -np.inf])) == np.inf
