"""Load for `zoo serve`: requests whose answers are known, by the clients of benchmarks/serve_client.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from serving import SAMPLE, Serving, pictures

from zoo_core.runtime import open_model
from zoo_core.verification import self_test_cases

CLIENT = Path(__file__).parents[2] / "benchmarks" / "serve_client.py"


def write_known(path: Path, *, count: int = 200, seed: int = 0) -> Path:
    """Requests of 1 to 8 rows for the sample, and what it answers for each row by itself."""
    model = open_model(SAMPLE, isolated=False, threads=1)
    within = 2 * max(case.bounds["logits"] for case in self_test_cases(model.metadata))
    draw = np.random.default_rng(seed)
    stored: dict[str, Any] = {"names": np.array(["image", "logits"]), "within": within}
    seen = []
    for number in range(count):
        rows = pictures(int(draw.integers(1, 9)), seed=seed + number)
        answers = [model.run({"image": row[None]})["logits"] for row in rows]
        stored |= {f"input-{number}": rows, f"output-{number}": np.concatenate(answers)}
        seen += answers
    flat = np.concatenate(seen)
    apart = min(float(np.abs(np.delete(flat, place, axis=0) - row).max(axis=1).min()) for place, row in enumerate(flat))
    assert apart > 100 * within, "another row's answer would be taken for the right one"
    np.savez(path, **stored)
    return path


def load(server: Serving, known: Path, *arguments: str) -> dict[str, Any]:
    """What the clients tell."""
    command = [sys.executable, str(CLIENT), server.place, str(known), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def resident(server: Serving) -> int:
    """Bytes of memory that the server holds."""
    lines = server.ask("/metrics").body.decode().splitlines()
    return int(float(next(line.split()[1] for line in lines if line.startswith("process_resident_memory_bytes "))))
