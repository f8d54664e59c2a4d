"""A checkpoint in parts, one file a process, by `torch.distributed.checkpoint`: any number of processes can read it.

The parts are safetensors, and what says of which tensor each is a part is in their headers: no pickle here, either.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zoo_core.errors import ZooError
from zoo_core.files import sha256_of


@dataclass(frozen=True, kw_only=True)
class Shards:
    """The files of a folder, with their hashes."""

    folder: Path
    sha256: Mapping[str, str]

    def whole(self) -> dict[str, Tensor]:
        """All tensors, for a process that has whole ones."""
        from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
        from torch.distributed.checkpoint.state_dict_loader import load

        tensors = {name: torch.empty(size, dtype=dtype) for name, (size, dtype) in sizes_in(self).items()}
        with warnings.catch_warnings(action="ignore"):  # that there is one process alone
            load(tensors, storage_reader=HuggingFaceStorageReader(str(self.folder)), no_dist=True)
        return tensors

    def check(self) -> None:
        """Raise ZooError where a file is missing or another one."""
        for name, known in self.sha256.items():
            path = self.folder / name
            if not path.is_file() or sha256_of(path) != known:
                raise ZooError(f"checkpoint {path} is damaged: its content is not what was written")


def save_shards(tensors: Mapping[str, Tensor], folder: Path, *, first: bool) -> Shards:
    """Write this process's parts; called by all of them. What is there of another attempt is replaced."""
    import torch.distributed as dist
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
    from torch.distributed.checkpoint.state_dict_saver import save

    if first:
        shutil.rmtree(folder, ignore_errors=True)
    dist.barrier()
    save(dict(tensors), storage_writer=HuggingFaceStorageWriter(str(folder), save_distributed=True))
    files = sorted(folder.glob("*.safetensors")) if first else []
    return Shards(folder=folder, sha256={file.name: sha256_of(file) for file in files})


def sizes_in(shards: Shards) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """Shape and type of each tensor."""
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.metadata import TensorStorageMetadata

    metadata = HuggingFaceStorageReader(str(shards.folder)).read_metadata().state_dict_metadata
    known = {name: each for name, each in metadata.items() if isinstance(each, TensorStorageMetadata)}
    return {name: (each.size, each.properties.dtype) for name, each in known.items()}


def load_into(tensors: Mapping[str, Tensor], shards: Shards) -> None:
    """Fill tensors, or this process's parts of them; called by all processes that share them."""
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import load

    load(dict(tensors), storage_reader=HuggingFaceStorageReader(str(shards.folder)))
