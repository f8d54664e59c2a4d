"""Code of a plugin that ends the process: no command looks as if it had finished; and signals mean what they mean."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from broken_plugins import DATASET, MODEL, Break, broken
from rule_breaks import FORWARD
from warm import start_program

SOMEBODY = "ends with exit code 0 before it was done: code of a plugin, or of a library that it uses, has ended it"
ENDS = {
    "os._exit": ("os._exit(0)", "ends with exit code 0 before it was done: zoo_tried/__init__.py:7 calls os._exit"),
    "C": ("ctypes.CDLL(None)._exit(0)", SOMEBODY),
    "another program": ("os.execv('/bin/true', ['true'])", SOMEBODY),
    "crash": ("ctypes.string_at(0)", "was killed by SIGSEGV before it was done, at zoo_tried/__init__.py:7"),
    "killed": (
        "os.kill(os.getpid(), 9)",
        "was killed by SIGKILL (which a system does when it runs out of memory) before it was done",
    ),
}
TRAIN = ("train", "tried", "--dataset", "digits", "-d", "size=6", "--epochs", "2", "-d", "train_size=50")
LONG = ("train", "lenet5", "--dataset", "digits", "-t", "batch_size=1")


def plugin_with(forward: str) -> dict[str, str]:
    """A model whose forward runs this line first."""
    line = f"{forward}\n                {FORWARD}"
    return broken(MODEL, Break(file="net.py", old=FORWARD, new=line))


@pytest.mark.parametrize("end", ENDS)
def test_a_builder_that_ends_the_process_is_no_success(end: str, run_zoo: Any, fake_distribution: Any) -> None:
    line, words = ENDS[end]
    fault = Break(old="            from .net import Net", new=f"            import ctypes, os\n            {line}")
    fake_distribution("zoo-tried", files=broken(MODEL, fault), entries={"tried": "zoo_tried"})
    result = run_zoo("info", "tried", "--json")
    assert (result.code, result.stdout) == (1, "")
    assert f"Error: zoo info has not finished: its process {words}\nHint: zoo doctor MODEL, or zoo ch" in result.stderr


@pytest.mark.parametrize("command", [TRAIN, ("export", "tried")], ids=["train", "export"])
def test_a_forward_that_ends_the_process_is_no_success(
    command: tuple[str, ...], run_zoo: Any, fake_distribution: Any, tmp_path: Path
) -> None:
    fake_distribution("zoo-tried", files=plugin_with("import os; os._exit(0)"), entries={"tried": "zoo_tried"})
    result = run_zoo(*command)
    assert result.code == 1, result.stderr
    words = "ends with exit code 0 before it was done: zoo_tried/net.py:15 calls os._exit"
    assert f"Error: zoo {command[0]} has not finished: its process {words}\n" in result.stderr
    kept = {"train": "the same command with --resume goes on", "export": "no export appears before it is verified"}
    assert kept[command[0]] in result.stderr
    assert not (tmp_path / "exported" / "tried").exists()


def test_a_loader_that_ends_the_process_is_no_success(run_zoo: Any, fake_distribution: Any) -> None:
    fault = Break(old="drawn =", new="import os; os._exit(0)\n            drawn =")
    fake_distribution("zoo-tried", files=broken(DATASET, fault), entries={"tried": "zoo_tried"})
    trained = run_zoo("train", "mlp", "--dataset", "tried", "--epochs", "1")
    assert trained.code == 1
    assert "Error: zoo train has not finished: its process ends with exit code 0 before it was done" in trained.stderr
    checked = run_zoo("check", "dataset:tried", "--rule", "gives-what*", "--json")
    assert checked.code == 3
    assert "its process ends with exit code 0 before the rule" in checked.json["failed"][0]["detail"]


def test_a_command_that_calls_sys_exit_is_no_success(run_zoo: Any, fake_distribution: Any) -> None:
    code = """
        import sys

        import click

        from zoo_core import hookimpl


        @hookimpl
        def zoo_commands():
            @click.command("leave", help="leave")
            def leave():
                sys.exit(0)

            return [leave]
        """
    fake_distribution("zoo-tried", code, entries={"tried": "zoo_tried"})
    result = run_zoo("leave")
    assert result.code == 1
    assert "Error: the command has not finished: zoo_tried/__init__.py:13 calls sys.exit" in result.stderr


def _worker_of(process: Any) -> int:
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


def _started(folder: Path) -> Any:
    process = start_program(*LONG, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stderr:
        if line.startswith("Run "):
            break
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("to", ["the first process", "both, as a terminal does"])
def test_a_signal_comes_once_whoever_it_is_sent_to(number: int, to: str, tmp_path: Path) -> None:
    with _started(tmp_path) as process:
        (os.killpg if to.startswith("both") else os.kill)(process.pid, number)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert stderr.count("Stopped.") == 1, stderr
    assert "Traceback" not in stderr
    assert "Error" not in stderr


def test_the_worker_ends_with_the_process_that_watches_it(tmp_path: Path) -> None:
    with _started(tmp_path) as process:
        worker = _worker_of(process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        while Path(f"/proc/{worker}").exists():  # the time limit of the test is the one that counts
            time.sleep(0.01)
    assert process.returncode == -signal.SIGKILL
