"""The autoregressive page's cues about letters: what a visitor may type and drag, and what must then hold."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.scene import Text
from dashboard.scenes.autoregressive import count, letters, memory, write
from genmodels.data.text import Alphabet, load_names, load_shakespeare
from tests.scenes.reading import layer, readouts


def texts(scene) -> list[str]:
    """What the scene's text is in each frame."""
    text = next(one for _, one in scene.layers() if isinstance(one, Text))
    return ["".join(text.alphabet[c] for c in frame if c >= 0) for frame in text.codes]


# Typing


def test_a_letter_by_itself_can_be_seen_and_typed():
    assert letters.shown(" a\n") == ("␣", "a", "↵")
    assert letters.read("a↵b", Alphabet("\nab"), "It").tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("text", "says"),
    [("é", "holds é"), ("漢字", "holds 字, 漢"), ("", "is empty"), ("a#b", "holds #"), ("ab\t", "holds \t")],
)
def test_what_the_model_has_never_seen_is_refused_in_a_sentence(text, says):
    with pytest.raises(ValueError, match=f"^The prompt {says}") as refused:
        write.scene(write.Config(prompt=text))
    assert len(str(refused.value).splitlines()) == 1
    if text:
        assert "A–Z" in str(refused.value)


@pytest.mark.parametrize("name", ["", "zoë", "ann marie", "a.b", "J3ssica"])
def test_a_name_has_letters_alone(name):
    with pytest.raises(ValueError, match=r"^The name "):
        count.scene(count.Config(name=name))


def test_a_name_may_be_written_with_a_capital():
    small, capital = (readouts(count.scene(count.Config(name=name))) for name in ("emma", " Emma "))
    np.testing.assert_array_equal(small["log p(your name)"], capital["log p(your name)"])


# Count


def test_an_unseen_pair_is_impossible_until_alpha_is_above_0():
    impossible = count.scene(count.Config(name="xqz"))
    assert readouts(impossible)["log p(your name)"][-1] == -np.inf
    bars = layer(impossible, "surprise of your name")
    assert bars.labels == ("∞",)
    assert (bars.height[-1] == count.TOP).sum() == (bars.marks[-1] == 0).sum() > 0
    possible = readouts(count.scene(count.Config(name="xqz", alpha=0.05)))
    assert np.isfinite(possible["log p(your name)"]).all()
    assert np.isfinite(possible["loss on held-out names"]).all()


def test_the_hand_goes_to_the_cell_that_it_is_on():
    config = count.after_drag(count.Config(), {"handles": {"cell": [21.2, 8.8]}, "moved": "cell"})
    assert (config.first, config.second) == (17, 21)  # q, u
    assert readouts(count.scene(config))["p in the cell"][-1] > 0.5  # Quentin, Jacqueline
    far = count.after_drag(count.Config(), {"handles": {"cell": [1e5, -1e5]}, "moved": "cell"})
    assert (far.first, far.second) == (26, 26)


def test_another_seed_writes_other_names():
    again, other = (texts(count.scene(count.Config(seed=seed)))[-1] for seed in (0, 1))
    assert again == texts(count.scene(count.Config()))[-1] != other


def test_a_name_is_shaded_if_it_is_on_the_list():
    scene = count.scene(count.Config(seed=5, alpha=0.0))
    text, shaded = texts(scene)[-1], layer(scene, "written").values[-1]
    known, at = letters.known_names(), 0
    for line in text.splitlines():
        assert (shaded[at : at + len(line)] == 1).all() == (line in known)
        at += len(line) + 1


@pytest.mark.parametrize("seed", range(4))
def test_the_question_has_one_name_that_is_none(seed):
    names, invented, because = count.quiz(seed)
    assert [name for name in names if name not in load_names().percent] == [invented]
    assert len(set(names)) == 3
    assert names == sorted(names)
    assert all(name in because for name in names)


# Memory


