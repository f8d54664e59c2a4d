"""What a change of a file costs in speed: onnxruntime runs both, in turn, in a child process without torch."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.environment import load_onnxruntime
from zoo_core.files import temporary_folder

Array = NDArray[Any]

ROUNDS = 9
TIME_LIMIT_SECONDS = 300


def speed_ratio(file: Path, other: Path, *, inputs: Mapping[str, Array], rounds: int = ROUNDS) -> float | None:
    """How many times as long `file` takes as `other` for these inputs: the ratio of the medians of so many rounds.

    Both are run in turn, at onnxruntime's default settings, after one run that does not count. None where one of the
    two cannot be run, or takes more than five minutes.
    """
    with temporary_folder("zoo-speed-") as folder:
        for place, value in enumerate(inputs.values()):
            np.save(folder / f"in-{place}.npy", value, allow_pickle=False)
        job = {"files": [str(file.resolve()), str(other.resolve())], "inputs": list(inputs), "rounds": rounds}
        (folder / "job.json").write_text(json.dumps(job))
        command = [sys.executable, "-P", "-m", "zoo_core.verification.subject.speed", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return None
        return float(json.loads(done.stdout)) if done.returncode == 0 else None


def _measure(folder: Path) -> float:
    """The child's part: the ratio for the job in `folder`."""
    ort = load_onnxruntime()
    job = json.loads((folder / "job.json").read_text())
    inputs = {name: np.load(folder / f"in-{place}.npy") for place, name in enumerate(job["inputs"])}
    options = ort.SessionOptions()
    options.log_severity_level = 4
    sessions = [ort.InferenceSession(file, options, providers=["CPUExecutionProvider"]) for file in job["files"]]
    seconds: list[list[float]] = [[], []]
    for _ in range(job["rounds"] + 1):
        for session, found in zip(sessions, seconds, strict=True):
            start = time.perf_counter()
            session.run(None, inputs)
            found.append(time.perf_counter() - start)
    first, second = (statistics.median(found[1:]) for found in seconds)
    return first / second


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(Path(sys.argv[1]))))
