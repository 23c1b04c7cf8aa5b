"""The GANs' scenes, driven move by move."""

import dataclasses
import itertools
import math
import random
import time

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from dashboard.runs import LiveRun
from dashboard.scene import Move
from dashboard.scenes.gan import ab, digits, live, modes, onedim
from dashboard.scenes.gan.setup import BOARD, COMPARED, SHOWN, TITLES, Config, coverage, world
from dashboard.scenes.pictures import ink
from genmodels.gan import LOSSES, GANConfig, GANState, draw_noise, generator_loss, iterate_gan
from genmodels.metrics import mode_coverage, wasserstein_2
from genmodels.nn.layers import seeded
from genmodels.states import DivergedError
from genmodels.store import cache, checkpoint
from tests.scenes.reading import expect_one_shape, layer, numbers, painted

torch.set_num_threads(1)  # as in the app
ONE = {"discriminator": "One D step", "generator": "One G step", "both": "One of both"}
TINY = {"batch": 16, "n_steps": 30, "n_samples": 300}
D, G, BOTH = (Move(name, True) for name in ONE)
TICK = Move("both", False)  # of full speed


def tiny(source: str = "ring8", **more) -> Config:
    """Small networks; what the GAN's own config names goes there."""
    known = {f.name for f in dataclasses.fields(GANConfig)} - {"seed", "device", "every"}
    ours = {key: value for key, value in more.items() if key not in known}
    rest = TINY | {key: value for key, value in more.items() if key in known}
    return Config(**({"source": source, "width": 8, "device": "cpu", "every": 10} | ours), rest=tuple(rest.items()))


def frames(config, moves=None, train=live.scenes) -> list:
    """Frames of a run with these moves (at full speed, if none are given) until it ends or they do."""
    return [scene for scene in train(config, iter(moves) if moves else itertools.repeat(TICK)) if scene is not None]


def until_it_diverges(run) -> list:
    """What came before the step that diverged."""
    scenes = []
    with pytest.raises(DivergedError, match="try a smaller learning rate") as why:
        scenes.extend(run)
    assert f"diverged at step {len(scenes)}:" in str(why.value)
    return scenes


def same(a, b) -> bool:
    """Whether two frames agree bit for bit."""
    return all(np.array_equal(x, y, equal_nan=True) for (_, x), (_, y) in zip(a.moving(), b.moving(), strict=True))


POINTS = {
    "nothing painted": ([], "there are 0"),
    "one point": ([(1, 1)], "there are 1"),
    "all at one place": ([(1, 1)] * 30, "two different points"),
    "two points": ([(1, 1), (2, 2)], ""),
    "on a line": ([(x / 10, 1.0) for x in range(-30, 30)], ""),
    "everywhere": (np.random.default_rng(0).uniform(*BOARD, (500, 2)), ""),
}
IMPOSSIBLE = [
    ({"batch": 4, "packing": 3}, "multiple"),
    ({"n_noise": 1, "noise": "sphere"}, "sphere"),
    ({"batch": 0}, "batch"),
    ({"d_steps": 0}, "d_steps"),
    ({"g_learning_rate": math.nan}, "g_learning_rate"),
    ({"loss": "wgan"}, "wgan"),
]


@pytest.mark.parametrize(("rest", "told"), IMPOSSIBLE)
def test_checks_refuse_before_anything_starts(rest, told):
    with pytest.raises(ValueError, match=told):
        live.check(tiny(**rest))
    with pytest.raises(ValueError, match=told):
        ab.check(ab.Versus(tiny(), tuple(rest.items())))
    live.check(tiny())
    ab.check(ab.Versus(tiny(), ()))


