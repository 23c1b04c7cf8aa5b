"""Variational autoencoders: stored networks run in torch, the bound by torch.distributions, distances by scipy."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal
from torch.distributions import Bernoulli, Normal, kl_divergence

from dashboard.scene.painted import decode_points, encode_points
from dashboard.scenes.vae import live, plane, seven, walk, yours
from genmodels.data.digits import load_small_digits
from genmodels.data.planar import get_dataset
from genmodels.nn.training import minibatch
from genmodels.store import cache
from genmodels.vae.model import VAEConfig, VAEState, iterate_vae
from tests.claims.test_captions import LIVE_FRAMES
from tests.oracles import latent
from tests.oracles.latent import exactly, first_of, held, inked, labels, rows_of
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()

latent.units(
    ORACLES,
    {
        "(ELBO|reconstruction|KL)( .*|, .*)?": "nats",
        "error on unseen digits": "% of full ink",
        "rank": "%",
        "hand .*|prior .*|ratio .*|σ.*|share .*|in .*|β|latents in use|class y|style .*": "",
    },
)

# --- what the cues share ------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def posterior(name: str = "vae-2d") -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of q(z | x) of the 500 test digits, each ``(500, 2)``."""
    y = labels() if name == "vae-conditional" else None
    return split(latent.through(name, "encoder", rows_of("test", True), y))


