"""Painted points survive the link; every fault in it is one clear sentence."""

import base64
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.scene.painted import decode_points, encode_points

QUICK = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def check_sentence(message):
    assert message.splitlines() == [message]
    assert 0 < len(message) < 300
    assert message.endswith(".")
    assert message[0].isupper()


# Links -------------------------------------------------------------------------------------------------------------

X, Y = (-3.0, 5.0), (0.0, 0.1)
SIZE = np.array([8.0, 0.1])


def painted(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([X[0], Y[0]]) + rng.random((n, 2)) * SIZE, rng.integers(0, 3, n)


def refused(text, *parts):
    with pytest.raises(ValueError, match="link") as fault:
        decode_points(text, X, Y)
    check_sentence(str(fault.value))
    for part in parts:
        assert part in str(fault.value)


def as_link(packed, version="1"):
    return version + base64.urlsafe_b64encode(zlib.compress(packed)).decode().rstrip("=")


@QUICK
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2)), max_size=40),
    st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
    st.tuples(st.floats(0.1, 1e3), st.floats(0.1, 1e3)),
)
def test_a_link_brings_each_point_back_within_half_a_cell(drawn, low, size):
    unit = np.array([d[:2] for d in drawn]).reshape(-1, 2)
    points, labels = low + unit * size, np.array([d[2] for d in drawn], dtype=np.int64)
    x_range, y_range = ((a, a + b) for a, b in zip(low, size, strict=True))
    text = encode_points(points, labels, x_range, y_range)
    back, back_labels = decode_points(text, x_range, y_range)
    assert back.shape == points.shape
    assert back_labels.dtype == np.int64
    np.testing.assert_array_equal(back_labels, labels)
    assert (np.abs(back - points) <= np.array(size) / 1024 * 0.5000001).all()
    assert encode_points(back, back_labels, x_range, y_range) == text


def test_every_cell_and_class_survives():
    grid = (np.arange(1024) + 0.5) / 1024
    for start in range(0, 1024, 500):
        cells = np.array([X[0], Y[0]]) + np.stack([grid, grid[::-1]], 1)[start : start + 500] * SIZE
        labels = np.arange(len(cells)) % 3
        back, back_labels = decode_points(encode_points(cells, labels, X, Y), X, Y)
        np.testing.assert_allclose(back, cells, atol=1e-12)
        np.testing.assert_array_equal(back_labels, labels)


def test_no_points_are_no_text():
    assert encode_points(np.zeros((0, 2)), [], X, Y) == ""
    points, labels = decode_points("", X, Y)
    assert points.shape == (0, 2)
    assert labels.shape == (0,)


def test_five_hundred_points_fit_and_no_more():
    points, labels = painted(501)
    text = encode_points(points[:500], labels[:500], X, Y)
    assert len(text) < 2_050  # a link stays below what browsers and chats cut off
    assert len(decode_points(text, X, Y)[0]) == 500
    with pytest.raises(ValueError, match="at most 500 points, not 501") as fault:
        encode_points(points, labels, X, Y)
    check_sentence(str(fault.value))


def test_a_point_outside_goes_to_the_edge():
    outside = np.array([[-1e308, 1e308], [X[1], Y[1]]])
    back, _ = decode_points(encode_points(outside, [0, 1], X, Y), X, Y)
    half = SIZE / 2048
    np.testing.assert_allclose(back, [[X[0] + half[0], Y[1] - half[1]], [X[1] - half[0], Y[1] - half[1]]])


@pytest.mark.parametrize("labels", [[0], [0, 3], [0, -1], [0, 0.5], ["a", "b"]])
def test_labels_that_do_not_fit_are_not_encoded(labels):
    with pytest.raises(ValueError, match="labels do not fit"):
        encode_points(np.zeros((2, 2)), labels, X, Y)


def test_points_without_a_place_are_not_encoded():
    with pytest.raises(ValueError, match="not finite"):
        encode_points(np.array([[0.0, np.nan]]), [0], X, Y)


@pytest.mark.parametrize("x_range", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1), (-1e308, 1e308), (1e9, 1e9 + 1)])
def test_a_panel_without_size_is_refused(x_range):
    with pytest.raises(ValueError, match="no ranges"):
        encode_points(np.zeros((1, 2)), [0], x_range, Y)
    with pytest.raises(ValueError, match="no ranges"):
        decode_points("", x_range, Y)


def test_every_cut_and_every_changed_character_is_noticed():
    text = encode_points(*painted(7), X, Y)
    for k in range(1, len(text)):
        refused(text[:k])
    for k in range(len(text)):
        for other in "Aa09-_=+/ é\n":
            if other != text[k]:
                refused(text[:k] + other + text[k + 1 :])
    for tail in ("A", "AAAA", "=", "\n"):
        refused(text + tail)


def test_another_version_is_refused():
    refused(as_link(b"\0\0\0", version="2"), "'2'", "version 1")


@pytest.mark.parametrize("packed", [b"", b"\0", b"\0\0\0\0", b"\0\0\3", b"\x40\0\0", b"\0\0\0" * 501])
def test_a_foreign_payload_is_refused(packed):
    refused(as_link(packed), "damaged")


def test_a_zip_bomb_is_refused():
    bomb = as_link(b"\0" * 2_000_000)  # short enough as text, so the stream itself must be stopped
    tracemalloc.start()
    refused(bomb, "damaged")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000
    refused(as_link(b"\0" * 100_000_000), "characters")


@QUICK
@given(st.text() | st.text(alphabet="1ABCxyz019-_=", max_size=60).map("1eN".__add__) | st.binary().map(as_link))
def test_a_strange_link_raises_nothing_but_a_sentence(text):
    try:
        points, labels = decode_points(text, X, Y)
    except ValueError as fault:
        check_sentence(str(fault))
    else:
        assert ((points >= [X[0], Y[0]]) & (points <= [X[1], Y[1]])).all()
        assert encode_points(points, labels, X, Y)[:1] == text[:1]
