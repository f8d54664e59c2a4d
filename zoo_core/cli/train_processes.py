"""`zoo train --processes N`: the command as it was typed, in so many processes that train together."""

from __future__ import annotations

import sys
from typing import Any


def in_processes(asked: dict[str, Any]) -> int | None:
    """The exit code of the processes that were asked for; None for this process, where it is the only one, or one of
    those. Raises UsageError for what several processes cannot do."""
    from zoo_core.errors import UsageError
    from zoo_core.training.distributed.process_rank import place_here
    from zoo_core.workflows.trainings.together import check_together

    wanted, place = asked.pop("processes"), place_here()
    if max(wanted or 1, 1 if place is None else place.size) > 1:
        check_together(asked)
    if place is not None:
        if wanted not in {None, place.size}:
            raise UsageError(
                f"--processes {wanted}, and whoever started this process says that it is one of {place.size}",
                hint="leave out --processes: torchrun has --nproc-per-node and --nnodes",
            )
        return None
    if wanted in {None, 1}:
        return None
    from zoo_core.training.distributed.launching import launch

    return launch(sys.argv[1:], processes=wanted)
