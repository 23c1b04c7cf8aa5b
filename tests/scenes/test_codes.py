"""What the scenes on codes are to do."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.codes import live, pretend, snap, toy, words, write
from dashboard.scenes.codes.setup import digits, judge, network
from genmodels.kmeans import KMeansConfig, fit_kmeans
from genmodels.store import cache
from tests.scenes.reading import dragged, expect_one_shape, layer, numbers, readouts

# --- snap and pretend ---------------------------------------------------------------------------------------


def test_the_output_stands_still_within_a_cell_and_jumps_at_its_border():
    config = snap.Config()
    seen = []
    for z_1 in np.linspace(-2, 2, 81):
        scene = snap.scene(replace(config, z_1=float(z_1)))
        seen.append((numbers(scene)["code k"], *layer(scene, "output x̂").xy[0]))
    rows = np.array(seen)
    same = rows[1:, 0] == rows[:-1, 0]
    moved = np.linalg.norm(np.diff(rows[:, 1:], axis=0), axis=1)
    assert (moved[same] == 0).all()
    assert (moved[~same] > 0.1).all()
    assert 2 <= (~same).sum() < 8


def test_the_datum_moves_the_loss_and_not_the_word():
    config = snap.Config()
    moved = snap.after_drag(config, dragged(snap.scene(config), "x", (-1.0, 0.5)))
    assert (moved.x_1, moved.x_2) == (-1.0, 0.5)
    before, after = (numbers(snap.scene(c)) for c in (config, moved))
    assert before["code k"] == after["code k"]
    assert before["loss ‖x − x̂‖²"] != after["loss ‖x − x̂‖²"]


@pytest.mark.parametrize("far", [(1e6, -1e6), (-3.1, 2.9)])
def test_hands_stay_on_the_board(far):
    moved = snap.after_drag(snap.Config(), dragged(snap.scene(snap.Config()), "z_e", far))
    assert max(abs(moved.z_1), abs(moved.z_2)) == 2.5
    snap.scene(moved)


def test_the_book_is_that_of_k_means_and_its_cells_fill_the_square():
    for source in toy.SOURCES:
        made = toy.Toy(source, 7, seed=3).made()
        expected = fit_kmeans(made.points, KMeansConfig(7, seed=3)).centroids
        assert np.array_equal(made.book.codes, expected)
        x, y = made.cells.transpose(2, 0, 1)
        areas = (x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1) / 2
        assert areas.sum() == pytest.approx(25)
        assert (areas > 0).all()


@pytest.mark.parametrize("source", toy.SOURCES)
def test_every_code_of_every_book_lies_in_the_square(source):
    for seed in range(5):
        codes = toy.Toy(source, toy.MOST, seed=seed).made().book.codes
        assert np.abs(codes).max() < toy.PLANE[1]


def test_on_a_border_there_is_no_true_gradient():
    made, config = snap.Config().made(), snap.Config()
    a, b = made.book.codes[:2]
    apart = np.linalg.norm(made.book.codes - (a + b) / 2, axis=1)
    corner = made.cells[int(apart.argmin())][0] * (1 - 1e-9)
    assert np.isnan(snap.true_gradient(made, corner, config.x)).all() or np.abs(corner).max() > 2.4
    on = _border(made)
    assert np.isnan(snap.true_gradient(made, on, config.x)).all()
    scene = snap.scene(replace(config, z_1=float(on[0]), z_2=float(on[1])))
    assert np.isnan(numbers(scene)["true gradient"])
    assert scene.captions[scene.caption[0]].startswith("On a border")


def _border(made):
    """A place halfway between two neighbouring codes."""
    for i, a in enumerate(made.book.codes):
        for b in made.book.codes[i + 1 :]:
            middle = (a + b) / 2
            apart = np.sort(np.linalg.norm(made.book.codes - middle, axis=1))
            if apart[2] > apart[1] + 0.01 and apart[1] - apart[0] < 1e-12:
                return middle
    raise AssertionError


def test_without_commitment_the_push_in_a_cell_is_constant_and_with_it_z_comes_to_rest():
    config = pretend.Config()
    free = pretend.walk(config)
    steps = np.diff(free.z, axis=0)
    same = free.words[1:-1] == free.words[:-2]
    np.testing.assert_allclose(steps[1:][same], steps[:-1][same], atol=1e-12)
    bound = pretend.walk(replace(config, beta=10.0))
    apart = [np.linalg.norm(w.z[-1] - config.made().book.codes[w.words[-1]]) for w in (free, bound)]
    assert apart[0] > 2 > 1 > apart[1]
    assert bound.length[-1] < 1e-3


def test_only_without_commitment_nothing_calls_back():
    """z_e begins at the edge, and x is far beyond it."""
    for beta in (0.0, 0.5):
        config = pretend.Config(z_1=2.4, z_2=2.4, x_1=2.9, x_2=2.9, beta=beta)
        scene = pretend.scene(config)
        assert np.abs(layer(scene, "z_e").xy).max() > toy.PLANE[1]
        told = {scene.captions[k] for k in scene.caption}
        assert any("nothing calls z_e back" in one for one in told) == (beta == 0)


def test_at_rest_both_gradients_add_up_to_nothing():
    config = pretend.Config(beta=10.0)
    went, made = pretend.walk(config), config.made()
    code = made.book.codes[went.words[-1]]
    push = toy.gradient(code, config.x)
    np.testing.assert_allclose(went.z[-1], code - push / 20, atol=2e-3)


# --- words --------------------------------------------------------------------------------------------------


def swap(config, place, code):
    """Drag to the place, then to the code."""
    at = (place % 7, 6 - place // 7)
    config = words.after_drag(config, dragged(words.scene(config), "place", at))
    return words.after_drag(config, dragged(words.scene(config), "code", (code % 8, 7 - code // 8)))


def test_dragging_a_code_swaps_one_word_and_dragging_back_takes_it_back():
    config = words.Config(7)
    own = words.read(7).words
    swapped = swap(config, 16, 60)
    assert swapped.swapped() == {16: 60}
    both = swap(swapped, 48, int(own[48] + 1) % 64)
    assert set(both.swapped()) == {16, 48}
    assert numbers(words.scene(both))["words swapped"] == 2
    back = swap(both, 16, int(own[16]))
    assert set(back.swapped()) == {48}
    moved = words.after_drag(swapped, dragged(words.scene(swapped), "place", (0.2, 5.9)))
    assert (moved.place, moved.swaps) == (0, swapped.swaps)


def test_a_word_is_heard_two_and_a_half_words_away_and_no_farther():
    reached = np.zeros((28, 28), dtype=bool)
    for base in range(20):
        others = np.repeat(words.read(base).words[None], 64, axis=0)
        others[:, 24] = np.arange(64)
        reached |= np.ptp(network().decode_words(others.reshape(-1, 7, 7)), axis=0) > 1e-5
    rows, columns = np.nonzero(reached)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 25, 2, 25)
    scene = words.scene(swap(words.Config(7), 24, 0))
    changed = np.abs(layer(scene, "more or less ink").values[::-1]) > 1e-5
    assert changed.any()
    assert not (changed & ~reached).any()


@pytest.mark.parametrize("bad", ["a", "3", "3:64", "49:1", "-1:2", "1:2:3", "1:2,"])
def test_swaps_of_a_link_that_cannot_be_say_so(bad):
    with pytest.raises(ValueError, match="swaps"):
        words.scene(words.Config(swaps=bad))


def test_errors_are_those_of_the_store_over_all_test_digits():
    found = [numbers(words.scene(words.Config(d))) for d in range(0, 500, 25)]
    for name, stored in (("its words", words.WORDS), ("rounded", words.ROUNDED)):
        whole = np.square(digits() - network(stored)(digits())).sum(axis=(1, 2))
        np.testing.assert_allclose([one[f"error, {name}"] for one in found], whole[::25], rtol=1e-4)
        assert whole.mean() == pytest.approx(cache.load(stored).entry.metrics["error"], abs=1e-3)


def test_a_drag_changes_no_text_of_the_numbers_that_stay():
    """An answer to the hand brings arrays and no texts."""
    config = words.Config(7)
    before = words.scene(config)
    after = words.scene(swap(config, 24, 3))
    texts = [layer(scene, "numbers of codes").texts for scene in (before, after)]
    shown = ~np.isnan(layer(after, "numbers of codes").at).any(axis=1)
    assert [t for t, there in zip(texts[0], shown, strict=True) if there] == [
        t for t, there in zip(texts[1], shown, strict=True) if there
    ]
    assert shown.sum() == 48


def solved(digit: int, most: int) -> words.Config | None:
    """By taking, again and again, the swap that helps another class most."""
    own = words.read(digit)
    found, swaps = own.words.copy(), {}
    for _ in range(most):
        tries = np.repeat(found[None], 49 * 64, axis=0)
        k = np.arange(len(tries))
        tries[k, k // 64] = k % 64
        p = judge(network().decode_words(tries.reshape(-1, 7, 7)))
        best = int((np.delete(p, own.taken_for, axis=1).max(axis=1) - p[:, own.taken_for]).argmax())
        found = tries[best]
        swaps[best // 64] = best % 64
        config = words.Config(digit, swaps=",".join(f"{place}:{code}" for place, code in swaps.items()))
        if words.needed(config) < words.GOAL:
            return config
    return None


@pytest.mark.slow
@pytest.mark.parametrize("digit", [4, 2, 5])
def test_the_challenge_can_be_solved_but_not_at_the_start(digit):
    assert words.needed(words.Config(digit)) == 49
    found = solved(digit, words.GOAL - 1)
    assert found is not None
    assert words.needed(found) < words.GOAL
    scene = numbers(words.scene(found))
    assert scene["taken for a"] != words.read(digit).taken_for
    assert scene["words swapped"] == words.needed(found)


# --- a prior writes -----------------------------------------------------------------------------------------


def test_given_words_stay_and_cost_nothing():
    config = write.Config(rows=3, digit=4, seed=1)
    text, own = write.written(config), words.read(4).words
    assert np.array_equal(text.words[:21], own[:21])
    scene = write.scene(config)
    assert scene.steps.tolist() == list(range(21, 50))
    assert readouts(scene)["−log p so far"][0] == 0
    assert np.isnan(layer(scene, "drawn").at[:, :21]).all()


def test_the_first_stored_pictures_are_written_again_by_their_seed():
    """In float64, as the store's; here the words of one stream of draws, at temperature 1."""
    from genmodels.vq.prior import WordsPrior

    stored = cache.load(write.PRIOR)
    exact = WordsPrior(stored.arrays, stored.entry.config["transformer"], (7, 7), np.float64)
    assert np.array_equal(exact.draw(1, np.random.default_rng(49))[0], cache.arrays(write.PRIOR)["drawn"][0])


