"""A learner's file on every page that takes one: read or refused in a sentence, in its own units, never lost."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dashboard.lesson import own_data
from dashboard.runs.growth import Growth, Orders
from dashboard.scene.words import number
from tests.pages.controls import healthy, shown_config, shown_run
from tests.pages.found import EVERY_CUE

CASES = Path(__file__).parents[1] / "cases"
PAGES = {"gaussian": "fit", "mixture": "em", "gan": "ring", "diffusion": "live", "vae": "live", "flows": "live"}
FILE = "A CSV file"
LOG_LIKELIHOODS = {"rates_prices": -9.6329, "mixed_scale": 1.6845, "small1e-6": 24.7103, "big1e6": -21.3414}
"""Of the Gaussian by maximum likelihood, nats per point in the files' own units."""
READ = ["faithful", "near1e6", "outlier", *LOG_LIKELIHOODS]


@pytest.fixture
def upload(monkeypatch):
    """Chooses a file in the uploader, from its content; or takes it away."""
    chosen = []

    def choose(content: bytes | None) -> None:
        chosen.append(content)

    def uploader(label, type, key):
        if not chosen or chosen[-1] is None:
            return None
        return SimpleNamespace(getvalue=lambda: chosen[-1], file_id=str(len(chosen)))

    monkeypatch.setattr(own_data.st, "file_uploader", uploader)
    return choose


def case(name: str) -> bytes:
    return (CASES / f"{name}.csv").read_bytes()


def points_of(name: str) -> np.ndarray:
    return np.loadtxt(CASES / f"{name}.csv", delimiter=",", skiprows=1)


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("page", PAGES)
def test_a_file_is_shown_in_its_own_units_and_names(open_page, upload, page, name):
    upload(case(name))
    app = open_page(page, **{f"{page}.cue": PAGES[page], f"{page}.source": FILE})
    assert healthy(app)
    assert not app.warning
    config, points = shown_config(app, page), points_of(name)
    np.testing.assert_array_equal(config.as_given(), points)
    assert config.units.names == tuple(case(name).decode().splitlines()[0].split(","))
    inside = config.own()[~np.isin(points, points_far(points))[:, 0]]
    (x0, x1), (y0, y1) = config.frame()
    assert x0 < inside[:, 0].min() < inside[:, 0].max() < x1, "no point is cut"
    assert y0 < inside[:, 1].min() < inside[:, 1].max() < y1
    assert np.ptp(inside[:, 0]) > 0.5 * (x1 - x0), "and the axes hug them"
    assert any("Models see" in c.value for c in app.caption)
    run = shown_run(app, page)
    if not run.live:
        assert (run.layout["panels"][0]["x_label"], run.layout["panels"][0]["y_label"]) == config.units.names


def points_far(points: np.ndarray) -> np.ndarray:
    """The points whose distance to the median is more than ten times the median distance."""
    distance = np.linalg.norm((points - np.median(points, axis=0)) / points.std(axis=0), axis=1)
    return points[distance > 5]


@pytest.mark.parametrize(("name", "expected"), LOG_LIKELIHOODS.items())
def test_the_log_likelihood_is_that_of_the_file_s_units(open_page, upload, name, expected):
    upload(case(name))
    app = open_page("gaussian", **{"gaussian.cue": "fit", "gaussian.source": FILE})
    assert shown_run(app, "gaussian").last_readouts()["log-likelihood"] == pytest.approx(expected, abs=5e-5)
    latex = app.latex[0].value
    mean = points_of(name).mean(axis=0)
    written = [float(m) * 10 ** float(e or 0) for m, e in re.findall(r"(-?[\d.]+)(?:\\cdot10\^\{(-?\d+)\})?", latex)]
    for value in mean:
        assert any(w == pytest.approx(value, rel=1e-3) for w in written), (value, latex)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-6, 1e6])
def test_em_reaches_the_same_likelihood_but_for_the_scale(open_page, upload, scale):
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.standard_normal((40, 2)), rng.standard_normal((40, 2)) + 6])

    def reached(s: float) -> float:
        upload("\n".join(f"{x!r},{y!r}" for x, y in (s * points).tolist()).encode())
        app = open_page("mixture", **{"mixture.cue": "em", "mixture.source": FILE, "mixture.k": 2})
        return shown_run(app, "mixture").last_readouts()["log-likelihood"]

    assert reached(scale) + 2 * np.log(scale) == pytest.approx(reached(1.0), abs=1e-6)


def test_an_outlier_is_named(open_page, upload):
    upload(case("outlier"))
    app = open_page("mixture", **{"mixture.source": FILE})
    assert any("One point lies outside the picture: (40, 30)" in c.value for c in app.caption)
    upload(case("faithful"))
    app.run()
    assert not any("outside" in c.value for c in app.caption)


@pytest.mark.parametrize("page", PAGES)
def test_what_could_mean_two_things_is_refused(open_page, upload, page):
    upload(case("thousands_int"))
    app = open_page(page, **{f"{page}.cue": PAGES[page], f"{page}.source": FILE})
    assert healthy(app)
    assert "may mark thousands" in app.warning[0].value
    assert len(app.warning) == 1


