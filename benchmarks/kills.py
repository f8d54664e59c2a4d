"""Kills of a training, and what is left: SIGKILL at a random moment of a small training, then `--resume`: a random
time after a random number of epochs, which does not depend on how busy the machine is.

Each time the weights, the epochs and the metrics are compared with those of a training that nobody disturbed, to the
bit, and `run.json` is read after the kill and at the end.

    python benchmarks/kills.py [--kills 20] [--seed 0]

The table is in docs/benchmarks.md. The exit code is 1 if a single run ends otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.environment import machine_kind, package_versions

PROGRAM = Path(sys.executable).with_name("zoo")
MODEL = ("train", "lenet5", "--dataset", "digits")
EPOCHS = 8
OPTIONS = ("--epochs", str(EPOCHS), "-d", "train_size=400", "-d", "val_size=50", "-t", "batch_size=16")
NAME = "run"
HEADER = ("kill", "after", "status then", "epochs then", "resumed", "status", "epochs", "weights", "rows")


@dataclass(frozen=True)
class Ending:
    """What a run is in the end, as far as two trainings of one seed must agree."""

    status: str
    weights: bytes
    rows: tuple[dict[str, Any], ...]
    test: dict[str, float]


def zoo(*arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    """The program as a child in a folder, with one thread; nobody reads what it prints."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([PROGRAM, *arguments], cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, **quiet)


def ending(folder: Path) -> Ending:
    """What the run in a folder has come to."""
    run = folder / "runs" / NAME
    record = json.loads(run.joinpath("run.json").read_text())
    rows = [json.loads(line) for line in run.joinpath("metrics.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"]
    weights = run.joinpath("weights.safetensors").read_bytes()
    return Ending(status=record["status"], weights=weights, rows=tuple(rows), test=record["test"])


def straight(folder: Path) -> tuple[Ending, float]:
    """A training that nobody disturbs: what it ends with, and the seconds that one of its epochs takes."""
    if zoo(*MODEL, "--run", NAME, *OPTIONS, folder=folder).wait():
        raise SystemExit("the training that nobody disturbs has failed")
    record = json.loads(folder.joinpath("runs", NAME, "run.json").read_text())
    return ending(folder), record["seconds"] / EPOCHS


def killed(folder: Path, *, epochs: int, more: float) -> dict[str, Any]:
    """Start the training, kill it `more` seconds after so many epochs are written; what is there then."""
    record = folder / "runs" / NAME / "run.json"
    child = zoo(*MODEL, "--run", NAME, *OPTIONS, folder=folder)
    while not record.exists() or epochs_in(folder) < epochs:
        if child.poll() is not None:
            raise SystemExit("the training has ended before it was killed")
        time.sleep(0.002)
    time.sleep(more)
    child.send_signal(signal.SIGKILL)
    child.wait()
    return {"status": json.loads(record.read_text())["status"], "epochs": epochs_in(folder)}


def epochs_in(folder: Path) -> int:
    """How many epochs the run in a folder has written."""
    rows = folder / "runs" / NAME / "metrics.jsonl"
    return len(rows.read_text().splitlines()) if rows.exists() else 0


def one_kill(number: int, *, epochs: int, more: float, expected: Ending) -> tuple[list[str], bool]:
    """One line of the table, and whether the run ended as it should."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        then = killed(folder, epochs=epochs, more=more)
        code = zoo(*MODEL, "--run", NAME, "--resume", folder=folder).wait()
        found = ending(folder)
    # Of a run whose record was closed before the kill came there is nothing to resume.
    well = code == (2 if then["status"] == "finished" else 0)
    same_weights, same_rows = found.weights == expected.weights, found.rows == expected.rows
    good = well and same_weights and same_rows and (found.status, found.test) == ("finished", expected.test)
    cells = [
        str(number),
        f"{epochs} epochs and {more:.2f} s",
        then["status"],
        str(then["epochs"]),
        f"exit code {code}",
        found.status,
    ]
    cells += [str(len(found.rows)), "bit-equal" if same_weights else "DIFFER", "equal" if same_rows else "DIFFER"]
    return cells, good


def table(kills: int, *, seed: int) -> bool:
    """Print the table; whether every run ended as it should."""
    with tempfile.TemporaryDirectory() as place:
        expected, seconds = straight(Path(place))
    print(f"| {' | '.join(HEADER)} |\n|{' --- |' * len(HEADER)}", flush=True)
    drawn, good = random.Random(seed), 0
    for number in range(1, kills + 1):
        epochs, more = drawn.randrange(EPOCHS), drawn.uniform(0, seconds)
        cells, well = one_kill(number, epochs=epochs, more=more, expected=expected)
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
