"""Small builds of the recordings of inference: resumed, judged and found again; and what the stored ones say."""

from functools import partial

import numpy as np
import pytest

from genmodels.data.digits import load_binarised_mnist
from genmodels.inference.bounds import GaussianQ, elbo
from genmodels.inference.decoder import VAEModel
from genmodels.inference.exact import posterior
from genmodels.inference.importance import log_weights
from genmodels.inference.kinds import KINDS, pictures
from genmodels.recipes import inference
from genmodels.store import building, checkpoint
from tests.genmodels.recipes.interrupted import build

RECIPES = {recipe.name: recipe for recipe in inference.RECIPES}
STORED = [name for name in RECIPES if name in checkpoint.entries()]  # test_train.py fails where one is missing
TINY = {
    "elbo-one-network": (inference._build_one, inference._recompute_one, {"images": 2, "n_steps": 3}),
    "elbo-how-sure": (
        inference._build_how_sure,
        inference._recompute_how_sure,
        {"images": 2, "n": 250, "seeds": 2, "seed": 0},
    ),
    "elbo-ours": (
        inference._build_ours,
        lambda config, arrays, device: inference._recompute_ours(config, (0, 1), arrays, device),
        {"kinds": ["ours", "bars"], "pictures": 2, "k": 20, "seed": 0},
    ),
}


def image(i: int) -> np.ndarray:
    return load_binarised_mnist().test.images[i].reshape(-1).astype(float)


def network(name: str) -> VAEModel:
    return VAEModel.of(checkpoint.load(name))


class Small:
    def __init__(self, make, config):
        self.build = partial(make, config)


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_small_build_goes_on_and_is_found_again(name, monkeypatch):
    monkeypatch.setattr(inference, "KINDS", ("ours", "bars"))
    make, recompute, config = TINY[name]
    whole, _ = build(Small(make, config))
    pieces, attempts = build(Small(make, config), stop_after=1)
    assert attempts > 0
    assert whole.arrays.keys() == pieces.arrays.keys()
    for key, values in whole.arrays.items():
        np.testing.assert_allclose(pieces.arrays[key], values, rtol=1e-6, err_msg=key)
    findings = [
        building._compare("tiny", whole.arrays, one) for one in recompute(config, arrays=whole.arrays, device="cpu")
    ]
    assert {finding.ok for finding in findings} == {True}
    worse = {key: values + np.asarray(9, values.dtype) for key, values in whole.arrays.items()}
    findings = [building._compare("tiny", worse, one) for one in recompute(config, arrays=worse, device="cpu")]
    assert {finding.metric.split(" (")[0] for finding in findings if not finding.ok} == worse.keys()


