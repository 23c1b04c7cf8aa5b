"""How many components: BIC, AIC and held-out data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dashboard.scene import Curve, Ellipses, Panel, Points, Readout, Scene, chart, plane
from dashboard.scene.board import on_board
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.mixture.setup import Config
from genmodels.kmeans import starting_means
from genmodels.mixture import CollapseError, GaussianMixture, fit_mixture

HELD_OUT, LEAST = 1_000_003, 1e-3
"""What is added to the seed of data that are held out; the least reg_covar."""


@on_board
def scene(config: Config) -> Scene:
    """BIC, AIC and held-out log-likelihood for K = 1 … 10; the frame is K."""
    data = replace(config, k=1).data()
    held_out = replace(config, k=1, seed=config.seed + HELD_OUT).data() if not config.is_own else None
    train, test = (data, held_out) if held_out is not None else (data[::2], data[1::2])
    ks = list(range(1, _most(train) + 1))
    fits = [_best_fit(train, replace(config, k=k, means="")) for k in ks]
    n = len(train)
    in_own = config.units.log_scale  # −2 log-likelihood / n gains twice as much
    bic, aic = (np.array([getattr(m, c)(train) / n for m in fits]) + 2 * in_own for c in ("bic", "aic"))
    held = np.array([m.log_prob(test).mean() for m in fits]) - in_own
    x, y = config.ranges(data)
    most = max(ks)
    means, covariances = np.full((len(ks), most, 2), np.nan), np.full((len(ks), most, 2, 2), np.nan)
    for i, m in enumerate(fits):
        means[i, : len(m.means)], covariances[i, : len(m.means)] = m.means, m.covariances
    layers = (
        Points(name="points", key="p", xy=train, radius=3),
        Ellipses(name="components", key="c", mean=means, covariance=covariances, classes=True, filled=True),
    )
    return Scene(
        panels=(
            plane("The best fit with K components", layers, x, y, share=1.4),
            _criterion("BIC, AIC: lowest wins", {"BIC": bic, "AIC": aic}, ks),
            _criterion("Held out: highest wins", {"held out": held}, ks),
        ),
        steps=np.array(ks),
        time="K",
        readouts=(
            Readout("BIC / n", bic),
            Readout("AIC / n", aic),
            Readout("held-out log-likelihood", held, "nats per point"),
            Readout("best K by BIC", np.full(len(ks), ks[int(bic.argmin())], dtype=float), digits=0),
            Readout("best K held out", np.full(len(ks), ks[int(held.argmax())], dtype=float), digits=0),
        ),
        alt="A mixture with one to ten components, and three criteria that say how many are enough.",
        fps=1.5,
    )


def _most(train: np.ndarray) -> int:
    """The largest K that is tried, with so many different points."""
    return min(10, len(np.unique(train, axis=0)))


def code(config: Config) -> str:
    """The best of three fits for each K, and what the criteria say of it."""
    data = replace(config, k=1, means="").data()
    most = _most(data[::2] if config.is_own else data)
    settings = replace(config, k=1, means="").em(seed=0, reg_covar=max(config.reg_covar, LEAST))
    more = " + 2 * log_scale" if config.less else ""
    return snippet(
        config.data_code(fresh=config.seed + HELD_OUT),
        "x, fresh = x[::2], x[1::2]  # every other point is held out" if config.is_own else "",
        "from genmodels.kmeans import starting_means",
        "from genmodels.mixture import GaussianMixture, MixtureConfig, fit_mixture",
        "\ndef fit(k, number):",
        f"    start = starting_means(x, k, 'kmeans++', np.random.default_rng([{config.seed}, number]))",
        f"    return fit_mixture(x, {written(settings, n_components='k', init='start')})\n",
        f"three = [[fit(k, number) for number in range(3)] for k in range(1, {most + 1})]",
        "best = [max(states, key=lambda state: state.log_likelihood) for states in three]",
        "fits = [GaussianMixture.from_state(state) for state in best]",
        config.scale_code,
        "shown = {",
        f"    'BIC / n': [fit.bic(x) / len(x){more} for fit in fits],",
        f"    'AIC / n': [fit.aic(x) / len(x){more} for fit in fits],",
        f"    'held-out log-likelihood': [fit.log_prob(fresh).mean(){config.less} for fit in fits],",
        "}",
    )


def _best_fit(data: np.ndarray, config: Config) -> GaussianMixture:
    fits = []
    for seed in range(3):
        start = starting_means(data, config.k, "kmeans++", np.random.default_rng([config.seed, seed]))
        try:
            state = fit_mixture(data, config.em(init=start, reg_covar=max(config.reg_covar, LEAST)))
        except CollapseError:
            continue
        fits.append((state.log_likelihood, GaussianMixture.from_state(state)))
    if not fits:
        raise ValueError(
            f"No mixture of {config.k} components could be fitted to these points; use fewer, or more points."
        )
    return max(fits, key=lambda f: f[0])[1]


def _criterion(title: str, curves: Mapping[str, np.ndarray], ks: list[int]) -> Panel:
    values = np.concatenate(list(curves.values()))
    margin = 0.08 * max(float(values.max() - values.min()), 1e-3)
    layers = tuple(
        Curve(name=name, y=y, colour=colour)
        for (name, y), colour in zip(curves.items(), ("model", "class0"), strict=False)
    )
    return chart(
        title,
        layers,
        (0.8, max(ks) + 0.2),
        (float(values.min()) - margin, float(values.max()) + margin),
        x_label="K",
    )
