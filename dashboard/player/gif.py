"""A GIF of pictures that the browser has drawn: all of them share one palette, so that nothing flickers."""

from __future__ import annotations

import io
import json
from typing import Any

MOST_PICTURES, LONGEST_SIDE = 200, 1600
MOST_BYTES = 48 * 2**20
SAMPLED = 8
"""From so many pictures, evenly spaced, the palette is made."""


class BadPictures(ValueError):
    """What came is not what makes a GIF; the message says what was expected."""


def animated(body: bytes) -> bytes:
    """The GIF of a body: one line of JSON, ``{"milliseconds": 70, "sizes": [bytes of each]}``, then the PNGs.

    It plays for ever. All pictures have the size of the first one.

    Raises:
        BadPictures: The body is something else, or holds more or larger pictures than a GIF here may have.
    """
    milliseconds, files = _parts(body)
    pictures = [_read(file) for file in files]
    size = pictures[0].size
    if any(picture.size != size for picture in pictures):
        raise BadPictures("The pictures of a GIF must all have the same size.")
    palette = _palette(pictures)
    first, *rest = [picture.quantize(palette=palette, dither=0) for picture in pictures]
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0, optimize=False)
    return file.getvalue()


def _parts(body: bytes) -> tuple[int, list[bytes]]:
    head, _, rest = body.partition(b"\n")
    try:
        said = json.loads(head)
        milliseconds, sizes = said["milliseconds"], said["sizes"]
        whole = all(type(n) is int and n > 0 for n in [milliseconds, *sizes])
    except (ValueError, TypeError, KeyError, RecursionError) as why:
        raise BadPictures("The body must begin with a line of JSON: milliseconds and sizes.") from why
    if not whole or not sizes or sum(sizes) != len(rest):
        raise BadPictures("The sizes must be those of the pictures that follow.")
    if len(sizes) > MOST_PICTURES or milliseconds > 60_000:
        raise BadPictures(f"A GIF has at most {MOST_PICTURES} pictures of at most 60,000 milliseconds each.")
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    return milliseconds, [rest[end - n : end] for n, end in zip(sizes, ends, strict=True)]


def _read(file: bytes) -> Any:
    """A picture in RGB; its size is looked at before it is unpacked."""
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(io.BytesIO(file), formats=["PNG"])
        if max(picture.size) > LONGEST_SIDE:
            raise BadPictures(f"A picture of a GIF has at most {LONGEST_SIDE} pixels a side.")
        return picture.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as why:
        raise BadPictures("A picture cannot be read; PNG is expected.") from why


def _palette(pictures: list[Any]) -> Any:
    """A picture with the 256 colours that serve all of them best."""
    from PIL import Image

    chosen = pictures[:: max(1, len(pictures) // SAMPLED)][: SAMPLED + 1]
    width, height = pictures[0].size
    sheet = Image.new("RGB", (width, height * len(chosen)))
    for k, picture in enumerate(chosen):
        sheet.paste(picture, (0, k * height))
    return sheet.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
