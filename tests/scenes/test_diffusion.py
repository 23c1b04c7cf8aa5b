"""Diffusion's scenes."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from dashboard.scene.contours import cell_centres
from dashboard.scene.own_points import OWN
from dashboard.scenes.diffusion import backward, copier, curve, digits, forward, guess, live, why
from dashboard.scenes.diffusion.setup import CELLS, EXTENT, LEARNED, SCHEDULES, Config, after_drag, learned
from dashboard.scenes.pictures import grey, ink
from dashboard.scenes.planar import BOARD, TITLES
from genmodels.data.planar import get_dataset
from genmodels.diffusion.sampler import convert, sample_reverse
from genmodels.diffusion.schedules import Schedule, get_schedule
from genmodels.metrics import count_humps, energy_distance, wasserstein_2
from genmodels.states import DivergedError
from genmodels.store import checkpoint
from tests.scenes.reading import expect_one_shape, layer, painted, readouts

torch.set_num_threads(1)  # as in the app
ANY = [name for name in TITLES if name not in OWN]


POINTS = {
    "nothing painted": ([], "there are 0"),
    "one point": ([(1, 1)], "there are 1"),
    "all at one place": ([(1, 1)] * 30, "two different points"),
    "two points": ([(1, 1), (2, 2)], ""),
    "on a line": ([(x / 10, 1.0) for x in range(-30, 30)], ""),
    "everywhere": (np.random.default_rng(0).uniform(*BOARD, (500, 2)), ""),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_forward_is_the_schedule_s(schedule):
    config = Config("ffjord8", schedule=schedule, seed=2)
    scene, of = forward.scene(config), get_schedule(schedule)
    t = scene.steps
    assert (t[0], t[-1], len(t)) == (0, 1_000, forward.FRAMES + 1)
    assert readouts(scene)["ᾱₜ"] == pytest.approx(of.alpha_bar[t], abs=0)
    assert readouts(scene)["√ᾱₜ"] ** 2 + readouts(scene)["√(1 − ᾱₜ)"] ** 2 == pytest.approx(np.ones(len(t)))
    assert readouts(scene)["signal to noise"][1:] == pytest.approx(of.snr[t[1:]])
    x_0 = config.points(forward.PARTICLES).astype(np.float32)
    n = len(x_0)
    for panel in (0, 1):  # step by step, and at once
        x = layer(scene, "points", panel).xy
        assert np.array_equal(x[0], x_0), "at t = 0 both are the data"
        z = (x[1:] - of.signal[t[1:], None, None] * x_0) / of.noise[t[1:], None, None]
        assert np.abs(z.mean(axis=1)).max() < 4 / np.sqrt(n)
        assert np.abs(z.var(axis=1) - 1).max() < 4 * np.sqrt(2 / n)
        assert np.abs((z[:, :, 0] * z[:, :, 1]).mean(axis=1)).max() < 4 / np.sqrt(n)
    path = layer(scene, "one point's path").xy
    assert path[-1, 0, 0] == pytest.approx([config.x_1, config.x_2])
    assert path[-1, 0, -1] == pytest.approx(layer(scene, "that point").xy[-1, 0])
    cloud = layer(scene, "q(xₜ | x₀) of that point", 1)
    assert cloud.mean[:, 0] == pytest.approx(of.signal[t, None] * [config.x_1, config.x_2])
    assert cloud.covariance[:, 0, 0, 0] == pytest.approx(1 - of.alpha_bar[t])


def test_the_density_is_that_of_its_time():
    """Frames run forwards in one cue and backwards in another."""
    for build in (forward.scene, why.scene):
        config = Config("ffjord8")
        scene, exact = build(config), config.exact()
        t = (scene.steps if build is forward.scene else readouts(scene)["t"]).astype(int)
        field, at = layer(scene, "density pₜ").values, cell_centres(EXTENT, CELLS)
        for f in (1, len(t) // 2, len(t) - 1):
            p = np.exp(exact.log_prob(at, float(config.noising().alpha_bar[t[f]]))).reshape(CELLS, CELLS)
            assert field[f] == pytest.approx(p / p.max(), abs=1e-5), (build, f)


@pytest.mark.parametrize("source", ["ffjord8", "moons"])
def test_two_clouds_are_held_against_two_fresh_samples(source):
    """The energy distance of one distribution's own samples is not 0."""
    config, rng = forward.Forward(source), np.random.default_rng(0)
    scene, n = forward.scene(config), forward.COMPARED
    told = readouts(scene)["of two fresh samples"]
    alpha_bar = config.noising().alpha_bar[scene.steps]
    for f in (0, 20, len(told) - 1):
        found = []
        for k in range(40):
            x_0, eps = config.points(2 * n, 50 + k), rng.standard_normal((2 * n, 2))
            x = np.sqrt(alpha_bar[f]) * x_0 + np.sqrt(1 - alpha_bar[f]) * eps
            found.append(energy_distance(x[:n], x[n:]) ** 2)
        assert told[f] == pytest.approx(np.sqrt(np.mean(found)), rel=0.15)
    apart = readouts(scene)[f"energy distance of the clouds (n = {n})"]
    assert (apart < 2 * told).all(), "step by step and at once are one distribution"


