"""What the map shows below its picture: the families of generative models, and their timeline."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard.concepts import Concept, Model
from dashboard.shell import atlas

_STYLE = """
<style>
  .branch { border: 2px solid #8A93A0; border-radius: 0.5rem; padding: 0.4rem 0.8rem; margin: 0;
            line-height: 1.35; text-align: center; }
  .branch b { display: block; }
  .branch.root { border-color: #B23C0A; border-width: 3px; }
  ol.timeline { list-style: none; display: grid; grid-template-columns: repeat(auto-fill, minmax(11.5rem, 1fr));
                gap: 0.9rem 0.6rem; padding: 0; margin: 0; }
  ol.timeline li { border-top: 4px solid #B23C0A; padding-top: 0.3rem; line-height: 1.35; }
  ol.timeline b { display: block; font-size: 1.15em; font-variant-numeric: tabular-nums; }
</style>
"""


def families() -> None:
    """The tree: likelihood-based (exact, approximate) and implicit models, each name with year and paper."""
    st.header("Families of generative models", anchor=False)
    st.html(_STYLE)
    _branch("Generative models", "learn p(x) from data, then draw from it", root=True)
    likelihood, implicit = st.columns([2, 1])
    with likelihood:
        _branch("Likelihood-based", "training raises log p(x), or a bound on it")
    with implicit:
        _branch("Implicit", "training compares samples with data")
    disputes: list[str] = []
    for column, (family, (name, means)) in zip(st.columns(3), atlas.FAMILIES.items(), strict=True):
        with column:
            _branch(name, means)
            for model, concept in atlas.models(family):
                _entry(model, concept, disputes)
    st.markdown(
        "**Where lectures disagree.** " + "  \n".join(f"{_mark(k)} {text}" for k, text in enumerate(disputes))
    )


def _entry(model: Model, concept: Concept | None, disputes: list[str]) -> None:
    label = f"**{model.name}** · {model.year} · {model.paper}"
    if model.disputed:
        label += f" {_mark(len(disputes))}"
        disputes.append(model.disputed)
    if concept:
        st.page_link(concept.path, label=label)
    else:
        st.markdown(f"<span class='planned'>{label.replace('**', '')} (not yet)</span>", unsafe_allow_html=True)


def _branch(name: str, means: str, root: bool = False) -> None:
    st.html(f"<p class='branch{' root' if root else ''}'><b>{escape(name)}</b>{escape(means)}</p>")


def _mark(k: int) -> str:
    return "⚑" + "¹²³⁴⁵⁶⁷⁸⁹"[k]


def timeline() -> None:
    """When each first appeared."""
    st.header("Timeline", anchor=False)
    items = "".join(
        f"<li><b>{e.year}</b>{escape(e.name)}<br><small>{escape(e.who)}</small></li>" for e in atlas.timeline()
    )
    st.html(f"<ol class='timeline'>{items}</ol>")
