"""What the canvas draws stands where it belongs: found by its pixels, at two densities, in logarithmic axes too.

The Player is mounted on a blank page, without Streamlit. Where a place should be follows from the panel's ranges and
the corners of its axes; what is there, from the picture.
"""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from dashboard.player import mount
from dashboard.runs import Run
from dashboard.scene import (
    Arrows,
    Bars,
    Curve,
    Diagram,
    Edge,
    Ellipses,
    Field,
    Handle,
    Images,
    Labels,
    Node,
    Panel,
    Points,
    Polylines,
    Readout,
    Scene,
)
from dashboard.scene.colours import PALETTE
from dashboard.scenes.pictures import coloured

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FILES = Path(mount.__file__).parent
BLANK = """<!doctype html><style>body { margin: 0; --st-background-color: #ffffff; } CSS
#root { width: 720px; --player-height: 560px; }</style><div id="root"></div>"""
MOUNT = """async ([blob, palette]) => {
  const { createPlayer } = await import("/player.js");
  const buffer = Uint8Array.from(atob(blob), (c) => c.charCodeAt(0)).buffer;
  const source = { open: (to) => (to.onOpen(), to.onBlob(buffer)), more() {}, send() {}, close() {} };
  window.player = createPlayer(document.querySelector("#root"), source, { palette, scale: 1 });
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  player.setPlaying(false);
}"""
SHOW = """async (frame) => {
  player.seek(frame);
  player.drawNow();
  const view = player.views[0];
  return { area: [view.area.x, view.area.y, view.area.w, view.area.h], density: player.look.density,
           picture: player.canvas.toDataURL() };
}"""


@dataclass
class Drawn:
    """A picture, and how data become places in it."""

    pixels: np.ndarray
    area: tuple[float, float, float, float]
    density: float
    panel: Panel

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the panel is, in the picture's pixels."""
        left, top, width, height = (self.density * v for v in self.area)
        u, v = (share(value, ends, scale) for value, ends, scale in self.axes(x, y))
        return left + u * width, top + (1 - v) * height

    def axes(self, x: float, y: float):
        return ((x, self.panel.x, self.panel.x_scale), (y, self.panel.y, self.panel.y_scale))

    def near(self, colour: str, tolerance: float = 40) -> np.ndarray:
        """The places ``(N, 2)`` of the pixels that have nearly a colour, inside the axes."""
        close = np.abs(self.pixels[..., :3].astype(int) - parts(colour)).sum(axis=-1) < tolerance
        left, top, width, height = (self.density * v for v in self.area)
        rows, columns = np.nonzero(close)
        inside = (columns > left) & (columns < left + width) & (rows > top) & (rows < top + height)
        return np.stack([columns[inside] + 0.5, rows[inside] + 0.5], axis=-1)

    def data(self, places: np.ndarray) -> np.ndarray:
        """Places in the picture as data; linear axes only."""
        left, top, width, height = (self.density * v for v in self.area)
        (x0, x1), (y0, y1) = self.panel.x, self.panel.y
        u, v = (places[:, 0] - left) / width, 1 - (places[:, 1] - top) / height
        return np.stack([x0 + u * (x1 - x0), y0 + v * (y1 - y0)], axis=-1)

    def colour_at(self, x: float, y: float) -> np.ndarray:
        column, row = self.at(x, y)
        return self.pixels[int(row), int(column), :3].astype(int)


def share(value: float, ends: tuple[float, float], scale: str) -> float:
    low, high = np.log10(ends) if scale == "log" else ends
    return ((np.log10(value) if scale == "log" else value) - low) / (high - low)


@pytest.fixture(scope="module", params=[1, 2], ids=["density 1", "density 2"])
def blank(request, shared_tabs) -> Page:
    page = shared_tabs.open(device_scale_factor=request.param)
    css = (FILES / "player.css").read_text("utf-8")
    kinds = {".js": "text/javascript", ".css": "text/css"}

    def serve(route: Any) -> None:
        name = route.request.url.rpartition("/")[2]
        if not name:
            return route.fulfill(content_type="text/html", body=BLANK.replace("CSS", css))
        file = FILES / name
        if not file.exists():
            return route.fulfill(status=404)
        return route.fulfill(content_type=kinds[file.suffix], body=file.read_text("utf-8"))

    page.route("http://player.test/**", serve)
    return page


