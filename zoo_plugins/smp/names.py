"""The names of the library's architectures, read from its files: importing it takes many seconds."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

LIBRARY = "segmentation_models_pytorch"

_LIST = re.compile(r"^_MODEL_ARCHITECTURES = \[(?P<names>[\w\s,]+)\]", re.MULTILINE)


def installed_names() -> tuple[str, ...]:
    """The keys of the library's own table of architectures ("unet", "deeplabv3plus"), sorted.

    Raises ImportError, with the pip command, without the library.
    """
    package = importlib.util.find_spec(LIBRARY)
    if package is None or package.origin is None:
        raise ImportError(f"{LIBRARY} is not installed: pip install 'zoo-core[smp]'", name=LIBRARY)
    match = _LIST.search(Path(package.origin).read_text(encoding="utf-8"))
    if match is None:  # a version that is laid out in another way
        from segmentation_models_pytorch import MODEL_ARCHITECTURES_MAPPING

        return tuple(sorted(MODEL_ARCHITECTURES_MAPPING))
    return tuple(sorted(name.strip().lower() for name in match["names"].split(",") if name.strip()))