LABELS = {
    "no labels": (b"0,0\n1,0.5\n4,4\n", "no third column"),
    "four labels": (b"0,0,a\n1,0.5,b\n4,4,c\n3,1,d\n", "names 4 classes"),
}
GOOD = b"x,y,kind\n0,0,cat\n1,0.5,cat\n0.5,1,cat\n4,4,dog\n5,4.5,dog\n4.2,5,dog\n"


def test_a_file_brings_its_classes(open_page, upload):
    upload(GOOD)
    app = open_page("boundaries", **{"boundaries.source": FILE})
    assert healthy(app)
    assert not app.warning
    config = shown_config(app, "boundaries")
    assert config.names == ("cat", "dog")
    assert config.labels == (0, 0, 0, 1, 1, 1)
    upload(case("small1e-6_lab"))
    app.run()
    assert not app.warning
    assert shown_run(app, "boundaries").layout["panels"][0]["x_label"] == "a"


@pytest.mark.parametrize("fault", LABELS)
def test_a_faulty_file_is_told_once_and_the_last_good_one_stays(open_page, upload, fault):
    content, told = LABELS[fault]
    upload(GOOD)
    app = open_page("boundaries", **{"boundaries.source": FILE})
    upload(content)
    app.run()
    assert told in app.warning[0].value
    assert len(app.warning) == 1
    assert shown_config(app, "boundaries").names == ("cat", "dog")
    upload(b"1,2,a\n3,x,b\n")
    app.run()
    assert len(app.warning) == 1, "what was wrong with the file before is no news"
    assert "Line 2, column 2" in app.warning[0].value
    upload(GOOD)
    app.run()
    assert not app.warning


@pytest.mark.parametrize("page", ["mixture", "boundaries", "gaussian"])
@pytest.mark.parametrize("source", [FILE, "Painted by hand"])
def test_a_cue_s_button_keeps_own_data(open_page, upload, page, source):
    upload(GOOD if page == "boundaries" else case("faithful"))
    rows = {"mixture": ["em", "harden"], "boundaries": ["descend", "knows"], "gaussian": ["sample", "fit"]}[page]
    app = open_page(page, **{f"{page}.source": source})
    before = shown_config(app, page).as_given()
    for cue in rows:
        app.button(key=f"{page}.cue.{cue}").click().run()
        assert healthy(app)
    if page != "gaussian":  # where a cue without own data lies between, the file is chosen again
        assert app.selectbox(key=f"{page}.source").value in ("csv", "painted")
        np.testing.assert_array_equal(shown_config(app, page).as_given(), before)


def test_a_cue_about_certain_data_shows_them(open_page, upload):
    upload(case("faithful"))
    app = open_page("mixture", **{"mixture.source": FILE})
    app.button(key="mixture.cue.beside").click().run()
    assert app.selectbox(key="mixture.source").value == "elongated"
    app.selectbox(key="mixture.source").set_value("csv").run()
    assert len(shown_config(app, "mixture").csv) == len(points_of("faithful")), "the file is still there"


CSV_ON = [
    (page, cue)
    for page, cue in EVERY_CUE
    if page in ("gaussian", "mixture", "boundaries", "gan", "diffusion", "vae", "flows")
    and (page, cue) != ("gan", "modes")
]


def layout_of(run) -> dict:
    """What a run's pictures are made of; that of one that would grow has its first frame drawn."""
    if not run.live:
        return run.layout
    growth = Growth(run.recipe)
    growth.orders = Orders()
    return next(filter(None, growth.begin())).layout()


@pytest.mark.parametrize(("page", "cue"), CSV_ON, ids=lambda value: value)
def test_no_cue_shows_own_data_without_their_names(open_page, upload, page, cue):
    """A scene that forgets ``@in_units`` would call the columns x₁ and x₂, and number them in standard deviations."""
    upload(
        case("small1e-6_lab").replace(b"a,b,c", b"rate,price,kind") if page == "boundaries" else case("rates_prices")
    )
    app = open_page(page, **{f"{page}.cue": cue})
    key = f"{page}.source"
    if key not in {box.key for box in app.selectbox} or FILE not in app.selectbox(key=key).options:
        return  # a cue about data that are made for it
    app.selectbox(key=key).set_value("csv").run()
    assert healthy(app)
    assert not app.warning
    run = shown_run(app, page)
    layout = layout_of(run)
    axes = [(p[f"{axis}_label"], p[f"{axis}_unit"]) for p in layout["panels"] for axis in "xy"]
    assert any(label == "rate" and unit != (0.0, 1.0) for label, unit in axes)
    assert any(label == "price" and unit != (0.0, 1.0) for label, unit in axes)
    assert not re.search("x[₁₂](?![₀-₉])", str(layout))


@pytest.mark.parametrize("page", ["gaussian", "diffusion", "vae", "flows"])
def test_what_is_said_of_the_models_sight_is_what_they_see(open_page, upload, page):
    """Models that begin with noise standardise otherwise; the sentence is computed from the units in use."""
    upload(case("faithful"))
    app = open_page(page, **{f"{page}.cue": PAGES[page], f"{page}.source": FILE})
    units = shown_config(app, page).units
    said = next(c.value for c in app.caption if "Models see" in c.value)
    for name, centre, scale in zip(units.names, units.centre, units.scale, strict=True):
        assert f"({name} − {number(centre)}) / {number(scale, 3)}" in said
