"""A run on the disk: what is in it, reading it back, and what happens when its files are damaged."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from warm import start_program

from zoo_core import ZooError, files, load_run, open_zoo
from zoo_core.errors import UsageError
from zoo_core.replacing import building
from zoo_core.training import Run, RunDirectory, directory, evaluate
from zoo_core.training.run_card import commands, model_card
from zoo_core.workflows.trainings.train import train

SMALL = {"train_size": "200"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `runs/small`, trained once for this module."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train(
            open_zoo(),
            model="mlp",
            dataset="digits",
            run="small",
            epochs=3,
            options={"hidden": "16"},
            data=SMALL,
            seed=5,
        )
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A copy of it that the test may damage, in the current folder."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return load_run("small")


def test_a_run_holds_its_record_epochs_weights_checkpoint_picture_and_card(run: Run) -> None:
    files = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert files == {
        "README.md",
        "last/state.safetensors",
        "metrics.jsonl",
        "plots/curves.png",
        "run.json",
        "weights.safetensors",
    }
    record = json.loads((run.path / "run.json").read_text())
    assert record["status"] == "finished"
    assert (record["model"], record["dataset"], record["seed"], record["epochs"]) == ("mlp", "digits", 5, 3)
    assert record["options"]["hidden"] == [16]
    assert record["options"]["num_classes"] == 10
    assert record["dataset_options"]["train_size"] == 200
    assert record["config"]["lr"] == 0.004
    assert record["config"]["epochs"] == 3
    assert len(record["dataset_fingerprint"]) == 64
    assert record["classes"] == [str(digit) for digit in range(10)]
    assert {"python", "torch", "numpy", "zoo-core"} <= record["versions"].keys()
    assert 0 <= record["test"]["accuracy"] <= 1
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[record["best_epoch"] - 1]["validation"] == record["validation"]
    assert all({"loss", "accuracy"} <= row[part].keys() for row in rows for part in ("train", "validation"))


def test_nothing_in_a_run_is_a_pickle(run: Run) -> None:
    for path in run.path.rglob("*"):
        if path.is_file():
            start = path.read_bytes()[:4]
            assert not start.startswith((b"PK", b"\x80")), path
    load_file(run.path / "last" / "state.safetensors")


def test_the_card_has_the_metrics_the_options_and_the_next_commands(run: Run) -> None:
    card = (run.path / "README.md").read_text()
    assert f"| accuracy | {run.info.validation['accuracy']:.4f} | {run.info.test['accuracy']:.4f} |" in card
    assert "hidden=16" in card
    assert "| Dataset license | CC-BY-4.0 |" in card
    assert "| Model license | Apache-2.0 |" in card
    assert "train_size=200" in card
    assert run.info.dataset_fingerprint in card
    assert f"torch {run.info.versions['torch']}" in card
    assert "zoo export small\n" in card
    assert "](plots/curves.png)" in card


def test_the_command_on_the_card_trains_the_same_weights(
    run: Run, run_zoo: Callable[..., object], tmp_path: Path
) -> None:
    card = (run.path / "README.md").read_text()
    command = next(line for line in card.splitlines() if line.startswith("zoo train"))
    import shlex

    result = run_zoo(*shlex.split(command)[1:], "--run", "again")
    assert result.code == 0, result.stderr  # type: ignore[attr-defined]
    weights = [load_file(tmp_path / "runs" / name / "weights.safetensors") for name in ("small", "again")]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_run_gives_its_model_in_evaluation_mode_with_the_best_weights_and_its_data(run: Run) -> None:
    module = run.build()
    assert not module.training
    assert all(torch.equal(value, run.state_dict()[name]) for name, value in module.state_dict().items())
    dataset = run.dataset()
    assert len(dataset.load("train")) == 200
    task = __import__("zoo_core.tasks", fromlist=["get_task"]).get_task(run.model().spec.task)
    found = evaluate(module, dataset.load("test"), task=task, outputs=("logits",))
    assert found == pytest.approx(dict(run.info.test or {}))


def test_a_fresh_process_computes_the_same_outputs(run: Run) -> None:
    code = (
        "import numpy as np, sys, torch; from zoo_core import load_run;"
        "module = load_run('small').build(); x = torch.linspace(-1, 1, 784).reshape(1, 1, 28, 28);"
        "sys.stdout.buffer.write(module(x).detach().numpy().tobytes())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=run.path.parent.parent)
    with torch.no_grad():
        own = run.build()(torch.linspace(-1, 1, 784).reshape(1, 1, 28, 28)).numpy()
    assert np.array_equal(np.frombuffer(other.stdout, np.float32), own.ravel())


def test_a_run_is_found_by_name_by_path_and_by_kind(run: Run) -> None:
    assert load_run("runs/small").info == load_run("run:small").info == load_run(run.path).info == run.info
    assert run.name == "small"


def test_an_unknown_run_is_named_with_a_suggestion(run: Run) -> None:
    with pytest.raises(UsageError, match="unknown run 'smal'") as caught:
        load_run("smal")
    assert "small" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is damaged"),
        ("{", "is damaged"),
        ("[]", "is damaged: it holds a list, not an object"),
        ('{"schema": 1}', "is damaged: wrong or missing"),
        ('{"schema": 99}', "has schema 99; this version reads 1"),
    ],
)
def test_a_damaged_record_is_a_clear_error(run: Run, content: str, message: str) -> None:
    (run.path / "run.json").write_text(content)
    with pytest.raises(ZooError, match=message) as caught:
        load_run("small")
    assert "run.json" in caught.value.message
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("field", ["options", "validation", "classes", "name", "seed", "epochs", "test"])
def test_a_record_with_a_value_of_another_kind_is_a_clear_error(run: Run, field: str) -> None:
    record = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(record | {field: 3.5}))
    with pytest.raises(ZooError, match=f"run.json is damaged: {field} is"):
        load_run("small")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"freeze": [1]}, r"freeze is '\[1\]', not a list of texts"),
        ({"classes": [["a"]]}, "not a list of texts"),
        ({"versions": {"torch": 2}}, "not a text for each package"),
        ({"seed": 2**63}, "not a number from 0 to"),
        ({"seed": -1}, "not a number from 0 to"),
        ({"seed": 10**30}, "the whole number 1000.* has more than 64 bits"),
        ({"epochs": True}, "not a number above 0"),
        ({"test": {"accuracy": "much"}}, "not a number for each metric"),
        ({"validation": {"accuracy": 10**400}}, "has more than 64 bits"),
        ({"validation": {"accuracy": float("inf")}}, "Infinity is not a number"),
    ],
)
def test_a_record_with_a_value_that_cannot_be_is_a_clear_error(
    run: Run, changes: dict[str, Any], words: str, zoo_here: Callable[..., Any]
) -> None:
    record = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(record | changes))
    with pytest.raises(ZooError, match=f"run.json is damaged: .*{words}"):
        load_run("small")
    assert zoo_here("list", "runs").code == 0


def test_a_metric_that_was_not_finite_is_read_back_as_that(run: Run) -> None:
    row = json.loads((run.path / "metrics.jsonl").read_text().splitlines()[0])
    row["train"]["loss"] = None
    (run.path / "metrics.jsonl").write_text(json.dumps(row))
    assert np.isnan(load_run("small").rows[0].train["loss"])


@pytest.mark.parametrize("name", ["run.json", "metrics.jsonl"])
def test_records_that_are_nested_or_large_beyond_reason(run: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (run.path / name).read_bytes()
    (run.path / name).write_text("[" * 100_000)
    with pytest.raises(ZooError, match=f"{name} is damaged.*nested more than 64 deep"):
        load_run("small")
    monkeypatch.setattr(files, "MAX_RECORD_BYTES", 9)
    monkeypatch.setattr(directory, "MAX_ROWS_BYTES", 9)
    (run.path / name).write_bytes(content)
    with pytest.raises(ZooError, match=r"(run.json is not read: it has over 0 MB|has over 0 MB, more than is read)"):
        load_run("small")


@pytest.mark.parametrize("line", ["{", "[]", '{"epoch": 1}', '{"epoch": 1, "train": 3}'])
def test_a_damaged_row_is_named_by_its_line(run: Run, line: str) -> None:
    rows = (run.path / "metrics.jsonl").read_text().splitlines()
    (run.path / "metrics.jsonl").write_text("\n".join([rows[0], line]))
    with pytest.raises(ZooError, match=r"metrics.jsonl is damaged in line 2"):
        load_run("small")


def test_missing_weights_are_a_clear_error(run: Run) -> None:
    (run.path / "weights.safetensors").unlink()
    with pytest.raises(ZooError, match=r"run 'small' has no weights: .*weights.safetensors is missing"):
        run.build()


@pytest.mark.parametrize("size", [0, 5, 200])
def test_damaged_weights_are_a_clear_error(run: Run, size: int) -> None:
    path = run.path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ZooError, match=r"the run's weights .*weights.safetensors is damaged"):
        run.build()


def test_weights_of_another_model_are_named(run: Run) -> None:
    path = run.path / "weights.safetensors"
    tensors = load_file(path)
    first = sorted(tensors)[0]
    tensors["stranger"] = tensors.pop(first)
    save_file(tensors, path)
    with pytest.raises(ZooError, match=f"missing: {first}; unexpected: stranger"):
        run.build()


def test_a_damaged_run_makes_the_commands_end_with_1(run: Run, run_zoo: Callable[..., object]) -> None:
    (run.path / "run.json").write_text("{")
    result = run_zoo("plot", "small")
    assert result.code == 1  # type: ignore[attr-defined]
    assert "Error: the run's record" in result.stderr  # type: ignore[attr-defined]


def test_trainings_that_begin_together_all_find_a_name(tmp_path: Path) -> None:
    command = ["train", "mlp", "--dataset", "digits", "--epochs", "1", "-d", "train_size=50"]
    children = [start_program(*command, "--seed", str(seed), cwd=tmp_path, stderr=subprocess.PIPE) for seed in range(3)]
    told = [child.communicate(timeout=240)[1] for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], told
    runs = [load_run(path) for path in sorted((tmp_path / "runs").iterdir())]
    assert [run.info.name for run in runs] == ["mlp-digits", "mlp-digits-2", "mlp-digits-3"]
    assert sorted(run.info.seed for run in runs) == [0, 1, 2]


def test_a_lock_that_was_removed_while_it_was_taken_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Path] = []
    lock = fcntl.flock

    def slow(file: Any, how: int) -> None:
        lock(file, how)
        taken.append(Path(file.name))
        if len(taken) == 1:
            taken[0].unlink()  # as the one does that held it until now

    monkeypatch.setattr(fcntl, "flock", slow)
    with RunDirectory(tmp_path).lock():
        assert len(taken) == 2
        with pytest.raises(ZooError, match="is being trained by another process"), RunDirectory(tmp_path).lock():
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_replaced_by_one_process_at_a_time(run: Run) -> None:
    again = partial(train, open_zoo(), model="mlp", dataset="digits", run="small", epochs=1, data=SMALL, replace=True)
    with (
        building(run.path, busy=BlockingIOError()),
        pytest.raises(UsageError, match="runs/small is being replaced by another process"),
    ):
        again()
    assert load_run("small").info == run.info
    assert again().epochs == 1
    assert [path.name for path in Path("runs").iterdir()] == ["small"]


def test_the_command_on_the_card_says_what_it_began_with_and_what_was_frozen(run: Run) -> None:
    info = dataclasses.replace(run.info, init_from="my runs/first", freeze=("conv*", "fc1"))
    assert "--init-from 'my runs/first' --freeze 'conv*' --freeze fc1" in commands(info)[0]
    model, dataset = run.model().spec, run.dataset().spec
    card = model_card(info, called="run:its", epochs=1, model=model, dataset=dataset, pictures=())
    assert "\nzoo export run:its\nzoo plot run:its\n" in card
    assert "| Begins with | my runs/first |" in card
    assert "| Frozen | conv*, fc1 |" in card
    assert "--freeze" not in commands(run.info)[0]
