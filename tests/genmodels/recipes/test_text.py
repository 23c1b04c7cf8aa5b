"""What is stored of letters, and small builds of the recipes."""

import numpy as np
import pytest
import torch

from genmodels.data.text import load_names, load_shakespeare
from genmodels.ngram import NGramConfig, fit_ngram
from genmodels.recipes import names, shakespeare
from genmodels.store import building, checkpoint
from genmodels.store.recipe import Job
from genmodels.transformer.config import shape_of
from genmodels.transformer.runtime import TransformerRuntime

torch.set_num_threads(1)
NAMES = load_names()
STORED = checkpoint.entries()
TINY = {"letters": 27, "context": 16, "layers": 1, "heads": 1, "width": 8, "batch": 16, "n_steps": 60}


JOB = Job("cpu", lambda done, total, text: None, lambda: None, lambda arrays: None)


def assert_found_again(recipe, arrays):
    findings = [building._compare("tiny", arrays, one) for one in recipe.recompute(arrays, "cpu")]
    assert findings
    assert not [line for line in findings if not line.ok]


# Names


@pytest.fixture(scope="module")
def stored():
    return checkpoint.load("names")


def test_a_small_build_of_names_is_found_again_and_judged_on_held_out_names():
    recipe = names.recipe_of(TINY)
    arrays = recipe.build(JOB).arrays
    assert_found_again(recipe, arrays)
    runtime = TransformerRuntime(arrays, shape_of(TINY))
    held_out = [runtime.log_probs(row[row >= 0]) for row in NAMES.test]
    expected = -np.concatenate(held_out).mean()
    assert recipe.evaluate(arrays, "cpu") == {"nats_per_letter": pytest.approx(expected)}
    assert arrays["training.test"][-1] == pytest.approx(expected, abs=1e-6)
    assert arrays["training.steps"].tolist() == [0, 50, 60]
    assert arrays["said.steps"].tolist() == [0, 50, 60]
    assert arrays["said.tokens"].shape == (3, 10, 12)


def test_the_stored_names_say_more_than_triples_and_less_than_long_ngrams(stored):
    nats = STORED["names"].metrics["nats_per_letter"]
    counted = {
        n: fit_ngram(NAMES.train, NGramConfig(order=n, smoothing="kneser-ney")).nats_per_letter(NAMES.test)
        for n in (3, 6)
    }
    assert counted[6] < nats < counted[3]


def test_the_stored_network_says_ten_names_of_a_names_length(stored):
    runtime = names.runtime_of(stored.arrays)
    np.testing.assert_array_equal(names.say_names(runtime), stored.arrays["said.tokens"][-1])
    said = [NAMES.alphabet.decode(row).strip(".") for row in stored.arrays["said.tokens"][-1]]
    assert len(set(said)) >= 8
    assert all(2 <= len(name) <= 12 for name in said)


def test_the_stored_windows_are_judged_one_by_one():
    found = checkpoint.load("names-windows")
    figures = [STORED["names-windows"].metrics[f"nats_per_letter_{m}"] for m in range(1, 7)]
    for m in (1, 6):
        runtime = names.window_runtime_of(found.arrays, m)
        assert runtime.window == m
        assert runtime.nats_per_letter(NAMES.test) == pytest.approx(figures[m - 1], abs=1e-4)
    assert figures[0] > figures[1] > figures[2] > figures[3]


# Shakespeare


SMALL = {"layers": 1, "heads": 1, "width": 16}
TEACHER = SMALL | {"dropout": 0.1, "learning_rate": 1e-3, "warm_up": 5, "n_steps": 200}
FINISH = {"n_steps": 40, "batch": 4, "learning_rate": 1e-2, "recent": 1000, "times": 2}


@pytest.mark.parametrize("finish", [None, FINISH], ids=["as chosen", "finished"])
def test_a_small_build_of_shakespeare_is_judged_as_it_is_stored(monkeypatch, finish):
    text = load_shakespeare()
    short = type(text)(text.alphabet, text.train[:6000], text.test[:700])
    monkeypatch.setattr(shakespeare, "load_shakespeare", lambda: short)
    config = shakespeare.CONFIG | SMALL | {"context": 32, "batch": 4, "n_steps": 200}
    config |= {"teacher": TEACHER, "finish": finish}
    recipe = shakespeare.recipe_of(config)
    arrays = recipe.build(JOB).arrays
    assert_found_again(recipe, arrays)
    assert all(arrays[name].dtype == np.int8 for name in arrays if name.endswith(".weight"))
    runtime = TransformerRuntime(arrays, shape_of(config))
    expected = runtime.nats_per_letter(short.test)
    assert recipe.evaluate(arrays, "cpu") == {"nats_per_letter": pytest.approx(expected, abs=1e-5)}
    assert arrays["training.steps"].tolist() == [0, 100, 200]
    assert arrays["training.chosen"] == arrays["training.steps"][arrays["training.valid"].argmin()]
    stays = runtime.nats_per_letter(short.valid) == pytest.approx(arrays["training.valid"].min(), abs=0.02)
    assert stays == (finish is None), "finishing goes on from the chosen weights, and reads the validation text"
