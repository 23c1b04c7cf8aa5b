"""Flows from layer to layer: cells, probes and threads, by a flow that is written out again (``coupling``)."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.integrate import trapezoid
from scipy.stats import norm

from dashboard.scenes.flows import bridge, cell, layers
from genmodels.data.planar import get_dataset
from genmodels.store import cache as store
from tests.oracles.contours import centres, level_line
from tests.oracles.coupling import Couplings
from tests.oracles.handles import with_handles
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {
    "cell": [
        cell.Cell("ffjord8", side=0.25, cell_1=0.6, cell_2=-1.1, seed=3),
        cell.Cell("checkerboard", side=0.125, cell_1=-0.2, cell_2=0.3),
    ],
    "layers": [layers.Layers("ffjord8", x_1=-1.2, x_2=0.3, seed=4), layers.Layers("checkerboard", x_1=2.9, x_2=-3)],
    "bridge": [bridge.Bridge("ffjord8", along=0.3), bridge.Bridge("moons", lumps="near", along=0.7)],
}


@lru_cache(maxsize=16)
def flow(name: str, layers: int = 0, prefix: str = "") -> Couplings:
    """A stored one."""
    found = store.load(name)
    config, arrays = found.entry.config, found.arrays
    own = {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)}
    return Couplings(own, layers or config["n_layers"], config["bins"], config["bound"])


def of(seen: Seen) -> Couplings:
    return flow(f"flow-{seen.config.source}")


def log_normal(z: np.ndarray) -> np.ndarray:
    return norm.logpdf(z).sum(axis=-1)


def true_log_p(source: str, x: np.ndarray) -> np.ndarray:
    """Of standardised points: a density of x / scale is scale² that of x."""
    data = get_dataset(source)
    scale = np.sqrt(np.diag(data.covariance).mean())
    return data.log_prob(data.mean + scale * x) + 2 * np.log(scale)


def shoelace(polygon: np.ndarray) -> float:
    (x, y), (a, b) = polygon.T, np.roll(polygon, -1, axis=0).T
    return abs(float(np.sum(x * b - a * y))) / 2


def is_lattice(lines: np.ndarray, side: float) -> bool | str:
    """Half of the lines up, half across, around squares centred at multiples of the side, at least 3 far out."""
    count = len(lines) // 2
    far = side * (count - 1) / 2
    if not 3 <= far < 3 + side or count % 2:
        return f"{count} lines each way, {far} far"
    at = np.linspace(-far, far, count)
    for group, across in ((lines[:count], 0), (lines[count:], 1)):
        if np.ptp(group[..., across], axis=1).max() > 1e-6 or np.abs(group[:, 0, across] - at).max() > 1e-6:
            return "not straight, or elsewhere"
        if np.abs(group[:, [0, -1], 1 - across] - [-far, far]).max() > 1e-6:
            return "too long or too short"
    return True


# --- One cell -----------------------------------------------------------------------------------------------


def undone(seen: Seen) -> float:
    """How many layers have been undone, with their shares."""
    parts = 48 // of(seen).layers
    assert len(seen.scene.steps) == of(seen).layers * parts + 1
    return seen.frame / parts


def there(seen: Seen, z: np.ndarray) -> np.ndarray:
    """Where noise is in this frame."""
    return of(seen).after(of(seen).to_x(z), of(seen).layers - undone(seen)).numpy()


def square(seen: Seen) -> tuple[np.ndarray, float]:
    """The middle of the cell and its side: the square of the lattice that holds the place."""
    side = seen.config.side
    return np.round(np.array([seen.config.cell_1, seen.config.cell_2]) / side) * side, side


def derivative(seen: Seen) -> np.ndarray:
    """∂(place in this frame)/∂z at the middle of the cell, ``(2, 2)``."""
    x = of(seen).to_x(square(seen)[0][None])
    now, whole = (of(seen).jacobian(x, p)[0] for p in (of(seen).layers - undone(seen), of(seen).layers))
    return now @ np.linalg.inv(whole)


def outline(seen: Seen, n: int = 100) -> np.ndarray:
    """The cell's edges in this frame, from the lower left corner."""
    middle, side = square(seen)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * side / 2
    edges = [a + np.arange(n)[:, None] / n * (b - a) for a, b in pairwise(corners)]
    return there(seen, middle + np.concatenate(edges))


