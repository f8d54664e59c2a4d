"""The seal of a file's metadata: whether anything that they say was edited after the export."""

from __future__ import annotations

import hashlib
import json

from .strict_json import load_strict

SEAL = "seal"
"""Where it stands in the self-test."""


def seal_of(text: str) -> str:
    """The sha256 of what metadata say, but for their self-test: labels, preprocessing, settings and the rest.

    It tells of an edit by hand or by another program. Who edits on purpose writes another seal: a hash from elsewhere,
    as in the report of a bundle, or a signature tells of that.
    """
    plain = {name: value for name, value in load_strict(text).items() if name != "self_test"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
