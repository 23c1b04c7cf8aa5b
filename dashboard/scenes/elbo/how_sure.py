r"""How sure is log p(x)? Means of importance weights, from the prior and from the encoder, 2 and 16 latents.

    p̂_N = 1/N Σ p(x, z_n) / r(z_n),  z_n ~ r        ESS = (Σ w)² / Σ w²        L_K = E[log p̂_K] ≤ log p(x)

All are stored (`elbo-how-sure`, :mod:`genmodels.inference.importance`): 20 images, three runs of 100,000 draws each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Panel, Points, Polylines, Readout, Scene, chart
from dashboard.scene.claims import Claim, Said, said
from dashboard.scene.fields import slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import binary
from genmodels.store import cache

STORED = "elbo-how-sure"
needs = (STORED, "vae-2d", "vae-16d")
IMAGES, RUNS = 20, 3
LATENTS = {"2d": 2, "16d": 16}
PROPOSALS = {"prior": "class0", "encoder": "class1"}
SHOWN = 1000
"""What an estimate is after so many draws, or more, is in the picture; before, it may lie below."""
SPOKEN_OF = (1, 5, 50)
"""Draws K under one logarithm."""
APART = 0.5
"""Nats that are spoken of."""


@dataclass(frozen=True)
class Config:
    """A test image, and which of the runs the numbers are of."""

    sure_image: int = slider("Test digit", 17, 0, IMAGES - 1, 1)
    sure_run: int = slider("Run", 1, 1, RUNS, 1)


def scene(config: Config) -> Scene:
    """More and more draws."""
    stored = cache.arrays(STORED)
    counts, i, run = stored["counts"], config.sure_image, config.sure_run - 1
    frames = len(counts)
    numbers = {
        (model, proposal, of): stored[f"{model}.{proposal}.{of}"][i, run].astype(float)
        for model in LATENTS
        for proposal in PROPOSALS
        for of in ("log_p", "ess")
    }
    exact = float(stored["2d.exact"][i])
    readouts = [Readout("log p(x), 2 latents", np.full(frames, exact), "nats", 2)]
    for model, d in LATENTS.items():
        for proposal in PROPOSALS:
            readouts += [
                Readout(f"{proposal}, {d}: log p̂", numbers[model, proposal, "log_p"], "nats", 2),
                Readout(f"{proposal}, {d}: ESS", numbers[model, proposal, "ess"], "", 1),
            ]
    return Scene(
        panels=(_estimates("2d", config), _estimates("16d", config), _sizes(config), _bounds(i)),
        steps=counts,
        time="draws N",
        readouts=tuple(readouts),
        **_said(numbers, exact),
        alt="Estimates of log p(x) over the number of draws, from the prior and from the encoder, with two latents "
        "and with sixteen; how many draws carry them; and bounds that rise.",
        fps=2,
    )


def code(config: Config) -> str:
    """The encoder's estimates after 10,000 draws, by the stored networks."""
    i, run = config.sure_image, config.sure_run - 1
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.inference.decoder import VAEModel",
        "from genmodels.inference.importance import estimate, log_weights",
        "from genmodels.store.checkpoint import load",
        f"x, step = load_binarised_mnist().test.images[{i}].ravel().astype(float), 10_000",
        "shown = {}",
        "for name, d in (('vae-2d', 2), ('vae-16d', 16)):",
        "    model = VAEModel.of(load(name), np.float32)",
        f"    q, rng = model.encoder_q(x), np.random.default_rng([0, d, {run}, {i}])",
        "    log_w = log_weights(model, x, q, step, rng)  # log p(x, z) − log q(z), z ~ q",
        "    log_p, ess = estimate(log_w)  # after each draw",
        "    shown[f'encoder, {d}: log p̂'] = log_p[-1]",
        "    shown[f'encoder, {d}: ESS'] = ess[-1]",
    )


def x_of(config: Config) -> np.ndarray:
    """The image asked about, black on white, each pixel four wide, ``(112, 112)`` uint8."""
    white = np.where(binary().images[config.sure_image] > 0, 0, 255).astype(np.uint8)
    return np.kron(white, np.ones((4, 4), dtype=np.uint8))


