"""Is a file that is opened the one that was verified? What Python, commands and the list say where it may not be."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_files import brightness_metadata, brightness_model, write_model
from PIL import Image

from zoo_core.files import sha256_of
from zoo_core.runtime import UnverifiedWarning, open_model

MISSING, DAMAGED = "report.json is missing", "report.json is damaged"
UNPROVEN = "so nothing says that model.onnx is what was verified; `zoo verify"


OF_ITS_OWN = 7301
"""Weights that no other test has, for a file that nobody here has verified."""


@pytest.fixture
def bundle(here: Path) -> Path:
    """An export as it was published, on a machine that has not seen it before."""
    folder = here / "exported" / "brightness"
    write_model(folder / "model.onnx", brightness_model(seed=OF_ITS_OWN), brightness_metadata(), known=False)
    (folder / "netron.json").write_text("{}")
    write_report(folder)
    Image.new("L", (6, 6), 200).save("a.png")
    return folder


def write_report(folder: Path, **changes: Any) -> None:
    files = {"model.onnx": sha256_of(folder / "model.onnx"), "netron.json": sha256_of(folder / "netron.json")}
    said = {"outcome": "verified", "model": "brightness", "opset": 20, "run": None, "files": files, **changes}
    (folder / "report.json").write_text(json.dumps(said))


def change_weights(folder: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    weight = model.graph.initializer[0]
    array = onnx.numpy_helper.to_array(weight).copy()
    array[0] += 1
    weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
    onnx.save(model, folder / "model.onnx")


def told_by_python(path: Path) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        open_model(path, isolated=False).close()
    assert all(each.category is UnverifiedWarning for each in caught)
    assert all(each.filename == __file__ for each in caught)  # the line that opens it, and none of ours
    return [str(each.message) for each in caught]


def test_a_file_as_it_was_published_is_opened_without_a_word(bundle: Path) -> None:
    assert told_by_python(bundle) == told_by_python(bundle / "model.onnx") == []


REPORTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "of another file": (lambda report: None, "is about another model.onnx: the file has changed since it was checked"),
    "missing": (lambda report: report.unlink(), f"{MISSING}, {UNPROVEN}"),
    "no JSON": (lambda report: report.write_text("no JSON"), DAMAGED),
    "too deep": (lambda report: report.write_text("[" * 100_000), DAMAGED),
    "no object": (lambda report: report.write_text("[]"), f"{DAMAGED}: it holds a list, not an object, {UNPROVEN}"),
    "no files": (lambda report: report.write_text('{"files": []}'), f"{DAMAGED}: it has no hash of model.onnx"),
    "a folder": (lambda report: (report.unlink(), report.mkdir()), UNPROVEN),
    "a link to nothing": (lambda report: (report.unlink(), report.symlink_to("gone")), UNPROVEN),
}


@pytest.mark.parametrize("report", REPORTS)
def test_a_changed_file_is_told_of_whatever_became_of_its_report(
    report: str, bundle: Path, run_zoo: Callable[..., Any]
) -> None:
    spoil, said = REPORTS[report]
    change_weights(bundle)
    spoil(bundle / "report.json")
    (by_python,) = told_by_python(bundle)
    assert said in by_python
    done = run_zoo("predict", "brightness", "a.png", "--json", env={"PYTHONWARNINGS": "error"})
    assert done.code == 0
    assert [line for line in done.stderr.splitlines() if line.startswith("Warning: ")] == [
        f"Warning: {by_python}".replace(f"{bundle}", "exported/brightness")
    ]
    (row,) = run_zoo("list", "exports", "--json").json
    assert row["state"] == ("changed" if report == "of another file" else "unknown")
    assert "brightness, verified" not in run_zoo("list", "exports").stdout


def test_who_has_verified_the_very_bytes_is_not_told_of_a_lost_report(bundle: Path) -> None:
    (bundle / "report.json").unlink()
    assert len(told_by_python(bundle)) == 1
    write_model(bundle / "model.onnx", brightness_model(seed=OF_ITS_OWN), brightness_metadata(), known=True)
    assert told_by_python(bundle) == []


def test_a_file_that_was_never_verified_is_told_of(bundle: Path, run_zoo: Callable[..., Any]) -> None:
    write_report(bundle, outcome="failed")
    (said,) = told_by_python(bundle)
    assert said.startswith(f"{bundle}/model.onnx was never verified: {bundle}/report.json says 'failed'")
    assert run_zoo("list", "exports", "--json").json[0]["state"] == "failed"


def test_weights_beside_the_file_that_have_changed_are_told_of(bundle: Path) -> None:
    model = onnx.load(bundle / "model.onnx")
    onnx.save(model, bundle / "model.onnx", save_as_external_data=True, location="model.onnx.data", size_threshold=0)
    weights = bundle / "model.onnx.data"
    write_report(
        bundle, files={name: sha256_of(bundle / name) for name in ("model.onnx", "model.onnx.data", "netron.json")}
    )
    assert told_by_python(bundle) == []
    weights.write_bytes((np.frombuffer(weights.read_bytes(), np.float32) + 1).tobytes())
    (said,) = told_by_python(bundle)
    assert "is about another model.onnx.data: the weights have changed since they were checked" in said


def test_a_bare_file_needs_no_report(bundle: Path) -> None:
    bare = bundle.parent / "bare.onnx"
    bare.write_bytes((bundle / "model.onnx").read_bytes())
    assert told_by_python(bare) == []


def test_a_list_does_not_read_gigabytes(bundle: Path, run_zoo: Callable[..., Any]) -> None:
    large = bundle.parent / "large"
    large.mkdir()
    with (large / "model.onnx").open("wb") as file:
        file.truncate(1 << 40)
    report = {"outcome": "verified", "model": "large", "opset": 20, "files": {"model.onnx": "0" * 64}}
    (large / "report.json").write_text(json.dumps(report))
    first, second = run_zoo("list", "exports", "--json", timeout=60).json
    assert (first["name"], first["state"]) == ("brightness", "verified")
    assert (second["name"], second["state"]) == ("large", "not compared")
    assert "large, verified when it was exported (too large to compare here), opset 20" in second["summary"]
