"""Make the data files and sample pictures of this plugin from the digits of scikit-learn.

    python -m zoo_plugins.digits.make_data path/to/sklearn/datasets/data/digits.csv.gz [FOLDER]

Each row of the CSV is one picture: 64 values from 0 to 16, then the digit. Nothing is random: the same CSV gives the
same files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from zoo_core.commands import write_atomic
from zoo_core.data import idx_bytes, set_aside

from . import SIZES, WORDS, to_bytes

SHOWN = (0, 2, 3, 5, 7, 9)


def main(source: Path, folder: Path) -> None:
    """Write `data/*.gz` and `samples/*.png` below `folder`."""
    table = np.loadtxt(source, delimiter=",", dtype=np.uint8)
    images, labels = table[:, :64].reshape(-1, 8, 8), table[:, 64]
    order = _split_order(labels.astype(np.int64))
    images, labels = images[order], labels[order]
    write_atomic(folder / "data" / "images-idx3-ubyte.gz", idx_bytes(images, compressed=True))
    write_atomic(folder / "data" / "labels-idx1-ubyte.gz", idx_bytes(labels, compressed=True))
    (folder / "samples").mkdir(exist_ok=True)
    first_test = SIZES["train"] + SIZES["validation"]
    for digit in SHOWN:
        index = first_test + int(np.flatnonzero(labels[first_test:] == digit)[0])
        Image.fromarray(to_bytes(images[index])).save(folder / "samples" / f"{WORDS[digit]}.png")


def _split_order(labels: np.ndarray) -> np.ndarray:
    """Train, then validation, then test, each class with its share in each, each part in the order of the CSV."""
    everything = np.arange(len(labels))
    test = set_aside(labels, SIZES["test"], purpose="digits test")
    rest = np.setdiff1d(everything, test)
    validation = rest[set_aside(labels[rest], SIZES["validation"], purpose="digits valid")]
    return np.concatenate([np.setdiff1d(rest, validation), validation, test])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent)
