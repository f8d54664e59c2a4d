"""`zoo list runs`: a table of what was trained, how well, and by what the runs differ."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Zoo = Callable[..., Any]


def write_run(folder: Path, name: str, *, epochs: int = 2, best: float = 0.9, **record: Any) -> Path:
    """The record and the epochs of a run, as far as the list reads them."""
    run = folder / "runs" / name
    run.mkdir(parents=True)
    data = {
        "model": "lenet5",
        "model_plugin": "zoo-core:lenet5",
        "dataset": "digits",
        "status": "finished",
        "options": {"num_classes": 10},
        "dataset_options": {"train_size": None},
        "config": {"epochs": epochs, "lr": 0.1, "augment": "usual"},
        "epochs": epochs,
        "seed": 0,
        "best_epoch": 1,
        "seconds": 12.34,
        "validation": {"loss": 0.5, "accuracy": best},
        "test": {"loss": 0.5, "accuracy": 0.25},
        "legs": [{"why": "started", "after": 0, "epochs": epochs, "began": "2026-03-04T05:06:07Z"}],
    }
    run.joinpath("run.json").write_text(json.dumps(data | record))
    run.joinpath("metrics.jsonl").write_text("{}\n" * min(epochs, 3))
    return run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs of one model and dataset that differ in two options, one of another model, and a damaged one."""
    write_run(tmp_path, "first", best=0.7, seconds=30)
    faster = {"epochs": 2, "lr": 0.5, "augment": "usual"}
    write_run(tmp_path, "second", best=0.9, config=faster, seconds=20)
    legs = [{"why": "started", "after": 0, "epochs": 8, "began": "2026-05-04T05:06:07Z"}]
    write_run(tmp_path, "third", best=0.8, epochs=8, seed=7, status="unfinished", seconds=10, legs=legs)
    masks = {"loss": 0.1, "iou_mean": 0.75}
    write_run(tmp_path, "masks", model="unet", dataset="oxford-pet", validation=masks, config={"lr": 9}, seconds=None)
    damaged = tmp_path / "runs" / "damaged"
    damaged.mkdir()
    damaged.joinpath("run.json").write_text("{")
    return tmp_path


def test_the_table_has_a_line_for_each_run_with_what_tells_it_apart(run_zoo: Zoo, runs: Path) -> None:
    shown = run_zoo("list", "runs", env={"TZ": "UTC"})
    assert shown.code == 0, shown.stderr
    header, *lines = [line.rstrip() for line in shown.stdout.splitlines() if line][:-1]
    assert header.split("  ")[0] == "NAME"
    assert [word for word in header.split("  ") if word][-1].strip() == "DIFFERS IN"
    cells = {line.split()[0]: [cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines}
    date = "2026-03-04 05:06"
    assert cells["first"] == ["first", "lenet5", "digits", "2", "accuracy 0.7000", "30.0", date, "-t lr=0.1 --seed=0"]
    assert cells["second"][3:6] == ["2", "accuracy 0.9000", "20.0"]
    assert cells["second"][-1] == "-t lr=0.5 --seed=0"
    assert cells["third"][3] == "3 of 8"
    assert cells["third"][-2:] == ["2026-05-04 05:06", "-t lr=0.1 --seed=7"]
    assert cells["masks"] == ["masks", "unet", "oxford-pet", "2", "iou_mean 0.7500", date]
    assert "run.json cannot be read" in cells["damaged"][-1]


def test_the_same_is_in_the_json_as_fields(run_zoo: Zoo, runs: Path) -> None:
    rows = {row["name"]: row for row in run_zoo("list", "runs", "--json").json}
    assert {key: rows["third"][key] for key in list(rows["third"])[6:]} == {
        "model": "lenet5",
        "dataset": "digits",
        "status": "unfinished",
        "epochs": 3,
        "planned": 8,
        "metric": "accuracy",
        "best": 0.8,
        "least_is_best": False,
        "best_epoch": 1,
        "beats_chance": None,
        "seconds": 10,
        "date": "2026-05-04T05:06:07Z",
        "differs": {"-t lr": "0.1", "--seed": "7"},
    }
    assert (rows["damaged"]["model"], rows["damaged"]["epochs"], rows["damaged"]["differs"]) == (None, None, {})


@pytest.mark.parametrize(
    ("field", "order"),
    [
        ("name", ["damaged", "first", "masks", "second", "third"]),
        ("model", ["first", "second", "third", "masks", "damaged"]),
        ("dataset", ["first", "second", "third", "masks", "damaged"]),
        ("epochs", ["first", "masks", "second", "third", "damaged"]),
        ("best", ["second", "third", "masks", "first", "damaged"]),
        ("seconds", ["third", "second", "first", "damaged", "masks"]),
    ],
)
def test_runs_are_sorted_by_a_field_and_those_that_lack_it_come_last(
    zoo_here: Zoo, runs: Path, field: str, order: list[str]
) -> None:
    assert [row["name"] for row in zoo_here("list", "runs", "--sort", field, "--json").json] == order


def test_where_less_is_better_the_smallest_is_the_best(zoo_here: Zoo, tmp_path: Path) -> None:
    for name, rmse in (("near", 3.7), ("far", 49.5), ("nearer", 1.2)):
        write_run(tmp_path, name, selection="-rmse", validation={"loss": 9.0, "rmse": rmse})
    write_run(tmp_path, "sure", best=0.9)
    rows = zoo_here("list", "runs", "--sort", "best", "--json").json
    assert [row["name"] for row in rows] == ["sure", "nearer", "near", "far"]
    assert [row["least_is_best"] for row in rows] == [False, True, True, True]


def test_the_newest_run_comes_first_and_a_record_without_a_date_has_that_of_its_file(zoo_here: Zoo, runs: Path) -> None:
    old = write_run(runs, "old", legs=[])
    os.utime(old / "run.json", (1_000_000_000, 1_000_000_000))
    os.utime(runs / "runs" / "damaged" / "run.json", (999_999_999, 999_999_999))
    rows = zoo_here("list", "runs", "--sort", "date", "--json").json
    assert [row["name"] for row in rows] == ["third", "first", "masks", "second", "old", "damaged"]
    assert rows[-2]["date"] == "2001-09-09T01:46:40Z"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("models", "--sort", "name"), "--sort is for runs", "zoo list runs --sort name"),
        (("runs", "--sort", "size"), "'size' is not one of 'name', 'model'", "zoo list --help"),
    ],
)
def test_what_cannot_be_sorted_is_said(zoo_here: Zoo, arguments: tuple[str, ...], message: str, hint: str) -> None:
    refused = zoo_here("list", *arguments)
    assert refused.code == 2
    assert message in refused.stderr
    assert hint in refused.stderr


