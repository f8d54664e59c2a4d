"""`zoo export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_core.commands.common import FilePath, data_options, json_option, model_options, say, typed
from zoo_core.commands.completion import complete_models_and_runs
from zoo_core.commands.next_step import argument, look_at, use_of, words_of

from .axis_options import axis_options
from .export_progress import StageProgress

EXAMPLES = """
\b
Examples:
  zoo export lenet5-digits                    the run of that name, to exported/lenet5-digits
  zoo export lenet5-digits --to build/reader  to another folder
  zoo export lenet5 -o num_classes=3          fresh weights, to look at the graph
  zoo export lenet5 --weights mine.safetensors
  zoo export torchvision/resnet18 --weights DEFAULT --layer avgpool
  zoo export flowers -d root=moved/flowers    a run whose data lie elsewhere now
  zoo export unet --size H=4 --size W=6       for pictures of 64 by 96: its axes are 16*H and 16*W
  zoo export lenet5-digits --bake-preprocess --with-probabilities
"""


@click.command("export", epilog=EXAMPLES)
@click.argument("source", metavar="MODEL|RUN", shell_complete=complete_models_and_runs)
@click.option("--to", type=FilePath(), metavar="DIR", help="The folder of the export itself.")
@click.option(
    "--weights",
    metavar="NAME|FILE",
    help="For a MODEL: published ones, or a file (.safetensors, .pth). Default: fresh random ones.",
)
@click.option("--layer", metavar="L", help="Only up to this layer: the export gives its features.")
@click.option("--opset", type=int, metavar="N", help="ONNX opset, 17 to 23. Default: 20, or 22 where 20 fails.")
@axis_options
@click.option(
    "--bake-preprocess",
    "bake",
    is_flag=True,
    help="The file takes pictures as they are, of any size, and prepares them itself. To NAME-baked.",
)
@click.option(
    "--with-probabilities", is_flag=True, help="With --bake-preprocess: a second output, the probability of each class."
)
@click.option("--keep-rejected", is_flag=True, help="Keep an export that was not verified, as NAME.rejected.")
@model_options
@data_options
@json_option
def command(
    source: str,
    to: Path | None,
    bake: bool,
    with_probabilities: bool,
    keep_rejected: bool,
    data: dict[str, str],
    as_json: bool,
    **asked: Any,
) -> None:
    """Export a run, or a model, to ONNX; prove it equal to PyTorch; publish it.

    The export appears only when it is verified. Otherwise the exit code is 3 and nothing stands under its name.
    """
    from zoo_core.registry import open_zoo
    from zoo_core.workflows.exports.baked_export import baked_target, export_baked
    from zoo_core.workflows.exports.export_source import default_target, export_plan, need_export_extra, plan_source

    from .report import show_report

    _check_baking(bake, with_probabilities)
    need_export_extra()
    zoo, root = open_zoo(), _root(data)
    plan = plan_source(zoo, source, root=root, **asked)
    target = to or (baked_target if bake else default_target)(plan.name)
    published = target.absolute()  # asked now: where it replaces the current folder, "." leads nowhere afterwards
    from zoo_core.export.bundle import RejectedExportError

    try:
        with StageProgress() as progress:
            if bake:
                more: dict[str, Any] = {"source": source, "root": root, "probabilities": with_probabilities}
                report: Any = export_baked(plan, target, zoo, keep=keep_rejected, progress=progress, **more)
            else:
                report = export_plan(plan, target, zoo, keep=keep_rejected, progress=progress)
    except RejectedExportError as error:
        show_report(error.report, as_json=as_json)
        raise
    show_report(report, as_json=as_json, path=target)
    if not as_json:
        say(f"Published {target}")
        say(f"Next: {_next(target, published)}")


def _check_baking(bake: bool, with_probabilities: bool) -> None:
    """Raise UsageError for an option that would be without effect."""
    from zoo_core.errors import UsageError

    if with_probabilities and not bake:
        raise UsageError(
            "--with-probabilities is for files that prepare their pictures themselves", hint="add --bake-preprocess"
        )


def _root(data: dict[str, str]) -> str | None:
    """Where the data of a run lie now, if that is said. Raises UsageError for every other option of a dataset."""
    from zoo_core.errors import UsageError

    if others := sorted(data.keys() - {"root"}):
        told = f"-d {others[0]}: a run is exported with the options of its data"
        raise UsageError(told, hint="-d root=DIR says where they lie now")
    return data.get("root")


def _next(target: Path, published: Path) -> str:
    use, look = use_of(target, words_of(published)), look_at(target)
    return "   or   ".join(dict.fromkeys([typed("verify", argument(target)) if use == look else use, look]))
