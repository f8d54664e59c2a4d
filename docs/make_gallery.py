"""Make the zoo's own gallery: its bundled recipes are trained, exported, measured and shown, in a folder of their own.

    python docs/make_gallery.py [FOLDER] [--only MODEL] [-- OPTION...]

Runs, exports and the pages, `FOLDER/site`, are in FOLDER, by default build/gallery; what is there already is kept. What
follows `--` goes to `zoo site`, such as --with-runtime or --serve. Some minutes on two processors.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
FINISHED = REPOSITORY / "exported" / "lenet5-digits"
RECIPES = {
    "cnn-bn": ("digits", 8),
    "unet1d": ("peaks", 8),
    "tagnet": ("shape-scenes", 12),
    "tinydet": ("digit-scenes", 12),
    "dncnn": ("noisy-digits", 6),
    "espcn": ("small-digits", 6),
}
"""A model, the dataset that it is trained on, and for how many epochs: all of bundled data."""


def zoo(folder: Path, *words: str, may_fail: bool = False) -> None:
    """Run a command there."""
    print("zoo", *words, flush=True)
    subprocess.run([sys.executable, "-P", "-m", "zoo_core", *words], cwd=folder, check=not may_fail)


def show(folder: Path, name: str) -> None:
    """Measure an export, and draw its run if there is one: pictures of tasks that have none are left out."""
    measured = {
        "bench": ("bench", f"export:{name}", "--batch", "1", "--engine", "onnxruntime", "--save"),
        "mutants": ("verify", f"export:{name}", "--mutants", "--save"),
    }
    for kind, command in measured.items():
        if not (folder / "exported" / f"{name}.{kind}.json").exists():
            zoo(folder, *command)
    for what in ("confusion", "errors"):
        if (folder / "runs" / name).is_dir() and not (folder / "runs" / name / "plots" / f"{what}.png").exists():
            zoo(folder, "plot", f"run:{name}", "--what", what, may_fail=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=REPOSITORY / "build" / "gallery")
    parser.add_argument("--only", action="append", choices=RECIPES, metavar="MODEL", help="Repeatable. Default: all.")
    own = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments, more = parser.parse_args(sys.argv[1:own]), sys.argv[own + 1 :]
    folder = arguments.folder.resolve()
    shutil.copytree(FINISHED, folder / "exported" / FINISHED.name, dirs_exist_ok=True)
    show(folder, FINISHED.name)
    for model in arguments.only or RECIPES:
        dataset, epochs = RECIPES[model]
        name = f"{model}-{dataset}"
        record = folder / "runs" / name / "run.json"
        if not record.exists():
            zoo(folder, "train", model, "--dataset", dataset, "--epochs", str(epochs), "--run", name)
        elif json.loads(record.read_text())["status"] == "unfinished":
            zoo(folder, "train", "--resume", "--run", name)
        if not (folder / "exported" / name).is_dir():
            zoo(folder, "export", name)
        show(folder, name)
    zoo(folder, "site", "--to", "site", "--title", "The zoo's own models", *more)
    return 0


if __name__ == "__main__":
    sys.exit(main())
