"""Print the outputs in README.md and in the pages beside this script anew: every one of them comes from the program.

    python docs/make_readme.py

A block that follows `<!-- run: COMMAND -->` is replaced by COMMAND and what it prints; `<!-- run, last N: COMMAND -->`
keeps its last N lines. Commands run in order, for each page in a new folder with the finished export and the sample
pictures.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
PAGES = (REPOSITORY / "README.md", *sorted(REPOSITORY.glob("docs/*.md")))
BLOCK = re.compile(r"(<!-- run(?:, last (\d+))?: (.+?) -->\n```\w*\n)(.*?)(```)", re.DOTALL)


def main() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if BLOCK.search(text):
            page.write_text(_printed_anew(text), encoding="utf-8")


def _printed_anew(text: str) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(REPOSITORY / "exported" / "lenet5-digits", folder / "exported" / "lenet5-digits")
        shutil.copytree(REPOSITORY / "zoo_plugins" / "digits" / "samples", folder / "pictures")
        return BLOCK.sub(lambda match: _run(match, folder), text)


def _run(match: re.Match[str], folder: Path) -> str:
    opening, last, command, _, closing = match.groups()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    print(f"$ {command}", flush=True)
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    lines = done.stdout.rstrip().splitlines()
    if done.returncode not in {0, 3}:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}")
    if last:
        lines = ["...", *lines[-int(last) :]]
    lines = [f"$ {command}", *lines]
    return opening + "\n".join(lines) + "\n" + closing


if __name__ == "__main__":
    main()
