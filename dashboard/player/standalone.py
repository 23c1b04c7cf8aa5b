"""One HTML file that plays a run: from a double click, offline, with the whole Player in it.

A browser loads no module from a file, so the Player's are in the file as ``data:`` addresses, which an import map
gives their names. The recording is the safetensors blob that the socket would send, zipped; the colours are those of
the dashboard's themes, light or dark as the reader's system is. The file's own policy forbids it every request.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import math
import re
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import streamlit as st

from dashboard.runs import blob
from dashboard.runs.run import Run
from dashboard.scene.colours import PALETTE

HERE = Path(__file__).parent
MOST_BYTES = 1_800_000
"""Of the zipped recording: with what surrounds it the file has less than 3 MB."""
LONGEST = {"title": 200, "say": 2000, "link": 8000}
COLOURS = {
    "--st-primary-color": "primaryColor",
    "--st-background-color": "backgroundColor",
    "--st-secondary-background-color": "secondaryBackgroundColor",
    "--st-text-color": "textColor",
    "--st-link-color": "linkColor",
    "--st-border-color": "borderColor",
}


def standalone(run: Run, title: str, say: str = "", link: str = "") -> str:
    """The file's text.

    Args:
        run: What is recorded of it at this moment is in the file; where that is too much, evenly spaced frames of it.
        title: What it is called.
        say: The cue's sentence.
        link: Where it comes from; it stands in the file if it is the address of a page.
    """
    recording, said = packed(run)
    title, say, link = (text[: LONGEST[name]] for name, text in (("title", title), ("say", say), ("link", link)))
    title = title or "Animation"
    words = {"name": title, "say": say, "palette": PALETTE}
    return Template((HERE / "standalone.html").read_text("utf-8")).substitute(
        title=html.escape(title),
        font=_font(),
        light=_colours("light"),
        dark=_colours("dark"),
        css=(HERE / "player.css").read_text("utf-8"),
        modules=_in_script({"imports": _modules()}),
        footer=_footer(said, link),
        words=_in_script(words),
        recording=base64.b64encode(recording).decode(),
    )


def packed(run: Run, most: int = MOST_BYTES) -> tuple[bytes, str]:
    """The zipped blob of a run, of at most so many bytes where two frames fit, and a sentence on what is in it."""
    with run.lock:
        ids = list(run.recording.frames)
        layout = {**run.layout, "handles": [], "brush": None}  # they ask the server
        still = {f"={name}": array for name, array in run.still.items()}
        frames = run.recording.stack(ids)
        growing = run.status in ("queued", "running", "paused")
    every = 1
    while True:
        chosen = sorted({*range(0, len(ids), every), len(ids) - 1})
        arrays = {name: array[chosen] for name, array in frames.items()} | still
        arrays["steps"] = np.array(ids, dtype=np.int32)[chosen]
        message = {"status": "done", "reason": "", "keep": 1, "more": False, "live": False, "layout": layout}
        zipped = gzip.compress(blob.pack(arrays, message), 6, mtime=0)
        if len(zipped) <= most or len(chosen) <= 2:
            break
        every = max(every + 1, math.ceil(every * len(zipped) / most))
    return zipped, _said(run, ids, len(chosen), growing)


def _said(run: Run, ids: list[int], kept: int, growing: bool) -> str:
    """What is in the file, and what is not."""
    time = run.layout["time"]
    said = f"All {len(ids):,} frames" if kept == len(ids) else f"{kept:,} of {len(ids):,} frames, evenly spaced"
    said = "One frame" if len(ids) == 1 else f"{said}, {time} {ids[0]:,} to {ids[-1]:,}"
    said += ": what was recorded when this file was saved." if growing else "."
    if run.layout["handles"] or run.layout["brush"]:
        said += " To drag or to paint, open it in the dashboard."
    return said


def _footer(said: str, link: str) -> str:
    text = html.escape(said)
    if re.match(r"https?://", link):
        text += f' From <a href="{html.escape(link)}" rel="noreferrer">{html.escape(link)}</a>.'
    return text


def _in_script(value: Any) -> str:
    """JSON that cannot end the script element that it stands in."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _modules() -> dict[str, str]:
    """Names of the Player's modules, and the modules themselves as addresses."""
    return {f"player/{path.name}": _module(path) for path in sorted(HERE.glob("*.js")) if path.name != "adapter.js"}


def _module(path: Path) -> str:
    named = re.sub(r'(\bfrom|\bimport)(\s*\(?\s*)"\./', r'\1\2"player/', path.read_text("utf-8"))
    return f"data:text/javascript;base64,{base64.b64encode(named.encode()).decode()}"


def _colours(mode: str) -> str:
    return " ".join(f"{name}: {st.get_option(f'theme.{mode}.{option}')};" for name, option in COLOURS.items())


@cache
def _font() -> str:
    """The dashboard's typeface, which Streamlit brings; where it does not, the system's own."""
    family = ':root { --st-font: "Source Sans", sans-serif; }'
    files = sorted((Path(st.__file__).parent / "static").rglob("SourceSansVF-Upright*.woff2"))
    if not files:
        return family
    data = base64.b64encode(files[0].read_bytes()).decode()
    source = f'url(data:font/woff2;base64,{data}) format("woff2")'
    return f'@font-face {{ font-family: "Source Sans"; font-weight: 200 900; src: {source}; }}\n{family}'
