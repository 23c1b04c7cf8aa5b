"""Building, resuming and checking, on a random walk instead of a network."""

import dataclasses
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from genmodels import recipes, train
from genmodels.data.digits import data_sha256
from genmodels.store import building, checkpoint
from genmodels.store.checkpoint import INDEX, PARTIAL, CheckpointError
from genmodels.store.recipe import (
    Built,
    Recipe,
    Recomputed,
    all_recipes,
    array_to_generator,
    generator_to_array,
    within,
)

ROOT = Path(__file__).resolve().parents[3]


def build_walk(job):
    """120 Gaussian steps; slow enough to be killed on the way."""
    kept = job.resume()
    step, walk, rng = 0, np.zeros(3), np.random.default_rng(7)
    if kept is not None:
        step, walk, rng = int(kept["step"]), kept["walk"], array_to_generator(kept["rng"])
    job.progress(step, 120, "start")
    while step < 120:
        walk += rng.standard_normal(3)
        step += 1
        job.keep({"step": np.array(step), "walk": walk, "rng": generator_to_array(rng)})
        job.progress(step, 120, f"|x| = {np.linalg.norm(walk):.3f}")
    return Built({"walk": walk.astype(np.float16)}, steps=120)


def far(arrays, device):
    return {"distance": float(np.linalg.norm(arrays["walk"].astype(float)))}


WALK = Recipe(
    "walk", "weights", "walk", {"steps": 120, "sizes": (3,)}, "digits8", 7, build_walk, far, {"distance": 1e-6}
)


def build_noise(job):
    return Built({"x": np.random.default_rng(1).standard_normal(9)}, steps=0)


NOISE = Recipe(
    "noise", "recording", "noise", {}, "moons", 1, build_noise, lambda a, d: {"max": a["x"].max()}, {"max": 0}
)
BOTH = {"walk": WALK, "noise": NOISE}


def build(folder, name="walk", known=BOTH, **options):
    return building.build(name, "cpu", folder=folder, recipes=known, **options)


def command(folder, *arguments, known=BOTH):
    return train.main([*arguments, "--folder", str(folder), "--device", "cpu"], known)


def changed(recipe, **changes):
    """The recipe with other fields; only these are in the register."""
    return {recipe.name: dataclasses.replace(recipe, **changes)}


# Building


class Gate:
    """A recipe that waits in the middle until it is let on, and counts how often it is built."""

    def __init__(self, fails=None):
        self.open, self.begun, self.built, self.fails = threading.Event(), threading.Event(), 0, fails

    def recipe(self):
        def build(job):
            self.built += 1
            job.progress(1, 2, "half of it")
            self.begun.set()
            assert self.open.wait(20)
            why, self.fails = self.fails, None
            if why:
                raise why
            return build_noise(job)

        return changed(NOISE, build=build)


def beside(function):
    """The thread, and what it returned or raised."""
    got = []

    def call():
        try:
            got.append(function())
        except BaseException as why:
            got.append(why)

    thread = threading.Thread(target=call)
    thread.start()
    return thread, got


def two(folder, gate):
    """What two who build the same get, and what the second, who came in the middle, heard meanwhile."""
    known, heard = gate.recipe(), []
    first, one = beside(lambda: build(folder, "noise", known))
    assert gate.begun.wait(20)
    second, other = beside(lambda: build(folder, "noise", known, progress=lambda *said: heard.append(said)))
    until = time.monotonic() + 20
    while not heard and time.monotonic() < until:
        time.sleep(0.01)
    gate.open.set()
    first.join(20)
    second.join(20)
    return one, other, heard


def test_two_who_build_one_checkpoint_train_it_once(tmp_path):
    gate = Gate()
    one, other, heard = two(tmp_path, gate)
    assert gate.built == 1
    assert heard[0] == (1, 2, "half of it")
    assert one == other
    assert one[0].name == "noise"


def test_who_waits_hears_why_it_failed(tmp_path):
    gate = Gate(ValueError("It diverged."))
    one, other, _ = two(tmp_path, gate)
    assert gate.built == 1
    assert [str(why) for why in (*one, *other)] == ["It diverged."] * 2


def test_who_waits_takes_it_up_where_the_other_has_left(tmp_path):
    """A closed tab ends its script by what is no Exception."""

    class Left(BaseException):
        pass

    gate = Gate(Left())
    one, other, _ = two(tmp_path, gate)
    assert isinstance(one[0], Left)
    assert gate.built == 2
    assert other[0].name == "noise"


