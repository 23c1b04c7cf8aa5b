"""Colours, type sizes and colour maps, for light and dark screens and for the projector.

Colour maps are straight lines in OKLab lightness (Ottosson 2020), so that equal steps of a value look
equally large. Roles keep their colour on every page: data are dark dots, what a model generates is the
accent, the exact truth is a thin dashed line.
"""

from __future__ import annotations

import numpy as np


def hue(xy: np.ndarray) -> np.ndarray:
    """A colour for each point ``(N, 2)``, by its direction from the middle, ``(N,)`` in 0 … 1 around the circle."""
    return np.arctan2(xy[:, 1], xy[:, 0]) / (2 * np.pi) % 1


# Categorical colours after Okabe & Ito (2008), darkened (light screen) or lightened (dark screen) until each
# stands 3 : 1 or more against the background.
ROLES = {
    "light": {
        "data": "#23282F", "model": "#C2410C", "truth": "#0B6E75", "muted": "#7A828E", "ink": "#1B1F24",
        "grid": "#E3E6EA", "axis": "#59616D", "paper": "#FFFFFF", "active": "#F7C9A8",
        "class0": "#0066B3", "class1": "#B36B00", "class2": "#00805F", "class3": "#A8467F",
        "class4": "#5B4BB7", "class5": "#1F8CB5", "class6": "#8A5A2B", "class7": "#6B7A00",
        "class8": "#B0303F", "class9": "#4A5568",
    },
    "dark": {
        "data": "#E8EBEF", "model": "#FF9255", "truth": "#5FD3DC", "muted": "#8D97A5", "ink": "#EDF0F3",
        "grid": "#29313C", "axis": "#A3ADBA", "paper": "#12161C", "active": "#7A3D16",
        "class0": "#5DB1F5", "class1": "#F0AE3C", "class2": "#3CC9A0", "class3": "#E88CC0",
        "class4": "#A79BF5", "class5": "#7CD4F5", "class6": "#D3A06B", "class7": "#C3D04F",
        "class8": "#FF8C95", "class9": "#B4BECC",
    },
}  # fmt: skip
# Lightness, chroma and hue (degrees) at equally spaced stops of each map, in OKLCH.
STOPS = {
    "light": {
        "sequential": [
            (1.0, 0.0, 250),
            (0.87, 0.06, 245),
            (0.74, 0.11, 248),
            (0.61, 0.14, 252),
            (0.48, 0.14, 258),
        ],
        "diverging": [
            (0.5, 0.15, 250),
            (0.75, 0.09, 250),
            (0.98, 0.0, 90),
            (0.75, 0.09, 65),
            (0.5, 0.13, 50),
        ],
        "cyclic": [(0.6, 0.14, 30 + 45 * k) for k in range(9)],
    },
    "dark": {
        "sequential": [
            (0.2, 0.01, 255),
            (0.34, 0.07, 258),
            (0.48, 0.12, 255),
            (0.62, 0.14, 248),
            (0.76, 0.12, 235),
        ],
        "diverging": [
            (0.72, 0.14, 245),
            (0.48, 0.09, 250),
            (0.24, 0.0, 90),
            (0.48, 0.09, 60),
            (0.72, 0.14, 60),
        ],
        "cyclic": [(0.76, 0.13, 30 + 45 * k) for k in range(9)],
    },
}


def oklch_to_rgb(lightness: float, chroma: float, hue: float) -> np.ndarray:
    """OKLCH (hue in degrees) to sRGB in 0 … 255, shape ``(3,)``; out-of-gamut colours are clipped."""
    a, b = chroma * np.cos(np.deg2rad(hue)), chroma * np.sin(np.deg2rad(hue))
    cone = np.array([[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728],
                     [1, -0.0894841775, -1.2914855480]]) @ [lightness, a, b]  # fmt: skip
    linear = np.array([[4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
                       [-0.0041960863, -0.7034186147, 1.7076147010]]) @ cone**3  # fmt: skip
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def colour_map(name: str, mode: str, size: int = 33) -> list[str]:
    """A colour map as ``size`` hex colours from its lowest to its highest value."""
    stops = np.array([oklch_to_lab(*s) for s in STOPS[mode][name]])
    at = np.linspace(0, len(stops) - 1, size)
    lab = np.stack([np.interp(at, np.arange(len(stops)), column) for column in stops.T], axis=1)
    return [to_hex(oklch_to_rgb(L, np.hypot(a, b), np.rad2deg(np.arctan2(b, a)))) for L, a, b in lab]


def oklch_to_lab(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """Polar to Cartesian coordinates of OKLab."""
    return lightness, chroma * np.cos(np.deg2rad(hue)), chroma * np.sin(np.deg2rad(hue))


def to_hex(rgb: np.ndarray) -> str:
    """``#RRGGBB`` from three numbers in 0 … 255."""
    return "#" + "".join(f"{round(float(c)):02X}" for c in rgb)


def palette() -> dict[str, dict]:
    """Roles and colour maps for both modes, as the Player takes them."""
    return {
        mode: {"roles": ROLES[mode], "maps": {name: colour_map(name, mode) for name in STOPS[mode]}} for mode in ROLES
    }


PALETTE = palette()
