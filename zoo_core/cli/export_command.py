"""`zoo export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_core.commands.common import FilePath, data_options, json_option, model_options, say, typed
from zoo_core.commands.completion import complete_models_and_runs
from zoo_core.commands.next_step import argument, look_at, use_of, words_of

from .axis_options import axis_options
from .export_options import baking_options, check_baking, export_either, root_of
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
@baking_options
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
    from zoo_core.workflows.exports.baked_export import baked_target
    from zoo_core.workflows.exports.export_source import default_target, need_export_extra, plan_source

    from .report import show_report

    check_baking(bake, with_probabilities)
    need_export_extra()
    zoo, root = open_zoo(), root_of(data)
    plan = plan_source(zoo, source, root=root, **asked)
    target = to or (baked_target if bake else default_target)(plan.name)
    published = target.absolute()  # asked now: where it replaces the current folder, "." leads nowhere afterwards
    from zoo_core.export.bundle import RejectedExportError

    try:
        with StageProgress() as progress:
            more = {"source": source, "root": root, "probabilities": with_probabilities}
            report = export_either(plan, target, zoo, more if bake else None, keep=keep_rejected, progress=progress)
    except RejectedExportError as error:
        show_report(error.report, as_json=as_json)
        raise
    show_report(report, as_json=as_json, path=target)
    if not as_json:
        say(f"Published {target}")
        say(f"Next: {_next(target, published)}")


def _next(target: Path, published: Path) -> str:
    use, look = use_of(target, words_of(published)), look_at(target)
    return "   or   ".join(dict.fromkeys([typed("verify", argument(target)) if use == look else use, look]))