@pytest.fixture
def draw(blank) -> Callable[..., Drawn]:
    """Draws a scene, and returns the picture of one of its frames."""

    def drawn(scene: Scene, frame: int = 0) -> Drawn:
        run = Run("test")
        run.add(scene)
        run.set_status("done")
        blob, _ = run.message(None)
        blank.goto("http://player.test/")
        blank.evaluate(MOUNT, [base64.b64encode(blob).decode(), PALETTE])
        seen = blank.evaluate(SHOW, frame)
        picture = Image.open(io.BytesIO(base64.b64decode(seen["picture"].partition(",")[2])))
        return Drawn(np.asarray(picture), tuple(seen["area"]), seen["density"], scene.panels[0])

    return drawn


RED, TRUTH = PALETTE["light"]["roles"]["model"], PALETTE["light"]["roles"]["truth"]
CLASS = [PALETTE["light"]["roles"][f"class{k}"] for k in range(10)]
FRAMES = 5


def parts(colour: str) -> np.ndarray:
    """``#RRGGBB`` as three numbers."""
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)])


def is_near(found: np.ndarray, colour: str, tolerance: float = 30) -> bool:
    return bool(np.abs(found - parts(colour)).sum() < tolerance)


def one(*layers: Any, x=(-4.0, 4.0), y=(-2.0, 2.0), equal: bool = False, frames: int = FRAMES, **axes: Any) -> Scene:
    panel = Panel("", layers, x, y, equal=equal, **axes)
    return Scene(panels=(panel,), alt="A test.", steps=np.arange(frames), fps=1)


@pytest.mark.parametrize(
    ("place", "x", "y", "axes"),
    [
        ((1.0, -0.5), (-4.0, 4.0), (-2.0, 2.0), {}),
        ((-3.2, 1.4), (-4.0, 4.0), (-2.0, 2.0), {}),
        ((30.0, -0.5), (1.0, 10_000.0), (-2.0, 2.0), {"x_scale": "log"}),
        ((2.5, 0.02), (0.0, 10.0), (1e-3, 1.0), {"y_scale": "log"}),
        ((3e6 + 0.25, 1e-7), (3e6, 3e6 + 1), (0.0, 4e-7), {}),
    ],
)
def test_a_point_is_where_it_belongs(draw, place, x, y, axes):
    drawn = draw(one(Points(name="p", xy=np.array([place]), colour="model", radius=6), x=x, y=y, **axes))
    found = drawn.near(RED)
    assert len(found) > 20
    assert found.mean(axis=0) == pytest.approx(drawn.at(*place), abs=drawn.density)


def test_a_point_moves_with_its_frame_and_only_those_counted_are_there(draw):
    way = np.array([[[-3.0 + k, 0.5], [k - 2.0, -1.0]] for k in range(FRAMES)])
    points = Points(name="p", xy=way, count=np.array([0, 1, 1, 1, 2]), colour="model", radius=5)
    assert not len(draw(one(points), 0).near(RED))
    third = draw(one(points), 2)
    assert third.near(RED).mean(axis=0) == pytest.approx(third.at(-1.0, 0.5), abs=third.density)
    last = draw(one(points), 4)
    assert last.near(RED).mean(axis=0) == pytest.approx(
        np.mean([last.at(1.0, 0.5), last.at(2.0, -1.0)], axis=0), abs=1.5
    )


def test_classes_have_their_colours_and_responsibilities_mix_them(draw):
    roles = PALETTE["light"]["roles"]
    xy = np.array([[-3.0, 0.0], [0.0, 0.0], [3.0, 0.0]])
    drawn = draw(one(Points(name="p", xy=xy, labels=np.array([0, 1, 2]), radius=8)))
    for k, (x, y) in enumerate(xy):
        assert drawn.near(roles[f"class{k}"], 30).mean(axis=0) == pytest.approx(drawn.at(x, y), abs=1.5)
    weights = np.array([[1.0, 0.0], [0.0, 1.0], [0.75, 0.25]])
    mixed = draw(one(Points(name="p", xy=xy, weights=weights, radius=8)))
    first, second, third = (mixed.colour_at(*place) for place in xy)
    assert np.abs(first - third).sum() < np.abs(second - third).sum(), "three quarters of the first"
    assert np.abs(first - third).sum() > 10


