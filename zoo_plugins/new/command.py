"""`zoo new plugin`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo_core.commands import FilePath, counted, json_option, print_json, say

if TYPE_CHECKING:
    from zoo_core import Kind

EXAMPLES = """
\b
Examples:
  zoo new plugin tiny-net                          a model, in the new folder zoo-tiny-net
  zoo new plugin tiny-shapes --kind dataset
  zoo new plugin tiny-fit --kind trainer --to ~/plugins/tiny-fit
  zoo new plugin directions --kind task
  zoo new plugin letters --kind recipe
"""


@click.command("new", epilog=EXAMPLES)
@click.argument("what", type=click.Choice(["plugin"]), metavar="plugin")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["model", "dataset", "trainer", "task", "recipe"]),
    default="model",
    help="What it offers. Default: model.",
)
@click.option("--to", type=FilePath(), metavar="DIR", help="The new folder. Default: zoo-NAME.")
@json_option
def command(what: str, name: str, kind: Kind, to: Path | None, as_json: bool) -> None:
    """Write a complete plugin: a pip package that offers the model, dataset, trainer, task or recipe NAME.

    It has one source file, its entry point, a test of every rule of conformance, a README and a workflow for continuous
    integration, and passes its tests as it is. Replace what is in it piece by piece with what you have in mind.
    The zoo's own docs/plugin-guide.md leads from here to a published package.
    """
    from .scaffold import write_plugin

    files = write_plugin(name, kind=kind, to=to.expanduser() if to else None)
    if as_json:
        print_json({"files": [str(file) for file in files]})
        return
    for file in files:
        say(f"  {file}")
    folder = files[0].parents[1]
    say(f"{folder}: {counted(len(files), 'file')}, start with {files[0].relative_to(folder)}")
    say(f"Next: cd {shlex.quote(str(folder))} && pip install -e '.[test]' && pytest")
