"""What the captions of diffusion claim."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal

from dashboard.scenes.diffusion.setup import learned
from dashboard.scenes.pictures import grey
from genmodels.data.digits import load_mnist
from genmodels.data.planar import get_dataset
from genmodels.diffusion.sampler import convert
from genmodels.store import cache as store
from tests.claims.oracles.samples import of_true_samples, w2
from tests.claims.shown import Oracle, Shown, holds_whatever

Match = re.Match[str]


def modes(source: str) -> tuple[np.ndarray, float] | None:
    """Centres and variance of the round modes that the data are, standardised; None if they are none."""
    dataset = get_dataset(source)
    if dataset.centres is None or dataset.sigma is None:
        return None
    return dataset.standardise(np.asarray(dataset.centres)), (dataset.sigma / dataset.scale) ** 2


def mixture(config: Any, points: int) -> tuple[np.ndarray, float]:
    """The modes, or that many points of the data, which have no width."""
    return modes(config.source) or (config.points(points, 2), 0.0)


def posterior_mean(config: Any, points: int, x_t: np.ndarray, level: float) -> np.ndarray:
    """E[x_0 | x_t] by Bayes' rule over equally likely round modes."""
    centres, variance = mixture(config, points)
    spread = level * variance + 1 - level
    r = softmax(-cdist(x_t, np.sqrt(level) * centres, "sqeuclidean") / (2 * spread), axis=1)
    gain = np.sqrt(level) * variance / spread
    return r @ centres + gain * (x_t - np.sqrt(level) * (r @ centres))


# --- Forward, and the schedule ------------------------------------------------------------------------------


def little_noise(shown: Shown, match: Match) -> bool:
    return bool(shown.config.noising().alpha_bar[shown.scene.steps[shown.frame]] > 0.99**2)


def nats_from_noise(shown: Shown) -> float:
    """Mean over the points of KL(q(x_T | x_0) ‖ N(0, I)), coordinate by coordinate."""
    level = shown.config.noising().alpha_bar[-1]
    m, variance = np.sqrt(level) * shown.config.points(400), 1 - level
    return float((0.5 * (variance + m**2 - 1 - np.log(variance))).sum(axis=1).mean())


# --- What to guess ------------------------------------------------------------------------------------------


def hand(shown: Shown) -> np.ndarray:
    return np.array([[shown.config.x_1, shown.config.x_2]])


def level_of(shown: Shown) -> float:
    return float(learned(shown.config.source).schedule.alpha_bar[shown.scene.steps[shown.frame]])


def answer(shown: Shown) -> np.ndarray:
    return posterior_mean(shown.config, 1_000, hand(shown), level_of(shown))[0]


def origins(shown: Shown) -> float:
    """1 / Σ w² over the data in the picture."""
    data, level = shown.config.points(300, 3), level_of(shown)
    w = softmax(-cdist(hand(shown), np.sqrt(level) * data, "sqeuclidean")[0] / (2 * (1 - level)))
    return float(1 / np.square(w).sum())


def network_errs_less(shown: Shown, match: Match) -> bool:
    config, level = shown.config, level_of(shown)
    if (modes(config.source) is None) != ("points" in match[0]):
        return False
    x_0, eps = config.points(300, 4), config.noise(300, 4)
    x_t, network = np.sqrt(level) * x_0 + np.sqrt(1 - level) * eps, learned(config.source).network
    says = convert(network(x_t, level), network.prediction, "x0", x_t, level)
    exact = posterior_mean(config, 1_000, x_t, level)
    return bool(np.square(says - x_0).sum() < np.square(exact - x_0).sum())


# --- Why so many steps --------------------------------------------------------------------------------------


