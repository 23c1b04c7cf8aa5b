"""Training: its loss by another road, resumption, what it learns."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from genmodels.data.text import load_names
from genmodels.states import last
from genmodels.transformer.model import drop
from genmodels.transformer.runtime import TransformerRuntime
from genmodels.transformer.training import TransformerConfig, fit_transformer, iterate_transformer

torch.set_num_threads(1)
TEXT = np.random.default_rng(0).integers(0, 5, 60)
ROWS = np.array([[0, 1, 2, 0, -1, -1], [0, 3, 3, 1, 4, 0], [0, 2, 0, -1, -1, -1]])
SMALL = {"letters": 5, "context": 6, "layers": 1, "heads": 1, "width": 8, "batch": 4, "n_steps": 4}
DROPPING = SMALL | {"dropout": 0.3}
CONTRACT = [
    ("transformer-text", 4, lambda: iterate_transformer(TEXT, TransformerConfig(**DROPPING))),
    ("transformer-rows", 4, lambda: iterate_transformer(ROWS, TransformerConfig(**SMALL))),
]


def test_the_loss_is_of_the_letters_of_rows_and_of_nothing_else():
    state = next(iterate_transformer(ROWS, TransformerConfig(**SMALL)))
    runtime = TransformerRuntime(state.arrays(), state.config)
    assert state.loss == pytest.approx(runtime.nats_per_letter(ROWS), abs=1e-5)


def test_the_loss_is_of_pieces_of_a_text():
    config = TransformerConfig(**SMALL | {"batch": 100})
    state = next(iterate_transformer(TEXT, config))
    runtime = TransformerRuntime(state.arrays(), state.config)
    pieces = np.lib.stride_tricks.sliding_window_view(TEXT, 7)
    assert state.loss == pytest.approx(runtime.nats_per_letter(pieces), abs=1e-5)


def test_dropout_leaves_out_its_share_and_keeps_the_mean():
    kept = drop(torch.ones(200_000), 0.3, torch.Generator().manual_seed(0))
    assert float((kept == 0).float().mean()) == pytest.approx(0.3, abs=0.005)
    assert float(kept.mean()) == pytest.approx(1, abs=0.01)
    assert drop(kept, 0.3, None) is kept


def test_the_rate_rises_then_falls():
    config = TransformerConfig(n_steps=100, warm_up=9, learning_rate=1.0)
    rates = [config.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert int(np.argmax(rates)) == 9
    assert rates[50] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0, abs=1e-12)


def test_a_run_that_is_resumed_goes_on_as_if_it_had_not_stopped():
    states = list(iterate_transformer(TEXT, TransformerConfig(**DROPPING)))
    again = list(iterate_transformer(TEXT, TransformerConfig(**DROPPING), states[2].snapshot()))
    assert [s.step for s in again] == [2, 3, 4]
    np.testing.assert_array_equal(again[-1].parameters, states[-1].parameters)
    assert again[-1].loss == states[-1].loss


def test_it_learns_what_can_be_known():
    """The letter two back comes again: a unigram costs ln 2, the rule nothing."""
    generator = np.random.default_rng(1)
    pairs = generator.integers(0, 2, (64, 2))
    rows = np.tile(pairs, 4)
    config = TransformerConfig(letters=2, context=8, layers=1, heads=1, width=8, batch=64, n_steps=150, every=200)
    runtime = TransformerRuntime(last(iterate_transformer(rows, config)).arrays(), config)
    log_p = runtime.log_probs(rows)
    assert -log_p[:, 1:].mean() < 0.1
    assert -log_p[:, 0].mean() > 0.5


def test_gradients_reach_every_weight():
    config = TransformerConfig(**SMALL)
    model = fit_transformer(TEXT, config).model()
    loss = F.cross_entropy(model(torch.tensor(TEXT[:6])[None])[0], torch.tensor(TEXT[1:7]))
    loss.backward()
    assert all((p.grad.abs().sum() > 0) for p in model.parameters())


@pytest.mark.parametrize(
    ("tokens", "options"),
    [
        (TEXT.astype(float), {}),
        (np.array([]), {}),
        (TEXT[:6], {}),
        (TEXT + 1, {}),
        (np.array([[0, -1]]), {}),
        (np.zeros((2, 8), dtype=int), {}),
        (np.zeros((2, 2, 2), dtype=int), {}),
        (TEXT, {"dropout": 1.0}),
        (TEXT, {"width": 9}),
        (TEXT, {"context": 7}),
        (TEXT, {"warm_up": -1}),
    ],
)
def test_what_cannot_be_is_told(tokens, options):
    with pytest.raises(ValueError, match=r"give|Encode|leave it out"):
        next(iterate_transformer(tokens, TransformerConfig(**SMALL | options)))


def test_names_fit_the_default_context():
    config = TransformerConfig(n_steps=1, batch=8)
    assert next(iterate_transformer(load_names().train, config)).loss > 3
