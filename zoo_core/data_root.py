"""Where the files of datasets lie."""

from __future__ import annotations

import os
from pathlib import Path


def default_root(name: str) -> Path:
    """The folder of a dataset's files unless `-d root=DIR` says so: in $ZOO_DATA, or else in the user's cache."""
    import platformdirs

    base = os.environ.get("ZOO_DATA") or os.path.join(platformdirs.user_cache_dir("zoo"), "datasets")
    return Path(base) / name.replace("/", "-")
