"""Colours that can be told apart, and colour maps that are even."""

import itertools

import numpy as np
import pytest

from dashboard.scene.colours import ROLES, colour_map


def linear(hex_colour: str) -> np.ndarray:
    srgb = np.array([int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    light = sorted(linear(c) @ [0.2126, 0.7152, 0.0722] for c in (a, b))
    return (light[1] + 0.05) / (light[0] + 0.05)


def oklab(hex_colour: str) -> np.ndarray:
    to_cone = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    cone = np.cbrt(to_cone @ linear(hex_colour))
    return (
        np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        )
        @ cone
    )


@pytest.mark.parametrize("mode", ROLES)
def test_contrast(mode):
    roles = ROLES[mode]
    for role in ("ink", "axis"):
        assert contrast(roles[role], roles["paper"]) >= 4.5, role
    for role in ("data", "model", "truth", "muted", *(f"class{k}" for k in range(10))):
        assert contrast(roles[role], roles["paper"]) >= 3, role


@pytest.mark.parametrize("mode", ROLES)
@pytest.mark.parametrize("name", ["sequential", "diverging"])
def test_maps_are_perceptually_even(mode, name):
    lab = np.array([oklab(c) for c in colour_map(name, mode)])
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps.max() / steps.min() < 2.5
    lightness = np.diff(lab[:, 0])
    turns = (np.diff(np.sign(lightness)) != 0).sum()
    assert turns == (1 if name == "diverging" else 0)


def deuteranope(hex_colour: str) -> np.ndarray:
    """Machado, Oliveira & Fernandes (2009), severity 1, in linear RGB."""
    matrix = np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    )
    return matrix @ linear(hex_colour)


@pytest.mark.parametrize("mode", ROLES)
def test_the_first_classes_can_be_told_apart_by_the_colour_blind(mode):
    for a, b in itertools.combinations(["class0", "class1", "class2", "model"], 2):
        far = np.linalg.norm(
            np.cbrt(np.clip(deuteranope(ROLES[mode][a]), 0, 1)) - np.cbrt(np.clip(deuteranope(ROLES[mode][b]), 0, 1))
        )
        assert far > 0.08, (a, b, far)
