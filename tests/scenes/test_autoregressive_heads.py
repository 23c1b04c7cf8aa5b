"""What the cues about attention and learning are to do, asked from outside."""

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest

from dashboard.scenes.autoregressive import attention, learn, live
from genmodels.data.text import load_names, word_spans
from genmodels.states import DivergedError
from genmodels.store import cache

SHAKESPEARE = attention.Config(network="shakespeare")


def layer(scene, name):
    return next(one for _, one in scene.layers() if one.name == name)


def value(scene, name, frame):
    found = next(r for r in scene.readouts if r.name == name).values
    return float(found[min(frame, len(found) - 1)])


# Attention


def test_one_head_of_the_copier_looks_where_the_same_letter_stood_before():
    found = attention.found()
    assert found.best("induction") == (1, 0)
    assert found.best("previous") == (0, 0)
    assert found.induction.max() > 0.9
    assert found.previous.max() > 0.85
    assert found.cost[1, 0] > 3
    assert found.again < 0.3


def test_it_starts_on_the_head_that_copies_and_the_cut_takes_what_it_would_say():
    scene = attention.scene(attention.Config())
    row = layer(scene, "attention").weight[0]
    assert attention.EXAMPLE[row.argmax() - 1] == attention.EXAMPLE[-1]
    assert value(scene, "change by the cut", 1) < -2
    assert scene.captions[scene.caption[0]].endswith("what followed the same letter before.")
    assert scene.captions[scene.caption[1]] == "The edge is cut: another letter is now the most probable."


def test_the_answer_is_the_letter_that_loses_most():
    scene = attention.scene(attention.Config())
    p, cut = layer(scene, "p"), layer(scene, "p, edge cut")
    lost = p.height[1] - cut.height[1]
    mark = np.maximum(p.marks[1], cut.marks)[lost.argmax()]
    assert p.labels[mark] == "e"
    assert f"p(e) falls from {p.height[1][lost.argmax()]:.2f}" in attention.because()


def test_a_later_letter_changes_nothing_of_what_was_read():
    short = attention.look(dataclasses.replace(SHAKESPEARE, text="Juliet, R"))
    long = attention.look(dataclasses.replace(SHAKESPEARE, text="Juliet, Romeo", query=8))
    np.testing.assert_allclose(long.weights[:9, :9], short.weights, atol=1e-5)
    np.testing.assert_allclose(long.log_p, short.log_p, atol=1e-4)
    np.testing.assert_allclose(long.without, short.without, atol=1e-4)


def test_rows_sum_to_one_before_the_cut_and_after():
    for config in (attention.Config(), SHAKESPEARE):
        weight = layer(attention.scene(config), "attention").weight
        np.testing.assert_allclose(weight.sum(axis=1), 1, atol=1e-5)
        key = attention.look(config).key
        assert weight[1, key] == 0
        kept = np.delete(weight, key, axis=1)
        np.testing.assert_allclose(kept[1] / kept[1].sum(), kept[0] / kept[0].sum(), atol=1e-3)


@pytest.mark.parametrize("query", range(3))
def test_the_hand_chooses_a_letter_and_an_edge(query):
    config = attention.Config(text="abc")
    chosen = attention.after_drag(config, {"handles": {"letter": [query + 0.3, 5.0]}, "moved": "letter"})
    assert (chosen.query, attention.look(chosen).query) == (query, query)
    for key in range(3):
        cut = attention.after_drag(config, {"handles": {"cut": [key + 1, 3 - query]}, "moved": "cut"})
        assert (cut.query, cut.key) == (query, min(key, query))  # nobody looks ahead


@pytest.mark.parametrize("text", ["", "café", "漢", "tab\t"])
def test_what_cannot_be_read_is_told_in_one_sentence(text):
    with pytest.raises(ValueError, match=r"type a letter|do not know"):
        attention.scene(attention.Config(text=text))


def test_a_letter_by_itself_has_no_edge_to_cut():
    scene = attention.scene(attention.Config(text="a"))
    assert np.isnan(value(scene, "change by the cut", 1))
    assert scene.captions[scene.caption[1]].startswith("The first letter")


def test_a_place_beyond_a_shorter_text_is_its_last_letter():
    far = attention.look(attention.Config(text="Juliet", query=39, key=39))
    assert far.query == 5
    assert far.key == attention.look(attention.Config(text="Juliet")).key


def test_a_picture_of_attention_needs_no_torch():
    code = (
        "import sys; from dashboard.scenes.autoregressive import attention as a, learn as l;"
        "a.scene(a.Config()); a.sentences(); l.scene(l.Config()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# Learning


def test_words_are_whole_and_have_two_letters():
    text = "I know't not, 'tis Rom"
    assert [text[start:end] for start, end in word_spans(text)] == ["know't", "not", "tis"]


def test_it_learns_words():
    share = layer(learn.scene(learn.Config()), "share").y
    assert share[0] < 10
    assert share[-1] > 80


# Live


def run(n, **more):
    return list(itertools.islice((s for s in live.scenes(live.Config(**more)) if s is not None), n))


@pytest.mark.slow
def test_it_learns_names_and_counts_those_that_it_copies():
    scenes = run(16, width=16)
    assert [int(scene.steps[0]) for scene in scenes[:3]] == [0, 10, 20]
    held_out = [value(scene, "held out", 0) for scene in scenes]
    assert held_out[0] > np.log(27)
    assert held_out[-1] < 2.35
    assert value(scenes[-1], "names copied from training", 0) > value(scenes[0], "names copied from training", 0)


def test_real_names_are_told_from_copied_ones():
    names, (seen, unseen) = load_names(), live.lists()
    assert not seen & unseen
    assert (len(seen), len(unseen)) == (len(names.train), len(names.test))
    assert live.drawn_name(names.train[0][1:]) in seen
    assert live.drawn_name(names.train[0][1:-1][names.train[0][1:-1] > 0]) not in seen  # the end sign counts


def test_what_diverges_says_so():
    with pytest.raises(DivergedError, match="smaller learning rate"):
        run(60, width=8, layers=1, log_rate=8.0)


def test_the_copier_is_stored_with_its_figures():
    metrics = cache.load("copier").entry.metrics
    assert metrics["induction_best"] == pytest.approx(attention.found().induction.max(), abs=1e-3)
