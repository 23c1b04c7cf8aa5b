"""An oracle asked of every frame, where what matters happens between those that the test looks at."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

from tests.oracles.seen import Expected, Seen, Tells, differs


def throughout(tells: Tells) -> Tells:
    """Decorates an oracle: with the first frame all the others are looked at.

    ::

        @ORACLES("sample", "Readout samples")
        @throughout
        def samples(seen):
            ...
    """

    @functools.wraps(tells)
    def told(seen: Seen) -> dict[str, Expected] | Expected:
        here = tells(seen)
        if seen.frame:
            return here
        later = [replace(seen, frame=frame) for frame in range(len(seen.scene.steps))]
        by_frame = [(one, tells(one)) for one in later]
        if not isinstance(here, dict):
            return _verdict([(one, one.at("y"), expected) for one, expected in by_frame])
        return {
            channel: _verdict([(one, one.at(channel), expected[channel]) for one, expected in by_frame])
            for channel in here
        }

    return told


def _verdict(by_frame: list[tuple[Seen, Any, Expected]]) -> Expected:
    """A function of what is shown, which names the first frame that is wrong."""
    found = next(((one.frame, why) for one, shown, expected in by_frame if (why := differs(shown, expected))), None)
    return lambda _: found is None or f"in frame {found[0]}: {found[1]}"
