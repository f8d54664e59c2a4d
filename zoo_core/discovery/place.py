"""Where in a plugin's own files something went wrong."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from zoo_core.declared_options import UnusableParameterError

_REPORT = re.compile(r"^(?:Fatal Python error: |Timeout \(|Windows fatal exception: )", re.MULTILINE)
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


def place_of(error: BaseException, module: str) -> str:
    """The innermost line of the plugin's own files, as ` (package/file.py:12)`; empty if it went wrong elsewhere.

    `module` is what the plugin's entry point names. Of an error that was raised from another one, the first counts.
    """
    own = module.partition(".")[0]
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and cause not in chain:
        chain.append(cause)
    for each in reversed(chain):
        if isinstance(each, UnusableParameterError) and each.place is not None:
            return f" ({short_path(each.place[0], own)}:{each.place[1]})"
        if isinstance(each, SyntaxError) and each.filename:
            return f" ({short_path(each.filename, own)}:{each.lineno})"
        for frame in reversed(traceback.extract_tb(each.__traceback__)):
            if own in Path(frame.filename).with_suffix("").parts:
                return f" ({short_path(frame.filename, own)}:{frame.lineno})"
    return ""


def short_path(filename: str, package: str) -> str:
    """The path from the package's own folder on; the bare name of a file outside it."""
    parts = Path(filename).parts
    return "/".join(parts[parts.index(package) :]) if package in parts else Path(filename).name


def place_in_report(text: str, module: str) -> str:
    """As `place_of`, from faulthandler's last report in what a process has written to stderr."""
    own = module.partition(".")[0]
    start = max((match.start() for match in _REPORT.finditer(text)), default=len(text))
    for match in _FRAME.finditer(text, start):
        if own in Path(match["file"]).with_suffix("").parts:
            return f" ({_from_package(match['file'], own)}:{match['line']})"
    return ""


def _from_package(filename: str, package: str) -> str:
    """As `short_path`; the package may also be a module of one file."""
    parts = Path(filename).parts
    start = next(i for i, part in enumerate(parts) if part.removesuffix(".py") == package)
    return "/".join(parts[start:])
