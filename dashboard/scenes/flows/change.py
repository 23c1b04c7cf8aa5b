"""Change of variables on a line: a bell curve is bent; mass stays, width changes, height answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import Claim, Curve, Handle, Labels, Panel, Polylines, Readout, Scene, chart, drag, plane, said
from dashboard.scene.fields import placed, switch, written
from dashboard.scene.snippet import snippet
from dashboard.scene.snippet import written as python
from genmodels.flows.bent import BentGaussian, log_normal

KNOTS = 4
START = "-1.5,-1.9,-0.4,-1.2,0.4,0.9,1.4,1.6"  # z₁, x₁, z₂, x₂ …
REACH, GAP, NARROWEST = 3.0, 0.06, 0.1  # of knots and marks, between two knots, between the marks
EDGE = 3.2  # of the square of z and x
BELOW, BESIDE = -4.5, 3.4  # where z's and x's densities stand
TALL, ROOM = 3.2, 2.9  # units of length for a density of 1, and how much of it there is room for
LIFTS = np.arange(0, 101, 2)  # per cent of the way from the straight line to the curve
TAIL, BETWEEN, STRIP = 60, 41, 241  # points of the lines drawn
HIDDEN_ENDS = (-6.0, 6.0)
GOAL = 0.05  # nats, of the challenge


@dataclass(frozen=True)
class Config:
    """The curve's knots, both marks, and whether a density is shown that one may try to match.

    Args:
        bend: z and x of the knots, from the link.
        mark_a, mark_b: The marks A and B, in z.
        match: Whether the hidden density is shown.
        seed: Of the hidden density.
    """

    bend: str = written(START)
    mark_a: float = placed(-0.2, -REACH, REACH)
    mark_b: float = placed(0.3, -REACH, REACH)
    match: bool = switch("Show a density to match")
    seed: int = 0

    def knots(self) -> np.ndarray:
        """(z, x) of each knot, ``(4, 2)``.

        Raises:
            ValueError: The link does not say four rising pairs.
        """
        try:
            numbers = np.array([float(part) for part in self.bend.split(",")])
        except ValueError:
            numbers = np.zeros(0)
        if numbers.shape != (2 * KNOTS,) or not np.isfinite(numbers).all():
            raise ValueError(f"The curve {self.bend[:60]!r} is not {2 * KNOTS} numbers, z and x of {KNOTS} knots.")
        if np.abs(numbers).max() > REACH:
            raise ValueError(f"A knot of the curve {self.bend[:60]!r} lies beyond ±{REACH:g}; drag it from there.")
        return numbers.reshape(KNOTS, 2)

    def marks(self) -> tuple[float, float]:
        """A and B, which lie a tenth apart or more."""
        a, b = self.mark_a, self.mark_b
        if abs(a - b) >= NARROWEST:
            return a, b
        middle, half = (a + b) / 2, NARROWEST / 2 * (1 if a <= b else -1)
        return middle - half, middle + half

    def bent(self) -> BentGaussian:
        """The curve."""
        return BentGaussian(self.knots())


class Hidden(NamedTuple):
    """Two humps, from the seed: weights, means and deviations."""

    weights: np.ndarray
    means: np.ndarray
    deviations: np.ndarray

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """log-density, ``(N,)``."""
        humps = log_normal((x[:, None] - self.means) / self.deviations) + np.log(self.weights / self.deviations)
        return np.logaddexp(*humps.T)


def hidden(seed: int) -> Hidden:
    """The density to match."""
    rng = np.random.default_rng([seed, 5])
    share = rng.uniform(0.35, 0.65)
    means = rng.uniform(0.9, 1.5, 2) * [-1, 1]
    return Hidden(np.array([share, 1 - share]), means, rng.uniform(0.35, 0.6, 2))


def kl(config: Config) -> float:
    """KL(hidden ‖ yours), nats, by quadrature."""
    return config.bent().kl_from(hidden(config.seed).log_prob, HIDDEN_ENDS)


class Line(NamedTuple):
    """Points of the curve on its way from straight to bent, ``(F, L)`` but for z ``(L,)``."""

    z: np.ndarray
    x: np.ndarray
    slope: np.ndarray
    density: np.ndarray


def lifted(bent: BentGaussian, z: np.ndarray) -> Line:
    """x = (1 − s) z + s g(z), its slope and the density over there, for every share s of the way."""
    share = LIFTS[:, None] / 100
    x, log_slope = bent.forward(z)
    slope = 1 - share + share * np.exp(log_slope)
    return Line(z, (1 - share) * z + share * x, slope, np.exp(log_normal(z)) / slope)


def scene(config: Config) -> Scene:
    """The line is bent until it is the curve through the knots."""
    knots, bent, (a, b) = config.knots(), config.bent(), config.marks()
    z = np.r_[np.linspace(-5, knots[0, 0], TAIL), *_between(knots[:, 0]), np.linspace(knots[-1, 0], 5, TAIL)]
    whole = lifted(bent, z)
    low, high = sorted((a, b))
    strip = lifted(bent, np.sort(np.r_[np.linspace(low, high, STRIP - KNOTS), np.clip(knots[:, 0], low, high)]))
    frames = len(LIFTS)
    mass_z = np.trapezoid(np.exp(log_normal(strip.z)), strip.z)
    mass_x = np.trapezoid(strip.density, strip.x)
    width = strip.x[:, -1] - strip.x[:, 0]
    at_a = lifted(bent, np.array([a]))
    numbers = [
        Readout("mass in z", np.full(frames, 100 * mass_z), "%", 2),
        Readout("mass in x", 100 * mass_x, "%", 2),
        Readout("Δx ÷ Δz", width / (high - low), "", 2),
        Readout("slope g′ at A", at_a.slope[:, 0], "", 3),
        Readout("p(x) at A", at_a.density[:, 0], "", 3),
        Readout("p(z) at A", np.full(frames, np.exp(log_normal(np.array(a)))), "", 3, hidden=True),
    ]
    if config.match:
        numbers[2] = Readout("KL(dashed ‖ yours)", np.where(LIFTS == 100, kl(config), np.nan), "nats", 3)
    return Scene(
        panels=(_picture(config, whole, strip), _product(width, mass_x)),
        steps=LIFTS,
        time="bent, %",
        readouts=tuple(numbers),
        **said(frames, *_claims(config, whole, width, high - low)),
        equation="p(x) = p(z) ÷ g′ = {p(z) at A} ÷ {slope g′ at A} = {p(x) at A}, at the mark A",
        alt="A bell curve lies below, a rising curve carries it to the right-hand side, where it stands as another "
        "density; a strip between two marks has the same area on both sides.",
        fps=20,
        handles=_handles(knots, a, b),
        start=int(LIFTS[-1]),
    )


def _between(z: np.ndarray) -> list[np.ndarray]:
    return [np.linspace(low, high, BETWEEN) for low, high in pairwise(z)]


def _claims(config: Config, whole: Line, width: np.ndarray, before: float) -> list[Claim | str]:
    touching = bool(np.diff(config.knots(), axis=0).min() <= GAP + 1e-6)
    inside = np.abs(whole.x) <= EDGE
    cut = np.where(inside, whole.density, 0).max(axis=1) * TALL > ROOM
    return [
        Claim("Not bent yet: x = z, slope 1, and both densities are the same bell.", LIFTS == 0),
        Claim(
            "A knot is held by its neighbour: where the curve folds back, one x would have more than one z.", touching
        ),
        Claim("p(x) is higher than the picture has room for, where the curve is flat: it is cut.", cut),
        Claim(
            "The strip has become wider, so it is lower on average: the mass between the marks is the same.",
            width > 1.005 * before,
        ),
        Claim(
            "The strip has become narrower, so it is higher on average: the mass between the marks is the same.",
            width < 0.995 * before,
        ),
        "The strip is nearly as wide as before; its mass is the same in any case.",
    ]


def code(config: Config) -> str:
    """Mass, slope and density at the marks, and the KL."""
    (a, _), (low, high) = config.marks(), sorted(config.marks())
    at = 0 if a == low else -1
    match = (
        f"rng = np.random.default_rng([{config.seed}, 5])  # of the two humps",
        "share, means = rng.uniform(0.35, 0.65), rng.uniform(0.9, 1.5, 2) * [-1, 1]",
        "def hidden(x, sigmas=rng.uniform(0.35, 0.6, 2)):  # its log-density",
        "    humps = np.exp(-0.5 * ((x[:, None] - means) / sigmas) ** 2) / sigmas",
        "    return np.log(humps @ [share, 1 - share] / np.sqrt(2 * np.pi))",
    )
    return snippet(
        "import numpy as np",
        "from genmodels.flows.bent import BentGaussian",
        f"bent = BentGaussian({python(config.knots())})  # (z, x) of the knots",
        *(match if config.match else ()),
        f"z = np.linspace({python(low)}, {python(high)}, 2_001)  # from mark to mark",
        "x, log_slope = bent.forward(z)",
        "p_z = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)",
        "shown = {",
        "    'mass in z': 100 * np.trapezoid(p_z, z),",
        "    'mass in x': 100 * np.trapezoid(np.exp(bent.log_prob(x)), x),",
        f"    'KL(dashed ‖ yours)': bent.kl_from(hidden, {HIDDEN_ENDS}),"
        if config.match
        else "    'Δx ÷ Δz': (x[-1] - x[0]) / (z[-1] - z[0]),",
        f"    'slope g′ at A': np.exp(log_slope[{at}]),",
        f"    'p(x) at A': p_z[{at}] / np.exp(log_slope[{at}]),",
        "}",
    )


# --- the picture ------------------------------------------------------------------------------------------------


def _picture(config: Config, whole: Line, strip: Line) -> Panel:
    """z below, the curve, and x at its right-hand side; all lengths are alike, so that areas are masses."""
    bell = np.stack([whole.z, BELOW + TALL * np.exp(log_normal(whole.z))], axis=-1)
    curve = np.stack([np.broadcast_to(whole.z, whole.x.shape), whole.x], axis=-1)
    turned = np.stack([BESIDE + _room(whole.density), whole.x], axis=-1)
    target: tuple[Polylines, ...] = ()
    if config.match:
        x = np.linspace(-EDGE, EDGE, 257)
        density = np.exp(hidden(config.seed).log_prob(x))
        xy = np.stack([BESIDE + _room(density), x], axis=-1)
        target = (Polylines(name="to match", key="d", xy=xy[None], colour="truth", dashed=True, width=2.5),)
    layers = (
        Polylines(name="", xy=_axes(), colour="muted", width=1.2),
        Polylines(
            name="mass between A and B",
            key="m",
            xy=_strips(strip),
            colour="model",
            filled=True,
            closed=True,
            width=1,
        ),
        Polylines(name="from z to x", key="t", xy=_guides(strip), colour="muted", dashed=True, width=1.5),
        Polylines(name="p(z)", key="z", xy=_inside(bell, 0)[None], colour="class0", width=3),
        Polylines(name="x = g(z)", key="g", xy=_inside(curve, 0, 1)[:, None], colour="ink", width=3),
        Polylines(name="p(x)", key="x", xy=_inside(turned, 1)[:, None], colour="model", width=3),
        *target,
        _words(config, whole),
    )
    panel = plane(
        "z ~ N(0, 1) below is bent into x on the right",
        layers,
        (-EDGE - 0.3, BESIDE + ROOM + 0.1),
        (BELOW - 0.55, EDGE + 0.1),
        share=2.0,
        labels=("", ""),
    )
    return replace(panel, axes=False)


def _room(density: np.ndarray) -> np.ndarray:
    """The length of a density on the picture, as far as there is room."""
    return np.minimum(TALL * density, ROOM)


def _inside(xy: np.ndarray, *axes: int) -> np.ndarray:
    """Points within the square, along these axes; NaN for others."""
    beyond = (np.abs(xy[..., list(axes)]) > EDGE).any(axis=-1)
    return np.where(beyond[..., None], np.nan, xy).astype(np.float32)


def _axes() -> np.ndarray:
    """Where the densities stand: z's axis below, x's beside."""
    return np.array([[[-EDGE, BELOW], [EDGE, BELOW]], [[BESIDE, -EDGE], [BESIDE, EDGE]]])


def _strips(strip: Line) -> np.ndarray:
    """The two areas between the marks, ``(F, 2, L + 2, 2)``."""
    x, p = np.clip(strip.x, -EDGE, EDGE), np.exp(log_normal(strip.z))
    below = np.stack([strip.z, BELOW + TALL * p], axis=-1)
    below = np.concatenate([[[strip.z[0], BELOW]], below, [[strip.z[-1], BELOW]]])
    beside = np.stack([BESIDE + _room(strip.density), x], axis=-1)
    ends = [np.stack([np.full(len(x), BESIDE), x[:, k]], axis=-1)[:, None] for k in (0, -1)]
    beside = np.concatenate([ends[0], beside, ends[1]], axis=1)
    return np.stack([np.broadcast_to(below, beside.shape), beside], axis=1).astype(np.float32)


def _guides(strip: Line) -> np.ndarray:
    """From each mark up to the curve and across to x, ``(F, 2, 3, 2)``."""
    x = np.clip(strip.x[:, [0, -1]], -EDGE, EDGE)
    z = np.broadcast_to(strip.z[[0, -1]], x.shape)
    corners = (z, np.full(x.shape, BELOW)), (z, x), (np.full(x.shape, BESIDE), x)
    return np.stack([np.stack(pair, axis=-1) for pair in corners], axis=2)


TICKS = (-2, 0, 2)


def _words(config: Config, whole: Line) -> Labels:
    """Numbers at the axes, and names of marks and curves; that of g stands above its left end."""
    along = [(tick, BELOW - 0.22) for tick in (*TICKS, EDGE - 0.1)]
    up = [(BESIDE - 0.22, tick) for tick in (*TICKS, EDGE - 0.1)]
    marks = [(z, BELOW - 0.42) for z in config.marks()]
    names = [(-2.1, BELOW + 0.75), (BESIDE + 0.75, EDGE - 0.6)]
    there = np.array([np.interp(-2.3, whole.z, x) for x in whole.x])
    above = np.stack([np.full(len(there), -2.3), np.clip(there, -EDGE, EDGE) + 0.75], axis=-1)[:, None]
    still = np.broadcast_to([*along, *up, *marks, *names], (len(there), 12, 2))
    numbers = tuple(f"{tick}".replace("-", "−") for tick in TICKS)
    texts = (*numbers, "z", *numbers, "x", "A", "B", "p(z)", "p(x)", "x = g(z)")
    return Labels(name="", at=np.concatenate([still, above], axis=1), texts=texts, size=1.15)


def _product(width: np.ndarray, mass: np.ndarray) -> Panel:
    """What changes and what does not, on a scale on which a factor is a length."""
    times = {"width": width / width[0], "height": (mass / width) / (mass[0] / width[0]), "mass": mass / mass[0]}
    colours = {"width": "ink", "height": "model", "mass": "class0"}
    curves = tuple(Curve(name=f"{name} ×", key=name[0], y=y, colour=colours[name]) for name, y in times.items())
    most = 1.25 * float(np.exp(np.abs(np.log([*times.values()])).max()))
    title = "Between A and B, times as before"
    return chart(title, curves, (0, 100), (1 / most, most), x_label="bent, %", y_scale="log", share=0.8)


# --- the hand ---------------------------------------------------------------------------------------------------


def _handles(knots: np.ndarray, a: float, b: float) -> tuple[Handle, ...]:
    held = tuple(Handle(f"knot {k + 1}", at) for k, at in enumerate(knots))
    return (*held, *(Handle(name, np.array([z, BELOW]), free="x", colour="ink") for name, z in (("A", a), ("B", b))))


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after a knot or a mark was moved, as far as its neighbours let it."""
    name = drag.moved(values)
    at = drag.handle(values, name)
    if name in ("A", "B"):
        a, b = config.marks()
        other = b if name == "A" else a
        z = float(np.clip(at[0], -REACH, REACH))
        if abs(z - other) < NARROWEST:
            z = other + NARROWEST * (1 if z > other or other - NARROWEST < -REACH else -1)
        a, b = (round(z, 3), b) if name == "A" else (a, round(z, 3))
        return replace(config, mark_a=a, mark_b=b)
    knots = config.knots()
    k = int(name.removeprefix("knot ")) - 1
    low = knots[k - 1] + GAP if k else np.full(2, -REACH)
    high = knots[k + 1] - GAP if k + 1 < KNOTS else np.full(2, REACH)
    knots[k] = [_held(*both) for both in zip(at, low, high, strict=True)]
    return replace(config, bend=",".join(f"{number:g}" for number in knots.ravel()))


def _held(value: float, low: float, high: float) -> float:
    """Within the ends, to a thousandth."""
    return round(float(np.clip(value, low, high)), 3)


def can_be(config: Config) -> bool:
    """Whether the link's curve can be drawn; if not, the page says why in place of the picture."""
    try:
        config.bent()
    except ValueError:
        return False
    return True


def formula(config: Config) -> str:
    """The change of variables at the mark A, in numbers, as LaTeX."""
    z = config.marks()[0]
    x, log_slope = config.bent().forward(np.array([z]))
    p_z, slope = float(np.exp(log_normal(np.array(z)))), float(np.exp(log_slope[0]))
    return (
        r"p_x(x)=p_z(z)\left|\frac{dz}{dx}\right|=\frac{p_z(z)}{g'(z)}\qquad"
        rf"\text{{at A: }}z={z:.3f},\ x={x[0]:.3f}:\qquad\frac{{{p_z:.4f}}}{{{slope:.4f}}}={p_z / slope:.4f}"
    )
