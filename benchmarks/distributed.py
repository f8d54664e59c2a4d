"""A training in several processes beside the same in one: how far weights are apart after 20 steps, and the score.

Each row is a training of its own by torchrun, in a temporary folder: 301 pictures of the digits in batches of 64, so
that the last batch of each epoch, of 45, is shared unevenly. `machines` are torchruns that find each other by a
rendezvous on this one. In the last row a process is killed in the second epoch, and torchrun starts all of them anew.

    python benchmarks/distributed.py [ROW...]

The table is in docs/training.md. The exit code is 1 if a row ends otherwise than it says there that it must.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from zoo_core import load_run
from zoo_core.environment import machine_kind, package_versions

EPOCHS, STEPS = 4, 20
DATA = ("--dataset", "digits", "-d", "train_size=301", "-t", "batch_size=64", "--epochs", str(EPOCHS))
SGD = ("-t", "optimizer=sgd", "-t", "lr=0.05")
BOUND = 1e-6


@dataclass(frozen=True, kw_only=True)
class Row:
    """A training; `like` is the one of one process that it is compared with, `bound` what its weights keep to."""

    what: str
    name: str
    words: tuple[str, ...]
    like: str
    processes: int = 1
    machines: int = 1
    killed: bool = False
    bound: float | None = None


MLP, MLP_ADAMW, NORMS = ("mlp", *SGD), ("mlp", "-t", "optimizer=adamw"), ("cnn-bn", *SGD)
HALVED = (*MLP, "-t", "accumulate=2")
SHARD = ("-t", "shard=true")
LARGER = (*MLP, "-t", "checkpoint_every=2steps")
ROWS = (
    Row(what="SGD with momentum", name="sgd-1", words=MLP, like="sgd-1"),
    Row(what="SGD with momentum", name="sgd-2", words=MLP, like="sgd-1", processes=2, bound=BOUND),
    Row(what="SGD with momentum", name="sgd-3", words=MLP, like="sgd-1", processes=3, bound=BOUND),
    Row(what="the same, `shard=true`", name="cut-2", words=(*MLP, *SHARD), like="sgd-1", processes=2, bound=BOUND),
    Row(what="the same, on two machines", name="far", words=MLP, like="sgd-1", processes=2, machines=2, bound=BOUND),
    Row(what="`accumulate=2`", name="acc-1", words=HALVED, like="acc-1"),
    Row(what="`accumulate=2`", name="acc-2", words=HALVED, like="acc-1", processes=2, bound=BOUND),
    Row(what="AdamW", name="adamw-1", words=MLP_ADAMW, like="adamw-1"),
    Row(what="AdamW", name="adamw-2", words=MLP_ADAMW, like="adamw-1", processes=2),
    Row(what="SGD, BatchNorm", name="norms-1", words=NORMS, like="norms-1"),
    Row(what="SGD, BatchNorm", name="norms-2", words=NORMS, like="norms-1", processes=2),
    Row(what="a process is killed", name="kill-2", words=LARGER, like="sgd-2", processes=2, killed=True, bound=0.0),
)


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def commands(row: Row) -> list[list[str]]:
    """What is typed on each machine."""
    train = ["zoo_core", "train", *row.words, *DATA, "--run", row.name]
    if row.processes == 1:
        return [[sys.executable, "-P", "-m", *train]]
    place = ["--standalone"]
    if row.machines > 1:
        endpoint = f"127.0.0.1:{free_port()}"
        place = ["--nnodes", str(row.machines), "--rdzv-backend", "c10d", "--rdzv-endpoint", endpoint]
        place += ["--rdzv-id", row.name, "--local-addr", "127.0.0.1"]
    each = ["--nproc-per-node", str(row.processes // row.machines), "--max-restarts", str(int(row.killed))]
    run = [sys.executable, "-m", "torch.distributed.run", *place, *each, "-m", "--", *train]
    return [run] * row.machines


def train(row: Row, folder: Path) -> str:
    """Do it; empty, or what has gone wrong."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    logs = [folder / f"{row.name}-{number}.log" for number in range(row.machines)]
    started = [
        subprocess.Popen(command, cwd=folder, env=environment, stdout=log.open("w"), stderr=subprocess.STDOUT)
        for command, log in zip(commands(row), logs, strict=True)
    ]
    if row.killed:
        kill_one(folder / "runs" / row.name, started[0])
    codes = [process.wait() for process in started]
    return "".join(log.read_text() for log in logs) if any(codes) else ""


def kill_one(run: Path, torchrun: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the second process, as soon as an epoch is done."""
    while not (run / "metrics.jsonl").exists():
        if torchrun.poll() is not None:
            return
        time.sleep(0.002)
    children = [int(text) for text in Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()]
    os.kill(max(children), signal.SIGKILL)


def furthest(one: Path, other: Path) -> float:
    """The largest difference of a weight; statistics of BatchNorm are none."""
    first, second = load_run(one).state_dict(), load_run(other).state_dict()
    weights = [name for name in first if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))]
    return max(float((first[name].double() - second[name].double()).abs().max()) for name in weights)


def chosen(names: list[str]) -> list[Row]:
    """The rows of these names, and those that they are compared with; all where nothing is named."""
    known = {row.name: row for row in ROWS}
    wanted = {each for name in names for each in (name, known[name].like, known[known[name].like].like)}
    return [row for row in ROWS if not names or row.name in wanted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(row.name for row in ROWS)}")
    rows = chosen(parser.parse_args().rows)
    print("| training | processes | furthest weight from that of one process | validation accuracy |")
    print("| --- | --- | --- | --- |", flush=True)
    good = True
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for row in rows:
            if wrong := train(row, folder):
                raise SystemExit(wrong)
            run = folder / "runs" / row.name
            away = furthest(run, folder / "runs" / row.like)
            good = good and (row.bound is None or away <= row.bound)
            told = (
                ""
                if row.name == row.like
                else "0: the same bits as without"
                if row.killed and not away
                else f"{away:.1e}"
            )
            accuracy = load_run(run).info.validation["accuracy"]
            print(f"| {row.what} | {row.processes} | {told} | {accuracy:.4f} |", flush=True)
    versions = ", ".join(f"{name} {version}" for name, version in package_versions(["zoo-core", "torch"]).items())
    print(f"\n{STEPS} steps, gloo; {machine_kind()}; {versions}.")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
