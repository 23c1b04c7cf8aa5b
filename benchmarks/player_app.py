"""The page that `benchmarks/player.py` looks at: one moving picture, drawn in one of three ways.

`?way=player|plotly|canvas&grid=0|40|80`: 1,500 moving points, over no field or a moving field of that many
cells a side, in a picture of 1000 × 560 pixels. All three draw the same arrays, in the same rectangle of it.
"""

import base64
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import plotly.graph_objects as go
import streamlit as st

from dashboard.player import play
from dashboard.scene import Field, Panel, Points, Scene, colours

N, FRAMES, FPS = 1500, 120, 60
WIDTH, HEIGHT = 1000, 560
AROUND = 72  # pixels of the Player below its picture: its words and its bar
LEFT, RIGHT, TOP, BOTTOM = 33, 12, 12, 22  # what the Player leaves for its axes, at its font of 14 px
RADIUS = 4
X, Y = (-3.0, 3.0), (-2.0, 2.0)


def points() -> np.ndarray:
    """`(F, N, 2)`: each dot on an ellipse of its own, back where it was after the last frame."""
    rng = np.random.default_rng(0)
    start = rng.normal(scale=(1.1, 0.7), size=(N, 2))
    angle = np.linspace(0, 2 * np.pi, FRAMES, endpoint=False)[:, None] * rng.choice([-1, 1], N)
    step = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * rng.uniform(0.1, 0.5, (1, N, 1))
    return (start + step).astype(np.float32)


def field(cells: int) -> np.ndarray:
    """`(F, cells, cells)` in −1 … 1: two waves that travel; row 0 is the lowest y."""
    x, y = np.meshgrid(np.linspace(*X, cells), np.linspace(*Y, cells))
    t = np.linspace(0, 2 * np.pi, FRAMES, endpoint=False)[:, None, None]
    return (np.sin(1.7 * x + t) * np.cos(1.3 * y - t)).astype(np.float32)


def scene(cells: int) -> Scene:
    """What the Player plays."""
    layers = [Points(name="Points", xy=points(), radius=RADIUS)]
    if cells:
        extent, limits = (*X, *Y), (-1.0, 1.0)
        waves = Field(name="Field", values=field(cells), extent=extent, limits=limits, colour_map="diverging")
        layers.insert(0, waves)
    panel = Panel(title="", layers=tuple(layers), x=X, y=Y, equal=False)
    alt = "Points move over a field."
    return Scene(panels=(panel,), alt=alt, steps=np.arange(FRAMES), fps=FPS, loop=True)


def traces(k: int, xy: np.ndarray, values: np.ndarray | None) -> list:
    """What changes with frame k; the field as plain lists, so that nothing has to be unpacked as it plays."""
    dots = go.Scatter(x=xy[k, :, 0], y=xy[k, :, 1])
    return [dots] if values is None else [go.Heatmap(z=values[k].tolist()), dots]


def style(drawn: go.Figure, cells: int) -> None:
    """Dots as the Player draws them; the field as one smoothed image, Plotly's fastest way."""
    rim = {"width": 0.8, "color": "white"}
    marker = {"size": 2 * RADIUS, "color": colours.ROLES["light"]["data"], "line": rim}
    drawn.update_traces(selector={"type": "scatter"}, mode="markers", marker=marker, hoverinfo="skip")
    if cells:
        x, y = ([low, (high - low) / cells] for low, high in (X, Y))
        drawn.update_traces(
            selector={"type": "heatmap"}, x0=x[0] + x[1] / 2, dx=x[1], y0=y[0] + y[1] / 2, dy=y[1], zmin=-1,
            zmax=1, colorscale=colours.colour_map("diverging", "light"), showscale=False, zsmooth="fast",
            hoverinfo="skip",
        )  # fmt: skip


