"""Print the outputs in README.md and in the pages beside this script anew: every one of them comes from the program.

    python docs/make_readme.py

A block that follows `<!-- run: COMMAND -->` is replaced by COMMAND and what it prints; `<!-- run, last N: COMMAND -->`
keeps its last N lines; `<!-- run, beside: COMMAND -->` goes on while the blocks after it run, and shows what it prints
up to its line `Next: `. Commands run in order, for each page in a new folder with the finished export, the sample
pictures and the reader in JavaScript; a block of node stays as it is where `make foreign-readers` was not run.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
PAGES = (REPOSITORY / "README.md", *sorted(REPOSITORY.glob("docs/*.md")))
NODE_PACKAGES = REPOSITORY / "build" / "foreign-readers" / "node_modules"
BLOCK = re.compile(r"(<!-- run(?:, last (\d+))?(?:, beside)?: (.+?) -->\n```\w*\n)(.*?)(```)", re.DOTALL)


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
        own = shutil.ignore_patterns("node_modules")
        shutil.copytree(REPOSITORY / "examples" / "javascript", folder / "javascript", ignore=own)
        if NODE_PACKAGES.is_dir():
            folder.joinpath("javascript", "node_modules").symlink_to(NODE_PACKAGES)
        with contextlib.ExitStack() as beside:
            return BLOCK.sub(lambda match: _run(match, folder, beside), text)


def _run_beside(command: str, folder: Path, environment: dict[str, str], beside: contextlib.ExitStack) -> list[str]:
    """Start a command that goes on until the page is done; what it prints at first."""
    process = subprocess.Popen(
        shlex.split(command), cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    beside.callback(process.communicate)
    beside.callback(process.terminate)
    lines: list[str] = []
    while not (lines and lines[-1].startswith("Next: ")):
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            sys.exit(f"{command} has ended:\n" + "\n".join(lines))
        lines.append(line.rstrip())
    return lines


def _run(match: re.Match[str], folder: Path, beside: contextlib.ExitStack) -> str:
    opening, last, command, _, closing = match.groups()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    if command.startswith("node ") and not NODE_PACKAGES.is_dir():
        print(f"Left as it is, for want of {NODE_PACKAGES.relative_to(REPOSITORY)}: {command}")
        return match[0]
    print(f"$ {command}", flush=True)
    if ", beside: " in opening:
        lines = _run_beside(command, folder, environment, beside)
        return opening + "\n".join([f"$ {command}", *lines]) + "\n" + closing
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
