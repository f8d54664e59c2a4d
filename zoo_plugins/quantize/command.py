"""`zoo quantize`: smaller files of an export, published only when they have passed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_core.commands import (
    FilePath,
    complete_datasets,
    complete_exports,
    data_options,
    json_option,
    note,
    print_json,
    say,
    usual_folder,
)

EXAMPLES = """
\b
Examples:
  zoo quantize lenet5-digits                     exported/lenet5-digits-fp16, -int8-dynamic and -int8
  zoo quantize lenet5-digits --only int8-static --max-drop 0.01 --picture trade-off.png
  zoo quantize mine --dataset image-folder -d root=pictures
  zoo eval export:lenet5-digits-int8             as any other export: verify, predict, eval, bench, serve, diff
"""


@click.command("quantize", epilog=EXAMPLES)
@click.argument("export", metavar="EXPORT", shell_complete=complete_exports)
@click.option("--dataset", metavar="D", shell_complete=complete_datasets, help="Default: the one it was trained on.")
@data_options
@click.option(
    "--max-drop",
    type=click.FloatRange(min=0),
    default=0.005,
    show_default=True,
    metavar="X",
    help="What may be lost of the task's metric: in its own units up to 1, a part of it above, and a part of it where "
    "less is better.",
)
@click.option(
    "--only",
    "kinds",
    type=click.Choice(["fp16", "int8-dynamic", "int8-static"]),
    multiple=True,
    help="This way alone; repeatable. Default: all three.",
)
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=512,
    show_default=True,
    metavar="N",
    help="Of the training part, for calibration.",
)
@click.option("--to", type=FilePath(), metavar="DIR", help="The folder of the results. Default: exported/.")
@click.option("--picture", type=FilePath(), metavar="FILE.png", help="Draw size and speed beside the metric.")
@click.option("--download", is_flag=True, help="Fetch the dataset if it is not on the disk.")
@click.option("--accept-changes", is_flag=True, help="Also on data that have changed since training.")
@click.option("--trusted", is_flag=True, help="Also a file that this machine does not know; it runs without limits.")
@json_option
def command(
    export: str, kinds: tuple[str, ...], to: Path | None, picture: Path | None, as_json: bool, **asked: Any
) -> None:
    """Make an export smaller, and publish only what is still as good.

    \b
    fp16          weights in half precision, computed with in float32: NAME-fp16
    int8-dynamic  weights in int8, ranges found anew for each input: NAME-int8-dynamic, one row at a time
    int8-static   whole numbers all the way (QDQ, per channel), ranges found once with training samples: NAME-int8

    Each is measured on the whole validation part: the task's metric, flipped decisions, size, and its time here beside
    the float file's. Where more is lost than `--max-drop`, the nodes that cost most become float again, as few as
    possible. What passes is an export of its own: its self-test is what its own graph gives in float64, held against
    onnxruntime at every level of optimisation by `zoo verify`. Weights use 7 bits, which no processor overflows.

    What does not pass is not published, and the reason is told. Exit code 0 when something was published, 1 when
    nothing was. Needs the onnx package: the extra `quantize`.
    """
    from zoo_core import open_zoo

    from .picture import check_picture, draw_quantization
    from .quantize import run_quantize
    from .source import need_onnx, open_source
    from .tables import lines_of, next_after
    from .tools import KINDS

    need_onnx()
    if picture is not None:
        check_picture(picture)
    max_drop, samples = asked.pop("max_drop"), asked["samples"]
    source = open_source(export, open_zoo(), **asked)
    for remark in source.remarks:
        note(remark)
    found = run_quantize(
        source,
        [kind for kind in KINDS if not kinds or kind in kinds],
        to=usual_folder("export") if to is None else to,
        max_drop=max_drop,
        samples=samples,
        progress=note,
    )
    if picture is not None:
        draw_quantization(found, picture)
    if as_json:
        print_json({**found.to_json(), "picture": None if picture is None else str(picture)})
    else:
        say(*lines_of(found))
        say("", *([f"Picture: {picture}"] if picture is not None else []), f"Next: {next_after(found)}")
    if not found.published:
        raise click.exceptions.Exit(1)
