"""The process in which runs grow: ``python -m dashboard.runs.process``.

It is told in JSON what to do, a line a message, and answers in safetensors blobs, each after its length; nothing is
ever unpickled. It ends when its input does.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import IO, Any

from dashboard.runs import blob, warmup
from dashboard.runs.growth import Growth, Orders, Rest
from dashboard.runs.trainer import decode, to_blob

NICENESS = 5  # a run gives way to whoever answers the visitor


class Desk:
    """What the process is told: orders in a queue, and the last turn that is to be cut short."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.halted = -1
        self.stream = stream
        threading.Thread(target=self._listen, daemon=True).start()

    def is_halted(self, turn: int) -> bool:
        """Whether this turn is to be cut short."""
        return self.halted >= turn

    def _listen(self) -> None:
        for line in self.stream:
            message = json.loads(line)
            if "halt" in message:
                self.halted = message["halt"]
            else:
                self.orders.put(message)
        os._exit(0)


def serve(desk: Desk, write: Callable[[bytes], None]) -> None:
    """Do what is said, for ever."""
    growths: dict[str, Growth] = {}
    while True:
        message = desk.orders.get()
        if "drop" in message:
            growths.pop(message["drop"], None)
            continue
        name, turn = message["grow"], message["turn"]
        try:
            if "recipe" in message:
                growths[name] = Growth(decode(message["recipe"]))
            rest = growths[name].grow(
                Orders(**decode(message["orders"])),
                message["seconds"],
                functools.partial(desk.is_halted, turn),
                lambda frames: write(to_blob(frames)),
            )
        except Exception as why:
            rest = Rest(ended=True, reason=str(why) or type(why).__name__)
        if rest.ended:
            growths.pop(name, None)
        write(blob.pack({}, {"rest": dataclasses.asdict(rest)}))


def main() -> None:
    """Serve; what libraries print goes to the terminal, not among the answers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the dashboard, and that closes our input
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    desk = Desk(sys.stdin.buffer)
    warmup.share_cores()
    warmup.load_torch()

    def write(packed: bytes) -> None:
        answers.write(len(packed).to_bytes(8, "little") + packed)
        answers.flush()

    serve(desk, write)


if __name__ == "__main__":
    main()