@pytest.mark.parametrize("tilt", [1.0, -1.0])
def test_an_ellipse_has_its_axes_and_tilt(draw, tilt):
    covariance = np.array([[[1.0, 0.5 * tilt], [0.5 * tilt, 0.5]]])
    layer = Ellipses(
        name="e", mean=np.array([[0.5, -0.2]]), covariance=covariance, sigmas=(2.0,), colour="model", width=2
    )
    drawn = draw(one(layer, equal=True))
    at = drawn.data(drawn.near(RED, 120)) - (0.5, -0.2)
    distance = np.sqrt(np.einsum("ni,ij,nj->n", at, np.linalg.inv(covariance[0]), at))
    line = distance[distance > 1]  # but for the dot in the middle
    assert len(line) > 300
    assert line == pytest.approx(np.full(len(line), 2.0), abs=0.12)
    assert len({(bool(u > 0), bool(v > 0)) for u, v in at[distance > 1]}) == 4, "it goes all the way round"


@pytest.mark.parametrize("delta", [(2.0, 1.0), (-1.5, 0.8), (0.0, -1.2)])
def test_an_arrow_points_where_it_says(draw, delta):
    drawn = draw(one(Arrows(name="a", start=np.zeros((1, 2)), delta=np.array([delta]), colour="model", width=2)))
    found = drawn.near(RED, 120)
    start, end = np.array(drawn.at(0, 0)), np.array(drawn.at(*delta))
    along = (found - start) @ (end - start) / np.linalg.norm(end - start)
    length = np.linalg.norm(end - start)
    assert along.min() == pytest.approx(0, abs=3 * drawn.density)
    assert along.max() == pytest.approx(length, abs=3 * drawn.density)
    across = np.abs((found - start) @ np.array([-(end - start)[1], (end - start)[0]]) / length)
    assert across[along < length / 2].max() < 3 * drawn.density, "it is straight"
    assert across[along > 0.8 * length].max() > 3 * drawn.density, "its head is at the end"


def test_a_field_s_hot_cell_is_where_it_belongs(draw):
    values = np.zeros((5, 8))
    values[1, 6] = 1.0  # the lowest row but one, the last column but one
    layer = Field(name="f", values=values, extent=(-4.0, 4.0, -2.0, 2.0), limits=(-1.0, 1.0), colour_map="diverging")
    drawn = draw(one(layer))
    cold = drawn.colour_at(-3.5, 1.5)
    hot = np.abs(drawn.pixels[..., :3].astype(int) - cold).sum(axis=-1)
    left, top, width, height = (int(drawn.density * v) for v in drawn.area)
    inside = hot[top + 3 : top + height - 3, left + 3 : left + width - 3]
    rows, columns = np.nonzero(inside > 0.9 * inside.max())
    found = np.array([columns.mean() + left + 3, rows.mean() + top + 3])
    assert found == pytest.approx(drawn.at(2.5, -0.8), abs=4 * drawn.density)


def test_a_dark_pixel_of_a_picture_is_where_it_belongs(draw):
    pixels = np.zeros((2, 4, 4), dtype=np.uint8)
    pixels[1, 0, 3] = 255  # of the second picture: the upper right corner
    drawn = draw(one(Images(name="i", pixels=pixels, columns=2, extent=(-4.0, 4.0, -2.0, 2.0))))
    dark = np.argwhere(drawn.pixels[..., :3].astype(int).sum(axis=-1) < 160)
    left, top, width, height = (drawn.density * v for v in drawn.area)
    inside = [(c, r) for r, c in dark if left + 2 < c < left + width - 2 and top + 2 < r < top + height - 2]
    assert np.mean(inside, axis=0) == pytest.approx(drawn.at(3.5, 1.5), abs=0.03 * width)


def test_a_picture_with_colours_of_its_own_has_them(draw):
    corners = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [np.nan, 0, 0]]], dtype=float)
    drawn = draw(one(Images(name="i", pixels=coloured(corners), columns=1, extent=(-4.0, 4.0, -2.0, 2.0))))
    for (x, y), rgb in {
        (-2, 1): (255, 0, 0),
        (2, 1): (0, 255, 0),
        (-2, -1): (0, 0, 255),
        (2, -1): (255, 255, 255),
    }.items():
        assert np.abs(drawn.colour_at(x, y) - rgb).max() < 8, (x, y)


