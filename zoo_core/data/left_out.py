"""Files that a training left out because they could not be read, and that are gone by now.

Which sample is in which part depends on how many files there are, bad ones too. So a file that was left out keeps its
place when somebody removes it: it still cannot be read, and everything else is divided as before. Whether it is, the
fingerprints say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .splits import FileSplit, Split, take


def with_left_out(split: Split, names: Iterable[str], *, root: Path) -> Split:
    """The split with those of the files `names`, from `root` on, that are gone, each among the files of its folder.

    A folder that has no other file of the split is not one of it.
    """
    if not isinstance(split, FileSplit):
        return split
    paths: list[Path] = list(split.paths)
    places = list(range(len(paths)))
    for path in sorted(root / name for name in names):
        beside = [place for place, other in enumerate(paths) if other.parent == path.parent]
        if not beside or path.exists() or path in paths:
            continue
        place = next((place for place in beside if paths[place].name > path.name), beside[-1] + 1)
        # What is true of it does not count, but its class says how a part is divided: that of its folder.
        places.insert(place, places[beside[0]])
        paths.insert(place, path)
    if len(paths) == len(split.paths):
        return split
    taken = take(split, np.array(places, np.int64))
    return dataclasses.replace(split, paths=tuple(paths), targets=taken.targets)
