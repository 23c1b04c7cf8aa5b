"""n-grams by hand, by a dictionary, and by what must hold of them."""

import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest

from genmodels.data.text import load_names, load_shakespeare
from genmodels.ngram import NGram, NGramConfig, best_ngram, fit_ngram, grid, iterate_ngram
from genmodels.states import last

TEN = np.array([0, 1, 0, 0, 1, 2, 0, 1, 0, 0])
ROWS = np.array([[0, 1, 2, 0, -1], [0, 1, 1, 2, 0], [0, 2, 0, -1, -1]])
NAMES = load_names()
CONTRACT = [
    ("ngram-names", 3, lambda: iterate_ngram(ROWS, NGramConfig(letters=3, order=3, alpha=0.1))),
    ("ngram-text", 10, lambda: iterate_ngram(TEN, NGramConfig(letters=3, smoothing="kneser-ney"))),
]


def every_context(model, length):
    return itertools.product(range(model.config.letters), repeat=length)


# By hand


def test_what_was_never_read_is_counted_by_the_piece():
    pair = NGram(TEN, NGramConfig(letters=3, order=2))
    assert pair.unseen(np.array([0, 1, 1, 2, 2])) == 2 / 4  # 11 and 22
    assert pair.unseen(ROWS) == 2 / 9  # 11 and 02, of 01 12 20, 01 11 12 20, 02 20
    assert np.isnan(pair.unseen(np.array([1])))
    assert NGram(TEN[:2], NGramConfig(letters=3, order=1)).unseen(np.array([2, 1, 0])) == 1 / 2


def test_ten_letters_by_hand():
    model = fit_ngram(TEN, NGramConfig(letters=3, order=2))
    np.testing.assert_array_equal(model.counts(), [[2, 3, 0], [2, 0, 1], [1, 0, 0]])
    np.testing.assert_allclose(model.table(), [[2 / 5, 3 / 5, 0], [2 / 3, 0, 1 / 3], [1, 0, 0]])
    np.testing.assert_allclose(
        fit_ngram(TEN, NGramConfig(letters=3, order=2, alpha=0.5)).table()[0], np.array([2.5, 3.5, 0.5]) / 6.5
    )
    single = fit_ngram(TEN, NGramConfig(letters=3, order=1))
    np.testing.assert_allclose(single.table(), np.array([[5, 3, 1]]) / 9)  # all but the first letter, which is given
    three = fit_ngram(TEN, NGramConfig(letters=3, order=3))
    assert np.exp(three.log_next([2, 0, 1])).tolist() == pytest.approx([2 / 3, 0, 1 / 3])
    assert three.n_entries == 6


def test_never_seen_is_minus_infinity_and_after_nothing_all_are_alike():
    model = fit_ngram(TEN, NGramConfig(letters=3, order=3))
    assert model.log_next([0, 1])[1] == -np.inf
    np.testing.assert_allclose(np.exp(model.log_next([2, 2])), 1 / 3)
    assert model.nats_per_letter(np.array([0, 1, 1])) == np.inf


def test_rows_never_run_into_each_other():
    model = fit_ngram(ROWS, NGramConfig(letters=3, order=2))
    np.testing.assert_array_equal(model.counts(), [[0, 2, 1], [0, 1, 2], [3, 0, 0]])
    assert np.exp(model.log_next([0])).tolist() == pytest.approx([0, 2 / 3, 1 / 3])


def test_the_first_letters_are_said_by_the_order_that_fits():
    model, pairs = (fit_ngram(ROWS, NGramConfig(letters=3, order=n, alpha=0.2)) for n in (4, 2))
    np.testing.assert_allclose(model.log_next([0]), pairs.log_next([0]))
    log_p = model.log_probs(ROWS)
    assert log_p[0, 0] == pytest.approx(pairs.log_next([0])[1])


# By a dictionary


def by_dictionary(rows, order, letters):
    """Interpolated Kneser-Ney as the textbook writes it, for one context."""
    texts = [tuple(row[row >= 0].tolist()) for row in np.atleast_2d(rows)]
    raw = {
        n: Counter(text[i : i + n] for text in texts for i in range(n == 1, len(text) - n + 1))
        for n in range(1, order + 1)
    }

    def continuation(n):
        found = Counter()
        for gram in raw[n + 1]:
            found[gram[1:]] += 1
        return found

    def level(table, n, context, letter, lower):
        counts = Counter(table.values())
        d = counts[1] / (counts[1] + 2 * counts[2])
        after = defaultdict(int)
        for gram, count in table.items():
            if gram[:-1] == context:
                after[gram[-1]] += count
        if not after:
            return lower
        total = sum(after.values())
        return max(after.get(letter, 0) - d, 0) / total + d * len(after) / total * lower

    def p(context, letter):
        result = 1 / letters
        for n in range(1, len(context) + 2):
            rest = context[len(context) - n + 1 :]
            table = raw[n] if n == len(context) + 1 else continuation(n)
            result = level(table, n, rest, letter, result)
        return result

    return p


