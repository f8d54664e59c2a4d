"""Kills of a training, and what is left: SIGKILL at a random moment of a small training, then `--resume`.

In turns the moment is within an epoch, within a save (as soon as half a file is seen) and within preparation, before
anything is saved. Each time everything that the run has in the end is compared with that of a training that nobody
disturbed: weights to the bit, metrics, and all other files but for times and dates.

    python benchmarks/kills.py [--kills 20] [--seed 0]

The table is in docs/benchmarks.md. The exit code is 1 if a single run ends otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.environment import machine_kind, package_versions
from zoo_core.training import RunDirectory, read_tensors
from zoo_core.training.epoch_rows import TIMED

MODEL = ("train", "lenet5", "--dataset", "digits")
EPOCHS = 4
SIZES = ("-d", "train_size=400", "-d", "val_size=50", "-t", "batch_size=16")
OPTIONS = ("--epochs", str(EPOCHS), *SIZES, "-t", "checkpoint_every=5steps")
NAME = "run"
HEADER = ("kill", "within", "after", "resumed from", "exit code", "weights", "metrics", "other files")


@dataclass(frozen=True)
class Ending:
    """What a run is in the end, as far as two trainings of one seed must agree."""

    weights: bytes
    metrics: Any
    files: dict[str, Any]


@dataclass(frozen=True)
class Straight:
    """A training that nobody disturbs: what it ends with, the seconds until it begins, and those of an epoch."""

    ending: Ending
    preparation: float
    epoch: float


def zoo(*arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    """The program as a child in a folder, with one thread; nobody reads what it prints."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-P", "-m", "zoo_core", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # A group of its own, because a process waits and another one works: both are killed in one moment.
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **quiet)


def run_in(folder: Path) -> Path:
    return folder / "runs" / NAME


def ending(folder: Path) -> Ending:
    """What the run in a folder has come to."""
    run = run_in(folder)
    files = {path.relative_to(run).as_posix(): path for path in sorted(run.rglob("*")) if path.is_file()}
    told: dict[str, Any] = {name: path.read_bytes() for name, path in files.items()}
    record = json.loads(told.pop("run.json"))
    metrics = [without_times(json.loads(line)) for line in told.pop("metrics.jsonl").splitlines()]
    state, facts = read_tensors(files["last/state.safetensors"], what="checkpoint")
    told["last/state.safetensors"] = (
        {name: (str(tensor.dtype), tensor.numpy().tobytes()) for name, tensor in state.items()},
        {**facts, "rows": [without_times(row) for row in facts["rows"]], "sha256": ""},
    )
    told["README.md"] = [line for line in told["README.md"].splitlines() if not line.startswith(b"| Time |")]
    measured = (record.pop("status"), record.pop("test"), record.pop("validation"))
    for leg in record["legs"]:
        del leg["began"]
    told["run.json"] = without_times(record)
    return Ending(weights=told.pop("weights.safetensors"), metrics=(metrics, measured), files=told)


def without_times(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in TIMED}


def straight(folder: Path) -> Straight:
    """Train without a kill."""
    started = time.monotonic()
    child = zoo(*MODEL, "--run", NAME, *OPTIONS, folder=folder)
    wait_until(lambda: run_in(folder).joinpath("run.json").exists(), child)
    preparation = time.monotonic() - started
    if child.wait():
        raise SystemExit("the training that nobody disturbs has failed")
    seconds = json.loads(run_in(folder).joinpath("run.json").read_text())["seconds"]
    return Straight(ending=ending(folder), preparation=preparation, epoch=seconds / EPOCHS)


def wait_until(happened: Callable[[], bool], child: subprocess.Popen[bytes], *, pause: float = 0.002) -> None:
    while not happened():
        if child.poll() is not None:
            return
        time.sleep(pause)


def killed(folder: Path, within: str, drawn: random.Random, known: Straight) -> str:
    """Start the training and kill it within a preparation, an epoch or a save; when that was, in words."""
    child = zoo(*MODEL, "--run", NAME, *OPTIONS, folder=folder)
    if within == "preparation":
        seconds = drawn.uniform(0, 1.2 * known.preparation)
        time.sleep(seconds)
        words = f"{seconds:.2f} s"
    else:
        epochs, more = drawn.randrange(EPOCHS - 1), drawn.uniform(0, known.epoch)
        saved = run_in(folder) / "last" / "state.safetensors"
        wait_until(lambda: saved.exists() and epochs_in(folder) >= epochs, child)
        time.sleep(more)
        words = f"{epochs} epochs and {more:.2f} s"
        if within == "save":
            wait_until(lambda: bool(half_files(folder)), child, pause=0.0)
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    wait_for_worker(folder)
    return f"{words}, half a file left" if half_files(folder) else words


def wait_for_worker(folder: Path) -> None:
    """Until the process that does the work is gone as well, which ends with the first one.

    Its lock stays: it says that a run whose record is closed was killed before its last files were written.
    """
    with contextlib.suppress(FileNotFoundError), (run_in(folder) / ".lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def epochs_in(folder: Path) -> int:
    """How many epochs the run in a folder has written."""
    rows = run_in(folder) / "metrics.jsonl"
    return len(rows.read_text().splitlines()) if rows.exists() else 0


def half_files(folder: Path) -> list[str]:
    """What a save under way has beside the files that are whole."""
    run = run_in(folder)
    names = [name for place in (run / "last", run) if place.exists() for name in os.listdir(place)]
    return [name for name in names if name.endswith(".tmp")]


def one_kill(number: int, within: str, drawn: random.Random, known: Straight) -> tuple[list[str], bool]:
    """One line of the table, and whether the run ended as it should."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        words = killed(folder, within, drawn, known)
        there = run_in(folder).exists()
        state = RunDirectory(run_in(folder)).last_good()[0] if there else None
        then = state.where if state is not None else "its start" if there else "nothing: begun anew"
        again = ("--resume",) if there else OPTIONS
        code = zoo(*MODEL, "--run", NAME, *again, folder=folder).wait()
        # Of a run whose record was closed before the kill came there is nothing to resume.
        closed = code == 2 and json.loads(run_in(folder).joinpath("run.json").read_text())["status"] == "finished"
        found, expected = ending(folder), known.ending
    same = [found.weights == expected.weights, found.metrics == expected.metrics, found.files == expected.files]
    cells = [str(number), within, words, then, str(code), "bit-equal" if same[0] else "DIFFER"]
    return [*cells, *("equal" if each else "DIFFER" for each in same[1:])], all(same) and (closed or code == 0)


def table(kills: int, *, seed: int) -> bool:
    """Print the table; whether every run ended as it should."""
    with tempfile.TemporaryDirectory() as place:
        known = straight(Path(place))
    print(f"| {' | '.join(HEADER)} |\n|{' --- |' * len(HEADER)}", flush=True)
    drawn, good = random.Random(seed), 0
    for number in range(1, kills + 1):
        within = ("epoch", "save", "epoch", "preparation")[(number - 1) % 4]
        cells, well = one_kill(number, within, drawn, known)
        good += well
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\n{good} of {kills} ended as the training that nobody disturbed did, seed {seed} of the moments.")
    versions = ", ".join(f"{name} {version}" for name, version in package_versions(["zoo-core", "torch"]).items())
    print(f"{machine_kind()}; {versions}.")
    return good == kills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    sys.exit(0 if table(asked.kills, seed=asked.seed) else 1)


if __name__ == "__main__":
    main()
