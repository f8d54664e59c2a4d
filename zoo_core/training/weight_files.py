"""Weights in files of somebody's own: which words name one, and the tensors in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.errors import ZooError

if TYPE_CHECKING:
    from torch import Tensor

PICKLED = (".pth", ".pt", ".bin", ".ckpt", ".pkl")
"""How files of weights end that would run what is in them, if they were simply opened."""

_SUFFIXES = (".safetensors", *PICKLED)


def is_weight_file(text: str) -> bool:
    """Whether a word of the command line names a file of weights, and not a run or published weights."""
    return Path(text).suffix.lower() in _SUFFIXES


def read_weight_file(path: Path, *, option: str) -> dict[str, Tensor]:
    """The tensors of a file by the names that they have in it; one of torch.save is read for its tensors alone.

    Raises ZooError when it is missing (`option` says where it was named) or damaged, RefusedFileError when reading it
    would run code.
    """
    from .checkpoint import read_tensors
    from .pickled import read_own_pth

    if not path.exists():
        raise ZooError(f"there is no file {path}", hint=f"check the path given to {option}")
    if path.suffix.lower() in PICKLED:
        return read_own_pth(path)
    return read_tensors(path, what="the file of weights")[0]
