"""One model trained on one dataset with several seeds, through the commands that everybody types, and its export."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from zoo_core.environment import machine_kind

SEEDS = (0, 1, 2)


def zoo(*arguments: str, cwd: Path) -> Any:
    """What `zoo ARGUMENTS --json` prints. Raises RuntimeError with its message where it fails."""
    command = [sys.executable, "-m", "zoo_core", *arguments, "--json"]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr[-600:]}")
    return json.loads(done.stdout)


def trained(
    task: str,
    model: str,
    dataset: str,
    *,
    metric: str,
    baseline: Mapping[str, Any],
    train: Sequence[str] = (),
    data: Sequence[str] = (),
    root: str | None = None,
    seeds: Sequence[int] = SEEDS,
) -> dict[str, Any]:
    """A row: the metric on the test part by each seed, and the export of the first run, measured again as a file.

    `train` are further words of `zoo train`, `data` options of the dataset, `root` is the folder of the data where they
    have one; `baseline` is `{name, score}`, on the same test part.
    """
    with tempfile.TemporaryDirectory() as folder:
        cwd, place = Path(folder), () if root is None else ("-d", f"root={root}")
        chosen = [word for option in data for word in ("-d", option)]
        words = ("train", model, "--dataset", dataset, *place, *chosen, *train)
        runs = [zoo(*words, "--run", f"run{seed}", "--seed", str(seed), cwd=cwd) for seed in seeds]
        first = f"run{seeds[0]}"
        report = zoo("export", f"run:{first}", cwd=cwd)
        measured = zoo("eval", f"export:{first}", *place, cwd=cwd)["metrics"][metric]
        parameters = zoo("info", f"model:{model}", "--dataset", dataset, *place, *chosen, cwd=cwd)["parameters"]
    scores = [float(run["test"][metric]) for run in runs]
    return {
        "task": task,
        "model": model,
        "dataset": dataset,
        "metric": metric,
        "seeds": list(seeds),
        "scores": scores,
        "mean": statistics.mean(scores),
        "file": measured,
        "baseline": dict(baseline),
        "seconds": statistics.mean(run["seconds"] for run in runs),
        "parameters": parameters,
        "outcome": report["outcome"],
        "floors": max(output["floors"] for output in report["outputs"]),
        "machine": machine_kind(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("torch", "onnxruntime")}},
    }
