"""Rule "metadata" for a file that is checked again: what it says of itself is what was written at the export."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from zoo_core.records import CheckResult
from zoo_core.runtime.reading.strict_json import load_strict

KEY = "seal"
"""Where it stands in the self-test."""
RULE = "metadata"


def seal_of(text: str) -> str:
    """The sha256 of what metadata say, but for their self-test: labels, preprocessing, settings and the rest.

    It tells of an edit by hand or by another program. Who edits on purpose writes another seal: a hash from elsewhere,
    as in the report of a bundle, or a signature tells of that.
    """
    plain = {name: value for name, value in load_strict(text).items() if name != "self_test"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def check_seal(text: str, test: Mapping[str, Any] | None) -> list[CheckResult]:
    """Whether metadata are still those of the export; `test` is the self-test among them.

    Of a file without a seal, such as one of an earlier version, is said that this cannot be known.
    """
    sealed = (test or {}).get(KEY)
    if sealed is None:
        detail = "it has no seal, as files of earlier versions: whether its words were edited cannot be seen here"
        return [CheckResult(rule=RULE, outcome="skipped", detail=detail)]
    if sealed != seal_of(text):
        detail = "labels, preprocessing, settings or other words are not those of the export"
        return [CheckResult(rule=RULE, outcome="failed", detail=detail)]
    detail = "labels, preprocessing and settings are those of the export"
    return [CheckResult(rule=RULE, outcome="passed", detail=detail)]
