"""Questions before the picture: those of the pages reach the Player, and a lecture's step has its own."""

import re

import pytest

from dashboard.lectures import read
from dashboard.questions import Question
from tests.pages import recorded_links
from tests.pages.controls import healthy, words
from tests.pages.found import CONCEPTS

ASKING = [
    (concept.page, name)
    for concept in CONCEPTS
    for name in re.findall(
        r"def show_(\w+)\(\)[^\n]*\n    \"\"\"[^\n]*\n    page\.predict\(", concept.path.read_text("utf-8")
    )
]


def test_the_pages_questions_stand_before_their_stages():
    everywhere = sum(concept.path.read_text("utf-8").count("page.predict(") for concept in CONCEPTS)
    assert everywhere == len(ASKING) >= 11


@pytest.mark.parametrize(("page", "cue"), ASKING)
def test_a_cue_s_question_reaches_the_player(page, cue):
    app = recorded_links.show({"page": page, f"{page}.cue": cue})
    assert healthy(app)
    asked = words(app)["ask"]
    assert Question(**asked | {"answers": tuple(asked["answers"])}).right in asked["answers"]
    assert asked["question"].endswith("?")
    assert asked["because"].endswith(".")


@pytest.mark.parametrize(
    ("page", "cue", "right"),
    [
        ("gaussian", "sample", "det Σ → 0, p(μ) → ∞"),
        ("mixture", "em", "Only the M-step"),
        ("gan", "first", "½ everywhere"),
        ("diffusion", "guess", "A point between them, where there are no data"),
    ],
)
def test_what_is_right(page, cue, right):
    assert words(recorded_links.show({"page": page, f"{page}.cue": cue}))["ask"]["right"] == right


def test_a_cue_without_a_question_asks_nothing():
    said = words(recorded_links.show({"page": "gaussian", "gaussian.cue": "fit"}))
    assert said["ask"] is None
    assert said["pin"] == ""


STEP = """
[[step]]
page = "gaussian"
cue = "sample"
say = "Draw."
ask = "How many numbers does it take?"
answers = ["Two", "Five"]
right = "Five"
because = "Two for μ, three for Σ."
link = { pin = "1,100" }
[[step]]
page = "gaussian"
cue = "sample"
"""


def test_a_step_asks_in_the_cue_s_place():
    app = recorded_links.show({"page": "gaussian"})
    app.session_state["_own_lecture"] = read(STEP, "own")
    app.query_params.update({"lecture": "own", "at": "1"})
    app.run()
    assert healthy(app)
    assert not app.info, "that frames are pinned is no fault of the link"
    said = words(app)
    assert said["say"] == "Draw."
    assert said["pin"] == "1,100"
    assert said["ask"] == {
        "question": "How many numbers does it take?",
        "answers": ["Two", "Five"],
        "right": "Five",
        "because": "Two for μ, three for Σ.",
    }
    app.button(key="lecture-next-1").click().run()
    said = words(app)
    assert said["ask"]["right"] == "det Σ → 0, p(μ) → ∞", "a step that asks nothing leaves it to the cue"
    assert said["pin"] == ""


@pytest.mark.parametrize(
    ("pin", "kept"),
    [("1", "1"), ("1,100", "1,100"), ("1,2,3", ""), ("x", ""), ("-1", ""), ("1,", ""), ("9" * 30, "")],
)
def test_what_a_link_pins(pin, kept):
    app = recorded_links.show({"page": "gaussian", "gaussian.pin": pin})
    assert healthy(app)
    assert words(app)["pin"] == kept
    assert bool(app.info) == (not kept)


@pytest.mark.parametrize(
    ("answers", "right", "says"),
    [
        (("a",), "", "two to 5"),
        (tuple("abcdef"), "", "two to 5"),
        (("a", "a"), "a", "differ"),
        (("a", "b"), "c", "'c'"),
    ],
)
def test_a_question_that_cannot_be_says_why(answers, right, says):
    with pytest.raises(ValueError, match=says):
        Question("Which?", answers, right)
