"""The same data from eight starts; which endings are degenerate; the best that is known."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np

from dashboard.scene import Ellipses, Panel, Points, Readout, Scene, plane
from dashboard.scene.board import on_board
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.mixture.kmeans import log_likelihood
from dashboard.scenes.mixture.setup import Config, full_covariances
from genmodels.kmeans import starting_means
from genmodels.mixture import CollapseError, EMState, iterate_em


def degenerate(state: EMState, data: np.ndarray) -> bool:
    """Whether a component sits on fewer than five points: its likelihood has nothing to do with the data's shape."""
    held = np.exp(state.log_resp).sum(axis=0)
    smallest = np.array([np.linalg.eigvalsh(c)[0] for c in full_covariances(state)])
    return bool((held < 5).any() or (smallest < 1e-4 * data.var(axis=0).mean()).any())


@on_board
def scene(config: Config) -> Scene:
    """The same data from eight random starts, and where each of them ends."""
    data = config.data()
    rng = np.random.default_rng([config.seed, 8])
    runs = [_states(data, config, starting_means(data, config.k, "random", rng)) for _ in range(8)]
    n = max(len(r) for r in runs)
    runs = [r + [r[-1]] * (n - len(r)) for r in runs]
    ends = [r[-1] for r in runs]
    bad = [degenerate(e, data) for e in ends]
    order = sorted((i for i in range(8) if not bad[i]), key=lambda i: -ends[i].log_likelihood)
    ranks = {i: f"{place + 1}." for place, i in enumerate(order)}
    likelihoods = [log_likelihood(config, run) for run in runs]
    panels = tuple(
        _start_panel(f"{ranks.get(i, 'degenerate')}  {reached[-1]:.3f}".replace("-", "−"), config, data, run)
        for i, (run, reached) in enumerate(zip(runs, likelihoods, strict=True))
    )
    return Scene(
        panels=panels,
        steps=np.arange(n),
        time="half-step",
        readouts=tuple(Readout(f"start {i + 1}", values, digits=3) for i, values in enumerate(likelihoods)),
        alt="Eight small pictures of EM on the same points from eight starts; each title tells rank and final "
        "log-likelihood, degenerate ones are named.",
        fps=6,
    )


def code(config: Config) -> str:
    """EM from each of the eight starts, to its end or to where a component collapses."""
    return snippet(
        config.data_code(),
        "from genmodels.kmeans import starting_means",
        "from genmodels.mixture import CollapseError, MixtureConfig, iterate_em",
        f"rng = np.random.default_rng([{config.seed}, 8])",
        "ends = []",
        "for _ in range(8):",
        f"    start = starting_means(x, {config.k}, 'random', rng)",
        "    try:",
        f"        for end in iterate_em(x, {written(config.em(seed=0), init='start')}):",
        "            pass",
        "    except CollapseError as why:",
        "        print(why)  # `end` is the last state before it",
        "    ends.append(end)",
        config.scale_code,
        f"shown = {{f'start {{k}}': end.log_likelihood{config.less} for k, end in enumerate(ends, start=1)}}",
    )


def _states(data: np.ndarray, config: Config, start: np.ndarray) -> list[EMState]:
    states: list[EMState] = []
    with contextlib.suppress(CollapseError):  # the states that led there are kept; the end is degenerate
        states.extend(iterate_em(data, config.em(init=start)))
    return states


def _start_panel(title: str, config: Config, data: np.ndarray, states: list[EMState]) -> Panel:
    x, y = config.ranges(data)
    ellipses = Ellipses(
        name="components",
        key="c",
        mean=np.array([s.means for s in states]),
        classes=True,
        covariance=np.array([full_covariances(s) for s in states]),
        width=2,
    )
    points = Points(name="points", key="p", xy=data, radius=2, colour="muted")
    return replace(plane(title, (points, ellipses), x, y), axes=False)


def best_known(config: Config) -> float:
    """The highest non-degenerate log-likelihood from thirty k-means++ starts, nats per point."""
    data = config.data()
    best = -np.inf
    for seed in range(30):
        start = starting_means(data, config.k, "kmeans++", np.random.default_rng(seed))
        states = _states(data, config, start)
        if states and not degenerate(states[-1], data):
            best = max(best, states[-1].log_likelihood)
    return best


def reached(config: Config) -> float:
    """The log-likelihood that EM reaches from the start set by hand, nats per point."""
    data = config.data()
    states = _states(data, config, config.start(data))
    return -np.inf if degenerate(states[-1], data) else states[-1].log_likelihood


def missing(config: Config) -> float:
    """How far the start set by hand stays below the best known, nats per point; infinite if degenerate."""
    return best_known(config) - reached(config)
