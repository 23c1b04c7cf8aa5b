"""Words that are not ours, a link's or a file's; and numbers of any size."""

from __future__ import annotations

import re

ADDRESS = re.compile(r"(?=://)|(?<=www)(?=\.)|(?=@)")  # what Markdown makes a link of, escaped or not
MARK = re.compile(r"([\\`*\[\]<>!$~|&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=[A-Za-z]))")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
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


def number(value: float, digits: int = 4) -> str:
    """A number as a person writes it, with so many significant digits.

    Example:
        >>> number(-435_211.7), number(0.03914), number(2.1494e-6)
        ('−435,200', '0.03914', '2.149 · 10⁻⁶')
    """
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return f"{float(f'{value:.{digits}g}'):,}".removesuffix(".0").replace("-", "−")
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa} · 10{str(int(power)).translate(RAISED)}".replace("-", "−")