class Back:
    """One exact step back of so many, as a mixture of round Gaussians, by Bayes' rule."""

    def __init__(self, shown: Shown, count: int) -> None:
        config, x_t = shown.config, hand(shown)[0]
        steps = config.noising().choose(count)
        share = np.linspace(1, 0.1, len(shown.scene.steps))[shown.frame]
        k = max(1, int(np.ceil(share * count - 1e-9)))
        level, before = steps.alpha_bar[k], 0.97 if k == 1 else steps.alpha_bar[k - 1]
        centres, variance = mixture(config, 60)
        prior = before * variance + 1 - before  # of x_s in a mode
        alpha = level / before
        precision = 1 / prior + alpha / (1 - alpha)
        self.variance = 1 / precision
        self.means = (np.sqrt(before) * centres / prior + np.sqrt(alpha) * x_t / (1 - alpha)) * self.variance
        spread = level * variance + 1 - level
        self.weights = softmax(-np.square(x_t - np.sqrt(level) * centres).sum(axis=1) / (2 * spread))
        self.own = (1 - alpha) * (1 - before) / (1 - level)
        self.mean = self.weights @ self.means
        apart = self.means - self.mean
        self.covariance = (self.weights * apart.T) @ apart + self.variance * np.eye(2)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        constant = np.log(np.maximum(self.weights, 1e-300)) - np.log(2 * np.pi * self.variance)
        return logsumexp(constant - cdist(x, self.means, "sqeuclidean") / (2 * self.variance), axis=1)

    def kl(self, own: bool) -> float:
        """To DDPM's own Gaussian, or to that of the moments, by a sum over a fine grid."""
        width = np.sqrt(np.trace(self.covariance) / 2)
        axis = np.linspace(-6, 6, 241)
        x = self.mean + width * np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        q = multivariate_normal(self.mean, self.own * np.eye(2) if own else self.covariance)
        log_p = self.log_prob(x)
        return float((np.exp(log_p) * (log_p - q.logpdf(x))).sum() * (width * (axis[1] - axis[0])) ** 2)

    def humps(self) -> int:
        """Where gradient ascent from each mean ends: the density's modes."""
        x = self.means[self.weights > 1e-4]
        for _ in range(500):
            log_w = np.log(np.maximum(self.weights, 1e-300)) - cdist(x, self.means, "sqeuclidean") / (
                2 * self.variance
            )
            x = softmax(log_w, axis=1) @ self.means
        apart: list[np.ndarray] = []
        for one in x:
            if all(np.linalg.norm(one - other) > 0.05 * np.sqrt(self.variance) for other in apart):
                apart.append(one)
        return len(apart)


def several_humps(shown: Shown, match: Match) -> bool:
    return Back(shown, 5).humps() > 1


def both_alike(shown: Shown, match: Match) -> bool:
    step = Back(shown, 5)
    return step.kl(own=False) < 0.0101 and step.kl(own=True) < 0.0101


def only_moments_alike(shown: Shown, match: Match) -> bool:
    step = Back(shown, 5)
    return step.kl(own=False) < 0.0101 and step.kl(own=True) > 0.0099


def larger_is_farther(shown: Shown, match: Match) -> bool:
    many, some, few = (Back(shown, count).kl(own=False) for count in (1_000, 50, 5))
    return many < some + 1e-5 and some < few


# --- Backward -----------------------------------------------------------------------------------------------


@cache
def cells(source: str) -> tuple[list[np.ndarray], list[float]]:
    """Centres of the modes, or of twenty cells found eight times, and the true variance around the nearest."""
    dataset, rng = get_dataset(source), np.random.default_rng(78)
    points, found = dataset.standardise(dataset.sample(8_000, rng)), modes(source)
    start = dataset.standardise(dataset.sample(8_000, rng))
    centres = [found[0]] if found else [kmeans2(start, 20, minit="++", seed=seed)[0] for seed in range(8)]
    return centres, [variance_around(points, one) for one in centres]


def variance_around(points: np.ndarray, centres: np.ndarray) -> float:
    return float(cdist(points, centres, "sqeuclidean").min(axis=1).mean() / 2)