def test_low_temperatures_pay_less():
    cost = [
        np.mean([readouts(write.scene(write.Config(t, seed=s)))["−log p so far"][-1] for s in range(4)])
        for t in (0.3, 1.0, 1.8)
    ]
    assert cost[0] < cost[1] < cost[2]


def test_what_is_not_written_is_grey():
    config = write.Config()
    text = write.written(config)
    pictures = write.so_far(text.words, np.array([0, 10, 49]))
    assert (pictures[0] == write.NOT_YET).all()
    cells = pictures[1].reshape(7, 4, 7, 4).transpose(0, 2, 1, 3).reshape(49, 16)
    assert (cells[10:] == write.NOT_YET).all()
    assert not (cells[:10] == write.NOT_YET).all(axis=1).any()


# --- live ---------------------------------------------------------------------------------------------------


def some(config, count):
    run = live.scenes(config)
    return [next(run) for _ in range(count)]


@pytest.mark.parametrize("source", ["ffjord8", "digits8"])
def test_all_frames_of_a_training_have_one_shape(source):
    expect_one_shape(some(live.Config(source), 4))


def test_restart_leaves_no_code_dead_for_long():
    """After 400 steps with and without, from the same seed."""
    free, restarted = (some(live.Config(restart=restart), 41)[-1] for restart in (False, True))
    assert numbers(free)["dead codes"] >= 5
    assert numbers(restarted)["dead codes"] == 0
    assert numbers(restarted)["codes used by all data"] > numbers(free)["codes used by all data"]


def test_a_smaller_minibatch_seems_to_use_less_of_the_same_book():
    """At the first frame no step has been taken, so that the book is the same."""
    seen = {}
    for batch in live.BATCHES:
        first = numbers(some(live.Config("digits8", batch=batch), 1)[0])
        seen[batch] = first["of the minibatch"], first["by the minibatch"], first["perplexity of all data"]
    assert len({whole for *_, whole in seen.values()}) == 1
    used = [seen[batch][1] for batch in live.BATCHES]
    assert used == sorted(used)
    assert used[0] < used[-1]


def test_dead_codes_are_drawn_apart_from_the_others():
    scene = some(live.Config(), 31)[-1]
    alive, dead = (~np.isnan(layer(scene, name).xy[0]).any(axis=1) for name in ("codes", "dead codes"))
    assert (alive ^ dead).all()
    assert dead.sum() == numbers(scene)["dead codes"]