def told(config: Config) -> list[str]:
    """What the image chosen shows after all draws of the run chosen."""
    stored = cache.arrays(STORED)
    i, run = config.sure_image, config.sure_run - 1
    last = {
        (model, proposal, of): float(stored[f"{model}.{proposal}.{of}"][i, run, -1])
        for model in LATENTS
        for proposal in PROPOSALS
        for of in ("log_p", "ess")
    }
    exact = float(stored["2d.exact"][i])
    off = {proposal: last["2d", proposal, "log_p"] - exact for proposal in PROPOSALS}
    return [
        f"*2 latents, 100,000 draws*: from the prior {_off(off['prior'])}, with an effective sample of "
        f"{last['2d', 'prior', 'ess']:.0f}; from the encoder {_off(off['encoder'])}, with "
        f"{last['2d', 'encoder', 'ess']:.0f}.",
        f"*16 latents*: {last['16d', 'prior', 'log_p']:.1f} nats from the prior, with an effective sample of "
        f"{last['16d', 'prior', 'ess']:.2f}; {last['16d', 'encoder', 'log_p']:.1f} from the encoder, with "
        f"{last['16d', 'encoder', 'ess']:.0f}.",
    ]


def because() -> str:
    """Why draws from the prior are of no use with sixteen latents."""
    ess = cache.arrays(STORED)["16d.prior.ess"][:, :, -1]
    return (
        "The posterior fills a tiny part of 16 dimensions: hardly a draw from the prior falls near it, and the "
        f"nearest outweighs the others. The effective sample size is {np.median(ess):.2f} in the median of 60 runs, "
        f"and {ess.max():.1f} at most."
    )


def of_all() -> str:
    """How far off the last estimates are on average over all images and runs."""
    stored = cache.arrays(STORED)
    exact = stored["2d.exact"].astype(float)[:, None]
    below = {p: exact - stored[f"2d.{p}.log_p"][:, :, -1] for p in PROPOSALS}
    size = {p: stored[f"2d.{p}.ess"][:, :, -1] for p in PROPOSALS}
    lost = (stored["16d.encoder.log_p"][:, :, -1].astype(float) - stored["16d.prior.log_p"][:, :, -1]).mean()
    far = below["encoder"] > 1
    return (
        "*All 20 digits, three runs each*: with 2 latents the prior's estimate is on average "
        f"{below['prior'].mean():.2f} nats below log p(x), its effective sample {np.median(size['prior']):.0f} "
        f"in the median; the encoder's {below['encoder'].mean():.2f} below, with "
        f"{np.median(size['encoder']):.0f}. In {far.sum()} of the 60 runs the encoder's is more than a nat too low, "
        f"by up to {below['encoder'].max():.0f}; there its effective sample is {size['encoder'][far].max():.0f} at "
        "most. "
        f"With 16 latents the prior's is on average {lost:.1f} nats below the encoder's."
    )


def _off(nats: float) -> str:
    side = "above" if nats > 0 else "below"
    return f"{abs(nats):.2f} nats {side} log p(x)"


def _said(numbers: dict[tuple[str, str, str], np.ndarray], exact: float) -> Said:
    off = {proposal: np.abs(numbers["2d", proposal, "log_p"] - exact) for proposal in PROPOSALS}
    nearer = off["encoder"] - off["prior"]
    higher = numbers["16d", "encoder", "log_p"] - numbers["16d", "prior", "log_p"]
    of_two = (
        ("2 latents: the prior's estimate is nearer to log p(x).", nearer > APART),
        ("2 latents: the encoder's estimate is nearer to log p(x).", nearer < -APART),
        ("2 latents: both estimates are as near to log p(x), within half a nat.", np.abs(nearer) <= APART),
    )
    of_sixteen = (
        ("16 latents: the encoder's is higher.", higher > APART),
        ("16 latents: the prior's is higher.", higher < -APART),
        ("16 latents: the two are within half a nat.", np.abs(higher) <= APART),
    )
    return said(
        len(higher),
        *(Claim(f"{first} {second}", a & b) for first, a in of_two for second, b in of_sixteen),
    )


# --- what is seen -------------------------------------------------------------------------------------------


