"""The truth about picture files that lies in files itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class MaskFiles:
    """Masks as picture files, one for each sample, each as large as its picture.

    `numbers`: which class number each pixel value stands for (IGNORED: not counted). Pictures with a palette count
    with the numbers of their entries, whatever the colours.
    """

    paths: tuple[Path, ...]
    numbers: Mapping[int, int]

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True, kw_only=True)
class PictureFiles:
    """What outputs shall look like as picture files, one for each sample: as large as its input, or a whole number of
    times as large.

    `color`: grey or RGB; None: grey where the inputs are read as grey, else RGB.
    """

    paths: tuple[Path, ...]
    color: Literal["L", "RGB"] | None = None

    def __len__(self) -> int:
        return len(self.paths)


TargetFiles = MaskFiles | PictureFiles
