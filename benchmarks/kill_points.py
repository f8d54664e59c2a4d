"""What is left when a process is killed at each of its file operations, or finds the disk full: export and training.

A copy of this process does the work, counts what it does to files in its folder, and kills itself before the n-th
operation; n goes up until the work is done. Each time somebody looks for the result, reads all of it (the hash of every
file), and does the work once more without a kill, after which nothing may be left over. With `--full`, the disk is full
from the n-th operation on that needs room: the work ends with exit code 1, and leaves nothing behind itself.

    python benchmarks/kill_points.py [--form folder|aside|export|train] [--full] [--every 1] [--json]

`folder`: a ready bundle takes the place of an older one, by the functions that an export publishes with. `aside`: the
same where two names cannot be exchanged in one step. `export`: the whole of `zoo export mlp`, where there is an older
export. `train`: the whole of `zoo train mlp --dataset digits --run tried`; the next attempt resumes where it can. Exit
code 1 when a result was missing or damaged, or something was left over.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zoo_core.cli import main as zoo
from zoo_core.errors import UsageError, ZooError
from zoo_core.export.publish.publish import building, publish
from zoo_core.files import json_text, read_json, sha256_of, write_atomic
from zoo_core.shelf import find_export, find_run, list_exports, list_runs
from zoo_core.training import RunDirectory

NAME = "tried"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NEEDS_ROOM = {"open", "mkdir", "fsync"}
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "fcntl.flock", "os.truncate", "os.link"}
TRAIN = ("train", "mlp", "--dataset", "digits", "--run", NAME, "--epochs", "1", "-d", "train_size=50")


@dataclass(frozen=True)
class Form:
    """What is done under a kill, and once more afterwards; `before` is there from the start."""

    work: Callable[[], None]
    again: Callable[[], None]
    before: Callable[[], None] = lambda: None
    can_exchange: bool = True
    kind: str = "export"


@dataclass(frozen=True)
class Row:
    """One kill: before which operation, what was found under the name, what the next attempt left beside it."""

    number: int
    operation: str
    code: int
    found: str
    listed: bool
    next_is: str
    left_over: tuple[str, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing is lost, and nothing stands in the way."""
        held = self.found in {"old", "new", "unfinished", "finished", "none, and the name is free"}
        # A run is finished also when nothing but its picture finds no room.
        ended = self.code in {-signal.SIGKILL, 1} or (self.code, self.found) == (0, "finished")
        return ended and held and self.listed and self.next_is == "new" and not self.left_over

    def __str__(self) -> str:
        left = ", ".join(self.left_over) or "nothing"
        listed = "yes" if self.listed else "NO"
        return f"| {self.number} | {self.operation} | {self.code} | {self.found} | {listed} | {self.next_is} | {left} |"


def in_copy(
    work: Callable[[], None], *, fail_at: int = 0, full: bool = False, can_exchange: bool = True
) -> tuple[int, str]:
    """Do it in a copy of this process: how it ended, and before which operation it was killed or failed, if it was."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        code = 70
        with contextlib.suppress(BaseException):
            silence()
            watch(fail_at, writing, full=full, can_exchange=can_exchange)
            code = code_of(work)
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "r", encoding="utf-8") as said:
        operation = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), operation


def code_of(work: Callable[[], None]) -> int:
    """The exit code of the work, as a command that does it has one."""
    try:
        work()
    except ZooError as error:
        return error.exit_code
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def silence() -> None:
    """What the work prints is not ours."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def watch(fail_at: int, line: int, *, full: bool, can_exchange: bool) -> None:
    """Count what this process does to files of the current folder; kill it before the operation of that number.

    Or let that one fail, and all after it that need room on the disk.
    """
    own, here, count = os.getpid(), os.getcwd() + os.sep, 0

    def count_one(operation: str) -> None:
        nonlocal count
        if full and operation.partition(" ")[0] not in NEEDS_ROOM:
            return
        count += 1
        if count == fail_at:
            os.write(line, operation.encode())
            if not full:
                os.kill(own, signal.SIGKILL)
        if 0 < fail_at <= count and full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if os.getpid() != own:
            return
        if event == "ctypes.dlsym" and arguments[1] == "renameat2":
            if not can_exchange:
                raise AttributeError("renameat2")  # as a C library says that does not have it
            count_one("exchange")
        elif event in CHANGES or (event == "open" and arguments[2] & WRITING):
            told = shown(arguments[0])
            # What a whole folder is removed with is named within its folder, which is open.
            within = event in {"os.remove", "os.rmdir"} and arguments[-1] != -1
            if within or told.startswith(here):
                count_one(f"{event.removeprefix('os.')} {told.removeprefix(here)}")

    sys.addaudithook(audit)
    fsync = os.fsync

    def counted(file: Any) -> None:
        if os.getpid() == own and shown(file).startswith(here):
            count_one(f"fsync {shown(file).removeprefix(here)}")
        fsync(file)

    os.fsync = counted


def shown(file: Any) -> str:
    """The path of a file, which may be an open one."""
    with contextlib.suppress(OSError):
        file = os.readlink(f"/proc/self/fd/{file}") if isinstance(file, int) else os.path.abspath(os.fsdecode(file))
    return re.sub(r"\.\w{8}\.tmp$", ".*.tmp", str(file))


