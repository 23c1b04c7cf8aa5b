"""The stored words of digits, what they are worth, and that a build may be interrupted."""

import numpy as np
import pytest
import torch

from genmodels.data.digits import load_mnist
from genmodels.recipes import vq as recipes
from genmodels.store import building, checkpoint
from genmodels.vq.measures import perplexity, shares
from genmodels.vq.prior import WordsPrior, word_shares
from genmodels.vq.runtime import ForwardVQ
from tests.genmodels.recipes.interrupted import build

torch.set_num_threads(1)
RECIPES = {recipe.name: recipe for recipe in recipes.RECIPES}
DIGITS = load_mnist()
X = DIGITS.test.images / 255
STORED = {name: checkpoint.load(name, config=recipe.config) for name, recipe in RECIPES.items()}
METRICS = {name: one.entry.metrics for name, one in STORED.items()}
BOOK, ROUNDED = (ForwardVQ.of(STORED[name]) for name in ("codes-digits", "codes-equal-bits"))
WORDS = BOOK.words(X)
TINY = {**recipes.LEARNED, "channels": 3, "code_size": 2, "n_codes": 9, "n_steps": 120, "batch": 20}


@pytest.mark.parametrize("name", RECIPES)
def test_the_checkpoint_is_fresh_and_has_the_metrics_of_its_recipe(name):
    assert building.status(RECIPES[name]) == "fresh"
    assert METRICS[name].keys() == RECIPES[name].tolerance.keys()


def test_together_they_are_small():
    assert sum(one.entry.size for one in STORED.values()) < 1.5e6


# A book, and rounding


@pytest.mark.parametrize(("forward", "name"), [(BOOK, "codes-digits"), (ROUNDED, "codes-equal-bits")])
def test_the_error_is_summed_over_a_pictures_pixels(forward, name):
    copies = forward.decode(forward.book.quantise(forward.encode(X)))
    errors = np.square(X - copies).sum(axis=(1, 2))
    assert METRICS[name]["error"] == pytest.approx(errors.mean(), abs=1e-3)
    assert METRICS[name]["rmse"] == pytest.approx(np.sqrt(errors.mean() / 784), abs=1e-5)
    assert METRICS[name]["perplexity"] == pytest.approx(perplexity(forward.words(X), 64), abs=0.05)


def test_both_have_equally_many_bits_and_the_learned_book_errs_less():
    assert BOOK.bits == ROUNDED.bits == 49 * 6
    assert METRICS["codes-digits"]["error"] < METRICS["codes-equal-bits"]["error"]
    mean = np.square(X - DIGITS.train.images.mean(axis=0) / 255).sum(axis=(1, 2)).mean()
    assert METRICS["codes-equal-bits"]["error"] < 0.2 * mean


def test_no_code_of_the_learned_book_is_dead():
    assert METRICS["codes-digits"]["used"] == 64
    assert STORED["codes-digits"].arrays["shares"].min() > 0


def test_a_small_batch_has_a_lower_perplexity_than_a_large_one():
    """Of the stored words themselves: one picture, ten, all of them."""
    found = [np.mean([perplexity(part, 64) for part in np.array_split(WORDS, 500 // n)]) for n in (1, 10, 500)]
    assert found[0] < found[1] < found[2]
    assert found[0] < 0.6 * found[2]


# The prior


def test_the_prior_knows_more_than_each_place_by_itself_and_that_more_than_nothing():
    found = METRICS["codes-prior"]
    assert found["nats"] < found["alone_nats"] - 20
    assert found["alone_nats"] < 49 * np.log(64)


def test_its_nats_are_those_of_the_test_images_words():
    prior = WordsPrior.of(STORED["codes-prior"])
    nats = -prior.log_prob(WORDS[:60])
    error = nats.std() / np.sqrt(60)
    assert nats.mean() == pytest.approx(METRICS["codes-prior"]["nats"], abs=4 * error)
    p = word_shares(BOOK.words(DIGITS.train.images / 255), 64)
    i, j = np.indices((7, 7))
    expected = -np.log(p)[i, j, WORDS].sum(axis=(1, 2)).mean()
    assert METRICS["codes-prior"]["alone_nats"] == pytest.approx(expected, abs=0.02)


def test_what_it_writes_is_taken_for_digits_more_often_than_words_drawn_alone():
    found = METRICS["codes-prior"]
    assert found["sure_alone"] < found["sure_drawn"] <= found["sure_words"] + 0.05
    assert found["sure_drawn"] > 2 * found["sure_alone"]


def test_what_it_writes_is_no_copy():
    found, train = METRICS["codes-prior"], BOOK.words(DIGITS.train.images / 255).reshape(4000, 49)
    drawn = STORED["codes-prior"].arrays["drawn"].reshape(-1, 49)
    common = np.array([(one == train).sum(axis=1).max() for one in drawn])
    assert found["shared_drawn"] == pytest.approx(common.mean())
    assert common.max() < 49
    assert found["shared_drawn"] < found["shared_test"] + 3


# Building


def found_again(recipe, arrays):
    findings = [building._compare("tiny", arrays, one) for one in recipe.recompute(arrays, "cpu")]
    return bool(findings) and all(line.ok for line in findings)


@pytest.mark.parametrize("more", [{}, {"book": "grid", "restart": False}, {"ema": True}], ids=["book", "grid", "ema"])
def test_a_small_build_is_found_again_killed_or_not(more):
    recipe = recipes.recipe_of("codes-digits", {**TINY, **more})
    whole, _ = build(recipe)
    pieces, killed = build(recipe, stop_after=1)
    assert killed >= 1
    assert whole.arrays.keys() == pieces.arrays.keys()
    assert all(np.array_equal(pieces.arrays[name], value) for name, value in whole.arrays.items())
    assert whole.arrays["training.steps"].tolist() == [0, 100, 120]
    assert found_again(recipe, whole.arrays)
    forward = ForwardVQ(whole.arrays, 28, recipe.config.get("book", "learned"))
    of_train = shares(forward.words(DIGITS.train.images / 255), 9)
    np.testing.assert_allclose(whole.arrays["shares"], of_train, atol=1e-6)


@pytest.mark.slow
def test_a_small_prior_is_found_again_killed_or_not(monkeypatch):
    monkeypatch.setattr(recipes, "DRAWN", 4)
    small = {"layers": 1, "heads": 1, "width": 8, "batch": 16, "n_steps": 120, "warm_up": 5}
    config = {**recipes.PRIOR, "shift": 0, "transformer": {**recipes.PRIOR["transformer"], **small}}
    recipe = recipes.prior_recipe_of(config)
    whole, _ = build(recipe)
    pieces, killed = build(recipe, stop_after=1)
    assert killed >= 1
    assert all(np.array_equal(pieces.arrays[name], value) for name, value in whole.arrays.items())
    assert found_again(recipe, whole.arrays)
    prior = WordsPrior(whole.arrays, config["transformer"], (7, 7))
    nats = -prior.log_prob(BOOK.words(DIGITS.valid.images / 255)).mean()
    assert whole.arrays["training.valid"].min() == pytest.approx(nats, abs=0.3)


def test_moved_pictures_are_read_pixel_by_pixel():
    words = recipes.read_words(BOOK, DIGITS.test, 1).reshape(9, 500, 7, 7)
    np.testing.assert_array_equal(words[4], WORDS)
    down = np.zeros_like(X)
    down[:, 1:] = X[:, :-1]
    assert (words[1] == BOOK.words(down)).mean() > 0.9999
