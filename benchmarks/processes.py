"""What the benchmarks start, they end."""

from __future__ import annotations

import os
import signal
import subprocess


def end(process: subprocess.Popen) -> None:
    """End the server and whatever it started: it leads a process group of its own."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
            process.wait(timeout=5)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
