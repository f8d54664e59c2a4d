"""A bare file whose words were edited is not verified: labels, preprocessing and settings change what answers mean."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from checking import plan_for
from torch import nn

from zoo_core import Preprocess
from zoo_core.export.bundle import export
from zoo_core.runtime.reading.metadata import KEY
from zoo_core.verification.conclude.recheck import verify_export

LABELS = ("ant", "bee", "cat", "dog", "eel")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("sealed") / "made"
    plan = plan_for(lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5)), validation=False)
    recipe = Preprocess(resize=(16, 16), mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    assert export(dataclasses.replace(plan, labels=LABELS, preprocess=recipe), place).outcome == "verified"
    return place / "model.onnx"


def edited(path: Path, change: Callable[[dict[str, Any]], object], to: Path) -> Path:
    model = onnx.load(path)
    (entry,) = [entry for entry in model.metadata_props if entry.key == KEY]
    data = json.loads(entry.value)
    change(data)
    entry.value = json.dumps(data)
    onnx.save(model, to)
    return to


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "labels reversed": lambda data: data["labels"].reverse(),
    "mean": lambda data: data["preprocess"]["mean"].__setitem__(0, 0.6),
    "size": lambda data: data["preprocess"].update(resize=[17, 16]),
    "licence": lambda data: data.update(license="MIT"),
    "settings": lambda data: data.update(task_settings={"threshold": 0.999}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_seen(edit: str, exported: Path, tmp_path: Path) -> None:
    report = verify_export(edited(exported, EDITS[edit], tmp_path / "edited.onnx"))
    assert report.outcome == "failed"
    assert [check.rule for check in report.checks if check.outcome == "failed"] == ["metadata"]


def test_another_layout_of_the_same_words_is_none(exported: Path, tmp_path: Path) -> None:
    assert verify_export(edited(exported, lambda data: data, tmp_path / "same.onnx")).outcome == "verified"


@pytest.mark.parametrize("labels", [LABELS[:4], (*LABELS, "fox")])
def test_labels_that_the_runtime_refuses_are_not_verified_either(
    labels: tuple[str, ...], exported: Path, tmp_path: Path
) -> None:
    def change(data: dict[str, Any]) -> None:
        data["labels"] = list(labels)
        del data["self_test"]["seal"]

    report = verify_export(edited(exported, change, tmp_path / "edited.onnx"))
    (failed,) = [check for check in report.checks if check.outcome == "failed"]
    assert (failed.rule, report.outcome) == ("metadata", "failed")
    assert f"it has {len(labels)} labels for the 5 classes" in failed.detail


def test_a_file_of_before_has_no_seal_and_is_verified(exported: Path, tmp_path: Path) -> None:
    report = verify_export(edited(exported, lambda data: data["self_test"].pop("seal"), tmp_path / "old.onnx"))
    assert report.outcome == "verified"
    (told,) = [check for check in report.checks if check.rule == "metadata"]
    assert told.outcome == "skipped"
    assert "no seal" in told.detail


def test_the_words_of_the_finished_sample_are_sealed() -> None:
    report = verify_export(Path(__file__).parents[2] / "exported" / "lenet5-digits")
    assert [check.outcome for check in report.checks if check.rule == "metadata"] == ["passed"]
