"""`zoo diff`: the finished sample beside copies of it that were changed in one thing each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, helper, numpy_helper
from PIL import Image
from warm import Result

from zoo_core.installation import install_command

Zoo = Callable[..., Result]
SAMPLE = Path(__file__).parents[2] / "exported" / "lenet5-digits"
KEYS = {
    *("schema", "equal", "verdict", "a", "b", "files", "signature", "meaning", "words", "graph", "weights", "modules"),
    *("behaviour", "picture"),
}


def sample() -> ModelProto:
    return onnx.load(SAMPLE / "model.onnx")


def described(model: ModelProto, change: Callable[[dict[str, Any]], None]) -> ModelProto:
    """The same model, with other words about it."""
    own = next(pair for pair in model.metadata_props if pair.key == "zoo")
    data = json.loads(own.value)
    change(data)
    own.value = json.dumps(data)
    return model


def reweighted(model: ModelProto, change: Callable[[str, np.ndarray], np.ndarray]) -> ModelProto:
    """The same model with other weights: what `change` makes of each, by its name."""
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32:
            tensor.CopyFrom(numpy_helper.from_array(change(tensor.name, values).astype(np.float32), tensor.name))
    return model


def other_seed(model: ModelProto) -> ModelProto:
    random = np.random.default_rng(7)
    return reweighted(model, lambda name, values: random.normal(0, values.std(), values.shape))


def nudged(model: ModelProto) -> ModelProto:
    """One weight moved by the least that there is."""

    def least(name: str, values: np.ndarray) -> np.ndarray:
        moved = values.copy()
        if name == "fc3.bias":
            moved[0] = np.nextafter(moved[0], np.float32(9))
        return moved

    return reweighted(model, least)


def with_extra_node(model: ModelProto) -> ModelProto:
    nodes = list(model.graph.node)
    place = [node.op_type for node in nodes].index("Gemm")
    extra = helper.make_node("Tanh", [nodes[place].input[0]], ["extra"], name="node_tanh")
    nodes[place].input[0] = "extra"
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:place], extra, *nodes[place:]])
    return model


def renamed(model: ModelProto) -> ModelProto:
    """Other names for every node, every weight and every value within the graph; nothing else."""
    kept = {value.name for value in (*model.graph.input, *model.graph.output)}
    for tensor in model.graph.initializer:
        tensor.name = f"renamed.{tensor.name}"
    for node in model.graph.node:
        node.name = f"renamed_{node.name}"
        node.input[:] = [name if name in kept else f"renamed.{name}" for name in node.input]
        node.output[:] = [name if name in kept else f"renamed.{name}" for name in node.output]
    del model.graph.value_info[:]
    return model


@pytest.fixture
def diff(run_zoo: Zoo, tmp_path: Path) -> Callable[..., Result]:
    """`diff(model, *options)` compares the sample, A, with a changed copy, B."""

    def compare(model: ModelProto, *options: str | Path) -> Result:
        onnx.save(model, tmp_path / "b.onnx")
        return run_zoo("diff", SAMPLE, "b.onnx", *options)

    return compare


def test_a_file_is_equal_to_itself(run_zoo: Zoo) -> None:
    done = run_zoo("diff", SAMPLE, SAMPLE / "model.onnx")
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines()[0] == "Equal, byte for byte."
    told = run_zoo("diff", SAMPLE, SAMPLE / "model.onnx", "--json").json
    assert set(told) == KEYS
    assert (told["equal"], told["verdict"], told["graph"], told["behaviour"]) == (True, "identical", None, None)
    assert told["a"]["sha256"] == told["b"]["sha256"]


def test_a_folder_whose_card_was_edited_is_equal_and_says_so(run_zoo: Zoo, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "exported" / "copy")
    tmp_path.joinpath("exported", "copy", "README.md").write_text("edited")
    done = run_zoo("diff", SAMPLE, "copy")
    assert done.code == 0, done.stderr
    assert "1 file with other bytes: README.md" in done.stdout
    files = {each["file"]: each["equal"] for each in run_zoo("diff", SAMPLE, "copy", "--json").json["files"]}
    assert files.pop("README.md") is False
    assert files["model.onnx"] is True
    assert all(files.values())


def test_other_words_alone_are_told_and_do_not_count(diff: Callable[..., Result]) -> None:
    done = diff(described(sample(), lambda data: data.update(name="other", license="MIT")), "--json")
    assert (done.code, done.json["verdict"]) == (0, "words")
    assert {each["field"]: (each["a"], each["b"]) for each in done.json["words"]}["license"] == ("Apache-2.0", "MIT")
    assert done.json["meaning"] == []


def test_other_names_within_the_graph_are_words(diff: Callable[..., Result]) -> None:
    done = diff(renamed(sample()), "--json")
    assert (done.code, done.json["verdict"]) == (0, "words")
    assert done.json["graph"]["equal"] is True
    assert {each["state"] for each in done.json["weights"]} == {"equal"}
    assert {(each["a"], each["b"]) for each in done.json["weights"]} >= {("conv1.weight", "renamed.conv1.weight")}


def test_other_labels_are_another_meaning(diff: Callable[..., Result]) -> None:
    def relabel(data: dict[str, Any]) -> None:
        data["labels"][3] = "three"

    done = diff(described(sample(), relabel))
    assert done.code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "Same graph and weights, another meaning; the answers to the self-test are the same."
    assert any(line.split() == ["labels[3]", "3", "three"] for line in lines)
    assert lines[-1] == "Next: zoo verify b.onnx"


def test_other_weights_and_how_far_they_and_the_answers_have_moved(diff: Callable[..., Result], tmp_path: Path) -> None:
    done = diff(other_seed(sample()))
    assert done.code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "Same graph, other weights; the answers to the self-test differ."
    assert "10 of 10 tensors differ" in done.stdout
    assert len(lines) <= 40
    told = diff(other_seed(sample()), "--json").json
    assert [len(told["weights"]), len(told["modules"])] == [10, 5]
    moved = [each["moved"] for each in told["weights"]]
    assert moved == sorted(moved, reverse=True)
    before, after = (
        {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        for model in (sample(), onnx.load(tmp_path / "b.onnx"))
    )
    for each in told["weights"]:
        one, two = before[each["a"]].astype(float), after[each["b"]].astype(float)
        assert each["largest"] == pytest.approx(np.abs(two - one).max())
        assert each["moved"] == pytest.approx(np.linalg.norm(two - one) / np.linalg.norm(one))
        assert each["cosine"] == pytest.approx((one * two).sum() / np.linalg.norm(one) / np.linalg.norm(two))
    behaviour = told["behaviour"]
    assert behaviour["outputs"][0]["largest"] > 1000 * behaviour["outputs"][0]["bound"]
    assert behaviour["decisions"]["flipped"] > 0
    assert behaviour["decisions"]["of"] == behaviour["rows"] == 5


def test_the_least_that_a_weight_can_move_is_seen_and_is_within_the_bound(diff: Callable[..., Result]) -> None:
    done = diff(nudged(sample()))
    assert done.code == 1
    told = "Same graph, other weights; the answers to the self-test "
    assert done.stdout.splitlines()[0] in {told + "are within A's bound.", told + "are the same."}
    assert "1 of 10 tensors differ; fc3 moved most" in done.stdout


def test_a_weight_that_is_no_number_is_told_in_words_and_in_json(diff: Callable[..., Result]) -> None:
    def spoil(name: str, values: np.ndarray) -> np.ndarray:
        return np.full_like(values, np.nan) if name == "fc3.bias" else values

    done = diff(reweighted(sample(), spoil))
    assert "logits has places that are NaN or infinite in one file alone" in done.stdout
    assert diff(reweighted(sample(), spoil), "--json").json["weights"][0]["largest"] is None


def test_an_extra_node_is_named_and_its_neighbours_are_not(diff: Callable[..., Result]) -> None:
    done = diff(with_extra_node(sample()), "--json")
    assert (done.code, done.json["verdict"]) == (1, "graph")
    graph = done.json["graph"]
    assert [each["node"] for each in graph["only_b"]] == ["node_tanh"]
    assert (graph["only_a"], graph["changed"]) == ([], [])
    assert {each["state"] for each in done.json["weights"]} == {"equal"}


def test_another_opset_is_another_graph(diff: Callable[..., Result]) -> None:
    model = sample()
    model.opset_import[0].version = 21
    done = diff(model)
    assert done.code == 1
    assert done.stdout.startswith("Different graph; the answers to the self-test are the same.")
    assert "12 nodes in both; opset 20 in A, 21 in B" in done.stdout


def test_a_head_of_other_classes_is_other_weights_and_another_meaning(diff: Callable[..., Result]) -> None:
    def widen(data: dict[str, Any]) -> None:
        data["labels"] += ["ten"]
        data["outputs"]["logits"]["axes"] = ["N", 11]
        data["self_test"] = None

    model = described(sample(), widen)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 11

    def head(name: str, values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values[:1]]) if name.startswith("fc3") else values

    done = diff(reweighted(model, head))
    assert done.code == 1
    assert done.stdout.startswith("Same graph, other weights, and another meaning;")
    assert "float32 [10, 84] in A, float32 [11, 84] in B" in done.stdout
    assert "logits has the shape [3, 10] in A, [3, 11] in B" in done.stdout
    assert "labels  " in done.stdout
    assert "10 items" in done.stdout


def test_a_file_of_another_tool_is_compared_but_not_asked(diff: Callable[..., Result]) -> None:
    model = sample()
    del model.metadata_props[:]
    done = diff(model)
    assert done.code == 1
    assert "not compared: B holds no self-test: zoo export makes it" in done.stdout
    assert done.stdout.splitlines()[-1] == "Next: zoo view b.onnx"


def test_other_inputs_of_bs_self_test_are_asked_too(diff: Callable[..., Result]) -> None:
    def redraw(data: dict[str, Any]) -> None:
        data["self_test"]["inputs"]["image"]["seed"] += 1

    behaviour = diff(described(sample(), redraw), "--json").json["behaviour"]
    assert (behaviour["rows"], behaviour["self_tests"]) == (8, "A and B")


def test_a_limit_that_a_file_reaches_is_told_and_the_rest_is_compared(diff: Callable[..., Result]) -> None:
    done = diff(nudged(sample()), "--memory", "0.01", "--json")
    assert (done.code, done.json["verdict"]) == (1, "weights")
    assert done.json["behaviour"]["compared"] is False
    assert "memory" in done.json["behaviour"]["why_not"]


def test_what_is_refused_and_what_is_not_there(run_zoo: Zoo, tmp_path: Path) -> None:
    tmp_path.joinpath("bad.onnx").write_text("<!DOCTYPE html><html>not a model</html>")
    refused = run_zoo("diff", SAMPLE, "bad.onnx", "--json")
    assert (refused.code, refused.stdout) == (4, "")
    assert "bad.onnx was refused" in refused.stderr
    missing = run_zoo("diff", SAMPLE, "nothing.onnx")
    assert (missing.code, missing.stdout) == (2, "")
    assert "there is no file nothing.onnx" in missing.stderr


def test_a_folder_that_holds_far_more_than_an_export_is_not_read(run_zoo: Zoo, tmp_path: Path) -> None:
    folder = tmp_path / "exported" / "full"
    shutil.copytree(SAMPLE, folder)
    for number in range(10_001):
        folder.joinpath(f"{number}").touch()
    done = run_zoo("diff", SAMPLE, "full")
    assert done.code == 1
    assert "holds over 10,000 files, and an export holds" in done.stderr


def test_a_picture_is_drawn_and_legible(diff: Callable[..., Result], tmp_path: Path) -> None:
    done = diff(other_seed(sample()), "--picture", "moved.png")
    assert done.code == 1, done.stderr
    assert "Picture: moved.png" in done.stdout.splitlines()
    with Image.open(tmp_path / "moved.png") as picture:
        assert picture.width >= 1000
        assert picture.height >= 450
        pixels = np.asarray(picture.convert("RGB"), int)
    ink = (pixels < 250).any(axis=2)
    halves = ink[:, : ink.shape[1] // 2], ink[:, ink.shape[1] // 2 :]
    assert all(0.01 < half.mean() < 0.5 for half in halves)  # bars at the left, answers at the right


def test_a_picture_of_equal_files_is_none_and_no_error(run_zoo: Zoo, tmp_path: Path) -> None:
    done = run_zoo("diff", SAMPLE, SAMPLE, "--picture", "none.png")
    assert done.code == 0
    assert "Nothing was drawn" in done.stderr
    assert not tmp_path.joinpath("none.png").exists()


def test_a_picture_that_cannot_be_is_refused_before_anything_is_read(run_zoo: Zoo, tmp_path: Path) -> None:
    wrong = run_zoo("diff", "a.onnx", "b.onnx", "--picture", "diff.jpg")
    assert wrong.code == 2
    assert "a picture is written as PNG" in wrong.stderr
    site = tmp_path / "hidden"
    site.mkdir()
    site.joinpath("sitecustomize.py").write_text(
        "import importlib.machinery, sys\n"
        "find = importlib.machinery.PathFinder.find_spec\n"
        "importlib.machinery.PathFinder.find_spec = classmethod(\n"
        "    lambda cls, name, *more: None if name == 'matplotlib' else find(name, *more)\n"
        ")\n"
    )
    missing = run_zoo("diff", "a.onnx", "b.onnx", "--picture", "diff.png", env={"PYTHONPATH": str(site)}, cold=True)
    assert missing.code == 1
    assert "zoo diff --picture needs the package 'matplotlib'" in missing.stderr
    assert install_command("plot") in missing.stderr


def test_options_that_differ_are_told_one_by_one(zoo_here: Zoo, tmp_path: Path) -> None:
    def change(said: dict[str, Any]) -> None:
        said["dataset"]["options"]["train_size"] = 77

    onnx.save(described(sample(), change), tmp_path / "other.onnx")
    done = zoo_here("diff", "other.onnx", SAMPLE)
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("dataset.options")]
    assert row.split() == ["dataset.options.train_size", "77", "-"], done.stdout
