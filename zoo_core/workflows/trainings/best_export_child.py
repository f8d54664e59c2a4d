"""The child process that exports the best weights of a run, checks the file, and measures it on the validation part."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from pathlib import Path
from typing import Any

from zoo_core.children.child import Line
from zoo_core.errors import ZooError, in_words
from zoo_core.records import BestExport, to_plain
from zoo_core.registry import Zoo, open_zoo
from zoo_core.training.directory import WEIGHTS_FILE
from zoo_core.training.run import Run, load_run

_NICE = 10
"""How far the training comes first, as long as there is one beside it."""
_SETTLE_SECONDS, _LOOK_SECONDS = 10.0, 0.05


def main(line: Line) -> None:
    """Export the run of the task, `{run, target, beside}`; says what came of it as a plain `BestExport`."""
    if line.task["beside"] and hasattr(os, "nice"):
        os.nice(_NICE)
    line.send(to_plain(_exported(Path(line.task["run"]), Path(line.task["target"]))))


def _exported(path: Path, target: Path) -> BestExport:
    from zoo_core.export.bundle import RejectedExportError
    from zoo_core.export.plan.plan import DEFAULT_OPSET
    from zoo_core.workflows.exports.export_source import export_plan
    from zoo_core.workflows.exports.run_plan import plan_run

    run, epoch = _settled(path)
    made: dict[str, Any] = {"epoch": epoch, "folder": str(target)}
    try:
        zoo = open_zoo()
        export_plan(plan_run(run, zoo, name=run.name, opset=DEFAULT_OPSET), target, zoo)
        return BestExport(**made, outcome="verified", validation=_scores(run, target, zoo))
    except RejectedExportError as error:
        return BestExport(**made, outcome=error.report.outcome, detail=error.message)
    except ZooError as error:
        return BestExport(**made, outcome="failed", detail=error.message)
    except Exception as error:  # noqa: BLE001 whatever it is, it is told, and the training goes on
        return BestExport(**made, outcome="failed", detail=in_words(error))


def _settled(path: Path) -> tuple[Run, int]:
    """The run, and the epoch of its best weights, once its record tells of the same epoch: they are written one after
    the other."""
    from zoo_core.training.safetensors_header import facts_of

    until = time.monotonic() + _SETTLE_SECONDS
    while True:
        epoch = facts_of(path / WEIGHTS_FILE).get("epoch")
        run = load_run(path)
        if run.info.best_epoch == epoch or time.monotonic() > until:
            return run, int(epoch or 0)
        time.sleep(_LOOK_SECONDS)


def _scores(run: Run, target: Path, zoo: Zoo) -> dict[str, float] | None:
    """What the file scores on what its run was validated on; None where the task measures nothing."""
    from zoo_core.runtime.running.model import open_model
    from zoo_core.workflows.answers.predictor import export_predictor, load_part

    predictor = export_predictor(open_model(target), run.name)
    predictor = dataclasses.replace(predictor, options=run.info.dataset_options, left_out=run.info.skipped)
    with contextlib.suppress(ZooError):  # data that have changed meanwhile, say; the file is verified all the same
        part = load_part(predictor, zoo, split="validation" if run.info.overfit is None else "train")
        tally = predictor.task.tally()
        for rows, outputs in predictor.batches(part.samples):
            tally.add(outputs, part.samples.targets[rows])
        return tally.metrics()
    return None
