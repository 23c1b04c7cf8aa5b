"""Every sentence of a page that claims something has been read by somebody who asked whether it is true.

``read/PAGE.txt`` holds them, one a line, with ``#`` for each number: what is computed may change its numbers, not its
words. A new or changed sentence fails until it is read, and found to be a theorem, a definition, computed from the
data, or worded with its condition; then ``python -m tests.claims.test_pages PAGE`` writes it down.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.claims.shown import CLAIMS
from tests.pages import recorded_links
from tests.pages.controls import words
from tests.pages.found import CONCEPTS, PAGES, cues

READ = Path(__file__).with_name("read")
NUMBER = re.compile(r"\d[\d,.]*")


def sentences(text: str) -> list[str]:
    """Sentences of a page's text that claim something, without marks and with ``#`` for numbers; no references."""
    plain = re.sub(r"[*_`]|^- ", "", text, flags=re.MULTILINE)
    lines = [line for line in plain.splitlines() if not re.search(r"\(\d{4}\), ", line)]
    parts = (part for line in lines for part in re.split(r"(?<=[.!?])\s+(?=[^a-z])", line))
    return [NUMBER.sub("#", part.strip()) for part in parts if CLAIMS.search(part)]


def texts(page: str, cue: str) -> list[str]:
    """What a cue's page says, the answer to its question included."""
    app = recorded_links.show({"page": page, f"{page}.cue": cue})
    kinds = ("header", "markdown", "caption", "success", "warning", "info")
    asked = words(app).get("ask") or {}
    told = [f"{asked['right']}. {asked['because']}"] if asked else []
    return [str(word.value) for kind in kinds for word in getattr(app, kind)] + told


@cache
def claimed(page: str) -> frozenset[str]:
    """What the cues of a page claim, each opened by its link."""
    concept = next(c for c in CONCEPTS if c.page == page)
    said = [text for cue in cues(concept) for text in texts(page, cue)]
    return frozenset(sentence for text in said for sentence in sentences(text))


def read(page: str) -> frozenset[str]:
    return frozenset((READ / f"{page}.txt").read_text("utf-8").splitlines())


@pytest.mark.parametrize("page", PAGES)
def test_every_claim_of_a_page_has_been_read(page):
    unread = claimed(page) - read(page)
    assert not unread, "not read yet:\n" + "\n".join(sorted(unread))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_what_has_been_read_is_still_there(page):
    gone = read(page) - claimed(page)
    assert not gone, "no longer on the page:\n" + "\n".join(sorted(gone))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        (READ / f"{name}.txt").write_text("\n".join(sorted(claimed(name))) + "\n", "utf-8")
