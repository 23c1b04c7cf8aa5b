"""What the captions of the map claim: where the dots are, and how they came there."""

from __future__ import annotations

import numpy as np

from tests.claims.shown import Oracle, Shown, holds_whatever


def clouds(shown: Shown) -> list[np.ndarray]:
    """The moving dots of GAN, flow and diffusion in this frame."""
    found = [layer for _, layer in shown.scene.layers() if layer.name == "x"]
    return [np.asarray(layer.xy)[shown.frame] for layer in found]


def are_all_z(shown: Shown) -> bool:
    z = np.asarray(shown.layer("z ~ N(0, I)").xy)
    return len(clouds(shown)) == 3 and all(np.allclose(xy, z, atol=1e-5) for xy in clouds(shown))


ORACLES = [
    Oracle(r"^Four times the same dots", lambda shown, _: are_all_z(shown)),
    Oracle(r"^Below what came in, Gauss; above", lambda shown, _: all(xy[:, 1].min() > 1 for xy in clouds(shown))),
    Oracle(r"^VAE and GAN leap: one pass", holds_whatever("a network is evaluated once, or at each of 50 steps")),
    Oracle(r"^Learn: data come in", holds_whatever("maximum likelihood, of the points that are there")),
]
