"""The store: nothing is lost by a kill, and nothing damaged or foreign is taken for a checkpoint."""

import ast
import hashlib
import itertools
import json
import os
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest

from genmodels.store import checkpoint, packing
from genmodels.store.checkpoint import FOLDER, INDEX, CheckpointError

ROOT = Path(__file__).resolve().parents[3]
FIELDS = {
    "kind": "weights",
    "model": "vae",
    "config": {"hidden": (64, 32), "beta": 1.0, "name": "β"},
    "data": "mnist",
    "data_sha256": "00",
    "seed": 0,
    "steps": 10,
    "metrics": {"nll_nats": 99.5},
    "tolerance": {"nll_nats": 0.1},
}


def save(folder, name="vae", value=0.0, size=1000, **fields):
    return checkpoint.save(name, {"w": np.full(size, value)}, **{**FIELDS, **fields}, folder=folder)


def value_of(folder, name="vae"):
    found = np.unique(checkpoint.load(name, folder=folder).arrays["w"])
    assert len(found) == 1
    return found[0]


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != checkpoint.PARTIAL)


class Writers:
    """Starts writers, each a process of its own, forked from one that has imported everything; see `main`."""

    def __init__(self):
        command, env = [sys.executable, __file__], {**os.environ, "PYTHONPATH": str(ROOT)}
        self.parent = subprocess.Popen(command, env=env, stdin=PIPE, stdout=PIPE, text=True)

    def start(self, *command):
        """The process id."""
        print(*command, file=self.parent.stdin, flush=True)
        return int(self.parent.stdout.readline())

    def wait(self):
        """The exit code of the writer that ends next."""
        print("wait", file=self.parent.stdin, flush=True)
        return int(self.parent.stdout.readline())

    def close(self):
        self.parent.communicate(timeout=30)


@pytest.fixture(scope="module")
def writers():
    started = Writers()
    yield started
    started.close()


# What goes in comes out


def test_round_trip_of_every_type_and_layout(tmp_path):
    grid = np.arange(24.0).reshape(2, 3, 4)
    arrays = {
        "transposed": grid.T,
        "strided": grid[:, ::2, 1:],
        "reversed": grid[::-1],
        "broadcast": np.broadcast_to(np.float32(2), (3, 4)),
        "big-endian": grid.astype(">f4"),
        "fortran": np.asfortranarray(grid),
        "scalar": np.array(3),
        "empty": np.zeros((0, 2), dtype=np.float16),
        "true": np.array([True, False]),
        "list": [1, 2],
        **{t: np.arange(5).astype(t) for t in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")},
    }
    entry = checkpoint.save("all", arrays, **FIELDS, folder=tmp_path)
    found = checkpoint.load("all", folder=tmp_path)
    assert found.entry == entry == checkpoint.entries(tmp_path)["all"] == checkpoint.verify("all", tmp_path)
    assert found.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, err_msg=name)
        assert found.arrays[name].dtype == np.asarray(array).dtype.newbyteorder("=")
        assert not found.arrays[name].flags.writeable


