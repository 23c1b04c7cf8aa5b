"""Every control of a page at both of its ends, for tests under AppTest."""

from __future__ import annotations

import itertools
import random


def healthy(app) -> bool:
    """No traceback, no error, and no NaN in what is written."""
    shown = str([m.value for m in [*app.markdown, *app.latex, *app.warning]]).lower()
    return not app.exception and not app.error and "nan" not in shown


def ends(app, page: str, choices: dict[str, object]) -> list[tuple[str, str, object]]:
    """Sliders at both ends, switches both ways, and the choices that are on the page."""
    sliders = [("slider", w.key, v) for w in app.slider for v in (w.min, w.max)]
    switches = [("toggle", w.key, v) for w in app.toggle for v in (True, False) if w.key.startswith(page)]
    shown = {w.key for w in app.selectbox}
    chosen = [("selectbox", key, v) for key, values in choices.items() for v in values if key in shown]
    return sliders + switches + chosen


def put(app, kind: str, key: str, value: object) -> None:
    """Set a control, unless another one has taken it away."""
    if key in {w.key for w in getattr(app, kind)}:
        getattr(app, kind)(key=key).set_value(value)


def walk(app, page: str, choices: dict[str, object], pairs: int) -> None:
    """Set every control to every end, then random pairs of them; the page must stay healthy."""
    assert healthy(app)
    all_ends = ends(app, page, choices)
    assert all_ends
    both = list(itertools.combinations(all_ends, 2))
    for settings in [(e,) for e in all_ends] + random.Random(0).sample(both, min(pairs, len(both))):
        for kind, key, value in settings:
            put(app, kind, key, value)
        app.run()
        assert healthy(app), (settings, app.exception, app.error)
