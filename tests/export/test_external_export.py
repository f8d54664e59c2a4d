"""A whole export whose weights lie beside the model: written, checked, published, verified again, used."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from zoo_core import open_zoo
from zoo_core.export.bundle import export
from zoo_core.export.convert.saving import DATA_FILE
from zoo_core.files import sha256_of
from zoo_core.runtime import open_model
from zoo_core.verification.conclude.recheck import verify_export
from zoo_core.workflows.exports.export_source import plan_source


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("exports") / "lenet5"
    plan = plan_source(open_zoo(), "lenet5", opset=20)
    report = export(dataclasses.replace(plan, largest_file=100_000), target)
    assert report.outcome == "verified"
    return target


def test_both_files_are_published_and_in_the_report(exported: Path) -> None:
    assert (exported / "model.onnx").stat().st_size < 100_000 < (exported / DATA_FILE).stat().st_size
    report = verify_export(exported)
    assert report.outcome == "verified"
    assert report.files[DATA_FILE] == sha256_of(exported / DATA_FILE)


def test_it_runs_without_pytorch(exported: Path) -> None:
    found = open_model(exported).run({"image": np.ones((2, 1, 28, 28), np.float32)})
    assert found["logits"].shape == (2, 10)


def test_a_changed_weight_is_found(exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    content = bytearray((copy / DATA_FILE).read_bytes())
    content[1001] ^= 0x40
    (copy / DATA_FILE).write_bytes(content)
    report = verify_export(copy)
    assert report.outcome == "failed"
    assert any(DATA_FILE in check.detail for check in report.checks if check.rule == "files")