def test_the_hand_stays_in_the_plane():
    moved = after_drag(guess.Guess("dino", seed=3), {"handles": {"x": [9.0, -0.123]}})
    assert (moved.x_1, moved.x_2, moved.source, moved.seed) == (3.2, -0.12, "dino", 3)
    with pytest.raises(ValueError, match="finite"):
        after_drag(Config(), {"handles": {"x": [float("nan"), 0]}})


def of_the_bound(x_0: np.ndarray, level: float) -> float:
    """E KL(q(x_T | x_0) ‖ N(0, I)) by torch.distributions."""
    normal = torch.distributions.Normal(torch.as_tensor(np.sqrt(level) * x_0), float(np.sqrt(1 - level)))
    noise = torch.distributions.Normal(torch.zeros(x_0.shape, dtype=torch.float64), 1.0)
    return float(torch.distributions.kl_divergence(normal, noise).sum(dim=1).mean())


@pytest.mark.parametrize("count", [1_000, 50, 5])
@pytest.mark.parametrize("schedule", [*SCHEDULES, curve.OWN])
def test_fewer_steps_are_the_same_process(schedule, count):
    config = curve.Curves("moons", schedule=schedule, count=count)
    scene, of = curve.scene(config), config.noising()
    chosen = of.choose(count)
    t = readouts(scene)["t"].astype(int)
    assert set(t) <= set(chosen.times.tolist())
    assert (np.diff(t) >= 0).all()
    assert (t[0], t[-1]) == (0, 1_000)
    assert len(set(t)) == min(count, curve.FRAMES) + 1
    assert readouts(scene)["ᾱₜ"] == pytest.approx(of.alpha_bar[t])
    assert np.isnan(readouts(scene)["log SNR"][0]), "infinite, shown as a dash"
    assert readouts(scene)["log SNR"][1:] == pytest.approx(
        np.where(t > 0, of.log_snr[np.maximum(t, 1)], np.nan)[1:], nan_ok=True
    )
    kl = of_the_bound(config.points(curve.PARTICLES), of.alpha_bar[-1])
    assert readouts(scene)["E KL(q(x_T | x₀) ‖ N(0, I))"] == pytest.approx(kl, rel=1e-6, abs=1e-12)
    assert "*not*" not in scene.captions[scene.caption[0]]
    if count < 1_000:
        assert len(layer(scene, "steps").xy) == count + 1
        assert len(layer(scene, "steps", 1).xy) == count
    beta = layer(scene, "β of each step", 1).xy[0, :, 1]
    assert np.prod(1 - beta) == pytest.approx(of.alpha_bar[-1], abs=1e-4)


def test_one_s_own_curve_goes_through_the_knots():
    config = curve.Curves(schedule=curve.OWN, knots="0.9,0.8,0.7,0.6,0.5,0.4,0.3")
    scene = curve.scene(config)
    x, y = layer(scene, "ᾱ").xy[0].T
    assert np.interp([h.at[0] for h in scene.handles], x, y) == pytest.approx(config.heights(), abs=1e-3)
    assert [h.at[1] for h in scene.handles] == config.heights()
    assert "*not*" in scene.captions[scene.caption[0]], "0.3 of the signal is left"
    kl = of_the_bound(config.points(curve.PARTICLES), config.noising().alpha_bar[-1])
    assert readouts(scene)["E KL(q(x_T | x₀) ‖ N(0, I))"][0] == pytest.approx(kl)
    assert kl > 0.3, "far from noise, whatever the moments of the data"
    assert not curve.scene(curve.Curves()).handles


def test_moved_knots_stay_falling():
    config, rng = curve.Curves(schedule=curve.OWN), np.random.default_rng(0)
    for _ in range(20):
        at = {f"knot {k + 1}": [0.0, h] for k, h in enumerate(config.heights())}
        name = f"knot {rng.integers(1, curve.KNOTS + 1)}"
        at[name] = [500.0, float(rng.uniform(-0.5, 1.5))]
        config = curve.after_drag(config, {"handles": at, "moved": name})
        heights = config.heights()
        assert len(heights) == curve.KNOTS
        assert all(a >= b for a, b in itertools.pairwise(heights))
        assert 0 < min(heights) <= max(heights) < 1
        assert isinstance(config.noising(), Schedule)
    curve.scene(config)