KINDS = [
    *({"loss": loss} for loss in LOSSES),
    {"n_noise": 1},
    {"n_noise": 1, "noise": "uniform"},
    {"n_noise": 2, "noise": "uniform"},
    {"n_noise": 2, "noise": "sphere"},
    {"n_noise": 3, "noise": "sphere"},
    {"n_noise": 16},
    {"packing": 4},
    {"average": 0.9},
    {"instance_noise": 1.0},
    {"optimiser": "sgd", "decay": "cosine"},
    {"d_steps": 3, "g_steps": 2},
    {"g_layers": 0, "d_layers": 0},
    {"r1": 0.0},
    {"batch": 4, "packing": 4},
    *({"source": name} for name in TITLES if name != "painted"),
    *({"source": "painted", "painted": painted(points, BOARD)} for points, told in POINTS.values() if not told),
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: ", ".join(f"{k} {str(v)[:12]}" for k, v in kind.items()))
def test_frames_of_a_live_run_have_one_shape(kind):
    if kind.get("source") == "csv":
        kind = kind | {"csv": ((0.0, 0.0), (1.0, 0.5), (2.0, 0.4), (3.0, 1.6), (1e6, -1e6))}
    scenes = frames(tiny(**kind))
    assert [int(s.steps[0]) for s in scenes] == [0, 10, 20, 30]
    expect_one_shape(scenes)
    for scene in scenes[1:]:
        assert all(np.isfinite(array).all() for _, array in scene.moving())
    names = {layer.name for layer in scenes[0].panels[0].layers}
    assert ("G of a lattice of noise" in names) == (dict(TINY, **kind).get("n_noise", 2) <= 2)
    visible = {layer.name for layer in scenes[0].panels[0].layers if layer.visible}
    assert visible == {"real", "generated"}, "a cue starts with points alone"


def test_single_moves_are_each_recorded_and_light_up_who_moves():
    moves = [D, G, BOTH, D, D, G, G, *[TICK] * 22, D]
    scenes = frames(tiny(), moves)
    steps = [int(s.steps[0]) for s in scenes]
    assert steps == [0, 1, 2, 3, 4, 5, 6, 7, 10, 20, 30], "single moves, then one frame in ten, then a single move"
    expect_one_shape(scenes)
    for scene, step in zip(scenes, steps, strict=True):
        moved = moves[step - 1].name if step else ""
        diagram = scene.panels[1].layers[0]
        assert diagram.active[0].tolist() == list(live.LIT[moved])
        words = {"": "Nothing", "discriminator": "D has moved", "generator": "G has moved", "both": "D and G"}[moved]
        assert scene.captions[scene.caption[0]].startswith(words)
    names = [node.text.split("\n")[0] for node in live.NODES]
    lit = {m: {name for name, on in zip(names, parts, strict=False) if on} for m, parts in live.LIT.items()}
    assert "D" in lit["discriminator"] - lit["generator"]
    assert "G" in lit["generator"] - lit["discriminator"]
    assert {"D", "G"} <= lit["both"]
    assert not lit[""]


def test_who_moves_changes_and_who_does_not_stays():
    scenes = frames(tiny(), [D, G, D, G])
    for before, after, move in zip(scenes, scenes[1:], [D, G, D, G], strict=False):
        points = [layer(s, "generated").xy for s in (before, after)]
        fields = [layer(s, "what D says").values for s in (before, after)]
        went = layer(after, "where it went").delta
        d_moved = move is D
        assert np.array_equal(*points) == d_moved
        assert np.array_equal(*fields) != d_moved
        assert (not went.any()) == d_moved
    at = [float(layer(s, "loss of D", 2).x[0]) for s in scenes]
    assert at == [0, 0, 1, 1, 2], "the curves count updates of G"


