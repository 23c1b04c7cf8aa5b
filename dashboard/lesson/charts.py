"""Plotly figures: for what changes on a deliberate click and wants hover, zoom or three dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import streamlit as st

from dashboard.lesson import controls
from dashboard.scene.colours import ROLES, colour_map
from dashboard.scene.fields import Switch
from dashboard.scene.words import plain


class Density(Protocol):
    """What has a mean, a covariance and a log-density in the plane."""

    @property
    def mean(self) -> np.ndarray:
        """``(2,)``."""
        ...

    @property
    def covariance(self) -> np.ndarray:
        """``(2, 2)``."""
        ...

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """log p(x), ``(N, 2)`` to ``(N,)``."""
        ...


def show_surface(page: str, density: Density) -> None:
    """The density as a surface that one can turn; drawn when asked for, as WebGL without a GPU takes seconds."""
    st.header("The density as a surface", anchor=False)
    if not controls.switch(f"{page}.surface", Switch("Show it in three dimensions"), False):
        return
    reach = 3.5 * np.sqrt(density.covariance.diagonal())
    x, y = (m + r * np.linspace(-1, 1, 61) for m, r in zip(density.mean, reach, strict=True))
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    z = np.exp(density.log_prob(grid)).reshape(61, 61)
    st.plotly_chart(surface(x, y, z, "x₁", "x₂", "p(x)"), width="stretch")


def surface(x: np.ndarray, y: np.ndarray, z: np.ndarray, x_label: str, y_label: str, z_label: str) -> Any:
    """A surface z ``(len(y), len(x))`` over x and y, as a ``plotly.graph_objects.Figure``."""
    import plotly.graph_objects as go

    mode = "dark" if st.context.theme.type == "dark" else "light"
    colours = colour_map("sequential", mode, 11)
    scale = [[i / 10, c] for i, c in enumerate(colours)]
    hover = f"{x_label} %{{x:.2f}}<br>{y_label} %{{y:.2f}}<br>{z_label} %{{z:.4f}}<extra></extra>"
    figure = go.Figure(go.Surface(x=x, y=y, z=z, colorscale=scale, hovertemplate=hover, showscale=False))
    figure.update_layout(
        height=480,
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        font={"size": 16},
        scene={"xaxis_title": x_label, "yaxis_title": y_label, "zaxis_title": z_label, "aspectmode": "manual",
               "aspectratio": {"x": 1.3, "y": 1.3, "z": 0.8}},
    )  # fmt: skip
    return figure


def show_roc(title: str, detectors: Callable[[], dict[str, tuple[np.ndarray, np.ndarray]]]) -> None:
    """Receiver operating characteristics of detectors: how unusual each finds familiar points, and others."""
    st.header(title, anchor=False)
    try:
        st.plotly_chart(roc(detectors()), width="stretch")
    except ValueError as why:
        st.caption(plain(f"No curve: {why}"))


def roc(detectors: dict[str, tuple[np.ndarray, np.ndarray]]) -> Any:
    """Share of out-of-distribution points flagged over false alarms: a Plotly figure, areas in the legend."""
    import plotly.graph_objects as go
    from sklearn.metrics import roc_auc_score, roc_curve

    colours = ROLES["dark" if st.context.theme.type == "dark" else "light"]
    figure = go.Figure()
    hover = "false alarms %{x:.1f} %<br>out-of-distribution points flagged %{y:.1f} %<extra></extra>"
    for (name, (familiar, strange)), colour in zip(detectors.items(), ("model", "data"), strict=False):
        truth = np.r_[np.zeros(len(familiar)), np.ones(len(strange))]
        score = np.r_[familiar, strange]
        alarms, found, _ = roc_curve(truth, score)
        label = f"{name} (area {roc_auc_score(truth, score):.3f})"
        figure.add_scatter(x=100 * alarms, y=100 * found, name=label, mode="lines",
                           line={"color": colours[colour], "width": 3},
                           hovertemplate=hover)  # fmt: skip
    figure.add_scatter(x=[0, 100], y=[0, 100], name="chance (area 0.5)", mode="lines", hoverinfo="skip",
                       line={"color": colours["muted"], "dash": "dash"})  # fmt: skip
    figure.update_layout(
        height=420, font={"size": 16}, margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"font": {"size": 16}, "x": 0.98, "xanchor": "right", "y": 0.05, "yanchor": "bottom"},
        xaxis_title="familiar points flagged, in % (false alarms)",
        yaxis_title="out-of-distribution points flagged, in %",
    )  # fmt: skip
    return figure
