"""Whether a spec says where something comes from, in words that others can use."""

from __future__ import annotations

import re
from typing import Any

from zoo_core.checks.rule import BrokenRuleError, RemarkError

_NAME = r"[A-Za-z0-9][A-Za-z0-9.+:-]*"
_SPDX = re.compile(rf"\(*{_NAME}\)*( (AND|OR|WITH) \(*{_NAME}\)*)*")
_ADDRESS = re.compile(r"(https?|ftp|doi|git\+https|hf|oci):\S+")


def check_origin(spec: Any, *, called: str) -> None:
    """Raises BrokenRuleError for a spec without source or license, and RemarkError for one whose words no program, and
    not everybody, understands."""
    if missing := [field for field in ("source", "license") if not getattr(spec, field)]:
        raise BrokenRuleError(f"{called} gives no {' and no '.join(missing)}")
    remarks = []
    if not _SPDX.fullmatch(spec.license):
        remarks.append(f"the license {spec.license!r} is no SPDX name, such as Apache-2.0 (https://spdx.org/licenses)")
    if not _ADDRESS.fullmatch(spec.source):
        remarks.append(f"the source {spec.source!r} is no address, such as https://doi.org/10.1109/5.726791")
    if remarks:
        raise RemarkError(f"{called}: {'; '.join(remarks)}")
