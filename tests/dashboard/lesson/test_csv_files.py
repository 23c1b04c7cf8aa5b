"""A learner's points come back to the last bit from every kind of file; every fault is one clear sentence."""

import csv
import io

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dashboard.lesson.csv_files import read_csv, write_csv

QUICK = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
COORDINATE = st.floats(-1e6, 1e6)
POINTS = hnp.arrays(np.float64, st.tuples(st.integers(2, 12), st.just(2)), elements=COORDINATE).filter(
    lambda points: not (points == points[0]).all()
)
NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).map(str.strip).filter(bool)
BOM = b"\xef\xbb\xbf"


def spelled(points, labels, *, delimiter, decimal, header, bom, end, encoding="utf-8"):
    """The file that some other program would have written: `write_csv`'s cells in another dialect."""
    rows = list(csv.reader(io.StringIO(write_csv(points, labels))))
    numbers = [[cell.replace(".", decimal) for cell in row[:2]] + row[2:] for row in rows[1:]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows[: int(header)] + numbers)
    return bom + text.getvalue().encode(encoding)


def says(content, *parts, **limits):
    """The fault is one short line that ends in a full stop and holds these parts."""
    with pytest.raises(ValueError, match=r"\.$") as fault:
        read_csv(content, **limits)
    check_sentence(str(fault.value))
    for part in parts:
        assert part in str(fault.value)


def check_sentence(message):
    assert message.splitlines() == [message]
    assert 0 < len(message) < 300
    assert message.endswith(".")
    assert message[0].isupper()


# Files that are read -----------------------------------------------------------------------------------------------


@QUICK
@given(POINTS, st.data())
def test_a_written_file_reads_back_to_the_bit(points, data):
    names = data.draw(st.none() | st.lists(NAME, min_size=1, max_size=10, unique=True))
    labels = names and data.draw(st.lists(st.sampled_from(names), min_size=len(points), max_size=len(points)))
    back = read_csv(write_csv(points, labels))
    assert back.points.tobytes() == points.tobytes()  # bit for bit: -0.0 stays -0.0
    assert back.points.dtype == np.float64
    assert back.labels.dtype == np.int64
    if labels:
        assert [back.label_names[k] for k in back.labels] == labels
        assert set(back.label_names) == set(labels)
    else:
        assert back.label_names == ()
        assert back.labels.tolist() == [0] * len(points)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("decimal", [".", ","], ids=["point", "decimal-comma"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "mac"])
@pytest.mark.parametrize("labelled", [False, True], ids=["bare", "labelled"])
@settings(QUICK, max_examples=15)
@given(points=POINTS, header=st.booleans(), bom=st.sampled_from([b"", BOM]), data=st.data())
def test_every_dialect_reads_the_same(delimiter, decimal, end, labelled, points, header, bom, data):
    labels = data.draw(st.lists(st.sampled_from("a,b;c\td\"e'é7"), min_size=len(points), max_size=len(points)))
    labels = [f"<{label}>" for label in labels] if labelled else None
    content = spelled(points, labels, delimiter=delimiter, decimal=decimal, header=header, bom=bom, end=end)
    if len(set(labels or ())) > 10:
        return says(content, "different labels")
    back = read_csv(content)
    assert back.points.tobytes() == points.tobytes()
    assert [back.label_names[k] for k in back.labels] == labels if labels else back.label_names == ()


def test_whole_labels_come_back_as_they_were():
    labels = np.array([2, 0, 1, 2])
    np.testing.assert_array_equal(read_csv(write_csv(np.eye(4, 2), labels)).labels, labels)


def test_number_labels_are_sorted_by_value_and_text_labels_by_spelling():
    assert read_csv("0,0,10\n1,1,9\n2,2,-1").label_names == ("-1", "9", "10")
    assert read_csv("0,0,b10\n1,1,b9\n2,2,a").label_names == ("a", "b10", "b9")


def test_windows_1252_is_read_where_utf_8_is_not():
    content = "x;y;Tier\n1,5;2;Bär – „€“\n2;3;Kuh\n"
    for encoding in ("cp1252", "utf-8"):
        assert read_csv(content.encode(encoding)).label_names == ("Bär – „€“", "Kuh")


@pytest.mark.parametrize(
    "content",
    [
        "1,2\n3,4.5",
        "\n\n  \n1,2\n\n\t\n3,4.5\n\n",
        "  1 ,  2\n 3 , 4.5  ",
        "x1, x2\n1, 2\n3, 4.5\n",
        '"x1", "x2"\n"1", "2"\n"3", "4.5"\n',
        '1,2\n3,"4,5"',
        "1,2,\n3,4.5,,\n,,\n",
        "+1.,2e0\n3E+0,.45e1",
        "x1,x2,\n1,2\n3,4.5",
        "1\t2\n3\t4,5\n",
        "\ufeff1;2\r\r3;4,5",
    ],
)
def test_harmless_oddities_are_read(content):
    assert read_csv(content).points.tolist() == [[1, 2], [3, 4.5]]


