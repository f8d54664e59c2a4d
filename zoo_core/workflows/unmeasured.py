"""A metric that came out as no number: the command that was to measure it tells what there is, and fails."""

from __future__ import annotations

from collections.abc import Mapping

from zoo_core.errors import ZooError
from zoo_core.records import without_number


def refuse_unmeasured(parts: Mapping[str, Mapping[str, float] | None], *, shown: str, kept: str) -> None:
    """Raise ZooError where a metric of a part of the data, by its name, is NaN or infinite.

    `shown`: what was measured; `kept`: what is good all the same, as a clause.
    """
    words = [f"{told} on the {part} part" for part, metrics in parts.items() if (told := without_number(metrics or {}))]
    if words:
        raise ZooError(
            f"{shown} could not be measured in full: {'; '.join(words)}",
            hint=f"{kept}; that part may hold nothing that is counted there, the outputs may be too large, or the task "
            "may compute it wrongly",
        )
