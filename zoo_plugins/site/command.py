"""`zoo site`: static pages of exports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo_core.commands import FilePath, complete_exports, json_option, note, print_json, say

from .options import site_options

if TYPE_CHECKING:
    from .building import Made

EXAMPLES = """
\b
Examples:
  zoo site --to gallery                        all exports in exported/
  zoo site lenet5-digits --to gallery --serve  and look at it in the browser
  zoo site --to gallery --with-runtime --serve and try the models there
  zoo site --to gallery --compare lenet5-digits lenet5-digits-int8
  zoo plugins --json > plugins.json && zoo site --to gallery --plugins plugins.json
"""


@click.command("site", epilog=EXAMPLES)
@click.argument("exports", nargs=-1, metavar="[EXPORT...]", shell_complete=complete_exports)
@click.option("--to", "target", metavar="DIR", type=FilePath(), required=True, help="The folder of the site.")
@site_options
@click.option("--serve", is_flag=True, help="Then serve it on this machine, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Of --serve. Default: a free one.")
@json_option
def command(exports: tuple[str, ...], target: Path, asked: Any, serve: bool, port: int, as_json: bool) -> None:
    """Make static pages of EXPORTs: names, folders or .onnx files; without any, all in exported/, where there
    may be none if --plugins is given.

    Plain files without a date: equal exports give equal bytes, for any static host, and they read from the disk too. An
    index with search and filters, for programs index.json; and a page for each export with its card, its checks, its
    graph, and its files to download. Of a run in runs/ that the export was made of, curves and the pictures that
    `zoo plot RUN --what confusion` and `--what errors` have left there. Nothing is measured: latency is what
    `zoo bench EXPORT --save` has kept, the mutation score what `zoo verify EXPORT --mutants --save` has, as long as the
    file is the one that they looked at.

    An earlier site at DIR is replaced as a whole, anything else is left as it is. An export that cannot be opened has a
    row that says why, and the exit code is 1.
    """
    from .extra import require_extra

    require_extra()
    from .building import build
    from .exhibits import chosen

    made = build(chosen(exports, may_be_none=asked.plugins is not None), target, asked, progress=note)
    for each in made.damaged:
        note(f"{each.name} has no page: {each.error}")
    for name, why in made.unfit.items():
        note(f"{name} is not described for bioimageio: {why}")
    if serve:
        _serve(made, port, as_json=as_json)
    elif as_json:
        print_json(made.to_json())
    else:
        say(made.in_words, f"Next: open {target / 'index.html'}, or serve it: the same command with --serve")
    if made.damaged:
        raise click.exceptions.Exit(1)


def _serve(made: Made, port: int, *, as_json: bool) -> None:
    from .server import open_site

    with open_site(made.path, port=port) as server:
        if as_json:
            print_json({**made.to_json(), "url": server.url})
        else:
            say(made.in_words, f"Served at {server.url}", "Next: open it in a browser; Ctrl-C here ends the server.")
        sys.stdout.flush()
        server.serve()
