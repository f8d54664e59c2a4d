"""What is wrong with a key or a signature, in words of ours: those of the libraries are for their authors."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from zoo_core.errors import ZooError, in_words
from zoo_core.files import read_plain

MOST_KEY_BYTES = 1 << 16
_CHANGED = re.compile(r"Hash mismatch for '([^']{1,200})'")


def no_private_key(key: Path, error: Exception, *, password: bool) -> ZooError:
    """The error for a file with which nothing can be signed. `password`: whether there was one."""
    content = read_plain(key, most=MOST_KEY_BYTES)
    told = f"{key} is no private key that can sign: "
    if isinstance(error, AttributeError) or "Unsupported key" in str(error):  # another algorithm, or another curve
        return ZooError(f"{told}it is none of the elliptic curves P-256, P-384 and P-521", hint=new_private_key())
    if b"ENCRYPTED" in content:
        said = "its password is another than ZOO_SIGN_PASSWORD says" if password else "it has a password"
        return ZooError(f"{told}{said}", hint="ZOO_SIGN_PASSWORD holds its password")
    if password and b"PRIVATE KEY" in content and isinstance(error, TypeError):
        return ZooError(f"{told}ZOO_SIGN_PASSWORD is set, and this key has no password", hint="unset ZOO_SIGN_PASSWORD")
    said = "it is damaged" if b"PRIVATE KEY" in content else "there is no private key in PEM in it"
    return ZooError(f"{told}{said}", hint=new_private_key())


def new_private_key() -> str:
    """The command that makes one, in a file that is not there yet: openssl asks nobody before it writes over a key."""
    return f"a new one: openssl ecparam -name prime256v1 -genkey -noout -out {_unused('key', '.pem')}"


def new_public_key() -> str:
    """The command that writes the public half of a key, in a file that is not there yet."""
    return f"openssl ec -in PRIVATE.pem -pubout -out {_unused('key', '.pub')}"


def _unused(stem: str, suffix: str) -> str:
    names = itertools.chain([f"{stem}{suffix}"], (f"{stem}{count}{suffix}" for count in itertools.count(2)))
    return next(name for name in names if not Path(name).exists())


def why_not_signed(error: Exception) -> str:
    """Why a signature is not that of these files by this key."""
    said = str(error)
    if said.startswith("Signature mismatch"):
        changed = _CHANGED.findall(said)
        return f"{', '.join(changed[:3])} is not what was signed" if changed else "it was made of other files"
    if said.startswith("Key mismatch") or type(error).__name__ == "InvalidSignature":
        return "another key has signed it"
    if isinstance(error, MemoryError | RecursionError):
        return in_words(error)
    return "it is damaged, or no signature of this form"
