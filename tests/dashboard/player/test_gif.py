"""A GIF has the pictures that came, in their order and for their time; anything else is refused in a sentence."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from dashboard.player import gif
from dashboard.player.gif import BadPictures, animated

COLOURS = ["#ffffff", "#b23c0a", "#0b5cad", "#1b1f24"]


def png(colour: str, size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return file.getvalue()


def body(pictures: list[bytes], milliseconds: object = 70, sizes: object = None) -> bytes:
    head = {"milliseconds": milliseconds, "sizes": [len(p) for p in pictures] if sizes is None else sizes}
    return json.dumps(head).encode() + b"\n" + b"".join(pictures)


def test_pictures_in_their_order():
    image = Image.open(io.BytesIO(animated(body([png(colour) for colour in COLOURS]))))
    assert (image.size, image.n_frames, image.info["loop"]) == ((40, 30), 4, 0)
    for k, colour in enumerate(COLOURS):
        image.seek(k)
        assert image.info["duration"] == 70
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        np.testing.assert_allclose(np.asarray(image.convert("RGB"))[10, 10], wanted, atol=2)


def test_a_picture_that_stays_takes_its_time():
    image = Image.open(io.BytesIO(animated(body([png("#ffffff")] * 3 + [png("#000000")]))))
    total = 0
    for k in range(image.n_frames):
        image.seek(k)
        total += image.info["duration"]
    assert total == 4 * 70


WHITE = png("#ffffff")


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"no JSON\n" + WHITE,
        b"[]\n",
        b"[" * 100_000 + b"\n",
        body([WHITE], sizes=[len(WHITE) + 1]),
        body([WHITE], sizes=[]),
        body([WHITE], sizes=[-1, len(WHITE) + 1]),
        body([WHITE], sizes=[float(len(WHITE))]),
        body([WHITE], sizes="12"),
        body([WHITE], milliseconds=0),
        body([WHITE], milliseconds=10**9),
        body([WHITE], milliseconds=True),
        body([WHITE[:60]]),
        body([b"GIF89a" + WHITE]),
        body([png("#ffffff", kind="BMP")]),
        body([WHITE, png("#ffffff", (41, 30))]),
        body([png("#ffffff", (gif.LONGEST_SIDE + 1, 2))]),
        body([WHITE] * (gif.MOST_PICTURES + 1)),
    ],
)
def test_what_makes_no_gif(wrong):
    with pytest.raises(BadPictures, match=r"\.$"):
        animated(wrong)
