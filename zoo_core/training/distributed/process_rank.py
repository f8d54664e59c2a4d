"""Which of a training's processes this one is, as torchrun tells it by the environment. No torch here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from zoo_core.errors import UsageError

_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Process `rank` of `size`, and the `local_rank`-th of its machine, all counted from 0; `restarts`: how often
    torchrun has started all of them anew. Those of one training meet at `address` and `port`, where torchrun itself
    listens, unless `first_listens`."""

    rank: int
    size: int
    local_rank: int
    restarts: int
    address: str
    port: int
    first_listens: bool

    @property
    def machine(self) -> int:
        """The rank of the first process on this machine, by which machines are told apart."""
        return self.rank - self.local_rank


def place_here(environment: Mapping[str, str] = os.environ) -> Place | None:
    """The place of this process; None where nobody has given it one. Raises UsageError for one that cannot be."""
    if not all(environment.get(name) for name in _NEEDED):
        return None
    rank, size = _number("RANK", environment), _number("WORLD_SIZE", environment)
    if rank >= size:
        raise UsageError(f"RANK={rank} of WORLD_SIZE={size}: processes are counted from 0", hint="start with torchrun")
    return Place(
        rank=rank,
        size=size,
        local_rank=_number("LOCAL_RANK", environment),
        restarts=_number("TORCHELASTIC_RESTART_COUNT", environment),
        address=environment["MASTER_ADDR"],
        port=_number("MASTER_PORT", environment),
        first_listens=environment.get("TORCHELASTIC_USE_AGENT_STORE") != "True",
    )


def _number(name: str, environment: Mapping[str, str]) -> int:
    text = environment.get(name, "0")
    if not text.isdecimal():
        raise UsageError(f"the environment has {name}={text!r}, which is no number", hint="start with torchrun")
    return int(text)
