"""What is loaded behind the first picture, and kept out of the garbage collector's way.

After every rerun Streamlit runs a full garbage collection, which walks through all that imports have left
behind (90 ms and more with torch). ``gc.freeze`` takes that out of its sight.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from typing import Any

from threadpoolctl import threadpool_limits

# Arrays here are small: a second BLAS thread only spins, and takes the core from the browser and the trainer.
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")

_lock = threading.Lock()
_done: set[str] = set()


def share_cores() -> None:
    """One thread for BLAS libraries, loaded already or to come."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    threadpool_limits(limits=1)


def freeze() -> None:
    """Once a process: put everything imported so far out of the garbage collector's sight.

    Then scipy's functions are imported in the background, a fifth of a second that the next page need not wait for.
    """
    if _first("freeze"):
        share_cores()
        gc.collect()
        gc.freeze()
        threading.Thread(target=_import_scipy, name="warm-up of scipy", daemon=True).start()


def _import_scipy() -> None:
    import scipy.spatial.distance
    import scipy.special  # noqa: F401

    gc.collect()
    gc.freeze()


def start_libraries(before: Callable[[], None]) -> None:
    """Once a process: call ``before``, and import scikit-learn and torch, in the background.

    It is for when the first picture has gone out.
    """
    if _first("libraries"):
        threading.Thread(target=_import_libraries, args=(before,), name="warm-up", daemon=True).start()


def _import_libraries(before: Callable[[], None]) -> None:
    before()
    import sklearn.discriminant_analysis
    import sklearn.linear_model
    import sklearn.naive_bayes  # noqa: F401

    load_torch()


def load_torch() -> None:
    """Import torch, and all that its first step would import."""
    import torch

    torch.set_num_threads(1)  # with other load on two cores, two threads are far slower than one
    _step_once(torch)
    gc.collect()
    gc.freeze()


def _step_once(torch: Any) -> None:
    """One step of an optimiser, which imports half a second's worth more of torch."""
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    optimiser = torch.optim.Adam([weight], fused=True)
    torch.nn.functional.linear(torch.ones(1, 2), weight).sum().backward()
    optimiser.step()


def _first(name: str) -> bool:
    with _lock:
        new = name not in _done
        _done.add(name)
    return new