@pytest.mark.parametrize("place", [(0.5, 0.5), (-1.2, 0.3), (3.0, -3.0)])
def test_the_best_answer_is_the_posterior_s_mean(place):
    config = guess.Guess("ffjord8", x_1=place[0], x_2=place[1])
    scene, network, dataset = guess.scene(config), learned("ffjord8"), get_dataset("ffjord8")
    levels, x_t = network.schedule.alpha_bar[scene.steps], np.array([place])
    assert readouts(scene)["ᾱₜ"] == pytest.approx(levels)
    data = config.points(guess.DATA, 3)
    mark = layer(scene, "data x₀, by weight")
    assert np.array_equal(mark.xy, data)
    centres, sigma = dataset.standardise(dataset.centres), dataset.sigma / dataset.scale
    axis = np.linspace(-3.4, 3.4, 401)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    prior = np.exp(-((grid[:, None] - centres) ** 2).sum(2) / (2 * sigma**2)).sum(1)
    for f in (3, 12, 20, 30, len(levels) - 1):
        s, left = np.sqrt(levels[f]), 1 - levels[f]
        w = -((x_t - s * data) ** 2).sum(1) / (2 * left)
        w = np.exp(w - w.max())
        assert mark.values[f] == pytest.approx(w, abs=1e-9)
        w /= w.sum()
        assert readouts(scene)["effective number of origins"][f] == pytest.approx(1 / (w**2).sum())
        log_p = np.log(prior + 1e-300) - ((x_t - s * grid) ** 2).sum(1) / (2 * left)
        p = np.exp(log_p - log_p.max())
        best = p @ grid / p.sum()
        assert layer(scene, "E[x₀ | xₜ]").xy[f, 0] == pytest.approx(best, abs=2e-3)
        assert [readouts(scene)["E[x₀ | xₜ]: x₁"][f], readouts(scene)["x₂"][f]] == pytest.approx(best, abs=2e-3)
        said = convert(network.network(x_t, levels[f]), network.network.prediction, "x0", x_t, levels[f])[0]
        assert layer(scene, "the network's answer").xy[f, 0] == pytest.approx(said, abs=1e-5)
        off = np.linalg.norm(said - layer(scene, "E[x₀ | xₜ]").xy[f, 0])
        assert readouts(scene)["network's distance to it"][f] == pytest.approx(off, abs=1e-5)


@pytest.mark.parametrize("source", LEARNED)
def test_the_network_s_error_is_near_the_best_possible(source):
    scene = guess.scene(guess.Guess(source))
    of = guess.Guess(source).of_points(guess.MANY)
    assert bool(of) == (source in ("moons", "checkerboard")), "those are no mixtures: points stand for them"
    best, said = (layer(scene, name, 2).y for name in (f"E[x₀ | xₜ]{of}" if of else "best possible", "the network"))
    off = readouts(scene)["network's distance to it"]
    print(f"\n{source}: error {said.mean():.3f}, best {best.mean():.3f}; its distance to the best {off.mean():.3f}")
    assert said.mean() < 1.05 * best.mean() + 0.01
    assert (said > 0.85 * best - 0.01).all()
    assert best[-1] == pytest.approx(2, abs=0.3), "the variance of the data in two dimensions"


@pytest.mark.parametrize("source", LEARNED)
def test_where_the_network_beats_the_exact_answer_is_counted(source):
    scene = guess.scene(guess.Guess(source))
    best, network = scene.panels[2].layers
    k, of = int((network.y < best.y).sum()), guess.Guess(source).of_points(guess.MANY)
    told = guess.whose(guess.Guess(source, x_1=1.5))
    assert f"At {k} of {guess.FRAMES} times" in told
    assert ("1,000 points" in told) == ("1,000 points" in best.name) == bool(of)
    assert ("mixture" in told) == ("possible" in best.name) == (not of)
    said = [scene.captions[i] for i in scene.caption]
    assert [("errs less" in one) for one in said] == (network.y < best.y).tolist()


def test_what_is_told_of_losses_and_guidance_is_as_it_was_measured():
    best, network = copier.losses(config := copier.Copy("moons", n=100))
    assert f"100 points is {best:.2f}" in copier.told(config)[0]
    assert f"on them is {network:.2f}" in copier.told(config)[0]
    arrays = checkpoint.load(digits.NAME).arrays
    k = int(np.argmax(arrays["accuracy"]))
    assert f"highest at w = {arrays['guidance'][k]:g} ({100 * arrays['accuracy'][k]:.1f} %" in digits.measured()
    assert f"least at w = {arrays['guidance'][np.argmin(arrays['spread'])]:g}" in digits.measured()


