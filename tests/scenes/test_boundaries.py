"""The boundaries' scenes."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.boundaries import descend, faster, knows, learn, missing, prior, sample, wrong
from dashboard.scenes.boundaries.setup import (
    DISCRIMINATIVE,
    GENERATIVE,
    NORM,
    RECIPES,
    TITLES,
    WRONG,
    Config,
    after_drag,
    fit_discriminative,
    fit_generative,
)
from genmodels.classifiers import learning_curves, mlp
from genmodels.classifiers.descent import LogisticConfig, iterate_logistic
from genmodels.store import checkpoint
from tests.claims.shown import Shown
from tests.claims.test_captions import check
from tests.scenes.reading import readouts

SCENES = {
    "learn": learn.scene,
    "descend": descend.scene,
    "knows": knows.scene,
    "sample": sample.scene,
    "prior": prior.scene,
    "missing": missing.scene,
}


def told(scene, frame=-1):
    """The sentence that stands in a frame."""
    return scene.captions[scene.caption[frame]]


def test_separable_points_are_named_and_their_weights_grow():
    scene = descend.scene(Config(source="apart"))
    assert "can be separated without an error" in told(scene)
    norm = readouts(scene)[NORM]
    assert (np.diff(norm[1:]) > 0).all()
    assert readouts(scene)["lowest possible"][0] == 0


def test_a_learning_rate_that_is_too_large_is_named():
    assert any("too large" in told(descend.scene(Config(rate=r))) for r in (1.5, 2.0))


@pytest.mark.parametrize("source", [s for s in TITLES if s not in ("painted", "csv")])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", SCENES)
def test_every_source_has_a_picture(source, classes, name):
    config = Config(source=source, classes=classes, generative="mixture", degree=2)
    if name == "prior" and classes == 3:
        with pytest.raises(ValueError, match="two classes"):
            SCENES[name](config)
        return
    for readout in SCENES[name](config).readouts:
        assert np.isfinite(np.asarray(readout.values)[1:]).all(), readout.name


def test_learning_ends_with_the_fit_of_all_points():
    config = Config(points=90)
    data, scene = config.data(), learn.scene(config)
    test = config.fresh(learn.TESTED)
    for told, model in (("left", fit_discriminative(config, data)), ("right", fit_generative(config, data))):
        wrong_ones = np.mean(model.predict(test.x) != test.y)
        assert readouts(scene)[f"{told}: error"][-1] == pytest.approx(100 * wrong_ones)
    assert scene.steps[-1] == 90
    assert scene.steps[0] == 6


def test_descent_comes_to_rest_at_the_lowest_loss():
    got = readouts(descend.scene(Config()))
    assert got["loss −log p(y | x)"][-1] == pytest.approx(got["lowest possible"][-1], abs=1e-4)


@pytest.mark.parametrize("source", ["moons", "elongated"])
def test_one_class_that_can_be_told_from_the_rest_leaves_no_minimum(source):
    config = Config(source=source, classes=3)
    scene, data = descend.scene(config), config.data(at_least=1)
    assert "class 3 can be told from the rest" in told(scene)
    got = readouts(scene)
    lowest = got["lowest possible"][-1]
    assert 0 < lowest < got["loss −log p(y | x)"][-1] - 1e-3, "an infimum, not yet reached after 2,000 steps"
    *_, longer = iterate_logistic(data.x, data.y, 3, LogisticConfig(20_000, config.learning_rate))
    assert longer.weight_norm > 1.3 * got[NORM][-1]
    assert longer.loss > lowest


@pytest.mark.parametrize(("source", "degree"), [("moons", 1), ("elongated", 1), ("moons", 2), ("blobs", 2)])
def test_what_is_said_of_three_classes_is_true(source, degree):
    config = Config(source=source, classes=3, descend=degree)
    scene = descend.scene(config)
    assert "can be told from the rest" in told(scene)
    assert not check("boundaries", Shown(config, scene, len(scene.steps) - 1))


def test_classes_that_touch_have_no_minimum_either():
    rows = [(0, 0), (1, 0), (1, 0), (2, 0), (0.5, 1), (1, -1), (1, 1)]
    config = Config(source="csv", csv=tuple(rows), labels=(0, 0, 1, 1, 0, 0, 1), names=("a", "b"))
    scene = descend.scene(config)
    assert "overlap, but not all of them" in told(scene)
    assert not check("boundaries", Shown(config, scene, 0))


def test_the_largest_learning_rate_leaves_numbers_finite():
    for source, degree in itertools.product(("moons", "xor", "apart"), (1, 3)):
        scene = descend.scene(Config(source=source, descend=degree, rate=2.0, classes=3))
        assert scene.steps[-1] == descend.STEPS
        assert all(np.isfinite(r.values).all() for r in scene.readouts)


def test_descent_that_is_still_on_its_way_is_not_said_to_rest():
    scene = descend.scene(Config(rate=-3.0))
    gap = readouts(scene)["loss −log p(y | x)"][-1] - readouts(scene)["lowest possible"][-1]
    assert gap > 0.2
    assert f"still {gap:.3f} nats above it" in told(scene)
    assert not any("come to rest" in told(scene, f) for f in range(len(scene.steps)))


def test_the_network_s_learning_rate_is_the_one_on_its_slider(monkeypatch):
    asked = []
    monkeypatch.setattr(mlp, "iterate_mlp", lambda *a: asked.append(a[-1].learning_rate) or iter(()))
    for power in (-2.0, -1.0, -4.0):
        list(descend.scenes(Config(descend="network", adam=power, rate=2.0)))
    assert asked == pytest.approx([1e-2, 1e-1, 1e-4])


def test_wrong_labels_are_as_many_as_asked_for_and_none_change_nothing():
    for source, classes in (("circles", 2), ("blobs", 3)):
        clean = Config(source=source, classes=classes, points=200)._draw(200, np.random.default_rng(0))
        places = {tuple(x): y for x, y in zip(clean.x, clean.y, strict=True)}
        for share in (0, 10, 30):
            data = Config(source=source, classes=classes, points=200, mislabelled=share).data()
            wrong_ones = sum(places[tuple(x)] != y for x, y in zip(data.x, data.y, strict=True))
            assert wrong_ones == 2 * share
    test = Config(mislabelled=30).fresh(500)
    np.testing.assert_array_equal(test.y, Config().fresh(500).y)


def test_own_points_keep_their_labels():
    config = Config(source="csv", csv=((0, 0), (1, 0), (0, 1), (2, 2)), labels=(0, 0, 1, 1), names=("a", "b"))
    kept = replace(config, mislabelled=30).data(at_least=1)
    np.testing.assert_array_equal(config.data(at_least=1).y, kept.y)


@pytest.mark.parametrize("seed", range(5))
def test_the_challenge_can_be_solved_and_is_not_solved_at_first(seed):
    start = Config(source="circles", mislabelled=learn.WRONG_LABELS, seed=seed)
    tried = [
        replace(start, points=n, degree=d, generative=g)
        for n, d, g in itertools.product((120, 400), DISCRIMINATIVE, GENERATIVE)
    ]
    assert min(map(learn.larger_error, tried)) < learn.GOAL < learn.larger_error(start)
    assert np.isinf(learn.larger_error(replace(start, mislabelled=learn.WRONG_LABELS - 1)))
    assert np.isinf(learn.larger_error(replace(start, source="blobs")))


def test_the_probe_is_told_what_the_models_say():
    config = Config(probe_1=0.3, probe_2=-0.8)
    got, data = readouts(knows.scene(config)), config.data()
    right = fit_generative(config, data)
    assert got["log p(x)"][0] == pytest.approx(right.log_marginal(np.array([[0.3, -0.8]]))[0])


def test_a_probe_far_away_is_flagged_though_both_are_sure():
    scene = knows.scene(Config(probe_1=60.0, probe_2=-40.0))
    got = readouts(scene)
    assert min(v[0] for n, v in got.items() if "p(class" in n) > 0.999
    assert (scene.caption == 1).all()


@pytest.mark.parametrize("generative", ["lda", "shared"])
def test_along_a_straight_boundary_no_posterior_is_sure_however_far(generative):
    config = Config(generative=generative)
    data = config.data()
    for fit in (fit_discriminative, fit_generative):
        model = fit(config, data)
        corners = model.log_posterior(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
        a, b, c = corners[:, 1] - corners[:, 0]
        w = np.array([b - a, c - a])
        far = -a * w / (w @ w) + 50 * np.array([-w[1], w[0]]) / np.linalg.norm(w)
        assert np.exp(model.log_posterior(far[None]).max()) == pytest.approx(0.5, abs=1e-3)


def test_the_probe_on_either_side_moves_both():
    config = Config()
    for name in ("probe", "probe, right"):
        moved = after_drag(config, {"handles": {name: [1.25, -2.5]}, "moved": name})
        assert (moved.probe_1, moved.probe_2) == (1.25, -2.5)


def test_samples_come_from_the_class_that_was_asked_for():
    config = Config(chosen=1, generative="qda")
    scene = sample.scene(config)
    right = fit_generative(config, config.data())
    drawn = next(layer.xy for _, layer in scene.layers() if layer.name == "drawn x | y")
    part = right.conditionals[1]
    assert np.abs((drawn - part.means[0]).mean(0)).max() < 4 * np.sqrt(part.covariances[0].diagonal() / 150).max()


def test_right_assumptions_win_with_few_points_and_wrong_ones_cost():
    for kind in WRONG:
        got = readouts(wrong.scene(Config(wrong=kind)))
        few = wrong.few_points(kind, 0)
        assert few[0, 0] < few[1, 0], kind
        assert got[f"left: n = {wrong.SHOWN}"][-1] > got["right "][-1] + 2, kind
        assert (got["lowest possible"] <= got["right "] + 0.5).all()


def test_with_few_points_a_false_assumption_may_win_and_more_points_may_help_it():
    lda = wrong.scene(Config(wrong="shared"))
    assert told(lda, 3).startswith("False, and yet at n = 12 left errs 5.")
    bayes = readouts(wrong.scene(Config(wrong="independence")))
    assert bayes["left: test error, n = 12"][-1] > bayes["left: n = 400"][-1] + 10
    assert bayes["left: n → ∞"][-1] > bayes["lowest possible"][-1] + 15
    assert all("percentage points" in told(lda, f) for f in range(len(lda.steps)))


def test_the_limit_of_a_false_assumption_is_what_very_many_points_give():
    for kind, (assuming, _) in wrong.MODELS.items():
        true = wrong.world(kind, 0.8)
        many = wrong._points(true, wrong._draw([5, 5], 200_000))
        fitted = wrong.error_of(assuming(many.x, many.y, 2), true, 0)
        assert fitted == pytest.approx(wrong.error_of(wrong.in_the_limit(kind, true), true, 0), abs=0.5)


def test_the_lowest_error_of_the_first_world_is_known():
    for degree in (0.0, 0.5, 1.0):
        assert wrong.error_of(wrong.world("independence", degree), wrong.world("independence", degree), 0) == (
            pytest.approx(15.0, abs=4 * 100 * np.sqrt(0.15 * 0.85 / 8000))
        )


def test_a_moved_prior_is_bayes_rule():
    config = Config(points=200)
    data, scene = config.data(two=True), prior.scene(config)
    got, test = readouts(scene), config.fresh(prior.TESTED)
    k = 5
    share = got["deployed p(class 2)"][k]
    moved = fit_generative(config, data).with_prior(np.array([1 - share, share]))
    hit = moved.predict(test.x) == test.y
    expected = (1 - share) * hit[test.y == 0].mean() + share * hit[test.y == 1].mean()
    assert got["right: corrected"][k] == pytest.approx(100 * expected)


def test_a_missing_feature_is_integrated_out():
    config = Config(source="elongated", missing=2)
    got = readouts(missing.scene(config))
    right = fit_generative(config, config.data())
    k = 20
    x1, x2 = got["x₁"][k], np.linspace(-30, 30, 20001)
    joint = np.exp(right.log_joint(np.stack([np.full_like(x2, x1), x2], axis=1))).sum(axis=0)
    assert got["right: p(class 2 | x₁)"][k] == pytest.approx(joint[1] / joint.sum(), abs=1e-6)


def test_the_truth_of_a_recipe_is_what_is_drawn():
    for source in RECIPES:
        config = Config(source=source, classes=3)
        drawn, true = config.fresh(6_000), config.truth()
        for c in range(3):
            x = drawn.x[drawn.y == c]
            part = true.conditionals[c]
            mean = part.weights @ part.means
            assert np.abs(x.mean(0) - mean).max() < 5 * x.std(0).max() / np.sqrt(len(x)), (source, c)


def stored_curves() -> dict[str, learning_curves.LearningCurveState]:
    return learning_curves.states_of(checkpoint.load(learning_curves.NAME).arrays)


def test_the_learning_curves_say_who_leads():
    curves = stored_curves()
    scene = faster.scene(faster.Config(tuple(curves.items())))
    for task, state in curves.items():
        told = faster.verdict(task, state)
        lead = [np.sign(d) * (abs(d) > 2 * e) for d, e in zip(state.difference, state.difference_error, strict=True)]
        certain = [learning_curves.MODELS[int(x > 0)] for x in lead if x]
        names = [part.split(" from ")[0].split(": ")[-1] for part in told.split(", then ")]
        assert (names[0], names[-1]) == (certain[0], certain[-1])
        where = learning_curves.crossing(state.sizes, *state.mean, state.difference_error)
        assert (f"near {where:.0f})" in told) if where is not None else ("no certain crossing" in told)
    assert len(scene.panels) == 3


def test_when_the_curves_arrive_at_their_limits():
    curves = stored_curves()
    told = faster.arrivals(faster.Config(tuple(curves.items())))
    for task in ("independent", "correlated"):
        for side, model in enumerate(learning_curves.MODELS):
            n = faster.settled(task, curves[task], side)
            far = 100 * (curves[task].mean[side] - learning_curves.limits(task)[side])
            at = curves[task].sizes.tolist().index(n)
            assert (far[at:] <= 1).all()
            assert far[at - 1] > 1
            assert f"{model} from n = {n}" in told


def test_both_planes_have_the_same_axes():
    for name in ("learn", "knows", "prior", "missing"):
        first, second = SCENES[name](Config()).panels[:2]
        assert (first.x, first.y, first.equal, first.share) == (second.x, second.y, second.equal, second.share), name


def test_the_network_s_boundary_moves_while_it_is_trained():
    frames = [s for _, s in zip(range(60), descend.scenes(Config(source="circles")), strict=False) if s is not None]
    assert len(frames) == 12
    for name in ("boundary", "p(class 2 | x)"):
        one, other = (next(layer for _, layer in s.layers() if layer.name == name) for s in (frames[0], frames[-1]))
        (address, first), (_, last) = (next(iter(layer.split()[1].items())) for layer in (one, other))
        assert first.shape == last.shape, address
        assert not np.array_equal(first, last, equal_nan=True)
    assert readouts(frames[-1])["loss −log p(y | x)"][0] < readouts(frames[0])["loss −log p(y | x)"][0]
