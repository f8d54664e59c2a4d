"""Records of runs and exports, and boxes as COCO has them: JSON."""

from __future__ import annotations

import json
from pathlib import Path

import hostile_files as hostile
from onnx_files import brightness_metadata, brightness_model, write_model

from zoo_core.records import EpochRow, to_plain
from zoo_core.shelf import list_exports, list_runs
from zoo_core.training.run import load_run
from zoo_core.training.run_card import commands
from zoo_core.verification.conclude.recheck import verify_export
from zoo_plugins.coco_folder.coco import read_coco

from .reader import Reader, damaged_json

REPORT = {
    "outcome": "verified",
    "name": "brightness",
    "model": "brightness",
    "run": None,
    "opset": 20,
    "axes": {"image": ["N", 1, 4, 4], "logits": ["N", 3]},
    "reference": "float64",
    "checks": [{"rule": "structure", "outcome": "passed", "detail": ""}],
    "outputs": [{"name": "logits", "error": 0.0, "bound": 0.1, "floors": 0.0}],
    "versions": {"torch": "2.11"},
    "files": {"model.onnx": "0" * 64},
    "described": "0" * 64,
    "schema": 1,
}


ROW = EpochRow(epoch=1, train={"loss": 1.0}, validation={"loss": 1.0, "accuracy": 0.5}, learning_rate=0.1, seconds=1.0)


COCO = {
    "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b/c.png"}],
    "categories": [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}],
    "annotations": [{"image_id": 1, "category_id": 4, "bbox": [1, 2.5, 3, 4], "iscrowd": 0}],
}


def _bundle(path: Path) -> None:
    model = path.with_name("model.onnx")
    if not model.exists():
        write_model(model, brightness_model(), brightness_metadata())
    list_exports()
    verify_export(path.parent)


def _run(path: Path) -> None:
    list_runs()
    run = load_run(path.parent)
    commands(run.info)
    json.dumps(to_plain(run.info), allow_nan=False)


def _rows(path: Path) -> None:
    if not path.with_name("run.json").exists():
        path.with_name("run.json").write_text(json.dumps(hostile.run_record()))
    load_run(path.parent)


def readers() -> dict[str, Reader]:
    """Every reader of this kind by its name."""
    return {
        "report.json": Reader(file="exported/a/report.json", content=damaged_json(REPORT), read=_bundle),
        "run.json": Reader(file="runs/a/run.json", content=damaged_json(hostile.run_record()), read=_run),
        "metrics.jsonl": Reader(file="runs/b/metrics.jsonl", content=damaged_json(ROW.to_json()), read=_rows),
        "COCO": Reader(
            file="annotations.json", content=damaged_json(COCO), read=lambda path: read_coco(path, like=path)
        ),
    }