def test_as_many_rows_and_bytes_as_allowed_are_read():
    content = "x,y\n" + "\n".join(f"{k},0" for k in range(10_000))
    assert len(read_csv(content, max_bytes=len(content)).points) == 10_000


# Files that are refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", b"", BOM, " \n\t\r\n", ",,\n,\n"])
def test_an_empty_file_is_refused(content):
    says(content, "empty", "two columns of numbers")


def test_text_where_a_number_belongs_is_refused():
    says("x,y\n1,2\n\n3,abc\n", "Line 4, column 2", "'abc'", "number")
    says("1,2\n1.234.5,2\n", "Line 2, column 1", "'1.234.5'")
    says("1,2\n1_000,2\n", "'1_000'")  # float() would take it
    says("1,2\n١,2\n", "'١'")


def test_a_half_numeric_first_line_is_no_heading():
    says("1,oops\n3,4\n5,6\n", "Line 1, column 2", "'oops'")


def test_an_empty_cell_is_refused():
    says("x,y,z\n1,,a\n3,4,b\n", "Line 2, column 2", "is empty")
    says("1\t2\n\t4\n", "Line 2, column 1", "is empty")


@pytest.mark.parametrize("cell", ["nan", "NaN", "inf", "-Infinity"])
def test_a_number_that_is_not_finite_is_refused(cell):
    says(f"1,2\n3,4\n5,{cell}\n", "Line 3, column 2", cell, "finite")
    says(f"{cell},{cell}\n3,4\n5,6\n", "Line 1, column 1")  # and is no heading


def test_one_column_is_refused():
    says("1\n2\n3\n", "Line 1 has one column", "'1'", "comma")
    says("x\n2\n3\n", "Line 1 has one column", "'x'")
    says("1.0 2.0\n3.0 4.0\n", "Line 1 has one column", "'1.0 2.0'")


def test_more_than_three_columns_are_refused():
    says("1,2,3,4\n1,2,3,5\n", "Line 1 has 4 columns", "remove")
    says("a,b,c,d,e\n", "Line 1 has 5 columns")


def test_a_heading_over_row_numbers_is_refused():
    says(",x1,x2\n0,1.5,2.5\n1,3.5,4.5\n", "line 1", "row numbers")


def test_one_row_is_refused():
    says("1,2", "one row", "at least two")
    says("x,y\n1,2\n", "one row")
    says("x,y\n", "a heading but no rows")


def test_equal_rows_are_refused():
    says("1,2\n1.0,2\n1,2e0\n", "all rows are the same point, so nothing can be learned")
    says("0,2,a\n-0.0,2,b\n", "all rows are the same point")


def test_too_many_rows_are_refused():
    says("x,y\n" + "1,2\n\n" * 11, "11 rows", "10 that", "sample", max_rows=10)
    says("x,y\n" + "1,2\n" * 10_001, "10,001 rows", "10,000")


@pytest.mark.parametrize("row", [b"0.123456,0.654321\n", b"1\n", b"x\r\n\r\n"])
def test_a_million_rows_are_refused(row):
    says(row * 1_000_000, "999,999 rows" if row[:1] == b"x" else "1,000,000 rows", "sample")