@pytest.mark.parametrize("source", ["ring8", "grid25", "moons"])
def test_the_numbers_shown_are_those_of_genmodels(source):
    config = tiny(source, every=1, n_steps=9)
    scenes, of = frames(config), world(config)
    states = list(iterate_gan(None, config.gan()))
    assert len(scenes) == len(states) == 10
    for k, (scene, state) in enumerate(zip(scenes, states, strict=True)):
        got = numbers(scene)
        judged = states[k if k == 9 else k - k % live.MEASURED]
        assert got["loss of D"] == pytest.approx(state.minibatch.discriminator, nan_ok=True)
        assert got["loss of G"] == pytest.approx(state.minibatch.generator, nan_ok=True)
        assert np.array_equal(layer(scene, "generated").xy[0], state.samples[:SHOWN])
        w2 = wasserstein_2(judged.samples[:COMPARED], of.real[:COMPARED])
        assert got["W₂ to the data (n = 200)"] == pytest.approx(w2)
        if of.centres is None:
            assert "high quality" not in got
            assert float(layer(scene, "W₂", 3).y[0]) == pytest.approx(w2)
        else:
            held = mode_coverage(judged.samples, of.centres, of.sigma)
            told = [got[f"modes of {len(of.centres)}"], got["high quality"], got["reverse KL"]]
            assert told == pytest.approx([held.modes, 100 * held.quality, held.reverse_kl])
            assert float(layer(scene, "modes held", 3).y[0]) == pytest.approx(100 * held.modes / len(of.centres))
            assert float(layer(scene, "high quality", 3).y[0]) == pytest.approx(100 * held.quality)


def test_true_samples_are_what_the_page_compares_with():
    for name in ("ring8", "grid25", "moons"):
        config = Config(name)
        x = config.dataset().sample(2_500, np.random.default_rng(3))
        of = world(config)
        assert wasserstein_2(x[:COMPARED], of.real[:COMPARED]) == pytest.approx(
            of.true_w2.mean, abs=6 * of.true_w2.deviation
        )
        if of.centres is not None:
            held = coverage(x, of)
            assert (held.modes, held.quality) == (len(of.centres), pytest.approx(0.989, abs=0.01))
    assert coverage(np.full((5, 2), np.inf, np.float32), world(Config("ring8")))[:2] == (0, 0.0)


@pytest.mark.parametrize("layers", [0, 2])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_learning_rate_of_ten_trains_or_says_where_it_ended(loss, optimiser, layers):
    config = tiny(
        loss=loss,
        optimiser=optimiser,
        g_layers=layers,
        d_layers=layers,
        batch=4,
        n_steps=40,
        g_learning_rate=10.0,
        d_learning_rate=10.0,
    )
    scenes, why = [], None
    try:
        for scene in live.scenes(config, itertools.repeat(BOTH)):
            scenes.append(scene)
    except DivergedError as diverged:
        why = diverged
        assert f"diverged at step {len(scenes)}" in str(why)
        assert "try a smaller learning rate" in str(why)
    assert len(scenes) == 41 or why
    assert scenes
    assert [int(s.steps[0]) for s in scenes] == list(range(len(scenes))), "what came before stays"
    expect_one_shape(scenes)


def test_what_overflows_is_drawn_as_nothing_and_ends_in_a_sentence():
    """G's points are no longer numbers before its parameters are; slow motion measures each frame."""
    config = tiny(
        loss="minimax", optimiser="sgd", g_learning_rate=10.0, d_learning_rate=10.0, batch=4, n_steps=200, width=16
    )
    scenes = until_it_diverges(live.scenes(config, itertools.repeat(BOTH)))
    samples = layer(scenes[-1], "generated").xy
    print(f"\nlast frame before it diverged: points up to {np.abs(samples).max():.3g}")
    for scene in scenes:
        assert np.isfinite(layer(scene, "where D pulls it (−gradient)").delta).all()
        assert not math.isnan(numbers(scene)["W₂ to the data (n = 200)"])


def test_a_run_keeps_its_frames_when_it_diverges(local_workers):
    config = tiny(optimiser="sgd", g_learning_rate=10.0, d_learning_rate=10.0)
    run = LiveRun("session", live.scenes, config, moves={w: m for m, w in ONE.items()})
    run.watch(wake := (lambda: None))
    try:
        until(lambda: run.status == "failed")
        assert "diverged at step" in run.reason
        assert run.recording.frames
        assert run.last_readouts()["modes of 8"] >= 0
    finally:
        run.unwatch(wake)


