"""What the captions of the cues on cells, layers and threads claim."""

import re

import numpy as np

from tests.claims.shown import Oracle, Shown
from tests.oracles import flows_layers as anew
from tests.oracles.seen import Seen


def _seen(shown: Shown, panel: int = 0) -> Seen:
    return Seen(shown.config, shown.scene, shown.frame, shown.scene.panels[panel].layers[0], panel)


def _layer(shown: Shown, match: re.Match[str]) -> bool:
    """Layers are counted from the data; the first moves x₂, the next x₁."""
    undone, layers, named = anew.undone(_seen(shown)), anew.of(_seen(shown)).layers, int(match["layer"])
    under_way = layers - undone <= named <= layers - undone + 1
    return under_way and int(match["all"]) == layers and match["moves"] == "x₁₂"[0] + "₂₁"[(named - 1) % 2]


def _cell(shown: Shown, match: re.Match[str]) -> bool:
    seen = _seen(shown)
    area, side = anew.shoelace(anew.outline(seen)), shown.config.side
    near = abs(area * anew.density(seen) / anew.mass(seen) - 1)
    grown = {"larger than in z, and thinner": area > side**2, "smaller than in z, and denser": area < side**2}
    says = match["says"]
    if says == "bent":
        return _layer(shown, match) and near > 0.0499
    return _layer(shown, match) and near < 0.0501 and grown[says]


def _on_its_way(shown: Shown, match: re.Match[str]) -> bool:
    after, way_there = anew.passed(_seen(shown))
    named = int(match["layer"])
    right = named - 1 <= after <= named and match["moves"] == "x₁₂"[0] + "₂₁"[(named - 1) % 2]
    return right and way_there == (match["way"] == "There")


def _at_the_end(shown: Shown, there: bool, noise: bool) -> bool:
    seen = _seen(shown)
    after, way_there = anew.passed(seen)
    return way_there == there and after == (anew.of(seen).layers if noise else 0)


def _straight(shown: Shown, match: re.Match[str]) -> bool:
    lines = shown.layer("lattice of z").xy[shown.frame]
    all_of_them = anew.of(_seen(shown)).layers == int(match["all"])
    return _at_the_end(shown, there=True, noise=True) and all_of_them and anew.is_lattice(lines, 0.5) is True


def _new_data(shown: Shown, match: re.Match[str]) -> bool:
    back = shown.scene.handles[0].at[shown.frame]
    again = np.abs(back - [shown.config.x_1, shown.config.x_2]).max() < 1e-9
    return _at_the_end(shown, there=False, noise=False) and bool(again)


def _on_the_cut(shown: Shown, match: re.Match[str]) -> bool:
    layers = int(shown.scene.steps[shown.frame])
    named = 1 if match["layers"] == "One layer" else int(match["layers"].split()[0])
    by_layers = {n: float(anew.on_the_cut(shown.config.source, n)["∫ p along the cut"].value) for n in anew.LAYERS}
    now, fewer = by_layers[layers], [p for n, p in by_layers.items() if n < layers]
    true = float(anew.on_the_cut(shown.config.source, layers)["of the truth"].value)
    numbers = abs(now - float(match["p"])) < 6e-5 and abs(true - float(match["true"])) < 6e-5
    return named == layers and numbers and (not match["less"] or now < 0.981 * min(fewer))


ORACLES: list[Oracle] = [
    Oracle(
        r"^Layer (?P<layer>\d+) of (?P<all>\d+) is undone, which moves (?P<moves>x.) only\. "
        r"The cell is (?P<says>larger than in z, and thinner|smaller than in z, and denser): area × density is",
        _cell,
    ),
    Oracle(
        r"^Layer (?P<layer>\d+) of (?P<all>\d+) is undone, which moves (?P<moves>x.) only\. "
        r"The cell is (?P<says>bent): the density at its centre is not that of all of it",
        _cell,
    ),
    Oracle(r"^In z, a square\. Its mass is", lambda shown, match: shown.frame == 0),
    Oracle(r"^(?P<way>There|Back): layer (?P<layer>\d+) moves (?P<moves>x.), by a curve", _on_its_way),
    Oracle(r"^Data, coloured by", lambda shown, match: _at_the_end(shown, there=True, noise=False)),
    Oracle(r"^All (?P<all>\d+) layers passed: noise\. The lattice of z is straight", _straight),
    Oracle(r"^Fresh noise: other points\.", lambda shown, match: _at_the_end(shown, there=False, noise=True)),
    Oracle(r"^Fresh noise has become new data; the probe is where it was", _new_data),
    Oracle(
        r"^(?P<layers>One layer|\d layers): on the cut ∫ p is (?P<p>[\d.]+) \(of the truth (?P<true>[\d.]+)\)"
        r"(?P<less>, less than with fewer layers)?",
        _on_the_cut,
    ),
]
