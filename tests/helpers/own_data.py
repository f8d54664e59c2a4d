"""Sounds, tables and texts as people have them, in folders with a file or folder for each split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sounds import sound_folder


def own_data(folder: Path) -> None:
    """`sounds/`, `tables/` and `texts/` in a folder."""
    sound_folder(folder / "sounds", train=24, test=8)
    for split, rows in (("train", 500), ("test", 100)):
        for name, write in (("tables", table), ("texts", texts)):
            (folder / name).mkdir(exist_ok=True)
            write(folder / name / f"{split}.csv", rows=rows, seed=len(split))


def table(path: Path, *, rows: int, seed: int) -> None:
    """A class that follows from a number and a category together, and a large number that follows from both."""
    random = np.random.default_rng(seed)
    lines = ["age,city,label,score"]
    for _ in range(rows):
        age, city = random.normal(40, 10), random.choice(["oslo", "rome", "bonn", ""])
        north = city in {"oslo", "bonn"}
        label = "yes" if (age > 40) != north else "no"
        lines.append(f"{age:.2f},{city},{label},{10_000 * (age / 10 + 3 * north):.0f}")
    path.write_text("\n".join(lines))


def texts(path: Path, *, rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    words = {"sport": ("ball", "team", "goal"), "food": ("bread", "soup", "salt")}
    lines = ["review,kind"]
    for _ in range(rows):
        kind = str(random.choice(list(words)))
        chosen = [*random.choice(["the", "a", "of", "and"], 6), *random.choice(words[kind], 2)]
        lines.append(f"{' '.join(random.permutation(chosen))},{kind}")
    path.write_text("\n".join(lines))
