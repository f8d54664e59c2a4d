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
    return tuple(sorted(_class_names()))


def about(name: str) -> dict[str, str]:
    """What all architectures have in common, and the name of this one's class."""
    return {
        "task": "semantic-segmentation",
        "summary": f"{_class_names()[name]} of segmentation_models.pytorch, with any of its encoders",
        "license": "MIT",
    }


def _class_names() -> dict[str, str]:
    """The classes of the architectures by name: `{"unet": "Unet"}`."""
    package = importlib.util.find_spec(LIBRARY)
    if package is None or package.origin is None:
        raise ModuleNotFoundError(f"No module named {LIBRARY!r}", name=LIBRARY)
    match = _LIST.search(Path(package.origin).read_text(encoding="utf-8"))
    if match is None:  # a version that is laid out in another way
        from segmentation_models_pytorch import MODEL_ARCHITECTURES_MAPPING

        return {name: architecture.__name__ for name, architecture in MODEL_ARCHITECTURES_MAPPING.items()}
    return {name.lower(): name for name in map(str.strip, match["names"].split(",")) if name}
