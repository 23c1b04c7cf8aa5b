"""Words that are not ours: a link's, a file's."""

from __future__ import annotations

import re

ADDRESS = re.compile(r"(?=://)|(?<=www)(?=\.)|(?=@)")  # what Markdown makes a link of, escaped or not
MARK = re.compile(r"([\\`*\[\]<>!$~|&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=[A-Za-z]))")
AT_THE_START = re.compile(r"^(\d*)([-+#>=.)])")


def plain(text: object) -> str:
    r"""Text as it is, for a place that reads Markdown: nothing in it is a link, a picture, a formula or a colour.

    Addresses get a space without width, so that nobody makes links of them.

    Example:
        >>> plain("![a](b) 2*3")
        '\\!\\[a\\](b) 2\\*3'
    """
    broken = ADDRESS.sub("\u200b", " ".join(str(text).split()))
    return AT_THE_START.sub(r"\1\\\2", MARK.sub(r"\\\1", broken))