def test_bars_stand_on_their_base_and_hang_below_it(draw):
    layer = Bars(name="b", height=np.array([1.5, -1.0, 0.5]), x=np.array([-2.0, 0.0, 2.0]), width=1.0, colour="model")
    drawn = draw(one(layer))
    for x, height in ((-2.0, 1.5), (0.0, -1.0), (2.0, 0.5)):
        found = drawn.data(drawn.near(RED))
        mine = found[np.abs(found[:, 0] - x) < 0.4]
        assert mine[:, 1].min() == pytest.approx(min(0, height), abs=0.05)
        assert mine[:, 1].max() == pytest.approx(max(0, height), abs=0.05)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_curve_s_cursor_is_at_its_frame(draw, scale):
    y = np.array([0.01, 0.1, 1.0, 0.3, 0.05])
    layer = Curve(name="", y=y, colour="model")
    scene = one(layer, x=(0.0, 4.0), y=(1e-3, 2.0), y_scale=scale)
    for frame in (1, 3):
        drawn = draw(scene, frame)
        found = drawn.near(RED, 30)
        column, row = drawn.at(float(frame), float(y[frame]))
        dot = found[np.abs(found - (column, row)).max(axis=1) < 4 * drawn.density]
        assert len(dot) > 30 * drawn.density**2, "a dot is there"


