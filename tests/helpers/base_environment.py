"""Virtual environments that hold the base install and nothing else: no PyTorch, no extra, no tool of the tests.

Without a network the packages are links to those of the environment that runs the tests; zoo-core itself may be left
out, so that a built archive of it can be installed by pip.
"""

from __future__ import annotations

import importlib.metadata
import re
import sysconfig
import venv
from pathlib import Path

from packaging.requirements import Requirement

OURS = "zoo-core"


def base_distributions() -> list[str]:
    """zoo-core and what an install without extras brings, with everything that those need, by name."""
    found: list[str] = []
    waiting = [OURS]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found.append(name)
        needed = [Requirement(text) for text in importlib.metadata.requires(name) or []]
        waiting += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def make_base_environment(folder: Path, *, with_ours: bool = True) -> Path:
    """A virtual environment in `folder` with links to the base install; its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    for name in base_distributions():
        if name != OURS or with_ours:
            link_distribution(name, python)
    return python


def site_of(python: Path) -> Path:
    """The folder of the packages of a virtual environment."""
    folder = str(python.parents[1])
    return Path(sysconfig.get_path("purelib", vars={"base": folder, "platbase": folder}))


def link_distribution(name: str, python: Path) -> None:
    """Put links to the top-level folders and files of an installed distribution into a virtual environment."""
    distribution, site = importlib.metadata.distribution(name), site_of(python)
    for file in distribution.files or []:
        top = file.parts[0]
        if top in {"..", "__pycache__"} or (site / top).exists():
            continue
        (site / top).symlink_to(Path(str(distribution.locate_file(top))).resolve())