def test_without_a_network_only_the_exact_is_shown():
    scene = guess.scene(guess.Guess("spirals", beside=False))
    assert not [one for panel in scene.panels for one in panel.layers if "network" in one.name]


@pytest.mark.parametrize("source", ["moons", "ffjord8", "ring8"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_step_back_and_its_gaussian(source, schedule):
    scene = why.scene(Config(source, schedule=schedule, x_1=0.3, x_2=-0.4))
    cell = (2 * why.REACH / why.CELLS) ** 2
    at = cell_centres(why.BOX, why.CELLS)
    for k, count in enumerate(why.COUNTS):
        p = (
            layer(scene, f"exact p(xₜ₋₁ | xₜ){Config(source).of_points(why.ORIGINS)}", k + 1).values.reshape(
                why.FRAMES, -1
            )
            * cell
        )
        assert p.sum(axis=1) == pytest.approx(np.ones(why.FRAMES), abs=0.03)
        shape = layer(scene, why.NEAREST, k + 1).covariance[:, 0]
        assert np.trace(shape, axis1=1, axis2=2) == pytest.approx(np.full(why.FRAMES, 2.0)), "magnified to spread 1"
        mean = p @ at
        second = np.einsum("fc,ci,cj->fij", p, at, at)
        assert np.abs(mean).max() < 0.05
        assert np.abs(second - shape).max() < 0.15
        assert (readouts(scene)[f"{count:,} steps: KL to moments'"] >= 0).all()


def test_between_two_modes_only_small_steps_are_gaussian():
    dataset = get_dataset("ffjord8")
    middle = dataset.standardise(dataset.centres)[:2].mean(axis=0)
    scene = why.scene(Config("ffjord8", x_1=float(middle[0]), x_2=float(middle[1])))
    many, some, few = (readouts(scene)[f"{count:,} steps: KL to moments'"] for count in why.COUNTS)
    print(f"\nnats from a Gaussian, at most: {many.max():.2g} in 1,000, {some.max():.2g} in 50, {few.max():.2g} in 5")
    assert few[-1] > 10 * some[-1] > 10 * many[-1]
    assert few[-1] > 0.3, "two humps"
    assert many.max() < 1e-4


def test_ddpm_s_own_gaussian_misses_more_than_the_moments():
    """KL from the exact step to N(its mean, β̃ I), by draws from the exact mixture."""
    config = Config("ffjord8")
    scene, exact, x_t = why.scene(config), config.exact(), np.array([[config.x_1, config.x_2]])
    chosen, f = config.noising().choose(5), 8  # the second step of five
    level, before = chosen.alpha_bar[2], chosen.alpha_bar[1]
    step = exact.transition(x_t, level, before)
    mean, covariance = (moment[0] for moment in step.moments())
    rng = np.random.default_rng(0)
    k = rng.choice(len(step.means[0]), size=100_000, p=step.weights[0])
    roots = np.linalg.cholesky(step.covariances)
    x = step.means[0, k] + np.einsum("nij,nj->ni", roots[k], rng.standard_normal((len(k), 2)))
    variance = (1 - level / before) * (1 - before) / (1 - level)
    for who, cov in (("moments'", covariance), ("DDPM's", variance * np.eye(2))):
        kl = (step.log_prob(x) - multivariate_normal(mean, cov).logpdf(x)).mean()
        assert readouts(scene)[f"5 steps: KL to {who}"][f] == pytest.approx(kl, abs=0.01), who
    assert readouts(scene)["5 steps: KL to DDPM's"][f] > 0.6 > 0.05 > readouts(scene)["5 steps: KL to moments'"][f]
    own = layer(scene, why.DDPM, 3).covariance[f, 0]
    assert own == pytest.approx(2 * variance / np.trace(covariance) * np.eye(2)), "magnified like the exact step"


@pytest.mark.parametrize("source", ["ffjord8", "moons"])
def test_what_is_told_of_ddpm_s_own_is_read_off_the_picture(source):
    """In 5 steps but the last, which is stopped where a density still is."""
    config = Config(source)
    told, numbers = why.told(config), readouts(why.scene(config))
    before = numbers["t"] > 200
    ddpm, moments = (numbers[f"5 steps: KL to {who}"][before].max() for who in ("DDPM's", "moments'"))
    assert f"up to {ddpm:.2f} nats" in told[0]
    assert f"moments by up to {moments:.2f}" in told[0]
    assert ("60 points" in told[-1]) == (source == "moons")


def test_why_opens_on_a_sentence_that_is_true_there():
    scene = why.scene(Config("ffjord8"))
    assert count_humps(layer(scene, "exact p(xₜ₋₁ | xₜ)", 3).values[0]) == 1
    assert "humps" not in scene.captions[scene.caption[0]]
    assert "humps" in scene.captions[scene.caption[-1]]


@pytest.mark.parametrize("source", ["ffjord8", "moons"])
def test_the_arrow_under_the_hand_ends_where_the_score_points(source):
    """Tweedie: towards √ᾱ E[x_0 | x_t], which may be the other way than E[x_0 | x_t]."""
    config = guess.Guess(source, x_1=0.05, x_2=0.1)
    scene, exact, x_t = guess.scene(config), config.exact(guess.MANY), np.array([[0.05, 0.1]])
    arrow = layer(scene, "(1 − ᾱₜ) · score")
    levels = learned(source).schedule.alpha_bar[scene.steps]
    turned = []
    for f in range(0, len(levels), 2):
        h = 1e-5
        nudged = [exact.log_prob(x_t + h * axis, levels[f])[0] - exact.log_prob(x_t - h * axis, levels[f])[0]
                  for axis in np.eye(2)]  # fmt: skip
        score = np.array(nudged) / (2 * h)
        assert arrow.delta[f, 0] == pytest.approx((1 - levels[f]) * score, abs=1e-4)
        turned.append(float(score @ (exact(x_t, levels[f])[0] - x_t[0])))
    assert source != "ffjord8" or min(turned) < 0, "against the way to E[x_0 | x_t] itself"


def test_w2_is_shown_beside_the_variance_that_it_does_not_see():
    """Four steps of DDIM are as near by W₂ as true samples, with twice their variance within modes."""
    scene = backward.scene(backward.Back("ffjord8", back=4))
    dataset, x = get_dataset("ffjord8"), layer(scene, "particles", 1).xy[-1].astype(float)
    centres = dataset.standardise(dataset.centres)
    within = np.square(x[:, None] - centres).sum(axis=2).min(axis=1).mean() / 2
    assert readouts(scene)["DDIM: variance within modes"][-1] == pytest.approx(within, rel=1e-5)
    true = readouts(scene)["true variance within modes"][-1]
    assert true == pytest.approx((dataset.sigma / dataset.scale) ** 2, rel=0.05)
    assert within > 1.5 * true
    assert f"{100 * within / true:.0f} % of theirs" in scene.captions[scene.caption[-1]]


@pytest.mark.parametrize("n", [10, 1_000])
def test_the_photocopier_s_loss_is_the_lowest_possible_and_not_0(n):
    """v is missed by the posterior's spread: E tr Cov[x_0 | x_t] / (1 − ᾱ) D, here by other draws."""
    config = copier.Copy("moons", n=n)
    scene, points, rng = copier.scene(config), config.points(max(copier.COUNTS), 8)[:n], np.random.default_rng(5)
    alpha_bar, spread = learned("moons").schedule.alpha_bar, []
    for t in range(5, 1_001, 10):
        x_t = np.sqrt(alpha_bar[t]) * points[rng.integers(n, size=200)]
        x_t = x_t + np.sqrt(1 - alpha_bar[t]) * rng.standard_normal(x_t.shape)
        log_w = -np.square(x_t[:, None] - np.sqrt(alpha_bar[t]) * points).sum(axis=2) / (2 * (1 - alpha_bar[t]))
        w = np.exp(log_w - log_w.max(axis=1, keepdims=True))
        w /= w.sum(axis=1, keepdims=True)
        variance = w @ np.square(points) - np.square(w @ points)
        spread.append(variance.mean() / (1 - alpha_bar[t]))
    told = readouts(scene)[f"lowest possible loss (v) on these {n:,}"][-1]
    assert told == pytest.approx(np.mean(spread), rel=0.06)
    assert told > 0.5
    assert told < readouts(scene)["the network's loss (v) on them"][-1]
    assert not any("zero" in sentence for sentence in scene.captions)


@pytest.mark.parametrize("sampler", backward.SAMPLERS)
@pytest.mark.parametrize("source", LEARNED)
def test_both_go_back_from_the_same_noise(source, sampler):
    config = backward.Back(source, sampler=sampler, back=20, seed=1)
    scene, again = backward.scene(config), backward.scene(config)
    x = [layer(scene, "particles", panel).xy for panel in (0, 1)]
    noise = config.noise(backward.PARTICLES).astype(np.float32)
    assert np.array_equal(x[0][0], noise)
    assert np.array_equal(x[1][0], noise)
    assert np.array_equal(layer(again, "particles", 1).xy, x[1])
    network, name = learned(source), "DDIM" if sampler == "ddim" else "ODE"
    x_T, way = config.noise(backward.PARTICLES), backward.right(config)
    alone = sample_reverse(network.network, x_T, network.schedule, way)
    assert x[1][-1] == pytest.approx(alone, abs=1e-5), "η = 0: no noise is drawn on the way"
    assert np.array_equal(layer(scene, "x̂₀", 2).xy[-1], x[1][-1])
    assert np.array_equal(readouts(scene)["t"], network.schedule.choose(20).times[::-1])
    truth, n = layer(scene, "data").xy, backward.COMPARED
    assert np.array_equal(truth, config.points(backward.DATA, 6))
    for panel, who in enumerate(("DDPM", name)):
        end = x[panel][-1][:n].astype(float)
        assert readouts(scene)[f"{who}: W₂ at the end (n = {n})"] == pytest.approx(
            wasserstein_2(end, truth[:n]), abs=1e-4
        )
        apart = layer(scene, who, 3).y
        assert apart[-1] == pytest.approx(energy_distance(end, truth[:n]), abs=1e-4)
        assert apart[-1] < apart[0]
    alike = [energy_distance(config.points(n, 60 + 2 * k), config.points(n, 61 + 2 * k)) ** 2 for k in range(10)]
    assert layer(scene, "two true samples", 3).y == pytest.approx(
        np.full(len(apart), np.sqrt(np.mean(alike))), rel=0.4
    )


def test_eta_1_is_ddpm():
    scene = backward.scene(backward.Back("moons", eta=1.0, back=10))
    assert layer(scene, "particles", 1).xy == pytest.approx(layer(scene, "particles", 0).xy, abs=1e-4)


@pytest.mark.parametrize("count", [5, 1_000])
def test_many_steps_are_thinned(count):
    scene = backward.scene(backward.Back("dino", back=count))
    t = readouts(scene)["t"]
    assert (t[0], t[-1]) == (1_000, 0)
    assert len(t) <= 1.2 * backward.FRAMES
    assert (scene.steps[0], scene.steps[-1]) == (0, count)


@pytest.mark.parametrize("source", LEARNED)
def test_the_fewest_steps_that_are_enough(source):
    asked = {
        (sampler, n): backward.fewest(backward.Back(source, sampler=sampler, back=n))
        for sampler in backward.SAMPLERS
        for n in (1, 2, 5, 20)
    }
    assert asked["ddim", 20] == 20
    assert asked["ode", 5] == 19, "the ODE asks four times a step, at last three times"
    assert min(asked.values()) < 5, "the challenge can be solved"
    assert asked["ddim", 1] == 10_000, "one step of DDIM gives a blur"


@pytest.mark.parametrize("source", LEARNED)
@pytest.mark.parametrize("n", [10, 30])
def test_the_perfect_denoiser_returns_training_points(source, n):
    config = copier.Copy(source, n=n)
    scene = copier.scene(config)
    copied, drawn_ = (readouts(scene)[f"{who}, to the nearest point"] for who in ("photocopier", "learned"))
    points = layer(scene, "training points").xy
    assert np.array_equal(points, config.points(max(copier.COUNTS), 8)[:n])
    for panel, distances in enumerate((copied, drawn_)):
        x = layer(scene, "particles", panel).xy[-1].astype(float)
        nearest = np.linalg.norm(x[:, None] - points, axis=2).min(axis=1)
        assert distances[-1] == pytest.approx(np.median(nearest), abs=1e-4)
    assert copied[-1] < 1e-2 < drawn_[-1]
    assert drawn_[-1] == pytest.approx(readouts(scene)["fresh data"][0], rel=0.4), "as new as fresh data"
    for name in ("learned", "fresh data"):
        line = layer(scene, name, 2).xy[0]
        assert line[:, 0].tolist() == list(copier.COUNTS)
        assert (np.diff(line[:, 1]) < 0).all(), "with more points one is always near"


def classes_of(pixels: np.ndarray) -> np.ndarray:
    """What the stored classifier sees in ``(N, 14, 14)`` uint8."""
    from genmodels.cnn import predict_proba
    from genmodels.recipes.cnn import HALVED, model_of

    model = model_of(checkpoint.load("cnn-14").arrays, HALVED)
    return predict_proba(model, pixels.astype(np.float32) / 255).argmax(axis=1)


@pytest.mark.parametrize("digit", [-1, 4])
def test_static_becomes_digits(digit):
    scene = digits.scene(digits.Config("back", digit, seed=1))
    x, answers = (one.pixels for one in scene.panels[0].layers[:2])
    assert x.shape == answers.shape == (digits.STEPS + 1, 10, 14, 14)
    assert x.dtype == answers.dtype == np.uint8
    right = classes_of(x[-1]) == (np.arange(10) if digit < 0 else digit)
    assert right.sum() >= 9
    assert np.array_equal(x[-1], answers[-1])
    strip, guesses = (one.pixels for one in scene.panels[1].layers[:2])
    assert strip.shape == guesses.shape == (digits.STEPS + 1, 8, 14, 14)
    static = np.random.default_rng([1, 21]).standard_normal((10, 196))[:1]
    static = ink(learned("digits").network.to_data(static)).reshape(14, 14)
    assert np.array_equal(strip[:, 0], np.broadcast_to(static, strip[:, 0].shape)), "the first is static, and stays"
    assert not strip[0, 1:].any(), "the rest is still to come"
    assert np.array_equal(strip[-1, -1], x[-1, 0])
    t = readouts(scene)["t"].astype(int)
    assert readouts(scene)["ᾱₜ"] == pytest.approx(learned("digits").schedule.alpha_bar[t])


@pytest.mark.parametrize("digit", [-1, 0, 9])
def test_a_test_digit_drowns(digit):
    scene = digits.scene(digits.Config("forward", digit, seed=7))
    images, labels = grey()
    image = images[np.flatnonzero(labels == (3 if digit < 0 else digit))[7]].astype(float)
    image = image.reshape(14, 2, 14, 2).mean(axis=(1, 3))
    x, answers = (panel.layers[0].pixels for panel in scene.panels[:2])
    assert x.shape == answers.shape == (digits.STEPS + 1, 1, 14, 14)
    assert "not asked" in scene.captions[scene.caption[0]]
    assert "not asked" not in scene.captions[scene.caption[1]]
    for first in (x[0, 0], answers[0, 0]):
        assert np.abs(first - image).max() <= 1
    error = readouts(scene)["error of x̂₀"]
    assert error[0] == 0
    assert error[-1] > error[len(error) // 2] > error[1]
    assert readouts(scene)["ᾱₜ"] == pytest.approx(learned("digits").schedule.alpha_bar[scene.steps])


def test_guidance_is_shown_as_it_was_measured():
    scene, loaded = digits.scene(digits.Config("guidance")), checkpoint.load(digits.NAME)
    arrays, metrics = loaded.arrays, loaded.entry.metrics
    w = readouts(scene)["w"]
    assert np.array_equal(w, arrays["guidance"])
    found = {
        "accuracy": "class asked for, says a CNN of the same digits",
        "spread": "spread in a class",
        "nearest": "to the nearest training digit",
    }
    for name, words in found.items():
        share = 100 if name == "accuracy" else 1
        assert readouts(scene)[words] == pytest.approx(share * arrays[name], rel=1e-6)
        assert arrays[name][w == 2] == pytest.approx(metrics[name], abs=1e-3)
    for panel, name in enumerate(("accuracy", "spread", "nearest"), start=1):
        y = scene.panels[panel].layers[0].y
        assert y == pytest.approx((100 if name == "accuracy" else 1) * arrays[name], rel=1e-6)
        low, high = scene.panels[panel].y
        assert low <= y.min() <= y.max() <= high
    assert metrics["accuracy"] >= 0.95
    assert arrays["accuracy"][0] < 0.2, "without guidance the class is by chance"
    sheets = [one for one in scene.panels[0].layers if hasattr(one, "pixels")]
    assert [np.asarray(s.pixels).shape for s in sheets] == [(len(w), 8, 14, 14)] * 10
    settled = np.concatenate([classes_of(s.pixels[list(w).index(2)]) == k for k, s in enumerate(sheets)])
    assert settled.mean() >= 0.9


def test_guidance_past_its_best_is_not_said_to_be_surer():
    scene, arrays = digits.scene(digits.Config("guidance")), checkpoint.load(digits.NAME).arrays
    w, accuracy = arrays["guidance"], arrays["accuracy"]
    told = [scene.captions[k] for k in scene.caption]
    for k in np.flatnonzero((w > w[accuracy.argmax()]) & (accuracy < accuracy.max())):
        assert "Overdone" in told[k] or "below" in told[k], w[k]
    assert "less spread" in told[list(w).index(2)]
    assert "0.5" not in told[list(w).index(0.5)]
    assert told[0] != told[1], "w = 0.5 is not w = 0"


@pytest.mark.parametrize("w", [0.0, 1.0, 2.0, 8.0])
def test_x0_hat_begins_at_the_combination_of_means_that_is_said(w):
    """From static: w × the mean of the class − (w − 1) × the mean of all digits, by the digits themselves."""
    scene = digits.scene(digits.Config("back", w=w))
    says = scene.captions[scene.caption[0]]
    if w not in (0, 1):
        assert f"{w:g} × the mean of its class − {w - 1:g} × the mean of all digits" in says
    images, labels = grey()
    halved = images.reshape(-1, 7 * 2, 2, 14, 2).mean(axis=(2, 4)).astype(float)
    means = np.stack([halved[labels == k].mean(axis=0) for k in range(10)])
    target = np.clip(w * means - (w - 1) * halved.mean(axis=0), 0, 255)
    first = scene.panels[0].layers[1].pixels[0].astype(float)
    off = np.linalg.norm(first - target)
    assert off < 0.45 * np.linalg.norm(target)
    if w not in (0, 1):
        assert off < np.linalg.norm(first - means), "nearer to it than to the mean of the class"


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(live, "STEPS", 100)


@pytest.mark.parametrize("prediction", live.PREDICTIONS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_frames_have_one_shape(short, schedule, prediction):
    config = live.Live("moons", schedule=schedule, prediction=prediction, device="cpu")
    scenes = list(live.scenes(config))
    assert [int(s.steps[0]) for s in scenes] == [0, 40, 80, 100]
    expect_one_shape(scenes)
    for scene in scenes:
        assert np.isfinite(layer(scene, "score", 1).delta).all()
        assert np.isfinite(readouts(scene)["loss"]).all()
    assert readouts(scenes[-1])["loss"] < readouts(scenes[0])["loss"]
    n = live.COMPARED
    x, truth = layer(scenes[-1], "samples").xy[0], layer(scenes[-1], "data").xy
    unit = next(r.unit for r in scenes[-1].readouts if r.name == "W₂ to the data")
    assert unit == f"(n = {n})"
    rate = readouts(scenes[0])["Adam's learning rate"], readouts(scenes[-1])["Adam's learning rate"]
    assert [float(r[0]) for r in rate] == pytest.approx([10**config.log_rate, 0]), "it falls along half a cosine"
    if np.abs(x).max() < 1e3:
        assert readouts(scenes[-1])["W₂ to the data"][0] == pytest.approx(wasserstein_2(x[:n], truth[:n]), rel=1e-4)


@pytest.mark.parametrize("name", [name for name in (*ANY, *POINTS, "csv") if not POINTS.get(name, ("", ""))[1]])
def test_every_data_set_is_trained_on(monkeypatch, name):
    monkeypatch.setattr(live, "STEPS", 40)
    if name == "csv":
        config = live.Live("csv", csv=((0.0, 0.0), (1.0, 0.5), (2.0, 0.4), (3.0, 1.6)), device="cpu")
    elif name in POINTS:
        config = live.Live("painted", painted=painted(POINTS[name][0], BOARD), device="cpu")
    else:
        config = live.Live(name, device="cpu")
    live.check(config)
    scenes = list(live.scenes(config))
    assert len(scenes) == 2
    expect_one_shape(scenes)
    again = list(live.scenes(config))[-1]
    assert np.array_equal(layer(scenes[-1], "samples").xy, layer(again, "samples").xy)


@pytest.mark.parametrize("prediction", live.PREDICTIONS)
def test_a_learning_rate_of_one_trains_or_says_why_not(monkeypatch, prediction):
    monkeypatch.setattr(live, "STEPS", 200)
    scenes, why_not = [], None
    try:
        for scene in live.scenes(
            live.Live(prediction=prediction, live_schedule="linear", log_rate=0.0, device="cpu")
        ):
            scenes.append(scene)
    except DivergedError as why_:
        why_not = str(why_)
    print(f"\n{prediction}: {len(scenes)} frames, {why_not}")
    expect_one_shape(scenes)
    assert len(scenes) == 6 or "try a smaller learning rate" in why_not


@pytest.mark.parametrize("name", [name for name, (_, told) in POINTS.items() if told])
def test_check_refuses_before_anything_starts(name):
    with pytest.raises(ValueError, match="add some"):
        live.check(live.Live("painted", painted=painted(POINTS[name][0], BOARD)))


def test_a_run_learns(monkeypatch):
    monkeypatch.setattr(live, "STEPS", 600)
    monkeypatch.setattr(live, "EVERY", 300)
    scenes = list(live.scenes(live.Live("ffjord8", device="cpu")))
    w2 = [float(readouts(s)["W₂ to the data"][0]) for s in scenes]
    assert readouts(scenes[0])["W₂ of true samples (n = 200)"] == pytest.approx(backward.true_spread("ffjord8").mean)
    print("\nW₂ while it trains:", np.round(w2, 3))
    assert w2[-1] < 0.75 * w2[0]
    other = dataclasses.replace(live.Live("ffjord8", device="cpu"), seed=1)
    assert not np.array_equal(layer(next(live.scenes(other)), "samples").xy, layer(scenes[0], "samples").xy)