def test_a_store_that_cannot_be_locked_gets_a_sentence(tmp_path):
    (tmp_path / checkpoint.PARTIAL / "lock").mkdir(parents=True)
    for what in (lambda: build(tmp_path, "noise"), lambda: checkpoint.reindex(tmp_path)):
        with pytest.raises(OSError, match="cannot be written to"):
            what()


def test_build_stores_judges_and_tells(tmp_path):
    told = []
    entry = build(tmp_path, progress=lambda *line: told.append(line))
    assert told[0] == (0, 120, "start")
    assert told[-1][:2] == (120, 120)
    assert checkpoint.entries(tmp_path) == {"walk": entry}
    assert (entry.kind, entry.model, entry.data, entry.seed, entry.steps) == ("weights", "walk", "digits8", 7, 120)
    assert entry.data_sha256 == data_sha256("digits8")
    assert entry.config == {"steps": 120, "sizes": [3]}
    stored = checkpoint.load("walk", folder=tmp_path, config=WALK.config).arrays["walk"]
    assert stored.dtype == np.float16
    assert entry.metrics == {"distance": np.linalg.norm(stored.astype(float))}  # of what is stored, rounded
    assert entry.tolerance == {"distance": 1e-6}
    assert build(tmp_path, "noise").data_sha256 == ""


def test_build_refuses(tmp_path):
    with pytest.raises(ValueError, match="no recipe 'gan'; choose one of walk, noise"):
        build(tmp_path, "gan")
    with pytest.raises(ValueError, match="Unknown device 'tpu'"):
        building.build("walk", "tpu", folder=tmp_path, recipes=BOTH)
    for metrics in ({}, {"max": np.nan}, {"max": 1.0, "min": 0.0}):
        odd = changed(NOISE, evaluate=lambda arrays, device, metrics=metrics: metrics)
        with pytest.raises(ValueError, match="expected finite numbers for: max"):
            build(tmp_path, "noise", odd)
    assert not (tmp_path / INDEX).exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "model"}, "kind is 'model'"),
        ({"data": "mnits"}, "data is 'mnits'; expected '' or one of mnist"),
        ({"tolerance": {"distance": -1}}, "expected numbers of 0 or more"),
        ({"tolerance": {"distance": float("nan")}}, "expected numbers of 0 or more"),
        ({"config": {"f": len}}, "cannot be stored"),
    ],
)
def test_a_recipe_checks_itself(change, told):
    with pytest.raises(ValueError, match=told):
        dataclasses.replace(WALK, **change)


# Resuming


class Interrupted(Exception):
    pass


def stop_at(last):
    """A progress that raises at this step, as a page does that the reader has left."""

    def progress(done, total, text):
        if done == last:
            raise Interrupted

    return progress


def partial(folder):
    return folder / PARTIAL / "walk.safetensors"


def test_a_resumed_build_equals_an_uninterrupted_one(tmp_path):
    whole = build(tmp_path / "whole")
    starts = []
    for last in (50, 51, 119):
        with pytest.raises(Interrupted):
            build(tmp_path / "parts", progress=stop_at(last), keep_every=0)
        assert partial(tmp_path / "parts").exists()
    parts = build(tmp_path / "parts", progress=lambda *line: starts.append(line[0]), keep_every=0)
    assert starts[0] == 119
    assert parts == whole  # with the sha256 of its file
    assert not partial(tmp_path / "parts").exists()


def test_snapshots_are_no_more_frequent_than_asked(tmp_path):
    with pytest.raises(Interrupted):
        build(tmp_path, progress=stop_at(100))
    assert not partial(tmp_path).exists()
    made = []
    snapshot = building._Snapshot(WALK, tmp_path, every=60)
    snapshot.keep(lambda: made.append(1))
    snapshot._last -= 61
    snapshot.keep(lambda: made.append(1) or {"step": np.array(1)})
    snapshot.keep(lambda: made.append(1))
    assert made == [1]
    assert snapshot.read()["step"] == 1


@pytest.mark.parametrize("change", [{"seed": 8}, {"config": {"steps": 121}}, {"data": "mnist"}, {"model": "other"}])
def test_an_unfinished_build_of_another_recipe_is_not_taken_up(tmp_path, change):
    with pytest.raises(Interrupted):
        build(tmp_path, progress=stop_at(50), keep_every=0)
    starts = []
    build(tmp_path, known=changed(WALK, **change), progress=lambda *line: starts.append(line[0]))
    assert starts[0] == 0


