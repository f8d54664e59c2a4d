"""`zoo export --bake-preprocess`: the export of a run or a model whose file prepares its pictures itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.errors import ZooError
from zoo_core.registry import Zoo
from zoo_core.shelf import EXPORTS, folder_name, locate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo_core.baking.bake import BakedReport
    from zoo_core.export.attempts import Progress
    from zoo_core.export.plan.plan import ExportPlan


def baked_target(name: str) -> Path:
    """Where such an export is written without `--to`: beside the float one."""
    from zoo_core.baking.bake import SUFFIX

    return EXPORTS / f"{folder_name(name)}{SUFFIX}"


def export_baked(
    plan: ExportPlan,
    target: Path,
    zoo: Zoo,
    *,
    source: str,
    root: str | None = None,
    probabilities: bool = False,
    keep: bool = False,
    progress: Progress = lambda stage: None,
) -> BakedReport:
    """Convert, bake, check, publish, and tell the listeners. `source` and `root`: what the plan was made of.

    Raises UsageError for what cannot be baked, RejectedExportError unless it is verified.
    """
    from zoo_core.baking.bake import bake
    from zoo_core.baking.bakeable import require_bakeable

    require_bakeable(plan)  # before any picture is read
    own = own_pictures(zoo, source, root=root)
    report = bake(plan, target, pictures=own, probabilities=probabilities, keep=keep, progress=progress)
    zoo.tell("zoo_exported", report=report)
    return report


def own_pictures(zoo: Zoo, source: str, *, root: str | None) -> list[NDArray[np.uint8]]:
    """Pictures of the validation part of a run, as they are; none for a model."""
    found = locate(source, kinds=("run", "model"), zoo=zoo)
    if found.kind == "model":
        return []
    from zoo_core.baking.tried_pictures import MOST_OWN
    from zoo_core.data.raw_pictures import raw_pictures
    from zoo_core.training import load_run

    bound = load_run(found.path or found.name).dataset(zoo, root=root)
    few = raw_pictures(bound.part("validation", download=False)[0]).spread(MOST_OWN)
    return [pixels for pixels in map(_readable, few.readers()) if pixels is not None]


def _readable(read: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8] | None:
    """A picture; None for a file that cannot be read, which was left out in training too (`-d skip_bad`)."""
    try:
        return read()
    except ZooError:
        return None