def ends(shown: Shown) -> dict[str, np.ndarray]:
    name = "DDIM" if shown.config.sampler == "ddim" else "ODE"
    particles = [next(one for one in panel.layers if one.name == "particles") for panel in shown.scene.panels[:2]]
    return {who: one.xy[-1].astype(float) for who, one in zip(("DDPM", name), particles, strict=True)}


def far_by_w2(shown: Shown, who: str) -> float:
    """How many standard deviations above true samples'."""
    mean, deviation = of_true_samples(shown.config.source)
    return (w2(ends(shown)[who][:200], shown.config.points(400, 6)[:200]) - mean) / deviation


def share_of_variance(shown: Shown, who: str) -> float:
    x = ends(shown)[who]
    return float(
        np.mean([variance_around(x, one) / true for one, true in zip(*cells(shown.config.source), strict=True)])
    )


SLACK = 1.0  # a standard deviation that was found from few sets is not known better


def near_but_of_other_variance(shown: Shown, match: Match) -> bool:
    share = share_of_variance(shown, match[1])
    told = float(match[2]) / 100
    return (
        far_by_w2(shown, match[1]) < 2 + SLACK
        and (share - 1) * (told - 1) > 0
        and abs(np.log(share / told)) < 0.12
        and float(shown.readout("t")) == 0
    )


def far(shown: Shown, match: Match) -> bool:
    return all(far_by_w2(shown, who) > 2 - SLACK for who in match[1].split(" and "))


def both_near(shown: Shown, match: Match) -> bool:
    off = 0.12 if modes(shown.config.source) else 0.3
    return all(
        far_by_w2(shown, who) < 2 + SLACK and abs(share_of_variance(shown, who) - 1) < off for who in ends(shown)
    )


def whose_answer(shown: Shown, match: Match) -> bool:
    """What is drawn as x̂_0 is what the sentence says it is."""
    k = min(shown.frame, len(shown.scene.steps) - 2)
    level = float(learned(shown.config.source).schedule.alpha_bar[int(shown.readouts("t")[k])])
    x_t = next(one for one in shown.scene.panels[1].layers if one.name == "particles").xy[k].astype(float)
    drawn = shown.layer("x̂₀").xy[k]
    if "network" in match[0]:
        network = learned(shown.config.source).network
        says = convert(network(x_t, level), network.prediction, "x0", x_t, level)
        return np.abs(says - drawn).max() < 0.01 * max(1, np.abs(says).max())
    of_points = "points" in match[0]
    exact = posterior_mean(shown.config, 250, x_t, level)
    return of_points == (modes(shown.config.source) is None) and bool(np.abs(exact - drawn).max() < 1e-2)


# --- Photocopier --------------------------------------------------------------------------------------------


def lowest_loss(shown: Shown) -> float:
    """Mean of E tr Cov[x_0 | x_t] / 2(1 − ᾱ): by what v is missed, at least."""
    points, rng = shown.config.points(1_000, 8)[: shown.config.n], np.random.default_rng(3)
    alpha_bar, found = learned(shown.config.source).schedule.alpha_bar, []
    for t in range(10, 1_001, 20):
        x_0 = points[rng.integers(len(points), size=200)]
        x_t = np.sqrt(alpha_bar[t]) * x_0 + np.sqrt(1 - alpha_bar[t]) * rng.standard_normal(x_0.shape)
        w = softmax(-cdist(x_t, np.sqrt(alpha_bar[t]) * points, "sqeuclidean") / (2 * (1 - alpha_bar[t])), axis=1)
        found.append((w @ np.square(points) - np.square(w @ points)).mean() / (1 - alpha_bar[t]))
    return float(np.mean(found))


def to_training(shown: Shown) -> np.ndarray:
    copies = shown.layer("particles").xy[-1].astype(float)
    return cdist(copies, shown.config.points(1_000, 8)[: shown.config.n]).min(axis=1)


def many_on_points(shown: Shown, match: Match) -> bool:
    share = 100 * (to_training(shown) < 0.01).mean()
    return abs(share - float(match[1])) < 1 and share >= 49 and abs(lowest_loss(shown) - float(match[2])) < 0.06


