"""Links: whatever they say, the page opens; what they cannot say is named, what they can say is not."""

from __future__ import annotations

import ast
import dataclasses
import math
import random
import re
from pathlib import Path

import pytest

from dashboard.lesson import controls as lesson_controls
from dashboard.lesson.csv_files import read_csv
from dashboard.scene.fields import Choice, Placed, Slider, Switch, control_of
from dashboard.scene.words import plain
from tests.pages.controls import healthy
from tests.pages.found import CONCEPTS, EVERY_CUE, configs, titles

ROOT = Path(__file__).resolve().parents[2]
NO_NUMBERS = ("inf", "-inf", "nan", "1e999", "-1e999", "", "many", "½", "9" * 5000, "0x10", "true")
PICTURE = "![x](https://example.org/x.png) :material/home: $x$ `a` <b>"


def fields(page: str) -> dict[str, object]:
    """The controls of all configs of a page, by field."""
    return {f.name: c for config in configs(page) for f in dataclasses.fields(config) if (c := control_of(f))}


def state_of(app) -> dict[str, object]:
    return dict(app.session_state._state.filtered_state)


def notes(app) -> list[str]:
    """What is said of the link."""
    return [note.value for note in app.info if note.value.startswith("The link asks")]


@pytest.mark.parametrize("seed", [*NO_NUMBERS, "-1", "3.5", str(2**31)])
def test_a_seed_that_cannot_be(open_page, seed):
    app = open_page("map", seed=seed)
    assert healthy(app)
    assert app.number_input(key="seed").value == 0
    assert "seed" not in app.query_params
    assert [plain(f"seed={seed[:40]}") in note for note in notes(app)] == [True]
    assert healthy(app.switch_page("../pages/gaussian.py").run())


A_SIXTH = [pytest.param(*one, marks=[pytest.mark.slow] * (k % 6 > 0)) for k, one in enumerate(EVERY_CUE)]
"""A sixth of the cues by default, the others with the slow tests."""


def expect_refused(open_page, page: str, cue: str, *values: str) -> None:
    """In every slider and every place of a handle at once."""
    named = {name for name, c in fields(page).items() if isinstance(c, Slider | Placed)}
    plain_page = open_page(page, **{f"{page}.cue": cue})
    for bad in values:
        app = open_page(page, **{f"{page}.cue": cue}, **{f"{page}.{name}": bad for name in named})
        assert healthy(app), bad
        assert [w.value for w in app.slider] == [w.value for w in plain_page.slider]
        for widget in app.slider:
            assert plain(f"{widget.key}={bad}") in notes(app)[0]


@pytest.mark.parametrize(("page", "cue"), A_SIXTH)
def test_infinity(open_page, page, cue):
    expect_refused(open_page, page, cue, "inf")


@pytest.mark.slow
@pytest.mark.parametrize(("page", "cue"), EVERY_CUE)
def test_numbers_that_cannot_be(open_page, page, cue):
    expect_refused(open_page, page, cue, "-1e999", "nan", "1e9", "x")


@pytest.mark.parametrize(("page", "cue"), A_SIXTH)
def test_what_a_link_may_say_gets_no_note(open_page, page, cue):
    """Every select box at every option by the words that one reads, its default among them; sliders at both ends."""
    first = open_page(page, **{f"{page}.cue": cue})
    options = {w.key: w.options for w in first.selectbox if w.key.startswith(f"{page}.")}
    for k in range(max(map(len, options.values()), default=1)):
        link = {key: texts[k % len(texts)] for key, texts in options.items()}
        link |= {w.key: (w.min, w.max)[k % 2] for w in first.slider if w.key.startswith(f"{page}.")}
        app = open_page(page, **{f"{page}.cue": cue}, **link)
        assert not app.exception
        assert not notes(app), link
        for key, text in link.items():
            if key in {w.key for w in app.selectbox}:
                assert titles(page)[key][app.selectbox(key=key).value] == text


@pytest.mark.parametrize(("page", "cue"), A_SIXTH)
def test_a_place_out_of_reach_is_named_and_leaves_the_link(open_page, page, cue):
    places = {f"{page}.{name}": c for name, c in fields(page).items() if isinstance(c, Placed)}
    link = {key: str(control.high + 1) for key, control in places.items()}
    app = open_page(page, **{f"{page}.cue": cue}, **link)
    assert healthy(app)
    for key, control in places.items():
        if key in app.session_state:
            assert plain(f"{key}={link[key][:40]}") in notes(app)[0]
            assert key not in app.query_params
            assert control.low <= app.session_state[key] <= control.high


@pytest.mark.parametrize("concept", CONCEPTS, ids=lambda concept: concept.page)
def test_titles_are_told_apart(concept):
    """A link carries the words: two options must not have the same."""
    for config in configs(concept.page):
        for field in dataclasses.fields(config):
            if isinstance(control := control_of(field), Choice):
                assert len(set(control.options.values())) == len(control.options), field.name


def test_a_value_that_is_no_option_cannot_be_put(monkeypatch):
    from dashboard.scenes.boundaries.setup import Config

    state = {"boundaries.penalty": 1.0, "boundaries.degree": 1}
    monkeypatch.setattr(lesson_controls.st, "session_state", state)
    lesson_controls.put("boundaries", Config(penalty=100.0, degree=2))
    assert state == {"boundaries.penalty": 100.0, "boundaries.degree": 2}
    with pytest.raises(TypeError, match="could not stand in a link"):
        lesson_controls.put("boundaries", Config(penalty=99.0))


