"""A learner's own points in the plane: read from a CSV file, written to one, and carried in a link.

A file comes from anywhere: a German Excel, an old Mac, a notebook's ``to_csv``. Whatever can be read without
guessing is read; everything else is refused with one sentence that says what came, what was expected and what to
do. Nothing is dropped, filled in or moved in silence.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from dashboard.scene.painted import as_points, quoted

MAX_LABELS = 10
MAX_ABS = 1e100
"""Coordinates beyond this are refused: their squares would overflow."""
MAX_LABEL_LENGTH = 200
MAX_LINE = 1_000
HEAD = 50
"""So many lines decide which delimiter the file uses."""
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
GROUPED = {  # marks of thousands, by decimal mark: 1,160.8 and 1.160,8; without decimals 1,160,000 at least
    ".": r"[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.[0-9]*|(?:,[0-9]{3}){2,})",
    ",": r"[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]*|(?:\.[0-9]{3}){2,})",
}
NUMBER = re.compile(
    rf"[+-]?(?:{GROUPED['.']}|{GROUPED[',']}|(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?)"
)
THOUSANDS = {mark: re.compile(rf"[+-]?(?:{grouped})") for mark, grouped in GROUPED.items()}
MAYBE_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
Row = tuple[int, list[str]]
"""A line's number, from 1, and its cells."""


@dataclass(frozen=True, eq=False)
class OwnData:
    """Points in the plane, as a learner brought them.

    Attributes:
        points: ``(N, 2)`` float64, finite, each within ±1e100, not all the same.
        labels: ``(N,)`` int64, the index of each point's label in ``label_names``; 0 where there is no label column.
        label_names: The distinct labels, as the file spells them, sorted (by value where all are numbers); empty
            where there is no label column.
        columns: The heading of the first two columns; empty where there is none.
    """

    points: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    columns: tuple[str, ...] = ()


def read_csv(content: bytes | str, max_rows: int = 10_000, max_bytes: int = 20 * 2**20) -> OwnData:
    r"""Two columns of numbers and, if there is a third, labels.

    Comma, semicolon or tab between the columns; a decimal point, or a decimal comma (in quotes where commas also
    separate the columns); a heading or none; UTF-8, with or without a byte order mark, else Windows-1252; any line
    ends; marks of thousands where nothing else can be meant; Excel's first line ``sep=;``. Blank lines, spaces around
    a cell and empty columns at the right are ignored.

    Args:
        content: The file.
        max_rows: More rows than this are refused before any is parsed.
        max_bytes: A bigger file is refused before it is decoded.

    Raises:
        ValueError: The file cannot be read without guessing; one sentence says why and what to do.

    Example:
        >>> data = read_csv("x;y;kind\n0,5;1;cat\n2;-3,25;dog\n")
        >>> data.points.tolist(), data.labels.tolist(), data.label_names
        ([[0.5, 1.0], [2.0, -3.25]], [0, 1], ('cat', 'dog'))
    """
    text, delimiter = _told(_text(content, max_bytes))
    delimiter = delimiter or _delimiter([line for _, line in islice(_lines(text), HEAD)])
    table = _table(text, delimiter)
    first = next(table, None)
    if first is None:
        raise ValueError("The file is empty; give two columns of numbers, x1 and x2, one point a line.")
    has_heading = _is_heading(first[1])
    count = _count_lines(text) - has_heading
    if count > max_rows:
        raise ValueError(
            f"The file has {count:,} rows, more than the {max_rows:,} that are read; take a random sample of them."
        )
    lines = _same_width([first, *table])
    heading, rows = (lines[0], lines[1:]) if has_heading else (None, lines)
    _check_shape(heading, rows, delimiter)
    points = _points(rows)
    labels, label_names = _labels([(number, cells[2]) for number, cells in rows if len(cells) == 3])
    columns = tuple(heading[1][:2]) if heading else ()
    return OwnData(points, labels if label_names else np.zeros(len(points), np.int64), label_names, columns)


def write_csv(
    points: np.ndarray, labels: Sequence[object] | np.ndarray | None = None, heading: tuple[str, ...] = ()
) -> str:
    r"""Text that :func:`read_csv` reads back without losing a bit, headed ``x1,x2`` or ``x1,x2,label``.

    Args:
        points: ``(N, 2)`` floats.
        labels: ``(N,)`` integers or short texts, if there are any.
        heading: Of the first two columns, instead.

    Raises:
        ValueError: The shapes do not fit, or a label would not come back: it is empty, longer than 200 characters,
            has spaces around it, or holds a line break or a NUL.

    Example:
        >>> write_csv(np.array([[0.1, 2.0], [1e-7, -3.0]]), ["cat", "dog"])
        'x1,x2,label\n0.1,2.0,cat\n1e-07,-3.0,dog\n'
    """
    points = as_points(points)
    columns = [[repr(x) for x in column] for column in points.T.tolist()]
    if labels is not None:
        columns.append([_as_label(label) for label in labels])
        if len(columns[2]) != len(points):
            raise ValueError(f"There are {len(columns[2])} labels for {len(points)} points; give one label a point.")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(heading or ("x1", "x2")), "label"][: len(columns)])
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


