"""Lectures: their files, what faulty ones get, and what a step shows."""

import pytest

from dashboard import lectures
from dashboard.lectures import MOST_STEPS, LectureError, Step, load, read, shipped, written
from tests.pages import recorded_links


def test_five_lectures_are_shipped_and_skip_only_pages_that_are_not_there_yet():
    assert len(shipped()) == 5
    for name in shipped():
        lecture = load(name)
        assert len(lecture.steps) >= 8, name
        assert all("yet" in sentence for sentence in lecture.skipped), lecture.skipped
        print(name, len(lecture.steps), "steps; skipped:", *lecture.skipped, sep="\n  ")


def test_a_lecture_is_read_as_it_was_written():
    steps = (
        Step("gaussian", "fit", 'Say "this" \\ and that.', "Which?", {"points": "500", "source": "Round"}),
        Step("map", say="The map."),
        Step("gan", "first", ask="Which?", answers=('"Yes"', "No"), right="No", because="So."),
        Step("mixture", "em", "zwei\nZeilen, ä, 🔔, \x07"),
    )
    again = read(written('A "title"', steps), "own")
    assert again.title == 'A "title"'
    assert again.steps == steps


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = 'x'\n[[step]\n", "line 2"),
        ("title = 'x'\n", r"at least one \[\[step\]\]"),
        ("step = 3\n", r"at least one \[\[step\]\]"),
        ("[[step]]\npage = 3\n", "Line 1: page must be a text"),
        ("[[step]]\npage = 'gaussian'\n\n[[step]]\ncue = 'fit'\n", "Line 4: the step says no page"),
        ("[[step]]\npage = 'gaussian'\nwhere = 'x'\n", "Line 1: a step has no 'where'"),
        ("[[step]]\npage = 'gaussian'\nlink = { points = [1] }\n", "Line 1: link must be a table"),
        ("[[step]]\npage = 'map'\nask = 'x'\nanswers = 'Yes'\n", "Line 1: answers must be a list"),
        ("[[step]]\npage = 'map'\nask = 'x'\nanswers = ['Yes', 3]\n", "Line 1: answers must be a list"),
        ("[[step]]\npage = 'map'\nask = 'x'\nanswers = ['Yes']\n", "Line 1: .*two to 5"),
        ("[[step]]\npage = 'map'\nask = 'x'\nanswers = ['Y', 'N']\nright = 'no'\n", "Line 1: .*'no'"),
        ("[[step]]\npage = 'map'\nanswers = ['Yes', 'No']\n", "Line 1: the step has answers but asks nothing"),
        ("[[step]]\npage = 'nowhere'\n", "Line 1: there is no page 'nowhere' yet"),
        (f"[[step]]\npage = 'map'\nsay = '{'x' * 400}'\n", "at most 300 characters"),
        ("[[step]]\npage = 'map'\n" * (MOST_STEPS + 1), "at most 200 steps"),
        ("#" * 300_000, "at most 200,000 characters"),
    ],
)
def test_a_faulty_file_gets_a_sentence_with_its_line(text, says):
    with pytest.raises(LectureError, match=says):
        read(text, "own")


def test_a_step_that_cannot_be_shown_is_skipped_and_said():
    lecture = read(
        "[[step]]\npage = 'hmm'\n[[step]]\npage = 'gaussian'\n[[step]]\npage = 'gaussian'\ncue = 'x'\n"
        "[[step]]\npage = 'map'\ncue = 'gauss'\n[[step]]\npage = 'map'\ncue = 'islands'\n",
        "own",
    )
    assert [(step.page, step.cue) for step in lecture.steps] == [("gaussian", ""), ("map", "gauss")]
    assert lecture.skipped == (
        "Line 1: there is no page 'hmm' yet.",
        "Line 5: the page 'gaussian' has no cue 'x' yet.",
        "Line 11: the page 'map' has no cue 'islands' yet.",
    )


def test_a_shipped_file_that_is_broken_costs_the_map_nothing_but_itself(tmp_path, monkeypatch):
    (tmp_path / "good.toml").write_text("[[step]]\npage = 'gaussian'\n", "utf-8")
    (tmp_path / "bad.toml").write_text("[[step]\n", "utf-8")
    (tmp_path / "noise.toml").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setattr(lectures, "FOLDER", tmp_path)
    lectures.load.cache_clear()
    app = recorded_links.show({"page": "map"})
    lectures.load.cache_clear()
    assert not app.exception
    assert [b.key for b in app.button if b.key.startswith("lecture-start")] == ["lecture-start-good"]
    said = [w.value for w in app.warning]
    assert any("bad" in s and "line 1" in s for s in said)
    assert any("noise" in s and "restore it" in s for s in said)


@pytest.mark.parametrize("name", ["nope", "../secrets", "", "own", "a" * 500])
def test_a_lecture_that_is_not_there_gets_a_sentence(name):
    app = recorded_links.show({"page": "map", "lecture": name, "at": "3"})
    assert not app.exception
    assert any("lecture" in warning.value.lower() for warning in app.warning)


def test_a_step_that_is_no_number_is_the_first():
    for at in ("-3", "x", "", "1e9", "9" * 400):
        app = recorded_links.show({"page": "gaussian", "lecture": "mixtures-to-vaes", "at": at})
        assert not app.exception
        assert not app.error


def step(page: str, at: int):
    return recorded_links.show({"page": page, "lecture": "mixtures-to-vaes", "at": str(at)})


def test_a_step_opens_its_cue_with_what_differs():
    app = step("gaussian", 3)
    assert app.session_state["gaussian.cue"] == "fit"
    assert app.selectbox(key="gaussian.source").value == "lumps"
    app.button(key="lecture-before-3").click().run()
    assert app.session_state["gaussian.cue"] == "likelihood"
    app.button(key="lecture-next-2").click().run()
    assert app.selectbox(key="gaussian.source").value == "lumps"
    app.selectbox(key="gaussian.source").set_value("round").run()
    assert app.selectbox(key="gaussian.source").value == "round", "what is changed by hand stays"


@pytest.mark.parametrize("name", shipped())
def test_a_step_on_the_map_opens_its_cue(name):
    """As any other page's."""
    for at, one in enumerate(load(name).steps, start=1):
        if one.page == "map":
            app = recorded_links.show({"page": "map", "lecture": name, "at": str(at)})
            assert not app.exception
            assert app.session_state["map.cue"] == one.cue


def test_what_a_step_asks_for_that_cannot_be_is_said():
    own = read("[[step]]\npage = 'gaussian'\nlink = { points = 'many', source = 'Cats', shape = '3' }\n", "own")
    app = recorded_links.show({"page": "gaussian"})
    app.session_state["_own_lecture"] = own
    app.query_params.update({"lecture": "own", "at": "1"})
    app.run()
    assert not app.exception
    said = " ".join(info.value for info in app.info)
    assert "points" in said
    assert "Cats" in said
    assert "shape" in said


def test_a_lecture_of_ones_own_is_made_by_walking():
    app = recorded_links.show({"page": "gaussian", "gaussian.points": "50"})
    app.text_input(key="lecture-say").set_value("Fifty points.").run()
    app.button(key="lecture-add").click().run()
    made = app.session_state["_made"]
    assert made == [Step("gaussian", "fit", "Fifty points.", link={"points": "50"})]
    assert read(written("Mine", tuple(made)), "own").steps == tuple(made)
