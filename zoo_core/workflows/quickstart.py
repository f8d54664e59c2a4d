"""The main job on embedded data, one step after the other: train, export, verify, predict."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.records import ExportReport, Record
from zoo_core.registry import Zoo
from zoo_core.shelf import RUNS
from zoo_core.training import load_run
from zoo_core.workflows.trainings.one_training import TrainCallbacks

from .exports.export_source import default_target, export_plan, need_export_extra
from .exports.run_plan import plan_run
from .trainings.train import run_report, train

# The only names of plugins that the core knows.
MODEL, DATASET, NAME = "lenet5", "digits", "quickstart"
OPSET = 20

# None in sys.modules makes every `import torch` fail, as on a machine that has none.
_WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from zoo_core.cli import main; main()"


@dataclass(frozen=True, kw_only=True)
class QuickstartResult(Record):
    """What each step reported, as plain JSON: `{train, export, verify, predictions}`."""

    train: dict[str, Any]
    export: dict[str, Any]
    verify: dict[str, Any]
    predictions: list[dict[str, Any]]


def quickstart(
    zoo: Zoo,
    callbacks: TrainCallbacks,
    *,
    on_step: Callable[[str], None],
    epochs: int | None = None,
    seed: int = 0,
) -> QuickstartResult:
    """Train MODEL on DATASET as the run `quickstart`, export it, check it and predict its sample pictures.

    `on_step` is told "train", "export", "verify" and "predict" as each begins. An earlier quickstart is replaced;
    nothing else is touched. Verification and prediction run in processes where torch cannot be imported.
    """
    need_export_extra()
    dataset = zoo.dataset(DATASET)
    on_step("train")
    info = train(
        zoo, model=MODEL, dataset=DATASET, run=NAME, epochs=epochs, seed=seed, replace=True, callbacks=callbacks
    )
    run = load_run(RUNS / info.name)
    on_step("export")
    target = default_target(NAME)
    report: ExportReport = export_plan(plan_run(run, zoo, name=NAME, opset=OPSET), target, zoo)
    on_step("verify")
    verified = zoo_without_torch("verify", str(target), "--json")
    on_step("predict")
    predictions = zoo_without_torch("predict", str(target), *sorted(dataset.spec.samples), "--json")
    return QuickstartResult(
        train=run_report(run),
        export={**report.to_json(), "path": str(target)},
        verify=verified,
        predictions=predictions,
    )


def zoo_without_torch(*arguments: str) -> Any:
    """What `zoo ARGUMENTS` prints as JSON in a process where torch cannot be imported. Raises ZooError if it fails."""
    command = [sys.executable, "-P", "-c", _WITHOUT_TORCH, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.strip().splitlines() if line.startswith(("Error", "Hint"))]
        raise ZooError(f"zoo {arguments[0]} failed without torch: {' '.join(said) or done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


def sample_name(path: str) -> str:
    """A sample picture as people would write it: its path below the current folder if it is there, else its name."""
    here = Path(path)
    try:
        return str(here.relative_to(Path.cwd()))
    except ValueError:
        return here.name
