"""Names of runs and exports, and what a name on the command line means."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from zoo_core import open_zoo
from zoo_core.errors import UsageError
from zoo_core.shelf import (
    find_export,
    find_run,
    folder_name,
    free_run_name,
    list_exports,
    list_runs,
    locate,
)


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_run(name: str, base: str = "runs", **data: Any) -> Path:
    folder = Path(base) / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"name": name, **data}))
    return folder


def make_export(name: str, base: str = "exported", **data: Any) -> Path:
    folder = Path(base) / name
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"")
    (folder / "report.json").write_text(json.dumps({"name": name, **data}))
    return folder


def test_folder_names() -> None:
    assert folder_name("lenet5-digits") == "lenet5-digits"
    assert folder_name("timm/resnet18") == "timm-resnet18"


@pytest.mark.parametrize(
    "name",
    ["", "  ", ".", "..", "a\nb", "a\0b", "\x7f", "a:b", "a\\b", "-x", ".hidden", "../x", "x" * 300, "\udced" * 99],
)
def test_what_is_no_folder_name(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        folder_name(name)
    assert repr(name) in caught.value.message
    assert caught.value.exit_code == 2


def test_a_name_is_neither_hidden_nor_an_option() -> None:
    for name in (".hidden", "-x"):
        with pytest.raises(UsageError, match=f"a name cannot start with '{name[0]}'"):
            folder_name(name)


def test_a_run_by_name_then_by_path() -> None:
    by_name = make_run("a")
    elsewhere = make_run("b", base="elsewhere")
    here = make_run("a", base=".")  # a folder of the same name here: the name is looked up first
    assert find_run("a") == by_name
    assert find_run("run:a") == by_name
    assert find_run("./a") == Path("./a") == here
    assert find_run("elsewhere/b") == elsewhere
    assert find_run(str(elsewhere.resolve())) == elsewhere.resolve()


def test_an_export_by_name_path_and_file() -> None:
    folder = make_export("a")
    assert find_export("a") == folder
    assert find_export("export:a") == folder
    assert find_export("exported/a/model.onnx") == folder / "model.onnx"
    assert find_export("exported/a") == folder


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("lenet5-digit", "unknown run 'lenet5-digit'", "Did you mean 'lenet5-digits'?"),
        ("export:x", "export:x is an export, and a run is needed here", "None"),
        ("empty", "unknown run 'empty' (the path is there, but it is not one)", "Known: lenet5-digits"),
        ("", "unknown run ''", "Known: lenet5-digits"),
        ("../..", "unknown run '../..'", "Known"),
    ],
)
def test_an_unknown_run(text: str, message: str, hint: str) -> None:
    make_run("lenet5-digits")
    Path("empty").mkdir()
    with pytest.raises(UsageError) as caught:
        find_run(text)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)


def test_a_run_where_an_export_is_wanted_is_told_as_that() -> None:
    make_run("a")
    with pytest.raises(UsageError, match="'a' is a run, and no export") as caught:
        find_export("a")
    assert "zoo export a makes an export" in str(caught.value.hint)


def test_unknown_exports() -> None:
    with pytest.raises(UsageError, match=r"there is no file nothing.onnx"):
        find_export("nothing.onnx")
    with pytest.raises(UsageError, match="unknown export 'x'") as caught:
        find_export("x")
    assert caught.value.hint == "see zoo list exports"


def test_lists_show_damaged_ones_too() -> None:
    make_run("good", model="m")
    (make_run("bad") / "run.json").write_text("{")
    (make_export("e") / "report.json").unlink()
    Path("runs/no-run").mkdir()
    bad, good = list_runs()
    assert (good.name, good.data["model"], good.problem) == ("good", "m", None)
    assert str(bad.problem).startswith("run.json cannot be read")
    assert str(list_exports()[0].problem).startswith("report.json cannot be read")


def test_free_run_names() -> None:
    assert free_run_name("timm/x") == "timm-x"
    make_run("timm-x")
    assert free_run_name("timm/x") == "timm-x-2"
    make_run("timm-x-2")
    assert free_run_name("timm/x") == "timm-x-3"


def test_a_run_and_its_export_mean_the_run() -> None:
    run, export = make_run("a"), make_export("a", run="a")
    kinds = ("run", "export")
    assert (locate("a", kinds=kinds).kind, locate("a", kinds=kinds).path) == ("run", run)
    assert locate("export:a", kinds=kinds).path == export
    assert locate("a", kinds=("export",)).path == export


def test_double_meanings_are_errors_with_the_long_forms() -> None:
    zoo = open_zoo()
    make_run("lenet5")
    with pytest.raises(UsageError, match="'lenet5' is the name of a model and of a run") as caught:
        locate("lenet5", kinds=("model", "run"), zoo=zoo)
    assert caught.value.hint == "say which: model:lenet5 or run:lenet5"
    assert locate("model:lenet5", kinds=("model", "run"), zoo=zoo).kind == "model"
    assert locate("run:lenet5", kinds=("model", "run"), zoo=zoo).kind == "run"
    make_run("b")
    make_export("b", run="another")
    with pytest.raises(UsageError, match="'b' is the name of a run and of an export"):
        locate("b", kinds=("run", "export"))


def test_names_before_paths_and_paths_of_every_kind() -> None:
    make_export("c", base="elsewhere")
    located = locate("elsewhere/c/model.onnx", kinds=("run", "export"))
    assert (located.kind, located.name) == ("export", "model")
    assert locate("elsewhere/c", kinds=("run", "export")).name == "c"
    assert locate("zoo-core:mlp/mlp", kinds=("model", "run"), zoo=open_zoo()).name == "mlp"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lenet55", "unknown model or run 'lenet55'"),
        ("export:a", "an export is not possible here: export:a"),
        ("model:nothing", "unknown model 'nothing'"),
        ("run:nothing", "unknown run 'nothing'"),
        ("", "unknown model or run ''"),
    ],
)
def test_what_means_nothing(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        locate(text, kinds=("model", "run"), zoo=open_zoo())
    assert caught.value.message == message


def test_a_folder_that_has_lost_its_record_is_told_as_that() -> None:
    make_run("mine").joinpath("run.json").unlink()
    make_export("theirs").joinpath("model.onnx").unlink()
    for find, folder, file in ((find_run, "runs/mine", "run.json"), (find_export, "exported/theirs", "model.onnx")):
        with pytest.raises(UsageError, match=f"{folder} is there, but has no {file} that can be read") as caught:
            find(Path(folder).name)
        assert caught.value.hint == "bring that file back, or remove the folder"


@pytest.mark.parametrize("typed", ["theirs", "exported/theirs", "exported/theirs/model.onnx", "moved"])
@pytest.mark.parametrize("made_of", [{"run": "my run", "model": "lenet5"}, {"run": None, "model": "lenet5"}])
def test_an_export_without_its_file_is_told_with_what_makes_it_again(typed: str, made_of: dict[str, Any]) -> None:
    make_export("theirs", **made_of).joinpath("model.onnx").unlink()
    shutil.copytree("exported/theirs", "moved")
    with pytest.raises(UsageError, match=r"is there, but has no model\.onnx that can be read") as caught:
        find_export(typed)
    again = "'my run'" if made_of["run"] else "lenet5"
    assert caught.value.hint == f"bring that file back, or make it again with zoo export {again}, or remove the folder"


def test_a_slash_behind_a_name_is_that_of_a_shell(run_zoo: Any, tmp_path: Path) -> None:
    for kind in ("", "run:"):
        run = tmp_path / "runs" / "big"
        run.mkdir(parents=True)
        run.joinpath("run.json").write_text("{}")
        removed = run_zoo("rm", f"{kind}big/", "--yes")
        assert removed.code == 0, removed.stderr
        assert not run.exists()
