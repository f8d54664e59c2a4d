"""What was measured of an export, kept beside it: a claim of whoever measured it, bound to the very file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from zoo_core.file_limits import MAX_HASHED_BYTES
from zoo_core.files import clear_io_errors, sha256_of, write_atomic
from zoo_core.shelf import model_file


def save_claim(export: Path, kind: Literal["bench", "mutants"], claim: Mapping[str, Any]) -> Path:
    """Keep plain data as `EXPORT.KIND.json` beside the folder or file of an export, with the sha256 of its model.

    Beside, not inside: `zoo verify` minds every file of an export that its report does not list. Raises ZooError where
    it cannot be written.
    """
    model = model_file(export)
    digest = sha256_of(model, most=MAX_HASHED_BYTES, within=model.parent)
    kept = export.with_name(f"{export.name}.{kind}.json")
    with clear_io_errors("cannot write", kept):
        write_atomic(kept, (json.dumps({"sha256": digest, **claim}, indent=2) + "\n").encode())
    return kept