@pytest.mark.parametrize("text", ["names", pytest.param("shakespeare", marks=pytest.mark.slow)])
def test_what_was_read_costs_less_and_what_was_not_turns(text):
    found = memory.losses(text, 0.01)
    assert (np.diff(found.train) < 0).all()
    turn = found.held_out.argmin()
    assert 0 < turn < 5
    assert (np.diff(found.held_out[turn:]) > 0).all()
    assert (np.diff(found.unseen) > 0).all()
    assert found.back_off.min() < found.held_out.min()
    assert np.nanmin(found.network) < found.held_out.min()


def test_without_pseudo_counts_the_held_out_loss_is_infinite_and_said_to_be():
    scene = memory.scene(memory.Config(pseudo=0.0))
    assert np.isinf(readouts(scene)["loss, held out"][1:]).all()
    assert np.isnan(layer(scene, "add-α, held out").y[1:]).all()
    assert "infinite" in scene.captions[scene.caption[-1]]


# Write


def test_cuts_stop_at_their_ends():
    def dragged(k: float, p: float) -> write.Config:
        return write.after_drag(write.Config(), {"handles": {"k": [k, 0.3], "p": [3.0, p]}, "moved": "k"})

    assert (dragged(-4, -1).top_k, dragged(-4, -1).cut_p) == (1, 0.0)
    assert (dragged(99, 2).top_k, dragged(99, 2).cut_p) == (None, 1.0)
    assert (dragged(6.8, 0.456).top_k, dragged(6.8, 0.456).cut_p) == (7, 0.46)


@pytest.mark.parametrize("change", [{"temperature": 0.0}, {"cut_k": 1}, {"cut_p": 0.0}])
def test_one_letter_left_is_greedy_however_it_is_left(change):
    greedy = write.scene(write.Config(letters=40, **change))
    assert texts(greedy)[-1] == texts(write.scene(write.Config(letters=40, temperature=0.0, seed=9)))[-1]
    assert (readouts(greedy)["letters that may be drawn"] == 1).all()


def test_surprise_is_the_model_s_own_whatever_the_temperature():
    for temperature in (0.0, 2.0):
        scene = write.scene(write.Config(letters=40, temperature=temperature))
        tokens = load_shakespeare().alphabet.encode(texts(scene)[-1].replace("│", ""))
        log_p = write.runtime().log_probs(tokens)
        assert readouts(scene)["Σ log p"][-1] == pytest.approx(log_p[6:].sum(), abs=1e-3)  # ROMEO:↵ has 7 letters


@pytest.mark.slow
def test_cold_loops_and_hot_babbles():
    cold, hot = (readouts(write.scene(write.Config(letters=300, temperature=t))) for t in (0.0, 2.0))
    assert cold["repeated"][-1] > 40 > 5 > hot["repeated"][-1]
    assert hot["words unknown"][-1] > 40 > 5 > cold["words unknown"][-1]


def test_repetition_is_counted_by_the_letter():
    piece = np.array([1, 2, 3, 4, 5, 6])
    assert write.repeated(np.tile(piece, 2)).tolist() == pytest.approx(
        [np.nan] * 6 + [0.0] * 6 + [1 / 7], nan_ok=True
    )


def test_a_word_counts_once_it_is_complete():
    alphabet = load_shakespeare().alphabet

    def unknown(text: str, prompt: int) -> list[float]:
        return write.unknown(alphabet.encode(text), prompt).tolist()

    nan = np.nan
    assert unknown("the xqz, ", 4) == pytest.approx([nan, nan, nan, nan, 1.0, 1.0], nan_ok=True)
    assert unknown("xqz the the ", 3) == pytest.approx([nan] * 5 + [0.0] * 5, nan_ok=True)  # xqz is the prompt's
    assert unknown("xqz ", 1) == pytest.approx([nan, nan, nan, 1.0], nan_ok=True)  # begun by the prompt


def test_the_challenge_wants_twenty_letters():
    assert write.prompt_surprise(write.Config(prompt="x" * 19)) == np.inf
    assert write.prompt_surprise(write.Config(prompt="漢" * 30)) == np.inf
    known = write.prompt_surprise(write.Config(prompt="GLOUCESTER:↵↵KING EDWARD IV:↵What"))
    assert 0 < known < 0.5 < write.prompt_surprise(write.Config(prompt="First Citizen:↵Before we proceed"))
