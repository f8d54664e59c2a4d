"""`zoo serve`: exports over HTTP."""

from __future__ import annotations

import signal
import sys
from typing import Any

import click

from zoo_core.commands import complete_exports, json_option, print_json, say

from .options import serve_options

EXAMPLES = """
\b
Examples:
  zoo serve lenet5-digits
  zoo serve lenet5-digits unet-pets --port 0                   two models, a free port
  zoo serve digits/1=exported/lenet5-digits digits/2=new.onnx  two versions of one
  zoo serve lenet5-digits --grpc-port 8001
  zoo serve big.onnx --memory 8 --timeout 20                   limits of a file that is not known here
  ZOO_SERVE_TOKEN=$(openssl rand -hex 24) zoo serve lenet5-digits --host 0.0.0.0
"""


@click.command("serve", epilog=EXAMPLES)
@click.argument("exports", metavar="EXPORT...", nargs=-1, required=True, shell_complete=complete_exports)
@serve_options
@json_option
def command(exports: tuple[str, ...], settings: Any, as_json: bool) -> None:
    """Serve exports over HTTP, by the Open Inference Protocol, version 2. PyTorch is not needed.

    An EXPORT is a name, a bundle's folder or an .onnx file; NAME=EXPORT and NAME/VERSION=EXPORT give it another name.
    Each is opened and has to pass the self-test that it carries, in the session that will serve it, before the server
    listens; else the exit code is 3. A file that was not exported or verified on this machine runs in a process of its
    own, with a limit of memory. A model that fails, or that runs for longer than a request may wait, is opened anew.

    Requests run together where the check proved that rows do not depend on their company; a full queue is answered
    with 429 and Retry-After. Only this machine is answered, unless ZOO_SERVE_TOKEN holds a token and --host another
    address; clients then send "Authorization: Bearer TOKEN".

    SIGTERM lets what is under way finish, and ends with exit code 0; Ctrl-C does the same, with 130.

    --json prints {"url": ..., "grpc": "HOST:PORT", "models": [{"name", "version", "export"}]} once the server answers.
    """
    from .extra import require_extra

    require_extra(grpc=settings.grpc_port is not None)
    from .repository import Repository, read_given
    from .server import listen, serve, url_of
    from .threads import ending_though_busy

    models = Repository([read_given(text) for text in exports], settings=settings)
    with ending_though_busy(), listen(settings) as listening:
        models.open()
        url = url_of(listening)

        def tell(grpc: str) -> None:
            if as_json:
                print_json({"url": url, **({"grpc": grpc} if grpc else {}), "models": models.to_json()})
            else:
                say(f"Serving {models.in_words()}: {url}", *([f"gRPC: {grpc}"] if grpc else []))
                say("Next: open the address in a browser; Ctrl-C here ends it.")
            sys.stdout.flush()

        ended_by = serve(models, settings, listening, on_ready=tell)
        if ended_by == signal.SIGINT:
            raise KeyboardInterrupt
