"""What people write for the zoo: TOML files, read up to a size, with errors that say what is expected."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from zoo_core.errors import UsageError, ZooError
from zoo_core.file_limits import MAX_RECORD_BYTES
from zoo_core.files import read_plain


def read_toml(file: Path, *, example: str) -> dict[str, Any]:
    """The content of a TOML file; `example` is a line as it should have. Raises ZooError for a file that cannot be read
    or is too large, UsageError for one that is no TOML."""
    too_large = ZooError(f"{file} has over {MAX_RECORD_BYTES >> 20} MB, more than is read", hint="another file")
    try:
        return tomllib.loads(read_plain(file, most=MAX_RECORD_BYTES, too_large=too_large).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is no TOML: {error}", hint=f"lines such as {example}") from None
