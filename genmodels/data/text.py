r"""Letters to learn from: the works of Shakespeare, and first names.

| name          | what                                         | train           | test    |
|---------------|----------------------------------------------|-----------------|---------|
| `shakespeare` | one text of 1,115,394 letters, 65 different  | the first 90 %  | the rest|
| `names`       | 5,163 first names, ``a`` … ``z`` alone       | 4,646           | 517     |

A *letter* is any character, the space, the full stop and the line's end included. Shakespeare is cut in order, as the
literature has it (Karpathy 2015), so that its held-out figures can be compared: the test text is the end of a play
whose beginning is in the training text, and plays that are not, no sentences between sentences that were read. The
names are shuffled once with the seed :data:`NAMES_SEED`; each distinct name counts once, whatever its frequency, and
is written ``.anna.``: the full stop is the sign that a name begins and that it ends.

A model may choose its moment to stop by :attr:`Text.valid`, the last 5 % of the training text, and is then judged on
`test`, once. ln 65 = 4.174 and ln 27 = 3.296 nats a letter are what guessing costs.

Nothing is read before it is asked for; the arrays are read-only, for they are shared.

Sources: see README.md beside this file; Karpathy (2015), *The unreasonable effectiveness of recurrent neural
networks*, for the text as one file and its split.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from genmodels.data.files import DataFileError

HERE = Path(__file__).parent
SHA256 = {
    "shakespeare.txt.gz": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    "names.tsv.gz": "961ea93e7c5401bcab73caf986d3226a73d639aeece2e484b5961bb03d8830cd",
}
"""Of the files' content, unpacked."""
NAMES_SEED = 1990
WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")
END = "."
"""Begins and ends a name."""


@dataclass(frozen=True)
class Alphabet:
    """Letters and their numbers, 0 … V − 1, in the order given.

    >>> Alphabet(".ab").encode("abba.")
    array([1, 2, 2, 1, 0])
    >>> Alphabet(".ab").decode([1, 2, 0])
    'ab.'
    """

    letters: str

    def __post_init__(self) -> None:
        if not self.letters or len(set(self.letters)) < len(self.letters):
            raise ValueError(f"The alphabet is {self.letters!r}; give one letter or more, each once.")

    def __len__(self) -> int:
        return len(self.letters)

    def encode(self, text: str) -> np.ndarray:
        """The letters' numbers, ``(N,)`` int64.

        Raises:
            ValueError: A letter is not of this alphabet.
        """
        if unknown := sorted(set(text) - set(self.letters)):
            raise ValueError(
                f"The text holds {', '.join(map(repr, unknown[:5]))}, which this alphabet lacks; use only "
                f"{self.letters!r}."
            )
        number = {letter: i for i, letter in enumerate(self.letters)}
        return np.array([number[letter] for letter in text], dtype=np.int64)

    def decode(self, tokens: Sequence[int] | np.ndarray) -> str:
        """The text of these numbers; those below 0, which fill up the end of a row, are left out."""
        return "".join(self.letters[token] for token in np.asarray(tokens, dtype=np.int64).tolist() if token >= 0)


