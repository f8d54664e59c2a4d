"""What `zoo predict` says before its first answer: of the export that was meant, and of what is to come."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from zoo_core.commands.common import note
from zoo_core.errors import UsageError, ZooError
from zoo_core.foreign_text import shell_word
from zoo_core.runtime.reading.run_beside import run_gone_on
from zoo_core.shelf import find_export
from zoo_core.workflows.answers.predicting import Predicting


def export_of(source: str, inputs: Sequence[Path]) -> Path:
    """The export of that name or path. Raises UsageError, which tells of an export that was typed behind its inputs."""
    try:
        return find_export(source)
    except UsageError as error:
        for given in map(str, inputs):
            with contextlib.suppress(ZooError):
                find_export(given)
                error.command_hint = f"the export comes first: zoo predict {shell_word(given)} {shell_word(source)}"
                break
        raise


def tell_before(source: str, planned: Predicting) -> None:
    """What to know of the answers that come."""
    if gone_on := run_gone_on(planned.model.path):
        note(f"Warning: {gone_on}")
    if planned.model.metadata.untrained:
        note(f"Warning: {source} is untrained: its weights are fresh, and its answers mean nothing")
    if planned.resume and planned.results is not None and not planned.results.exists():
        note(f"{planned.results} is not there: nothing was predicted before, and this begins with the first input")
