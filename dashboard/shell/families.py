"""What the map shows of the families of generative models: a tree over an axis of years, and their history."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

import streamlit as st

from dashboard.concepts import Family
from dashboard.scene.words import plain
from dashboard.shell import atlas, thumbnails
from dashboard.shell.atlas import FAMILIES, Tile

_STYLE = f"<style>{(Path(__file__).parent / 'map.css').read_text('utf-8')}</style>"
Tree = Mapping[Family, list[Tile]]


def tree() -> None:
    """Each model a tile over its year, with a moving picture of its own scene, and a way to its page."""
    placed = atlas.tree()
    st.html(_STYLE)
    with st.container(key="family-tree"), st.container(key="tree"):
        st.html(_Picture(placed).html())
        for tile in sorted(_tiles(placed), key=lambda tile: tile.model.year):
            if tile.concept:
                with st.container(key=f"tile-{_slug(tile)}"):
                    st.page_link(tile.concept.path, label=f"{plain(tile.model.name)} {tile.model.year}")


def _tiles(placed: Tree) -> list[Tile]:
    return [tile for tiles in placed.values() for tile in tiles]


def _slug(tile: Tile) -> str:
    return re.sub(r"\W+", "-", tile.model.name.lower())


class _Picture:
    """All of the tree that is no link, and where links stand: places are CSS lengths, shares of the room."""

    def __init__(self, placed: Tree) -> None:
        self.placed = placed
        self.width = 1 + max(tile.x for tile in _tiles(placed))
        self.rows = {family: 1 + max((tile.row for tile in tiles), default=0) for family, tiles in placed.items()}
        lanes = f"{len(placed)} * var(--head)"
        self.row = f"((100% - var(--axis) - {lanes}) / {sum(self.rows.values())})"
        self.column = f"((100% - var(--left)) / {self.width:.5f})"

    def across(self, x: float) -> str:
        """From the left to so many widths of a tile."""
        return f"(var(--left) + {x:.5f} * {self.column})"

    def top(self, family: Family) -> str:
        """Where a family's lane begins."""
        before = list(self.rows)[: list(self.rows).index(family)]
        return self.below(len(before), sum(self.rows[name] for name in before))

    def below(self, heads: int, rows: int) -> str:
        """From the top to below so many names of lanes and rows of tiles."""
        return f"({heads} * var(--head) + {rows} * {self.row})"

    def html(self) -> str:
        lanes = [self.lane(family) for family in self.placed]
        places = [self.place(tile) for tile in _tiles(self.placed) if tile.concept]
        parts = [*map(self.thread, _tiles(self.placed)), *self.branches(), *lanes, *self.axis()]
        planned = [self.planned(tile) for tile in _tiles(self.placed) if not tile.concept]
        return f"<style>{''.join(places)}</style><div class='tree'>{''.join(parts + planned)}</div>"

    def branches(self) -> list[str]:
        """Generative models, and their two kinds: those with a likelihood, in two lanes, and those without."""
        end = self.below(len(self.rows), sum(self.rows.values()))
        exact, approximate, implicit = (self.top(family) for family in ("exact", "approximate", "implicit"))
        boxes = (
            ("root", "Generative models", "0rem", exact, end),
            ("", "Likelihood-based", "2.6rem", exact, implicit),
            ("", "Implicit", "2.6rem", implicit, end),
        )
        twigs = [
            ("1.9rem", exact),
            ("1.9rem", implicit),
            *(("4.4rem", top) for top in (exact, approximate, implicit)),
        ]
        return [
            f"<div class='branch {kind}' style='left:{left};top:calc{top};"
            f"height:calc({bottom} - {top} - var(--gap))'>{name}</div>"
            for kind, name, left, top, bottom in boxes
        ] + [
            f"<div class='twig' style='left:{left};top:calc({top} + 0.7rem);width:0.6rem'></div>"
            for left, top in twigs
        ]

    def lane(self, family: Family) -> str:
        name, means = FAMILIES[family]
        words = f"<span><b>{escape(name)}</b>: {escape(means)}</span>"
        return f"<div class='lane' style='top:calc{self.top(family)}'>{words}</div>"

    def where(self, tile: Tile) -> str:
        """Place and size of a tile."""
        top = f"{self.top(tile.model.family)} + var(--head) + {tile.row} * {self.row}"
        return (
            f"left:calc({self.across(tile.x)} + var(--gap));width:calc({self.column} - var(--gap));"
            f"top:calc({top});height:calc({self.row} - var(--gap))"
        )

    def place(self, tile: Tile) -> str:
        """The style of a link: its place, and its picture, which stands still for who wants no motion."""
        link = f".st-key-tree .st-key-tile-{_slug(tile)}"
        style = f"{link} {{ {self.where(tile)} }}"
        mode = "dark" if st.context.theme.type == "dark" else "light"
        if tile.concept and thumbnails.has(tile.concept.page, mode):
            moving, still = thumbnails.addresses(tile.concept.page, mode)
            image = f"{link} a::before {{ background-image: url('%s') }}"
            paper = "lighten" if mode == "dark" else "darken"  # compressed paper is not quite the page's
            style += f"{link} a::before {{ mix-blend-mode: {paper} }}"
            style += f"{image % moving} @media (prefers-reduced-motion: reduce) {{ {image % still} }}"
        return style

    def planned(self, tile: Tile) -> str:
        return (
            f"<div class='planned' style='{self.where(tile)}'><div>{escape(tile.model.name)}<br>(not yet)</div></div>"
        )

    def thread(self, tile: Tile) -> str:
        """From a tile down to its year."""
        top = f"{self.top(tile.model.family)} + var(--head) + {tile.row + 1} * {self.row}"
        return f"<div class='thread' style='left:calc{self.across(tile.x + 0.5)};top:calc({top})'></div>"

    def axis(self) -> list[str]:
        """The years; where several tiles have one year, it stands below the first."""
        first: dict[int, float] = {}
        for tile in sorted(_tiles(self.placed), key=lambda tile: tile.x):
            first.setdefault(tile.model.year, tile.x)
        years = [f"<div class='year' style='left:calc{self.across(x + 0.5)}'>{y}</div>" for y, x in first.items()]
        return ["<div class='axis'></div>", "<div class='note'>Not to scale</div>", *years]


def sources() -> None:
    """Where years and families are from, and where lectures disagree about them."""
    models = sorted((model for family in FAMILIES for model, _ in atlas.models(family)), key=lambda m: m.year)
    st.header("Where the years and the families are from", anchor=False)
    said = [f"- **{m.name}** · {m.year} · {m.paper}{'. ' * bool(m.disputed)}{m.disputed}" for m in models]
    st.markdown("\n".join(said))


def timeline() -> None:
    """When each first appeared, and by whom."""
    items = "".join(
        f"<li><b>{e.year}</b>{escape(e.name)}<br><small>{escape(e.who)}</small></li>" for e in atlas.timeline()
    )
    st.html(f"{_STYLE}<ol class='timeline'>{items}</ol>")