def test_entry_says_what_it_is(tmp_path):
    entry = save(tmp_path)
    assert entry.config == {"hidden": [64, 32], "beta": 1.0, "name": "β"}
    assert entry.metrics == {"nll_nats": 99.5}
    assert entry.versions.keys() == {"python", "numpy", "torch"}
    content = (tmp_path / entry.file).read_bytes()
    assert (entry.size, entry.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert files(tmp_path) == [INDEX, f"vae-{entry.sha256[:8]}.safetensors"]


def test_tensors_in_and_tensors_out(tmp_path):
    torch = pytest.importorskip("torch")
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    checkpoint.save("net", {"w": weight, "t": weight.T}, **FIELDS, folder=tmp_path)
    for device in ("cpu", torch.device("cpu")):
        found = checkpoint.load("net", device, folder=tmp_path).arrays
        assert torch.equal(found["w"], weight)
        assert torch.equal(found["t"], weight.T)
        found["w"].zero_()  # writable, and nobody else's
    with pytest.raises(ValueError, match="no numpy type"):
        checkpoint.save("net", {"w": torch.zeros(2, dtype=torch.bfloat16)}, **FIELDS, folder=tmp_path)


def test_same_content_is_the_same_file(tmp_path):
    first, again = save(tmp_path), save(tmp_path)
    assert first == again
    assert value_of(tmp_path) == 0


def test_the_old_file_goes_and_others_stay(tmp_path):
    save(tmp_path, "vae", 1)
    save(tmp_path, "vae-mnist", 2)
    (tmp_path / "notes.safetensors").write_bytes(b"not ours")
    entry = save(tmp_path, "vae", 3)
    assert (value_of(tmp_path), value_of(tmp_path, "vae-mnist")) == (3, 2)
    assert len(files(tmp_path)) == 4
    checkpoint.remove("vae", tmp_path)
    assert entry.file not in files(tmp_path)
    assert list(checkpoint.entries(tmp_path)) == ["vae-mnist"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "../vae"}, "name is '../vae'"),
        ({"name": "VAE"}, "expected small letters"),
        ({"kind": "pickle"}, "kind is 'pickle'; expected one of weights, recording"),
        ({"metrics": {"nll": float("nan")}}, "no finite number"),
        ({"config": {"f": print}}, "cannot be stored"),
        ({"config": {"x": float("inf")}}, "cannot be stored"),
        ({"model": 3}, "has the model 3; give it as str"),
    ],
)
def test_save_refuses_what_it_cannot_say(tmp_path, change, told):
    with pytest.raises(ValueError, match=told):
        save(tmp_path, **change)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({}, "There are no arrays"),
        ({"o": np.array([None])}, "of type object"),
        ({"s": np.array(["a"])}, "of type <U1"),
        ({"c": np.array([1j])}, "of type complex128"),
        ({3: [1]}, "An array is named 3"),
        ({"__metadata__": [1]}, "An array is named '__metadata__'"),
    ],
)
def test_save_refuses_what_is_no_number(tmp_path, arrays, told):
    with pytest.raises(ValueError, match=told):
        checkpoint.save("x", arrays, **FIELDS, folder=tmp_path)


# Damage


@pytest.fixture
def two(tmp_path):
    """A store with two checkpoints of the same size."""
    return tmp_path, save(tmp_path, "vae", 1), save(tmp_path, "gan", 2)


def refused(folder, name="vae", **options):
    """The error, after checking that it is one line that says what to do."""
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(name, folder=folder, **options)
    if not options:
        with pytest.raises(CheckpointError, match=re.escape(str(caught.value))):
            checkpoint.verify(name, folder)
    error = caught.value
    assert error.name == name
    assert "\n" not in str(error)
    assert str(error).endswith(f"to mend it, run: {error.command}")
    return error


def test_truncated(two):
    folder, vae, _ = two
    path = folder / vae.file
    blob = path.read_bytes()
    for length in (0, 7, 100, len(blob) - 1):
        path.write_bytes(blob[:length])
        error = refused(folder)
        assert "bytes where" in str(error)
        assert error.command == "python -m genmodels.train vae"
    assert value_of(folder, "gan") == 2
    save(folder, "vae", 5)
    assert value_of(folder) == 5


def test_one_flipped_byte_anywhere(two):
    folder, vae, _ = two
    path = folder / vae.file
    blob = path.read_bytes()
    for position in [*range(0, len(blob), 97), len(blob) - 1]:
        flipped = bytearray(blob)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        assert "damaged" in str(refused(folder))
    path.write_bytes(blob)
    assert value_of(folder) == 1


def test_removed_or_a_folder(two):
    folder, vae, _ = two
    (folder / vae.file).unlink()
    assert "cannot be read" in str(refused(folder))
    (folder / vae.file).mkdir()
    assert "cannot be read" in str(refused(folder))
    (folder / INDEX).unlink()
    assert list(checkpoint.reindex(folder)) == ["gan"]


def test_two_files_swapped(two):
    folder, vae, gan = two
    (folder / vae.file).rename(folder / "other")
    (folder / gan.file).rename(folder / vae.file)
    (folder / "other").rename(folder / gan.file)
    for name in ("vae", "gan"):
        told = str(refused(folder, name))
        assert "damaged" in told or "bytes where" in told


def test_another_config(two):
    folder, _, _ = two
    assert checkpoint.load("vae", config=FIELDS["config"], folder=folder).arrays
    error = refused(folder, config={**FIELDS["config"], "beta": 4.0})
    assert "beta is 1.0 where 4.0 is expected" in str(error)
    assert "hidden" not in str(error)


def test_unknown_name(two):
    assert "There is no checkpoint 'diffusion'" in str(refused(two[0], "diffusion"))


