"""Every control of a page at both of its ends, for tests under AppTest."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterable
from typing import Any

from dashboard import runs
from tests.pages.found import titles


def healthy(app) -> bool:
    """No traceback, no error, and no NaN in what is written."""
    shown = str([m.value for m in [*app.markdown, *app.latex, *app.warning]]).lower()
    return not app.exception and not app.error and "nan" not in shown


def shown(app, page: str) -> tuple[tuple, str]:
    """What the page's Player shows: by what and of which config it was made, and its run's id."""
    return app.session_state["_runs"][f"{page}.player"]


def words(app) -> dict[str, Any]:
    """What the page hands to its Player: the cue's sentence, a question, pinned frames; empty without."""
    players = app.get("bidi_component")
    return json.loads(players[0].proto.json) if players else {}


def shown_config(app, page: str):
    return shown(app, page)[0][2]


def shown_run(app, page: str) -> runs.Run:
    return runs.registry.get(shown(app, page)[1])


def ends(app, page: str) -> list[tuple[str, str, object]]:
    """Sliders at both ends, switches both ways, and every choice that the page offers now."""
    sliders = [("slider", w.key, v) for w in app.slider for v in (w.min, w.max)]
    switches = [("toggle", w.key, v) for w in app.toggle for v in (True, False) if w.key.startswith(page)]
    known = titles(page)
    boxes = [w for w in app.selectbox if w.key.startswith(f"{page}.")]
    chosen = [("selectbox", w.key, v) for w in boxes for v, title in known[w.key].items() if title in w.options]
    return sliders + switches + chosen


def put(app, kind: str, key: str, value: object) -> None:
    """Set a control, unless another one has taken it away, or the choice that is meant."""
    if key not in {w.key for w in getattr(app, kind)}:
        return
    widget = getattr(app, kind)(key=key)
    if kind != "selectbox" or titles(key.partition(".")[0])[key][value] in widget.options:
        widget.set_value(value)


def walk(app, page: str, least: int = 15, most: int = 40, seconds: float = 6.0) -> None:
    """Set every control to every end, then random pairs of them; the page must stay healthy.

    Pairs are tried for a while: at least so many, and at most.
    """
    assert healthy(app)
    all_ends = ends(app, page)
    both = list(itertools.combinations(all_ends, 2))
    pairs = random.Random(0).sample(both, min(most, len(both)))
    for setting in all_ends:
        settle(app, [setting])
    began = time.monotonic()
    for number, pair in enumerate(pairs):
        if number >= least and time.monotonic() > began + seconds:
            return
        settle(app, pair)


def settle(app, settings: Iterable[tuple[str, str, object]]) -> None:
    """Set these controls, and look whether the page is healthy."""
    for kind, key, value in settings:
        put(app, kind, key, value)
    app.run()
    assert healthy(app), (settings, app.exception, app.error)
