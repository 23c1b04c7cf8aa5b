"""The search over heads, on attention and on a network made by hand."""

import numpy as np
import pytest

from genmodels.transformer.config import Shape
from genmodels.transformer.heads import followed_the_same, induction, previous_letter, search, twice
from genmodels.transformer.runtime import Cut, TransformerRuntime, log_softmax

SHAPE = Shape(letters=9, context=12, layers=2, heads=2, width=8)
rng = np.random.default_rng(0)
ARRAYS = {
    "embed.weight": rng.normal(size=(9, 8)).astype("f4"),
    **{
        f"blocks.{i}.{name}.weight": rng.normal(size=size).astype("f4") / 2
        for i in range(2)
        for name, size in {"query_key_value": (24, 8), "out": (8, 8), "up": (32, 8), "down": (8, 32)}.items()
    },
}
RUNTIME = TransformerRuntime(ARRAYS, SHAPE, np.float64)


def test_a_head_that_looks_one_back_has_the_previous_letter():
    one_back = np.eye(6, k=-1)
    one_back[0, 0] = 1
    assert previous_letter(one_back) == 1
    assert previous_letter(np.eye(6)) == 0
    assert previous_letter(np.eye(6, k=1)) == 0
    alike = np.tril(np.ones((6, 6))) / np.arange(1, 7)[:, None]
    assert previous_letter(alike) == pytest.approx(np.mean([1 / n for n in range(2, 7)]))
    np.testing.assert_array_equal(previous_letter(np.stack([one_back, np.eye(6)])), [1, 0])


def test_induction_looks_at_what_followed():
    tokens = np.array([4, 7, 2, 4, 7, 2])
    expected = np.zeros((6, 6), dtype=bool)
    expected[[3, 4, 5], [1, 2, 3]] = True
    np.testing.assert_array_equal(followed_the_same(tokens), expected)
    assert induction(expected.astype(float), tokens) == 1
    assert induction(np.eye(6, k=-3), tokens) == 0, "the same letter itself, and not what followed"
    assert np.isnan(induction(np.eye(3), np.array([1, 2, 3])))


def test_a_letter_that_follows_itself_looks_at_itself():
    np.testing.assert_array_equal(followed_the_same(np.array([5, 5])), [[False, False], [False, True]])


def test_a_text_twice():
    tokens = twice(9, 6, np.random.default_rng(1))
    np.testing.assert_array_equal(tokens[:6], tokens[6:])
    assert len(set(tokens.tolist())) == 6
    assert (followed_the_same(tokens).sum(1) == np.r_[np.zeros(6), np.ones(6)]).all()
    with pytest.raises(ValueError, match="only 3"):
        twice(3, 4, np.random.default_rng(1))


def test_the_search_is_the_mean_over_its_texts():
    found = search(RUNTIME, np.random.default_rng(7), n=5)
    generator = np.random.default_rng(7)
    texts = [twice(9, int(generator.integers(3, 7)), generator) for _ in range(5)]
    assert len({len(text) for text in texts}) > 1
    readings = [RUNTIME.read(text) for text in texts]
    pairs = list(zip(readings, [len(text) // 2 for text in texts], strict=True))
    looked = [r.attention[..., range(k, 2 * k), range(1, k + 1)].mean(-1) for r, k in pairs]
    np.testing.assert_allclose(found.induction, np.mean(looked, 0), rtol=1e-12)
    before = [r.attention[..., range(1, 2 * k), range(2 * k - 1)].mean(-1) for r, k in pairs]
    np.testing.assert_allclose(found.previous, np.mean(before, 0), rtol=1e-12)

    def nats(logits, tokens, part):
        log_p = log_softmax(logits)
        return -np.mean([log_p[t - 1, tokens[t]] for t in part])

    again = [nats(r.logits, r.tokens, range(k + 1, 2 * k)) for r, k in pairs]
    assert found.again == pytest.approx(np.mean(again))
    assert found.first == pytest.approx(np.mean([nats(r.logits, r.tokens, range(1, k)) for r, k in pairs]))
    without = [nats(RUNTIME.without(r, Cut(1, 0)), r.tokens, range(k + 1, 2 * k)) for r, k in pairs]
    assert found.cost[1, 0] == pytest.approx(np.mean(without) - np.mean(again))
    assert found.chance == pytest.approx(
        np.mean([np.mean([1 / n for n in range(k + 1, 2 * k + 1)]) for _, k in pairs])
    )
    layer, head = found.best("induction")
    assert found.induction[layer, head] == found.induction.max()
