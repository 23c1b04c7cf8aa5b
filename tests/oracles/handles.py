"""Where handles stand: they are no layers, and are told beside the layer that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.oracles.seen import Expected, Seen, differs


def with_handles(seen: Seen, at: Mapping[str, Any]) -> dict[str, Expected]:
    """A layer's name, which is right if the scene's handles are these, and stand there in this frame."""
    shown = {handle.name: handle.at for handle in seen.scene.handles}
    if shown.keys() != at.keys():
        wrong = [f"handles {sorted(shown)}, expected {sorted(at)}"]
    else:
        now = {name: place if place.ndim == 1 else place[seen.frame] for name, place in shown.items()}
        wrong = [f"handle {name!r}: {why}" for name in at if (why := differs(now[name], np.asarray(at[name])))]
    return {"name": lambda _: not wrong or wrong[0]}