def test_words_of_a_link_are_not_markdown(open_page):
    app = open_page("gaussian", **{"gaussian.source": PICTURE, "gaussian.cue": PICTURE})
    assert healthy(app)
    for note in notes(app):
        assert not re.search(r"(?<!\\)[\[\]!]|(?<!\\):material", note)


@pytest.mark.parametrize("text", [PICTURE, "a\nb", "[l](javascript:x)", ":red[x]", "www.example.org", "~~x~~", "# x"])
def test_plain_text_stays_as_it_is(text):
    escaped = plain(text)
    assert re.sub(r"\\(.)", r"\1", escaped).replace("\u200b", "") == " ".join(text.split())
    rest = re.sub(r"\\.", "", escaped)
    assert not re.search(r"[`*\[\]<>!$~|]|\b_|:[a-z]|^[#-]|www\.|https?:", rest), "what Markdown may read is escaped"


def test_messages_pass_through_plain():
    """What a warning, a note or an error says is a text of ours, or passes through ``plain``."""
    ours = {"blocks.py"}  # the pages' own words
    wrong = []
    for path in [*(ROOT / "dashboard").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))) if path.name not in ours else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name, said = node.func.attr, node.args[0] if node.args else None
                if name in ("warning", "info", "error", "success") and said is not None and not _is_ours(said):
                    wrong.append(f"{path.name}:{node.lineno}")
    assert not wrong


def _is_ours(said: ast.expr) -> bool:
    if isinstance(said, ast.JoinedStr):
        return all(not isinstance(v, ast.FormattedValue) or _is_escaped(v.value) for v in said.values)
    return isinstance(said, ast.Constant) or _is_escaped(said)


def _is_escaped(value: ast.expr) -> bool:
    if isinstance(value, ast.Name):
        return value.id == "asked"  # controls.show_ignored joins what has passed through plain
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "plain"


@pytest.mark.parametrize("page", ["gaussian", "mixture", "boundaries", "gan", "diffusion", "flows"])
def test_where_there_is_no_file_the_points_are_called_an_example(open_page, page):
    """After a restart, say: other data never stand there without a word."""
    cue = {
        "gan": "ring",
        "diffusion": "live",
        "flows": "live",
        "boundaries": "learn",
        "mixture": "em",
        "gaussian": "fit",
    }[page]
    app = open_page(page, **{f"{page}.cue": cue, f"{page}.source": "A CSV file"})
    assert healthy(app)
    assert ["These are example points" in note.value for note in app.info] == [True]
    labels = "x,y,c\n0,1,a\n1,3,a\n4,3,a\n2,2,a\n3,5,b\n4,4,b\n5,7,b\n6,1,b\n"
    app.session_state[f"{page}.file.data"] = read_csv(labels)
    app.run()
    assert healthy(app)
    assert not app.info


# --- fuzzed ---------------------------------------------------------------------------------------------------------


def fuzzed(seed: int) -> tuple[str, dict[str, str]]:
    """A page and what a link to it says: some of it true, some nonsense."""
    rng = random.Random(seed)
    page = rng.choice(CONCEPTS).page
    known = fields(page)
    nasty = (*NO_NUMBERS, "0", "-0.0", "1e-320", "\x00", PICTURE, "1" * 300, "None", "[]", "1eNoBeACH_ye", "\ud7ff")
    link = {}
    for name in rng.sample(sorted(known), min(len(known), rng.randint(1, 8))):
        control = known[name]
        fitting = ["0.5"]
        if isinstance(control, Choice):
            fitting = list(control.options.values())
        elif isinstance(control, Slider | Placed):
            fitting = [str(control.low), str(control.high), str((control.low + control.high) / 2)]
        elif isinstance(control, Switch):
            fitting = ["true", "false", "True"]
        link[f"{page}.{name}"] = rng.choice(fitting if rng.random() < 0.6 else nasty)
    if rng.random() < 0.8:
        names = [cue for at, cue in EVERY_CUE if at == page]
        link[f"{page}.cue"] = rng.choice(names) if rng.random() < 0.9 else rng.choice(nasty)
    if rng.random() < 0.3:
        link["seed"] = rng.choice(("7", "2147483647", *nasty))
    if rng.random() < 0.2:
        link["projector"] = rng.choice(("true", *nasty))
    return page, link


def expect_to_open(open_page, seed: int) -> None:
    page, link = fuzzed(seed)
    app = open_page(page, **link)
    assert healthy(app), (seed, page, link, app.exception, app.error)
    words = " ".join(str(m.value) for m in (*app.markdown, *app.latex, *app.warning)).lower()
    assert "infinity" not in words or "finite" in words, (seed, page, link)
    for key, value in state_of(app).items():
        if isinstance(value, float) and value not in titles(page).get(key, {}):  # a penalty of "none" is C = ∞
            assert math.isfinite(value), (seed, page, link, key)


@pytest.mark.parametrize("block", [pytest.param(k, marks=[pytest.mark.slow] * (k % 2)) for k in range(20)])
def test_fuzzed_links_open(open_page, block):
    for seed in range(10 * block, 10 * block + 10):
        expect_to_open(open_page, seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(6))
def test_many_fuzzed_links_open(open_page, block):
    for seed in range(200 + 100 * block, 300 + 100 * block):
        expect_to_open(open_page, seed)