# From bytes to cells ---------------------------------------------------------------------------------------------


def _text(content: bytes | str, max_bytes: int) -> str:
    """The file as text whose lines end in a line feed."""
    if isinstance(content, str):
        content = content.encode("utf-8", "replace")
    if len(content) > max_bytes:
        size, limit = (f"{n / 2**20:,.1f} MB" for n in (len(content), max_bytes))
        raise ValueError(
            f"The file has {size}, more than the {limit} that are read; take a random sample of its rows."
        )
    if b"\0" in content:
        raise ValueError(
            "The file is binary, as a workbook, a picture or UTF-16 text is, where a text file was expected; "
            "save the table as CSV (UTF-8)."
        )
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers; lazy and linear, however long a line or a gap is."""
    number, seen = 1, 0
    for found in re.finditer(r"\S[^\n]*", text):
        start = text.rfind("\n", 0, found.start()) + 1  # a tab in front is an empty cell, so it is kept
        number += text.count("\n", seen, start)
        seen = start
        if found.end() - start > MAX_LINE:
            raise ValueError(
                f"Line {number} has {found.end() - start:,} characters, more than the {MAX_LINE:,} that two numbers "
                "and a label may take; save the table as CSV, one point a line."
            )
        yield number, text[start : found.end()]


def _told(text: str) -> tuple[str, str]:
    """The text without Excel's first line ``sep=;``, and the delimiter that it names; empty if there is none."""
    found = re.match(r"\s*sep=([,;\t])[ ]*(?=\n|$)", text, re.IGNORECASE)
    return ("\n" + text[found.end() :], found[1]) if found else (text, "")


def _count_lines(text: str) -> int:
    """How many lines are not blank, without parsing or splitting: a million take some milliseconds."""
    codes = np.frombuffer(text.encode("utf-8"), np.uint8)
    codes = codes[(codes == 10) | (codes > 32)]  # line feeds, and whatever is no space
    begins = np.flatnonzero(codes != 10)
    return int(np.count_nonzero((begins == 0) | (codes[begins - 1] == 10)))


def _delimiter(head: list[str]) -> str:
    """The delimiter under which the most lines begin with two numbers; if none does, the most frequent one."""

    def fits(delimiter: str) -> tuple[int, int]:
        rows = (_cells(line, delimiter)[:2] for line in head)
        good = sum(len(row) == 2 and all(map(_is_number, row)) for row in rows)
        return good, sum(line.count(delimiter) for line in head)

    return max(DELIMITERS, key=fits)


def _cells(line: str, delimiter: str) -> list[str]:
    """The cells of one line, stripped."""
    # Line by line, so that a quote left open costs its own line, not the rest of the file.
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]


def _table(text: str, delimiter: str) -> Iterator[Row]:
    for number, line in _lines(text):
        cells = _cells(line, delimiter)
        if any(cells):
            yield number, cells


def _same_width(rows: list[Row]) -> list[Row]:
    """The rows without the empty cells at the right that spreadsheets append; one in a column in use is kept."""
    width = max(_used(cells) for _, cells in rows)
    return [(number, cells[: max(_used(cells), min(len(cells), width))]) for number, cells in rows]


def _used(cells: list[str]) -> int:
    """How many cells there are up to the last one that is not empty."""
    return max(k for k, cell in enumerate(cells, start=1) if cell)


# From cells to points --------------------------------------------------------------------------------------------


def _is_number(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell) or NOT_FINITE.fullmatch(cell))


def _is_heading(cells: list[str]) -> bool:
    return not any(map(_is_number, cells[:2]))


def _check_shape(heading: Row | None, rows: list[Row], delimiter: str) -> None:
    """Two or three columns, the same number in every line, and more than one row."""
    first, cells = heading or rows[0]
    if len(cells) == 1:
        raise ValueError(
            f"Line {first} has one column, {quoted(cells[0])}, where two columns of numbers were expected; "
            "separate them by a comma, a semicolon or a tab."
        )
    if heading and not cells[0]:
        raise ValueError(
            f"The first column's heading in line {first} is empty, as above row numbers; "
            "remove that column, or give it a name if it holds x1."
        )
    if len(cells) > 3:
        raise ValueError(
            f"Line {first} has {len(cells)} columns, where two columns of numbers and perhaps one of labels were "
            "expected; remove the other columns."
        )
    for number, other in rows:
        if len(other) != len(cells):
            raise ValueError(
                f"Line {number} has {_columns(other)}, but line {first} has {_columns(cells)} "
                f"(separated by {DELIMITERS[delimiter]}); give every line the same columns."
            )
    if len(rows) < 2:
        came = "one row" if rows else "a heading but no rows"
        raise ValueError(f"The file has {came}, where at least two points were expected; add rows of numbers.")