@pytest.mark.parametrize("foreign", [pickle.dumps({"w": [0.0] * 99}), b"\x80\x04.", b"", b"PK\x03\x04" + bytes(99)])
def test_a_pickle_is_refused_even_if_the_index_vouches_for_it(two, foreign):
    folder, _, _ = two
    sha256 = hashlib.sha256(foreign).hexdigest()
    file = f"vae-{sha256[:8]}.safetensors"
    (folder / file).write_bytes(foreign)
    edit(folder, vae={"sha256": sha256, "size": len(foreign), "file": file})
    assert "not in the safetensors format" in str(refused(folder))


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        save(tmp_path / "file")


# The index


def edit(folder, **changes):
    """Changes fields of entries behind the store's back."""
    index = json.loads((folder / INDEX).read_text())
    for name, fields in changes.items():
        index["entries"][name].update(fields)
    (folder / INDEX).write_text(json.dumps(index))


GARBLED = {
    "empty": b"",
    "text": b"<<<<<<< HEAD",
    "cut": b'{"format": 1, "entries": {"vae": {"kind',
    "binary": bytes(range(256)),
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "null": b"null",
    "a dict of nothing": b"{}",
    "no entries": b'{"format": 1}',
    "a list of entries": b'{"format": 1, "entries": []}',
    "an entry that is text": b'{"format": 1, "entries": {"vae": "x"}}',
    "an entry without fields": b'{"format": 1, "entries": {"vae": {}}}',
    "format 0": b'{"format": 0, "entries": {}}',
    "format true": b'{"format": true, "entries": {}}',
    "format text": b'{"format": "2", "entries": {}}',
}


@pytest.mark.parametrize("text", GARBLED.values(), ids=GARBLED)
def test_a_garbled_index_is_told_and_made_again_from_the_files(two, text):
    folder, vae, gan = two
    (folder / INDEX).write_bytes(text)
    assert refused(folder).command == "python -m genmodels.train --reindex"
    with pytest.raises(CheckpointError, match=INDEX):
        checkpoint.entries(folder)
    assert checkpoint.reindex(folder) == checkpoint.entries(folder) == {"vae": vae, "gan": gan}


@pytest.mark.parametrize("text", [None, b"{", b"null"])
def test_a_save_mends_the_index_and_keeps_the_others(two, text):
    folder, _, gan = two
    (folder / INDEX).unlink() if text is None else (folder / INDEX).write_bytes(text)
    refused(folder)
    entry = save(folder, "vae", 7)
    assert checkpoint.entries(folder) == {"vae": entry, "gan": gan}


def test_a_missing_index_names_the_checkpoint_to_build(tmp_path):
    assert refused(tmp_path).command == "python -m genmodels.train vae"
    with pytest.raises(CheckpointError, match=r"index\.json is missing") as caught:
        checkpoint.entries(tmp_path / "nowhere")
    assert (caught.value.name, caught.value.command) == (None, "python -m genmodels.train --all")


def test_only_whole_files_are_recovered(two):
    folder, vae, gan = two
    blob = (folder / vae.file).read_bytes()
    (folder / vae.file).write_bytes(blob[:-8])
    shutil.copy(folder / gan.file, folder / f"diffusion-{gan.sha256[:8]}.safetensors")  # says that it is the GAN
    (folder / INDEX).unlink()
    assert checkpoint.reindex(folder) == {"gan": gan}


def test_a_newer_format_is_never_overwritten(two):
    folder, _, _ = two
    index = json.loads((folder / INDEX).read_text())
    text = json.dumps({**index, "format": checkpoint.FORMAT + 1, "new": "thing"})
    (folder / INDEX).write_text(text)
    assert "the code is older than the checkpoints" in str(refused(folder))
    before = files(folder)
    for write in (lambda: save(folder), lambda: checkpoint.reindex(folder), lambda: checkpoint.remove("vae", folder)):
        with pytest.raises(CheckpointError, match="has format 2, and this code reads 1"):
            write()
    assert (folder / INDEX).read_text() == text
    assert files(folder) == before


@pytest.mark.parametrize("leaving", ["../{file}", "{folder}/{file}", "./{file}", "sub/{file}", "", ".", "index.json"])
def test_no_path_leads_out_of_the_folder(two, leaving):
    folder, vae, _ = two
    (folder / "sub").mkdir()
    shutil.copy(folder / vae.file, folder.parent)
    shutil.copy(folder / vae.file, folder / "sub")
    edit(folder, vae={"file": leaving.format(file=vae.file, folder=folder)})
    assert "which is not its own" in str(refused(folder))


