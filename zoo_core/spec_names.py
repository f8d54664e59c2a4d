"""What every offer has: a name that can be typed as one word, a summary of one line, reasons for failures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from .errors import ZooError

_NAME = re.compile(r"^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?$")


class Offer(Protocol):
    """The common fields of what plugins declare."""

    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str: ...

    @property
    def expected_failures(self) -> Mapping[str, str]: ...


def check_name(name: str, *, where: str) -> None:
    """Raise ZooError when a name cannot be typed as one word; `where` says whose it is."""
    if not _NAME.fullmatch(name):
        hint = "small letters, digits, '-', '.' and '_'; family/member"
        raise ZooError(f"{where}: {name!r} is not a name", hint=hint)


def check_common(offer: Offer) -> None:
    """Raise ZooError for a name, a summary or expected failures that no offer may have."""
    kind = type(offer).__name__
    check_name(offer.name, where=kind)
    if not offer.summary or "\n" in offer.summary:
        raise ZooError(f"{kind} {offer.name!r}: summary is one line of text, not {offer.summary!r}")
    for rule, reason in offer.expected_failures.items():
        if not isinstance(reason, str) or not reason.strip():
            raise ZooError(f"{kind} {offer.name!r}: expected_failures gives no reason for {rule!r}")