def _lines(
    model: str, proposal: str, of: str, config: Config, name: str, runs: list[int]
) -> tuple[Polylines, Points]:
    """Some runs over N, the first of them strong, with a dot at the N of the frame; 16 latents' sizes dashed."""
    stored = cache.arrays(STORED)
    values = stored[f"{model}.{proposal}.{of}"][config.sure_image, runs].astype(float)
    xy = np.stack([np.broadcast_to(stored["counts"].astype(float), values.shape), values], axis=-1)
    colour, dashed = PROPOSALS[proposal], of == "ess" and model == "16d"
    weight = np.where(np.arange(len(runs)) == 0, 1.0, 0.4)
    return (
        Polylines(name=name, key=proposal[0], xy=xy, weight=weight, colour=colour, width=1.7, dashed=dashed),
        Points(name="", xy=xy[0][:, None], radius=6, colour=colour),
    )


def _estimates(model: str, config: Config) -> Panel:
    stored = cache.arrays(STORED)
    counts = stored["counts"]
    settled = np.concatenate(
        [stored[f"{model}.{p}.log_p"][config.sure_image][:, counts >= SHOWN].ravel() for p in PROPOSALS]
    ).astype(float)
    run = config.sure_run - 1
    runs = [run, *(other for other in range(RUNS) if other != run)]
    layers = [part for p in PROPOSALS for part in _lines(model, p, "log_p", config, p, runs)]
    tops = [settled.max()]
    if model == "2d":
        exact = float(stored["2d.exact"][config.sure_image])
        line = np.array([[[1.0, exact], [float(counts[-1]), exact]]])
        layers.append(Polylines(name="log p(x)", key="l", xy=line, colour="truth", dashed=True, width=2.5))
        tops.append(exact)
    high, low = max(tops), float(settled.min())
    room = max(0.15 * (high - low), 2.0)
    return chart(
        f"{LATENTS[model]} latents: log p̂(x), nats",
        tuple(layers),
        (1, float(counts[-1])),
        (low - 2 * room, high + room),
        "draws N",
        x_scale="log",
    )


def _sizes(config: Config) -> Panel:
    counts = cache.arrays(STORED)["counts"]
    layers = [
        part
        for model, d in LATENTS.items()
        for p in PROPOSALS
        for part in _lines(model, p, "ess", config, f"{p}, {d}", [config.sure_run - 1])
    ]
    ends = (1.0, float(counts[-1]))
    return chart(
        "Effective sample size, by latents", tuple(layers), ends, (0.9, ends[1]), "draws N", "", "log", "log"
    )


def _bounds(i: int) -> Panel:
    """L_K − L_1 over K."""
    stored = cache.arrays(STORED)
    top = 1.0
    layers: list = []
    for model, d in LATENTS.items():
        k, gained = stored[f"{model}.k"].astype(float), gain(model, i)
        dashed = model == "16d"
        xy = np.column_stack([k, gained])[None]
        layers += [
            Polylines(name=f"{d} latents", key=("t", "s")[dashed], xy=xy, colour="class1", dashed=dashed, width=3),
            Points(name="", xy=xy[0, np.isin(k, SPOKEN_OF)], radius=5, colour="class1"),
        ]
        top = max(top, float(gained.max()))
    return chart(
        "L_K − L_1: what K draws gain, nats",
        tuple(layers),
        (1, float(k[-1])),
        (-0.05 * top, 1.1 * top),
        "K",
        x_scale="log",
    )


def gain(model: str, i: int) -> np.ndarray:
    """L_K − L_1 of an image by the encoder's draws, ``(K,)``, nats."""
    bound = cache.arrays(STORED)[f"{model}.bound"][i].astype(float)
    return bound - bound[0]


def rise(model: str) -> str:
    """L_1, L_5 and L_50, means over all images."""
    stored = cache.arrays(STORED)
    k, bound = stored[f"{model}.k"].tolist(), stored[f"{model}.bound"].astype(float).mean(axis=0)
    at = [bound[k.index(number)] for number in SPOKEN_OF]
    return f"{LATENTS[model]} latents: L₁ = {at[0]:.1f}, L₅ = {at[1]:.1f}, L₅₀ = {at[2]:.1f} nats"
