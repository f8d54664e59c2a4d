"""What a fingerprint takes of an array: its type, its shape and its bytes, the same on every machine."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def hash_array(array: NDArray[Any], digest: hashlib._Hash) -> None:
    """Add an array to the digest."""
    digest.update(f"{array.dtype.name} {array.shape}".encode())
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    digest.update(little.data)
