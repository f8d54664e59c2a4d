"""What is resumed is what was stopped: hashes in the checkpoint and in the weights, and checkpoints of before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import stopped_runs
from safetensors.torch import load_file, save_file
from small_jobs import Stop, fit, make_job, stop_after

from zoo_core import ZooError, open_zoo
from zoo_core.training import RunDirectory, read_tensors
from zoo_core.workflows.trainings.train import train

SMALL: dict[str, Any] = {
    "model": "mlp",
    "dataset": "digits",
    "epochs": 3,
    "options": {"hidden": "8"},
    "data": {"train_size": "64"},
}


@pytest.fixture
def stopped(tmp_path: Path) -> RunDirectory:
    """A small run with a checkpoint, stopped after two epochs."""
    directory = RunDirectory(tmp_path / "run")
    with pytest.raises(Stop):
        fit(make_job(directory), on_epoch=stop_after(2))
    return directory


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_every_flipped_bit_of_a_checkpoint_is_refused_in_words(stopped: RunDirectory) -> None:
    path = stopped.path / "last" / "state.safetensors"
    whole = path.read_bytes()
    drawn = np.random.default_rng(0).integers(0, 8 * len(whole), 400).tolist()
    for bit in [*range(0, 8 * 64, 5), *drawn]:
        path.write_bytes(flipped(whole, bit))
        with pytest.raises(ZooError, match=r"checkpoint .*state.safetensors (is damaged|has schema)") as caught:
            stopped.read_state()
        assert caught.value.exit_code == 1
    path.write_bytes(whole)
    state = stopped.read_state()
    assert state is not None
    assert (state.epoch, state.sealed) == (2, True)


def test_a_flipped_bit_of_the_best_weights_is_refused_too(stopped: RunDirectory) -> None:
    path = stopped.path / "weights.safetensors"
    whole = path.read_bytes()
    read_tensors(path, what="the run's weights")
    path.write_bytes(flipped(whole, 8 * len(whole) - 100))
    load_file(path)  # as far as safetensors knows, nothing is wrong
    with pytest.raises(ZooError, match=r"the run's weights .* is damaged: its content is not what was written"):
        read_tensors(path, what="the run's weights")


def rewritten(path: Path, **changed: Any) -> None:
    """The checkpoint with other facts, as a program that is not the zoo would write them; None takes one away."""
    with safetensors.safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["zoo"])
    facts = {name: value for name, value in {**facts, **changed}.items() if value is not None}
    save_file(load_file(path), path, {"zoo": json.dumps(facts)})


def test_a_checkpoint_whose_hash_is_gone_is_refused(stopped: RunDirectory) -> None:
    rewritten(stopped.path / "last" / "state.safetensors", sha256=None)
    with pytest.raises(ZooError, match="is damaged: it has lost the hash of its content"):
        stopped.read_state()


def test_a_checkpoint_of_a_version_to_come_is_refused(stopped: RunDirectory) -> None:
    rewritten(stopped.path / "last" / "state.safetensors", schema=6, sha256=None)
    with pytest.raises(ZooError, match="has schema 6; this version reads up to 5"):
        stopped.read_state()


def test_a_run_of_before_resumes_with_one_warning(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(open_zoo(), **SMALL, run="straight")
    with pytest.raises(Stop):
        train(open_zoo(), **SMALL, run="old", callbacks=stopped_runs.stop_after(2))
    run = here / "runs" / "old"
    rewritten(run / "last" / "state.safetensors", schema=1, sha256=None, plugins=None)
    record = json.loads((run / "run.json").read_text())
    del record["legs"]
    (run / "run.json").write_text(json.dumps(record))
    capsys.readouterr()
    info = train(open_zoo(), model="mlp", dataset="digits", run="old", resume=True)
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Warning")]
    assert len(warnings) == 1
    assert "run 'old' was stopped by an older version, which kept no hashes" in warnings[0]
    assert [(leg.why, leg.after) for leg in info.legs] == [("started", 0), ("resumed", 2)]
    assert "with which plugins it was begun is not known" in (run / "README.md").read_text()
    bytes_of = {name: (here / "runs" / name / "weights.safetensors").read_bytes() for name in ("straight", "old")}
    assert bytes_of["old"] == bytes_of["straight"]
