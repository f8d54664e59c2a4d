"""Completion in real shells: keys are typed into an interactive bash and zsh, Tab included."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from warm import PROGRAM

SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], 'eval "$(_ZOO_COMPLETE=bash_source zoo)"'),
    "zsh": (["-f", "-i"], 'autoload -Uz compinit && compinit -u -D; eval "$(_ZOO_COMPLETE=zsh_source zoo)"'),
}


class Terminal:
    """An interactive shell on a terminal of its own."""

    def __init__(self, shell: str, folder: Path) -> None:
        arguments, _ = SHELLS[shell]
        path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "TERM": "xterm", "HOME": str(folder), "HISTFILE": "/dev/null"}
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [shell, *arguments],
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._text = ""

    def type(self, keys: str) -> None:
        """Send keys; Enter is a newline, Tab a tab."""
        os.write(self._ours, keys.encode())

    def wait_for(self, text: str, *, seconds: float = 60) -> str:
        """Everything that appeared up to and with `text`, which is then forgotten."""
        end = time.monotonic() + seconds
        while text not in self._text:
            ready, _, _ = select.select([self._ours], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} did not appear in:\n{self._text}"
            self._text += os.read(self._ours, 65536).decode(errors="replace")
        before, _, self._text = self._text.partition(text)
        return before + text

    def completed(self, typed: str) -> str:
        """The arguments of `zoo` after `typed`, a Tab and Enter."""
        self.type(f"{typed}\t\n")
        self.wait_for("<<")
        return self.wait_for(">>").removesuffix(">>")

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


@pytest.fixture(params=list(SHELLS))
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    """A shell with completion set up as the README says, in which running `zoo` only prints its arguments."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    terminal = Terminal(request.param, tmp_path)
    try:
        terminal.type(f"{SHELLS[request.param][1]}\n")
        # The marks are put together by printf, so that the echo of this line does not hold them.
        terminal.type("""zoo() { printf '%s%s%s\\n' '<''<' "$*" '>''>'; }; zoo ready\n""")
        terminal.wait_for("<<ready>>")
        yield terminal
    finally:
        terminal.close()


def make_export(folder: Path, name: str) -> None:
    """The files by which an export is recognised."""
    folder.joinpath("exported", name).mkdir(parents=True)
    folder.joinpath("exported", name, "model.onnx").write_bytes(b"")


def make_run(folder: Path, name: str) -> None:
    """The file by which a run is recognised."""
    folder.joinpath("runs", name).mkdir(parents=True)
    folder.joinpath("runs", name, "run.json").write_text("{}")


def test_commands_and_options(terminal: Terminal) -> None:
    assert terminal.completed("zoo qui").strip() == "quickstart"
    assert terminal.completed("zoo train --data").strip() == "train --dataset"


def test_models_and_datasets(terminal: Terminal) -> None:
    assert terminal.completed("zoo train le").strip() == "train lenet5"
    assert terminal.completed("zoo train lenet5 --dataset pea").strip() == "train lenet5 --dataset peaks"


def test_runs_and_exports(terminal: Terminal, tmp_path: Path) -> None:
    make_run(tmp_path, "first-run")
    make_export(tmp_path, "second-export")
    assert terminal.completed("zoo plot fir").strip() == "plot first-run"
    assert terminal.completed("zoo export fir").strip() == "export first-run"
    for command in ("view", "predict", "verify", "eval"):
        assert terminal.completed(f"zoo {command} sec").strip() == f"{command} second-export"


def test_what_has_no_completion_stays_as_it_was_typed(terminal: Terminal) -> None:
    assert terminal.completed("zoo train nothing-is-called-so").strip() == "train nothing-is-called-so"


@pytest.mark.parametrize("shell", list(SHELLS))
def test_the_script_names_the_program(shell: str, run_zoo: Callable[..., object]) -> None:
    done = run_zoo(env={"_ZOO_COMPLETE": f"{shell}_source"})
    assert "_ZOO_COMPLETE" in getattr(done, "stdout", "")
    assert "_zoo_completion" in getattr(done, "stdout", "")
