"""The page's own style: the picture comes first, and larger type for the projector."""

from __future__ import annotations

import streamlit as st

_STYLE = """
<style>
  /* The picture comes first: little air above it, and no heading larger than needed. */
  [data-testid="stHeader"] { height: var(--header); min-height: var(--header); }
  .stMainBlockContainer { padding: calc(var(--header) + 2px) 1rem 3rem; max-width: none; }
  html:fullscreen :is([data-testid="stHeader"], [data-testid="stSidebar"]) { display: none; }
  html:fullscreen .stMainBlockContainer { padding: 2px 0.35rem; }
  .st-key-headline { min-height: 2.2rem; }
  .stMain .st-key-headline h1 { font-size: 1.25rem; padding: 0; white-space: nowrap; }
  .st-key-cues { overflow-x: auto; overflow-y: hidden; scrollbar-width: none; }
  .st-key-cues > * { flex: 0 0 auto; }
  .st-key-cues button { min-height: 0; height: 1.9rem; padding: 0 0.5rem; white-space: nowrap; }
  html[data-drawer="closed"] :is(.st-key-controls, .st-key-beside > :has(> .st-key-controls)) { display: none; }
  .stMain [data-testid="stBaseButton-primary"] { color: light-dark(#FFFFFF, #12161C); }
  .stMain h1 { font-size: 1.6rem; padding: 0 0 0.55rem; line-height: 1.25; }
  /* a lecture's step, in the corner */
  .st-key-lecture { position: fixed; top: 0.25rem; right: 3.2rem; z-index: 1000001; width: auto !important;
                    background: var(--st-background-color, inherit); border-radius: 0.5rem; }
  .stMain .st-key-lecture [data-testid="stMarkdownContainer"] p { max-width: calc(100vw - 55rem); overflow: hidden;
                                                                  text-overflow: ellipsis; white-space: nowrap; }
  .st-key-lecture button { min-height: 0; height: 1.9rem; padding: 0 0.5rem; }
  html:has(.st-key-lecture) .st-key-headline { padding-right: 9rem; }
  /* what nobody sees takes no tab stop */
  .stSidebar[data-collapsed="true"], .stSidebar[data-collapsed="true"] * { visibility: hidden !important; }
  .stMain .planned { opacity: 0.8; }
  .stMain h2 { font-size: 1.15rem; padding: 0.6rem 0 0.5rem; line-height: 1.3; }
  .stMain [data-testid="stVerticalBlock"] { gap: 0.35rem; }
  .stMain p, .stMain li { line-height: 1.5; }
  .stMain [data-testid="stCaptionContainer"] { opacity: 1; }
  /* prose, formulas and code: no line longer than one can read, none wider than the page */
  .stMain [data-testid="stMarkdownContainer"] :is(p, li) { max-width: 62rem; }
  .stMain .katex-display { overflow-x: auto; overflow-y: hidden; padding: 0.2rem 0.3rem 0.2rem 0; text-align: left; }
  .stMain .katex-display > .katex { text-align: left; white-space: normal; }
  :root { --header: 2.6rem; }
  @media (max-width: 640px) {
    .st-key-beside { flex-direction: column-reverse !important; }
    .st-key-headline { flex-wrap: wrap !important; gap: 0.2rem !important; }
    .stMain .st-key-headline h1 { font-size: 1.1rem; white-space: normal; }
    html :is(.st-key-controls, .st-key-beside > :has(> .st-key-controls)) { display: flex !important; }
    .st-key-controls { width: 100% !important; }
    .st-key-picture, .st-key-beside > div { width: 100% !important; }
  }
</style>
"""
_PROJECTOR = """
<style>
  html { font-size: 24px !important; }
  /* the menu waits above the edge: the picture has its room */
  [data-testid="stHeader"] { opacity: 0; transition: opacity 0.15s; }
  [data-testid="stHeader"]:is(:hover, :focus-within) { opacity: 1; }
  .stMainBlockContainer { padding-top: 2px; }
  .stMain h1 { font-size: 1.35rem; }
  .stMain .st-key-headline h1 { font-size: 1.05rem; }
  .st-key-lecture > :first-child { display: none; } /* the sentence: no room for it here */
  :root { --header: 1.8rem; }
  .st-key-headline { min-height: 1.5rem; }
  .st-key-cues button { height: 1.45rem; }
</style>
"""


def apply(projector: bool) -> None:
    """Put the page's own style in place; in projector mode everything is written in 24 px and more."""
    st.html(_STYLE + (_PROJECTOR if projector else ""))
