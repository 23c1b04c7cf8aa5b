"""A page survives whatever befalls its checkpoints, says what mends them, and mends them itself when asked."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dashboard.lesson import checkpoints as rebuild
from genmodels.store import building, checkpoint
from genmodels.store import cache as stored
from genmodels.store.recipe import Built, Job, Recipe, all_recipes
from tests.pages.controls import healthy

pytestmark = pytest.mark.slow

STORE = checkpoint.FOLDER
CUES = {"vae-2d": ("vae", "plane"), "cnn": ("pixels", "looks"), "pixel-classifiers": ("pixels", "alone"),
        "autoencoder-2d": ("autoencoder", "dream"), "vae-beta": ("vae", "beta")}  # fmt: skip
EVERY_CUE = {"pixels": ("looks", "alone", "eigen", "bayes"), "autoencoder": ("squeeze", "noise", "dream"),
             "vae": ("plane", "walk", "learn", "beta", "seven", "yours")}  # fmt: skip
REINDEX = "python -m genmodels.train --reindex"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the store that may be broken; nothing that was read from it outlives the test."""
    copy = tmp_path / "checkpoints"
    shutil.copytree(STORE, copy, ignore=shutil.ignore_patterns(checkpoint.PARTIAL))
    monkeypatch.setattr(checkpoint, "FOLDER", copy)
    yield copy
    stored._load.cache_clear()
    stored._made.cache_clear()


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


def open_cue(open_page, name: str):
    page, cue = CUES[name]
    return open_page(page, **{f"{page}.cue": cue})


def offers_remedy(app, name: str, command: str) -> bool:
    page, _ = CUES[name]
    return (
        healthy(app)
        and len(app.warning) == 1
        and f"run: {command} (or press the button)." in app.warning[0].value
        and [b.label for b in app.button if b.key == f"{page}.build.{name}"] == [f"Build {name} again"]
    )


def picture(app, name: str) -> str | None:
    """The id of the run that the page has, if it has one."""
    runs = app.session_state["_runs"] if "_runs" in app.session_state else {}  # noqa: SIM401 (it has no get)
    return runs.get(f"{CUES[name][0]}.player", (None, None))[1]


# --- it is told -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CUES)
def test_the_page_names_the_remedy_of_every_fault(open_page, folder, monkeypatch, name):
    """All in one session: opening a page takes longer than running it again."""
    app = None
    for number, (fault, befall) in enumerate(FAULTS.items()):
        broken = folder.with_name(f"broken-{number}")
        shutil.copytree(folder, broken)
        monkeypatch.setattr(checkpoint, "FOLDER", broken)
        befall(broken, name)
        app = open_cue(open_page, name) if app is None else app.run()
        command = COMMANDS.get(fault, f"python -m genmodels.train {name}")
        assert offers_remedy(app, name, command), (fault, app.exception, [w.value for w in app.warning])
        assert picture(app, name) is None, fault
        shutil.rmtree(broken, ignore_errors=True)


@pytest.mark.parametrize("name", CUES)
def test_a_page_that_is_open_is_told_as_well_and_recovers(open_page, folder, name):
    app = open_cue(open_page, name)
    assert healthy(app)
    assert not app.warning
    kept = file_of(folder, name).read_bytes()
    flip(folder, name)
    app.run()
    assert offers_remedy(app, name, f"python -m genmodels.train {name}")
    file_of(folder, name).write_bytes(kept)
    app.run()
    assert healthy(app)
    assert not app.warning


@pytest.mark.parametrize("page", EVERY_CUE)
def test_every_cue_survives_an_empty_store(open_page, folder, page):
    shutil.rmtree(folder)
    app = open_page(page)
    for cue in EVERY_CUE[page]:
        app.button(key=f"{page}.cue.{cue}").click().run()
        assert healthy(app), (cue, app.exception)
        assert app.warning, cue
        assert all("python -m genmodels.train" in w.value for w in app.warning), cue


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


@pytest.mark.parametrize("fault", [f for f in FAULTS if f not in (*OF_THE_INDEX, "newer format")])
def test_the_button_builds_it_again(open_page, folder, quick, fault):
    FAULTS[fault](folder, "cnn")
    app = open_cue(open_page, "cnn")
    app.button(key="pixels.build.cnn").click().run()
    assert healthy(app)
    assert not app.warning
    assert picture(app, "cnn")
    assert quick.built == ["cnn"]
    assert np.array_equal(checkpoint.load("cnn", folder=folder).arrays["head.bias"],
                          checkpoint.load("cnn", folder=STORE).arrays["head.bias"])  # fmt: skip


@pytest.mark.parametrize("name", CUES)
def test_every_page_has_its_picture_again(open_page, folder, quick, name):
    file_of(folder, name).unlink()
    app = open_cue(open_page, name)
    app.button(key=f"{CUES[name][0]}.build.{name}").click().run()
    assert healthy(app)
    assert picture(app, name)
    assert quick.built == [name]


@pytest.mark.parametrize("fault", OF_THE_INDEX)
def test_a_lost_index_costs_no_training(open_page, folder, quick, fault):
    FAULTS[fault](folder, "vae-2d")
    app = open_cue(open_page, "vae-2d")
    app.button(key="vae.build.vae-2d").click().run()
    assert healthy(app)
    assert not app.warning
    assert picture(app, "vae-2d")
    assert quick.built == []
    assert checkpoint.entries(folder) == checkpoint.entries(STORE)


def test_a_newer_format_is_left_alone_and_told_before_any_training(open_page, folder, quick):
    FAULTS["newer format"](folder, "cnn")
    before = {path.name: path.read_bytes() for path in folder.glob("*.*") if path.is_file()}
    app = open_cue(open_page, "cnn")
    app.button(key="pixels.build.cnn").click().run()
    assert not app.exception
    assert "could not be built" in app.error[0].value
    assert "git pull" in app.error[0].value
    assert quick.built == []
    assert before == {path.name: path.read_bytes() for path in folder.glob("*.*") if path.is_file()}


def test_a_build_that_fails_is_one_sentence_and_can_be_tried_again(open_page, folder, quick, monkeypatch):
    file_of(folder, "cnn").unlink()
    build = rebuild.building.build
    failures = [ValueError("It diverged at step 7; try a smaller learning rate."), OSError("No space left")]

    def failing(*args, **more):
        if failures:
            raise failures.pop(0)
        return build(*args, **more)

    monkeypatch.setattr(building, "build", failing)
    app = open_cue(open_page, "cnn")
    for told in ("diverged at step 7", "No space left"):
        app.button(key="pixels.build.cnn").click().run()
        assert not app.exception
        assert told in app.error[0].value
        assert len(app.warning) == 1
    app.button(key="pixels.build.cnn").click().run()
    assert healthy(app)
    assert not app.warning


def test_what_was_recorded_from_the_old_one_is_not_shown(open_page, folder, quick):
    """Built on another machine, a network may differ."""
    app = open_cue(open_page, "cnn")
    old, before = picture(app, "cnn"), stored.arrays("cnn")["test.probabilities"]
    quick.changes = {"test.probabilities": np.roll(before, 1, axis=1)}
    file_of(folder, "cnn").unlink()
    app.run()
    app.button(key="pixels.build.cnn").click().run()
    assert healthy(app)
    assert picture(app, "cnn") not in (None, old)
    assert np.array_equal(stored.arrays("cnn")["test.probabilities"], quick.changes["test.probabilities"])


def test_nothing_leaks_into_the_store(folder):
    assert checkpoint.FOLDER != STORE
    assert all(building.status(recipe, STORE) == "fresh" for name, recipe in all_recipes().items() if name in CUES)
