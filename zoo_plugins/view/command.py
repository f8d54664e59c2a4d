"""`zoo view`: an export's graph in the browser."""

from __future__ import annotations

import sys
import webbrowser

import click

from zoo_core.commands import complete_exports, json_option, print_json, say

EXAMPLES = """
\b
Examples:
  zoo view lenet5-digits
  zoo view exported/lenet5-digits/model.onnx --no-browser --port 8080
"""


@click.command("view", epilog=EXAMPLES)
@click.argument("export", shell_complete=complete_exports)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Port on this machine. Default: a free one."
)
@json_option
def command(export: str, no_browser: bool, port: int, as_json: bool) -> None:
    """Show the graph of EXPORT (a name, a bundle's folder or an .onnx file) in Netron.

    Serves Netron's page on 127.0.0.1 until Ctrl-C, which ends it with exit code 130. Only the model can be read there.
    Netron asks once for consent to usage reports; this page lets none of them out.

    A bundle's netron.json (parameters, module and error of each node) is attached by itself: click a node to see it. In
    Netron's desktop app or on netron.app, open the model first and then drop netron.json on it.

    --json prints {"url": ...} at once, opens no browser, and keeps serving.
    """
    from zoo_core.commands import find_export

    from .server import open_graph

    with open_graph(find_export(export), port=port) as graph:
        if as_json:
            print_json({"url": graph.url})
        else:
            say(f"The graph of {export}: {graph.url}")
            say("Netron's page asks for consent to reports of its use; whatever you answer, this one sends nothing.")
            say("Next: click a node to see its weights; Ctrl-C here ends the server.")
        sys.stdout.flush()
        if not (no_browser or as_json) and not webbrowser.open(graph.url):
            say("No browser could be started: open the address above.")
        graph.serve()