class _Hashed:
    """A set of letters that a checkpoint's index can name."""

    train: np.ndarray
    test: np.ndarray
    alphabet: Alphabet

    @cached_property
    def sha256(self) -> str:
        """Of the alphabet and of both splits, in order: says what a model was trained on."""
        digest = hashlib.sha256(self.alphabet.letters.encode())
        for split in (self.train, self.test):
            digest.update(f"{split.shape}".encode() + split.astype("<i8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Text(_Hashed):
    """One long text.

    Attributes:
        alphabet: Its letters.
        train: Numbers of the first letters, ``(N,)`` int64.
        test: Of those that follow.
    """

    alphabet: Alphabet
    train: np.ndarray
    test: np.ndarray

    @property
    def valid(self) -> np.ndarray:
        """The last 5 % of `train`, to choose by; train on :attr:`fit` then."""
        return self.train[len(self.fit) :]

    @property
    def fit(self) -> np.ndarray:
        """`train` without :attr:`valid`."""
        return self.train[: len(self.train) * 95 // 100]

    @cached_property
    def words(self) -> frozenset[str]:
        """Of `train`, as :func:`word_spans` finds them, in small letters."""
        text = self.alphabet.decode(self.train).lower()
        return frozenset(text[start:end] for start, end in word_spans(text))


@dataclass(frozen=True, eq=False)
class Names(_Hashed):
    """Names, one a row: ``.anna.``, then −1 up to the length of the longest.

    Attributes:
        alphabet: The end sign and ``a`` … ``z``.
        train, test: ``(N, T)`` int64.
        percent: Of the women and of the men of 1990 that had each name, by name; 0 where it is not on that list.
    """

    alphabet: Alphabet
    train: np.ndarray
    test: np.ndarray
    percent: dict[str, tuple[float, float]]

    def rows(self, names: Sequence[str]) -> np.ndarray:
        """Names as rows like those of `train`, ``(N, T)`` int64, T that of the longest with both its end signs."""
        return name_rows(names, self.alphabet)


def name_rows(names: Sequence[str], alphabet: Alphabet) -> np.ndarray:
    """``.anna.`` as numbers, one name a row, filled up with −1: ``(N, T)`` int64.

    >>> name_rows(["ab", "b"], Alphabet(".ab"))
    array([[ 0,  1,  2,  0],
           [ 0,  2,  0, -1]])
    """
    rows = np.full((len(names), max(map(len, names), default=0) + 2), -1, dtype=np.int64)
    for row, name in zip(rows, names, strict=True):
        row[: len(name) + 2] = alphabet.encode(f"{END}{name}{END}")
    return rows


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where each word of two letters or more begins and ends; one in which the text breaks off is left out.

    >>> word_spans("I know't not, Rom")
    [(2, 8), (9, 12)]
    """
    return [match.span() for match in WORD.finditer(text) if len(match[0]) > 1 and match.end() < len(text)]


@lru_cache(maxsize=1)
def load_shakespeare() -> Text:
    """The works of Shakespeare as one text, cut in order 90 : 10.

    Raises:
        DataFileError: The file is missing or damaged.

    Example:
        >>> text = load_shakespeare()
        >>> len(text.alphabet), len(text.train), len(text.test), text.alphabet.decode(text.train[:14])
        (65, 1003854, 111540, 'First Citizen:')
    """
    letters = _read("shakespeare.txt.gz")
    alphabet = Alphabet("".join(sorted(set(letters))))
    tokens = alphabet.encode(letters)
    tokens.setflags(write=False)
    return Text(alphabet, *np.split(tokens, [len(tokens) * 9 // 10]))


@lru_cache(maxsize=1)
def load_names() -> Names:
    """5,163 first names, shuffled once, 90 : 10.

    Raises:
        DataFileError: The file is missing or damaged.

    Example:
        >>> names = load_names()
        >>> names.train.shape, names.test.shape, names.alphabet.decode(names.train[0])
        ((4646, 13), (517, 13), '.marcelo.')
    """
    table = [line.split("\t") for line in _read("names.tsv.gz").splitlines()[1:]]
    percent = {name: (float(female), float(male)) for name, female, male in table}
    alphabet = Alphabet(END + "".join(map(chr, range(ord("a"), ord("z") + 1))))
    rows = name_rows(list(percent), alphabet)
    rows = rows[np.random.default_rng(NAMES_SEED).permutation(len(rows))]
    rows.setflags(write=False)
    train, test = np.split(rows, [len(rows) * 9 // 10])
    return Names(alphabet, train, test, percent)


TEXTS: dict[str, Callable[[], Text | Names]] = {"shakespeare": load_shakespeare, "names": load_names}


def _read(name: str) -> str:
    """The text of a file beside this one."""
    path = HERE / name
    if not path.is_file():
        raise DataFileError(f"{path} is missing; fetch it again (README.md beside it says how).")
    try:
        content = gzip.decompress(path.read_bytes())
        if hashlib.sha256(content).hexdigest() == SHA256[name]:
            return content.decode("ascii")
    except (OSError, EOFError, zlib.error):
        pass  # told below
    raise DataFileError(f"{path} is damaged; fetch it again (README.md beside it says how).")