def test_the_run_ends_when_all_modes_are_held(monkeypatch):
    fakes = {
        "held": live.Measured(8, 90.0, 0.0, 0.1),
        "not all": live.Measured(7, 99.0, 0.0, 0.1),
        "poor": live.Measured(8, 89.0, 0.0, 0.1),
    }

    def counted(fake: str, config: Config) -> int:
        asked = itertools.count()
        early = live.Measured(0, 0.0, 2.0, 1.0)
        monkeypatch.setattr(live, "measure", lambda *_: fakes[fake] if next(asked) >= 2 else early)
        return len(frames(config))

    assert counted("held", tiny(every=1, stop=True)) == 2 * live.MEASURED + 1, "as soon as it is measured"
    assert counted("held", tiny(every=1)) == 31
    assert counted("not all", tiny(every=1, stop=True)) == 31
    assert counted("poor", tiny(every=1, stop=True)) == 31
    assert counted("held", tiny("moons", every=1, stop=True)) == 31, "where no modes are known, none can be held"


def test_only_updates_of_g_count_towards_the_end():
    scenes = frames(tiny(n_steps=3), itertools.cycle([D, D, G]))
    assert [int(s.steps[0]) for s in scenes] == list(range(10))
    assert len(frames(tiny(n_steps=3, g_steps=2), [D, G, G, G, G])) == 5


def test_same_seed_same_frame_of_step_500():
    def frame(seed: int):
        scenes = frames(Config(every=500, seed=seed, device="cpu", rest=(("n_steps", 4_000),)), [TICK] * 500)
        assert [int(s.steps[0]) for s in scenes] == [0, 500]
        return scenes[-1]

    first, again, other = frame(3), frame(3), frame(4)
    assert same(first, again)
    assert not np.array_equal(layer(first, "generated").xy, layer(other, "generated").xy)


def test_how_a_step_is_cut_into_moves_changes_nothing():
    whole, halves = frames(tiny(), [TICK] * 30)[-1], frames(tiny(), [D, G] * 30)[-1]
    assert np.array_equal(layer(whole, "generated").xy, layer(halves, "generated").xy)
    assert np.array_equal(layer(whole, "what D says").values, layer(halves, "what D says").values)


def test_a_single_move_asked_for_is_made_whatever_is_under_way(local_workers):
    """Asked for before the first frame, or while it trains: the frame under way is not taken for it."""
    words = {w: m for m, w in ONE.items()}
    for busy in (False, True):
        run = LiveRun("session", live.scenes, tiny(n_steps=1_000, every=1), moves=words)
        run.playing = busy
        run.watch(wake := (lambda: None))
        try:
            if busy:
                until(lambda: len(run.recording.frames) > 5)  # noqa: B023
            run.order("step:discriminator")
            until(lambda: run.status == "paused" and not run.growing)  # noqa: B023
            assert run.recording.frames
            last = run.recording.frames[next(reversed(run.recording.frames))]
            assert live.CAPTIONS[int(last["caption"])].startswith("D has moved")
            assert not run.asked
            count = len(run.recording.frames)
            run.order("step:generator")
            until(lambda: len(run.recording.frames) == count + 1)  # noqa: B023
            until(lambda: run.status == "paused")  # noqa: B023
        finally:
            run.unwatch(wake)
            run.order("stop")


def until(check, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.01)


CELL = (onedim.ENDS[1] - onedim.ENDS[0]) / onedim.CELLS
LINES = ("data p(x)", "generated q(x)", "D(x)", "best D: p ÷ (p + q)")
AFFINE = [(1.0, 0.6), (0.5, -1.0), (3.0, 0.0), (2.0, 3.0), (0.3, 9.0), (0.0171, 1.234)]


@pytest.fixture
def small_state():
    config = dataclasses.replace(tiny().gan(), n_noise=1, noise="uniform", data="ring8")
    x = np.random.default_rng(0).normal(size=(300, 1))
    return next(iterate_gan(x, config))


