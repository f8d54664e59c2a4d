"""How many requests `zoo serve` answers, and what running them together brings; on loopback, with clients that compare.

Four parts, each with rounds that take turns, so that a slow moment of the machine hits both sides:

- the batcher alone: one row from each of 64 tasks, against one call a row in a loop; no HTTP;
- over HTTP: 64 clients, requests of 1 to 8 rows as bytes, against a server that runs each request by itself
  (`--batch 1`). The clients are a process of their own, whose processor time is told apart;
- memory: what the server holds after 20,000 requests and after 100,000 more (`--part memory`);
- beside peers: LitServe and MLServer with the same file and the same requests in JSON (`--part peers --environments
  FOLDER`, where an environment of its own is made for each of them).

Exit code 1 for a wrong answer, and where a ratio is below its limit (2 for the batcher, 0.95 over HTTP, 1 beside
peers).

    python benchmarks/serve.py [--export EXPORT] [--part batcher|http|memory|peers]... [--rounds N] [--requests N]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import onnxruntime
from serve_peers import beside_peers

from zoo_core.runtime import ExportedModel, open_model
from zoo_core.verification import self_test_cases
from zoo_plugins.serve.batcher import Batcher, BatchLimits
from zoo_plugins.serve.settings import shared_out

PROGRAM = str(Path(sys.executable).with_name("zoo"))
CLIENT = str(Path(__file__).with_name("serve_client.py"))
SAMPLE = Path(__file__).parents[1] / "exported" / "lenet5-digits"
TASKS = 64
BATCHER_LIMIT, HTTP_LIMIT = 2.0, 0.95


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--export", type=Path, default=SAMPLE)
    parser.add_argument("--part", action="append", choices=("batcher", "http", "memory", "peers"))
    parser.add_argument("--environments", type=Path, help="a folder for those of the peers; kept for the next time")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=4000)
    asked = parser.parse_args()
    parts = asked.part or ["batcher", "http"]
    if "peers" in parts and asked.environments is None:
        parser.error("--part peers needs --environments FOLDER")
    print(f"{asked.export.name}, {TASKS} clients, n = {asked.rounds} rounds in turn")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()},")
    print(f"onnxruntime {onnxruntime.__version__}, load average {os.getloadavg()[0]:.1f} at the beginning\n")
    good = True
    if "batcher" in parts:
        good &= batcher_alone(asked.export, rounds=asked.rounds, rows=asked.requests)
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder, "known.npz")
        if {"http", "memory", "peers"} & {*parts}:
            write_known(asked.export, known)
        if "http" in parts:
            good &= over_http(asked.export, known, rounds=asked.rounds, requests=asked.requests)
        if "memory" in parts:
            good &= memory(asked.export, known)
        if "peers" in parts:
            kept = {"folder": Path(folder), "environments": asked.environments}
            good &= beside_peers(asked.export, known, **kept, rounds=asked.rounds, requests=asked.requests)
    return 0 if good else 1


def rows_for(model: ExportedModel, count: int, *, seed: int) -> np.ndarray:
    """Made-up rows for the only input of a model; free axes but the batch are 64."""
    spec = model.metadata.inputs[model.input_name]
    shape = [64 if isinstance(axis, str) else axis for axis in spec.axes[1:]]
    return np.random.default_rng(seed).random((count, *shape), dtype=np.float32)


def batcher_alone(export: Path, *, rounds: int, rows: int) -> bool:
    """Rows a second of one call a row, and of the batcher; the first round of both is not counted."""
    workers, threads = shared_out(None, None)
    model = open_model(export, isolated=False, threads=threads)
    given = rows_for(model, TASKS, seed=0)[:, None]
    name = model.input_name

    def one_by_one() -> float:
        began = time.perf_counter()
        for number in range(rows):
            model.run({name: given[number % TASKS]})
        return rows / (time.perf_counter() - began)

    async def together() -> float:
        batcher = Batcher(model.run_rows, limits=BatchLimits(workers=workers))

        async def task(place: int) -> None:
            for _ in range(rows // TASKS):
                await batcher.put({name: given[place]}, rows=1)

        began = time.perf_counter()
        await asyncio.gather(*(task(place) for place in range(TASKS)))
        seconds = time.perf_counter() - began
        await batcher.close()
        return rows // TASKS * TASKS / seconds

    found = [(one_by_one(), asyncio.run(together())) for _ in range(rounds + 1)][1:]
    print("the batcher alone, rows a second")
    ratio = _compared("one call a row", "64 tasks", found)
    return _judged(ratio, BATCHER_LIMIT)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server, and what it can be asked."""

    place: str

    def measure(self, name: str) -> float:
        """One of its own numbers."""
        with urlopen(f"http://{self.place}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return float(next(line.split()[-1] for line in lines if line.startswith(f"{name} ")))


@contextlib.contextmanager
def server_of(export: Path, *arguments: str) -> Iterator[Server]:
    """`zoo serve`, until the block is done."""
    command = [PROGRAM, "serve", f"model={export}", "--port", "0", "--trusted", "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            text = line = ""
            while process.stdout is not None and line != "}\n":
                line = process.stdout.readline()
                if not line:
                    raise SystemExit("zoo serve has ended")
                text += line
            yield Server(place=json.loads(text)["url"].split("/")[2])
        finally:
            process.terminate()


def load(server: Server, known: Path, requests: int) -> dict[str, Any]:
    """What the clients tell."""
    command = [sys.executable, CLIENT, server.place, str(known), "--path", "/v2/models/model/infer"]
    done = subprocess.run([*command, "--requests", str(requests)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"wrong answers, or none: {done.stdout}{done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def over_http(export: Path, known: Path, *, rounds: int, requests: int) -> bool:
    """Requests a second with and without batches, latencies, and who used the processors."""
    with server_of(export, "--batch", "1") as alone, server_of(export) as together:
        for server in (alone, together):
            load(server, known, requests // 4)
        told: list[list[dict[str, Any]]] = [[], []]
        used = [0.0, 0.0]
        for _ in range(rounds):
            for side, server in enumerate((alone, together)):
                before = server.measure("process_cpu_seconds_total")
                told[side].append(load(server, known, requests))
                used[side] += server.measure("process_cpu_seconds_total") - before
    found = [(one["requests_a_second"], other["requests_a_second"]) for one, other in zip(*told, strict=True)]
    print("\nover HTTP, requests a second of 1 to 8 rows, all answers right")
    is_good = _judged(_compared("each by itself", "together", found), HTTP_LIMIT)
    for side, name in enumerate(("each by itself", "together")):
        p50, p99 = (statistics.median(each[key] for each in told[side]) * 1000 for key in ("p50", "p99"))
        clients = sum(each["client_processor_seconds"] for each in told[side]) / rounds / requests * 1e6
        server_time = used[side] / rounds / requests * 1e6
        refused = sum(each["refused"] for each in told[side])
        print(
            f"{name:16} p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  processor a request: server {server_time:5.0f} us,",
            end="",
        )
        print(f" clients {clients:4.0f} us  refused {refused}")
    return is_good


def memory(export: Path, known: Path) -> bool:
    """What the server holds after 20,000 requests and after 100,000 more."""
    with server_of(export) as server:
        load(server, known, 20_000)
        before = server.measure("process_resident_memory_bytes")
        load(server, known, 100_000)
        after = server.measure("process_resident_memory_bytes")
    print(f"\nmemory: {before / 1e6:.1f} MB after 20,000 requests, {after / 1e6:.1f} MB after 100,000 more")
    return after - before < 8e6


def write_known(export: Path, path: Path, *, count: int = 100) -> None:
    """Requests of 1 to 8 rows, and the answer of the file to each row by itself."""
    with open_model(export, isolated=False) as model:
        (output,) = model.metadata.outputs
        within = 2 * max(case.bounds[output] for case in self_test_cases(model.metadata))
        stored: dict[str, Any] = {"names": np.array([model.input_name, output]), "within": within}
        counts = np.random.default_rng(0).integers(1, 9, count)
        for number, held in enumerate(counts):
            rows = rows_for(model, int(held), seed=number)
            answers = [model.run({model.input_name: row[None]})[output] for row in rows]
            stored |= {f"input-{number}": rows, f"output-{number}": np.concatenate(answers)}
    np.savez(path, **stored)


def _compared(first: str, second: str, found: list[tuple[float, float]]) -> float:
    for place, name in enumerate((first, second)):
        each = [pair[place] for pair in found]
        print(f"{name:16} median {statistics.median(each):7.0f}  from {min(each):.0f} to {max(each):.0f}")
    ratios = [other / one for one, other in found]
    ratio = statistics.median(ratios)
    print(f"{second} / {first}: median {ratio:.2f}, from {min(ratios):.2f} to {max(ratios):.2f}", end="")
    return ratio


def _judged(ratio: float, limit: float) -> bool:
    print(f"  (at least {limit:g}: {'yes' if ratio >= limit else 'NO'})")
    return ratio >= limit


if __name__ == "__main__":
    sys.exit(main())
