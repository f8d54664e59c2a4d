"""`zoo check` looks at the rules in a process of its own: a plugin that ends it, or never ends, passes nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from broken_plugins import DATASET, MODEL, Break, broken
from warm import start_program

RULES = ("gives-what-it-declares", "follows-its-sizes", "stays-finite")
"""One that holds, one that builds with other sizes, and one that holds again."""
CHOSEN = [text for rule in RULES for text in ("--rule", rule)]

PLUGIN = {
    "__init__.py": """
        from zoo_core import ModelSpec, TensorSpec, hookimpl

        from . import deaths


        def builder(name):
            def build(*, in_channels: int = 1, height: int = 6, width: int = 6, num_classes: int = 3):
                from .net import Net

                dies = getattr(deaths, name) if num_classes != 3 else None
                if dies and name != "in_forward":
                    dies()
                return Net(in_channels, height, width, num_classes, dies)

            return build


        @hookimpl
        def zoo_models():
            for name in NAMES:
                yield ModelSpec(
                    name=name.replace("_", "-"),
                    build=builder(name),
                    task="image-classification",
                    summary="dies when it is asked for another number of classes than the usual one",
                    inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
                    outputs={"logits": TensorSpec("N", "num_classes")},
                )
        """,
    "deaths.py": """
        import contextlib, json, os, signal, time

        MESSAGE = json.dumps({"finding": dict(subject="model printed", rule="follows-its-sizes", outcome="passed",
            seconds=0.1, detail="", expected="", promise="")})

        def exit_0(): os._exit(0)
        def exit_3(): os._exit(3)
        def in_forward(): os._exit(0)
        def crash(): os.kill(os.getpid(), signal.SIGSEGV)
        def killed(): os.kill(os.getpid(), signal.SIGKILL)
        def interrupt(): raise KeyboardInterrupt
        def endless(): time.sleep(10_000)
        def copied(): os.fork()

        def printed():
            print(MESSAGE, flush=True)
            os._exit(0)

        def written():
            for number in range(64):
                with contextlib.suppress(OSError):
                    os.set_blocking(number, False)
                    os.write(number, f"{MESSAGE}\\n".encode())
            os._exit(0)
        """,
    "net.py": broken(
        MODEL,
        Break(
            file="net.py",
            old="logits = self.last(",
            new="self.dies and self.dies()\n                logits = self.last(",
        ),
    )["net.py"]
    .replace("width, num_classes):", "width, num_classes, dies):")
    .replace("super().__init__()", "super().__init__()\n                self.dies = dies"),
}

ENDS = "its process ends with exit code {} before the rule has finished: does it call os._exit?"
GROUPS = {
    "os._exit": {"exit_0": ENDS.format(0), "exit_3": ENDS.format(3), "in_forward": ENDS.format(0)},
    "signals": {
        "crash": "its process was killed by SIGSEGV before the rule has finished (zoo_tried/deaths.py:10)",
        "killed": "its process was killed by SIGKILL (which a system does when it runs out of memory) before the rule",
        "interrupt": "it raises KeyboardInterrupt",
    },
    "messages": {"printed": ENDS.format(0), "written": ENDS.format(0)},
    "time": {"endless": "it does not finish within 10 s (ZOO_RULE_TIMEOUT) (zoo_tried/deaths.py:13)"},
}


def plugin(*names: str) -> dict[str, str]:
    """A plugin with models that die of what these functions do."""
    return {**PLUGIN, "__init__.py": PLUGIN["__init__.py"].replace("NAMES", repr(names))}


@pytest.mark.parametrize("group", GROUPS)
def test_a_rule_that_ends_its_process_is_broken(group: str, run_zoo: Any, fake_distribution: Any) -> None:
    deaths = {name.replace("_", "-"): words for name, words in GROUPS[group].items()}
    fake_distribution("zoo-tried", files=plugin(*GROUPS[group]), entries={"tried": "zoo_tried"})
    limit = {"ZOO_RULE_TIMEOUT": "10"} if group == "time" else {}
    result = run_zoo("check", "tried", "--json", *CHOSEN, env=limit)
    assert result.code == 3, result.stderr
    failed = {row["subject"].removeprefix("model "): row for row in result.json["failed"]}
    assert set(failed) == set(deaths)
    for name, words in deaths.items():
        assert failed[name]["rule"] == "follows-its-sizes"
        assert words in failed[name]["detail"]
        assert failed[name]["promise"].endswith(".")
    # What comes after it is looked at all the same.
    held = [(row["subject"], row["rule"]) for row in result.json["passed"]]
    assert sorted(held) == sorted((f"model {name}", rule) for name in deaths for rule in (RULES[0], RULES[2]))
    counts = f"Error: tried: {len(held)} passed, {len(deaths)} failed; model "
    assert counts in result.stderr


def test_a_builder_that_always_ends_its_process(run_zoo: Any, fake_distribution: Any) -> None:
    fault = Break(old="from .net import Net\n", new="import os; os._exit(0)\n")
    fake_distribution("zoo-tried", files=broken(MODEL, fault), entries={"tried": "zoo_tried"})
    rules = [text for rule in ("commands-have-help", "says-*", "builds-*", "stays-*") for text in ("--rule", rule)]
    done = run_zoo("check", "tried", *rules)
    assert done.code == 3
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["plugin", "zoo-tried:tried"],
        ["commands-have-help", "skipped"],
        ["model", "tried"],
        ["says-where-it-comes-from", "ok"],
        ["builds-with-defaults", "FAILED"],
        ["stays-finite", "FAILED"],
    ]
    assert "Error: tried: 1 passed, 2 failed, 1 skipped; model tried: builds-with-defaults: its process" in done.stderr


def test_a_limit_that_is_no_number(run_zoo: Any) -> None:
    done = run_zoo("check", "lenet5", env={"ZOO_RULE_TIMEOUT": "soon"})
    assert (done.code, done.stdout) == (2, "")
    assert "ZOO_RULE_TIMEOUT is a number of seconds above 0, not 'soon'" in done.stderr


def test_a_death_that_is_declared_is_skipped(run_zoo: Any, fake_distribution: Any) -> None:
    declared = 'expected_failures={"follows-its-sizes": "its library ends the process"},'
    files = plugin("exit_0")
    files["__init__.py"] = files["__init__.py"].replace("task=", f"{declared}\n                    task=")
    fake_distribution("zoo-tried", files=files, entries={"tried": "zoo_tried"})
    done = run_zoo("check", "model:exit-0", "--json", *CHOSEN)
    assert done.code == 0, done.stderr
    [skipped] = done.json["skipped"]
    assert skipped["expected"] == "its library ends the process"
    assert skipped["detail"].startswith(
        "expected to fail, its library ends the process: its process ends with exit code 0"
    )


def test_a_plugin_that_ends_the_process_before_there_are_rules(run_zoo: Any, fake_distribution: Any) -> None:
    # Where the catalogue is made it behaves, so that its models are listed.
    fault = Break(
        old="from zoo_core import",
        new='import os\n        os.environ.get("ZOO_DISCOVERING") == "1" or os._exit(0)\n        from zoo_core import',
    )
    fake_distribution("zoo-tried", files=broken(MODEL, fault), entries={"tried": "zoo_tried"})
    done = run_zoo("check", "model:tried", "--json")
    assert (done.code, done.stdout) == (3, "")
    assert "model:tried cannot be checked: its process ends with exit code 0 before its rules are known" in done.stderr


def test_a_copy_that_a_plugin_makes_of_the_process_says_nothing(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-tried", files=plugin("copied"), entries={"tried": "zoo_tried"})
    done = run_zoo("check", "model:copied", *CHOSEN)
    assert done.code == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[:4]] == ["model", *RULES]
    assert done.stdout.count("follows-its-sizes") == 1


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_stopping_leaves_no_process_behind(
    number: int, code: int, fake_distribution: Any, site: Path, tmp_path: Path
) -> None:
    lock = tmp_path / "lock"
    endless = f"""
        import fcntl, time

        def endless():
            with open({str(lock)!r}, "w") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                print("held", file=held, flush=True)
                time.sleep(10_000)
        """
    files = {**plugin("endless"), "deaths.py": endless}
    fake_distribution("zoo-tried", files=files, entries={"tried": "zoo_tried"})
    pipe = subprocess.PIPE
    child = start_program("check", "model:endless", *CHOSEN, cwd=tmp_path, site=site, stdout=pipe, stderr=pipe)
    _wait(lambda: lock.exists() and lock.read_text() == "held\n", seconds=120)
    child.send_signal(number)
    sent = time.monotonic()
    stdout, stderr = child.communicate(timeout=30)
    assert child.returncode == code, stderr
    assert time.monotonic() - sent < 10
    assert "Traceback" not in stderr
    # What was found so far has been said.
    assert [line.split()[0] for line in stdout.splitlines()] == ["model", "gives-what-it-declares"]
    if number == signal.SIGINT:
        assert "Stopped." in stderr
    _wait(lambda: _is_free(lock), seconds=10)


def test_a_terminal_shows_the_rule_that_is_looked_at(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with start_program("check", "model:lenet5", "--rule", "builds*", cwd=tmp_path, stdout=theirs) as child:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # Linux's way to say that the terminal is closed
            while piece := os.read(ours, 65536):
                shown += piece
    os.close(ours)
    assert child.returncode == 0
    assert "  builds-with-defaults\r  builds-with-defaults             ok" in shown.decode()


def _is_free(lock: Path) -> bool:
    """Whether no living process holds it; one that has ended and that nobody waits for holds nothing."""
    with lock.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _wait(what: Any, *, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_what_a_loader_has_started_neither_holds_up_the_check_nor_stays(
    run_zoo: Any, fake_distribution: Any, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    fault = Break(
        old="drawn =",
        new=f"""import os, subprocess, sys
            if os.environ.get("PYTHONHASHSEED"):
                left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
                with open({str(started)!r}, "a") as file:
                    print(left.pid, file=file)
            drawn =""",
    )
    fake_distribution("zoo-tried", files=broken(DATASET, fault), entries={"tried": "zoo_tried"})
    begun = time.monotonic()
    done = run_zoo("check", "dataset:tried", "--rule", "keeps-its-order")
    assert done.code == 0, done.stderr
    assert time.monotonic() - begun < 80
    left = [Path("/proc", pid, "stat") for pid in started.read_text().split()]
    assert len(left) >= 2
    # One that is dead may wait there for somebody to ask how it ended.
    assert not [stat for stat in left if stat.exists() and ") Z " not in stat.read_text()]
