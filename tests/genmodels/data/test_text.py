"""The letters: sizes, splits, hashes, alphabets, and what a damaged file says."""

import gzip
import hashlib

import numpy as np
import pytest

from genmodels.data import text as module
from genmodels.data.files import DataFileError
from genmodels.data.text import HERE, SHA256, TEXTS, Alphabet, load_names, load_shakespeare, name_rows

SHAKESPEARE, NAMES = load_shakespeare(), load_names()


def test_shakespeare_is_the_text_in_order():
    whole = SHAKESPEARE.alphabet.decode(np.concatenate([SHAKESPEARE.train, SHAKESPEARE.test]))
    assert hashlib.sha256(whole.encode()).hexdigest() == SHA256["shakespeare.txt.gz"]
    assert (len(SHAKESPEARE.train), len(SHAKESPEARE.test)) == (1_003_854, 111_540)
    assert len(SHAKESPEARE.alphabet) == 65
    np.testing.assert_array_equal(np.concatenate([SHAKESPEARE.fit, SHAKESPEARE.valid]), SHAKESPEARE.train)
    assert len(SHAKESPEARE.valid) == pytest.approx(0.05 * len(SHAKESPEARE.train), abs=1)


def test_names_are_each_in_one_split_between_end_signs():
    decoded = [[NAMES.alphabet.decode(row) for row in split] for split in (NAMES.train, NAMES.test)]
    assert (len(decoded[0]), len(decoded[1])) == (4646, 517)
    everyone = [*decoded[0], *decoded[1]]
    assert all(name[0] == name[-1] == "." and name[1:-1].isalpha() for name in everyone)
    assert len(set(everyone)) == 5163
    assert {name.strip(".") for name in everyone} == NAMES.percent.keys()


def test_the_split_of_the_names_is_no_alphabetical_one():
    first = NAMES.test[:, 1]
    assert len(set(first.tolist())) > 15
    assert NAMES.alphabet.decode(NAMES.train[0]) == ".marcelo.", "the same for everybody"


def test_percentages_are_those_of_the_census():
    women, men = np.array(list(NAMES.percent.values())).T
    assert max(NAMES.percent, key=lambda name: NAMES.percent[name][0]) == "mary"
    assert max(NAMES.percent, key=lambda name: NAMES.percent[name][1]) == "james"
    assert NAMES.percent["mary"][0] == pytest.approx(2.629)
    assert NAMES.percent["james"][1] == pytest.approx(3.318)
    assert 80 < women.sum() < 100
    assert 80 < men.sum() < 100


def test_an_alphabet_reads_back_what_it_wrote():
    alphabet = SHAKESPEARE.alphabet
    assert alphabet.decode(alphabet.encode("First Citizen:\nBefore")) == "First Citizen:\nBefore"
    assert alphabet.letters == "".join(sorted(alphabet.letters))
    with pytest.raises(ValueError, match="'ß'"):
        alphabet.encode("Straße")
    with pytest.raises(ValueError, match="each once"):
        Alphabet("aa")
    with pytest.raises(ValueError, match="lacks"):
        name_rows(["Anna"], NAMES.alphabet)
    np.testing.assert_array_equal(NAMES.rows(["zoe"]), [[0, 26, 15, 5, 0]])


def test_what_is_shared_cannot_be_written_to():
    for array in (SHAKESPEARE.train, SHAKESPEARE.test, NAMES.train, NAMES.test):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_the_hash_sees_every_letter_and_the_order():
    assert TEXTS["names"]().sha256 == NAMES.sha256
    other = NAMES.train.copy()
    other[[0, 1]] = other[[1, 0]]
    assert module.Names(NAMES.alphabet, other, NAMES.test, {}).sha256 != NAMES.sha256
    assert module.Names(Alphabet(".zbcdefghijklmnopqrstuvwxya"), NAMES.train, NAMES.test, {}).sha256 != NAMES.sha256


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_a_file_that_is_missing_or_damaged_is_told(damage, tmp_path, monkeypatch):
    content = (HERE / "names.tsv.gz").read_bytes()
    if damage == "cut":
        (tmp_path / "names.tsv.gz").write_bytes(content[: len(content) // 2])
    if damage == "other":
        (tmp_path / "names.tsv.gz").write_bytes(gzip.compress(gzip.decompress(content) + b"\n"))
    monkeypatch.setattr(module, "HERE", tmp_path)
    load_names.cache_clear()
    try:
        with pytest.raises(DataFileError, match=r"fetch it again"):
            load_names()
    finally:
        load_names.cache_clear()
