"""A variational autoencoder trained in front of the class: on small digits, or on points in the plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dashboard.scene import Bars, Curve, Ellipses, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.colours import hue
from dashboard.scene.fields import choice, slider
from dashboard.scene.own_points import OWN, OwnPoints
from dashboard.scene.snippet import called, snippet
from dashboard.scene.units import Pair, in_units
from dashboard.scenes.pictures import chosen, codes, framed, in_pairs, ink, rows
from dashboard.scenes.vae.setup import PLANE, prior_circles
from genmodels.data.digits import load_small_digits
from genmodels.data.planar import get_dataset

if TYPE_CHECKING:
    from genmodels.vae.model import VAEState

DATA = {
    "digits8": "Digits, 8 × 8 pixels",
    "moons": "Two moons",
    "pinwheel": "Pinwheel",
    "ring8": "A ring of eight",
    **OWN,
}
LATENTS = (1, 2, 8)
STEPS, EVERY, POINTS = 4_000, 20, 1_000
Draw = Callable[["VAEState"], tuple[tuple[Panel, ...], tuple[Readout, ...]]]


@dataclass(frozen=True)
class Config(OwnPoints):
    """Data, latents L, β and learning rate as powers of ten, seed, and where to train."""

    unit_variance: ClassVar[bool] = True

    source: str = choice("Data", "digits8", DATA, formerly="data")
    latents: int = choice("Latents", 2, {n: f"z has {n} number{'s' * (n > 1)}" for n in LATENTS})
    log_beta: float = slider("log₁₀ β", 0.0, -2.0, 2.0, 0.1)
    log_rate: float = slider("log₁₀ learning rate", -2.5, -4.0, 0.0, 0.1)
    seed: int = 0
    device: str = "auto"

    @property
    def on_digits(self) -> bool:
        """Whether the data are digits, not points in the plane."""
        return self.source == "digits8"

    def training(self) -> dict[str, Any]:
        """Fields of :class:`genmodels.vae.model.VAEConfig`."""
        return {
            "n_features": 64 if self.on_digits else 2,
            "n_latents": self.latents,
            "hidden": (128, 64) if self.on_digits else (64, 64),
            "decoder": "gaussian",
            "activation": "silu",
            "batch": 64 if self.on_digits else 128,
            "learning_rate": 10.0**self.log_rate,
            "n_steps": STEPS,
            "every": EVERY,
            "beta": 10.0**self.log_beta,
            "seed": self.seed,
            "device": self.device,
        }


def check(config: Config) -> None:
    """Raises a ValueError that says why this config cannot be trained."""
    if config.is_own:
        config.own_for("VAE")


@in_units
def scenes(config: Config) -> Iterator[Scene | None]:
    """One frame every 20 steps."""
    from genmodels.vae.model import VAEConfig, iterate_vae

    on_digits, shift = config.on_digits, config.units.log_scale
    x, draw = _digits(config) if on_digits else _points(config)
    for state in iterate_vae(x, VAEConfig(**config.training())):
        panels, readouts = draw(state)
        yield Scene(
            panels=(*panels, _terms(state, shift, (-60, 45) if on_digits else (-7 - shift, 5 - shift))),
            steps=np.array([state.step]),
            time="step",
            readouts=(
                Readout("ELBO", state.elbo - shift, "nats", 2),
                Readout("reconstruction", state.reconstruction - shift, "nats", 2),
                Readout("KL", state.kl.sum(), "nats", 2),
                *readouts,
            ),
            alt="A variational autoencoder while it is trained: data, latent codes, samples, and its bound.",
            fps=20,
        )


def code(config: Config) -> str:
    """The first steps of this training, and the bound after them."""
    error = "100 * np.sqrt(np.mean((network.decode(network.encode(test)[0]) - test) ** 2))"
    return snippet(
        "import numpy as np",
        "from genmodels.vae.model import VAEConfig, iterate_vae",
        *_data_code(config),
        called("config = VAEConfig", **config.training()),
        f"step = {EVERY}",
        "state = next(state for state in iterate_vae(x, config) if state.step == step)",
        "network = state.forward()",
        config.scale_code,
        "shown = {",
        f"    'ELBO': state.elbo{config.less},",
        f"    'reconstruction': state.reconstruction{config.less},",
        "    'KL': state.kl.sum(),",
        '    "decoder\'s σₓ": network.noise,',
        f"    'error on unseen digits': {error}," if config.on_digits else "",
        "}",
    )


def _data_code(config: Config) -> tuple[str, ...]:
    """The data in Python: ``x``, and for digits ``test``."""
    if config.is_own:
        return (config.own_code(),)
    if config.on_digits:
        return (
            "from genmodels.data.digits import load_small_digits",
            "digits = load_small_digits()",
            "x, test = (split.images.reshape(-1, 64) for split in (digits.train, digits.test))",
        )
    return (
        "from genmodels.data.planar import get_dataset",
        f"data = get_dataset({config.source!r})",
        f"x = data.standardise(data.sample({POINTS}, np.random.default_rng([{config.seed}, 7])))",
    )


def _terms(state: VAEState, shift: float, limits: tuple[float, float]) -> Panel:
    """The bound and its parts; log-densities of own points in their own units, which are less by ``shift``."""
    curves = (
        Curve(name="ELBO", key="l", y=np.array([state.elbo - shift]), colour="model"),
        Curve(name="reconstruction", key="r", y=np.array([state.reconstruction - shift]), colour="data"),
        Curve(name="KL", key="y", y=np.array([float(state.kl.sum())]), colour="truth"),
    )
    return chart(
        "ELBO = reconstruction − KL, nats",
        curves,
        (0, STEPS),
        limits,
        x_label="step",
        share=0.9,
    )


def _busiest(mu: np.ndarray) -> np.ndarray:
    """The two latents that vary most, or the only one beside a zero, ``(N, 2)``."""
    if mu.shape[1] == 1:
        return np.concatenate([mu, np.zeros_like(mu)], axis=1)
    return mu[:, np.sort(np.argsort(mu.var(axis=0))[-2:])]


def _digits(config: Config) -> tuple[np.ndarray, Draw]:
    small = load_small_digits()
    x, test = (split.images.reshape(-1, 64) for split in (small.train, small.test))
    labels = small.test.labels
    shown = chosen(labels)
    rng = np.random.default_rng([config.seed, 6])
    z, noise = rng.standard_normal((5, config.latents)), rng.standard_normal((5, 64))

    def draw(state: VAEState) -> tuple[tuple[Panel, ...], tuple[Readout, ...]]:
        forward = state.forward()
        mu, _ = forward.encode(test)
        copies = forward.decode(mu)
        error = np.sqrt(np.mean((copies - test) ** 2))
        mean = forward.decode(z)
        draw = mean + (forward.noise or 0.0) * noise
        pictures, copied, means, draws = (framed(ink(x)) for x in (test[shown], copies[shown], mean, draw))
        panels = (
            plane(
                "Codes of unseen digits",
                (prior_circles(), *codes(_busiest(mu)[None], labels)),
                PLANE,
                PLANE,
                labels=("z", "z"),
                share=1.5,
            ),
            rows(
                "Unseen digits, copies; z from the prior",
                {**in_pairs(pictures, copied[None]), "mean": means[None], "draw": draws[None]},
                share=1.1,
                margin=1.4,
            ),
        )
        return panels, (
            Readout("error on unseen digits", 100 * error, "% of full ink", 1),
            _noise(forward.noise),
        )

    return x, draw


def _noise(noise: float | None, unit: str = "") -> Readout:
    return Readout("decoder's σₓ", noise or 0.0, unit, 3)


def _data(config: Config, rng: np.random.Generator) -> tuple[np.ndarray, tuple[Pair, Pair]]:
    """Standardised points ``(N, 2)``, and the axis ranges that show them."""
    if config.is_own:
        return config.own(), config.frame()
    dataset = get_dataset(config.source)
    x = (dataset.sample(POINTS, rng) - dataset.mean) / np.sqrt(np.trace(dataset.covariance) / 2)
    return x, ((-2.6, 2.6), (-2.6, 2.6))


def _points(config: Config) -> tuple[np.ndarray, Draw]:
    rng = np.random.default_rng([config.seed, 7])
    x, (x_ends, y_ends) = _data(config, rng)
    angle = hue(x)
    z = rng.standard_normal((POINTS, config.latents))
    noise = rng.standard_normal((POINTS, 2))
    lines = _lattice(config.latents)

    def draw(state: VAEState) -> tuple[tuple[Panel, ...], tuple[Readout, ...]]:
        forward = state.forward()
        mu, _ = forward.encode(x)
        width = forward.noise or 0.0
        decoded = forward.decode(lines.reshape(-1, config.latents)).reshape(1, *lines.shape[:2], 2)
        dots = decoded[0, :, :: max(1, lines.shape[1] // 40)].reshape(1, -1, 2)
        drawn = forward.decode(z) + width * noise
        panels = (
            plane(
                "x: the data, and what z is decoded to",
                (
                    Points(name="data", key="p", xy=x, values=angle, radius=2.5, alpha=0.6),
                    Ellipses(
                        name="noise, 1 σₓ",
                        key="e",
                        mean=dots,
                        covariance=np.broadcast_to(width**2 * np.eye(2), (1, dots.shape[1], 2, 2)),
                        sigmas=(1.0,),
                        colour="model",
                        width=1,
                    ),
                    Polylines(name="decoded latent lines", key="u", xy=decoded, colour="model", width=3),
                ),
                x_ends,
                y_ends,
            ),
            Panel(
                "z: the codes",
                (
                    *((prior_circles(),) if config.latents > 1 else ()),
                    Points(name="codes", key="o", xy=_busiest(mu)[None], values=angle, radius=3),
                ),
                PLANE,
                PLANE,
                x_label="z",
                y_label="z" if config.latents > 1 else "",
                share=0.9,
            ),
            plane(
                "Drawn: z ~ N(0, I), then x | z",
                (Points(name="drawn", key="d", xy=drawn[None], radius=2.5, colour="model"),),
                x_ends,
                y_ends,
            ),
            chart(
                "KL of each latent",
                (
                    Bars(
                        name="KL",
                        key="b",
                        height=state.kl[None].astype(float),
                        x=np.arange(1.0, config.latents + 1),
                        colour="truth",
                    ),
                ),
                (0.3, config.latents + 0.7),
                (0, 4),
                x_label="latent",
                y_label="nats",
                share=0.5,
            ),
        )
        return panels, (_noise(width, config.units.length()),)

    return x, draw


def steps() -> tuple[Callable, ...]:
    """The functions whose steps are watched."""
    from genmodels.vae.model import VAE, iterate_vae, kl_divergence

    return iterate_vae, VAE.log_prob, kl_divergence


def _lattice(latents: int) -> np.ndarray:
    """Lines in the latent space, ``(P, L, latents)``: all of it for one latent, else a grid of the first two."""
    along = np.linspace(-2.5, 2.5, 81)
    if latents == 1:
        return along[None, :, None]
    lines = np.zeros((22, len(along), latents))
    for k, at in enumerate(np.linspace(-2.5, 2.5, 11)):
        lines[k, :, 0], lines[k, :, 1] = along, at
        lines[11 + k, :, 0], lines[11 + k, :, 1] = at, along
    return lines
