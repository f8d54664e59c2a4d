"""Where the processes of a training meet, and keep a few words for each other."""

from __future__ import annotations

from datetime import timedelta

from torch.distributed import DistError, Store, TCPStore  # type: ignore[attr-defined]

from zoo_core.errors import ZooError

from .process_rank import Place

MEETING = 300.0
"""How long a process looks for the place where the others are, which may still be starting."""

_known: dict[Place, Store] = {}


def store_of(place: Place, *, seconds: float = MEETING) -> Store:
    """Where the processes of a training meet: torchrun has it, and keeps it when it starts them anew."""
    if place in _known:
        return _known[place]
    listens, patience = place.first_listens and place.rank == 0, timedelta(seconds=seconds)
    try:
        _known[place] = TCPStore(place.address, place.port, is_master=listens, wait_for_workers=False, timeout=patience)
        return _known[place]
    except (RuntimeError, DistError) as error:
        raise ZooError(
            f"process {place.rank} cannot reach {place.address}, port {place.port}, where the processes meet",
            hint="MASTER_ADDR and MASTER_PORT are of the first machine, which the others have to reach",
        ) from error
