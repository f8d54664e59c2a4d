"""What `zoo export` may be asked for besides: a file that prepares its pictures, data that lie elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from zoo_core.records import ExportReport

Command = TypeVar("Command", bound=Callable[..., Any])
_BAKE = click.option(
    "--bake-preprocess",
    "bake",
    is_flag=True,
    help="The file takes pictures as they are, of any size, and prepares them itself. To NAME-baked.",
)
_WITH = click.option(
    "--with-probabilities", is_flag=True, help="With --bake-preprocess: a second output, the probability of each class."
)


def baking_options(command: Command) -> Command:
    """`--bake-preprocess` and `--with-probabilities`."""
    return _BAKE(_WITH(command))


def export_either(plan: Any, target: Path, zoo: Any, baked: Mapping[str, Any] | None, **more: Any) -> ExportReport:
    """The export of a plan; with what is said of `baked`, of a file that prepares its pictures."""
    from zoo_core.workflows.exports.baked_export import export_baked
    from zoo_core.workflows.exports.export_source import export_plan

    return export_plan(plan, target, zoo, **more) if baked is None else export_baked(plan, target, zoo, **baked, **more)


def check_baking(bake: bool, with_probabilities: bool) -> None:
    """Raise UsageError for an option that would be without effect."""
    from zoo_core.errors import UsageError

    if with_probabilities and not bake:
        raise UsageError(
            "--with-probabilities is for files that prepare their pictures themselves", hint="add --bake-preprocess"
        )


def root_of(data: dict[str, str]) -> str | None:
    """Where the data of a run lie now, if that is said. Raises UsageError for every other option of a dataset."""
    from zoo_core.errors import UsageError

    if others := sorted(data.keys() - {"root"}):
        told = f"-d {others[0]}: a run is exported with the options of its data"
        raise UsageError(told, hint="-d root=DIR says where they lie now")
    return data.get("root")
