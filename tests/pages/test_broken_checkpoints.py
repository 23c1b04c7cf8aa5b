"""A page survives whatever befalls its checkpoints, says what mends them, and mends them itself when asked."""

import dataclasses
import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.lesson import checkpoints as rebuild
from genmodels.store import building, cache, checkpoint
from genmodels.store.recipe import Built, Job, Recipe, all_recipes
from tests.conftest import ROOT
from tests.pages.controls import healthy
from tests.pages.found import FROM_THE_STORE

pytestmark = pytest.mark.slow

STORE = checkpoint.FOLDER
REINDEX = "python -m genmodels.train --reindex"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the store that may be broken; nothing that was read from it outlives the test."""
    copy = tmp_path / "checkpoints"
    shutil.copytree(STORE, copy, ignore=shutil.ignore_patterns(checkpoint.PARTIAL))
    monkeypatch.setattr(checkpoint, "FOLDER", copy)
    yield copy
    cache._load.cache_clear()
    cache._made.cache_clear()


class Shown(NamedTuple):
    """A cue that shows a checkpoint."""

    page: str
    cue: str
    name: str


@functools.cache
def needed(page: str) -> dict[str, list[str]]:
    """Which checkpoints each cue of a page asks for, in a store that holds none."""
    kept = checkpoint.FOLDER
    with tempfile.TemporaryDirectory() as empty:
        checkpoint.FOLDER = Path(empty)
        try:
            app = show(page)
            asked = {}
            for cue in [b.key for b in app.button if b.key.startswith(f"{page}.cue.")]:
                app.button(key=cue).click().run()
                buttons = [b.key for b in app.button if b.key.startswith(f"{page}.build.")]
                asked[cue.rpartition(".")[2]] = [key.rpartition(".")[2] for key in buttons]
        finally:
            checkpoint.FOLDER = kept
    return asked


def show(page: str) -> AppTest:
    app = AppTest.from_file(ROOT / "dashboard" / "main.py", default_timeout=30).run()
    return app.switch_page(f"../pages/{page}.py").run()


@pytest.fixture
def shown(request) -> Shown:
    """A cue of the page, found by what it asks for, that shows as few checkpoints as any, and the first of them."""
    page = request.param
    cue, names = min(((c, n) for c, n in needed(page).items() if n), key=lambda pair: len(pair[1]))
    return Shown(page, cue, names[0])


every_page = pytest.mark.parametrize("shown", FROM_THE_STORE, indirect=True)
cnn = pytest.mark.parametrize("shown", ["pixels"], indirect=True)


def file_of(folder: Path, name: str) -> Path:
    return folder / checkpoint.entries(STORE)[name].file


def edit_index(folder: Path, change) -> None:
    index = json.loads((folder / checkpoint.INDEX).read_text("utf-8"))
    change(index)
    (folder / checkpoint.INDEX).write_text(json.dumps(index), "utf-8")


def flip(folder: Path, name: str) -> None:
    blob = bytearray(file_of(folder, name).read_bytes())
    blob[len(blob) // 2] ^= 1
    file_of(folder, name).write_bytes(blob)


def swap(folder: Path, name: str) -> None:
    one, other = file_of(folder, name), file_of(folder, "cnn" if name != "cnn" else "vae-beta")
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])


def make_stale(folder: Path, name: str) -> None:
    edit_index(folder, lambda index: index["entries"][name]["config"].update(seed=-1))


FAULTS = {
    "removed": lambda folder, name: file_of(folder, name).unlink(),
    "truncated": lambda folder, name: file_of(folder, name).write_bytes(file_of(folder, name).read_bytes()[:-99]),
    "empty": lambda folder, name: file_of(folder, name).write_bytes(b""),
    "one byte flipped": flip,
    "two swapped": swap,
    "not in the index": lambda folder, name: edit_index(folder, lambda index: index["entries"].pop(name)),
    "stale": make_stale,
    "no index": lambda folder, name: (folder / checkpoint.INDEX).unlink(),
    "garbled index": lambda folder, name: (folder / checkpoint.INDEX).write_bytes(b'{"format": 1, "entr'),
    "an index of something else": lambda folder, name: (folder / checkpoint.INDEX).write_text("[1, 2]"),
    "newer format": lambda folder, name: edit_index(folder, lambda index: index.update(format=2)),
    "no folder": lambda folder, name: shutil.rmtree(folder),
}
COMMANDS = {"garbled index": REINDEX, "an index of something else": REINDEX, "newer format": "git pull"}
OF_THE_INDEX = ("no index", "garbled index", "an index of something else")


def open_cue(open_page, shown: Shown):
    return open_page(shown.page, **{f"{shown.page}.cue": shown.cue})


def offers_remedy(app, shown: Shown, command: str) -> bool:
    """A sentence and a button for each checkpoint that cannot be read, and this one among them."""
    buttons = [b for b in app.button if b.key.startswith(f"{shown.page}.build.")]
    return (
        healthy(app)
        and len(app.warning) == len(buttons)
        and any(f"run: {command} (or press the button)." in w.value for w in app.warning)
        and [b.label for b in app.button if b.key == build_key(shown)] == [f"Build {shown.name} again"]
    )


def build_key(shown: Shown) -> str:
    return f"{shown.page}.build.{shown.name}"


def picture(app, shown: Shown) -> str | None:
    """The id of the run that the page has, if it has one."""
    runs = app.session_state["_runs"] if "_runs" in app.session_state else {}  # noqa: SIM401 (it has no get)
    return runs.get(f"{shown.page}.player", (None, None))[1]


# --- it is told -----------------------------------------------------------------------------------------------


@every_page
def test_the_page_names_the_remedy_of_every_fault(open_page, folder, monkeypatch, shown):
    """All in one session: opening a page takes longer than running it again."""
    app = None
    for number, (fault, befall) in enumerate(FAULTS.items()):
        broken = folder.with_name(f"broken-{number}")
        shutil.copytree(folder, broken)
        monkeypatch.setattr(checkpoint, "FOLDER", broken)
        befall(broken, shown.name)
        app = open_cue(open_page, shown) if app is None else app.run()
        command = COMMANDS.get(fault, f"python -m genmodels.train {shown.name}")
        assert offers_remedy(app, shown, command), (fault, app.exception, [w.value for w in app.warning])
        assert picture(app, shown) is None, fault
        shutil.rmtree(broken, ignore_errors=True)


@every_page
def test_a_page_that_is_open_is_told_as_well_and_recovers(open_page, folder, shown):
    app = open_cue(open_page, shown)
    assert healthy(app)
    assert not app.warning
    kept = file_of(folder, shown.name).read_bytes()
    flip(folder, shown.name)
    app.run()
    assert offers_remedy(app, shown, f"python -m genmodels.train {shown.name}")
    file_of(folder, shown.name).write_bytes(kept)
    app.run()
    assert healthy(app)
    assert not app.warning


@pytest.mark.parametrize("page", FROM_THE_STORE)
def test_every_cue_survives_an_empty_store(open_page, folder, page):
    asked = needed(page)
    shutil.rmtree(folder)
    app = open_page(page)
    for cue, names in asked.items():
        app.button(key=f"{page}.cue.{cue}").click().run()
        assert healthy(app), (cue, app.exception)
        assert bool(app.warning) == bool(names), cue
        assert all("python -m genmodels.train" in w.value for w in app.warning), cue


def test_every_recipe_is_shown_somewhere():
    """But for the judge of generated digits, what a page shows only beside another checkpoint's figures or by another
    choice of a control (names), and one that is kept to be compared (pixels in a random order)."""
    asked = {name for page in FROM_THE_STORE for names in needed(page).values() for name in names}
    unseen = all_recipes().keys() - asked
    by_a_choice = ("gan", "diffusion", "vae", "flow", "matching", "reflow")
    assert {name for name in unseen if name.split("-")[0] not in by_a_choice} == {
        "cnn-14",
        "names",
        "pixel-fvsbn-random",
    }


@pytest.mark.parametrize("name", ["vae-16d", "vae-conditional"])
def test_figures_of_others_do_not_take_the_picture_away(open_page, folder, name):
    file_of(folder, name).unlink()
    app = open_page("vae")
    assert healthy(app)
    assert f"run: python -m genmodels.train {name}" in app.warning[0].value
    assert app.button(key=f"vae.build.{name}")
    assert "vae.player" in app.session_state["_runs"]
    shown = app.table[0].value.to_numpy().astype(str).ravel().tolist()
    assert "vae-2d" in shown
    assert name not in shown


def test_what_is_whole_is_shown_while_another_is_broken(open_page, folder):
    file_of(folder, "vae-2d").write_bytes(b"")
    app = open_page("vae", **{"vae.cue": "seven"})
    assert healthy(app)
    assert not app.warning


# --- it is mended ---------------------------------------------------------------------------------------------


class Quick:
    """All recipes, each built at once from what the store holds."""

    def __init__(self) -> None:
        self.built: list[str] = []
        self.changes: dict[str, np.ndarray] = {}
        self.recipes = {name: self.recipe(of) for name, of in all_recipes().items()}

    def recipe(self, of: Recipe) -> Recipe:
        metrics = dict.fromkeys(of.tolerance, 0.0)

        def build(job: Job) -> Built:
            for done in range(4):
                job.progress(done, 3, "0.123 nats")
            self.built.append(of.name)
            return Built(checkpoint.load(of.name, folder=STORE).arrays | self.changes, steps=3)

        return dataclasses.replace(of, build=build, evaluate=lambda arrays, device: metrics)


@pytest.fixture
def quick(monkeypatch):
    of = Quick()
    for module in (rebuild, building):
        monkeypatch.setattr(module, "all_recipes", lambda: of.recipes)
    return of


@cnn
@pytest.mark.parametrize("fault", [f for f in FAULTS if f not in (*OF_THE_INDEX, "newer format")])
def test_the_button_builds_it_again(open_page, folder, quick, shown, fault):
    FAULTS[fault](folder, "cnn")
    app = open_cue(open_page, shown)
    app.button(key="pixels.build.cnn").click().run()
    assert healthy(app)
    assert not app.warning
    assert picture(app, shown)
    assert quick.built == ["cnn"]
    assert np.array_equal(
        checkpoint.load("cnn", folder=folder).arrays["head.bias"],
        checkpoint.load("cnn", folder=STORE).arrays["head.bias"],
    )


@every_page
def test_every_page_has_its_picture_again(open_page, folder, quick, shown):
    file_of(folder, shown.name).unlink()
    app = open_cue(open_page, shown)
    app.button(key=build_key(shown)).click().run()
    assert healthy(app)
    assert picture(app, shown)
    assert quick.built == [shown.name]


@cnn
@pytest.mark.parametrize("fault", OF_THE_INDEX)
def test_a_lost_index_costs_no_training(open_page, folder, quick, shown, fault):
    FAULTS[fault](folder, shown.name)
    app = open_cue(open_page, shown)
    app.button(key=build_key(shown)).click().run()
    assert healthy(app)
    assert not app.warning
    assert picture(app, shown)
    assert quick.built == []
    assert checkpoint.entries(folder) == checkpoint.entries(STORE)


@cnn
def test_a_newer_format_is_left_alone_and_told_before_any_training(open_page, folder, quick, shown):
    FAULTS["newer format"](folder, "cnn")
    before = {path.name: path.read_bytes() for path in folder.glob("*.*") if path.is_file()}
    app = open_cue(open_page, shown)
    app.button(key="pixels.build.cnn").click().run()
    assert not app.exception
    assert "could not be built" in app.error[0].value
    assert "git pull" in app.error[0].value
    assert quick.built == []
    assert before == {path.name: path.read_bytes() for path in folder.glob("*.*") if path.is_file()}


@cnn
def test_a_build_that_fails_is_one_sentence_and_can_be_tried_again(open_page, folder, quick, shown, monkeypatch):
    file_of(folder, "cnn").unlink()
    build = rebuild.building.build
    failures = [ValueError("It diverged at step 7; try a smaller learning rate."), OSError("No space left")]

    def failing(*args, **more):
        if failures:
            raise failures.pop(0)
        return build(*args, **more)

    monkeypatch.setattr(building, "build", failing)
    app = open_cue(open_page, shown)
    for told in ("diverged at step 7", "No space left"):
        app.button(key="pixels.build.cnn").click().run()
        assert not app.exception
        assert told in app.error[0].value
        assert len(app.warning) == 1
    app.button(key="pixels.build.cnn").click().run()
    assert healthy(app)
    assert not app.warning


@cnn
def test_what_was_recorded_from_the_old_one_is_not_shown(open_page, folder, quick, shown):
    """Built on another machine, a network may differ."""
    app = open_cue(open_page, shown)
    old, before = picture(app, shown), cache.arrays("cnn")["test.probabilities"]
    quick.changes = {"test.probabilities": np.roll(before, 1, axis=1)}
    file_of(folder, "cnn").unlink()
    app.run()
    app.button(key="pixels.build.cnn").click().run()
    assert healthy(app)
    assert picture(app, shown) not in (None, old)
    assert np.array_equal(cache.arrays("cnn")["test.probabilities"], quick.changes["test.probabilities"])


def test_nothing_leaks_into_the_store(folder):
    assert checkpoint.FOLDER != STORE
    assert all(building.status(recipe, STORE) == "fresh" for recipe in all_recipes().values())