@pytest.mark.parametrize("record", [{"options": 3, "config": None}, {"validation": [], "legs": {}}, {"model": 5}])
def test_records_of_odd_content_are_listed_all_the_same(zoo_here: Zoo, runs: Path, record: dict[str, Any]) -> None:
    write_run(runs, "odd", **record)
    shown = zoo_here("list", "runs")
    assert shown.code == 0, shown.stderr
    assert "odd" in shown.stdout


def test_the_next_step_is_for_the_newest_finished_run(run_zoo: Zoo, runs: Path) -> None:
    newer = [{"why": "started", "after": 0, "epochs": 2, "began": "2026-04-04T05:06:07Z"}]
    write_run(runs, "zebra", legs=newer)
    assert run_zoo("list", "runs").stdout.endswith("\nNext: zoo export zebra\n")
    assert run_zoo("list", "runs", "--sort", "best").stdout.endswith("\nNext: zoo export second\n"), "the first of them"


def test_the_next_step_of_unfinished_runs_goes_on_with_one(run_zoo: Zoo, tmp_path: Path) -> None:
    write_run(tmp_path, "aborted", status="unfinished", epochs=4).joinpath("metrics.jsonl").unlink()
    assert "Next:" not in run_zoo("list", "runs").stdout
    write_run(tmp_path, "half", status="unfinished", epochs=4)
    next_step = "\nNext: zoo train lenet5 --dataset digits --run half --resume\n"
    assert run_zoo("list", "runs").stdout.endswith(next_step)


def test_a_run_at_chance_level_is_not_the_next_to_export(run_zoo: Zoo, tmp_path: Path) -> None:
    write_run(tmp_path, "aborted").joinpath("metrics.jsonl").unlink()
    assert "Next:" not in run_zoo("list", "runs").stdout, "it has no epoch"
    newer = [{"why": "started", "after": 0, "epochs": 2, "began": "2026-04-04T05:06:07Z"}]
    write_run(tmp_path, "luck", beats_chance=False, legs=newer)
    longer = "\nNext: zoo train lenet5 --dataset digits --run luck --resume --epochs 4\n"
    assert run_zoo("list", "runs").stdout.endswith(longer)
    write_run(tmp_path, "half", status="unfinished", epochs=4)
    assert run_zoo("list", "runs").stdout.endswith("--run half --resume\n")
    write_run(tmp_path, "skill", beats_chance=True)
    assert run_zoo("list", "runs").stdout.endswith("\nNext: zoo export skill\n")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("oxford-pet", ["masks"]),
        ("unet", ["masks"]),
        ("digit*", ["first", "second", "third"]),
        ("lenet5", ["first", "second", "third"]),
        ("ir", ["first", "third"]),
    ],
)
def test_a_pattern_also_fits_the_model_and_the_dataset(
    pattern: str, names: list[str], run_zoo: Zoo, runs: Path
) -> None:
    assert [row["name"] for row in run_zoo("list", "runs", pattern, "--json").json] == names
    left = {row["name"] for row in run_zoo("list", "runs", "--exclude", pattern, "--json").json}
    assert left == {"first", "second", "third", "masks", "damaged"} - set(names)
