"""Where an export lies elsewhere: `oci://HOST/NAME:TAG` in a registry, `hf://OWNER/NAME@REVISION` on a hub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from zoo_core.errors import UsageError

_OCI = re.compile(
    r"oci://(?P<place>[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](?::[0-9]{1,5})?)"
    r"/(?P<name>[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_HUB = re.compile(
    r"hf://(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95})"
    r"(?:@(?P<tag>[A-Za-z0-9][A-Za-z0-9._/-]{0,199}))?"
)
_LONGEST_NAME = 255
_LOOPBACK = re.compile(r"(localhost|127(\.[0-9]+){3}|\[::1\])(:[0-9]+)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Address:
    """`place` is the registry's host and port, and empty for a hub; `tag` is a tag, or a revision of a hub; `digest` is
    `sha256:...` where the address says which content it means."""

    kind: Literal["oci", "hf"]
    place: str
    name: str
    tag: str
    digest: str | None = None

    def __str__(self) -> str:
        if self.kind == "hf":
            return f"hf://{self.name}@{self.tag}"
        return f"oci://{self.place}/{self.name}" + (f"@{self.digest}" if self.digest else f":{self.tag}")

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, with which plain HTTP is spoken."""
        return _LOOPBACK.fullmatch(self.place) is not None


def read_address(text: str) -> Address:
    """The address in a text. Raises UsageError that says what one looks like."""
    if (found := _HUB.fullmatch(text)) and ".." not in text:
        return Address(kind="hf", place="", name=found["name"], tag=found["tag"] or "main")
    found = _OCI.fullmatch(text)
    if found and len(found["name"]) <= _LONGEST_NAME:
        digest = found["digest"]
        return Address(
            kind="oci", place=found["place"], name=found["name"], tag=found["tag"] or "latest", digest=digest
        )
    raise UsageError(
        f"{text!r} is no address of an export",
        hint="oci://HOST/NAME:TAG (a name has small letters and digits), or hf://OWNER/NAME",
    )
