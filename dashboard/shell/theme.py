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
  .stMain h2 { font-size: 1.15rem; padding: 0.6rem 0 0.5rem; line-height: 1.3; }
  .stMain [data-testid="stVerticalBlock"] { gap: 0.35rem; }
  .stMain p, .stMain li { line-height: 1.5; }
  .stMain [data-testid="stCaptionContainer"] { opacity: 1; }
  /* prose, formulas and code: no line longer than one can read, none wider than the page */
  .stMain [data-testid="stMarkdownContainer"] :is(p, li) { max-width: 62rem; }
  .stMain .katex-display { overflow-x: auto; overflow-y: hidden; padding: 0.2rem 0.3rem 0.2rem 0; text-align: left; }
  .stMain .katex-display > .katex { text-align: left; white-space: normal; }
  /* code in ink: Streamlit's own colours of it are too pale to be read from afar */
  .stMain [data-testid="stCode"] .token { color: inherit !important; }
  .stMain [data-testid="stCode"] .token.keyword { font-weight: 600; }
  .stMain [data-testid="stCode"] .token.comment { font-style: italic; }
  :root { --header: 2.6rem; --first-screen: calc(100dvh - var(--header) - 2.6rem); } /* below the headline */
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
_EMBEDDED = """
<style>
  /* the Player alone, in whatever frame it is given */
  .stApp :is([data-testid="stHeader"], [data-testid="stSidebar"], .st-key-controls, .st-key-lecture),
  .stApp .st-key-beside > :has(> .st-key-controls) { display: none !important; }
  .stApp .stMain { overflow: hidden; }
  .stApp .stMain .stMainBlockContainer { padding: 0; }
  .stApp .stMain [data-testid="stVerticalBlock"] { gap: 0; }
  :root { --header: 0px; }
</style>
"""
_PRINTED = """
<style>
  /* on paper, in one column: the question, the picture, what to notice, formulas */
  @media print {
    .stApp :is([data-testid="stHeader"], [data-testid="stSidebar"], .st-key-cues, .st-key-controls, .st-key-lecture,
               .st-key-before-page, .st-key-next-page, .st-key-code, .stButton, .stDownloadButton, .stExpander,
               .stPopover,
               .stRadio, .stAlert, .stPlotlyChart),
    .stApp .st-key-beside > :has(> .st-key-controls),
    .stApp .stElementContainer:has(.stHeading):has(+ * .stRadio, + * .stExpander, + * .stPlotlyChart),
    .stApp .stElementContainer:has(.stRadio) + :has([data-testid="stCaptionContainer"]) { display: none !important; }
    :root { color-scheme: light; }
    body, .stApp, .stApp * { background: none !important; }
    .stApp, .stApp :is(.stAppViewContainer, .stMain, .stMainBlockContainer, .st-key-picture, .st-key-beside) {
      display: block !important; position: static !important; overflow: visible !important; height: auto !important;
      width: 100% !important; max-width: none !important; padding: 0 !important; }
    .stApp .stMain :is(h1, h2, h3, p, li, span) { color: #000 !important; }
    .stApp .stMain :is(h1, h2) { white-space: normal; break-after: avoid; }
    .stApp .stMain [data-testid="stMarkdownContainer"] :is(p, li) { max-width: none; break-inside: avoid; }
    .stApp .stMain .katex-display { overflow: visible; break-inside: avoid; }
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
  :root { --header: 1.8rem; --first-screen: calc(100dvh - 2.4rem); }
  .st-key-headline { min-height: 1.5rem; }
  .st-key-cues button { height: 1.45rem; }
</style>
"""


def apply(projector: bool) -> None:
    """Put the page's own style in place; in projector mode everything is written in 24 px and more."""
    st.html(_STYLE + (_PROJECTOR if projector else "") + (_EMBEDDED if st.context.is_embedded else "") + _PRINTED)
