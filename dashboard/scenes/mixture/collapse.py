"""How EM breaks: a component alone on one point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dashboard.scene import Curve, Readout, Scene, chart
from dashboard.scene.board import on_board
from dashboard.scene.claims import Claim, said
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.mixture.kmeans import em_plane, log_likelihood
from dashboard.scenes.mixture.setup import Config
from genmodels.kmeans import starting_means
from genmodels.mixture import CollapseError, EMState, MixtureConfig, iterate_em

ROUNDS = 25


@on_board
def scene(config: Config) -> Scene:
    """A narrow component sits down on one point; without reg_covar the likelihood runs away."""
    data = config.data()
    lonely = data[((data - data.mean(axis=0)) ** 2).sum(axis=1).argmax()]
    others = starting_means(data, max(config.k - 1, 1), "kmeans++", np.random.default_rng(config.seed))
    start = np.concatenate([lonely[None], others])[: config.k]
    spread = np.array([0.02] + [float(data.var(axis=0).mean())] * (config.k - 1))
    settings = replace(_settings(config), init=start, covariances_init=spread)
    states: list[EMState] = []
    end = ""
    try:
        states.extend(iterate_em(data, settings))
    except CollapseError as why:
        end = str(why)
    smallest = np.sqrt([s.covariances.min() for s in states])
    likelihood = log_likelihood(config, states)
    curve = Curve(name="smallest σ", key="s", y=smallest, colour="model")
    height = Curve(name="log-likelihood", key="l", y=likelihood, colour="model")
    low, high = float(likelihood.min()), float(likelihood.max())
    across = (0, max(len(states) - 1, 1))
    panels = (
        replace(em_plane("A component on one point", config, data, states), share=1.4),
        chart(
            "Nats per point",
            (height,),
            across,
            (low - 0.05, high + 0.05),
            x_label="half-step",
        ),
        chart(
            "Smallest σ",
            (curve,),
            across,
            (10 ** np.floor(np.log10(max(smallest.min(), 1e-9))), 10.0),
            x_label="half-step",
            y_scale="log",
        ),
    )
    last = np.arange(len(states)) == len(states) - 1
    return Scene(
        panels=panels,
        steps=np.arange(len(states)),
        time="half-step",
        readouts=(
            Readout("log-likelihood", likelihood, "nats per point"),
            Readout("smallest σ", smallest, config.units.length(), 5),
        ),
        **said(
            len(states),
            *([Claim(end, last)] if end else []),
            Claim(
                f"No variance falls below reg_covar, so that the likelihood stays finite: the smallest σ is "
                f"{smallest[-1]:.3f}.",
                last & (config.reg_covar > 0) & bool((smallest**2 >= config.reg_covar * (1 - 1e-9)).all()),
            ),
            Claim(f"No component has collapsed in {ROUNDS} iterations: the smallest σ is {smallest[-1]:.3f}.", last),
        ),
        alt="One component starts alone on a single point; beside it the log-likelihood and the smallest σ.",
        fps=3,
    )


def _settings(config: Config) -> MixtureConfig:
    return MixtureConfig(config.k, "spherical", tol=0, reg_covar=config.reg_covar, max_iter=ROUNDS)


def code(config: Config) -> str:
    """EM from a start with a narrow component on the farthest point, to its end or to where it collapses."""
    k = config.k
    others = f"starting_means(x, {k - 1}, 'kmeans++', np.random.default_rng({config.seed}))"
    named = {"init": "start", "covariances_init": f"[0.02] + [x.var(axis=0).mean()] * {k - 1}"}
    return snippet(
        config.data_code(),
        "from genmodels.mixture import CollapseError, MixtureConfig, iterate_em",
        "from genmodels.kmeans import starting_means" if k > 1 else "",
        "lonely = x[np.sum((x - x.mean(axis=0)) ** 2, axis=1).argmax()]  # the farthest point",
        f"start = np.vstack([lonely, {others}])" if k > 1 else "start = [lonely]",
        f"config = {written(_settings(config), **named)}",
        "states = []",
        "try:",
        "    states.extend(iterate_em(x, config))",
        "except CollapseError as why:",
        "    print(why)",
        config.scale_code,
        "shown = {",
        f"    'log-likelihood': [state.log_likelihood{config.less} for state in states],",
        "    'smallest σ': [state.covariances.min() ** 0.5 for state in states],",
        "}",
    )