def density(seen: Seen) -> float:
    return float(np.exp(log_normal(square(seen)[0])) / abs(np.linalg.det(derivative(seen))))


def mass(seen: Seen) -> float:
    middle, side = square(seen)
    return float(np.prod(norm.cdf(middle + side / 2) - norm.cdf(middle - side / 2)))


def draws(seen: Seen) -> np.ndarray:
    return np.clip(np.random.default_rng([seen.config.seed, 121]).standard_normal((500, 2)), -4, 4)


@ORACLES("cell", "Polylines lattice")
def a_lattice_carried(seen: Seen) -> dict[str, Any]:
    start = seen.thing.xy[0].astype(float)
    straight = is_lattice(start, seen.config.side)
    now = there(seen, start.reshape(-1, 2)).reshape(start.shape)
    return {"xy": About(now, 1e-4, 1e-4), "name": lambda _: straight}


@ORACLES("cell", "Points draws of z")
def draws_carried(seen: Seen) -> dict[str, Any]:
    return {"xy": About(there(seen, draws(seen)), 1e-4, 1e-4)}


@ORACLES("cell", "Points draws in it")
def draws_that_stay_inside(seen: Seen) -> dict[str, Any]:
    middle, side = square(seen)
    inside = (np.abs(draws(seen) - middle) < side / 2).all(axis=1)
    return {"xy": About(np.where(inside[:, None], there(seen, draws(seen)), np.nan), 1e-4, 1e-4)}


@ORACLES("cell", "Polylines the cell", panel=0)
def the_cell(seen: Seen) -> dict[str, Any]:
    held = with_handles(seen, {"cell": there(seen, square(seen)[0][None])[0]})
    return {"xy": About(outline(seen)[None], 1e-4, 1e-4)} | held


def enlarged(seen: Seen, xy: np.ndarray) -> np.ndarray:
    """Around the image of the middle, where the parallelogram has area 1."""
    middle, side = square(seen)
    return (xy - there(seen, middle[None])) / (side * np.sqrt(abs(np.linalg.det(derivative(seen)))))


@ORACLES("cell", "Polylines the cell", panel=1)
def the_cell_enlarged(seen: Seen) -> dict[str, Any]:
    return {"xy": About(enlarged(seen, outline(seen))[None], 1e-3, 1e-3)}


@ORACLES("cell", "Polylines tangent parallelogram")
def the_parallelogram(seen: Seen) -> dict[str, Any]:
    middle, side = square(seen)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * side / 2
    return {"xy": About(enlarged(seen, there(seen, middle[None]) + corners @ derivative(seen).T)[None], 1e-3, 1e-3)}


@ORACLES("cell", "Polylines mass")
def a_constant(seen: Seen) -> dict[str, Any]:
    return {"xy": [[[0, mass(seen)], [of(seen).layers, mass(seen)]]]}


@ORACLES("cell", "Curve .*")
def area_and_density(seen: Seen) -> dict[str, Any]:
    area = shoelace(outline(seen))
    value = {"area": area, "density": density(seen), "area × density": area * density(seen)}[seen.thing.name]
    return {"x": undone(seen), "y": About(value, 1e-4, 1e-7)}


@ORACLES("cell", "Readout .*")
def numbers_of_the_cell(seen: Seen) -> dict[str, Any]:
    area, (middle, side) = shoelace(outline(seen)), square(seen)
    value = {
        "area of the cell": area,
        "density at its centre": density(seen),
        "area × density": area * density(seen),
        "parallelogram's area × density": np.exp(log_normal(middle)) * side**2,
        "mass of the cell": mass(seen),
    }[seen.thing.name]
    return {"values": About(value, 1e-5, 1e-8), "unit": ""}


