"""What the captions of the autoregressive page's cues about attention and learning claim."""

import re

import numpy as np

from genmodels.store import cache
from tests.claims.shown import Oracle, Shown
from tests.oracles import ar_heads


def _look(shown: Shown) -> tuple[int, np.ndarray]:
    """The query, and its row of weights with no edge cut."""
    seen = ar_heads.Seen(shown.config, shown.scene, 0, shown.scene.panels[0].layers[0], 0)
    query = ar_heads.where(seen)[2]
    return query, ar_heads.table(seen)[query]


def _most_to(shown: Shown, whom: str) -> bool:
    query, row = _look(shown)
    text = shown.config.text
    keys = {
        "the letter before": [query - 1],
        "the letter itself": [query],
        "one letter": [int(row.argmax())],
        "what followed the same letter before": [j for j in range(1, query + 1) if text[j - 1] == text[query]],
    }[whom]
    return shown.frame == 0 and query > 0 and row[keys].sum() > 0.5 - 1e-4


def _spread(shown: Shown, match: re.Match[str]) -> bool:
    return shown.frame == 0 and _look(shown)[1].max() <= 0.5 + 1e-4


def _cut(shown: Shown, match: re.Match[str]) -> bool:
    seen = ar_heads.Seen(shown.config, shown.scene, 1, shown.scene.panels[0].layers[0], 0)
    before, cut = ar_heads.next_p(seen)
    tie = np.diff(np.sort(cut)[-2:])[0] < 1e-5
    another = before.argmax() != cut.argmax()
    return shown.frame == 1 and (tie or another == (match["what"] == "another letter is now the most"))


def _first(shown: Shown, match: re.Match[str]) -> bool:
    return _look(shown)[0] == 0


def _share(shown: Shown) -> float:
    words = ar_heads.judged(ar_heads.continued(ar_heads.Seen(shown.config, shown.scene, shown.frame, "")))
    return 100 * sum(is_real for _, is_real in words) / len(words)


def _untrained(shown: Shown, match: re.Match[str]) -> bool:
    steps, nats = ar_heads.recorded("valid")
    return (
        shown.frame == 0 and nats[steps == 0].item() > np.log(65) and abs(np.log(65) - float(match["nats"])) < 0.005
    )


def _stored(shown: Shown, match: re.Match[str]) -> bool:
    entry = cache.load("shakespeare").entry
    told = int(match["step"].replace(",", "")), int(match["more"]), float(match["nats"])
    wanted = shown.scene.steps[-1], entry.config["finish"]["n_steps"], round(entry.metrics["nats_per_letter"], 2)
    return shown.frame == len(shown.scene.steps) - 1 and told == wanted


ORACLES: list[Oracle] = [
    Oracle(
        r"^More than half of the look goes to (?P<whom>.*)\.$", lambda shown, match: _most_to(shown, match["whom"])
    ),
    Oracle(r"^No letter has more than half of the look", _spread),
    Oracle(r"^The edge is cut: (?P<what>another letter is now the most|the most probable letter is the same)", _cut),
    Oracle(r"^The first letter has only itself to look at", _first),
    Oracle(r"^Not yet trained: worse than guessing, which costs ln 65 = (?P<nats>[\d.]+) nats", _untrained),
    Oracle(
        r"^The one stored: after step (?P<step>[\d,]+) .* (?P<more>\d+) steps; .* costs it (?P<nats>[\d.]+) nats",
        _stored,
    ),
    Oracle(r"^Letters and their order, few words: less than half", lambda shown, match: _share(shown) < 50),
    Oracle(r"^Words and lines: more than nine in ten", lambda shown, match: _share(shown) > 90),
    Oracle(r"^Words: more than half of them", lambda shown, match: 50 < _share(shown) <= 90),
]
