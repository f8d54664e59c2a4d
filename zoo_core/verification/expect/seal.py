"""Rule "metadata" for a file that is checked again: what it says of itself is what was written at the export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo_core.records import CheckResult
from zoo_core.runtime.reading.metadata_seal import SEAL, seal_of

RULE = "metadata"


def check_seal(text: str, test: Mapping[str, Any] | None) -> list[CheckResult]:
    """Whether metadata are still those of the export; `test` is the self-test among them.

    Of a file without a seal, such as one of an earlier version, is said that this cannot be known.
    """
    sealed = (test or {}).get(SEAL)
    if sealed is None:
        detail = "it has no seal, as files of earlier versions: whether its words were edited cannot be seen here"
        return [CheckResult(rule=RULE, outcome="skipped", detail=detail)]
    if sealed != seal_of(text):
        detail = "labels, preprocessing, settings or other words are not those of the export"
        return [CheckResult(rule=RULE, outcome="failed", detail=detail)]
    detail = "labels, preprocessing and settings are those of the export"
    return [CheckResult(rule=RULE, outcome="passed", detail=detail)]
