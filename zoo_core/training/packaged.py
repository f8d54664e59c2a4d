"""Weights that lie in a Python package beside its code, also where it is installed as an archive."""

from __future__ import annotations

from importlib.resources import as_file, files

from torch import Tensor

from zoo_core.errors import ZooError
from zoo_core.files import clear_io_errors, sha256_of
from zoo_core.specs import Weights

from .checkpoint import read_tensors
from .pickled import read_pth


def read_packaged(weights: Weights, *, model: str) -> dict[str, Tensor]:
    """The tensors of `Weights(file="package:path")`, by the names that they have in their file.

    Raises ZooError when the package or the file is missing, the hash differs or the file is damaged; RefusedFileError
    when a .pth holds more than tensors.
    """
    which = f"the weights {weights.name} of {model}"
    package, _, inside = weights.file.partition(":")
    try:
        place = files(package).joinpath(inside)
    except (ImportError, TypeError) as error:
        raise ZooError(
            f"{which} are in the package {package}, which cannot be opened: {error}",
            hint="the plugin must name one that is installed with it",
        ) from error
    if not place.is_file():
        raise ZooError(
            f"{which} are not in the package {package}: it has no file {inside}",
            hint="the plugin's wheel must hold it: see the package data of its pyproject.toml",
        )
    mend = f"install the package with {package} again"
    with as_file(place) as path, clear_io_errors("cannot read", path):
        if weights.sha256 is not None and not sha256_of(path).startswith(weights.sha256):
            raise ZooError(f"{weights.file} is not the file with {which}: its sha256 differs", hint=mend)
        if path.suffix == ".pth":
            return read_pth(path, mend=mend)
        return read_tensors(path, what="the weights")[0]