# --- Layer by layer -----------------------------------------------------------------------------------------


def passed(seen: Seen) -> tuple[float, bool]:
    """How many layers have been passed, and whether it is the way there."""
    k = of(seen).layers
    last = k * (30 // k)
    assert len(seen.scene.steps) == 2 * last + 2
    way_there = seen.frame <= last
    return (seen.frame if way_there else 2 * last + 1 - seen.frame) / (30 // k), way_there


def probe(seen: Seen) -> np.ndarray:
    return np.array([[seen.config.x_1, seen.config.x_2]])


def log_det(seen: Seen, after: float) -> float:
    return _log_det(seen.config.source, seen.config.x_1, seen.config.x_2, float(after))


@lru_cache(maxsize=256)
def _log_det(source: str, x_1: float, x_2: float, after: float) -> float:
    return float(np.linalg.slogdet(flow(f"flow-{source}").jacobian(np.array([[x_1, x_2]]), after))[1][0])


def hue(z: np.ndarray) -> np.ndarray:
    """The angle in turns, from 0 to 1."""
    return np.mod(np.arctan2(z[:, 1], z[:, 0]), 2 * np.pi) / (2 * np.pi)


@ORACLES("layers", "Polylines lattice of z")
def the_lattice_on_its_way(seen: Seen) -> dict[str, Any]:
    turn = len(seen.scene.steps) // 2 - 1
    straight = seen.thing.xy[turn].astype(float)
    x = of(seen).to_x(straight.reshape(-1, 2))
    now = of(seen).after(x, passed(seen)[0]).numpy().reshape(straight.shape)
    verdict = is_lattice(straight, 0.5)
    return {"xy": About(now, 1e-3, 1e-3), "name": lambda _: verdict}


@ORACLES("layers", "Points data")
def data_there(seen: Seen) -> dict[str, Any]:
    x = seen.config.points(500, 22)
    now, (after, way_there) = of(seen), passed(seen)
    xy = now.after(x, after).numpy() if way_there else np.full(x.shape, np.nan)
    return {"xy": About(xy, 1e-4, 1e-4), "values": About(hue(now.after(x, now.layers).numpy()), 1e-4, 1e-4)}


@ORACLES("layers", "Points fresh noise")
def noise_back(seen: Seen) -> dict[str, Any]:
    z = np.random.default_rng([seen.config.seed, 122]).standard_normal((500, 2))
    after, way_there = passed(seen)
    xy = np.full(z.shape, np.nan) if way_there else of(seen).after(of(seen).to_x(z), after).numpy()
    return {"xy": About(xy, 1e-4, 1e-4), "values": About(hue(z), 1e-4, 1e-4)}


@ORACLES("layers", "Points ")
def where_the_probe_is(seen: Seen) -> dict[str, Any]:
    now = of(seen).after(probe(seen), passed(seen)[0]).numpy()
    return {"xy": About(now, 1e-5, 1e-5)} | with_handles(seen, {"x": now[0]})


def ledger(seen: Seen) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each column begins, where it is now, and where it ends: layers, log p_z, and their sum."""
    k, (after, _) = of(seen).layers, passed(seen)
    sums = np.array([log_det(seen, n) for n in range(k + 1)])
    now = np.array([log_det(seen, np.clip(after, n, n + 1)) for n in range(k)])
    total = sums[-1] + float(log_normal(of(seen).after(probe(seen), k).numpy())[0])
    arrived = after == k
    return (
        np.array([*sums, 0.0]),
        np.array([*now, total if arrived else sums[-1], total if arrived else 0.0]),
        np.array([*sums[1:], total, total]),
    )


def columns(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Outlines, 0.8 wide, at 0, 1, 2 …"""
    return np.array(
        [
            [[i - 0.4, a], [i + 0.4, a], [i + 0.4, b], [i - 0.4, b]]
            for i, (a, b) in enumerate(zip(low, high, strict=True))
        ]
    )


@ORACLES("layers", "Polylines ", panel=1)
def whole_columns(seen: Seen) -> dict[str, Any]:
    low, _, high = ledger(seen)
    return {"xy": About(columns(low, high), 1e-4, 1e-4)}


@ORACLES("layers", "Polylines (stretches|squeezes|log p)")
def columns_so_far(seen: Seen) -> dict[str, Any]:
    low, now, high = ledger(seen)
    k = of(seen).layers
    is_layer = np.arange(k + 2) < k
    rises = high > low
    mine = {"stretches": is_layer & rises, "squeezes": is_layer & ~rises, "log p": ~is_layer}[seen.thing.name]
    return {"xy": About(np.where(mine[:, None, None], columns(low, now), np.nan), 1e-4, 1e-4)}


@ORACLES("layers", "Diagram ")
def who_is_at_work(seen: Seen) -> dict[str, Any]:
    """The layer that is under way, or will have been when the frame is reached; at the ends data or noise."""
    k, (after, way_there) = of(seen).layers, passed(seen)
    at = 0 if after == 0 else k + 1 if after == k else int(np.ceil(after)) if way_there else int(np.floor(after)) + 1
    lit = np.zeros(2 * k + 3)
    lit[at] = 1
    texts = ["x: data", *(f"{n + 1} moves {'x₂' if n % 2 == 0 else 'x₁'}" for n in range(k)), "z: noise"]
    told = [node.text for node in seen.thing.nodes]
    return {"active": lit, "name": lambda _: told == texts}


@ORACLES("layers", "Readout .*")
def sums_at_the_probe(seen: Seen) -> dict[str, Any]:
    k = of(seen).layers
    log_z = float(log_normal(of(seen).after(probe(seen), k).numpy())[0])
    value = {
        "log p_z(z)": log_z,
        "Σ log |det J|": log_det(seen, k),
        "log p_x(x)": log_z + log_det(seen, k),
        "true log p(x)": true_log_p(seen.config.source, probe(seen))[0],
        "Σ of the layers passed": log_det(seen, passed(seen)[0]),
    }[seen.thing.name]
    return {"values": About(value, 1e-6, 1e-6), "unit": "nats"}


# --- The thread ---------------------------------------------------------------------------------------------

LAYERS = (1, 2, 4, 8)
BOX = (-3.2, 3.2, -3.2, 3.2)


def thin_flow(source: str, layers: int) -> Couplings:
    return flow(f"flow-thin-{source}", layers, f"{layers}.")


def thin(seen: Seen) -> Couplings:
    """The flow of this frame."""
    assert seen.step == LAYERS[seen.frame]
    return thin_flow(seen.config.source, seen.step)


def standardised(source: str, raw: Any) -> np.ndarray:
    data = get_dataset(source)
    return (np.asarray(raw) - data.mean) / np.sqrt(np.diag(data.covariance).mean())


def two_lumps(seen: Seen) -> np.ndarray:
    """From the middle of the upper moon to that of the lower one or to its inner tip; from a lump to another."""
    far = seen.config.lumps == "far"
    if seen.config.source == "moons":
        return standardised("moons", [[0, 1], [1, -0.5] if far else [0, 0.5]])
    turn = np.pi if far else np.pi / 4
    return standardised("ffjord8", 4 / 1.414 * np.array([[1, 0], [np.cos(turn), np.sin(turn)]]))


@lru_cache(maxsize=2)
def parting_line(source: str) -> np.ndarray:
    """601 places at even lengths: straight between lumps; or up, around one tip, around the other, and up."""
    if source == "ffjord8":
        return np.linspace(-4, 4, 601)[:, None] * [np.cos(np.pi / 8), np.sin(np.pi / 8)]
    scale = np.sqrt(np.diag(get_dataset("moons").covariance).mean())
    fine = np.linspace(0, np.pi, 20_001)
    first = np.stack([-0.5 * np.cos(fine), 0.25 + 0.5 * np.sin(fine)], axis=1)
    second = np.stack([1 - 0.5 * np.cos(fine), 0.25 - 0.5 * np.sin(fine)], axis=1)
    whole = np.concatenate([[[-0.5, 0.25 - 4 * scale]], first, second, [[1.5, 0.25 + 4 * scale]]])
    length = np.append(0, np.hypot(*np.diff(whole, axis=0).T).cumsum())
    even = np.linspace(0, length[-1], 601)
    return standardised("moons", np.stack([np.interp(even, length, whole[:, i]) for i in (0, 1)], axis=1))


def along(line: np.ndarray) -> np.ndarray:
    """Lengths from the middle of a line."""
    length = np.append(0, np.hypot(*np.diff(line, axis=0).T).cumsum())
    return length - length[-1] / 2


@lru_cache(maxsize=16)
def p_on_the_cut(source: str, layers: int) -> np.ndarray:
    return np.exp(thin_flow(source, layers).log_prob(parting_line(source)))


@lru_cache(maxsize=16)
def stretch(source: str, layers: int) -> float:
    """The largest singular value of ∂x/∂z on the cut."""
    jacobian = np.linalg.inv(thin_flow(source, layers).jacobian(parting_line(source), layers))
    return float(np.linalg.norm(jacobian, ord=2, axis=(1, 2)).max())


@lru_cache(maxsize=16)
def share_on_one_side(source: str, layers: int) -> float:
    """The flow's mass on one side of the cut: of many draws."""
    z = norm.ppf((np.stack(np.meshgrid(*[np.arange(100)] * 2), axis=-1).reshape(-1, 2) + 0.5) / 100)
    x = thin_flow(source, layers).to_x(z)
    if source == "ffjord8":
        return float((x @ [-np.sin(np.pi / 8), np.cos(np.pi / 8)] > 0).mean())
    data = get_dataset(source)
    x = data.mean + np.sqrt(np.diag(data.covariance).mean()) * x - [0.5, 0.25]
    height = np.where(
        np.abs(np.abs(x[:, 0]) - 0.5) < 0.5, np.sqrt(0.25 - np.minimum(0.5, np.abs(np.abs(x[:, 0]) - 0.5)) ** 2), 0
    )
    edge = -np.sign(x[:, 0]) * height  # of the moon above
    return float(np.where(np.abs(x[:, 0]) < 1, x[:, 1] > edge, x[:, 0] < 0).mean())


@lru_cache(maxsize=16)
def on_cells(source: str, layers: int) -> np.ndarray:
    return thin_flow(source, layers).log_prob(centres(BOX, (64, 64)).reshape(-1, 2)).reshape(64, 64)


@ORACLES("bridge", "Field log p")
def the_density(seen: Seen) -> dict[str, Any]:
    log_p = np.maximum(on_cells(seen.config.source, seen.step), -12)
    return {"values": About(log_p, 1e-4, 1e-3), "extent": BOX, "limits": About((-12, -0.5)), "unit": "nats"}


@ORACLES("bridge", "Polylines true log p = −6")
def the_true_edge(seen: Seen) -> dict[str, Any]:
    at = centres(BOX, (48, 48)).reshape(-1, 2)
    return {"xy": level_line([true_log_p(seen.config.source, at).reshape(48, 48) + 6], BOX)}


@ORACLES("bridge", "Polylines cut")
def the_cut(seen: Seen) -> dict[str, Any]:
    return {"xy": About(parting_line(seen.config.source)[None], 1e-5, 1e-5)}


def on_the_thread(seen: Seen) -> dict[str, Any]:
    """z of its places, in order from one lump to the other, and whether they are even and on a straight line."""
    x = seen.other("thread", 0).at("xy")[0].astype(float)
    z = thin(seen).after(x, seen.step).numpy()
    a, b = thin(seen).after(two_lumps(seen), seen.step).numpy()
    share = (z - a) @ (b - a) / ((b - a) @ (b - a))
    aside = np.abs(z - a - share[:, None] * (b - a)).max()
    steps = np.hypot(*np.diff(x, axis=0).T)
    right = bool(
        len(x) == 161
        and aside < 1e-3
        and (np.diff(share) > -1e-6).all()
        and np.abs(share[[0, -1]] - [0, 1]).max() < 1e-4
        and steps.max() < 1.6 * steps.mean()
    )
    return {"x": x, "right": right}


@ORACLES("bridge", "Polylines thread")
def the_thread(seen: Seen) -> dict[str, Any]:
    found = on_the_thread(seen)
    hand = found["x"][round(seen.config.along * 160)]
    near = with_handles(seen, {"thread": hand})["name"]
    return {"xy": lambda _: found["right"] or "no straight line of z at even lengths", "name": near}


@ORACLES("bridge", "Polylines (flow|true)", panel=1)
def on_the_way(seen: Seen) -> dict[str, Any]:
    x = on_the_thread(seen)["x"]
    y = thin(seen).log_prob(x) if seen.thing.name == "flow" else true_log_p(seen.config.source, x)
    return {"xy": About(np.stack([np.linspace(0, 1, 161), y], axis=-1)[None], 1e-3, 1e-3)}


@ORACLES("bridge", "Polylines ", panel=1)
def where_the_hand_is(seen: Seen) -> dict[str, Any]:
    at, (low, high) = round(seen.config.along * 160) / 160, seen.scene.panels[1].y
    return {"xy": [[[at, low], [at, high]]]}


@ORACLES("bridge", "Polylines (flow|true)", panel=2)
def across(seen: Seen) -> dict[str, Any]:
    line = parting_line(seen.config.source)
    p = (
        p_on_the_cut(seen.config.source, seen.step)
        if seen.thing.name == "flow"
        else np.exp(true_log_p(seen.config.source, line))
    )
    return {"xy": About(np.stack([along(line), p], axis=-1)[None], 1e-4, 1e-4)}


def on_the_cut(source: str, layers: int) -> dict[str, About]:
    """By their names: ∫ p of flow and truth, the largest stretch, and what ∫ p cannot fall below."""
    line, share = parting_line(source), share_on_one_side(source, layers)
    return {
        "∫ p along the cut": About(trapezoid(p_on_the_cut(source, layers), along(line)), 1e-4),
        "of the truth": About(trapezoid(np.exp(true_log_p(source, line)), along(line)), 1e-4),
        "largest stretch L": About(stretch(source, layers), 1e-5),
        "at least": About(norm.pdf(norm.ppf(share)) / stretch(source, layers), 2e-3),
    }


@ORACLES("bridge", "Curve .*")
def by_layers(seen: Seen) -> dict[str, Any]:
    return {"x": seen.step, "y": on_the_cut(seen.config.source, seen.step)[seen.thing.name]}


@ORACLES("bridge", "Readout .*")
def numbers_of_the_thread(seen: Seen) -> dict[str, Any]:
    x = on_the_thread(seen)["x"][[round(seen.config.along * 160)]]
    here = {
        "p here": lambda: About(np.exp(thin(seen).log_prob(x)[0]), 1e-3, 1e-8),
        "true p here": lambda: About(np.exp(true_log_p(seen.config.source, x)[0]), 1e-3, 1e-12),
        "at least φ(Φ⁻¹(α)) ÷ L": lambda: on_the_cut(seen.config.source, seen.step)["at least"],
    }
    name = seen.thing.name
    return {"values": here[name]() if name in here else on_the_cut(seen.config.source, seen.step)[name], "unit": ""}