@pytest.mark.parametrize("damage", [lambda blob: blob[:-9], lambda blob: b"\x80\x04.", lambda blob: b""])
def test_a_damaged_snapshot_is_not_taken_up(tmp_path, damage):
    with pytest.raises(Interrupted):
        build(tmp_path, progress=stop_at(50), keep_every=0)
    partial(tmp_path).write_bytes(damage(partial(tmp_path).read_bytes()))
    starts = []
    build(tmp_path, progress=lambda *line: starts.append(line[0]))
    assert starts[0] == 0


def test_a_builder_killed_again_and_again_ends_with_the_same_file(tmp_path):
    rng = random.Random(1)
    whole = build(tmp_path / "whole")
    first = build(tmp_path / "parts", "noise")
    starts = []
    for attempt in range(5):
        builder = subprocess.Popen(
            [sys.executable, __file__, str(tmp_path / "parts"), "linger" if attempt < 4 else "end"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        starts.append(int(builder.stdout.readline()))
        if attempt < 4:
            deadline = time.monotonic() + 30
            while not partial(tmp_path / "parts").exists():
                assert time.monotonic() < deadline
            time.sleep(rng.uniform(0, 0.1))
            builder.kill()
        builder.communicate(timeout=60)
        assert builder.returncode == (0 if attempt == 4 else -9)
        assert checkpoint.entries(tmp_path / "parts")["noise"] == first
    assert checkpoint.verify("walk", tmp_path / "parts") == whole
    assert starts == sorted(starts)
    assert starts[-1] > 0
    assert sorted(path.name for path in (tmp_path / "parts" / PARTIAL).iterdir()) == ["lock"]


def main(folder, then):
    """The builder that the test above kills: a step takes a millisecond; one that lingers never ends by itself."""

    def progress(done, total, text):
        if text == "start":
            print(done, flush=True)
        time.sleep(60 if done == total and then == "linger" else 0.001)

    build(Path(folder), progress=progress, keep_every=0.005)


# What is there, and the check


def test_status(tmp_path):
    assert building.status(WALK, tmp_path) == "damaged: " + str(
        CheckpointError(f"{tmp_path / INDEX} is missing", None)
    )
    build(tmp_path, "noise")
    assert building.status(WALK, tmp_path) == "missing"
    entry = build(tmp_path)
    assert building.status(WALK, tmp_path) == "fresh"
    other = changed(WALK, seed=8, config={"steps": 1})["walk"]
    assert building.status(other, tmp_path) == "stale: config, seed changed"
    assert building.status(changed(WALK, data="mnist")["walk"], tmp_path) == "stale: data, data_sha256 changed"
    (tmp_path / entry.file).unlink()
    assert "cannot be read" in building.status(WALK, tmp_path)


def test_list(tmp_path, capsys):
    build(tmp_path, "noise")
    assert command(tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("walk ")
    assert lines[0].endswith("missing")
    assert lines[1].startswith("noise ")
    assert lines[1].endswith("fresh")
    assert "2 recipes" in lines[2]


def test_names_always_build_and_all_builds_what_is_not_fresh(tmp_path, capsys):
    build(tmp_path, "noise")
    assert command(tmp_path, "--all") == 0
    told = capsys.readouterr().out
    assert "walk: 120 of 120" in told
    assert "noise: noise-" not in told
    assert command(tmp_path, "--all") == 0
    assert "walk: " not in capsys.readouterr().out
    assert command(tmp_path, "walk") == 0
    assert "walk: walk-" in capsys.readouterr().out
    assert command(tmp_path, "--check") == 0


def test_wrong_names_and_options_are_told_before_anything_is_built(tmp_path, capsys):
    assert command(tmp_path, "walk", "gan") == 1
    assert "There is no recipe 'gan'" in capsys.readouterr().err
    assert command(tmp_path, "walk", "--all") == 1
    assert "leave out the names" in capsys.readouterr().err
    assert not (tmp_path / INDEX).exists()


def failures(folder, known=BOTH, names=None):
    return [found for found in building.check(names, "cpu", folder, recipes=known) if not found.ok]


def test_check_passes_and_finds_each_fault(tmp_path, capsys):
    assert {found.problem[:7] for found in failures(tmp_path)} == {"damaged"}  # no index at all
    entry, _ = build(tmp_path), build(tmp_path, "noise")
    assert failures(tmp_path) == []
    assert command(tmp_path, "--check") == 0
    assert "2 ok, 0 failed" in capsys.readouterr().out

    (found,) = failures(tmp_path, BOTH | changed(WALK, seed=9))
    assert (found.name, found.problem) == ("walk", "stale: seed changed")
    (found,) = failures(tmp_path, {"walk": WALK})
    assert (found.name, found.problem) == ("noise", "has no recipe; remove it with --prune")
    (found,) = failures(tmp_path, BOTH | changed(WALK, evaluate=lambda arrays, device: arrays["none"]))
    assert found.problem == "cannot be evaluated: KeyError('none')"
    (found,) = failures(tmp_path, BOTH | changed(WALK, evaluate=lambda arrays, device: {}))
    assert found.metric == "distance"
    (found,) = failures(tmp_path, BOTH | changed(WALK, evaluate=lambda arrays, device: {"distance": np.nan}))
    assert found.metric == "distance"

    blob = bytearray((tmp_path / entry.file).read_bytes())
    blob[-1] ^= 1
    (tmp_path / entry.file).write_bytes(blob)
    (found,) = failures(tmp_path)
    assert "sha256" in found.problem
    assert failures(tmp_path, names=["noise"]) == []
    assert command(tmp_path, "--check", "walk") == 1
    assert command(tmp_path, "--check", "noise") == 0


def test_check_finds_an_altered_metric(tmp_path, capsys):
    build(tmp_path)
    build(tmp_path, "noise")
    index = json.loads((tmp_path / INDEX).read_text())
    index["entries"]["walk"]["metrics"]["distance"] -= 2e-6
    index["entries"]["walk"]["tolerance"]["distance"] = 100.0  # the recipe's holds
    (tmp_path / INDEX).write_text(json.dumps(index))
    assert command(tmp_path, "--check") == 1
    told = capsys.readouterr().out
    assert "FAIL  walk" in told
    assert "ok    noise" in told
    assert "1 ok, 1 failed" in told


@pytest.mark.parametrize(
    ("again", "told"),
    [
        (Recomputed("x", np.random.default_rng(1).standard_normal(9)), ""),
        (Recomputed("x", np.zeros(9), tolerance=9.0), ""),
        (Recomputed("x", np.random.default_rng(1).standard_normal(9)[:2], at=[0, 1]), ""),
        (within("x", np.random.default_rng(1).standard_normal(9), -9, 9, "bounds"), ""),
        (Recomputed("x", np.zeros(9), by="nothing"), "x (nothing)"),
        (Recomputed("x", np.full(9, np.nan), tolerance=9.0), "x"),
        (Recomputed("x", np.zeros(8), tolerance=9.0), "x"),
        (Recomputed("x", np.zeros(1), tolerance=9.0, at=[9]), "x"),
        (Recomputed("y", np.zeros(9), tolerance=9.0), "y"),
        (within("x", np.random.default_rng(1).standard_normal(9), 0, 9, "bounds"), "x (bounds)"),
    ],
)
def test_check_finds_arrays_once_more_and_tells_them_by_name(tmp_path, again, told):
    known = changed(NOISE, recompute=lambda arrays, device: [again])
    build(tmp_path, "noise", known)
    metric, line = building.check(["noise"], "cpu", tmp_path, recipes=known)
    assert metric.ok
    assert line.ok == (not told)
    assert line.metric == (told or line.metric)


def test_reindex_and_prune(tmp_path, capsys):
    build(tmp_path)
    build(tmp_path, "noise")
    (tmp_path / INDEX).write_text("<<<<<<< HEAD")
    assert command(tmp_path, "--check") == 1
    assert command(tmp_path, "--reindex") == 0
    assert command(tmp_path, "--check") == 0
    assert command(tmp_path, known={"walk": WALK}) == 0
    assert "has no recipe; remove it with --prune" in capsys.readouterr().out
    assert command(tmp_path, "--prune", known={"walk": WALK}) == 0
    assert list(checkpoint.entries(tmp_path)) == ["walk"]


# The recipes of the project


def test_recipes_are_found_in_their_modules(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / f"extra_{name}.py").write_text("from extra_walk import RECIPES\n")
    (tmp_path / "extra_walk.py").write_text("RECIPES = ()\n")
    monkeypatch.setattr(recipes, "__path__", [str(tmp_path)])
    monkeypatch.syspath_prepend(str(tmp_path))
    assert all_recipes() == {}
    sys.modules["extra_walk"].RECIPES = (WALK,)
    for name in ("one", "two", "walk"):
        sys.modules.pop(f"genmodels.recipes.extra_{name}")
    with pytest.raises(ValueError, match="Two recipes are named 'walk'; rename the one in extra_two"):
        all_recipes()


def test_every_recipe_is_in_the_store_and_up_to_date():
    for recipe in all_recipes().values():
        assert building.status(recipe) == "fresh", recipe.name


def test_importing_the_builder_imports_no_torch():
    code = "import sys, genmodels.train; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


if __name__ == "__main__":
    main(*sys.argv[1:])
