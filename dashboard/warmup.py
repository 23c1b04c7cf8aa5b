"""What is loaded behind the first picture, and kept out of the garbage collector's way.

After every rerun Streamlit runs a full garbage collection, which walks through all that imports have left
behind (90 ms and more with torch). ``gc.freeze`` takes that out of its sight.
"""

from __future__ import annotations

import gc
import threading

_lock = threading.Lock()
_done: set[str] = set()


def freeze() -> None:
    """Once a process: put everything imported so far out of the garbage collector's sight."""
    if _first("freeze"):
        gc.collect()
        gc.freeze()


def start_torch() -> None:
    """Once a process: import torch in the background. Called when the first picture has gone out."""
    if _first("torch"):
        threading.Thread(target=_import_torch, name="warm-up", daemon=True).start()


def _import_torch() -> None:
    import torch

    torch.set_num_threads(1)  # with other load on two cores, two threads are far slower than one
    gc.collect()
    gc.freeze()


def _first(name: str) -> bool:
    with _lock:
        new = name not in _done
        _done.add(name)
    return new