def heights(scene, name: str) -> np.ndarray:
    return layer(scene, name).xy.reshape(-1, 2)[:, 1]


def make_uniform(monkeypatch, half: float, centre: float) -> None:
    """G(z) = half · z + centre: q is uniform."""
    monkeypatch.setattr(GANState, "generate", lambda self, z, averaged=True: (half * z + centre).astype(np.float32))


def q_of(half: float, centre: float, x: float) -> float:
    return 1 / (2 * half) if abs(x - centre) <= half else 0.0


@pytest.mark.parametrize(("half", "centre"), AFFINE)
def test_q_integrates_to_one_minus_what_lies_outside(monkeypatch, small_state, half, centre):
    make_uniform(monkeypatch, half, centre)
    q = onedim.generated(small_state)
    low, high = np.clip([centre - half, centre + half], *onedim.ENDS)
    assert q.sum() * CELL == pytest.approx((high - low) / (2 * half), abs=2e-3)
    inside = np.linspace(*onedim.ENDS, onedim.CELLS + 1)
    whole = (inside[:-1] > centre - half) & (inside[1:] < centre + half)
    assert q[whole] == pytest.approx(1 / (2 * half), rel=0.01)


@pytest.mark.parametrize("truth", onedim.TRUTHS)
@pytest.mark.parametrize(("half", "centre"), AFFINE[:5])
def test_jensen_shannon_is_that_of_quadrature(monkeypatch, small_state, truth, half, centre):
    make_uniform(monkeypatch, half, centre)
    got = numbers(onedim.scene(small_state, onedim.Config(truth)))

    def density(x: float) -> float:
        return float(onedim.density(truth, np.array(x)))

    def part(x: float) -> float:
        p, q = density(x), q_of(half, centre, x)
        m = (p + q) / 2
        return 0.5 * ((p * math.log(p / m) if p else 0) + (q * math.log(q / m) if q else 0))

    places = sorted({low for low in (centre - half, centre + half) if abs(low) < 3.5})
    inside = quad(part, *onedim.ENDS, points=places or None, limit=400)[0]
    p_in = quad(density, *onedim.ENDS, limit=200)[0]
    q_in = max(0.0, min(3.5, centre + half) - max(-3.5, centre - half)) / (2 * half)
    p, q = 1 - p_in, 1 - q_in  # what lies outside counts as one cell
    m = (p + q) / 2
    outside = 0.5 * ((p * math.log(p / m) if p > 0 else 0) + (q * math.log(q / m) if q > 0 else 0))
    assert got["JS(p ‖ q)"] == pytest.approx(inside + outside, abs=2e-3)
    assert got["2 JS − 2 log 2"] == pytest.approx(2 * got["JS(p ‖ q)"] - 2 * math.log(2))


def test_jensen_shannon_has_its_limits():
    x = np.linspace(*onedim.ENDS, onedim.CELLS + 1)[:-1] + CELL / 2
    rng = np.random.default_rng(0)
    for truth in onedim.TRUTHS:
        p = onedim.density(truth, x)
        assert quad(lambda v, truth=truth: float(onedim.density(truth, np.array(v))), -9, 9, limit=400)[0] == (
            pytest.approx(1)
        )
        assert onedim.jensen_shannon(p, p, CELL) == pytest.approx(0, abs=1e-12)
        assert onedim.jensen_shannon(p, np.zeros_like(p), CELL) == pytest.approx(math.log(2), abs=3e-3)
        for _ in range(20):
            q = rng.dirichlet(np.full(len(x), rng.choice([0.01, 0.1, 1]))) / CELL * rng.uniform(0, 1)
            js = onedim.jensen_shannon(p, q, CELL)
            assert 0 <= js <= math.log(2) + 1e-12
            assert js == pytest.approx(onedim.jensen_shannon(q, p, CELL))
    left, right = np.where(x < 0, 1 / 3.5, 0), np.where(x < 0, 0, 1 / 3.5)
    assert onedim.jensen_shannon(left, right, CELL) == pytest.approx(math.log(2))


