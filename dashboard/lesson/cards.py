"""Cards on a page: what each draws from, a small drawing of it, and a button that opens the cue of the same shape."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import streamlit as st

from dashboard.concepts import PAGES
from dashboard.lectures import Step
from dashboard.scene.analogue import Analogue

_GRID = "".join(f"M{4 + 4 * k} 4v16M4 {4 + 4 * k}h16" for k in range(5))
DRAWINGS = {
    "text": "M3 6h18M3 10h15M3 14h18M3 18h9",
    "code": "M8 6 3 12l5 6M16 6l5 6-5 6M14 4l-4 16",
    "image": "M3 4h18v16H3zM3 17l6-6 5 5 3-3 4 4M15 8.5a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0",
    "wave": "M2 12h2l1.5-5 2 11 2.5-15 2.5 18 2.5-14 2 8 1.5-3h3.5",
    "target": "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M7 12a5 5 0 1 0 10 0a5 5 0 1 0-10 0M11.5 12h1",
    "molecule": "M12 4l6 3.5v7L12 18l-6-3.5v-7zM12 18v4M18 7.5l3.5-2M6 7.5 2.5 5.5",
    "frames": "M2 8h13v13H2zM5 8V5h13v13h-3M8 5V2h13v13h-3",
    "face": "M4 12a8 8 0 1 0 16 0a8 8 0 1 0-16 0M9 10v.5M15 10v.5M8.5 15c2 2 5 2 7 0",
    "other": "M4 4h16v16H4zM9 9.5v.5M15 9.5v.5M8.5 15c2 2 5 2 7 0",
    "coarse": "M4 4h16v16H4zM12 4v16M4 12h16",
    "fine": _GRID,
    "arrow": "M2 12h18M14 6l6 6-6 6",
}
"""Small drawings, as paths of lines on 24 × 24."""


def _style() -> str:
    """The cards' own, and each drawing as a mask: whatever colour the ink has shows through its lines."""
    line = "fill='none' stroke='black' stroke-width='1.5' stroke-linecap='round' stroke-linejoin='round'"
    picture = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path d='{}' {}/></svg>"
    masks = [
        f'.card .{name} {{ mask-image: url("data:image/svg+xml,{quote(picture.format(path, line))}"); }}'
        for name, path in DRAWINGS.items()
    ]
    return f"<style>{(Path(__file__).parent / 'cards.css').read_text('utf-8')}{''.join(masks)}</style>"


_STYLE = _style()


def cards(page: str, listed: Sequence[Analogue]) -> None:
    """All of them, in the first screen.

    Args:
        page: That they stand on.
        listed: In their order.
    """
    with st.container(key="cards"):
        st.html(_STYLE)
        for number, card in enumerate(listed, start=1):
            with st.container(key=f"card-{number}"):
                st.html(_words(card))
                way(page, f"Here: {card.here}", Step(card.page, card.cue, link=card.link))


def papers(listed: Sequence[Analogue]) -> None:
    """Where they are from."""
    st.header("Where they are from", anchor=False)
    st.markdown("\n".join(f"- {card.paper}" for card in listed))


def way(page: str, label: str, to: Step) -> None:
    """A button that opens a cue, of this page or another one, from its preset but for what the step's link says."""
    if st.button(label, key=f"{page}.way.{to.page}.{to.cue}", on_click=_ask, args=(to,)) and to.page != page:
        st.switch_page(PAGES / f"{to.page}.py")


def _ask(to: Step) -> None:
    st.session_state["_begin"] = to


def _words(card: Analogue) -> str:
    given, comes = card.drawn
    drawn = "".join(f"<i class='{name}'></i>" for name in (given, "arrow", comes))
    return (
        f"<div class='card'><b>{escape(card.title)}</b><div class='drawn'>{drawn}</div>"
        f"<span class='p'>{escape(card.p)}</span>{escape(card.differs)}</div>"
    )
