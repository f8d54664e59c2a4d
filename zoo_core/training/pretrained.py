"""Weights that a model offers by name: fetched once or found in its package, checked, and read without running them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from zoo_core.data.download import problem_of, stream_to
from zoo_core.discovery.cache import cache_folder
from zoo_core.errors import UsageError, ZooError, did_you_mean
from zoo_core.files import clear_io_errors, read_plain, sha256_of, write_atomic
from zoo_core.registry import warn
from zoo_core.replacing import scratch
from zoo_core.specs import Weights

from .checkpoint import copy_state, load_as_it_knows, read_tensors
from .fitting import FittingPart, fitting_part
from .packaged import read_packaged
from .pickled import read_pth

DEFAULT = "DEFAULT"

_WHOLE_HASH = 64
_SHORTEST_HASH = 8
_MOST_BYTES = 20 * 2**30  # where the size is not known
_SLACK = 2**20  # libraries give sizes in megabytes, rounded


def find_weights(offered: Sequence[Weights], name: str, *, model: str) -> Weights:
    """The weights of that name, or the first ones for "DEFAULT". Raises UsageError with the known names."""
    if not offered:
        raise UsageError(f"{model} has no weights called {name!r}", hint="it has none; name a file of weights")
    if name == DEFAULT:
        return offered[0]
    known = {weights.name: weights for weights in offered}
    if name not in known:
        raise UsageError(f"{model} has no weights called {name!r}", hint=did_you_mean(name, (*known, DEFAULT)))
    return known[name]


def fetch_weights(weights: Weights, *, model: str, folder: Path | None = None) -> dict[str, Tensor]:
    """The tensors of published weights, by the names that they have in their file, in memory.

    They are fetched into `folder` (default: the user's cache) unless they are there. A hash that is only a prefix, as
    libraries put it into names of files, is enough for an https address. Where none is published, what comes first is
    taken, with a warning, and its hash is kept beside it: it cannot change unseen. Raises ZooError when there is no
    network, when other bytes come, when the file is damaged; RefusedFileError when it holds more than tensors. Those of
    a Python package are read where they are, see `read_packaged`.
    """
    if weights.file:
        return read_packaged(weights, model=model)
    path = (folder or cache_folder() / "weights") / _file_name(weights)
    if not path.exists():
        _fetch(weights, path, model=model)
    known = _kept_hash(path, weights, model=model) if weights.sha256 is None else weights.sha256
    if not sha256_of(path).startswith(known):
        raise ZooError(
            f"{path} is not the weights {weights.name} of {model}: its sha256 differs",
            hint="remove it to fetch it again",
        )
    if path.suffix == ".safetensors":
        return read_tensors(path, what="the weights")[0]
    return read_pth(path, mend="remove the file to fetch it again")


def load_published(module: nn.Module, tensors: Mapping[str, Tensor], *, source: str) -> FittingPart:
    """The module's state after the part of these tensors that fits was put into it, by its own names.

    The module's own `load_state_dict` decides what fits, because it knows the names that its older versions had.
    Raises ZooError when anything is missing, unexpected or of another shape, and when two parts fit.
    """
    part = fitting_part(
        tensors, module, source=source, choose=lambda prefix: "the plugin must publish one of them alone"
    )
    hint = "they need the builder's own options: leave out -o, or give those that the weights were made with"
    load_as_it_knows(module, part.tensors, source=source, hint=hint)
    return FittingPart(tensors=copy_state(module), told=part.told)


def _file_name(weights: Weights) -> str:
    """The name in the cache: that of the address, and what tells it from others of that name."""
    mark = hashlib.sha256(weights.url.encode()).hexdigest() if weights.sha256 is None else weights.sha256
    return f"{mark[:_SHORTEST_HASH]}-{weights.url.partition('?')[0].rpartition('/')[2] or 'weights.pth'}"


def _kept_hash(path: Path, weights: Weights, *, model: str) -> str:
    """The sha256 that the file had when it was first seen, which is now where there is no note of it."""
    note = path.with_name(f"{path.name}.sha256")
    with clear_io_errors("cannot read or write", note):
        if not note.exists():
            write_atomic(note, f"{sha256_of(path)}\n")
            warn(
                f"no sha256 is published for the weights {weights.name} of {model}: "
                f"they are taken as they came from {weights.url}, and must stay the same from now on"
            )
        return read_plain(note, most=1000).decode("ascii", "replace").strip()


def _require_protection(weights: Weights, *, model: str) -> None:
    """Raise ZooError where neither the hash nor the way it comes says that a file is the right one."""
    which, protected = f"the weights {weights.name} of {model}", weights.url.startswith("https://")
    if weights.sha256 is None:
        if not protected or not _file_name(weights).endswith(".safetensors"):
            raise ZooError(
                f"{which} have no sha256, and {weights.url} is not .safetensors over https",
                hint="the plugin must give the whole sha256",
            )
        return
    if not protected and _believed(weights):
        raise ZooError(
            f"{which} would come unprotected from {weights.url}",
            hint="an address without https needs the whole sha256; the plugin must give one",
        )


def _believed(weights: Weights) -> bool:
    """Whether the way that a file comes is a part of why it is believed, because no whole hash is known."""
    return weights.sha256 is None or len(weights.sha256) < _WHOLE_HASH


def _check_whole(path: Path) -> None:
    """Raise ValueError for a file that was cut off, and for a page in the place of a file."""
    try:
        read_tensors(path, what="the weights")
    except ZooError as error:
        raise ValueError(error.message) from error


def _fetch(weights: Weights, path: Path, *, model: str) -> None:
    """Fetch a file into its place, whole and checked, or not at all."""
    _require_protection(weights, model=model)
    most = _MOST_BYTES if weights.size is None else weights.size + _SLACK
    with clear_io_errors("cannot write", path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch(path.parent, ".fetch-") as place:
            temporary = place / path.name

            def fetch() -> None:
                stream_to(weights.url, temporary, most_bytes=most, protected=_believed(weights))
                if weights.sha256 is None:
                    _check_whole(temporary)
                elif not sha256_of(temporary).startswith(weights.sha256):
                    raise ValueError("another sha256")

            problem = problem_of(fetch, path=path)
            if problem is None:
                path.with_name(f"{path.name}.sha256").unlink(missing_ok=True)  # of a file that was removed
                temporary.replace(path)
    if problem is not None:
        raise ZooError(
            f"cannot fetch the weights {weights.name} of {model} from {weights.url}: {problem}",
            hint=f"check the network; or put the file there yourself: {path}",
        )