def test_the_best_d_reaches_the_value_of_the_game(monkeypatch, small_state):
    make_uniform(monkeypatch, 1.5, 0.3)
    scene = onedim.scene(small_state, onedim.Config("two"))
    x = layer(scene, "D(x)").xy[0, 0, :, 0]
    p, q, d, best = (heights(scene, name) for name in LINES)
    assert p == pytest.approx(onedim.density("two", x))
    assert q == pytest.approx(onedim.generated(small_state))
    assert d == pytest.approx(small_state.discriminate(x[:, None]))
    assert best == pytest.approx(p / (p + q))
    value = CELL * (p * np.log(best) + np.where(q > 0, q * np.log1p(-np.minimum(best, 1 - 1e-12)), 0)).sum()
    got = numbers(scene)
    assert got["2 JS − 2 log 2"] == pytest.approx(value, abs=1e-3)
    assert got["D on average at data"] == pytest.approx((d * p).sum() / p.sum(), rel=1e-5)
    assert not layer(scene, "best D: p ÷ (p + q)").visible


def test_a_d_left_alone_learns_the_best_d():
    scenes = [
        s for s in onedim.scenes(onedim.Config("one", every=500), iter([D._replace(single=False)] * 1_000)) if s
    ]
    assert len(scenes) == 3
    first, last = scenes[0], scenes[-1]
    p, q, *_ = (heights(last, name) for name in LINES)
    assert np.array_equal(layer(first, "generated q(x)").xy, layer(last, "generated q(x)").xy)
    some = p + q > 0.05
    off = [np.abs(heights(s, LINES[2]) - heights(s, LINES[3]))[some].mean() for s in (first, last)]
    got = numbers(last)
    print(f"\nD is off the best D by {off[0]:.3f}, then {off[1]:.3f}; V = {got['value of the game V']:.3f}")
    assert off[1] < 0.1 < off[0]
    assert got["value of the game V"] == pytest.approx(got["2 JS − 2 log 2"], abs=0.03)


@pytest.mark.parametrize("truth", onedim.TRUTHS)
def test_the_value_of_the_game_belongs_to_the_frame_s_d_and_g(small_state, truth):
    """By samples, where the scene integrates; not the minibatch's loss, which D's update has made stale."""
    got = numbers(onedim.scene(small_state, onedim.Config(truth)))["value of the game V"]
    rng = np.random.default_rng(0)
    weights, means, deviations = np.array(onedim.HUMPS[truth]).T
    k = rng.choice(len(weights), size=40_000, p=weights)
    x = rng.normal(means[k], deviations[k]).astype(np.float32)[:, None]
    z = rng.uniform(-1, 1, (40_000, 1)).astype(np.float32)
    d_real, d_fake = (small_state.discriminate(v).astype(float) for v in (x, small_state.generate(z)))
    assert got == pytest.approx(np.log(d_real).mean() + np.log1p(-d_fake).mean(), abs=0.01)


@pytest.mark.parametrize(("loss", "of_g"), [("non-saturating", math.log(2)), ("minimax", -math.log(2))])
def test_dashed_is_what_each_loss_is_where_d_cannot_tell(loss, of_g):
    scene = next(s for s in live.scenes(Config("ring8", loss=loss, width=8), iter([D])) if s)
    dashed = [x for x in scene.panels[2].layers if getattr(x, "dashed", False)]
    half = torch.zeros(5)  # D's output where it says ½
    assert [float(x.xy[0, 0, 1]) for x in dashed] == pytest.approx([2 * math.log(2), of_g])
    assert generator_loss(loss, half).item() == pytest.approx(of_g)
    assert [x.colour for x in dashed] == ["data", "model"]