def test_a_name_that_is_a_path(two):
    folder, _, _ = two
    index = json.loads((folder / INDEX).read_text())
    fields = index["entries"].pop("vae")
    index["entries"]["../vae"] = {**fields, "file": f"../vae-{fields['sha256'][:8]}.safetensors"}
    (folder / INDEX).write_text(json.dumps(index))
    assert "not its own" in str(refused(folder, "../vae"))


@pytest.mark.parametrize(
    "fields", [{"size": "9"}, {"size": 9.0}, {"config": []}, {"seed": True}, {"metrics": {"nll": "x"}}, {"odd": 1}]
)
def test_fields_of_a_wrong_type(two, fields):
    folder, _, _ = two
    edit(folder, vae=fields)
    assert "is garbled: the entry 'vae'" in str(refused(folder))


def test_numbers_beyond_floats(two):
    folder, _, _ = two
    for number in (10**400, float("nan"), float("inf")):
        edit(folder, vae={"metrics": {"nll": number}})
        assert "no finite number" in str(refused(folder))


# Kills and company


def test_a_kill_at_any_step_of_a_save_leaves_old_or_new(tmp_path, writers):
    outcomes = []
    for step in itertools.count():
        save(tmp_path, "vae", 1)
        save(tmp_path, "gan", 2)
        writers.start("die", tmp_path, step)
        code = writers.wait()
        if code == 0:
            break
        assert code == -signal.SIGKILL
        outcomes.append(value_of(tmp_path))
        assert value_of(tmp_path, "gan") == 2
        save(tmp_path, "gan", 3)  # the next save sweeps
        assert value_of(tmp_path) == outcomes[-1]
        assert len(files(tmp_path)) == 3
        assert [path.name for path in (tmp_path / checkpoint.PARTIAL).iterdir()] == ["lock"]
    assert value_of(tmp_path) == 9
    assert len(outcomes) >= 9  # two files, each written, flushed, renamed, its folder flushed; the old one removed
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {1, 9}


def values_until(folder, done):
    """All values read, one after the other, until `done(values)`; no disk is too slow for it."""
    deadline = time.monotonic() + 60
    values = [value_of(folder)]
    while not done(values):
        assert time.monotonic() < deadline
        values.append(value_of(folder))
    return values


def test_a_kill_at_any_moment_leaves_old_or_new(tmp_path, writers):
    rng = random.Random(0)
    for count in range(15):
        save(tmp_path, "vae", 0)
        writer = writers.start("forever", tmp_path)
        before = values_until(tmp_path, lambda values, least=1 + count % 3: values[-1] >= least)[-1]
        time.sleep(rng.uniform(0, 0.03))
        os.kill(writer, signal.SIGKILL)
        assert writers.wait() == -signal.SIGKILL
        entry = checkpoint.verify("vae", tmp_path)
        assert hashlib.sha256((tmp_path / entry.file).read_bytes()).hexdigest() == entry.sha256
        assert value_of(tmp_path) >= before  # what was once read is not lost
    save(tmp_path, "vae", -1)
    assert len(files(tmp_path)) == 2


def test_reading_while_another_writes(tmp_path, writers):
    save(tmp_path, "vae", 0)
    writer = writers.start("forever", tmp_path)
    try:
        seen = values_until(tmp_path, lambda values: len(values) >= 200 and len(set(values)) >= 5)
    finally:
        os.kill(writer, signal.SIGKILL)
        assert writers.wait() == -signal.SIGKILL
    assert seen == sorted(seen)


def test_two_writers_keep_both_entries(tmp_path, writers):
    for name in ("left", "right"):
        writers.start("many", tmp_path, name)
    assert [writers.wait(), writers.wait()] == [0, 0]
    expected = {f"{side}-{i}": i for side in ("left", "right") for i in range(20)}
    assert {name: value_of(tmp_path, name) for name in checkpoint.entries(tmp_path)} == expected
    assert len(files(tmp_path)) == 41


def test_two_threads_keep_both_entries(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: save(tmp_path, f"vae-{i}", i), range(20)))
    assert {name: value_of(tmp_path, name) for name in checkpoint.entries(tmp_path)} == {
        f"vae-{i}": i for i in range(20)
    }


