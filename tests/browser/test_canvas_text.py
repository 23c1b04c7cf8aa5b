"""Letters, named bars and weighted lines on the canvas: what is written where, asked of ``fillText``."""

from __future__ import annotations

import numpy as np
import pytest
from test_canvas import blank, draw, one  # noqa: F401  (the fixtures)

from dashboard.scene import Bars, Polylines, Text

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ALPHABET = "\n abcdefghijklmnopqrstuvwxyz"
WRITTEN = """() => {
  const proto = CanvasRenderingContext2D.prototype, write = proto.fillText, found = [];
  proto.fillText = function (text, x, y) { found.push([String(text), x, y, this.font]); return write.apply(this, arguments); };
  try { player.backdrop = null; player.drawNow(); } finally { proto.fillText = write; }
  return found.map(([text, x, y, font]) => ({ text, x, y, mono: font.includes("monospace"), size: parseFloat(font) }));
}"""  # noqa: E501


def codes(text: str) -> np.ndarray:
    return np.array([ALPHABET.index(c) for c in text])


def lines(page) -> list[str]:
    """What stands in letters of one width, line by line."""
    found: dict[float, str] = {}
    for letter in page.evaluate(WRITTEN):
        if letter["mono"]:
            found[round(letter["y"], 1)] = found.get(round(letter["y"], 1), "") + letter["text"]
    return [found[y] for y in sorted(found)]


def test_a_text_stands_in_its_order_and_breaks_where_it_says(blank, draw):  # noqa: F811
    draw(one(Text(name="text", codes=codes("to be or\nnot to be"), alphabet=ALPHABET)))
    assert lines(blank) == ["to be or", "not to be"]


def test_a_text_that_grows_shows_the_letters_of_its_frame(blank, draw):  # noqa: F811
    text = np.full((5, 4), -1)
    for k in range(5):
        text[k, :k] = codes("abcd")[:k]
    scene = one(Text(name="text", codes=text, alphabet=ALPHABET))
    draw(scene, 2)
    assert lines(blank) == ["ab"]


def test_words_are_not_torn_and_of_what_is_too_long_the_end_stands(blank, draw):  # noqa: F811
    words = " ".join(["consider", "this"] * 400)
    draw(one(Text(name="text", codes=codes(words), alphabet=ALPHABET)))
    shown = lines(blank)
    assert shown[0].startswith("…")
    assert shown[-1].strip().endswith("this")
    assert {word for line in shown[1:] for word in line.split()} == {"consider", "this"}
    assert min(letter["size"] for letter in blank.evaluate(WRITTEN)) >= 13


def test_a_letter_s_ground_has_the_colour_of_its_value_and_the_pointer_reads_it(blank, draw):  # noqa: F811
    values = np.array([0.0, np.nan, 1.0])
    drawn = draw(one(Text(name="surprise", codes=codes("abc"), alphabet=ALPHABET, values=values, unit="nats")))
    letters = [letter for letter in blank.evaluate(WRITTEN) if letter["mono"]]
    corner = [(w["x"] - 0.26 * w["size"], w["y"] - 0.6 * w["size"]) for w in letters]
    d = drawn.density
    ground = [drawn.pixels[int(d * y), int(d * x), :3].astype(int) for x, y in corner]
    assert np.abs(ground[1] - 255).sum() < 12
    assert ground[2].sum() < ground[0].sum() - 150
    box = blank.locator("canvas").first.bounding_box()
    blank.mouse.move(box["x"] + letters[2]["x"], box["y"] + letters[2]["y"])
    blank.wait_for_timeout(80)
    assert "“c” 1 nats" in blank.locator("#root").inner_text()


def test_sorted_bars_keep_their_names(blank, draw):  # noqa: F811
    marks = np.array([[0, 1, 2]] * 4 + [[2, -1, 1]])
    bars = Bars(name="p", height=np.array([1.0, 0.5, 0.2]), marks=marks, labels=("x", "y", "z"))
    draw(one(bars, x=(-1.0, 3.0)), 4)
    names = [w for w in blank.evaluate(WRITTEN) if w["text"] in "xyz"]
    assert [w["text"] for w in sorted(names, key=lambda w: w["x"])] == ["z", "y"]


def test_a_heavier_line_is_thicker(draw):  # noqa: F811
    rows = np.array([[[-3.0, y], [3.0, y]] for y in (-1.0, 0.0, 1.0)])
    drawn = draw(one(Polylines(name="", xy=rows, weight=np.array([0.2, 1.0, 0.0]), colour="model", width=3)))
    left, top, width, height = (drawn.density * v for v in drawn.area)
    column = drawn.pixels[int(top) : int(top + height), int(left + 0.6 * width), :3].astype(int)
    red = np.clip(column[:, 0] - column[:, 2], 0, None)  # the grid is grey
    ink = [red[int((1 - (y + 2) / 4) * height) + np.arange(-14, 15)].sum() for y in (-1.0, 0.0, 1.0)]
    assert ink[1] > 4 * ink[0] > 0
    assert ink[2] == 0


def test_an_axis_of_names_has_each_at_its_number(blank, draw):  # noqa: F811
    drawn = draw(one(Bars(name="p", height=np.ones(4)), x=(-0.5, 3.5), x_names=("a", "b", "c", "d")))
    names = {w["text"]: w["x"] for w in blank.evaluate(WRITTEN) if w["text"] in "abcd"}
    for k, name in enumerate("abcd"):
        assert names[name] == pytest.approx(drawn.at(k, 0)[0] / drawn.density, abs=1.5)
