"""Where tensors live: the CPU, an NVIDIA GPU (CUDA) or an Apple GPU (MPS).

Importing this file does not import torch. :func:`guess` answers from what the operating system shows, at
once; :func:`resolve` asks torch, and is for code that needs torch anyway.
"""

from __future__ import annotations

import platform
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

CHOICES = ("auto", "cpu", "cuda", "mps")
NAMES = {"cpu": "CPU", "cuda": "NVIDIA GPU (CUDA)", "mps": "Apple GPU (MPS)"}


def guess() -> str:
    """The device that ``auto`` will most likely become, without importing torch: cpu, cuda or mps."""
    if "torch" in sys.modules and hasattr(sys.modules["torch"], "cuda"):
        return resolve("auto").type
    if shutil.which("nvidia-smi"):
        return "cuda"
    return "mps" if (platform.system(), platform.machine()) == ("Darwin", "arm64") else "cpu"


def available() -> dict[str, bool]:
    """Which devices torch can use here. Imports torch."""
    import torch

    return {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}


def resolve(choice: str = "auto") -> torch.device:
    """The torch device for a choice; ``auto`` takes CUDA, else MPS, else the CPU. Imports torch.

    Args:
        choice: One of ``auto``, ``cpu``, ``cuda``, ``mps``.

    Raises:
        ValueError: The name is unknown, or this machine or this build of torch has no such device.
    """
    if choice not in CHOICES:
        raise ValueError(f"Unknown device {choice!r}; choose one of {', '.join(CHOICES)}.")
    import torch

    usable = available()
    if choice == "auto":
        choice = next(name for name in ("cuda", "mps", "cpu") if usable[name])
    if not usable[choice]:
        raise ValueError(
            f"No {NAMES[choice]} can be used by this build of torch on this machine; choose auto or cpu."
        )
    return torch.device(choice)