def test_reading_imports_no_torch(tmp_path):
    save(tmp_path)
    code = (
        "import sys; from genmodels.store import checkpoint, building, packing; folder = sys.argv[1];"
        "checkpoint.load('vae', folder=folder, config=checkpoint.verify('vae', folder).config);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=ROOT)


def main():
    """For each line of the input, forks the writer it asks for and says its process id; or waits for one to end."""
    for line in sys.stdin:
        what, *arguments = line.split()
        if what == "wait":
            print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
            continue
        if (writer := os.fork()) == 0:
            write(what, Path(arguments[0]), *arguments[1:])
            os._exit(0)
        print(writer, flush=True)


def write(what, folder, argument=None):
    if what == "forever":
        for value in itertools.count(1):
            save(folder, "vae", value, size=100_000)
    if what == "many":
        for i in range(20):
            save(folder, f"{argument}-{i}", i)
    if what == "die":
        die_at(int(argument))
        save(folder, "vae", 9)


def die_at(step):
    """Kills this process at the given call that changes the disk; a write is cut in half."""
    calls = itertools.count()

    def deadly(call):
        def wrapped(*args, **kwargs):
            if next(calls) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return wrapped

    class HalfWritten:
        def __init__(self, file):
            self.file = file

        def write(self, blob):
            self.file.write(blob[: len(blob) // 2])
            self.file.flush()
            deadly(self.file.write)(blob[len(blob) // 2 :])

        def __enter__(self):
            return self

        def __exit__(self, *why):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

    os.fsync, os.replace, os.unlink = deadly(os.fsync), deadly(os.replace), deadly(os.unlink)
    checkpoint.open = lambda *args: HalfWritten(open(*args))  # noqa: SIM115 (it is one)


# Fewer bytes


def test_quantised_values_are_within_half_a_level():
    values = np.random.default_rng(0).uniform(-3, 5, size=(50, 40))
    levels = packing.as_uint8(values.T, -3, 5)
    assert levels.dtype == np.uint8
    back = packing.from_uint8(levels, -3, 5)
    assert back.dtype == np.float32
    assert np.abs(back - values.T).max() <= (5 + 3) / 510 + 1e-6
    np.testing.assert_array_equal(packing.as_uint8(back, -3, 5), levels)
    np.testing.assert_array_equal(packing.as_uint8(np.array([-np.inf, -9, 9, np.inf]), -3, 5), [0, 0, 255, 255])
    positions = packing.as_float16(values)
    assert positions.dtype == np.float16
    assert (np.abs(positions.astype(float) - values) <= np.abs(values) / 2048 + 1e-7).all()


@pytest.mark.parametrize(
    ("quantise", "told"),
    [
        (lambda: packing.as_uint8([np.nan], 0, 1), "NaN"),
        (lambda: packing.as_uint8([0.5], 1, 1), "the smaller first"),
        (lambda: packing.as_uint8([0.5], 0, np.inf), "two finite numbers"),
        (lambda: packing.as_float16([1e6]), "65,504"),
        (lambda: packing.as_float16([np.nan]), "NaN"),
    ],
)
def test_quantising_refuses(quantise, told):
    with pytest.raises(ValueError, match=told):
        quantise()


# The real store, and the whole code


def test_the_checkpoints_are_whole_small_and_all_listed():
    found = [path for path in FOLDER.rglob("*") if path.is_file() and checkpoint.PARTIAL not in path.parts]
    assert sum(path.stat().st_size for path in found) <= 60e6
    known = checkpoint.entries() if (FOLDER / INDEX).exists() else {}
    ours = {path.name for path in FOLDER.iterdir() if re.search("-[0-9a-f]{8}.safetensors", path.name)}
    assert ours == {entry.file for entry in known.values()}
    for name in known:
        checkpoint.verify(name)


UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
SOURCES = [path for folder in ("genmodels", "dashboard", "pages") for path in (ROOT / folder).rglob("*.py")]


def unpickling(tree):
    """Lines that import a module that unpickles, or call a function that can."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.split(".")[0] in UNPICKLERS for name in names):
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "torch" and "load" in names:
            yield node.lineno
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if called in ("torch.load", "torch.jit.load", "torch.hub.load", "pd.read_pickle", "__import__"):
            yield node.lineno
        if isinstance(node, ast.Call) and any(keyword.arg == "allow_pickle" for keyword in node.keywords):
            yield node.lineno


def test_no_line_unpickles():
    assert len(SOURCES) > 20
    found = [f"{path}:{line}" for path in SOURCES for line in unpickling(ast.parse(path.read_text(encoding="utf-8")))]
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "import sklearn, joblib.numpy_pickle as j",
        "torch.load(f)",
        "from torch import load",
        "np.load(f, allow_pickle=True)",
    ],
)
def test_the_search_for_unpicklers_finds_them(line):
    assert list(unpickling(ast.parse(line)))


if __name__ == "__main__":
    main()