@pytest.mark.parametrize("truth", onedim.TRUTHS)
def test_frames_in_one_dimension_have_one_shape(monkeypatch, truth):
    monkeypatch.setattr(onedim, "STEPS", 20)
    for rate in (1e-3, 10.0):
        moves = itertools.chain([D, G, BOTH, D], itertools.repeat(TICK))
        scenes = frames(onedim.Config(truth, np.log10(rate), np.log10(rate), 3), moves, onedim.scenes)
        assert [int(s.steps[0]) for s in scenes] == [0, 1, 2, 3, 4, 10, 20, 22]
        expect_one_shape(scenes)
        for scene in scenes[1:]:
            assert np.isfinite(layer(scene, "noise z to G(z)").xy).all()
            assert 0 <= numbers(scene)["JS(p ‖ q)"] <= math.log(2) + 1e-9
    threads = layer(scenes[0], "noise z to G(z)").xy[0]
    assert np.diff(threads[:, 0, 0]) == pytest.approx(6 / (len(threads) - 1), rel=1e-4), "evenly spaced noise"


def some_moves(seed: int = 0, n: int = 24) -> list[Move]:
    rng = random.Random(seed)
    return [Move(rng.choice(list(ONE)), rng.random() < 0.4) for _ in range(n)]


def test_equal_configs_give_equal_frames():
    scenes = frames(ab.Versus(tiny(), ()), some_moves(), ab.scenes)
    expect_one_shape(scenes)
    for scene in scenes:
        a, b = scene.panels[:2]
        for one, other in zip(a.layers, b.layers, strict=True):
            for (name, x), (_, y) in zip(one.split()[1].items(), other.split()[1].items(), strict=True):
                assert np.array_equal(x, y, equal_nan=True), (one.name, name)
        got = numbers(scene)
        assert got["A: modes of 8"] == got["B: modes of 8"]
        assert got["A: W₂"] == got["B: W₂"]


OTHER = [
    {"r1": 1.0},
    {"loss": "hinge"},
    {"decay": "none"},
    {"n_noise": 7},
    {"packing": 4},
    {"instance_noise": 0.5},
    {"loss": "wasserstein-gp"},
    {"n_noise": 1},
    {"r1": 0.1, "decay": "cosine"},
]


@pytest.mark.parametrize("other", OTHER, ids=str)
def test_both_sides_make_the_same_moves_and_are_what_they_are_alone(other):
    moves, pair = some_moves(1, 40), ab.Versus(tiny(), tuple(other.items()))
    scenes = frames(pair, moves, ab.scenes)
    expect_one_shape(scenes)
    for panel, side in enumerate((pair.left, pair.right)):
        alone = frames(side, moves)
        assert [int(s.steps[0]) for s in alone] == [int(s.steps[0]) for s in scenes]
        for one, both in zip(alone, scenes, strict=True):
            assert np.array_equal(layer(one, "generated").xy, layer(both, "generated", panel).xy)
            assert np.array_equal(layer(one, "what D says").values, layer(both, "what D says", panel).values)
    last = scenes[-1]
    assert not np.array_equal(layer(last, "generated").xy, layer(last, "generated", 1).xy)


@pytest.mark.parametrize("source", ["moons", "csv"])
def test_without_modes_both_sides_are_compared_by_w2(source):
    config = tiny(source, csv=((0.0, 0.0), (1.0, 0.5), (2.0, 0.4), (3.0, 1.6)))
    scenes = frames(ab.Versus(config, (("r1", 1.0),)), None, ab.scenes)
    assert [int(s.steps[0]) for s in scenes] == [0, 10, 20, 30]
    expect_one_shape(scenes)
    assert set(numbers(scenes[-1])) == {"A: W₂", "B: W₂"}


def test_one_side_that_diverges_ends_both_with_a_sentence():
    pair = ab.Versus(tiny(optimiser="sgd"), (("d_learning_rate", 1e6), ("g_learning_rate", 1e6)))
    scenes = until_it_diverges(ab.scenes(pair, itertools.repeat(BOTH)))
    assert scenes
    expect_one_shape(scenes)


