"""What commands share: the options `--json`, `--seed`, `-o`, `-d`, `-t`, and how results and next steps are printed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import click

from zoo_core.files import json_text
from zoo_core.foreign_text import shell_word, terminal_lines
from zoo_core.options import parse_pairs

F = TypeVar("F", bound=Callable[..., Any])


class FilePath(click.Path):
    """The type of an option or argument that is a path. An empty text, the current folder elsewhere, is refused.

    With `allow_dash` a dash alone stays a text, which is no path: `./-` is the file of that name.
    """

    name = "path"

    def __init__(self, *, allow_dash: bool = False) -> None:
        super().__init__(path_type=Path, allow_dash=allow_dash, readable=False)  # who reads it says so, with the others

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, or the dash. Fails for an empty text."""
        if value == "":
            self.fail("an empty text is no path; the current folder is a dot: .", param, ctx)
        return value if value == "-" and self.allow_dash else super().convert(value, param, ctx)


def json_option(function: F) -> F:
    """`--json`: a flag called `as_json`; every command that reports has it."""
    return click.option("--json", "as_json", is_flag=True, help="Plain JSON on stdout, and nothing else.")(function)


def seed_option(function: F) -> F:
    """`--seed S`, as large as torch and numpy both take; None where it is not given: a resumed run keeps its own."""
    return click.option("--seed", type=click.IntRange(0, 2**63 - 1), metavar="S", help="Default: 0.")(function)


def _pairs(flag: str) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], dict[str, str]]:
    def read(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
        return parse_pairs(value, flag=flag)

    return read


def model_options(function: F) -> F:
    """`-o K=V`: options of the model's builder, as a dictionary of texts called `options`."""
    return click.option(
        "-o", "options", multiple=True, metavar="K=V", callback=_pairs("-o"), help="Option of the model; repeatable."
    )(function)


def data_options(function: F) -> F:
    """`-d K=V`: options of the dataset, as a dictionary of texts called `data`."""
    return click.option(
        "-d", "data", multiple=True, metavar="K=V", callback=_pairs("-d"), help="Option of the dataset; repeatable."
    )(function)


def trainer_options(function: F) -> F:
    """`-t K=V`: options of the trainer, as a dictionary of texts called `config`."""
    return click.option(
        "-t", "config", multiple=True, metavar="K=V", callback=_pairs("-t"), help="Option of the trainer; repeatable."
    )(function)


def print_json(data: Any) -> None:
    """Plain JSON on stdout."""
    sys.stdout.write(_writable(json_text(data)))


def _writable(text: str) -> str:
    """The same JSON, in ASCII where stdout cannot write a letter of it."""
    try:
        text.encode(sys.stdout.encoding or "utf-8", errors="surrogatepass")
    except (UnicodeEncodeError, LookupError):
        return re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)
    return text


class JsonList:
    """A list in plain JSON on stdout, as `print_json` writes it, each row as soon as it is added. A context manager."""

    def __init__(self) -> None:
        self._begun = False

    def __enter__(self) -> JsonList:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            sys.stdout.write("\n]\n" if self._begun else "[]\n")

    def add(self, row: Any) -> None:
        """One row more."""
        text = json_text(row).rstrip("\n").replace("\n", "\n  ")
        sys.stdout.write(f"{',' if self._begun else '['}\n  {_writable(text)}")
        self._begun = True


def say(*lines: str) -> None:
    """Lines for people on stdout, an empty one without any. What would steer the terminal is written out, and what
    follows a line break within a line begins with a bar: somebody else's text looks like no line of ours."""
    print("\n".join(map(terminal_lines, lines)))


def typed(*words: object) -> str:
    """The command `zoo WORD...` as it is typed into a shell: names and paths with blanks or quotes are quoted."""
    return " ".join(["zoo", *(shell_word(str(word)) for word in words)])


def note(*lines: str) -> None:
    """As `say`, on stderr, for what is not part of the result: progress, warnings, next steps under `--json`."""
    print("\n".join(map(terminal_lines, lines)), file=sys.stderr, flush=True)
