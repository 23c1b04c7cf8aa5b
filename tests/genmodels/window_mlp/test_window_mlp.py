"""The perceptron over a window against torch, and by what must hold of it."""

import itertools

import numpy as np
import pytest
import torch

from genmodels.data.text import load_names
from genmodels.ngram import NGramConfig, fit_ngram
from genmodels.window_mlp.runtime import WindowRuntime, examples
from genmodels.window_mlp.training import WindowConfig, fit_window_mlp, iterate_window_mlp

torch.set_num_threads(1)
TEXT = np.random.default_rng(0).integers(0, 5, 40)
ROWS = np.array([[0, 1, 2, 0, -1], [0, 3, 4, 4, 0], [0, 2, 0, -1, -1]])
SMALL = {"letters": 5, "window": 3, "features": 4, "hidden": 6, "batch": 16, "n_steps": 3}
CONTRACT = [("window-mlp", 3, lambda: iterate_window_mlp(ROWS, WindowConfig(**SMALL)))]
STATE = fit_window_mlp(TEXT, WindowConfig(**SMALL))
RUNTIME = WindowRuntime(STATE.arrays())


def test_windows_by_hand():
    windows, said = examples(ROWS[:1], 3, 5)
    np.testing.assert_array_equal(windows[0, :3], [[5, 5, 0], [5, 0, 1], [0, 1, 2]])
    np.testing.assert_array_equal(said[0], [1, 2, 0, -1])
    windows, said = examples(TEXT, 1, 5)
    np.testing.assert_array_equal(windows[:, 0], TEXT[:-1])
    np.testing.assert_array_equal(said, TEXT[1:])


def test_it_says_what_torch_says():
    windows, said = examples(TEXT, 3, 5)
    with torch.no_grad():
        expected = STATE.model()(torch.tensor(windows.copy())).log_softmax(-1).numpy()
    np.testing.assert_allclose(RUNTIME.log_probs(TEXT), expected[np.arange(len(said)), said], atol=1e-5)
    for t in (1, 2, 3, 20):
        np.testing.assert_allclose(RUNTIME.log_next(TEXT[:t]), expected[t - 1], atol=1e-5)


def test_the_formula_by_hand():
    a = STATE.arrays()
    x = a["embed.weight"][TEXT[10:13]].ravel()
    logits = a["net.2.bias"] + a["net.2.weight"] @ np.tanh(a["net.0.bias"] + a["net.0.weight"] @ x)
    expected = logits - np.log(np.exp(logits).sum())
    np.testing.assert_allclose(RUNTIME.log_next(TEXT[:13]), expected, atol=1e-5)
    assert RUNTIME.embedding.shape == (5, 4)
    assert RUNTIME.window == 3


def test_what_is_further_back_is_not_seen():
    other = TEXT.copy()
    other[:20] = (other[:20] + 1) % 5
    np.testing.assert_array_equal(RUNTIME.log_probs(TEXT)[22:], RUNTIME.log_probs(other)[22:])
    assert RUNTIME.log_probs(TEXT)[21] != RUNTIME.log_probs(other)[21]


def test_probabilities_sum_to_one_and_conditionals_to_the_text():
    texts = np.array([(0, *said) for said in itertools.product(range(5), repeat=3)])
    assert np.exp(RUNTIME.log_probs(texts).sum(1)).sum() == pytest.approx(1, abs=1e-5)
    found = RUNTIME.log_probs(ROWS)
    assert np.isnan(found).tolist() == (ROWS[:, 1:] < 0).tolist()
    for row, log_p in zip(ROWS, found, strict=True):
        text = row[row >= 0]
        one_by_one = [RUNTIME.log_next(text[:t])[text[t]] for t in range(1, len(text))]
        np.testing.assert_allclose(log_p[: len(one_by_one)], one_by_one, atol=1e-6)


def test_the_loss_is_of_letters_alone():
    state = next(iterate_window_mlp(ROWS, WindowConfig(**SMALL)))
    assert state.loss == pytest.approx(WindowRuntime(state.arrays()).nats_per_letter(ROWS), abs=1e-5)


def test_a_window_of_one_comes_near_the_counts_of_pairs():
    """With one letter to go by, nothing says more on the training names than their own shares."""
    rows = load_names().train[:1000]
    counted = fit_ngram(rows, NGramConfig(order=2)).nats_per_letter(rows)
    state = fit_window_mlp(rows, WindowConfig(window=1, n_steps=400, every=500))
    learned = WindowRuntime(state.arrays()).nats_per_letter(rows)
    assert counted < learned < counted + 0.05


@pytest.mark.parametrize(
    "make",
    [
        lambda: WindowConfig(window=0),
        lambda: next(iterate_window_mlp(np.array([1]), WindowConfig(**SMALL))),
        lambda: next(iterate_window_mlp(TEXT + 1, WindowConfig(**SMALL))),
        lambda: RUNTIME.log_next([5]),
        lambda: WindowRuntime({}),
        lambda: WindowRuntime(STATE.arrays() | {"embed.weight": np.zeros((9, 4))}),
    ],
)
def test_what_cannot_be_is_told(make):
    with pytest.raises(ValueError, match=r"; give|; they hold"):
        make()