def test_a_filled_line_is_filled_and_a_gap_is_one(draw):
    square = np.array([[[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]])
    drawn = draw(one(Polylines(name="q", xy=square, closed=True, filled=True, colour="model")))
    paper = drawn.colour_at(3.0, 1.5)
    assert np.abs(drawn.colour_at(0.3, 0.3) - paper).sum() > 20
    line = np.array([[[-3.0, 0.7], [-1.0, 0.7], [np.nan, np.nan], [1.0, 0.7], [3.0, 0.7]]])
    gap = draw(one(Polylines(name="q", xy=line, colour="model", width=4)))
    found = gap.data(gap.near(RED))
    assert found[:, 1] == pytest.approx(np.full(len(found), 0.7), abs=0.08)
    assert not (np.abs(found[:, 0]) < 0.9).any(), "what is missing is not drawn"


# --- which colour, which shape, which of several -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["diverging", "cyclic"])
def test_a_field_s_colours_run_from_its_lower_limit_to_its_upper(draw, name):
    stops = PALETTE["light"]["maps"][name]
    values = np.repeat([[0.0, 0.0, 10.0, 10.0]], 4, axis=0)
    layer = Field(name="", values=values, extent=(-4.0, 4.0, -2.0, 2.0), limits=(0.0, 10.0), colour_map=name)
    drawn = draw(one(layer))
    assert is_near(drawn.colour_at(-3.3, 0.3), stops[0])
    assert is_near(drawn.colour_at(3.3, 0.3), stops[-1])


def test_a_field_of_classes_has_each_class_in_its_cell(draw):
    values = np.array([[0.0, 1.0], [2.0, 3.0]])  # the lower row first
    layer = Field(name="", values=values, extent=(-4.0, 4.0, -2.0, 2.0), limits=(0.0, 1.0), classes=True)
    drawn = draw(one(layer))
    for k, (x, y) in enumerate([(-3.5, -1.7), (3.5, -1.7), (-3.5, 1.7), (3.5, 1.7)]):
        assert is_near(drawn.colour_at(x, y), CLASS[k])


def test_values_take_their_colours_from_the_map(draw):
    stops = PALETTE["light"]["maps"]["diverging"]
    xy, values = np.array([[-3.0, 0.0], [3.0, 0.0]]), np.array([0.0, 1.0])
    drawn = draw(one(Points(name="", xy=xy, values=values, radius=9, colour_map="diverging")))
    assert is_near(drawn.colour_at(-3.0, 0.0), stops[0])
    assert is_near(drawn.colour_at(3.0, 0.0), stops[-1])


def test_a_trail_joins_as_many_past_places_as_it_is_to_have(draw):
    way = np.array([[[-3.0 + 1.5 * k, 0.0]] for k in range(FRAMES)])
    drawn = draw(one(Points(name="", xy=way, trail=3, colour="model", radius=4)), 4)
    found = drawn.data(drawn.near(RED, 200))
    assert found[:, 0].min() == pytest.approx(-1.5, abs=0.15), "the place three frames ago, and none before it"
    assert (np.abs(found[:, 0]) < 0.2).any(), "without a gap"


def test_each_ellipse_has_its_own_shape_colour_and_weight(draw):
    means = np.array([[-2.0, 0.0], [2.0, 0.0]])
    covariances = np.array([[[1.0, 0.0], [0.0, 0.09]], [[0.09, 0.0], [0.0, 1.0]]])
    drawn = draw(one(Ellipses(name="", mean=means, covariance=covariances, sigmas=(1.0,), classes=True), equal=True))
    for k in (0, 1):
        at = drawn.data(drawn.near(CLASS[k], 90)) - means[k]
        assert np.abs(at).max(axis=0) == pytest.approx(np.sqrt(np.diag(covariances[k])), abs=0.1)
    weight = np.array([1.0, 0.0])
    faint = draw(
        one(Ellipses(name="", mean=means, covariance=covariances, weight=weight, colour="model"), equal=True)
    )
    sides = faint.data(faint.near(RED, 60))[:, 0]
    assert (sides < -0.7).sum() > 10 * max((sides > 0.7).sum(), 1), "the one without weight is hardly seen"


def test_a_line_is_a_ring_only_if_it_is_to_be_closed(draw):
    corner = np.array([[[-2.0, -1.0], [2.0, -1.0], [2.0, 1.0]]])
    for closed in (False, True):
        drawn = draw(one(Polylines(name="", xy=corner, closed=closed, colour="model", width=5)))
        assert is_near(drawn.colour_at(0.7, -1.0), RED)
        assert is_near(drawn.colour_at(0.7, 0.35), RED if closed else paper(drawn))


def paper(drawn: Drawn) -> str:
    """The colour of a place on which nothing lies."""
    return "#" + "".join(f"{c:02X}" for c in drawn.colour_at(-1.13, 1.37))


def test_the_key_shows_bars_in_their_colour_and_explains_dots_of_the_same_name_too(draw):
    nothing = np.full(2, np.nan)
    mine, other = Bars(name="mine", height=nothing, colour="model"), Bars(name="other", height=nothing, colour="ink")
    dots = Points(name="mine", xy=np.array([[-3.0, -1.9]]), colour="truth", radius=3)
    drawn = draw(one(dots, mine, other))
    assert len(drawn.near(RED)) > 20, "the key's swatch: there is no bar"
    assert not len(drawn.near(CLASS[0], 20))
    dots_in_key = drawn.near(TRUTH)
    assert (dots_in_key[:, 1] < drawn.near(RED)[:, 1].mean()).any(), "dots are explained beside bars of their name"


def test_bars_grow_from_their_base_in_their_class_s_colour(draw):
    layer = Bars(name="", height=np.array([1.0, -0.5]), x=np.array([-2.0, 2.0]), width=1.0, base=-2.0, classes=True)
    drawn = draw(one(layer))
    for k, (x, height) in enumerate([(-2.0, 1.0), (2.0, -0.5)]):
        found = drawn.data(drawn.near(CLASS[k]))
        assert found.mean(axis=0) == pytest.approx((x, (height - 2.0) / 2), abs=0.06)


def test_what_is_to_come_of_a_curve_is_fainter_than_what_has_been(draw):
    drawn = draw(one(Curve(name="", y=np.full(FRAMES, 0.37), colour="model", width=4), x=(0.0, 4.0)), 2)
    assert is_near(drawn.colour_at(0.6, 0.37), RED)
    assert not is_near(drawn.colour_at(3.4, 0.37), RED, 120)
    assert not is_near(drawn.colour_at(3.4, 0.37), paper(drawn), 20), "but it is there"


@pytest.mark.parametrize("lit", [0, 1, 2, 3])
def test_of_a_diagram_what_is_active_is_lit(draw, lit):
    nodes = (Node("", (-3.0, 0.0), (1.0, 1.0)), Node("", (0.0, 0.0), (1.0, 1.0)))
    layer = Diagram(name="", nodes=nodes, edges=(Edge(0, 1), Edge(1, 0, bend=1.5)), active=np.eye(4)[lit])
    drawn = draw(one(layer, axes=False, equal=True))
    inside = [drawn.colour_at(x, 0.1) for x in (-3.0, 0.0)]
    active = PALETTE["light"]["roles"]["active"]
    assert [is_near(colour, active) for colour in inside] == [lit == 0, lit == 1]
    at = drawn.data(drawn.near(RED, 60))
    between = at[(at[:, 0] > -2.4) & (at[:, 0] < -0.6)]
    assert (np.abs(between[:, 1]) < 0.15).sum() > 20 if lit == 2 else not (np.abs(between[:, 1]) < 0.15).any()
    assert (between[:, 1] > 0.5).sum() > 20 if lit == 3 else not (between[:, 1] > 0.5).any()


def test_an_arrow_of_a_diagram_points_to_its_end(draw):
    nodes = (Node("", (-3.0, 0.0), (1.0, 1.0)), Node("", (3.0, 0.0), (1.0, 1.0)))
    layer = Diagram(name="", nodes=nodes, edges=(Edge(0, 1),), active=np.array([0.0, 0.0, 1.0]))
    drawn = draw(one(layer, axes=False, equal=True))
    at = drawn.data(drawn.near(RED, 60))
    between = at[np.abs(at[:, 0]) < 2.49]
    assert between[np.abs(between[:, 1]).argmax(), 0] > 1.5, "its head is the widest part of it"


def words(page: Page) -> dict[str, str]:
    """What is written into the picture, and in which colours."""
    said = page.evaluate(
        """() => {
          const found = [];
          const write = CanvasRenderingContext2D.prototype.fillText;
          CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
            found.push([text, this.fillStyle]);
            return write.call(this, text, ...at);
          };
          player.drawNow();
          CanvasRenderingContext2D.prototype.fillText = write;
          return found;
        }"""
    )
    return dict(said)


def test_the_numbers_of_classes_have_their_colours(blank, draw):
    at = np.array([[-3.0, 0.0], [0.0, 0.0], [3.0, 0.0]])
    draw(one(Labels(name="", at=at, texts=("0", "1", "2"), classes=True)))
    expected = blank.evaluate("""() => [0, 1, 2].map((k) => {
      const ctx = document.createElement("canvas").getContext("2d");
      ctx.fillStyle = player.look.ink(`class${k}`);
      return ctx.fillStyle;
    })""")
    assert [words(blank)[str(k)] for k in range(3)] == expected
    assert len(set(expected)) == 3


def test_a_curve_bears_its_number_at_the_frame_shown(blank, draw):
    scene = one(Curve(name="loss", y=np.array([1.0, 0.5, 0.25, 0.125, 0.0625])), x=(0.0, 4.0))
    for frame, number in ((0, "1"), (2, "0.25"), (4, "0.0625")):
        draw(scene, frame)
        assert f"loss {number}" in words(blank)


# --- time, and what the hand takes hold of -------------------------------------------------------------------------


@pytest.mark.parametrize("speed", ["0.25", "1", "4"])
def test_time_passes_as_fast_as_is_chosen(blank, draw, speed):
    draw(dataclasses.replace(one(Points(name="p", xy=np.zeros((1, 2))), frames=40), fps=10))
    blank.locator(".speed").select_option(speed)
    passed = blank.evaluate("""() => {
      Object.assign(player, { position: 3, following: false, clock: 1000 });
      player.advance(1200);
      return player.position - 3;
    }""")
    assert passed == pytest.approx(10 * 0.2 * float(speed)), "frames in a fifth of a second"


def test_handles_lie_on_their_places(blank, draw):
    way = np.array([[-3.0 + k, 1.2] for k in range(FRAMES)])
    handles = (Handle("still", np.array([2.5, -0.7])), Handle("moving", way))
    drawn = draw(dataclasses.replace(one(Points(name="p", xy=np.zeros((1, 2)))), handles=handles), 3)
    corner = blank.locator("canvas").bounding_box()
    for name, place in (("still", (2.5, -0.7)), ("moving", (0.0, 1.2))):
        box = blank.locator(f'[data-handle="{name}"]').bounding_box()
        middle = (box["x"] + box["width"] / 2 - corner["x"], box["y"] + box["height"] / 2 - corner["y"])
        assert middle == pytest.approx(np.array(drawn.at(*place)) / drawn.density, abs=1)
        assert min(box["width"], box["height"]) >= 24, "a finger finds it"


# --- where panels go ------------------------------------------------------------------------------------------------

ARRANGE = """async (cases) => {
  const { arrange } = await import("/arrange.js");
  return cases.map(([panels, w, h, font, asked]) => arrange(panels, w, h, font, asked));
}"""


def rooms() -> list[tuple[list[dict[str, Any]], int, int, int, list[int]]]:
    """Panels of all sorts, one to eight, in windows of all sizes; now and then one that is asked for."""
    rng, cases = np.random.default_rng(0), []
    for _ in range(60):
        panels = []
        for k in range(int(rng.integers(1, 9))):
            ends = np.sort(rng.uniform(-9, 9, (2, 2)), axis=1) + np.array([-1, 1])
            x, y = map(tuple, ends.tolist())
            share = float(rng.choice([0.7, 1.0, 1.6]))
            panels.append(Panel(f"panel {k}", (), x, y, equal=bool(rng.random() < 0.6), share=share))
        scene = Scene(panels=tuple(panels), alt="A test.", steps=np.arange(1))
        width, height = int(rng.choice([360, 700, 1000, 1400])), int(rng.choice([300, 520, 800]))
        asked = [int(rng.integers(len(panels)))] if rng.random() < 0.5 else []
        cases.append((scene.layout()["panels"], width, height, int(rng.choice([13, 20])), asked))
    return cases


@pytest.mark.parametrize("y", [(-2.0, 2.0), (-9.0, 9.0), (-0.5, 0.1)])
def test_where_aspects_are_equal_one_across_is_one_up(blank, draw, y):
    draw(one(Points(name="p", xy=np.zeros((1, 2))), y=y, equal=True))
    across, up = blank.evaluate("() => ((view) => [view.x(1) - view.x(0), view.y(0) - view.y(1)])(player.views[0])")
    assert across == pytest.approx(up)


def test_panels_lie_inside_the_room_and_beside_each_other(blank, draw):
    draw(one(Points(name="p", xy=np.zeros((1, 2)))))
    cases = rooms()
    for (_, width, height, _, asked), boxes in zip(cases, blank.evaluate(ARRANGE, cases), strict=True):
        shown = [k for k, box in enumerate(boxes) if box]
        assert shown, "one is always shown"
        assert set(asked) <= set(shown), "and so is what is asked for"
        for k in shown:
            x, y, w, h = (boxes[k][side] for side in "xywh")
            assert min(x, y) >= -1
            assert x + w <= width + 1
            assert y + h <= height + 1
            for other in shown[: shown.index(k)]:
                a, b, c, d = (boxes[other][side] for side in "xywh")
                assert x >= a + c - 1 or a >= x + w - 1 or y >= b + d - 1 or b >= y + h - 1


# --- what the pointer, the numbers and the axes say -----------------------------------------------------------------


def hover(page: Page, drawn: Drawn, x: float, y: float) -> str | None:
    """What is said where the pointer rests at a place of the panel."""
    px, py = (value / drawn.density for value in drawn.at(x, y))
    return page.evaluate("([x, y]) => player.tipText(x, y)", [px, py])


def test_the_pointer_reads_the_right_row_column_and_point(blank, draw):
    values = np.arange(40.0).reshape(5, 8)  # row 0 is the lowest
    field = Field(name="f", values=values, extent=(-4.0, 4.0, -2.0, 2.0), limits=(0.0, 40.0), unit="nats")
    drawn = draw(one(field))
    assert hover(blank, drawn, -3.5, -1.7) == "f: 0 nats"
    assert hover(blank, drawn, 3.5, -1.7) == "f: 7 nats"
    assert hover(blank, drawn, 2.5, 1.7) == "f: 38 nats"
    points = Points(name="p", xy=np.array([[1.0, 1.5], [-2.0, -0.5]]), labels=np.array([1, 0]), names=("a", "b"))
    drawn = draw(one(points))
    assert hover(blank, drawn, 1.0, 1.5) == "p: (1, 1.5), b"
    assert hover(blank, drawn, -2.0, -0.5) == "p: (−2, −0.5), a"
    assert hover(blank, drawn, 0.0, 0.0) is None
    drawn = draw(one(Points(name="p", xy=np.array([[1.0, 1.5]]), labels=np.array([1]))))
    assert hover(blank, drawn, 1.0, 1.5) == "p: (1, 1.5), class 2", "classes are counted from 1"
    bars = Bars(name="b", height=np.array([0.5, -1.25]), x=np.array([-2.0, 2.0]))
    drawn = draw(one(bars))
    assert hover(blank, drawn, 2.1, 0.0) == "b: −1.25"
    drawn = draw(one(Curve(name="c", y=np.array([0.0, 1.0, -1.0, 0.5, 0.0])), x=(0.0, 4.0)))
    assert hover(blank, drawn, 2.0, -1.0) == "c: −1 at 2"
    assert hover(blank, drawn, 3.0, 0.5) == "c: 0.5 at 3"


def test_numbers_are_those_of_the_frame_shown(blank, draw):
    scene = one(Points(name="p", xy=np.zeros((1, 2))))
    values = np.array([0.0, -1.5, 12345.678, 2e-7, np.nan])
    readouts = (Readout("r", values, "nats", digits=2), Readout("hidden", 10 * values, digits=1, hidden=True))
    scene = dataclasses.replace(scene, readouts=readouts, equation="x = {r}, ten times {hidden}")
    for frame, told in ((1, "−1.50 nats"), (2, "12345.68 nats"), (3, "2.00 · 10⁻⁷ nats"), (4, "–")):
        draw(scene, frame)
        assert blank.locator('[data-readout="r"] dd').inner_text() == told
        assert blank.locator('[data-readout="hidden"]').count() == 0
    draw(scene, 1)
    assert blank.locator(".equation").inner_text() == "x = −1.50, ten times −15.0"


def test_captions_are_those_of_the_frame_shown(blank, draw):
    scene = one(Points(name="p", xy=np.zeros((1, 2))))
    scene = dataclasses.replace(scene, captions=("one", "two"), caption=np.array([0, 1, 1, -1, 0]))
    for frame, told in enumerate(("one", "two", "two", "", "one")):
        draw(scene, frame)
        assert blank.locator(".now").inner_text() == told


@pytest.mark.parametrize(
    ("ends", "scale", "texts"),
    [
        ((0.0, 1.0), "linear", {0: "0.0", 0.4: "0.4", 1: "1.0"}),
        ((-3.0, 3.0), "linear", {-2: "−2", 0: "0", 2: "2"}),
        ((0.0, 4e-6), "linear", {2e-6: "0.0000020"}),
        ((1e-3, 1e3), "log", {1e-3: "10⁻³", 1: "1", 100: "100"}),
        ((0.03, 0.8), "log", {0.05: "0.05", 0.1: "0.1", 0.5: "0.5"}),  # a single power of ten tells no scale
        ((3e-5, 9e-5), "log", {4e-5: "0.00004"}),  # and here is none
    ],
)
def test_ticks_say_where_they_stand(blank, draw, ends, scale, texts):
    scene = one(Points(name="p", xy=np.array([[0.5 * (ends[0] + ends[1]), 0.0]])), x=ends, x_scale=scale)
    drawn = draw(scene)
    ticks = blank.evaluate(
        """() => { const view = player.views[0];
          return view.axis("x").ticks.map(({ value, text }) => [value, text, view.x(value)]); }"""
    )
    at = {text: (value, px) for value, text, px in ticks}
    for value, text in texts.items():
        assert text in at, sorted(at)
        assert at[text][0] == pytest.approx(value, abs=1e-12)
        assert at[text][1] * drawn.density == pytest.approx(drawn.at(value, 0.0)[0], abs=0.6 * drawn.density)


def test_an_axis_in_a_file_s_units_says_what_stands_there(blank, draw):
    centre, scale = 120.0, 20.0
    points = Points(name="p", xy=np.array([[1.0, 0.5]]))
    drawn = draw(one(points, x=(-3.0, 3.0), x_label="weight", x_unit=(centre, scale)))
    ticks = blank.evaluate("""() => player.views[0].axis("x").ticks.map(({ value, text }) => [value, text])""")
    assert len(ticks) > 2
    for value, text in ticks:
        assert centre + scale * value == pytest.approx(float(text))
    assert hover(blank, drawn, 1.0, 0.5) == "p: (140, 0.5)"


def test_frames_thin_out_as_the_server_s_do(blank, draw):
    draw(one(Points(name="p", xy=np.zeros((1, 2)))))
    kept = blank.evaluate(
        """async () => {
          const { Recording } = await import("/recording.js");
          const ids = () => [...Array(38).keys()];
          const recording = Object.assign(new Recording(), { steps: ids(), frames: ids() });
          recording.thin(4);
          const found = [-5, 0, 5, 8, 36, 99].map((step) => recording.steps[recording.indexOf(step)]);
          return [recording.steps, recording.frames, found];
        }"""
    )
    expected = [*range(0, 38, 4), 37]
    assert kept[0] == kept[1] == expected
    assert kept[2] == [0, 0, 4, 8, 36, 37]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.5, "−0.5"),
        (1234.56789, "1235"),
        (1e-5, "1.00 · 10⁻⁵"),
        (-2.5e7, "−2.50 · 10⁷"),
        ("NaN", "–"),
        ("Infinity", "∞"),
        ("-Infinity", "−∞"),
    ],
)
def test_numbers_as_a_person_writes_them(blank, draw, value, text):
    draw(one(Points(name="p", xy=np.zeros((1, 2)))))
    said = blank.evaluate("async (value) => (await import('/panel.js')).number(Number(value))", str(value))
    assert said == text