@pytest.mark.parametrize("order", [1, 2, 3])
def test_kneser_ney_is_the_textbooks(order):
    rows = NAMES.train[:80]
    model = fit_ngram(rows, NGramConfig(order=order, smoothing="kneser-ney"))
    p = by_dictionary(rows, order, 27)
    for context in [(0,), (1,), (0, 1), (13, 1), (1, 14), (26, 26)]:
        used = context[max(len(context) - order + 1, 0) :]
        expected = [p(used, letter) for letter in range(27)]
        np.testing.assert_allclose(np.exp(model.log_next(context)), expected, rtol=1e-10)


# What must hold


@pytest.mark.parametrize(("smoothing", "alpha"), [("add", 0.0), ("add", 0.3), ("kneser-ney", 0.0)])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one_after_every_context(smoothing, alpha, order):
    model = fit_ngram(ROWS, NGramConfig(letters=3, order=order, smoothing=smoothing, alpha=alpha))
    for length in range(order):
        for context in every_context(model, length):
            p = np.exp(model.log_next(context))
            assert p.sum() == pytest.approx(1, abs=1e-12)
            assert (p >= 0).all()
            assert smoothing == "add" or (p > 0).all()
    np.testing.assert_allclose(model.table().sum(1), 1, atol=1e-12)


@pytest.mark.parametrize("smoothing", ["add", "kneser-ney"])
@pytest.mark.parametrize("order", [1, 2, 4, 6])
def test_the_conditionals_add_up_to_log_p_of_the_text(smoothing, order):
    model = fit_ngram(NAMES.train[:500], NGramConfig(order=order, smoothing=smoothing, alpha=0.1))
    found = model.log_probs(NAMES.test[:20])
    for row, log_p in zip(NAMES.test[:20], found, strict=True):
        text = row[row >= 0]
        one_by_one = [model.log_next(text[:t])[text[t]] for t in range(1, len(text))]
        np.testing.assert_allclose(log_p[: len(text) - 1], one_by_one, rtol=1e-12)
        assert np.isnan(log_p[len(text) - 1 :]).all()
        np.testing.assert_allclose(model.log_probs(text), one_by_one, rtol=1e-12)


def test_all_texts_of_a_length_have_probability_one_together():
    model = fit_ngram(TEN, NGramConfig(letters=3, order=3, smoothing="kneser-ney"))
    texts = np.array([(0, *said) for said in itertools.product(range(3), repeat=4)])
    assert np.exp(model.log_probs(texts).sum(1)).sum() == pytest.approx(1, abs=1e-12)


def test_the_table_fills_as_names_are_read():
    states = list(iterate_ngram(ROWS, NGramConfig(letters=3, alpha=1)))
    np.testing.assert_allclose(states[0].model.table(), 1 / 3)
    assert [state.model.counts().sum() for state in states] == [0, 3, 7, 9]
    np.testing.assert_array_equal(states[-1].model.table(), fit_ngram(ROWS, NGramConfig(letters=3, alpha=1)).table())
    assert [s.step for s in iterate_ngram(TEN, NGramConfig(letters=3, every=4))] == [0, 4, 8, 10]
    for smoothing in ("add", "kneser-ney"):
        empty = next(iterate_ngram(ROWS, NGramConfig(letters=3, order=4, smoothing=smoothing))).model
        np.testing.assert_allclose(np.exp(empty.log_next([0, 1, 2])), 1 / 3)


def test_a_state_is_not_changed_by_its_data():
    rows = ROWS.copy()
    state = last(iterate_ngram(rows, NGramConfig(letters=3)))
    rows[:] = 1
    np.testing.assert_array_equal(state.read, ROWS)


def test_the_best_is_chosen_by_the_validation_text():
    fit, valid = NAMES.train[:4000], NAMES.train[4000:]
    configs = grid(27)
    config, nats = best_ngram(fit, valid, configs)
    judged = [fit_ngram(fit, one).nats_per_letter(valid) for one in configs]
    assert nats == min(judged)
    assert config == configs[int(np.argmin(judged))]
    with pytest.raises(ValueError, match="alpha"):
        best_ngram(fit, valid, [NGramConfig(order=5)])


def test_shakespeares_letters_held_out():
    """Figures that were found once."""
    text = load_shakespeare()
    nats = [
        fit_ngram(text.train, NGramConfig(letters=65, order=n, smoothing="kneser-ney")).nats_per_letter(text.test)
        for n in (1, 2, 5)
    ]
    np.testing.assert_allclose(nats, [3.3473, 2.4844, 1.5789], atol=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: NGramConfig(order=0),
        lambda: NGramConfig(order=11),
        lambda: NGramConfig(alpha=-1),
        lambda: NGramConfig(smoothing="good-turing"),
        lambda: NGram(np.array([0.5]), NGramConfig()),
        lambda: NGram(np.array([0, 27]), NGramConfig()),
        lambda: fit_ngram(TEN, NGramConfig(order=6)).table(),
    ],
)
def test_what_cannot_be_is_told(make):
    with pytest.raises(ValueError, match=r"; give|; choose|; ask|Encode"):
        make()
