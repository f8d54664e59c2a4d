"""The names of torchvision's models, read from its files: importing it takes seconds, and a list needs none of it."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

_REGISTERED = re.compile(r'^@register_model\((?:name="(?P<name>\w+)")?\)')
_FUNCTION = re.compile(r"^def (?P<name>\w+)\(")


_TASKS = {
    "detection/mask_rcnn": "instance-segmentation",
    "detection/keypoint_rcnn": "keypoints",
    "detection": "detection",
    "segmentation": "semantic-segmentation",
    "optical_flow": "optical-flow",
    "video": "video-classification",
}
"""By file or folder; all others classify pictures."""


def installed_names() -> tuple[str, ...]:
    """What `torchvision.models.list_models()` gives for the installed torchvision, sorted.

    Raises ModuleNotFoundError without torchvision.
    """
    return tuple(sorted(_homes()))


def about(name: str) -> dict[str, str]:
    """The task of a model and the license of its code, told by the file that it is in."""
    home = _homes()[name]
    if not home:
        return {"license": "BSD-3-Clause"}
    task = _TASKS.get(home) or _TASKS.get(home.partition("/")[0], "image-classification")
    return {"task": task, "license": "BSD-3-Clause"}


@functools.cache
def _homes() -> Mapping[str, str]:
    """Every name with its file below `torchvision/models`, as "detection/fcos"; empty where that is not known."""
    package = importlib.util.find_spec("torchvision")
    folders = list(package.submodule_search_locations or ()) if package is not None else []
    if not folders:
        raise ModuleNotFoundError("No module named 'torchvision'", name="torchvision")
    models = Path(folders[0], "models")
    homes: dict[str, str] = {}
    for path in models.rglob("*.py"):
        home = path.relative_to(models).with_suffix("").as_posix()
        homes.update(dict.fromkeys(_registered(path.read_text(encoding="utf-8")), home))
    if not homes:  # a torchvision that is laid out in another way
        from torchvision.models import list_models

        homes.update(dict.fromkeys(list_models(), ""))
    return homes


def _registered(text: str) -> list[str]:
    """Names that a file registers: that of the decorator, else that of the function which it decorates."""
    found: list[str] = []
    decorated = False
    for line in text.splitlines():
        if match := _REGISTERED.match(line):
            decorated = match["name"] is None
            if match["name"]:
                found.append(match["name"])
        elif decorated and (match := _FUNCTION.match(line)):
            found.append(match["name"])
            decorated = False
    return found
