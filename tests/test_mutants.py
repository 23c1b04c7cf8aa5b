"""The list of mistakes fits the sources; that tests notice them is seen by ``python -m tests.mutants``."""

from collections import Counter

import pytest

from tests.mutants import ROOT, Mutant, mutants

LIST = mutants()


@pytest.mark.parametrize("mutant", LIST, ids=lambda m: f"{m.number}-{m.file}")
def test_every_mistake_can_still_be_made(mutant):
    assert not mutant.fault(), f"{mutant}: {mutant.fault()}"


def test_no_mistake_is_listed_twice():
    twice = [key for key, n in Counter((m.file, m.text, m.becomes) for m in LIST).items() if n > 1]
    assert not twice


def test_the_tests_that_are_to_notice_are_there():
    missing = {
        t for m in LIST for t in m.tests if t.startswith("tests/") and not (ROOT / t.partition("::")[0]).exists()
    }
    assert not missing


@pytest.mark.parametrize(
    ("text", "becomes", "fault"),
    [
        ("mean = 1", "mean = 1", "it changes nothing"),
        ("mean", "variance", "its text occurs 2 times"),
        ("median", "mean", "its text occurs 0 times"),
        ("mean = 1", "mean = ", "it is no Python"),
        ("mean = 1", "mean = 2", ""),
    ],
)
def test_what_is_no_mistake_is_told(tmp_path, text, becomes, fault):
    (tmp_path / "model.py").write_text("mean = 1\nprint(mean)\n", "utf-8")
    found = Mutant(1, "model.py", text, becomes, "A mean is wrong.", ("tests",)).fault(tmp_path)
    assert found.startswith(fault)
    assert bool(found) == bool(fault)