def _points(rows: list[Row]) -> np.ndarray:
    """The first two columns, ``(N, 2)`` float64."""
    decimal = _decimal_mark(rows)
    values = [
        _number(cell, f"Line {number}, column {column}", decimal)
        for number, cells in rows
        for column, cell in enumerate(cells[:2], start=1)
    ]
    points = np.array(values, dtype=np.float64).reshape(-1, 2)
    if (points == points[0]).all():
        raise ValueError(
            f"In the file's {len(points):,} rows, all rows are the same point, so nothing can be learned from them; "
            "give at least two different points."
        )
    return points


def _decimal_mark(rows: list[Row]) -> str:
    """What marks the decimals, a point or a comma, where that can be told; the other may mark thousands."""
    marked = [(number, cell) for number, cells in rows for cell in cells[:2] if "," in cell or "." in cell]
    grouped = {mark for mark, form in THOUSANDS.items() for _, cell in marked if form.fullmatch(cell)}
    used = {mark: number for number, cell in reversed(marked) for mark in ".," if mark in cell}
    if len(grouped) == 1:
        mark = grouped.pop()
        other = "." if mark == "," else ","
        whole = re.compile(rf"[+-]?[1-9][0-9]{{0,2}}{re.escape(other)}[0-9]{{3}}")
        if all(other not in cell or THOUSANDS[mark].fullmatch(cell) or whole.fullmatch(cell) for _, cell in marked):
            return mark
    if grouped or len(used) == 2:
        raise ValueError(
            f"Line {used['.']} has a point in a number and line {used[',']} a comma, so one may mark thousands; "
            "write all numbers with the same decimal mark and without thousands marks."
        )
    commas = [(number, cell) for number, cell in marked if "," in cell]
    if commas and all(MAYBE_THOUSANDS.fullmatch(cell) for _, cell in commas):
        number, cell = commas[0]
        raise ValueError(
            f"Line {number} holds {quoted(cell)}, and every comma in the file stands before three digits: "
            "it may mark thousands or decimals; write the numbers without thousands marks, or with a decimal point."
        )
    return "," if "," in used else "."


def _number(cell: str, where: str, decimal: str) -> float:
    if not cell:
        raise ValueError(f"{where} is empty where a number belongs; fill it in or remove the line.")
    if NOT_FINITE.fullmatch(cell):
        raise ValueError(f"{where} holds {quoted(cell)}, where a finite number belongs; correct or remove the line.")
    if not NUMBER.fullmatch(cell):
        raise ValueError(
            f"{where} holds {quoted(cell)}, where a number such as 1.5 or -2e-3 belongs; correct or remove the line."
        )
    value = float(cell.replace("." if decimal == "," else ",", "").replace(",", "."))
    if abs(value) > MAX_ABS:
        raise ValueError(
            f"{where} holds {quoted(cell)}, beyond the limit of ±{MAX_ABS:g}; give the column in other units."
        )
    return value


def _labels(numbered: list[tuple[int, str]]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Indices ``(N,)`` int64 and the names that they point to."""
    cells = [cell for _, cell in numbered]
    for number, cell in numbered:
        if not cell:
            where = f"Line {number}, column 3"
            raise ValueError(f"{where} is empty where a label belongs; fill it in or remove the line.")
    names = set(cells)
    if len(names) > MAX_LABELS:
        raise ValueError(
            f"The third column holds {len(names):,} different labels, more than the {MAX_LABELS} that have a colour; "
            "merge some, or remove the column if it holds no labels."
        )
    if all(NUMBER.fullmatch(name) for name in names):
        ordered = sorted(names, key=lambda name: (float(name.replace(",", ".")), name))
    else:
        ordered = sorted(names)
    index = {name: k for k, name in enumerate(ordered)}
    return np.array([index[cell] for cell in cells], dtype=np.int64), tuple(ordered)


def _columns(cells: list[str]) -> str:
    return "one column" if len(cells) == 1 else f"{len(cells)} columns"


def _as_label(label: object) -> str:
    text = str(label)
    if not text or text != text.strip() or len(text) > MAX_LABEL_LENGTH or re.search(r"[\r\n\0]", text):
        raise ValueError(
            f"The label {quoted(text)} cannot be written; give one line of 1 to {MAX_LABEL_LENGTH} characters "
            "without spaces around it."
        )
    return text