def nearer_than_fresh(shown: Shown, match: Match) -> bool:
    config = shown.config
    fresh = cdist(config.points(250, 9), config.points(1_000, 8)[: config.n]).min(axis=1)
    loss_is_right = abs(lowest_loss(shown) - float(match[1])) < 0.06
    return bool(np.median(to_training(shown)) < np.median(fresh)) and loss_is_right


# --- Digits -------------------------------------------------------------------------------------------------


@cache
def means() -> tuple[np.ndarray, np.ndarray]:
    """Of the training digits of each class, and of all, in ink 0 … 255."""
    train = load_mnist().train
    halved = train.images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    return np.stack([halved[train.labels == k].mean(axis=0) for k in range(10)]), halved.mean(axis=0)


def begins_near(shown: Shown, match: Match) -> bool:
    """The picture at the start is near the combination that is named, nearer than to a mean itself."""
    of_class, of_all = means()
    classes = np.arange(10) if shown.config.digit < 0 else np.full(10, shown.config.digit)
    w = shown.config.w
    says = match[0]
    named = float(says.split("near ")[1].split(" ×")[0]) if "×" in says else float("all digits" not in says)
    if named != w:
        return False
    first = shown.scene.panels[0].layers[1].pixels[0].astype(float)
    target = np.clip(w * of_class[classes] + (1 - w) * of_all, 0, 255)
    off = np.linalg.norm(first - target)
    other = np.linalg.norm(first - (of_all if w == 1 else of_class[classes]))
    return bool(off < 0.35 * np.linalg.norm(target) and off < other)


def broad_first(shown: Shown, match: Match) -> bool:
    """In blocks of 2 × 2 less of the way to the end is left than in what blocks leave out."""
    x = shown.scene.panels[0].layers[1].pixels.astype(float)
    blocks = x.reshape(*x.shape[:2], 7, 2, 7, 2).mean(axis=(3, 5))
    fine = x - np.kron(blocks, np.ones((2, 2)))

    def left(part: np.ndarray) -> float:
        return float(np.square(part[shown.frame] - part[-1]).sum() / np.square(part[0] - part[-1]).sum())

    return left(blocks) < left(fine) + 0.01


def nearly_the_mean(shown: Shown, match: Match) -> bool:
    of_class, _ = means()
    digit = 3 if shown.config.digit < 0 else shown.config.digit
    says = shown.scene.panels[1].layers[0].pixels[shown.frame, 0].astype(float)
    off = [np.linalg.norm(says - mean) for mean in of_class]
    return int(np.argmin(off)) == digit and off[digit] < 0.35 * np.linalg.norm(of_class[digit])


def removes_most(shown: Shown, match: Match) -> bool:
    """The error of x̂_0 is less than half of x_t's: shown pictures are cut to 0 … 255, so that of x_t is from ᾱ."""
    level = shown.readout("ᾱₜ")
    error = shown.readout("error of x̂₀")
    network, _ = learned("digits")
    digit = 3 if shown.config.digit < 0 else shown.config.digit
    images, labels = grey()
    image = images[np.flatnonzero(labels == digit)[shown.config.seed % 50]]
    x_0 = network.from_data(image.reshape(14, 2, 14, 2).mean(axis=(1, 3)).reshape(1, -1) / 255)
    eps = np.random.default_rng([shown.config.seed, 22]).standard_normal((1, 196))
    return bool(error < 0.5 * np.square(np.sqrt(level) * x_0 + np.sqrt(1 - level) * eps - x_0).mean())


def measured(name: str) -> np.ndarray:
    return np.asarray(store.arrays("diffusion-digits")[name], dtype=float)


def beside(shown: Shown, name: str) -> tuple[float, float]:
    """A measure at this w, and at w = 1."""
    values, w = measured(name), measured("guidance")
    return float(values[w == shown.readout("w")][0]), float(values[w == 1][0])


