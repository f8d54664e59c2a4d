"""`zoo package`: an export, laid out as a server wants to find it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_core.commands import FilePath, complete_exports, isolation_options, json_option, print_json, say

EXAMPLES = """
\b
Examples:
  zoo package lenet5-digits --for triton --to repository/    repository/lenet5-digits/, with config.pbtxt
  tritonserver --model-repository=repository
  zoo package lenet5-digits --for modelcar --to image/       a container image with the files in /models
  skopeo copy oci:image:latest docker://registry.example/models/lenet5:1
"""


@click.command("package", epilog=EXAMPLES)
@click.argument("export", metavar="EXPORT", shell_complete=complete_exports)
@click.option("--for", "target", type=click.Choice(["triton", "modelcar"]), required=True, help="Who is to serve it.")
@click.option("--to", type=FilePath(), required=True, metavar="DIR", help="A Triton repository, or a new folder.")
@click.option("--name", metavar="NAME", help="Of the model in the repository. Default: the export's own.")
@click.option("--version", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="For Triton.")
@click.option(
    "--batch",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    metavar="N",
    help="For Triton: rows of several requests that run together at most, where the check proved that they may.",
)
@click.option(
    "--delay",
    type=click.FloatRange(0, 60_000),
    default=1.0,
    show_default=True,
    metavar="MS",
    help="For Triton: how long a request waits for others.",
)
@click.option(
    "--architecture",
    type=click.Choice(["amd64", "arm64"]),
    default="amd64",
    show_default=True,
    help="Of the machines that are to pull the image; the files are the same.",
)
@isolation_options
@json_option
def command(export: str, target: str, to: Path, as_json: bool, name: str | None, isolated: Any, **asked: Any) -> None:
    """Lay an export out as a server wants to find it, once the self-test that it carries has passed here.

    \b
    triton     a model of a Triton model repository: config.pbtxt with inputs, outputs, labels, batching where
               rows are proved independent, the session settings of zoo bench --tune, and a row of the self-test
               to warm up with
    modelcar   an OCI image layout that holds the export in /models, as KServe's Modelcars want it; equal exports
               give equal images

    Nothing is written over, and what fails leaves nothing behind.
    """
    from .contents import open_contents
    from .modelcar import write_modelcar
    from .triton import write_triton

    contents = open_contents(export, name=name, isolated=isolated)
    if target == "triton":
        how = {key: asked[key] for key in ("version", "batch", "delay")}
        made = write_triton(contents, to, **how)
        after = f"tritonserver --model-repository={to}"
    else:
        made = write_modelcar(contents, to, architecture=asked["architecture"])
        after = f"skopeo copy oci:{to}:latest docker://REGISTRY/{contents.name.lower()}:1"
    files = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    if as_json:
        print_json({"for": target, "path": str(made), "name": contents.name, "files": files})
        return
    say(f"{made}: {contents.name} for {target}", *(f"  {name}" for name in files), "", f"Next: {after}")
