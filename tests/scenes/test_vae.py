"""The VAEs' scenes."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from dashboard.scene.painted import decode_points
from dashboard.scenes.pictures import binary, flat
from dashboard.scenes.vae import beta, learn, live, plane, seven, walk, yours
from dashboard.scenes.vae.setup import PLANE, aggregate, known
from genmodels.data.digits import load_binarised_mnist
from genmodels.store import cache, checkpoint
from tests.scenes.reading import layer, painted, readouts


def pictures(panel) -> list[np.ndarray]:
    return [one.pixels for one in panel.layers if one.kind == "images"]


def by_torch(name: str):
    """A stored network, by torch."""
    from genmodels.nn import arrays as parameters
    from genmodels.recipes.vae import OTHERS
    from genmodels.vae.model import VAE, VAEConfig

    loaded = checkpoint.load(name)
    config = {key: value for key, value in loaded.entry.config.items() if key not in OTHERS}
    return parameters.load(VAE(VAEConfig(**config)), loaded.arrays).requires_grad_(False)


NONE = [[np.nan, 0], [0, np.inf], "ab", [1, 2, 3], [2e6, 0], None]


@pytest.mark.parametrize(("cue", "name"), [(plane, "z"), (seven, "style"), (walk, "start"), (walk, "end")])
def test_the_hand_goes_anywhere(cue, name):
    ends = {"start": [0.0, 0.0], "end": [1.0, 1.0]}
    for far in ([1e6, -1e6], [-1e6, 1e6], [4.0, -4.0], [0.123, -0.456]):
        moved = cue.after_drag(cue.Config(), {"handles": ends | {name: far}, "moved": name})
        for readout, values in readouts(cue.scene(moved)).items():
            assert np.isfinite(values).all(), (far, readout)
    for none in NONE:
        with pytest.raises(ValueError, match=f"handle '{name}'"):
            cue.after_drag(cue.Config(), {"handles": ends | {name: none}})


@pytest.mark.parametrize("z", [(0.0, 0.0), (1.5, -2.25), (-4.0, 4.0)])
def test_the_picture_under_the_hand_is_the_decoder_s(z):
    import torch

    under = pictures(plane.scene(plane.Config(*z)).panels[1])[0][0]
    assert np.array_equal(under.ravel(), np.round(255 * known().network.decode(np.array([z]))[0]))
    mean = by_torch("vae-2d").mean(torch.tensor([z])).numpy().reshape(28, 28)
    assert np.abs(under - 255 * mean).max() <= 1


def test_codes_are_the_encoder_s():
    import torch

    mu, log_var = by_torch("vae-2d").encode(torch.tensor(flat(binary().images)))
    assert np.abs(known().mu - mu.numpy()).max() < 1e-4
    assert np.abs(known().sigma - log_var.mul(0.5).exp().numpy()).max() < 1e-4


@pytest.mark.parametrize("z", [(0.0, 0.0), (1.2, -0.7), (-2.6, 1.9)])
def test_densities_at_the_hand(z):
    got, of = readouts(plane.scene(plane.Config(*z))), known()
    prior = stats.multivariate_normal(np.zeros(2)).pdf(z)
    assert got["prior p(z) there"][0] == pytest.approx(prior)
    parts = [
        stats.multivariate_normal(mean, np.diag(sigma**2)).pdf(z) for mean, sigma in zip(of.mu, of.sigma, strict=True)
    ]
    assert got["ratio q(z) ÷ p(z)"][0] == pytest.approx(np.mean(parts) / prior)


def test_the_aggregate_posterior_sums_to_one():
    grid = np.linspace(-6, 6, 241)
    z = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    of = known()
    total = sum(aggregate(of, part).sum() for part in np.array_split(z, 20)) * (grid[1] - grid[0]) ** 2
    assert total == pytest.approx(1, abs=0.02)


def test_the_sheet_s_pictures_lie_on_their_codes():
    sheet = layer(plane.scene(plane.Config()), "decoded sheet")
    x0, x1, y0, y1 = sheet.extent
    width, height = (x1 - x0) / sheet.columns, (y1 - y0) / (len(sheet.pixels) // sheet.columns)
    for row, column in ((0, 0), (3, 17), (19, 19), (10, 4)):
        z = np.array([[x0 + (column + 0.5) * width, y1 - (row + 0.5) * height]])
        expected = np.round(255 * known().network.decode(z)[0])
        assert np.abs(sheet.pixels[row * sheet.columns + column].ravel() - expected).max() <= 1


def test_one_digit_s_way_through_the_model():
    scene, of = plane.scene(plane.Config(seed=3)), known()
    z, ellipse = layer(scene, "z drawn").xy[:, 0], layer(scene, "q(z | x) of this digit")
    _, x, copy = pictures(scene.panels[1])
    for digit in range(10):
        k = 4 * digit
        index = np.flatnonzero(of.labels == digit)[0]
        assert np.isnan(ellipse.mean[k]).all()
        assert np.allclose(ellipse.mean[k + 1, 0], of.mu[index])
        assert np.allclose(np.diagonal(ellipse.covariance[k + 1, 0]), of.sigma[index] ** 2)
        assert np.isnan(z[: k + 2][k:]).all()
        assert np.abs((z[k + 2] - of.mu[index]) / of.sigma[index]).max() < 4
        assert np.array_equal(x[k, 0], 255 * binary().images[index])
        assert not copy[k : k + 3].any()
        assert np.array_equal(copy[k + 3, 0].ravel(), np.round(255 * of.network.decode(z[k + 2 : k + 3])[0]))


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_cost_at_the_encoder_s_place_is_what_the_page_says(seed):
    import torch

    picture, best = plane.target(seed)
    x = 1 - picture / 255
    index = next(k for k, image in enumerate(binary().images) if np.array_equal(image, x))
    at = known().mu[index]
    assert plane.cost(seed, plane.Config(*at)) == pytest.approx(best)
    model = by_torch("vae-2d")
    logits = model.decode(torch.tensor(at[None], dtype=torch.float32))
    log_prob = model.log_prob(logits, torch.tensor(x.reshape(1, -1), dtype=torch.float32))
    assert best == pytest.approx(-float(log_prob), abs=1e-2)


def test_every_seed_s_challenge_can_be_solved_but_not_at_the_start():
    grid = np.linspace(*PLANE, 81)
    z = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    p = np.clip(known().network.decode(z).astype(float), 1e-12, 1 - 1e-12)
    log_odds, no_ink = np.log(p / (1 - p)), np.log1p(-p).sum(axis=1)
    counts = []
    for seed in range(40):
        picture, best = plane.target(seed)
        goal = math.ceil(best + 10)
        cost = -(log_odds @ (1 - picture.ravel() / 255.0) + no_ink)
        counts.append(int((cost < goal).sum()))
        assert counts[-1] > 0, seed
        assert plane.cost(seed, plane.Config(*z[cost.argmin()])) < goal
        assert plane.cost(seed, plane.Config()) > goal
    print(f"\nof {len(z)} places solve it: {min(counts)} to {max(counts)}, median {np.median(counts):g}")


@pytest.mark.parametrize(("start", "end"), [(7, 0), (499, 3), (12, 12)])
def test_both_ways_end_at_the_two_digits(start, end):
    scene, of = walk.scene(walk.Config(start, end)), known()
    mixed, decoded = (pictures(panel)[0] for panel in scene.panels[1:3])
    for k, index in ((0, start), (-1, end)):
        assert np.array_equal(mixed[k, 0], 255 * binary().images[index])
        expected = of.network.decode(of.mu[index][None])[0]
        assert np.array_equal(decoded[k, 0].ravel(), np.round(255 * expected))
        assert np.allclose(layer(scene, "here").xy[k, 0], of.mu[index])
        assert np.allclose(scene.handles[k].at, of.mu[index])
    middle = 127.5 * (binary().images[start].astype(float) + binary().images[end])
    assert np.abs(mixed[walk.FRAMES // 2, 0] - middle).max() <= 0.5


def test_the_distance_is_to_the_nearest_training_digit():
    training = flat(load_binarised_mnist().train.images).astype(float)
    some = np.random.default_rng(0).random((3, 784), dtype=np.float32)
    expected = [np.linalg.norm(training - picture, axis=1).min() for picture in some]
    assert walk.to_nearest(some) == pytest.approx(expected, rel=1e-4)
    assert walk.to_nearest(training[:2].astype(np.float32)) == pytest.approx([0, 0], abs=0.05)


def test_an_end_goes_to_the_nearest_digit():
    mu = known().mu
    for index in (0, 123, 499):
        held = {"start": (mu[index] + 1e-6).tolist(), "end": mu[4].tolist()}
        assert walk.after_drag(walk.Config(), {"handles": held, "moved": "start"}) == walk.Config(index, 4)


def test_the_training_recorded_says_what_the_index_says():
    got, told = readouts(learn.scene(learn.Config())), checkpoint.load("vae-training").entry.metrics
    assert got["ELBO, unseen"] == pytest.approx(got["reconstruction, unseen"] - got["KL, unseen"])
    assert got["ELBO, unseen"].max() == pytest.approx(told["elbo_best_nats"], abs=0.05)  # by weights of 11 bits
    assert got["ELBO, unseen"][-1] == pytest.approx(told["elbo_last_nats"], abs=0.05)  # by weights of 11 bits
    assert got["ELBO, seen"][-1] > got["ELBO, unseen"][-1] + 5


def test_every_beta_says_what_the_index_says():
    scene = beta.scene(beta.Config())
    got, told = readouts(scene), checkpoint.load("vae-beta").entry.metrics
    one = np.flatnonzero(got["β"] == 1).item()
    assert got["ELBO (β = 1)"][one] == pytest.approx(told["elbo_beta1_nats"], abs=1e-3)
    assert got["KL"][-1] == pytest.approx(told["kl_largest_beta_nats"], abs=1e-4)
    assert (got["β"].min(), got["β"].max()) == (pytest.approx(0.01), 64)
    said = [scene.captions[scene.caption[k]] for k in (0, one, -1)]
    assert [words.split(":")[0] for words in said] == ["Against β = 1", "β = 1", "Posterior collapse"]
    assert got["latents in use"][[0, -1]].tolist() == [2, 0]
    assert (np.diff(got["KL"]) < 0.05).all()


def test_a_collapsed_posterior_is_the_prior():
    arrays = cache.arrays("vae-beta")
    assert np.abs(arrays["mu"][-1].astype(float)).max() < 0.05
    assert arrays["sigma"][-1].astype(float) == pytest.approx(1, abs=0.02)
    copies = arrays["reconstructions"][-1].astype(float)
    assert np.abs(copies - copies[0]).max() <= 2, "every digit is decoded to the same"


@pytest.mark.parametrize(("cue", "name"), [(beta, "vae-beta"), (learn, "vae-training")])
def test_means_and_draws_from_the_prior_are_both_shown(cue, name):
    """E[x | z] is no draw of x: a draw is black or white, and has ink as often as the mean above it says."""
    stored = cache.arrays(name)["samples"]
    panel = next(p for p in cue.scene(cue.Config()).panels if p.title == "Prior: E[x | z], draws")
    means, draws, others, their_draws = pictures(panel)
    assert next(one.texts for one in panel.layers if one.kind == "labels") == ("mean", "draw", "mean ", "draw ")
    shown = np.concatenate([means, others], axis=1)
    assert np.array_equal(shown, stored[:, 1:11]), "the first z is the origin, which is no draw"
    drawn = np.concatenate([draws, their_draws], axis=1)
    assert set(np.unique(drawn)) == {0, 255}
    p = shown.astype(float) / 255
    share, expected, deviation = (drawn == 255).mean(), p.mean(), np.sqrt((p * (1 - p)).mean() / drawn[0].size)
    assert share == pytest.approx(expected, abs=5 * deviation)
    assert not drawn[shown == 0].any()
    assert (drawn[shown == 255] == 255).all()


@pytest.mark.parametrize("data_seed", [0, 3])
def test_a_live_draw_is_a_mean_and_the_decoder_s_noise(data_seed):
    scene = frames(3, seed=data_seed)[-1]
    panel = scene.panels[1]
    *_, means, draws = pictures(panel)
    apart = (draws.astype(float) - means)[..., 1:-1, 1:-1] / 255
    inside = (means[..., 1:-1, 1:-1] > 60) & (means[..., 1:-1, 1:-1] < 195)
    sigma = readouts(scene)["decoder's σₓ"][0]
    assert np.sqrt(np.mean(apart[inside] ** 2)) == pytest.approx(sigma, rel=0.4)
    assert means.shape == draws.shape == (1, 5, 10, 10)


def test_what_is_said_of_beta_is_what_is_stored():
    got, arrays = readouts(beta.scene(beta.Config())), cache.arrays("vae-beta")
    left, middle, right = beta.sentences()
    best = got["ELBO (β = 1)"].argmax()
    near = got["β"][got["ELBO (β = 1)"] > got["ELBO (β = 1)"][best] - 3]
    assert (
        f"highest at β = {got['β'][best]:g}, and less than 3 nats lower from {near.min():g} to {near.max():g}"
        in middle
    )
    outside = (np.square(arrays["mu"][0].astype(float)).sum(axis=1) > 9).mean()
    assert f"{100 * outside:.0f} % of codes lie beyond" in left
    assert f"{100 * stats.chi2(2).sf(9):.0f} % of its draws" in left
    for count in (1, 0):
        assert f"{count} from β = {got['β'][got['latents in use'] == count].min():g} on" in right


def test_what_is_said_of_the_training_is_what_is_stored():
    got = readouts(learn.scene(learn.Config()))
    epochs = cache.arrays("vae-training")["epochs"]
    (words,) = learn.sentences()
    best = got["ELBO, unseen"].argmax()
    for nats in (got["ELBO, seen"][-1], got["ELBO, unseen"][-1], got["ELBO, unseen"][best]):
        assert f"−{abs(nats):.0f}" in words
    assert f"at epoch {epochs[best]}" in words


def test_after_one_epoch_each_digit_is_copied_to_the_mean_digit():
    copies = cache.arrays("vae-training")["reconstructions"].astype(float)
    mean = 255 * load_binarised_mnist().train.images.mean(axis=0)
    assert np.abs(copies[1] - copies[1][0]).max() < 2
    assert np.abs(copies[1] - mean).mean() < 5
    assert np.abs(copies[-1] - mean).mean() > 20


def test_holes_are_where_the_prior_outweighs_the_codes():
    z, of = np.random.default_rng(5).standard_normal((3000, 2)), known()
    mixture = np.zeros(len(z))
    for mean, sigma in zip(of.mu, of.sigma, strict=True):
        mixture += stats.multivariate_normal(mean, np.diag(sigma**2)).pdf(z) / len(of.mu)
    share = (mixture < 0.1 * stats.multivariate_normal(np.zeros(2)).pdf(z)).mean()
    assert plane.holes() == pytest.approx(share, abs=0.03)


@pytest.mark.slow
def test_a_style_says_little_of_the_class():
    told = []
    for name in (seven.NAME, "vae-2d"):
        of = known(name)
        told.append(cross_val_score(KNeighborsClassifier(15), of.mu, of.labels, cv=LeaveOneOut()).mean())
    assert seven.told_by_code() == pytest.approx(told[0], abs=0.02)
    assert told[0] < 0.5 * told[1], "far less than where the encoder is not told the class"
    assert f"{100 * seven.told_by_code():.0f} %" in seven.sentence()


def test_what_the_bound_lets_pass():
    of, images, reference = yours.judged(), binary().images, cache.arrays("vae-2d")
    worst = np.sort(-reference["reference.digits"])[-25]  # a 20th of 500 are as hard to explain
    assert of.turned == pytest.approx((-reference["reference.upside_down"] <= worst).mean(), abs=0.01)
    moved = np.zeros_like(images)
    moved[:, :, 5:] = images[:, :, :-5]
    reconstruction, kl = known().network.elbo(flat(moved), 16, np.random.default_rng(3))
    assert of.aside == pytest.approx((kl - reconstruction <= worst).mean(), abs=0.03)
    reconstruction, kl = known().network.elbo(np.zeros((1, 784)), 2000, np.random.default_rng(4))
    blank = float((kl - reconstruction).item())
    assert of.blank == pytest.approx(blank, abs=3)
    assert of.harder == pytest.approx((-reference["reference.digits"] >= blank).mean(), abs=0.03)


@pytest.mark.parametrize("style", [(0.8, -0.6), (-3.0, 2.0)])
def test_one_style_in_all_classes(style):
    import torch

    scene, of = seven.scene(seven.Config(4, *style)), known(seven.NAME)
    decoded = pictures(scene.panels[1])[0][:, 0]
    z = torch.tensor([style] * 10)
    mean = by_torch(seven.NAME).mean(z, torch.arange(10)).numpy().reshape(10, 28, 28)
    assert np.abs(decoded - 255 * mean).max() <= 1
    assert scene.start == 4
    both = pictures(scene.panels[2])
    for c, (one, real) in enumerate(zip(both[::2], both[1::2], strict=True)):
        assert np.array_equal(one[0], decoded[c])
        mine = np.flatnonzero(of.labels == c)
        nearest = mine[np.linalg.norm(of.mu[mine] - style, axis=1).argmin()]
        assert np.array_equal(real[0], 255 * binary().images[nearest])


TURN = np.linspace(0, 2 * np.pi, 60)
STROKES = {
    "three": decode_points(yours.example(), yours.BOARD, yours.BOARD)[0],
    "circle": np.stack([8 + 3 * np.cos(TURN), 20 + 5 * np.sin(TURN)], -1),
    "one": np.stack([np.full(20, 2.0), np.linspace(3, 25, 20)], -1),
    "lying": np.stack([np.linspace(1, 27, 20), np.full(20, 26.0)], -1),
    "seven": np.concatenate(
        [
            np.stack([np.linspace(8, 20, 12), np.full(12, 23.0)], -1),
            np.stack([np.linspace(20, 12, 18), np.linspace(23, 4, 18)], -1),
        ]
    ),
    "small": np.stack([24 + np.cos(TURN), 3 + np.sin(TURN)], -1),
    "dot": np.array([[27.9, 0.1]]),
    "two dots": np.array([[1.0, 1.0], [27.0, 27.0]]),
    "the same dot": np.full((30, 2), 14.0),
    "500 anywhere": np.random.default_rng(0).uniform(0, 28, (500, 2)),
}


@pytest.mark.parametrize("name", STROKES)
def test_a_drawing_is_made_like_mnist(name):
    picture = yours.pixels(STROKES[name], fitted=True).reshape(28, 28)
    assert set(np.unique(picture)) == {0, 1}
    rows, columns = np.nonzero(picture)
    assert abs(rows.mean() + 0.5 - 14) <= 1
    assert abs(columns.mean() + 0.5 - 14) <= 1
    assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 21  # 20, wherever the grid lies
    if name not in ("dot", "the same dot", "small"):
        assert max(np.ptp(rows), np.ptp(columns)) + 1 >= 19


@pytest.mark.parametrize("name", STROKES)
def test_a_drawing_that_is_not_fitted_stays_where_it_is(name):
    picture = yours.pixels(STROKES[name], fitted=False).reshape(28, 28)
    ys, xs = np.nonzero(picture)
    x, y = xs + 0.5, 28 - ys - 0.5
    points = STROKES[name]
    assert len(x) > 0
    apart = np.hypot(x[:, None] - points[:, 0], y[:, None] - points[:, 1]).min(axis=1)
    assert apart.max() < yours.PEN + 28 / 9 / 2 + 0.1
    for px, py in points:
        inside = np.hypot(np.clip(px, 0.5, 27.5) - x, np.clip(py, 0.5, 27.5) - y).min()
        assert inside <= 0.75, (px, py)


@pytest.mark.parametrize("name", STROKES)
@pytest.mark.parametrize("fitted", [True, False])
def test_what_was_drawn_is_judged(name, fitted):
    scene = yours.scene(yours.Config(painted(STROKES[name], yours.BOARD), fitted))
    got = readouts(scene)
    assert got["ELBO"][0] == pytest.approx(got["reconstruction"][0] - got["KL"][0])
    assert 0 <= got["rank"][0] <= 100
    assert got["KL"][0] >= 0
    assert scene.captions[0].endswith(".")
    assert len(scene.brush.points) == len(STROKES[name])
    assert all(f"{{{part}}}" in scene.equation for part in ("reconstruction", "KL", "ELBO", "rank"))


def test_the_bound_is_genmodels_s():
    import torch

    from genmodels.nn.layers import seeded
    from genmodels.vae.model import elbo

    x = yours.pixels(STROKES["three"], fitted=True)
    got, model = readouts(yours.scene(yours.Config(yours.example()))), by_torch("vae-2d")
    images = torch.tensor(x[None])
    bound = elbo(model, images, n_samples=2048, generator=seeded(0))
    mu, log_var = model.encode(images)
    q = torch.distributions.Normal(mu, (0.5 * log_var).exp())
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum()
    assert got["KL"][0] == pytest.approx(float(kl), abs=1e-3)
    assert got["reconstruction"][0] == pytest.approx(float(bound.reconstruction[0]), abs=1.5)
    below = float((cache.arrays("vae-2d")["reference.digits"] <= got["ELBO"][0]).mean())
    assert got["rank"][0] == pytest.approx(100 * below)


def test_an_empty_board_is_a_board_and_a_sentence():
    scene = yours.scene(yours.Config(""))
    assert len(scene.panels) == 1
    assert scene.brush.points == ()
    assert scene.captions == ("Draw a digit with the mouse or a finger.",)
    assert not scene.readouts


def test_strokes_come_back_from_the_hand():
    painted = [[x, y, 0] for x, y in STROKES["circle"]]
    config = yours.after_drag(yours.Config("", False, 5), {"painted": painted})
    assert (config.fitted, config.seed) == (False, 5)
    points, _ = decode_points(config.drawn, yours.BOARD, yours.BOARD)
    assert np.abs(points - STROKES["circle"]).max() < 28 / 1024
    outside = yours.after_drag(config, {"painted": [[-1e6, 1e6, 0]]})
    at, _ = decode_points(outside.drawn, yours.BOARD, yours.BOARD)
    assert np.allclose(at, [[0, 28]], atol=0.02)
    assert yours.after_drag(config, {"painted": []}).drawn == ""
    for none in ([[np.nan, 0, 0]], [[1, 2]], "ab", None, [[0, 0, 0]] * 501, [[0, 0, 7]]):
        with pytest.raises(ValueError, match=r"paint|label"):
            yours.after_drag(config, {"painted": none})


def losses() -> dict[str, np.ndarray]:
    return {kind: -cache.arrays("vae-2d")[f"reference.{kind}"].astype(float) for kind in yours.KINDS}


def judged(x: np.ndarray) -> list[str]:
    reconstruction, kl = known().network.elbo(x, 64, np.random.default_rng(0))
    return [yours.verdict(loss, losses()) for loss in kl - reconstruction]


def test_digits_are_ours_and_noise_is_not():
    x = flat(load_binarised_mnist().valid.images[:100])
    ours = sum(said.startswith("By its ELBO it could be one of ours") for said in judged(x))
    noise = sum(said.startswith("None of ours") for said in judged(np.random.default_rng(0).permuted(x, axis=1)))
    upside_down = sum(said.startswith("By its ELBO it could be one of ours") for said in judged(x[:, ::-1]))
    print(f"\nours of 100: digits {ours}, upside down {upside_down}; none of ours: noise {noise}")
    assert ours >= 85
    assert noise >= 95
    assert upside_down < ours


def test_the_verdict_follows_the_rank():
    of = losses()
    worst = float(of["digits"].max())
    assert yours.verdict(0.0, of) == (
        "By its ELBO it could be one of ours: 100.0 % of held-out digits are as hard to explain."
    )
    assert yours.verdict(float(np.quantile(of["digits"], 0.97)), of).startswith("An odd one")
    assert yours.verdict(worst + 1, of) == (
        "None of ours: harder to explain than every held-out digit, easier than 95 % of shuffled ones."
        if worst + 1 < np.quantile(of["noise"], 0.05)
        else "None of ours: as hard to explain as digits whose pixels are shuffled."
    )
    assert yours.verdict(1e6, of) == "None of ours: as hard to explain as digits whose pixels are shuffled."


POINTS = tuple(map(tuple, np.random.default_rng(0).standard_normal((40, 2)).tolist()))


def frames(n: int, **config) -> list:
    return list(itertools.islice(live.scenes(live.Config(device="cpu", **config)), n))


@pytest.mark.parametrize("data", [d for d in live.DATA if d != "painted"])
@pytest.mark.parametrize("latents", live.LATENTS)
def test_frames_of_a_live_run_have_one_shape(data, latents):
    one, *others = frames(3, source=data, latents=latents, csv=POINTS)
    assert [s.steps.tolist() for s in (one, *others)] == [[0], [20], [40]]
    shapes, still = {name: array.shape for name, array in one.moving()}, dict(one.still())
    for other in others:
        assert {name: array.shape for name, array in other.moving()} == shapes
        assert other.layout() == one.layout()
        for name, array in other.still():
            assert np.array_equal(array, still[name], equal_nan=True), name
    for name, values in readouts(others[-1]).items():
        assert np.isfinite(values).all(), name


def test_the_same_seed_gives_the_same_frames():
    first, again, other = (frames(2, seed=seed)[-1] for seed in (5, 5, 6))
    for (name, one), (_, two) in zip(first.moving(), again.moving(), strict=True):
        assert np.array_equal(one, two), name
    assert any(not np.array_equal(a, b) for (_, a), (_, b) in zip(first.moving(), other.moving(), strict=True))


def test_the_bound_shown_is_the_sum_of_its_terms():
    for scene in frames(3, source="moons", log_beta=0.6):
        got = readouts(scene)
        assert got["ELBO"] == pytest.approx(got["reconstruction"] - got["KL"], abs=1e-4)


def test_a_large_beta_takes_the_kl_away():
    assert readouts(frames(11, log_beta=2.0)[-1])["KL"][0] < 0.1


def test_a_small_beta_does_not():
    assert readouts(frames(11, log_beta=-2.0)[-1])["KL"][0] > 2


@pytest.mark.parametrize("data", ["digits8", "moons"])
def test_a_huge_learning_rate_trains_or_says_what_to_try(data):
    from genmodels.states import DivergedError

    why = ""
    try:
        for scene in itertools.islice(live.scenes(live.Config(data, log_rate=0.0, device="cpu")), 25):
            for name, array in scene.moving():
                assert np.isfinite(array).all(), name
    except DivergedError as diverged:
        why = str(diverged)
    print(f"\n{data} at a learning rate of 1: {why or 'finite for 480 steps'}")
    assert not why or why.endswith("try a smaller learning rate.")