def test_fifty_megabytes_are_refused():
    says(b"0.123456,0.654321\n" * (50 * 2**20 // 18), "50.0 MB", "20.0 MB", "sample")
    says("é" * (15 * 2**20), "30.0 MB")  # bytes count, not characters


@pytest.mark.parametrize("filler", [b"\n", b" ", b"1", b'"', b",", b"\xff", b" \n", b"\r"])
def test_twenty_megabytes_of_nonsense_are_refused(filler):
    says(filler * (20 * 2**20 // len(filler)))


def test_ragged_rows_are_refused():
    says("1,2\n3,4\n5\n", "Line 3 has one column", "line 1 has 2 columns", "commas")
    says("1;2\n3;4\n5;6;a\n", "Line 3 has 3 columns", "semicolons")
    says("x,y,label\n1,2,a\n3,4\n", "Line 3 has 2 columns", "line 1 has 3 columns")
    says('"x","y"\n"1",1.5,2.5\n2,2.5,3.5\n', "Line 2 has 3 columns", "line 1 has 2")  # R's row names


@pytest.mark.parametrize("cell", ["1e101", "-1e200", "1e999", "9" * 500])
def test_absurd_magnitudes_are_refused(cell):
    says(f"1,2\n3,{cell}\n", "Line 2, column 2", "±1e+100", "other units")


@pytest.mark.parametrize("cell", ["1000001", "-1e12", "1e-300"])
def test_large_and_small_units_are_read(cell):
    assert read_csv(f"1,2\n3,{cell}\n").points[1, 1] == float(cell)


@pytest.mark.parametrize("content", ["a,b\n1,2\n3,\n", "a,b,kind\n1,2,x\n3,,y\n", "a;b;;\n1;2;;\n3;;;\n"])
def test_an_empty_cell_is_no_missing_column(content):
    says(content, "Line 3, column 2 is empty where a number belongs")


def test_an_empty_label_is_told():
    says("a,b,kind\n1,2,x\n3,4,\n", "Line 3, column 3 is empty where a label belongs")


def test_a_heading_is_kept():
    assert read_csv("rate; price ;kind\n1;2;a\n3;4;b\n").columns == ("rate", "price")
    assert read_csv("1,2\n3,4\n").columns == ()


@pytest.mark.parametrize("content", [b"PK\x03\x04\0\0", "1,2\n3,4\n".encode("utf-16"), "1,2\n3,\0"])
def test_binary_content_is_refused(content):
    says(content, "binary", "save the table as CSV")


def test_too_many_labels_are_refused():
    says("".join(f"{k},{k},{k}\n" for k in range(11)), "third column", "11 different labels", "10")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('"1,160.8","2"\n"980","3.5"\n', [[1160.8, 2], [980, 3.5]]),
        ('"1,160.8","2,000"\n"980","3"\n', [[1160.8, 2000], [980, 3]]),
        ("1.160,8;2\n980;-3,5\n", [[1160.8, 2], [980, -3.5]]),
        ("1.160,8;2.000\n980;3\n", [[1160.8, 2000], [980, 3]]),
        ('"160,000","1,000,000"\n"2","3"\n', [[160_000, 1_000_000], [2, 3]]),
        ("0,125;1,250\n2,500;3,750\n", [[0.125, 1.25], [2.5, 3.75]]),  # 0,125 is no thousand
        ("1,25;1,250\n2,500;3,750\n", [[1.25, 1.25], [2.5, 3.75]]),
        ("1.250;980\n2.500;3\n", [[1.25, 980], [2.5, 3]]),
    ],
)
def test_marks_of_thousands_are_read_where_nothing_else_can_be_meant(content, expected):
    assert read_csv(content).points.tolist() == expected


@pytest.mark.parametrize(
    "content",
    ['town,people\n"1,250","2,400"\n"980","1,900"\n', "1,250;3,500\n2,000;4,125\n"],
)
def test_what_may_be_thousands_or_decimals_is_refused(content):
    says(content, "1,250", "may mark thousands or decimals")


@pytest.mark.parametrize("content", ["1,160.8;2\n1.160,8;3\n", '"1,160.8","2"\n"3,5","1"\n'])
def test_two_ways_of_writing_in_one_file_are_refused(content):
    says(content, "thousands")


@pytest.mark.parametrize("first", ["sep=;\n", "SEP=;\r\n", "\ufeffsep=;\n", "sep=; \n\n"])
def test_excels_first_line_names_the_delimiter(first):
    assert read_csv((first + "a;b\n1,5;2\n3;4\n").encode()).points.tolist() == [[1.5, 2], [3, 4]]
    says(first + "a;b\n1,5;x\n3;4\n", "column 2")


def test_two_decimal_marks_are_refused():
    says("1,5;2\n1.234;3\n", "Line 2 has a point", "line 1 a comma", "thousands")


def test_a_line_without_end_is_refused():
    says("1,2\n" + "7" * 1001, "Line 2 has 1,001 characters")


def test_an_open_quote_costs_its_own_line_only():
    says('1,2\n3,"4\n5,x\n', "Line 3, column 2")


@QUICK
@given(st.text() | st.binary() | st.text(alphabet="0123456789.,;\t\n\r \"'-+eExyna\u2028\x85\ud800"))
@example("1,2\n3,\U0010ffff" + "\U0010ffff" * 100)
@example(b"1,2\n3," + b"\x85" * 300)
@example("\ud800,1\n2,3")
def test_nothing_but_a_sentence_is_raised(content):
    try:
        data = read_csv(content)
    except ValueError as fault:
        check_sentence(str(fault))
    else:
        assert data.points.shape == (len(data.labels), 2)
        assert (np.abs(data.points) <= 1e100).all()


@pytest.mark.parametrize("label", ["", " a", "a\nb", "a\rb", "a\0b", "x" * 201])
def test_a_label_that_would_not_come_back_is_not_written(label):
    with pytest.raises(ValueError, match="label") as fault:
        write_csv(np.eye(2), ["a", label])
    check_sentence(str(fault.value))


def test_only_points_of_the_plane_are_written():
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        write_csv(np.ones((2, 3)))
    with pytest.raises(ValueError, match="3 labels for 2 points"):
        write_csv(np.eye(2), [0, 1, 2])