def bundle_of(words: str) -> None:
    """A small bundle, published as an export is."""
    with building(Path("exported", NAME).absolute()) as folder:
        write_atomic(folder / "model.onnx", words)
        write_atomic(folder / "tests" / "input_0.pb", words)
        files = {file: sha256_of(folder / file) for file in ("model.onnx", "tests/input_0.pb")}
        write_atomic(folder / "report.json", json_text({"name": NAME, "words": words, "files": files}))
        publish(folder, Path("exported", NAME).absolute())


def command(*words: str) -> None:
    """One command of the zoo, which ends as the program does: with SystemExit."""
    sys.argv = ["zoo", *words]
    zoo(watched=False)  # the operations are counted, and the kills come, in this process


def export_of(seed: int) -> None:
    """A whole export; another seed is another file."""
    command("export", "mlp", "--to", f"exported/{NAME}", "-o", f"hidden={seed}")


def train_again() -> None:
    """Resume the run, if there is one that can be; else begin it."""
    try:
        status = read_json(find_run(NAME) / "run.json", what="the run's record")["status"]
    except UsageError:
        return command(*TRAIN)
    if status != "finished":
        return command(*TRAIN, "--resume")
    with RunDirectory(Path("runs", NAME)).lock():  # nothing is missing: who next holds it clears up
        return None


FORMS = {
    "folder": Form(lambda: bundle_of("new"), lambda: bundle_of("new"), lambda: bundle_of("old")),
    "aside": Form(lambda: bundle_of("new"), lambda: bundle_of("new"), lambda: bundle_of("old"), can_exchange=False),
    "export": Form(lambda: export_of(8), lambda: export_of(8), lambda: export_of(4)),
    "train": Form(lambda: command(*TRAIN), train_again, kind="run"),
}


def rows(form: Form, *, full: bool = False, every: int = 1) -> Iterator[Row]:
    """A kill, or a full disk, at every so many operations until the work is done without."""
    number = 1
    while True:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            done(form.before)
            old = identity(form.kind)
            code, operation = in_copy(form.work, fail_at=number, full=full, can_exchange=form.can_exchange)
            if not operation:
                if code:
                    raise RuntimeError(f"the work fails by itself, with exit code {code}")
                return
            yield judged(form, number, operation, code, old=old)
        number += every


def judged(form: Form, number: int, operation: str, ended: int, *, old: str) -> Row:
    """Look, as a user does; then do it again."""
    left = left_over() if ended > 0 else ()  # who is killed can clear up nothing
    listed = {entry.name: entry for entry in (list_exports() if form.kind == "export" else list_runs())}
    found = identity(form.kind)
    if form.kind == "run":
        whole = found != "missing"
        words = found if whole else "none, and the name is free"
    else:
        whole = found not in {"missing", "damaged"}
        words = "old" if found == old else "new" if whole else found.upper()
    in_list = (NAME in listed and listed[NAME].problem is None) if whole else NAME not in listed
    code, _ = in_copy(form.again, can_exchange=form.can_exchange)
    left += left_over()
    after = identity(form.kind)
    is_new = code == 0 and after not in {"missing", "damaged", old if form.kind == "export" else None}
    return Row(number, operation, ended, words, in_list, "new" if is_new else f"NOT MADE ({code}, {after})", left)


def left_over() -> tuple[str, ...]:
    """Everything hidden: the names of what is being built, written, held or moved aside."""
    return tuple(sorted(str(path) for path in Path().rglob(".*")))


def identity(kind: str) -> str:
    """What is under the name: a word that is another one for another export, "missing", or "damaged"."""
    try:
        folder = find_export(NAME) if kind == "export" else find_run(NAME)
        report = read_json(folder / ("report.json" if kind == "export" else "run.json"), what="the record")
        if kind == "run":
            return str(report["status"])
        there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {"report.json"}
        wrong = [name for name, digest in report["files"].items() if sha256_of(folder / name) != digest]
        return "damaged" if wrong or there != set(report["files"]) else str(report["files"]["model.onnx"])
    except UsageError:
        return "missing"
    except ZooError:
        return "damaged"


def done(work: Callable[[], None]) -> None:
    """Do it in a copy, which must not fail."""
    code, _ = in_copy(work)
    if code:
        raise RuntimeError(f"it cannot even begin: exit code {code}")


def main() -> int:
    """Kill and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--form", choices=FORMS, default="folder")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if arguments.form in {"export", "train"}:
        import torch  # noqa: F401 once, for all copies
    found = []
    if not arguments.json:
        print("| n | before | ended with | found | listed | next | left over |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows(FORMS[arguments.form], full=arguments.full, every=arguments.every):
        found.append(row)
        if not arguments.json:
            print(row, flush=True)
    well = sum(row.is_well for row in found)
    if arguments.json:
        print(json.dumps([{**asdict(row), "is_well": row.is_well} for row in found], indent=2))
    else:
        print(f"\n{len(found)} times, {well} of them without loss or trace")
    return 0 if found and well == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
