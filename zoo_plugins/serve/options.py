"""The options of `zoo serve`, which become one argument: `settings`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from zoo_core import UsageError

if TYPE_CHECKING:
    from .settings import ServeSettings

TOKEN = "ZOO_SERVE_TOKEN"  # noqa: S105 the name of a variable
_SHORTEST_TOKEN = 16

_OPTIONS = (
    click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Where to listen. Default: 127.0.0.1."),
    click.option(
        "--port", type=click.IntRange(0, 65535), default=8000, metavar="N", help="Default: 8000; 0 takes a free one."
    ),
    click.option(
        "--grpc-port",
        type=click.IntRange(0, 65535),
        metavar="N",
        help="Speak gRPC, too, on this port; 0 for a free one.",
    ),
    click.option(
        "--allow-host",
        "names",
        metavar="NAME",
        multiple=True,
        help="A name that requests may be addressed to, besides localhost and addresses; repeatable.",
    ),
    click.option(
        "--batch",
        type=click.IntRange(1, 4096),
        default=64,
        metavar="ROWS",
        help="Most rows of several requests that run together. Default: 64; 1 runs each request by itself.",
    ),
    click.option(
        "--delay",
        type=click.FloatRange(0, 10_000),
        default=0.0,
        metavar="MS",
        help="How long a request waits for others while a worker is free, in milliseconds. Default: 0.",
    ),
    click.option(
        "--queue",
        type=click.IntRange(1, 100_000),
        default=256,
        metavar="N",
        help="Most requests that wait for a model; one more is answered with 429. Default: 256.",
    ),
    click.option("--workers", type=click.IntRange(1, 64), metavar="N", help="Batches of a model that run at a time."),
    click.option(
        "--threads", type=click.IntRange(1, 256), metavar="N", help="Threads of onnxruntime for each of them."
    ),
    click.option(
        "--body", type=click.FloatRange(0.001, 4096), default=64.0, metavar="MB", help="Largest body. Default: 64."
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0, 86_400, min_open=True),
        default=60.0,
        metavar="SECONDS",
        help="The longest that a request waits for its answer. Default: 60.",
    ),
    click.option(
        "--memory",
        type=click.FloatRange(0, 1e6, min_open=True),
        metavar="GB",
        help="The most that the process which runs a file may use. Default for a file that was not exported or "
        "verified on this machine: 4 GB and four times its size.",
    ),
    click.option("--trusted", is_flag=True, help="Run files in the server's own process, whoever made them."),
    click.option(
        "--log",
        type=click.Choice(("problems", "all", "nothing")),
        default="problems",
        help="What is written to stderr, a line of JSON each; all: every request. Default: problems.",
    ),
    click.option(
        "--grace",
        type=click.FloatRange(0, 3600),
        default=30.0,
        metavar="SECONDS",
        help="What is under way when SIGTERM comes has so long. Default: 30.",
    ),
)


def serve_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Where to listen, who is let in, and what a request may use."""

    @functools.wraps(function)
    def wrapped(*args: Any, exports: Any, as_json: bool, **chosen: Any) -> Any:
        return function(*args, exports=exports, as_json=as_json, settings=_settings(chosen))

    decorated: Callable[..., Any] = wrapped
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def _settings(chosen: Mapping[str, Any]) -> ServeSettings:
    """What was chosen, by the names of the options."""
    from zoo_core.runtime import Limits

    from .batcher import BatchLimits
    from .settings import ServeSettings, shared_out

    memory, rows = chosen["memory"], chosen["batch"]
    if chosen["trusted"] and memory is not None:
        raise UsageError("--trusted means no limits, and --memory sets one", hint="leave one of them out")
    workers, threads = shared_out(chosen["workers"], chosen["threads"])
    limits = {"waiting": chosen["queue"], "delay": chosen["delay"] / 1000, "workers": workers}
    return ServeSettings(
        host="127.0.0.1" if chosen["host"] == "localhost" else chosen["host"],
        token=_token(),
        batch=BatchLimits(rows=rows, joined=rows > 1, **limits),
        threads=threads,
        body=int(chosen["body"] * 1e6),
        seconds=chosen["timeout"],
        isolated=False if chosen["trusted"] else None if memory is None else Limits(memory=int(memory * 1e9)),
        **{name: chosen[name] for name in ("port", "grpc_port", "names", "grace", "log")},
    )


def _token() -> str | None:
    token = os.environ.get(TOKEN) or None
    if token is not None and not (len(token) >= _SHORTEST_TOKEN and token.isascii() and token.isprintable()):
        raise UsageError(
            f"{TOKEN} is a text of at least {_SHORTEST_TOKEN} letters and digits",
            hint=f"{TOKEN}=$(openssl rand -hex 24)",
        )
    return token