@pytest.mark.parametrize("name", modes.WHICH)
def test_a_long_training_is_shown_as_it_was_recorded(name):
    scene, loaded = modes.scene(modes.Config(name)), checkpoint.load(name)
    of = world(Config(loaded.entry.config["data"]))
    got = {r.name: np.asarray(r.values) for r in scene.readouts}
    assert np.array_equal(scene.steps, loaded.arrays["steps"])
    assert got[f"modes of {len(of.centres)}"] == pytest.approx(loaded.arrays["modes"])
    assert got["high quality"] == pytest.approx(100 * loaded.arrays["quality"])
    assert got["reverse KL"] == pytest.approx(loaded.arrays["reverse_kl"])
    for k in (len(scene.steps) // 2, -1):
        held = mode_coverage(layer(scene, "generated").xy[k], of.centres, of.sigma)
        share = got["high quality"][k] / 100
        error = 100 * np.sqrt(share * (1 - share) * (1 / 1000 - 1 / 2500))  # 1,000 of the 2,500 that count: ≈ 0.3
        assert 100 * held.quality == pytest.approx(got["high quality"][k], abs=4 * error)
    assert got["high quality"][-1] > got["high quality"][:5].max()
    judged = layer(scene, "what D says at the end").values
    assert np.isfinite(judged).all()
    assert 0 <= judged.min() < judged.max() <= 1


def test_the_epochs_of_digits():
    scene, arrays = digits.scene(digits.Config("epochs")), cache.arrays(digits.NAME)
    got = {r.name: np.asarray(r.values) for r in scene.readouts}
    assert np.array_equal(scene.steps, arrays["epochs"])
    told = checkpoint.load(digits.NAME).entry.metrics
    assert got["entropy of the classes"][-1] == pytest.approx(told["class_entropy_nats"], abs=1e-4)
    assert got["rarest class"][-1] == pytest.approx(100 * told["rarest_class"], abs=1e-4)
    assert (got["entropy of the classes"] <= math.log(10) + 1e-9).all()
    assert layer(scene, "share", 1).height.sum(axis=1) == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_a_walk_passes_its_stops_and_comes_home(seed):
    scene = digits.scene(digits.Config("walk", seed))
    walk, stops = (panel.layers[0].pixels for panel in scene.panels)
    assert len(walk) == digits.STOPS * digits.BETWEEN == len(scene.steps)
    pictures = walk.reshape(len(walk), -1)[:: digits.BETWEEN].astype(int)
    assert np.abs(pictures - stops.reshape(digits.STOPS, -1)).max() <= 1
    length = {r.name: np.asarray(r.values) for r in scene.readouts}["length of z"]
    assert length.min() > 0.7 * length[:: digits.BETWEEN].min(), "a straight way would pass near the centre"
    closed = np.concatenate([walk, walk[:1]]).reshape(len(walk) + 1, -1).astype(float)
    jumps = np.abs(np.diff(closed, axis=0)).mean(axis=1)
    assert jumps.max() < 5 * np.median(jumps) + 1, "no jump, the last step home included"
    other = digits.scene(digits.Config("walk", seed - 1 if seed else 5)).panels[0].layers[0].pixels
    assert not np.array_equal(walk, other)


def test_the_walk_is_the_generator_s():
    arrays, config = cache.arrays(digits.NAME), checkpoint.load(digits.NAME).entry.config
    z = draw_noise(dataclasses.replace(tiny().gan(), n_noise=config["n_noise"]), 3, seeded(0)).numpy()
    h = torch.tensor(z)
    for k in range(len(config["g_hidden"]) + 1):
        weight, bias = (torch.tensor(arrays[f"generator.{2 * k}.{kind}"]).float() for kind in ("weight", "bias"))
        h = torch.nn.functional.linear(torch.relu(h) if k else h, weight, bias)
    expected = ink(arrays["centre"] + arrays["scale"] * h.numpy())
    network = digits.generator(checkpoint.load(digits.NAME))
    assert np.abs(ink(arrays["centre"] + arrays["scale"] * network(z)).astype(int) - expected).max() <= 1
