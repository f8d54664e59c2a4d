"""A process joins those of its training, and leaves them again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed import PrefixStore, Store  # type: ignore[attr-defined]

from zoo_core.errors import ZooError
from zoo_core.records import counted

from .group import Group, LostProcessError, lost_process
from .process_rank import Place
from .sharded import ShardedGroup
from .speaking import is_first_to_fail

PATIENCE = timedelta(minutes=10)
"""How long one process waits for another one before it gives up: longer than the first one writes anything."""


def backend_for(device: str) -> str:
    """What processes talk with whose tensors are on that device: what is not on an accelerator goes by gloo."""
    return "cpu:gloo,cuda:nccl" if torch.device(device).type == "cuda" else "gloo"


@contextlib.contextmanager
def joined(place: Place, store: Store, *, device: str, shard: bool) -> Iterator[Group]:
    """This process among those of its training, which wait for each other here. `shard`: each has parts alone."""
    if torch.device(device).type == "cuda":
        if place.local_rank >= (count := torch.cuda.device_count()):
            raise ZooError(
                f"process {place.rank} is the {place.local_rank + 1}. of a machine that has {counted(count, 'GPU')}",
                hint=f"{count} processes on each machine at most, or --device cpu",
            )
        torch.cuda.set_device(place.local_rank)
    meeting = PrefixStore(f"zoo/{place.restarts}", store)
    backend = backend_for(device)
    try:
        dist.init_process_group(backend, store=meeting, rank=place.rank, world_size=place.size, timeout=PATIENCE)
    except (RuntimeError, dist.DistError) as error:
        raise lost_process() from error
    group = (ShardedGroup if shard else Group)(place, store, backend=backend)
    try:
        group.wait()  # what all have looked at, such as names that are free, changes only now
        yield group
    except LostProcessError:
        raise
    except Exception as error:
        if (lost := group.in_words(error)) is not None:
            raise lost from error
        is_first_to_fail(place)  # before the others hear that this process is gone
        raise
    finally:
        dist.destroy_process_group()
