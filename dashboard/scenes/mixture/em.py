"""EM step by step, and the responsibilities of one point in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dashboard.scene import Bars, Curve, Diagram, Edge, Handle, Node, Panel, Readout, Scene, chart
from dashboard.scene.board import on_board
from dashboard.scene.claims import Claim, said
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.mixture.kmeans import em_plane, log_likelihood
from dashboard.scenes.mixture.setup import Config, handles
from genmodels.mixture import EMState, GaussianMixture, iterate_em

NODES = (
    Node("E-step\nwhose is it?", (0.0, 0.0), (3.6, 1.5)),
    Node("M-step\nrefit", (0.0, -3.4), (3.6, 1.5)),
)
EDGES = (Edge(0, 1, bend=0.01), Edge(1, 0, bend=0.01))
LIT = {"init": (0, 0, 0, 0), "E": (1, 0, 0, 1), "M": (0, 1, 1, 0)}
SUBSCRIPTS = "₁₂₃₄₅₆₇₈₉"


@on_board
def scene(config: Config) -> Scene:
    """E and M as separate frames; the chosen point's responsibilities in numbers."""
    data = config.data()
    states = list(iterate_em(data, config.em()))
    likelihood, bound = _likelihoods(config, states)
    chosen = int(((data - [config.probe_1, config.probe_2]) ** 2).sum(axis=1).argmin())
    return Scene(
        panels=(
            replace(em_plane("Colours: responsibilities", config, data, states, data[chosen]), share=1.6),
            _bound_panel(likelihood, bound),
            _bars_panel(states, chosen),
            _diagram_panel(states),
        ),
        steps=np.arange(len(states)),
        time="half-step",
        readouts=(
            Readout("log-likelihood", likelihood, "nats per point", 4),
            Readout("lower bound", bound, "nats per point", 4),
            *_bayes(config, states, data[chosen], chosen),
        ),
        **said(len(states), *_sentences(states, likelihood, bound)),
        equation=_bayes_equation(config.k),
        alt="Points take mixed colours in each E-step, ellipses move in each M-step; log-likelihood and lower bound "
        "meet after every E-step.",
        fps=2,
        handles=(*handles(states[0].means), Handle("probe", data[chosen], 0, probe=True, colour="ink")),
        brush=config.brush(),
    )


def code(config: Config) -> str:
    """EM on these points, from this start."""
    return snippet(
        config.data_code(),
        "from genmodels.mixture import MixtureConfig, iterate_em",
        f"config = {written(config.em())}",
        "states = list(iterate_em(x, config))",
        config.scale_code,
        "shown = {",
        f"    'log-likelihood': [state.log_likelihood{config.less} for state in states],",
        f"    'lower bound': [state.lower_bound{config.less} for state in states],",
        "}",
    )


def _sentences(states: list[EMState], likelihood: np.ndarray, bound: np.ndarray) -> Iterator[Claim | str]:
    """What a step is, and which of the curves it lifts."""
    phase = np.array([s.phase for s in states])
    rise, higher = (np.diff(curve, prepend=curve[0]) > 0 for curve in (likelihood, bound))
    meet = np.isclose(bound, likelihood, rtol=0, atol=1e-9)
    yield Claim("Start: means by k-means++ or by hand; every point belongs to all components alike.", phase == "init")
    e_step = "E-step: r is each point's posterior over components; the parameters rest."
    yield Claim(f"{e_step} The bound rises to the log-likelihood.", (phase == "E") & higher & meet)
    yield Claim(e_step, phase == "E")
    m_step = "M-step: each component is fitted to its share of the points."
    yield Claim(f"{m_step} Bound and log-likelihood both rise.", (phase == "M") & higher & rise)
    yield Claim(f"{m_step} reg_covar, which is added to the variances, costs log-likelihood.",
                (phase == "M") & (np.diff(likelihood, prepend=likelihood[0]) < 0))  # fmt: skip
    yield m_step


def _likelihoods(config: Config, states: list[EMState]) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood and lower bound, nats per point, each ``(F,)``."""
    bound = np.array([s.lower_bound for s in states]) - config.units.log_scale
    return log_likelihood(config, states), bound


def _bayes(config: Config, states: list[EMState], point: np.ndarray, chosen: int) -> list[Readout]:
    """π_k N(x | μ_k, Σ_k), their sum, and the responsibilities of the chosen point, as hidden readouts.

    All belong to the latest E-step: an M-step changes the parameters, and the r it used are those of the ones before.
    Before the first E-step there are no densities, and r is 1/K.
    """
    used = np.maximum.accumulate([k if s.phase == "E" else 0 for k, s in enumerate(states)])
    mixtures = [GaussianMixture.from_state(states[k]) for k in used]
    total = np.exp([m.log_prob(point[None])[0] - config.units.log_scale for m in mixtures])
    total[used == 0] = np.nan
    share = np.array([m.responsibilities(point[None])[0] for m in mixtures])
    resp = np.exp([s.log_resp[chosen] for s in states])
    own = config.units.own
    readouts = [Readout("p(x)", total, digits=4, hidden=True, significant=own)]
    for k in range(resp.shape[1]):
        readouts.append(Readout(f"πN{k + 1}", share[:, k] * total, digits=4, hidden=True, significant=own))
        readouts.append(Readout(f"r{SUBSCRIPTS[k]}" if k < 9 else f"r{k + 1}", resp[:, k], digits=3, hidden=True))
    return readouts


def _bayes_equation(k: int) -> str:
    names = [f"r{SUBSCRIPTS[i]}" if i < 9 else f"r{i + 1}" for i in range(k)]
    parts = [f"π{n[1:]}N{n[1:]}(x) = {{πN{i + 1}}}, {n} = {{{n}}}" for i, n in enumerate(names[:4])]
    return "Chosen point, last E-step:  Σ πₖNₖ(x) = {p(x)};   " + ";   ".join(parts) + (" …" if k > 4 else "")


def _bound_panel(likelihood: np.ndarray, bound: np.ndarray) -> Panel:
    low, high = float(bound[1:].min(initial=likelihood[0])), float(likelihood.max())
    margin = 0.08 * max(high - low, 1e-3)
    curves = (
        Curve(name="lower bound", key="b", y=bound, colour="truth", dashed=True),
        Curve(name="log-likelihood", key="l", y=likelihood, colour="model"),
    )
    return chart("Nats per point", curves, (0, len(bound) - 1), (low - margin, high + margin), x_label="half-step")


def _bars_panel(states: list[EMState], chosen: int) -> Panel:
    weights, resp = np.array([s.weights for s in states]), np.exp([s.log_resp[chosen] for s in states])
    k = weights.shape[1]
    bars = (
        Bars(name="weights π", key="w", height=weights, x=np.arange(k) + 0.79, width=0.38, classes=True),
        Bars(name="r of the last E-step", key="r", height=resp, x=np.arange(k) + 1.21, width=0.38, colour="ink"),
    )
    return chart("π, and r", bars, (0.4, k + 0.6), (0, 1.05), x_label="component", share=0.8)


def _diagram_panel(states: list[EMState]) -> Panel:
    active = np.array([LIT[s.phase] for s in states], dtype=float)
    diagram = Diagram(name="schema", nodes=NODES, edges=EDGES, active=active)
    return Panel("At work", (diagram,), (-2.1, 2.1), (-4.6, 1.2), axes=False, share=0.7)
