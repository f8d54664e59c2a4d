"""Weights in files of torch.save, which are pickles: read as tensors and nothing else, or refused.

What a pickle names is run when it is opened, unless `weights_only=True` says that only tensors are wanted. A published
file is known by its hash; one that anybody may have made is looked at first, from its bytes alone.
"""

from __future__ import annotations

import shlex
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint

from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.file_limits import MAX_WEIGHTS_BYTES
from zoo_core.files import clear_io_errors, plain_file

from .fitting import tensors_in

_PROTOCOL = b"\x80\x02"
_MAPPINGS = (_PROTOCOL + b"}", _PROTOCOL + b"ccollections\nOrderedDict\n")
"""How a pickle of torch.save begins that is a mapping."""
_SHOWN = 3


def read_pth(path: Path, *, mend: str) -> dict[str, Tensor]:
    """The tensors of a file of torch.save by their dotted names, see `tensors_in`; nothing else in it is looked at.

    Raises ZooError when it is damaged (`mend` says what to do then) or holds none, RefusedFileError when reading it
    would run code.
    """
    try:
        # The warnings are about protocols that torch.save does not write.
        with clear_io_errors("cannot read the weights", path), warnings.catch_warnings(action="ignore"):
            found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except ZooError:
        raise
    except Exception as error:
        if type(error).__name__ != "UnpicklingError":  # it lives in a module that nothing here imports
            # Reading a pickle is running it, step by step: a damaged one raises what its steps raise.
            text = " ".join(str(error).split())[:200]
            raise ZooError(f"the weights {path} are damaged: {text}", hint=mend) from error
        raise RefusedFileError(
            f"{path} holds more than tensors, and reading it would run code that is in it",
            hint="ask for the weights as .safetensors",
        ) from error
    tensors = tensors_in(found)
    if not tensors:
        raise ZooError(f"{path} holds no table of tensors by name", hint="only a module's state can be loaded")
    return tensors


def read_own_pth(path: Path) -> dict[str, Tensor]:
    """As `read_pth`, for a file that anybody may have made: one that holds anything but numbers is refused unopened."""
    with plain_file(path, most=MAX_WEIGHTS_BYTES, what="the weights"):
        pass  # it is one
    if obstacle := _obstacle(path):
        keep = f"torch.save(model.state_dict(), {str(path)!r})"
        raise RefusedFileError(f"{path} is not read: {obstacle}", hint=f"where the model was made: {keep}")
    return read_pth(path, mend="replace the file")


def converting(path: Path, *more: str) -> str:
    """The command that writes the tensors of a file beside it, as it is typed. Nothing in the folder is imported."""
    return shlex.join([sys.executable, "-P", "-m", "zoo_core.training.as_safetensors", str(path), *more])


def choosing(path: Path, prefix: str) -> str:
    """What to do with a file that holds several sets of weights: the command that takes those under `prefix`."""
    return f"to take those under {prefix!r}: {converting(path, prefix)}"


def _obstacle(path: Path) -> str:
    """Why the tensors of a file cannot be taken out without running code, from its bytes alone; empty if they can."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
                return "its parts are compressed, as torch.save never leaves them"
            table = next(name for name in names if name.endswith("data.pkl"))
            with archive.open(table) as file:
                start = file.read(max(map(len, _MAPPINGS)))
        unsafe = sorted(get_unsafe_globals_in_checkpoint(path))
    except (OSError, zipfile.BadZipFile, StopIteration, ValueError, RuntimeError, KeyError):
        return "it is no file of torch.save, or one from before PyTorch 1.6"
    if unsafe:
        more = f" and {len(unsafe) - _SHOWN} more" if len(unsafe) > _SHOWN else ""
        return f"opening it would run {', '.join(unsafe[:_SHOWN])}{more}"
    stored = any("/data/" in name for name in names)
    return "" if stored and start.startswith(_MAPPINGS) else "it holds no tensors by name"