def test_the_counts_go_one_two_five():
    assert inference._counts(1000).tolist() == [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    assert inference._counts(8).tolist() == [1, 2, 5]


@pytest.mark.parametrize("name", RECIPES)
def test_the_checkpoint_is_fresh_and_has_the_metrics_of_its_recipe(name):
    if name not in STORED:
        pytest.skip("test_train.py says that it is missing")
    recipe, loaded = RECIPES[name], checkpoint.load(name)
    assert building.status(recipe) == "fresh"
    assert recipe.evaluate(loaded.arrays, "cpu") == pytest.approx(loaded.entry.metrics, abs=1e-6)
    assert loaded.entry.metrics.keys() == recipe.tolerance.keys()


@pytest.mark.skipif("elbo-one-network" not in STORED, reason="test_train.py says so")
def test_one_network_lands_lower_than_a_q_of_each_images_own():
    a = checkpoint.load("elbo-one-network").arrays
    assert (a["log_evidence"] >= a["full"] - 1e-3).all()
    assert (a["full"] >= a["diagonal"] - 1e-3).all()
    assert (a["diagonal"] >= a["encoder"] - 1e-3).all()
    model = network("vae-2d")
    for i in (3, 42):
        q = GaussianQ.diagonal(a["mean"][i], a["sigma"][i])
        assert elbo(model, image(i), q).total == pytest.approx(a["diagonal"][i], abs=2e-3)
        assert elbo(model, image(i), model.encoder_q(image(i))).total == pytest.approx(a["encoder"][i], abs=2e-3)
        boxed = posterior(model, image(i), box=a["box"][i], cells=96)
        assert boxed.log_evidence == pytest.approx(a["log_evidence"][i], abs=1e-3)


@pytest.mark.skipif("elbo-how-sure" not in STORED, reason="test_train.py says so")
def test_two_dimensions_trust_the_prior_and_sixteen_the_encoder():
    a = checkpoint.load("elbo-how-sure").arrays
    below = {key: a["2d.exact"][:, None] - a[f"2d.{key}.log_p"][:, :, -1] for key in ("prior", "encoder")}
    assert np.abs(below["prior"]).mean() < 0.2
    assert below["encoder"].mean() > below["prior"].mean()
    assert a["16d.encoder.log_p"][:, :, -1].mean() > a["16d.prior.log_p"][:, :, -1].mean() + 1
    for key in ("2d.prior", "2d.encoder", "16d.prior", "16d.encoder"):
        assert (a[f"{key}.ess"] >= 1 - 1e-4).all()
        assert (a[f"{key}.ess"] <= a["counts"] * (1 + 1e-4)).all()
    assert np.median(a["2d.prior.ess"][:, :, -1]) > 100
    assert np.median(a["16d.prior.ess"][:, :, -1]) < 10


@pytest.mark.skipif("elbo-how-sure" not in STORED, reason="test_train.py says so")
@pytest.mark.parametrize("name", ["2d", "16d"])
def test_the_stored_bound_rises_with_k(name):
    a = checkpoint.load("elbo-how-sure").arrays
    mean, error = a[f"{name}.bound"].astype(float), a[f"{name}.bound_error"].astype(float)
    slack = 3 * np.hypot(error[:, :-1], error[:, 1:])
    assert (np.diff(mean, axis=1) > -slack).all()
    if name == "2d":
        assert (mean <= a["2d.exact"][:, None] + 4 * error + 1e-3).all()


@pytest.mark.slow
@pytest.mark.skipif("elbo-ours" not in STORED, reason="test_train.py says so")
def test_the_stored_scores_are_those_of_the_networks():
    a, model = checkpoint.load("elbo-ours").arrays, network("vae-2d")
    for kind in ("turned", "bars"):
        x = pictures(kind, 100)[5]
        assert posterior(model, x).log_evidence == pytest.approx(a[f"{kind}.2d.exact"][5], abs=2e-3)
        assert elbo(model, x, model.encoder_q(x), 12).total == pytest.approx(a[f"{kind}.2d.elbo"][5], abs=0.05)
    for kind in KINDS:
        assert (a[f"{kind}.2d.elbo"] <= a[f"{kind}.2d.exact"] + 0.1).all()
        assert a[f"{kind}.16d.elbo"].mean() < a[f"{kind}.16d.bound"].mean()
    log_w = log_weights(model, pictures("bars", 100)[5], "prior", 50_000, np.random.default_rng(0))
    assert np.log(np.exp(log_w - log_w.max()).mean()) + log_w.max() == pytest.approx(a["bars.2d.exact"][5], abs=0.3)


@pytest.mark.skipif("elbo-ours" not in STORED, reason="test_train.py says so")
def test_the_known_surprise_what_is_simple_is_more_probable_than_what_was_learned():
    a = checkpoint.load("elbo-ours").arrays
    assert a["bars.2d.exact"].mean() > a["ours.2d.exact"].mean() + 20
    assert a["constant.2d.exact"][0] > np.quantile(a["ours.2d.exact"], 0.9)  # a blank page
    assert a["inverted.2d.exact"].max() < a["ours.2d.exact"].min()
