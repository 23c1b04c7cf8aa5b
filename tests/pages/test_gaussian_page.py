"""The Gaussian page under AppTest: every control at both ends, random pairs, bad links."""

import itertools
import random

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.scenes.gaussian import (
    SOURCES,
    FitSceneConfig,
    SampleSceneConfig,
    fit_formula,
    fit_scene,
    sample_formula,
    sample_scene,
)

CUES = ("fit", "sample")


def healthy(app: AppTest) -> bool:
    return not app.exception and not app.error and "nan" not in str([m.value for m in app.markdown]).lower()


def positions(app: AppTest) -> list[tuple[str, str, object]]:
    """Every control of the page at both of its ends."""
    sliders = [("slider", w.key, v) for w in app.slider for v in (w.min, w.max)]
    choices = [("selectbox", w.key, v) for w in app.selectbox for v in w.options if w.key.startswith("gaussian")]
    switches = [("toggle", w.key, v) for w in app.toggle for v in (True, False) if w.key.startswith("gaussian")]
    return sliders + choices + switches


def put(app: AppTest, kind: str, key: str, value: object) -> None:
    getattr(app, kind)(key=key).set_value(value)


@pytest.mark.parametrize("cue", CUES)
def test_every_control_at_both_ends_and_random_pairs(open_page, cue):
    app = open_page("gaussian", **{"gaussian.cue": cue})
    assert healthy(app)
    ends = [p for p in positions(app) if p[0] != "selectbox"] + [
        ("selectbox", "gaussian.data", name) for name in SOURCES if cue == "fit"
    ]
    pairs = list(itertools.combinations(ends, 2))
    chosen = random.Random(0).sample(pairs, min(40, len(pairs)))
    for settings in [(p,) for p in ends] + chosen:
        for kind, key, value in settings:
            put(app, kind, key, value)
        app.run()
        assert healthy(app), settings


@pytest.mark.parametrize("cue", CUES)
def test_a_link_is_the_whole_state(open_page, cue):
    link = {"gaussian.rho": -0.5} if cue == "sample" else {"gaussian.points": 33}
    app = open_page("gaussian", seed=7, **{"gaussian.cue": cue}, **link)
    assert app.number_input(key="seed").value == 7
    value = app.slider(key="gaussian.rho").value if cue == "sample" else app.slider(key="gaussian.points").value
    assert value == (-0.5 if cue == "sample" else 33)


def test_cue_buttons_start_their_preset(open_page):
    app = open_page("gaussian")
    app.button(key="gaussian.cue.sample").click().run()
    assert app.slider(key="gaussian.samples").value == 300
    app.slider(key="gaussian.rho").set_value(0.1).run()
    app.button(key="gaussian.cue.sample").click().run()
    assert app.slider(key="gaussian.rho").value == 0.67


EXTREMES = [
    *(FitSceneConfig(source, n, 0) for source in SOURCES for n in (1, 2, 3, 500)),
    *(
        SampleSceneConfig(m, -m, a, b, rho, n, slip, 0)
        for m, a, b in ((3.0, 0.1, 4.0), (-3.0, 4.0, 0.1))
        for rho in (-0.99, 0.99)
        for n in (1, 2, 1000)
        for slip in (False, True)
    ),
]


@pytest.mark.parametrize("config", EXTREMES, ids=str)
def test_scenes_at_their_extremes(config):
    scene = fit_scene(config) if isinstance(config, FitSceneConfig) else sample_scene(config)
    for name, array in scene.moving():
        if name.endswith("covariance"):
            kept = array[~np.isnan(array).any(axis=(1, 2, 3))]
            assert (np.linalg.eigvalsh(kept) > -1e-9).all()
    formula = fit_formula(config) if isinstance(config, FitSceneConfig) else sample_formula(config)
    assert "nan" not in formula


def test_divergence_has_the_floor_it_must_have():
    """For a Gaussian source KL → 0; for two lumps it stays above their negentropy, found here by Monte Carlo."""
    for name, source in SOURCES.items():
        scene = fit_scene(FitSceneConfig(name, 500, 0))
        kl = scene.readouts[1].values
        assert (kl[3:] > 0).all()
        if name != "lumps":
            assert source.entropy() == pytest.approx(source.moments().entropy(), abs=1e-9)
            assert kl[-1] < 0.03
    lumps = SOURCES["lumps"]
    x = lumps.sample(200_000, np.random.default_rng(1))
    offset, var = np.array(lumps.offset), lumps.covariance[0][0]
    log_p = np.logaddexp(*(-((x - s * offset) ** 2).sum(1) / (2 * var) for s in (-1, 1))) - np.log(4 * np.pi * var)
    assert lumps.entropy() == pytest.approx(-log_p.mean(), abs=4 * log_p.std() / np.sqrt(len(x)))
    floor = lumps.moments().entropy() - lumps.entropy()
    assert fit_scene(FitSceneConfig("lumps", 500, 0)).readouts[1].values[-1] >= floor > 0.3
