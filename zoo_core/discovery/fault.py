"""Why a plugin cannot be used."""

from __future__ import annotations

from typing import Literal

WRONG_ENTRY_POINT = "its entry point does not fit what is installed: reinstall the plugin, or tell its authors"
"""The hint where the line is at fault that names the plugin, and not what it names."""


class PluginError(Exception):
    """A plugin cannot be used; `problem` says why, in one line, and `hint` what to do where more is known of it.

    `missing` is the package that it lacks, where that is why.
    """

    def __init__(
        self,
        problem: str,
        *,
        status: Literal["broken", "unavailable"] = "broken",
        hint: str | None = None,
        missing: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = status
        self.hint = hint
        self.missing = missing
