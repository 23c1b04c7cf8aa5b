"""The runtime without torch against the torch module, and the module against what a transformer has to be."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from genmodels.nn.arrays import arrays as arrays_of
from genmodels.nn.arrays import load
from genmodels.nn.layers import initialise, seeded
from genmodels.sampling import greedy
from genmodels.transformer.config import Shape, starts, windows
from genmodels.transformer.model import Transformer, log_probs, norm, rotate
from genmodels.transformer.runtime import Cut, TransformerRuntime, packed, unpacked

torch.set_num_threads(1)
SHAPE = Shape(letters=11, context=16, layers=3, heads=2, width=12)
MODEL = initialise(Transformer(SHAPE), seeded(3))
with torch.no_grad():
    for weights in MODEL.parameters():
        weights.mul_(2.5)  # far from uniform attention
ARRAYS = arrays_of(MODEL)
RUNTIME, EXACT = TransformerRuntime(ARRAYS, SHAPE), TransformerRuntime(ARRAYS, SHAPE, np.float64)
TEXT = np.random.default_rng(0).integers(0, 11, 75)
READ = TEXT[:14]


def by_torch(tokens):
    with torch.no_grad():
        return MODEL(torch.tensor(tokens)[None])[0].numpy()


def with_mask(tokens, cut):
    """The network once more, attention written out, an edge or a head left out; float64."""
    model = load(Transformer(SHAPE), ARRAYS).double()
    ids, t, size = torch.tensor(tokens), len(tokens), SHAPE.width // SHAPE.heads
    h = SHAPE.width**0.5 * model.embed.weight[ids]
    turn = model.cos[:t].double(), model.sin[:t].double()
    turn = tuple(torch.tensor(table[:t]) for table in (EXACT._cos, EXACT._sin)) if t else turn
    for i, block in enumerate(model.blocks):
        q, k, v = block.query_key_value(norm(h)).view(t, 3, SHAPE.heads, size).permute(1, 2, 0, 3)
        q, k = rotate(q, *turn), rotate(k, *turn)
        scores = (q @ k.transpose(1, 2) / size**0.5).masked_fill(torch.ones(t, t).triu(1).bool(), -torch.inf)
        if i == cut.layer and cut.key is not None:
            scores[cut.head, cut.query, cut.key] = -torch.inf
        mixed = scores.softmax(-1) @ v
        if i == cut.layer and cut.key is None:
            mixed[cut.head] = 0
        h = h + block.out(mixed.transpose(0, 1).reshape(t, -1))
        h = h + block.down(F.gelu(block.up(norm(h)), approximate="tanh"))
    return model.embed(norm(h)).detach().numpy()


# The module


def test_no_letter_knows_of_a_later_one():
    embedded = torch.nn.Parameter(torch.zeros(1, 10, SHAPE.width))
    original = F.embedding
    try:
        F.embedding = lambda tokens, weight: original(tokens, weight) + embedded
        logits = MODEL(torch.tensor(TEXT[:10])[None])
        for i in range(10):
            (slope,) = torch.autograd.grad(logits[0, i].square().sum(), embedded, retain_graph=True)
            touched = slope[0].abs().sum(-1) > 0
            assert touched[: i + 1].all()
            assert not touched[i + 1 :].any()
    finally:
        F.embedding = original


def test_only_the_distance_counts_to_a_head():
    """q_i · k_j after rotation is the same for (i, j) and (i + s, j + s), and not for another distance."""
    q, k = np.random.default_rng(1).normal(size=(2, 6))
    cos, sin = EXACT._cos, EXACT._sin

    def dot(i, j):
        turned = [
            rotate(torch.tensor(x)[None], torch.tensor(cos[t : t + 1]), torch.tensor(sin[t : t + 1]))
            for x, t in ((q, i), (k, j))
        ]
        return float((turned[0] * turned[1]).sum())

    assert dot(5, 3) == pytest.approx(dot(12, 10), abs=1e-12)
    assert abs(dot(5, 3) - dot(5, 2)) > 1e-3
    assert dot(4, 4) == pytest.approx(q @ k, abs=1e-12)


def test_the_number_of_weights_is_the_formulas():
    assert sum(p.numel() for p in MODEL.parameters()) == SHAPE.n_parameters == 11 * 12 + 12 * 3 * 144


# The runtime


def test_it_says_what_torch_says():
    reading = RUNTIME.read(READ)
    np.testing.assert_allclose(reading.logits, by_torch(READ), atol=1e-5)
    np.testing.assert_allclose(EXACT.read(READ).logits, with_mask(READ, Cut(99, 0)), atol=1e-10)
    assert reading.log_p.shape == (14, 11)
    np.testing.assert_allclose(np.exp(reading.log_p).sum(1), 1, atol=1e-5)


def test_attention_is_a_distribution_over_what_came_before():
    attention = EXACT.read(READ).attention
    assert attention.shape == (3, 2, 14, 14)
    np.testing.assert_allclose(attention.sum(-1), 1, atol=1e-12)
    assert (attention[..., np.triu(np.ones((14, 14)), 1) > 0] == 0).all()
    assert (attention[..., np.tril(np.ones((14, 14))) > 0] > 0).all()


@pytest.mark.parametrize(("runtime", "tolerance"), [(RUNTIME, 1e-5), (EXACT, 1e-10)])
def test_with_memory_and_without_are_the_same(runtime, tolerance):
    memory, whole = runtime.memory(), runtime.read(READ).logits
    for token, expected in zip(READ, whole, strict=True):
        np.testing.assert_allclose(runtime.hear(memory, int(token)), expected, atol=tolerance)


@pytest.mark.parametrize(("runtime", "tolerance"), [(RUNTIME, 1e-5), (EXACT, 1e-10)])
def test_the_conditionals_add_up_to_log_p_of_the_text(runtime, tolerance):
    """A text that is longer than the context: at once, letter by letter, with a memory, and by torch."""
    found = runtime.log_probs(TEXT)
    one_by_one = [runtime.log_next(TEXT[:t])[TEXT[t]] for t in range(1, len(TEXT))]
    np.testing.assert_allclose(found, one_by_one, atol=tolerance)
    assert found.sum() == pytest.approx(sum(one_by_one), abs=100 * tolerance)
    following = runtime.follow()
    remembered = [following(TEXT[:t])[TEXT[t]] for t in range(1, len(TEXT))]
    np.testing.assert_allclose(remembered, one_by_one, atol=tolerance)
    np.testing.assert_allclose(found, log_probs(MODEL, TEXT, SHAPE.context), atol=2e-5)
    assert runtime.nats_per_letter(TEXT) == pytest.approx(-found.mean())


def test_following_another_text_begins_anew():
    following = EXACT.follow()
    for text in (TEXT[:5], TEXT[:9], TEXT[:9], TEXT[2:8], TEXT[2:5], TEXT[:40]):
        np.testing.assert_allclose(following(text), EXACT.log_next(text), atol=1e-10)


def test_rows_are_texts_of_their_own():
    rows = np.full((2, 9), -1)
    rows[0], rows[1, :4] = TEXT[:9], TEXT[20:24]
    found = EXACT.log_probs(rows)
    np.testing.assert_allclose(found[0], EXACT.log_probs(TEXT[:9]))
    np.testing.assert_allclose(found[1, :3], EXACT.log_probs(TEXT[20:24]))
    assert np.isnan(found[1, 3:]).all()


def test_it_says_on_what_log_next_holds_most_probable():
    said = list(EXACT.say(READ[:3], greedy, 30))
    text = READ[:3].tolist()
    for token in said:
        assert token == int(EXACT.log_next(np.array(text)).argmax())
        text.append(token)
    assert list(EXACT.say(READ[:3], greedy, 30, end=said[4]))[-1] == said[4]
    assert list(EXACT.say(READ[:3], greedy, 0)) == []


def test_each_letter_is_said_once_with_between_half_and_all_of_the_context():
    for n, context in itertools.product((1, 2, 3, 16, 17, 24, 25, 75), (2, 4, 16)):
        parts = windows(n, context)
        said = [t for start, stop, first in parts for t in range(first, stop + 1)]
        assert said == list(range(1, n))
        begins = starts(n, context)
        for start, stop, first in parts:
            assert stop - start <= context
            assert (begins[first - 1 : stop] == start).all()
        t = np.arange(1, n)
        assert ((t - begins > context // 2) | (begins == 0)).all()


# Cut


@pytest.mark.parametrize(
    "cut",
    [Cut(0, 0, 1, 0), Cut(0, 1, 13, 13), Cut(1, 0, 7, 2), Cut(2, 1, 13, 0), Cut(2, 0, 5, 5), Cut(0, 1), Cut(2, 0)],
)
def test_what_if_is_the_whole_network_computed_with_a_mask(cut):
    reading = EXACT.read(READ)
    found = EXACT.without(reading, cut)
    np.testing.assert_allclose(found, with_mask(READ, cut), atol=1e-10)
    assert np.abs(found - reading.logits)[cut.query or 0 :].max() > 1e-4, "it matters"
    np.testing.assert_array_equal(found[: cut.query or 0], reading.logits[: cut.query or 0])


def test_the_first_letters_of_a_reading_are_a_reading_of_the_first_letters():
    short, long = EXACT.read(READ[:6]), EXACT.read(READ).upto(6)
    for name, value in vars(short).items():
        np.testing.assert_allclose(getattr(long, name), value, atol=1e-12, err_msg=name)


def test_attention_is_the_softmax_of_the_scores():
    reading = EXACT.read(READ)
    for layer in range(SHAPE.layers):
        scores = EXACT.scores(reading, layer)
        assert (np.isneginf(scores) == np.triu(np.ones((14, 14), dtype=bool), 1)).all()
        expected = torch.tensor(scores).softmax(-1).numpy()
        np.testing.assert_allclose(reading.attention[layer], expected, atol=1e-12)


@pytest.mark.parametrize(("layer", "head"), list(itertools.product(range(3), range(2))))
def test_each_edge_of_the_last_letter_cut_at_once_is_each_cut_by_itself(layer, head):
    reading = EXACT.read(READ)
    one_by_one = [EXACT.without(reading, Cut(layer, head, 13, key))[-1] for key in range(14)]
    np.testing.assert_allclose(EXACT.without_each(reading, layer, head), one_by_one, atol=1e-12)
    assert np.ptp(one_by_one, axis=0).max() > 1e-3


def test_a_letter_by_itself_has_no_edge_to_cut():
    assert np.isnan(RUNTIME.without_each(RUNTIME.read(READ[:1]), 0, 0)).all()


@pytest.mark.parametrize(
    "cut", [Cut(3, 0), Cut(0, 2), Cut(-1, 0), Cut(0, 0, 3, 4), Cut(0, 0, 14, 1), Cut(0, 0, 0, 0), Cut(0, 0, 3)]
)
def test_what_cannot_be_cut_is_told(cut):
    with pytest.raises(ValueError, match=r"; give|; a query|; cut"):
        EXACT.without(EXACT.read(READ), cut)


@pytest.mark.parametrize("tokens", [[], np.arange(17) % 11, [11], [-1], [0.5], [[1, 2]]])
def test_what_cannot_be_read_is_told(tokens):
    with pytest.raises(ValueError, match=r"give|Give"):
        RUNTIME.read(np.array(tokens))


def test_weights_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match=r"embed\.weight should have the shape"):
        TransformerRuntime(ARRAYS, Shape(letters=12, context=16, layers=3, heads=2, width=12))
    with pytest.raises(ValueError, match="is nothing"):
        TransformerRuntime({}, SHAPE)


# Stored


def test_packed_weights_are_within_half_a_level():
    small = packed(ARRAYS)
    back = unpacked(small)
    for name, value in ARRAYS.items():
        level = np.abs(value).max(1, keepdims=True) / 127
        assert (np.abs(back[name] - value) <= level / 2 + 1e-7).all()
        assert small[name].dtype == np.int8
    np.testing.assert_array_equal(
        TransformerRuntime(small, SHAPE).read(READ).logits, TransformerRuntime(back, SHAPE).read(READ).logits
    )


def test_no_torch_is_imported_for_a_picture():
    rooms = ("transformer.heads", "window_mlp.runtime", "ngram", "sampling", "data.text")
    imports = "; ".join(f"import genmodels.{room}" for room in rooms)
    code = f"{imports}; import sys; print(*(name in sys.modules for name in ('torch', 'scipy', 'sklearn')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] * 3
