"""`zoo list`, `info`, `plugins`, `--help`, and completion in the shell: what people and scripts see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zoo_core import open_zoo
from zoo_core.workflows.info import describe

GOOD = """
from zoo_core import ModelSpec, TensorSpec, hookimpl

def build(*, num_classes: int = 10, depth: int, meta: bool = True):
    import torch
    from torch import nn
    if not meta:
        torch.zeros(1).item()  # impossible on the meta device
    if depth > 5:
        raise ValueError("depth is at most 5, not %d" % depth)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, num_classes))

def spec(name, **more):
    values = dict(
        name=name, build=build, task="image-classification", summary="A model for tests",
        inputs={"image": TensorSpec("N", 1, 28, 28)}, outputs={"logits": TensorSpec("N", "num_classes")},
    )
    return ModelSpec(**{**values, **more})

@hookimpl
def zoo_models():
    yield spec("smallnet18", license="MIT", aliases=("r18",))
    yield spec("smallnet9", license="Apache-2.0")
    yield spec("filter", task="image-filter", summary="A filter whose description is so long that no terminal of "
               "eighty columns can show all of it on one line, \\x1b[31m not even in red")
"""


def names(result: Any) -> list[str]:
    return [row["name"] for row in result.json]


def test_list_json(run_zoo: Any) -> None:
    rows = run_zoo("list", "--json").json
    assert all(list(row) == ["name", "kind", "task", "summary", "plugin", "source"] for row in rows)
    assert {
        "name": "lenet5",
        "kind": "model",
        "task": "image-classification",
        "summary": "LeNet-5, the 1998 digit reader",
        "plugin": "zoo-core:lenet5",
        "source": "https://doi.org/10.1109/5.726791",
    } in rows
    assert {"model", "dataset", "trainer"} == {row["kind"] for row in rows}


def test_list_filters_and_natural_order(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-a", GOOD)
    assert names(run_zoo("list", "models", "small*", "--json")) == ["smallnet9", "smallnet18"]
    assert names(run_zoo("list", "SMALLNET", "--plugin", "zoo-a", "--json")) == ["smallnet9", "smallnet18"]
    assert names(run_zoo("list", "net?", "--json")) == []
    assert names(run_zoo("list", "smallnet", "--exclude", "*18", "--plugin", "zoo-a", "--json")) == ["smallnet9"]
    assert names(run_zoo("list", "--task", "image-filter", "--plugin", "zoo-a", "--json")) == ["filter"]
    assert names(run_zoo("list", "--plugin", "zoo-a", "--license", "mit", "--json")) == ["smallnet18"]
    assert names(run_zoo("list", "--plugin", "lenet5", "--json")) == ["lenet5"]
    assert "supervised" in names(run_zoo("list", "trainers", "--json"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("modles", "x"), "unknown kind 'modles'\nHint: Did you mean 'models'"),
        (("models", "a", "b"), "zoo list takes one PATTERN, not 2: a b"),
        (("--task", "image-clasification"), "unknown task 'image-clasification'\nHint: Did you mean 'image-class"),
        (("--plugin", "lenet"), "unknown plugin 'lenet'\nHint: Did you mean 'lenet5'"),
        (("--colour",), "No such option"),
    ],
)
def test_list_typed_wrong(arguments: tuple[str, ...], message: str, run_zoo: Any) -> None:
    result = run_zoo("list", *arguments)
    assert result.code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_list_for_people(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-a", GOOD)
    wide = run_zoo("list", "models", "--plugin", "zoo-a").stdout
    lines = wide.splitlines()
    assert lines[0].split() == ["NAME", "KIND", "TASK", "SUMMARY"]
    assert lines[1].split()[:3] == ["filter", "model", "image-filter"]
    assert "\x1b" not in wide  # a plugin's text does not steer the terminal
    assert lines[-1] == "Next: zoo info filter"
    narrow = run_zoo("list", "models", "--plugin", "zoo-a", env={"COLUMNS": "40"}).stdout
    assert max(map(len, narrow.splitlines())) <= 40
    cut = run_zoo("list", "models", "--plugin", "zoo-a", env={"COLUMNS": "80"}).stdout.splitlines()
    assert max(map(len, cut)) <= 80
    assert cut[1].endswith("…")


def test_list_says_when_plugins_are_unusable(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-bad", "1 / 0")
    result = run_zoo("list")
    assert result.code == 0
    assert "1 plugin cannot be used: see zoo plugins" in result.stderr


def test_list_runs_and_exports(run_zoo: Any, tmp_path: Path) -> None:
    assert run_zoo("list", "runs", "--json").json == []
    assert "nothing to list" in run_zoo("list", "exports").stderr
    run, export = tmp_path / "runs" / "a", tmp_path / "exported" / "a"
    run.mkdir(parents=True)
    export.mkdir(parents=True)
    data = {"model": "lenet5", "model_plugin": "zoo-core:lenet5", "dataset": "digits", "status": "finished"}
    (run / "run.json").write_text(json.dumps({**data, "test": {"accuracy": 0.98}}))
    (export / "model.onnx").write_bytes(b"")
    (export / "report.json").write_text(json.dumps({"model": "lenet5", "outcome": "verified", "opset": 20, "run": "a"}))
    assert run_zoo("list", "runs", "--json").json == [
        {
            "name": "a",
            "kind": "run",
            "task": "",
            "summary": "lenet5 on digits, finished, test accuracy 0.9800",
            "plugin": "zoo-core:lenet5",
            "source": "runs/a",
        }
    ]
    assert run_zoo("list", "exports", "--json").json[0]["summary"] == "lenet5, verified, opset 20, run a"
    (run / "run.json").write_text("{")
    assert "run.json cannot be read" in run_zoo("list", "runs", "--json").json[0]["summary"]


COUNTS: list[tuple[tuple[str, ...], int]] = [
    (("lenet5", "--dataset", "mnist"), 61_706),
    (("lenet5", "-o", "in_channels=3", "-o", "height=32", "-o", "width=32"), 83_126),
    (("mlp", "--dataset", "mnist", "-o", "hidden=128,64"), 109_386),
]


@pytest.mark.parametrize(("arguments", "parameters"), COUNTS)
def test_info_counts_parameters(arguments: tuple[str, ...], parameters: int, run_zoo: Any) -> None:
    found = run_zoo("info", *arguments, "--json").json
    assert found["parameters"] == parameters


def test_counts_from_python() -> None:
    zoo = open_zoo()
    assert describe(zoo, "lenet5")["parameters"] == 61_706
    assert describe(zoo, "mlp", options={"hidden": ""})["parameters"] == 7_850
    assert describe(zoo, "model:zoo-core:mlp/mlp", options={"activation": "tanh"})["parameters"] == 109_386


def test_info_of_a_model_has_its_options_and_shapes(run_zoo: Any) -> None:
    found = run_zoo("info", "lenet5", "--dataset", "mnist", "-o", "num_classes=10", "--json").json
    assert found["inputs"] == {"image": {"axes": ["N", 1, 28, 28], "dtype": "float32"}}
    assert found["outputs"] == {"logits": {"axes": ["N", 10], "dtype": "float32"}}
    assert found["options"][1] == {"name": "height", "type": "int", "default": 28, "value": 28}
    text = run_zoo("info", "lenet5").stdout
    assert "parameters  61,706" in text
    assert "Next: zoo train lenet5 --dataset NAME" in text


def test_info_of_other_kinds(run_zoo: Any) -> None:
    dataset = run_zoo("info", "mnist", "--json").json
    assert (dataset["kind"], len(dataset["classes"]), dataset["splits"][0]) == ("dataset", 10, "train")
    sized = run_zoo("info", "dataset:mnist", "-d", "size=32", "--json").json
    assert sized["inputs"]["image"]["axes"][1:] == [1, 32, 32]
    trainer = run_zoo("info", "supervised", "--json").json
    assert "epochs" in {option["name"] for option in trainer["options"]}
    assert "Next: zoo train MODEL --dataset mnist" in run_zoo("info", "mnist").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("lenet",), 2, "unknown name 'lenet'\nHint: Did you mean 'lenet5'"),
        (("lenet5", "-o", "heigth=32"), 2, "model lenet5 has no option 'heigth'"),
        (("lenet5", "-o", "height=tall"), 2, "model lenet5: height takes int, not 'tall'"),
        (("lenet5", "-o", "height"), 2, "-o takes K=V, not 'height'"),
        (("lenet5", "--dataset", "minst"), 2, "unknown dataset 'minst'"),
        (("lenet5", "-d", "size=32"), 2, "-d needs a dataset"),
        (("supervised", "-o", "x=1"), 2, "supervised is a trainer: -o and --dataset are for models"),
        (("supervised", "-d", "x=1"), 2, "supervised is a trainer: -d is for datasets"),
        (("lenet5", "-o", "height=11"), 1, "images are at least 12x12 for LeNet-5, not 11x28"),
        (("lenet5", "--dataset", "mnist", "-d", "size=8"), 1, "images are at least 12x12 for LeNet-5, not 8x8"),
        (("lenet5", "--dataset", "mnist", "-o", "height=32"), 1, "(N, in_channels, 32, width), but dataset mnist"),
        (("mlp", "-o", "hidden=0"), 1, "every layer is at least 1 wide, not 784 -> 0 -> 10"),
    ],
)
def test_info_typed_wrong(arguments: tuple[str, ...], code: int, message: str, run_zoo: Any) -> None:
    result = run_zoo("info", *arguments, "--json")
    assert (result.code, result.stdout) == (code, "")
    assert message in result.stderr


def test_info_of_a_model_whose_builder_needs_more(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-a", GOOD)
    open_option = run_zoo("info", "smallnet9", "--json").json
    assert open_option["parameters"] is None
    assert open_option["hint"] == "give -o depth=... or --dataset to count parameters"
    assert run_zoo("info", "r18", "-o", "depth=2", "--json").json["parameters"] == 7850
    assert run_zoo("info", "smallnet9", "-o", "depth=2", "-o", "meta=no", "--json").json["parameters"] == 7850
    refused = run_zoo("info", "smallnet9", "-o", "depth=6")
    assert refused.code == 1
    assert "Error: model smallnet9 with num_classes=10, depth=6, meta=True: depth is at most 5, not 6" in refused.stderr


def test_a_name_of_two_kinds(run_zoo: Any, fake_distribution: Any) -> None:
    code = GOOD.replace('"smallnet9"', '"mnist"')
    fake_distribution("zoo-a", code)
    result = run_zoo("info", "mnist")
    assert result.code == 2
    assert "'mnist' is the name of a model and of a dataset" in result.stderr
    assert "say which: model:mnist or dataset:mnist" in result.stderr
    assert run_zoo("info", "model:mnist", "--json").json["plugin"] == "zoo-a:zoo-a"


def test_plugins_for_people(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-bad", "1 / 0")
    lines = run_zoo("plugins").stdout.splitlines()
    assert lines[0].split()[:3] == ["PLUGIN", "VERSION", "STATUS"]
    assert any("zoo-core:lenet5" in line and "model:lenet5" in line for line in lines)
    assert any("zoo-bad:zoo-bad" in line and "ZeroDivisionError" in line for line in lines)


def test_the_program_itself(run_zoo: Any) -> None:
    assert run_zoo("--version").stdout == "zoo, version 0.1.0\n"
    helped = run_zoo("--help").stdout
    assert helped == run_zoo().stdout
    assert "Start here:   zoo quickstart" in helped
    unknown = run_zoo("lst")
    assert (unknown.code, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith("Error: No such command 'lst'. Did you mean 'list'")


@pytest.mark.parametrize("command", ["list", "info", "plugins"])
def test_every_help_has_examples(command: str, run_zoo: Any) -> None:
    shown = run_zoo(command, "--help").stdout
    assert f"Examples:\n    zoo {command}" in shown or f"Examples:\n  zoo {command}" in shown


def completed(run_zoo: Any, words: str, number: int, **more: Any) -> list[str]:
    env = {"_ZOO_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
    return [line.partition(",")[2] for line in run_zoo(env=env, **more).stdout.splitlines()]


def test_completion_of_names(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-bad", "1 / 0")
    assert completed(run_zoo, "zoo pl", 1) == ["plugins", "plot"]
    assert completed(run_zoo, "zoo info len", 2) == ["lenet5"]
    assert completed(run_zoo, "zoo info lenet5 --dataset mn", 4) == ["mnist"]
    assert completed(run_zoo, "zoo list mo", 2) == ["models"]
    for shell in ("bash", "zsh"):
        assert "_ZOO_COMPLETE" in run_zoo(env={"_ZOO_COMPLETE": f"{shell}_source"}).stdout