def figure(cells: int) -> go.Figure:
    """The same for Plotly: frames, and a button that plays them 20 times over, as fast as it can."""
    xy, values = points(), field(cells) if cells else None
    every = [traces(k, xy, values) for k in range(FRAMES)]
    how = {"mode": "immediate", "transition": {"duration": 0}}
    how["frame"] = {"duration": 0, "redraw": bool(cells)}  # dots move without, a field does not
    button = {"label": "Play", "method": "animate", "args": [[str(k) for k in range(FRAMES)] * 20, how]}
    menu = {"type": "buttons", "buttons": [button], "x": 1, "y": 1, "xanchor": "right", "yanchor": "top"}
    drawn = go.Figure(every[0], frames=[go.Frame(data=every[k], name=str(k)) for k in range(FRAMES)])
    style(drawn, cells)
    return drawn.update_layout(
        width=WIDTH, height=HEIGHT, margin={"l": LEFT, "r": RIGHT, "t": TOP, "b": BOTTOM}, showlegend=False,
        hovermode=False, dragmode=False, updatemenus=[menu], template="plotly_white",
        xaxis={"range": X, "autorange": False}, yaxis={"range": Y, "autorange": False},
    )  # fmt: skip


BARE = """
const mounted = new WeakMap();
const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

function dotOf(radius, colour) {
  const dot = document.createElement("canvas");
  dot.width = dot.height = 2 * radius + 3;
  const ctx = dot.getContext("2d");
  ctx.fillStyle = colour;
  ctx.strokeStyle = "white";
  ctx.lineWidth = 0.8;
  ctx.arc(dot.width / 2, dot.width / 2, radius, 0, 2 * Math.PI);
  ctx.fill();
  ctx.stroke();
  return dot;
}

export default function ({ parentElement, data }) {
  if (mounted.has(parentElement)) return;
  mounted.set(parentElement, true);
  const { n, frames, cells, table, x, y, area: [left, top, width, height] } = data;
  const [xy, values] = [floats(data.xy), floats(data.field)];
  const canvas = parentElement.querySelector("canvas");
  const ctx = canvas.getContext("2d");
  const dot = dotOf(data.radius, data.colour);
  const sheet = document.createElement("canvas");
  sheet.width = sheet.height = cells || 1;
  const small = sheet.getContext("2d");
  const image = small.createImageData(sheet.width, sheet.height);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = Uint32Array.from(table, (c) => {
    const v = parseInt(c.slice(1), 16);
    return (255 << 24) | ((v & 255) << 16) | (v & 0xff00) | (v >> 16);
  });
  const sx = width / (x[1] - x[0]), sy = height / (y[1] - y[0]), half = dot.width / 2;
  let frame = 0;

  function drawField() {
    const from = frame * cells * cells;
    for (let row = 0; row < cells; row++) {
      for (let col = 0; col < cells; col++) {
        const value = values[from + (cells - 1 - row) * cells + col];
        pixels[row * cells + col] = colours[Math.round(127.5 * (value + 1))];
      }
    }
    small.putImageData(image, 0, 0);
    ctx.drawImage(sheet, left, top, width, height);
  }

  function draw() {
    if (!canvas.isConnected) return;
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    if (cells) drawField();
    const from = 2 * frame * n;
    for (let i = from; i < from + 2 * n; i += 2) {
      ctx.drawImage(dot, left + (xy[i] - x[0]) * sx - half, top + height - (xy[i + 1] - y[0]) * sy - half);
    }
    canvas.dataset.frame = frame;
    frame = (frame + 1) % frames;
    requestAnimationFrame(draw);
  }
  draw();
}
"""
bare = st.components.v2.component(
    "bare_canvas", html=f'<canvas class="bare" width="{WIDTH}" height="{HEIGHT}"></canvas>', js=BARE
)


def canvas(cells: int) -> None:
    """The same on a canvas with nothing around it: what is the least that drawing this can cost."""
    data = {
        "n": N, "frames": FRAMES, "cells": cells, "x": X, "y": Y, "radius": RADIUS,
        "colour": colours.ROLES["light"]["data"], "table": colours.colour_map("diverging", "light", 256),
        "area": [LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM],
        "xy": base64.b64encode(points().tobytes()).decode(),
        "field": base64.b64encode(field(cells).tobytes() if cells else b"").decode(),
    }  # fmt: skip
    bare(key="bare", data=data)


def page() -> None:
    """Show what the query asks for."""
    st.set_page_config(layout="wide")
    way, cells = st.query_params.get("way", "player"), int(st.query_params.get("grid", "0"))
    with st.container(width=WIDTH):
        if way == "player":
            play(scene, cells, key="player", height=f"{HEIGHT + AROUND}px")
        elif way == "plotly":
            st.plotly_chart(figure(cells), key="plotly", theme=None, width="content")
        else:
            canvas(cells)


page()