def below_the_highest(shown: Shown, match: Match) -> bool:
    accuracy, w = measured("accuracy"), measured("guidance")
    now = accuracy[w == shown.readout("w")][0]
    at_best = accuracy[w == float(match["w"])][0]
    far_off = beside(shown, "nearest")[0] > measured("nearest_test")[0]
    return bool(
        now < at_best == accuracy.max()
        and abs(100 * at_best - float(match["top"])) < 0.06
        and shown.readout("w") > float(match["w"])
        and ("Overdone" not in match[0] or far_off)
    )


def less_spread(shown: Shown, match: Match) -> bool:
    (more, plain), (spread, wide) = beside(shown, "accuracy"), beside(shown, "spread")
    return more > plain and spread < wide


def spread_grows(shown: Shown, match: Match) -> bool:
    (more, plain), (spread, wide) = beside(shown, "accuracy"), beside(shown, "spread")
    w, now = measured("guidance"), shown.readout("w")
    return more > plain and spread > wide and spread > measured("spread")[w < now].min()


ORACLES: list[Oracle] = [
    Oracle(r"^Little noise: √ᾱₜ is above 0\.99", little_noise),
    Oracle(r"within 0\.01 nats of N\(0, I\)", lambda shown, match: nats_from_noise(shown) <= 0.01),
    Oracle(r"more than 0\.01 nats from N\(0, I\)", lambda shown, match: nats_from_noise(shown) > 0.01),
    Oracle(r"^Few origins are likely", lambda shown, match: origins(shown) < 3),
    Oracle(r"is near the mean of all data", lambda shown, match: bool(np.linalg.norm(answer(shown)) < 0.11)),
    Oracle(
        r"their mean lies where no data are",
        lambda shown, match: cdist(answer(shown)[None], shown.config.points(300, 3)).min() > 0.24,
    ),
    Oracle(r"the best answer is their mean", holds_whatever("the mean has the least expected squared error")),
    Oracle(
        r"(The network errs less than the mean of 1,000 points|By chance of 300 draws the network)", network_errs_less
    ),
    Oracle(r"has several humps here; a Gaussian has one", several_humps),
    Oracle(r"even one of 5 steps back is within 0\.01 nats of a Gaussian, and DDPM's own too", both_alike),
    Oracle(r"^One of 5 is nearly a Gaussian here; DDPM's own has another spread", only_moments_alike),
    Oracle(r"^The larger the step, the farther from a Gaussian", larger_is_farther),
    Oracle(r"magnified until its spread is 1", holds_whatever("so the panels are scaled")),
    Oracle(
        r"^By W₂ (\w+) is as near as true samples; its variance within .* is (\d+) % of theirs",
        near_but_of_other_variance,
    ),
    Oracle(r"^(.*): W₂ is larger than between true samples", far),
    Oracle(r"^By W₂ both are as near as true samples, and the variance", both_near),
    Oracle(r"^x̂₀ is (E\[x₀ \| xₜ\] of .*|what the network says .*), not a sample", whose_answer),
    Oracle(r"(\d+) % of the copies are within 0\.01 .* loss, (\d\.\d+), little new", many_on_points),
    Oracle(r"^The copies are nearer to training points than fresh data, .* loss, (\d\.\d+)\.$", nearer_than_fresh),
    Oracle(r"denoiser is exact for these", holds_whatever("so it is made")),
    Oracle(r"^Static\. x̂₀ begins near (.*)\.$", begins_near),
    Oracle(r"nearer to its end in broad strokes than in fine ones", broad_first),
    Oracle(r"answers with nearly the mean digit of the class", nearly_the_mean),
    Oracle(r"told the class, the network removes most of the noise", removes_most),
    Oracle(r"accuracy is below its highest \((?P<top>\d+\.\d) %, w = (?P<w>[\d.]+)\)", below_the_highest),
    Oracle(r"^More are of the class asked for than at w = 1, and a class has less spread", less_spread),
    Oracle(r"^More are of the class asked for than at w = 1; the spread in a class grows again", spread_grows),
]