def split(encoded: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """μ and σ of what an encoder gives: μ, then log σ²."""
    mu, log_var = encoded.chunk(2, dim=1)
    return mu.numpy(), log_var.exp().sqrt().numpy()


def decoded(z: Any, name: str = "vae-2d", y: Any = None) -> np.ndarray:
    """E[x | z], ``(N, 784)``."""
    return torch.sigmoid(latent.through(name, "decoder", z, y)).numpy()


def digit(index: int) -> About:
    """A binarised test digit, ``(1, 28, 28)``."""
    return exactly(255 * rows_of("test", True)[index].reshape(1, 28, 28))


@ORACLES(".*", "Ellipses prior p.*")
def prior_circles(seen: Seen) -> dict[str, Any]:
    return {"mean": np.zeros((1, 2)), "covariance": np.eye(2)[None], "sigmas": exactly((1, 2, 3))}


@ORACLES("plane|walk|yours|seven", "Points test digits")
def test_digits(seen: Seen) -> dict[str, Any]:
    return latent.coded(stored_codes(seen), labels())


@ORACLES("plane|walk|yours|seven", "Labels class numbers")
def class_numbers(seen: Seen) -> dict[str, Any]:
    return latent.class_numbers(stored_codes(seen), labels())


def stored_codes(seen: Seen) -> np.ndarray:
    return posterior("vae-conditional" if isinstance(seen.config, seven.Config) else "vae-2d")[0]


# --- the latent plane ---------------------------------------------------------------------------------------

LIT = (("x",), ("μ, σ",), ("z = μ + σ ε", "ε ~ N(0, I)"), ("x̂",))


def hand(seen: Seen) -> list[list[float]]:
    return [[seen.config.z_1, seen.config.z_2]]


def aggregate(z: Any) -> np.ndarray:
    """q(z): the mean of the 500 Gaussians' densities, ``(M, 2)`` to ``(M,)``."""
    mu, sigma = map(torch.tensor, posterior())
    return Normal(mu, sigma).log_prob(torch.tensor(np.array(z))[:, None]).sum(-1).exp().mean(1).numpy()


@lru_cache(maxsize=1)
def aggregate_on(extent: tuple[float, ...], shape: tuple[int, int]) -> np.ndarray:
    """q(z) at the cells' centres, the lowest row first."""
    rows, columns = shape
    x, y = ((np.arange(n) + 0.5) / n for n in (columns, rows))
    z = [[(extent[0] + u * (extent[1] - extent[0]), extent[2] + v * (extent[3] - extent[2])) for u in x] for v in y]
    return aggregate(np.reshape(z, (-1, 2))).reshape(shape)


@lru_cache(maxsize=1)
def sheet_on(extent: tuple[float, ...], columns: int, count: int) -> np.ndarray:
    """E[x | z] at the places on which the pictures of a sheet lie, from the upper left, row by row."""
    x0, x1, y0, y1 = extent
    rows = count // columns
    z = [
        (x0 + (k % columns + 0.5) * (x1 - x0) / columns, y1 - (k // columns + 0.5) * (y1 - y0) / rows)
        for k in range(count)
    ]
    return decoded(z)


def one_drawn(seen: Seen) -> tuple[int, int, np.ndarray, np.ndarray]:
    """The digit that comes in, its stage, and the mean of its q(z | x) and z = μ + σ ε, ``(1, 2)`` each."""
    index, stage = divmod(seen.frame, 4)
    noise = np.random.default_rng([seen.config.seed, 4]).standard_normal((10, 2))[index]
    at = first_of(index)
    mu, sigma = (of[at][None] for of in posterior())
    return at, stage, mu, mu + sigma * noise


@ORACLES("plane", "Field all digits' q.*")
def aggregate_posterior(seen: Seen) -> dict[str, Any]:
    values = aggregate_on(tuple(seen.at("extent")), seen.at("values").shape)
    return {"values": About(values, absolute=1e-6), "limits": About((0, values.max()))}


@ORACLES("plane", "Images decoded sheet")
def decoded_sheet(seen: Seen) -> dict[str, Any]:
    count = len(seen.at("pixels"))
    return {"pixels": inked(sheet_on(tuple(seen.at("extent")), seen.at("columns"), count))}


@ORACLES("plane", "Ellipses q.z . x. of this digit")
def posterior_of_digit(seen: Seen) -> dict[str, Any]:
    at, stage, mu, _ = one_drawn(seen)
    return {"mean": mu if stage else np.full((1, 2), np.nan), "covariance": np.diag(posterior()[1][at] ** 2)[None]}


@ORACLES("plane", "Points z drawn")
def code_drawn(seen: Seen) -> dict[str, Any]:
    _, stage, _, z = one_drawn(seen)
    return {"xy": z if stage >= 2 else np.full((1, 2), np.nan)}


@ORACLES("plane", "Arrows σ ε")
def noise_added(seen: Seen) -> dict[str, Any]:
    _, stage, mu, z = one_drawn(seen)
    return {"start": mu, "delta": z - mu if stage == 2 else np.full((1, 2), np.nan)}


@ORACLES("plane", "Points hand")
def hand_in_plane(seen: Seen) -> dict[str, Any]:
    return {"xy": hand(seen)}


@ORACLES("plane", "Points hand")
def handle_of_hand(seen: Seen) -> dict[str, Any]:
    return {"xy": held(seen, "z", hand(seen)[0])}


@ORACLES("plane", "Images ", panel=1)
def pictures_of_model(seen: Seen) -> dict[str, Any]:
    at, stage, _, z = one_drawn(seen)
    pixels = (
        lambda: inked(decoded(hand(seen))),
        lambda: digit(at),
        lambda: inked(decoded(z) * (stage == 3)),
    )[seen.k]()
    return {"pixels": pixels, "extent": lambda shown: seen.k == 0 or above(seen, shown, ("x", "x̂")[seen.k - 1])}


def above(seen: Seen, extent: Any, node: str) -> Any:
    """Whether a picture stands right over its node of the diagram."""
    (x, y) = next(n.at for n in seen.other("model").thing.nodes if n.text == node)  # type: ignore[union-attr]
    x0, x1, y0, _ = extent
    return (x0 < x < x1 and y < y0) or f"{extent} is not above {node!r}"


@ORACLES("plane", "Labels ")
def words_over_hand(seen: Seen) -> dict[str, Any]:
    x0, x1, _, y1 = seen.other("", seen.panel).at("extent")
    return {"at": About([[(x0 + x1) / 2, y1]], absolute=0.5), "texts": ("decoded under the hand: E[x | z]",)}


@ORACLES("plane", "Diagram model")
def lit_parts(seen: Seen) -> dict[str, Any]:
    """What is at work at this stage, and every arrow that leads to it."""
    nodes, edges = (getattr(seen.thing, name) for name in ("nodes", "edges"))
    lit = [float(node.text in LIT[seen.frame % 4]) for node in nodes]
    return {"active": lit + [lit[edge.end] for edge in edges]}


@ORACLES("plane", "Readout hand z.")
def hand_told(seen: Seen) -> float:
    return hand(seen)[0]["₁₂".index(seen.name[-1])]


@ORACLES("plane", "Readout prior p.* there")
def prior_there(seen: Seen) -> float:
    return multivariate_normal([0, 0]).pdf(hand(seen)[0])


@ORACLES("plane", "Readout ratio .*")
def ratio_there(seen: Seen) -> float:
    return aggregate(hand(seen))[0] / multivariate_normal([0, 0]).pdf(hand(seen)[0])


@ORACLES("plane", "Readout σ.*")
def sigma_told(seen: Seen) -> float:
    return posterior()[1][one_drawn(seen)[0], "₁₂".index(seen.name[9])]


# --- walk ---------------------------------------------------------------------------------------------------


def share(seen: Seen) -> float:
    """Of the way that lies behind, 0 … 1, in 40 equal steps."""
    return seen.frame / 40


def mix(seen: Seen, of: np.ndarray) -> np.ndarray:
    """On the straight line between the two digits' rows of an array, ``(1, …)``."""
    start, end = of[seen.config.start], of[seen.config.end]
    return (start + share(seen) * (end - start))[None]


def to_nearest(seen: Seen, way: str) -> float:
    """To the nearest training digit, from the mix of pixels or from the decoded mix of codes."""
    picture = mix(seen, rows_of("test", True)) if way.startswith("in pixels") else decoded(mix(seen, posterior()[0]))
    return cdist(picture, rows_of("train", True)).min()


def ends(seen: Seen) -> list[np.ndarray]:
    """Codes of the two digits."""
    return [posterior()[0][at] for at in (seen.config.start, seen.config.end)]


@ORACLES("walk", "Polylines way")
def straight_way(seen: Seen) -> dict[str, Any]:
    return {"xy": [ends(seen)]}


@ORACLES("walk", "Polylines way")
def handle_of_start(seen: Seen) -> dict[str, Any]:
    return {"xy": held(seen, "start", ends(seen)[0])}


@ORACLES("walk", "Polylines way")
def handle_of_end(seen: Seen) -> dict[str, Any]:
    return {"xy": held(seen, "end", ends(seen)[1])}


@ORACLES("walk", "Points here")
def here(seen: Seen) -> dict[str, Any]:
    return {"xy": mix(seen, posterior()[0])}


@ORACLES("walk", "Images ", panel=1)
def mixed_pixels(seen: Seen) -> dict[str, Any]:
    return latent.whole(seen) | {"pixels": inked(mix(seen, rows_of("test", True)))}


@ORACLES("walk", "Images ", panel=2)
def decoded_mix(seen: Seen) -> dict[str, Any]:
    return latent.whole(seen) | {"pixels": inked(decoded(mix(seen, posterior()[0])))}


@ORACLES("walk", "Curve in .*")
def distance_curve(seen: Seen) -> dict[str, Any]:
    return {"y": to_nearest(seen, seen.name.removeprefix("Curve ")), "x": share(seen)}


@ORACLES("walk", "Readout in .*")
def distance_told(seen: Seen) -> float:
    return to_nearest(seen, seen.name.removeprefix("Readout "))


@ORACLES("walk", "Readout share of the way")
def share_told(seen: Seen) -> float:
    return share(seen)


# --- recordings: watch it learn, and β ----------------------------------------------------------------------

PAIRS = (("x", False, 0), ("x̂", True, 0), ("x ", False, 5), ("x̂ ", True, 5))
FROM_PRIOR = (("mean", False, 0), ("draw", True, 0), ("mean ", False, 5), ("draw ", True, 5))


def recorded(seen: Seen, key: str) -> np.ndarray:
    """This frame of an array of the recording."""
    name = "vae-beta" if seen.scene.readouts[0].name == "β" else "vae-training"
    return cache.arrays(name)[key][seen.frame].astype(float)


def terms(seen: Seen, part: str) -> tuple[float, float]:
    """Reconstruction and KL of digits ``seen`` (in training) or ``unseen``, nats."""
    of = {"seen": "train", "unseen": "test"}[part]
    return float(recorded(seen, f"{of}_reconstruction")), float(recorded(seen, f"{of}_kl"))


@ORACLES("learn|beta", "Points test digits")
def recorded_codes(seen: Seen) -> dict[str, Any]:
    return latent.coded(recorded(seen, "mu"), labels())


@ORACLES("learn|beta", "Labels class numbers")
def recorded_classes(seen: Seen) -> dict[str, Any]:
    return latent.class_numbers(recorded(seen, "mu"), labels())


@ORACLES("learn|beta", "Images ", panel=1)
def recorded_copies(seen: Seen) -> dict[str, Any]:
    _, copied, first = PAIRS[seen.k]
    pictures = recorded(seen, "reconstructions") if copied else 255 * rows_of("test", True)[:10].reshape(10, 28, 28)
    return latent.in_row(seen) | {"pixels": exactly(pictures[first : first + 5])}


@ORACLES("learn|beta", "Labels ", panel=1)
def names_of_copies(seen: Seen) -> dict[str, Any]:
    return latent.row_names(tuple(name for name, *_ in PAIRS))


@ORACLES("learn|beta", "Images ", panel=2)
def recorded_samples(seen: Seen) -> dict[str, Any]:
    """At the z after the origin: means, and pixels that are ink with that probability."""
    _, drawn, first = FROM_PRIOR[seen.k]
    pictures = recorded(seen, "samples")[1:11]
    if drawn:
        pictures = np.where(np.random.default_rng(0).random((10, 28, 28)) < pictures / 255, 255, 0)
    return latent.in_row(seen) | {"pixels": exactly(pictures[first : first + 5])}


@ORACLES("learn|beta", "Labels ", panel=2)
def names_of_samples(seen: Seen) -> dict[str, Any]:
    return latent.row_names(tuple(name for name, *_ in FROM_PRIOR))


@ORACLES("learn", "Curve .*, (seen|unseen)")
def recorded_curve(seen: Seen) -> dict[str, Any]:
    what, part = seen.name.removeprefix("Curve ").split(", ")
    reconstruction, kl = terms(seen, part)
    y = {"−reconstruction": -reconstruction, "KL": kl, "−ELBO": kl - reconstruction}[what]
    return {"y": y, "x": max(float(recorded(seen, "epochs")), 0.7)}


@ORACLES("learn", "Curve .*, (seen|unseen)")
def epoch_of_frame(seen: Seen) -> dict[str, Any]:
    return {"x": max(seen.step, 0.7)}


@ORACLES("learn", "Readout .*, (seen|unseen)")
def recorded_number(seen: Seen) -> float:
    what, part = seen.name.removeprefix("Readout ").split(", ")
    reconstruction, kl = terms(seen, part)
    return {"ELBO": reconstruction - kl, "reconstruction": reconstruction, "KL": kl}[what]


# --- β ------------------------------------------------------------------------------------------------------

BETAS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8, 16, 24, 32, 48, 64)


def kl_by_latent(seen: Seen) -> np.ndarray:
    """KL(q ‖ p) of either latent, mean over the test digits, from the recorded μ and σ (float16)."""
    q = Normal(torch.tensor(recorded(seen, "mu")), torch.tensor(recorded(seen, "sigma")))
    return kl_divergence(q, Normal(torch.tensor(0.0), torch.tensor(1.0))).mean(0).numpy()


def nats(seen: Seen, what: str) -> About:
    """A term of the bound, or the bound, with β = 1."""
    kl, reconstruction = kl_by_latent(seen), float(recorded(seen, "reconstruction"))
    if what == "KL of either latent":
        return About(kl[seen.k], 1e-3, 2e-4)
    minus = -1 if what.startswith("−") else 1
    value = {"reconstruction": reconstruction, "KL": kl.sum(), "ELBO": reconstruction - kl.sum()}
    return About(minus * value[what.lstrip("−")], 1e-3 if what == "KL" else 1e-4, 2e-4)


@ORACLES("beta", "Ellipses q.z . x. of ten digits")
def posteriors_of_ten(seen: Seen) -> dict[str, Any]:
    ten = [first_of(k) for k in range(10)]
    variance = recorded(seen, "sigma")[ten] ** 2
    return {"mean": recorded(seen, "mu")[ten], "covariance": [np.diag(v) for v in variance]}


@ORACLES("beta", "Curve .*")
def curve_over_beta(seen: Seen) -> dict[str, Any]:
    return {"y": nats(seen, seen.name.removeprefix("Curve ")), "x": BETAS[seen.frame]}


@ORACLES("beta", "Readout (ELBO .*|reconstruction|KL)")
def number_of_beta(seen: Seen) -> About:
    return nats(seen, seen.name.split()[1])


@ORACLES("beta", "Readout β")
def beta_told(seen: Seen) -> float:
    return BETAS[seen.frame]


@ORACLES("beta", "Readout latents in use")
def latents_in_use(seen: Seen) -> int:
    """Those that cost more than a hundredth of a nat."""
    return sum(kl > 0.01 for kl in kl_by_latent(seen))


# --- ask for a seven ----------------------------------------------------------------------------------------


def style(seen: Seen) -> list[float]:
    return [seen.config.style_1, seen.config.style_2]


def as_class(seen: Seen, y: int) -> np.ndarray:
    return decoded([style(seen)], "vae-conditional", [y])


def nearest_of_class(seen: Seen, y: int) -> int:
    """The test digit of that class whose mean code is nearest to the style."""
    apart = cdist([style(seen)], posterior("vae-conditional")[0])[0]
    return min(np.flatnonzero(labels() == y).tolist(), key=lambda n: apart[n])


@ORACLES("seven", "Points style")
def style_in_plane(seen: Seen) -> dict[str, Any]:
    return {"xy": [style(seen)]}


@ORACLES("seven", "Points style")
def handle_of_style(seen: Seen) -> dict[str, Any]:
    return {"xy": held(seen, "style", style(seen))}


@ORACLES("seven", "Images ", panel=1)
def class_asked_for(seen: Seen) -> dict[str, Any]:
    return latent.whole(seen) | {"pixels": inked(as_class(seen, seen.frame))}


@ORACLES("seven", "Images ", panel=2)
def decoded_and_real(seen: Seen) -> dict[str, Any]:
    """Of each class one decoded and, right of it, a real one."""
    y, real = divmod(seen.k, 2)
    x, top = 2.6 * (y // 5) + 1.1 * real, -1.12 * (y % 5)
    pixels = digit(nearest_of_class(seen, y)) if real else inked(as_class(seen, y))
    return {"pixels": pixels, "extent": About((x, x + 1, top - 1, top))}


@ORACLES("seven", "Polylines asked for")
def ring_around_class(seen: Seen) -> dict[str, Any]:
    """It goes round the decoded picture of this frame's class."""
    pictures = [layer for layer in seen.scene.panels[seen.panel].layers if layer.kind == "images"]
    x0, x1, y0, y1 = pictures[2 * seen.frame].extent  # type: ignore[attr-defined]
    return {"xy": About([[[x0, y1], [x1, y1], [x1, y0], [x0, y0]]])}


@ORACLES("seven", "Readout class y")
def class_told(seen: Seen) -> int:
    return seen.frame


@ORACLES("seven", "Readout class y")
def class_at_rest(seen: Seen) -> dict[str, Any]:
    start = seen.scene.start
    return {"values": lambda _: start == seen.config.digit or f"the scene rests at class {start}"}


@ORACLES("seven", "Readout style z.")
def style_told(seen: Seen) -> float:
    return style(seen)["₁₂".index(seen.name[-1])]


# --- your digit ---------------------------------------------------------------------------------------------

RIM = 0.05  # pixels so near to the pen's rim may be ink or not
KINDS = {"test digits": "digits", "upside down": "upside_down", "their pixels, shuffled": "noise"}


def strokes(config: yours.Config) -> tuple[np.ndarray, np.ndarray]:
    """Beginnings and ends of all pieces on the board: dots, and lines between neighbours less than 28 / 9 apart."""
    dots = on_board(config)
    near = np.flatnonzero(np.hypot(*np.diff(dots, axis=0).T) < 28 / 9)
    return np.concatenate([dots, dots[near]]), np.concatenate([dots, dots[near + 1]])


def on_board(config: yours.Config) -> np.ndarray:
    return decode_points(config.drawn, (0, 28), (0, 28))[0]


def ink_around(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """How far each pixel's centre lies within the pen's rim, in pixels, upper row first, ``(28, 28)``."""
    x, y = np.meshgrid(np.arange(28) + 0.5, 27.5 - np.arange(28))
    pixels = np.stack([x, y], -1)[:, :, None]
    along = end - start
    length = np.maximum((along**2).sum(-1), 1e-12)
    t = np.clip(((pixels - start) * along).sum(-1) / length, 0, 1)
    return 1.25 - np.linalg.norm(pixels - start - t[..., None] * along, axis=-1).min(-1)


@lru_cache(maxsize=4)
def as_mnist(config: yours.Config) -> np.ndarray:
    """How far within the rim, with the strokes scaled into 20 × 20 pixels and the ink's centre in the middle."""
    start, end = strokes(config)
    if not config.fitted:
        return ink_around(start, end)
    low, high = start.min(0), start.max(0)
    factor = (20 - 2.5) / max((high - low).max(), 4)
    within = ink_around(*((at - (low + high) / 2) * factor + 14 for at in (start, end)))
    grey = np.clip(within + 0.5, 0, 1)
    down, across = (round(14 - float((grey.sum(axis) * (np.arange(28) + 0.5)).sum() / grey.sum())) for axis in (1, 0))
    moved = np.full((28, 28), -np.inf)
    for row, column in np.ndindex(28, 28):
        if 0 <= row - down < 28 and 0 <= column - across < 28:
            moved[row, column] = within[row - down, column - across]
    return moved


@ORACLES("yours", "Points drawn")
def dots_drawn(seen: Seen) -> dict[str, Any]:
    return {"xy": on_board(seen.config)}


@ORACLES("yours", "Points drawn")
def dots_of_brush(seen: Seen) -> dict[str, Any]:
    brush = np.reshape([point[:2] for point in seen.scene.brush.points], (-1, 2))  # type: ignore[union-attr]
    return {"xy": lambda shown: np.allclose(shown, brush) or "the brush holds other dots"}


@ORACLES("yours", "Images x as the network sees it")
def drawn_as_pixels(seen: Seen) -> dict[str, Any]:
    within = as_mnist(seen.config)

    def right(shown: np.ndarray) -> Any:
        clear = np.abs(within) > RIM
        off = int(((shown[0] > 127) != (within > 0))[clear].sum()) + int(np.setdiff1d(shown, (0, 255)).size)
        return off == 0 or f"{off} pixels differ"

    return {"pixels": right, "extent": lambda shown: shown[2] > seen.other("x̂, reconstructed").at("extent")[2]}


def seen_pixels(seen: Seen) -> np.ndarray:
    """x, as it is shown, ``(1, 784)``: 0 or 1."""
    return seen.other("x as the network sees it").at("pixels").reshape(1, 784) / 255


def encoded(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    return split(latent.through("vae-2d", "encoder", seen_pixels(seen)))


def bound(seen: Seen) -> tuple[float, float]:
    """Reconstruction, by 256 draws from q(z | x), and KL, nats."""
    mu, sigma = map(torch.tensor, encoded(seen))
    z = mu + sigma * torch.tensor(np.random.default_rng([seen.config.seed, 8]).standard_normal((256, 2)))
    logits = latent.through("vae-2d", "decoder", z)
    reconstruction = Bernoulli(logits=logits).log_prob(torch.tensor(seen_pixels(seen))).sum(1).mean()
    kl = kl_divergence(Normal(mu, sigma), Normal(torch.zeros(2), torch.ones(2))).sum()
    return float(reconstruction), float(kl)


def minus_elbos(kind: str) -> np.ndarray:
    return -cache.arrays("vae-2d")[f"reference.{KINDS[kind]}"].astype(float)


@ORACLES("yours", "Images x̂, reconstructed")
def reconstruction_of_yours(seen: Seen) -> dict[str, Any]:
    return {"pixels": inked(decoded(encoded(seen)[0]))}


@ORACLES("yours", "Ellipses q.z . x. of yours")
def posterior_of_yours(seen: Seen) -> dict[str, Any]:
    mu, sigma = encoded(seen)
    return {"mean": mu, "covariance": np.diag(sigma[0] ** 2)[None], "sigmas": exactly((1, 2))}


@ORACLES("yours", "Points yours")
def code_of_yours(seen: Seen) -> dict[str, Any]:
    return {"xy": encoded(seen)[0]}


@ORACLES("yours", "Bars .*")
def shares_of_losses(seen: Seen) -> dict[str, Any]:
    """% of pictures in bins of 40 nats from 40 to 1,280; the ends take what lies beyond. Three bars beside each."""
    kind = seen.name.removeprefix("Bars ")
    bins = np.clip(minus_elbos(kind) // 40, 1, 31).astype(int)
    height = [100 * np.mean(bins == b) for b in range(1, 32)]
    return {"height": height, "x": 40 * np.arange(1, 32) + 20 + 12.0 * (list(KINDS).index(kind) - 1)}


@ORACLES("yours", "Polylines yours")
def mark_of_yours(seen: Seen) -> dict[str, Any]:
    reconstruction, kl = bound(seen)
    at = min(max(kl - reconstruction, 40), 1280)
    return {"xy": [[[at, 0], [at, seen.scene.panels[seen.panel].y[1]]]]}


@ORACLES("yours", "Readout (reconstruction|KL|ELBO)")
def bound_of_yours(seen: Seen) -> float:
    reconstruction, kl = bound(seen)
    return {"reconstruction": reconstruction, "KL": kl, "ELBO": reconstruction - kl}[seen.name.split()[1]]


@ORACLES("yours", "Readout rank")
def rank_of_yours(seen: Seen) -> float:
    """% of 500 held-out digits whose ELBO is no higher."""
    reconstruction, kl = bound(seen)
    return 100 * float(np.mean(cache.arrays("vae-2d")["reference.digits"] <= reconstruction - kl))


# --- live ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def training_data(config: live.Config) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Rows with mean 0 and variance 1 (digits: 0 … 1), what is drawn as data, and the generator after its draws."""
    if config.source == "digits8":
        small = load_small_digits()
        return small.train.images.reshape(-1, 64), small.test.images.reshape(-1, 64), rng_of(config, 6)
    rng = rng_of(config, 7)
    x = own(config) if config.is_own else drawn_points(config.source, rng)
    return x, x, rng


def rng_of(config: live.Config, stream: int) -> np.random.Generator:
    return np.random.default_rng([config.seed, stream])


def drawn_points(source: str, rng: np.random.Generator) -> np.ndarray:
    of = get_dataset(source)
    return (of.sample(1000, rng) - of.mean) / np.sqrt((of.covariance[0, 0] + of.covariance[1, 1]) / 2)


def scale_of(config: live.Config) -> np.ndarray:
    """What a unit of the picture is: a file's standard deviations, of painted points the root mean variance."""
    if not config.is_own:
        return np.ones(2)
    spread = config.as_given().std(axis=0)
    return spread if config.source == "csv" else np.full(2, np.sqrt((spread**2).mean()))


def own(config: live.Config) -> np.ndarray:
    """One's own points (none of them an outlier), standardised."""
    given = config.as_given()
    return (given - given.mean(axis=0)) / scale_of(config)


@lru_cache(maxsize=4)
def trained(config: live.Config) -> dict[int, VAEState]:
    """The first states, by their step."""
    x, *_ = training_data(config)
    digits = config.source == "digits8"
    training = VAEConfig(
        n_features=64 if digits else 2,
        n_latents=config.latents,
        hidden=(128, 64) if digits else (64, 64),
        decoder="gaussian",
        activation="silu",
        batch=64 if digits else 128,
        learning_rate=float(np.exp(config.log_rate * np.log(10))),
        n_steps=4000,
        every=20,
        beta=float(np.exp(config.log_beta * np.log(10))),
        seed=config.seed,
        device=config.device,
    )
    return {state.step: state for state in itertools.islice(iterate_vae(x, training), LIVE_FRAMES)}


def state(seen: Seen) -> VAEState:
    return trained(seen.config)[seen.step]


@torch.no_grad()
def live_codes(seen: Seen, x: np.ndarray) -> np.ndarray:
    """Means of q(z | x), ``(N, L)``."""
    return state(seen).model().encode(torch.tensor(x, dtype=torch.float32))[0].numpy()


@torch.no_grad()
def live_decoded(seen: Seen, z: np.ndarray) -> np.ndarray:
    """E[x | z], ``(N, D)``."""
    return state(seen).model().decode(torch.tensor(z, dtype=torch.float32)).numpy()


def noise_width(seen: Seen) -> float:
    """σₓ."""
    return float(np.exp(state(seen).arrays()["log_noise"][0]))


def from_prior(seen: Seen, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Means at z from the prior, ``(count, D)``, and draws of x | z there."""
    x, _, rng = training_data(seen.config)
    z, noise = copied(rng, (count, seen.config.latents), (count, x.shape[1]))
    mean = live_decoded(seen, z)
    return mean, mean + noise_width(seen) * noise


def copied(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Standard normal numbers, with the generator left as it was."""
    again = np.random.Generator(np.random.PCG64())
    again.bit_generator.state = rng.bit_generator.state
    return [again.standard_normal(shape) for shape in shapes]


def busiest(mu: np.ndarray) -> np.ndarray:
    """The two latents of the largest variance in their order, or the only one over 0."""
    if mu.shape[1] == 1:
        return np.column_stack([mu[:, 0], np.zeros(len(mu))])
    two = sorted(sorted(range(mu.shape[1]), key=lambda latent: mu[:, latent].var())[-2:])
    return mu[:, two]


@torch.no_grad()
def live_terms(seen: Seen) -> tuple[float, np.ndarray]:
    """Reconstruction and each latent's KL, nats, of the minibatch that comes next, with one draw of z each."""
    now, (x, *_) = state(seen), training_data(seen.config)
    batch = torch.tensor(x, dtype=torch.float32)[minibatch(len(x), now.config.batch, seen.config.seed, now.step)]
    model, generator = now.model(), torch.Generator()
    generator.set_state(torch.tensor(now.generator))
    mu, log_var = model.encode(batch)
    q = Normal(mu, log_var.exp().sqrt())
    z = q.mean + q.stddev * torch.randn(mu.shape, generator=generator)
    reconstruction = Normal(model.decode(z), noise_width(seen)).log_prob(batch).sum(1).mean()
    return float(reconstruction), kl_divergence(q, Normal(0.0, 1.0)).mean(0).numpy()


def live_nats(seen: Seen, what: str) -> About:
    """In the units of one's own points, a density is less by the scales' logarithms."""
    reconstruction, kl = live_terms(seen)
    reconstruction -= np.log(scale_of(seen.config)).sum()
    value = {"ELBO": reconstruction - kl.sum(), "reconstruction": reconstruction, "KL": kl.sum()}[what]
    return About(value, 1e-4, 1e-4)


@ORACLES("live", "(Curve|Readout) (ELBO|reconstruction|KL)")
def live_bound(seen: Seen) -> About:
    return live_nats(seen, seen.name.split()[1])


@ORACLES("live", "Bars KL")
def live_kl(seen: Seen) -> dict[str, Any]:
    return {"height": About(live_terms(seen)[1], 1e-3, 1e-4), "x": np.arange(seen.config.latents) + 1}


@ORACLES("live", "Readout decoder's σₓ")
def live_noise(seen: Seen) -> float:
    return noise_width(seen)


@ORACLES("live", "Readout decoder's σₓ")
def unit_of_live_noise(seen: Seen) -> dict[str, Any]:
    return {"unit": "standard deviations" if seen.config.is_own else ""}


@ORACLES("live", "Points test digits")
def live_digits(seen: Seen) -> dict[str, Any]:
    mu = busiest(live_codes(seen, training_data(seen.config)[1]))
    return latent.coded(mu, load_small_digits().test.labels)


@ORACLES("live", "Labels class numbers")
def live_classes(seen: Seen) -> dict[str, Any]:
    mu = busiest(live_codes(seen, training_data(seen.config)[1]))
    return latent.class_numbers(mu, load_small_digits().test.labels)


@ORACLES("live", "Images ")
def live_pictures(seen: Seen) -> dict[str, Any]:
    """Two rows of five unseen digits, each over their copies; means at z from the prior, and draws."""
    if seen.k >= 4:
        return latent.in_row(seen) | {"pixels": inked(from_prior(seen, 5)[seen.k - 4], frame=1)}
    test, classes = training_data(seen.config)[1], load_small_digits().test.labels.tolist()
    five = test[[classes.index(k) for k in range(10)][seen.k // 2 * 5 :][:5]]
    pictures = live_decoded(seen, live_codes(seen, five)) if seen.k % 2 else five
    return latent.in_row(seen) | {"pixels": inked(pictures, frame=1)}


@ORACLES("live", "Labels ")
def live_names(seen: Seen) -> dict[str, Any]:
    return latent.row_names((*(name for name, *_ in PAIRS), "mean", "draw"))


@ORACLES("live", "Readout error on unseen digits")
def live_error(seen: Seen) -> About:
    """Root mean square over pixels, % of full ink."""
    test = training_data(seen.config)[1]
    off = live_decoded(seen, live_codes(seen, test)) - test
    return About(100 * float(np.sqrt((off**2).mean())))


@ORACLES("live", "Points data")
def live_data(seen: Seen) -> dict[str, Any]:
    """Coloured by their direction from the centre."""
    x = training_data(seen.config)[1]
    return {"xy": About(x, absolute=1e-6), "values": turns(x)}


@ORACLES("live", "Points (data|drawn)")
def units_on_axes(seen: Seen) -> dict[str, Any]:
    """On the axes stand the units in which one's own points came."""
    x, panel = training_data(seen.config)[1], seen.scene.panels[seen.panel]
    given = seen.config.as_given() if seen.config.is_own else x
    centre, scale = np.transpose([panel.x_unit, panel.y_unit])
    return {"xy": lambda _: np.allclose(centre + scale * x, given, rtol=1e-6) or "other units on the axes"}


def turns(x: np.ndarray) -> np.ndarray:
    """The direction of points, in turns from 0 to 1."""
    return np.mod(np.angle(x[:, 0] + 1j * x[:, 1]) / (2 * np.pi), 1)


def latent_lines(latents: int) -> list[np.ndarray]:
    """The line from −2.5 to 2.5, or a grid of the first two latents, eleven lines along either; others are 0."""
    along = np.arange(81) / 16 - 2.5
    if latents == 1:
        return [along[:, None]]
    lines = []
    for moving, fixed in ((0, 1), (1, 0)):
        for k in range(11):
            line = np.zeros((81, latents))
            line[:, moving], line[:, fixed] = along, k / 2 - 2.5
            lines.append(line)
    return lines


@ORACLES("live", "Polylines decoded latent lines")
def live_lines(seen: Seen) -> dict[str, Any]:
    return {"xy": About([live_decoded(seen, line) for line in latent_lines(seen.config.latents)])}


@ORACLES("live", "Ellipses noise, 1 σₓ")
def live_noise_circles(seen: Seen) -> dict[str, Any]:
    """At every other place of the decoded lines."""
    mean = np.concatenate([live_decoded(seen, line[::2]) for line in latent_lines(seen.config.latents)])
    covariance = np.array([np.diag([noise_width(seen) ** 2] * 2)] * len(mean))
    return {"mean": About(mean), "covariance": About(covariance), "sigmas": exactly((1,))}


@ORACLES("live", "Points codes")
def live_points_coded(seen: Seen) -> dict[str, Any]:
    x = training_data(seen.config)[1]
    return {"xy": About(busiest(live_codes(seen, x)), absolute=1e-4), "values": turns(x)}


@ORACLES("live", "Points drawn")
def live_drawn(seen: Seen) -> dict[str, Any]:
    return {"xy": About(from_prior(seen, 1000)[1], absolute=1e-4)}


# --- other configs ------------------------------------------------------------------------------------------


def scribble(points: list[tuple[float, float]]) -> str:
    return encode_points(np.array(points), np.zeros(len(points), int), (0, 28), (0, 28))


SEVEN = [(8 + 0.5 * k, 22.0) for k in range(24)] + [(19.5 - 0.35 * k, 21.5 - 0.75 * k) for k in range(22)]
CORNER = [(20.0 + 0.4 * k, 24.0 + 0.15 * k) for k in range(12)]
SPARSE = [(6 + 2.3 * k, 20 - 1.7 * k) for k in range(6)] + [(8.0 + 2.5 * k, 6.0 + k) for k in range(5)]
_rng = np.random.default_rng(5)
CSV = np.array([5e3, -0.02]) + np.array([40.0, 0.003]) * _rng.uniform(-2, 2, (60, 2)) ** 2
PAINTED = encode_points(_rng.uniform((-4, -1), (2, 3), (50, 2)), np.zeros(50, int), (-5, 5), (-5, 5))

MORE = {
    "plane": [plane.Config(z_1=-1.5, z_2=2.25, seed=3), plane.Config(z_1=3.5, z_2=-0.5, seed=8)],
    "walk": [walk.Config(start=123, end=456), walk.Config(start=31, end=31)],
    "seven": [seven.Config(digit=2, style_1=-1.75, style_2=0.5)],
    "yours": [
        yours.Config(drawn=""),
        yours.Config(drawn=scribble(SEVEN), seed=2),
        yours.Config(drawn=scribble(SEVEN), fitted=False),
        yours.Config(drawn=scribble(SPARSE), fitted=False),
        yours.Config(drawn=scribble(SPARSE)),
        yours.Config(drawn=scribble(CORNER), fitted=False, seed=5),
    ],
    "live": [
        live.Config(latents=1),
        live.Config(latents=8, log_beta=-1.0, seed=4),
        live.Config("moons", latents=1, log_beta=1.0),
        live.Config("pinwheel", latents=8, seed=1),
        live.Config("csv", csv=tuple(map(tuple, CSV.tolist())), columns=("a", "b")),
        live.Config("painted", painted=PAINTED, latents=1),
    ],
}
