"""`zoo list`, `plugins`, `--help`, and completion in the shell: what people and scripts see."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from height_plugin import HEIGHT
from onnx_files import write_digits
from plugin_code import MANY as GOOD

from zoo_core.files import sha256_of

EMPTY = hashlib.sha256(b"").hexdigest()


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


def test_a_name_is_never_cut_and_its_description_keeps_some_room(run_zoo: Any, fake_distribution: Any) -> None:
    longest = "a-name-that-is-far-too-long-for-a-column-of-its-own-on-any-terminal-of-eighty"
    fake_distribution("zoo-a", GOOD.replace('"smallnet9"', f'"{longest}"'))
    usual = run_zoo("list", "models", "--plugin", "zoo-a", env={"COLUMNS": "80"}).stdout.splitlines()
    assert any(line.startswith("filter ") and "A filter whose" in line for line in usual)
    (line,) = [line for line in usual if line.startswith("a-name")]
    assert line.split("…")[0] == longest
    narrow = run_zoo("list", "models", "--plugin", "zoo-a", env={"COLUMNS": "40"}).stdout.splitlines()
    assert longest in narrow


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (("modles",), "Did you mean 'models'"),
        (("lenet6",), "Did you mean 'lenet5'"),
        (("datasets", "mnits"), "Did you mean 'mnist'"),
        (("zzz*",), None),
        (("runs", "modles"), None),
    ],
)
def test_where_nothing_fits_a_hint_is_shown(typed: tuple[str, ...], hint: str | None, run_zoo: Any) -> None:
    result = run_zoo("list", *typed)
    assert (result.code, result.stdout) == (0, "")
    first, *more = result.stderr.splitlines()
    assert first == "nothing to list with these filters"
    assert len(more) == (hint is not None)
    assert not more or more[0].startswith(str(hint))


def test_all_that_one_plugin_offers_is_listed(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-height", files=HEIGHT)
    rows = run_zoo("list", "--plugin", "zoo-height", "--json").json
    assert [(row["kind"], row["name"]) for row in rows] == [("task", "height"), ("recipe", "numbers")]
    assert run_zoo("list", "height", "--json").json == []
    assert "Next: zoo new plugin NAME --kind model" in run_zoo("info", "height").stdout
    assert "[models|datasets|trainers|tasks|recipes|runs|exports]" in run_zoo("list", "--help").stdout


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
    report = {"model": "lenet5", "outcome": "verified", "opset": 20, "run": "a", "files": {"model.onnx": EMPTY}}
    (export / "report.json").write_text(json.dumps(report))
    assert [{key: row[key] for key in list(row)[:6]} for row in run_zoo("list", "runs", "--json").json] == [
        {
            "name": "a",
            "kind": "run",
            "task": "image-classification",
            "summary": "lenet5 on digits, finished, test accuracy 0.9800",
            "plugin": "zoo-core:lenet5",
            "source": "runs/a",
        }
    ]
    assert run_zoo("list", "exports", "--json").json[0]["summary"] == "lenet5, verified, opset 20, run a"
    masks = {"loss": 0.5, "iou_mean": 0.75, "dice": 0.9}
    (run / "run.json").write_text(json.dumps({**data, "validation": masks}))
    summary = run_zoo("list", "runs", "--json").json[0]["summary"]
    assert summary == "lenet5 on digits, finished, validation iou_mean 0.7500"
    (run / "run.json").write_text("{")
    assert "run.json cannot be read" in run_zoo("list", "runs", "--json").json[0]["summary"]


@pytest.mark.heavy
def test_runs_and_exports_are_filtered_by_what_they_say_of_themselves(run_zoo: Any, tmp_path: Path) -> None:
    def listed(*arguments: str) -> list[str]:
        return names(run_zoo("list", *arguments, "--json"))

    known = {"model": "lenet5", "model_plugin": "zoo-core:lenet5", "dataset": "digits"}
    gone = {"model": "gone", "model_plugin": "zoo-gone:gone", "dataset": "digits"}
    for name, data in (("here", known), ("gone", gone)):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(data))
    assert listed("runs", "--task", "image-classification") == ["here"]
    assert listed("runs", "--task", "detection") == []
    assert listed("runs", "--plugin", "zoo-core") == ["here"]
    assert listed("runs", "--plugin", "zoo-gone:gone") == ["gone"]
    write_digits(tmp_path, name="digits", model_plugin="zoo-core:lenet5", weights=None)
    write_digits(tmp_path, name="filter", task="image-filter", model_plugin="zoo-gone:gone")
    (tmp_path / "exported" / "empty").mkdir()
    (tmp_path / "exported" / "empty" / "model.onnx").write_bytes(b"")
    assert listed("exports") == ["digits", "empty", "filter"]
    assert listed("exports", "--plugin", "zoo-core") == ["digits"]
    assert listed("exports", "--plugin", "gone", "--task", "image-filter") == ["filter"]
    for kind in ("runs", "exports"):
        refused = run_zoo("list", kind, "--license", "MIT")
        assert refused.code == 2
        assert f"--license is for the catalogue, not {kind}" in refused.stderr


@pytest.mark.parametrize(
    ("report", "weights", "origin"),
    [
        ({"run": None, "untrained": False}, "DEFAULT", "opset 20, weights DEFAULT"),
        ({"run": None, "untrained": False}, None, "opset 20"),
        ({"run": None, "untrained": True}, None, "opset 20, untrained"),
        ({"run": "a", "untrained": False}, None, "opset 20, run a"),
    ],
)
def test_list_says_where_the_weights_of_an_export_come_from(
    report: dict[str, Any], weights: str | None, origin: str, run_zoo: Any, tmp_path: Path
) -> None:
    model = write_digits(tmp_path, weights=weights)
    files = {"model.onnx": sha256_of(model)}
    said = {"model": "resnet18", "outcome": "verified", "opset": 20, "files": files, **report}
    model.with_name("report.json").write_text(json.dumps(said))
    row = run_zoo("list", "exports", "--json").json[0]
    assert row["summary"] == f"resnet18, verified, {origin}"


def test_plugins_for_people(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-bad", "1 / 0")
    fake_distribution("zoo-ear", "from zoo_core import hookimpl\n@hookimpl\ndef zoo_trained(run, result):\n    pass\n")
    lines = run_zoo("plugins").stdout.splitlines()
    assert any("zoo-ear:zoo-ear" in line and "event:zoo_trained" in line for line in lines)
    assert lines[0].split()[:3] == ["PLUGIN", "VERSION", "STATUS"]
    assert any("zoo-core:lenet5" in line and "model:lenet5" in line for line in lines)
    assert any("zoo-bad:zoo-bad" in line and "ZeroDivisionError" in line for line in lines)


def test_plugins_says_which_names_are_somebody_elses_too(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-thief", GOOD.replace('"smallnet9"', '"lenet5"'))
    fake_distribution("zoo-twin", GOOD)
    env = {"ZOO_PLUGINS": "lenet5,zoo-thief,zoo-twin"}
    lines = run_zoo("plugins", env=env).stdout.splitlines()
    own, others = "model smallnet18, model lenet5, model filter", "zoo-core:lenet5, zoo-twin:zoo-twin"
    place = lines.index(f"zoo-thief:zoo-thief: {own}: also offered by {others}")
    assert lines[place + 1] == "  To do: type zoo-thief:zoo-thief/smallnet18, and so on"
    assert "zoo-twin:zoo-twin: model smallnet18, model filter: also offered by zoo-thief:zoo-thief" in lines
    assert not [line for line in lines if line.startswith("zoo-core:lenet5: ")]  # a bundled name is not shadowed
    assert run_zoo("info", "lenet5", "--json", env=env).json["plugin"] == "zoo-core:lenet5"


def test_the_program_itself(run_zoo: Any) -> None:
    assert run_zoo("--version").stdout == "zoo, version 0.1.0\n"
    helped = run_zoo("--help").stdout
    assert helped == run_zoo().stdout
    assert "Start here:   zoo quickstart" in helped
    unknown = run_zoo("lst")
    assert (unknown.code, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith("Error: No such command 'lst'. Did you mean 'list'")


def test_help_and_version_in_spite_of_a_mistyped_variable(run_zoo: Any) -> None:
    env = {"ZOO_PLUGINS": "no-such-plugin"}
    assert "\nCommands:\n" in run_zoo("--help", env=env).stdout
    assert run_zoo("--version", env=env).code == 0
    listed = run_zoo("list", env=env)
    assert listed.code == 2
    assert listed.stderr == (
        "Error: ZOO_PLUGINS: there is no plugin 'no-such-plugin'\n"
        "Hint: without ZOO_PLUGINS, zoo plugins shows all of them\n"
    )


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


def test_summaries_are_searched_for_all_of_the_words(run_zoo: Any) -> None:
    rows = run_zoo("list", "--search", "Handwritten DIGITS", "--json").json
    assert {"digits", "mnist"} <= {row["name"] for row in rows}
    assert all("handwritten" in row["summary"] and "digits" in row["summary"] for row in rows)
    assert [row["name"] for row in run_zoo("list", "models", "--search", "sobel steep", "--json").json] == [
        "filter-sobel"
    ]
    nothing = run_zoo("list", "handwritten")
    assert nothing.code == 0
    assert "in summaries: zoo list --search handwritten\n" in nothing.stderr


def test_an_unknown_task_is_answered_with_a_command_that_there_is(run_zoo: Any) -> None:
    refused = run_zoo("list", "--task", "qqqq")
    assert (refused.code, "see zoo list tasks" in refused.stderr) == (2, True)
    assert run_zoo("list", "tasks").code == 0


@pytest.mark.parametrize("kind", ["dataset", "recipe"])
def test_every_option_of_bundled_data_is_explained(kind: str, zoo_here: Any) -> None:
    for row in zoo_here("list", f"{kind}s", "--json").json:
        if row["plugin"].startswith("zoo-core:") and row["name"] != "picture":
            options = zoo_here("info", row["name"], "--json").json["options"]
            assert not [each["name"] for each in options if not each.get("help")], row["name"]
