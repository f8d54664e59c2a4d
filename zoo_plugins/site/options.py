"""What a site is to be like, as it is typed: the options of `zoo site`, which become one argument `asked`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from zoo_core import UsageError
from zoo_core.commands import FilePath

FORMATS = ("bioimageio",)
_BY_NPM = "-"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a site is to be like. `address`: where it will be, for the commands that fetch a file; empty: not known.

    `runtime`: the folder of onnxruntime-web, which runs models in the browser, or `-`, to be fetched. `pairs`: exports
    that are compared. `plugins` and `checks`: what `zoo plugins --json` and `zoo check --json` have printed. `formats`:
    in which other forms an export is described beside its page.
    """

    title: str = "Models"
    address: str = ""
    runtime: Path | str | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    plugins: Path | None = None
    checks: tuple[Path, ...] = ()
    formats: tuple[str, ...] = ()


_OPTIONS = (
    click.option("--title", default="Models", show_default=True, help="What the site is called."),
    click.option("--address", default="", metavar="URL", help="Where it will be, for the commands that fetch a file."),
    click.option(
        "--with-runtime",
        "runtime",
        is_flag=False,
        flag_value=_BY_NPM,
        metavar="[FOLDER]",
        type=FilePath(allow_dash=True),
        help="Add what runs models in a browser: node_modules/onnxruntime-web/dist, by itself fetched by npm.",
    ),
    click.option(
        "--compare", "pairs", nargs=2, multiple=True, metavar="A B", help="Also a page of what differs; repeatable."
    ),
    click.option(
        "--plugins", type=FilePath(), metavar="FILE", help="Also a page of plugins: what zoo plugins --json printed."
    ),
    click.option(
        "--checks",
        type=FilePath(),
        multiple=True,
        metavar="FILE",
        help="For that page: what zoo check PLUGIN --json printed; repeatable.",
    ),
    click.option(
        "--format",
        "formats",
        type=click.Choice(FORMATS),
        multiple=True,
        help="Also a description of each export that fits, in this form.",
    ),
)


def site_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options that become one argument `asked`."""

    @functools.wraps(function)
    def gathered(**values: Any) -> Any:
        own = {field.name: values.pop(field.name) for field in fields(Asked)}
        own["address"] = _address(own["address"])
        if own["checks"] and own["plugins"] is None:
            raise UsageError(
                "--checks belong to a page of plugins", hint="zoo plugins --json > FILE, then --plugins FILE"
            )
        return function(asked=Asked(**own), **values)

    return functools.reduce(lambda each, option: option(each), reversed(_OPTIONS), gathered)


def _address(text: str) -> str:
    """The address of a site, with a `/` at its end. Raises UsageError for one that is none."""
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment):
        raise UsageError(f"--address takes where the site will be, such as https://models.example.org/, not {text!r}")
    return f"{text.rstrip('/')}/" if text else ""


@contextmanager
def runtime_folder(asked: Asked) -> Iterator[Path | None]:
    """The folder of onnxruntime-web where there is to be one, for as long as the context lasts. Raises ZooError where
    npm cannot fetch it."""
    if asked.runtime is None or isinstance(asked.runtime, Path):
        yield asked.runtime
        return
    from .trying.runtime import fetched_runtime

    with fetched_runtime() as folder:
        yield folder
