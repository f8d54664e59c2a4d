"""Packages that a dataset's loader needs beyond those that are always there."""

from __future__ import annotations

import re
import shlex

from zoo_core.distributions import is_installed
from zoo_core.errors import ZooError, missing_package

_AFTER_NAME = re.compile(r"[^A-Za-z0-9._-]")


def check_needs(needs: tuple[str, ...], *, where: str) -> None:
    """Raises ZooError with the pip command for all that are absent; `needs` are as pip takes them, such as "h5py>=3".

    Only that a package is there is looked at: which of its versions will do, its loader finds out.
    """
    absent = [need for need in needs if not is_installed(_AFTER_NAME.split(need.strip())[0])]
    if absent:
        several, are = ("s", "are") if len(absent) > 1 else ("", "is")
        raise ZooError(
            f"{where} needs the package{several} {', '.join(map(repr, absent))}, which {are} not installed",
            hint=f"pip install {shlex.join(absent)}",
        )


def absent_package(error: ModuleNotFoundError, *, where: str) -> ZooError | None:
    """What an import that failed in a loader means; None where the package is there, and has no such module."""
    name = (error.name or "").partition(".")[0]
    return None if not name or is_installed(name) else missing_package(name, needed_for=f"{where}: its loader")
