"""Exports that a benchmark makes for itself, by `zoo` in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "exported" / "lenet5-digits"
"""The finished export of this repository."""


def trained(text: str, folder: Path) -> Path:
    """The export of `MODEL:DATASET:EPOCHS`, trained there."""
    model, dataset, epochs = text.split(":")
    name = f"{model}-{dataset}"
    zoo(folder, "train", model, "--dataset", dataset, "--epochs", epochs, "--run", name)
    zoo(folder, "export", f"run:{name}")
    return folder / "exported" / name


def zoo(folder: Path, *words: str) -> str:
    """What the command prints, which may end with 0 or 1."""
    command = [sys.executable, "-P", "-m", "zoo_core", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode not in {0, 1} or not done.stdout:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout
