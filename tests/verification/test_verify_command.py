"""`zoo verify` on bundles that are not what they say."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from warm import Result

from zoo_core import TensorSpec, ZooError
from zoo_core.files import sha256_of
from zoo_core.runtime import open_model
from zoo_core.runtime.reading.metadata import KEY, Metadata
from zoo_core.runtime.reading.tensors import write_tensor_proto
from zoo_core.verification.conclude.recheck import onnx_checker, verify_export
from zoo_core.verification.expect.self_test import self_test_inputs, validated
from zoo_core.verification.expect.vector_test import check_vectors

Zoo = Callable[..., Result]
Change = Callable[[dict[str, Any]], object]

SPECS = {"inputs": {"x": TensorSpec("N", 4)}, "outputs": {"y": TensorSpec("N", 3)}}
WEIGHTS = np.array([[1.0, -2.0, 0.5], [0.25, 1.0, -1.0], [2.0, 0.5, 1.0], [-1.0, 1.5, 0.75]], np.float32)
RECIPE = {"seed": 5, "shape": [3, 4], "low": -1.0, "high": 1.0, "dtype": "float32"}


def _self_test() -> dict[str, Any]:
    draw = {"generator": "philox-uniform-24", "inputs": {"x": dict(RECIPE)}}
    values = (self_test_inputs(draw)["x"] @ WEIGHTS).ravel()
    expected = {"positions": list(range(9)), "expected": [float(v) for v in values], "bound": 1e-5, "floor": 1e-7}
    return {**draw, "outputs": {"y": {"shape": [3, 3], **expected}}}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A small verified bundle: `y = x @ WEIGHTS`."""
    folder = tmp_path / "small"
    (folder / "test_data_set_0").mkdir(parents=True)
    x = np.array([[1, 2, 3, 4], [-1, 0, 1, 0]], np.float32)
    for role, name, value in (("input", "x", x), ("output", "y", x @ WEIGHTS)):
        (folder / "test_data_set_0" / f"{role}_0.pb").write_bytes(write_tensor_proto(name, value))
    _write_model(folder, _self_test())
    _write_report(folder)
    return folder


def _write_model(folder: Path, self_test: dict[str, Any], **more: Any) -> None:
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", k]) for n, k in (("x", 4), ("y", 3))]
    nodes = more.pop("nodes", None) or [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [numpy_helper.from_array(WEIGHTS, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    about = {"name": "small", "task": "image-classification", "model": "linear", "opset": 20, **more}
    # A damaged self-test is put in as it is: `to_json` would not refuse it, but json.dumps may have to write NaN.
    plain = json.loads(Metadata(**about, **SPECS).to_json())
    helper.set_model_props(model, {KEY: json.dumps({**plain, "self_test": self_test})})
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def _write_report(folder: Path, **more: Any) -> None:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "report.json"]
    files = {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}
    report = {"outcome": "verified", "name": "small", "model": "linear", "run": None, "opset": 20, "files": files}
    report["axes"] = {"x": ["N", 4], "y": ["N", 3]}
    (folder / "report.json").write_text(json.dumps({**report, **more}))


def _failed(done: Result) -> dict[str, str]:
    return {
        check["rule"]: check["detail"] for check in done.json["checks"] if check["outcome"] not in {"passed", "skipped"}
    }


def test_a_good_bundle_is_verified_and_says_that_its_report_was_read(bundle: Path, zoo_here: Zoo) -> None:
    done = zoo_here("verify", bundle, "--json")
    assert done.code == 0, done.stderr + done.stdout
    assert "report" in {check["rule"] for check in done.json["checks"]}
    bare = zoo_here("verify", bundle / "model.onnx", "--json")
    assert bare.code == 0
    assert "report" not in {check["rule"] for check in bare.json["checks"]}


def test_a_bundle_without_its_report_says_what_can_be_done(bundle: Path, zoo_here: Zoo) -> None:
    (bundle / "report.json").unlink()
    done = zoo_here("verify", bundle)
    assert done.code == 1
    assert f"Error: {bundle}/report.json is missing: it says what was published" in done.stderr
    assert f"Hint: zoo verify {bundle}/model.onnx checks the file alone, by its own self-test" in done.stderr


# --- rule "report"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"outcome": "failed"}, "this export was never verified: its report says 'failed'"),
        ({"outcome": "not-conclusive"}, "never verified: its report says 'not-conclusive'"),
        ({"outcome": None}, "never verified"),
        ({"name": "other"}, "about the name 'other', the file about 'small'"),
        ({"model": "other"}, "about the model 'other', the file about 'linear'"),
        ({"run": "a-run"}, "about the run 'a-run', the file about None"),
        ({"opset": 18}, "about the opset 18, the file about 20"),
        ({"opset": 20.0}, "about the opset 20.0"),
        ({"axes": {"x": ["N", 5]}}, "gives other axes than the file"),
        ({"described": "0" * 64}, "about a file with other labels, preprocessing or self-test"),
    ],
)
def test_a_report_that_does_not_vouch_for_the_file(
    change: dict[str, Any], text: str, bundle: Path, zoo_here: Zoo
) -> None:
    _write_report(bundle, **change)
    done = zoo_here("verify", bundle, "--json")
    assert done.code == 3
    assert done.json["outcome"] == "failed"
    assert list(_failed(done)) == ["report"]
    assert text in _failed(done)["report"]
    assert text in done.stderr


@pytest.mark.parametrize("key", ["outcome", "name", "model", "run", "opset"])
def test_a_report_that_lacks_a_part(key: str, bundle: Path) -> None:
    report = json.loads((bundle / "report.json").read_text())
    del report[key]
    (bundle / "report.json").write_text(json.dumps(report))
    assert [check.rule for check in verify_export(bundle).checks if check.outcome == "failed"] == ["report"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": {"a": 1}}', "[" * 100_000, "\udcff"])
def test_a_damaged_report_is_an_error(content: str, bundle: Path, zoo_here: Zoo) -> None:
    (bundle / "report.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    done = zoo_here("verify", bundle)
    assert done.code == 1
    assert "report.json" in done.stderr


# --- the self-test


def _input(**change: Any) -> Change:
    return lambda test: test["inputs"]["x"].update(change)


def _output(**change: Any) -> Change:
    return lambda test: test["outputs"]["y"].update(change)


DAMAGE: dict[str, tuple[Change, str]] = {
    "no rows": (_input(shape=[0, 4]), "input 'x' has the shape [0, 4]"),
    "one row": (_input(shape=[1, 4]), "it has 1 row, and at least 2 are needed"),
    "huge rows": (_input(shape=[2**40, 4]), "[3, 3], not (N, 3) with 1,099,511,627,776 rows"),
    "other size": (_input(shape=[3, 5]), "input 'x' has the shape [3, 5], not (N, 4) with 3 rows"),
    "other rank": (_input(shape=[3, 4, 1]), "input 'x' has the shape [3, 4, 1]"),
    "shape is text": (_input(shape="34"), "input 'x' has the shape 34"),
    "shape of floats": (_input(shape=[3.0, 4.0]), "input 'x' has the shape"),
    "shape is empty": (_input(shape=[]), "input 'x' has the shape []"),
    "dtype object": (_input(dtype="object"), "input 'x' has the dtype 'object'"),
    "dtype list": (_input(dtype=["float32"]), "input 'x' has the dtype"),
    "other dtype": (_input(dtype="float64"), "input 'x' is not float32"),
    "low is high": (_input(low=1.0), "the range of input 'x' is 1.0 to 1.0"),
    "low is null": (_input(low=None), "the range of input 'x' is None"),
    "range too wide": (_input(low=-1e308, high=1e308), "the range of input 'x'"),
    "seed below zero": (_input(seed=-1), "the seed of input 'x'"),
    "seed is text": (_input(seed="1"), "the seed of input 'x'"),
    "no seed": (lambda test: test["inputs"]["x"].pop("seed"), "input 'x' lacks one of dtype, high, low, seed, shape"),
    "inputs are a list": (lambda test: test.update(inputs=[1]), "it has no input"),
    "other input": (lambda test: test.update(inputs={"z": RECIPE}), "its inputs are z, not x"),
    "one more input": (lambda test: test["inputs"].update(z=RECIPE), "its inputs are x, z, not x"),
    "no outputs": (lambda test: test.update(outputs={}), "it expects no output"),
    "other output": (lambda test: test.update(outputs={"z": test["outputs"]["y"]}), "its outputs are z, not y"),
    "output is null": (lambda test: test["outputs"].update(y=None), "output 'y' lacks one of bound"),
    "bound null": (_output(bound=None), "the bound of output 'y'"),
    "bound text": (_output(bound="1"), "the bound of output 'y'"),
    "bound true": (_output(bound=True), "the bound of output 'y'"),
    "bound zero": (_output(bound=0.0), "the bound of output 'y'"),
    "bound negative": (_output(bound=-1.0), "the bound of output 'y'"),
    "floor negative": (_output(floor=-1.0), "the floor of output 'y'"),
    "floor list": (_output(floor=[]), "the floor of output 'y'"),
    "output rows": (_output(shape=[2, 3], positions=[0], expected=[0.0]), "output 'y' has the shape [2, 3]"),
    "output rank": (_output(shape=[9]), "output 'y' has the shape [9]"),
    "output size": (_output(shape=[3, 4]), "output 'y' has the shape [3, 4]"),
    "position outside": (_output(positions=[9], expected=[0.0]), "positions of output 'y'"),
    "position negative": (_output(positions=[-1], expected=[0.0]), "positions of output 'y'"),
    "position float": (_output(positions=[0.0], expected=[0.0]), "positions of output 'y'"),
    "positions null": (_output(positions=None), "positions of output 'y'"),
    "no positions": (_output(positions=[], expected=[]), "positions of output 'y'"),
    "fewer values": (_output(expected=[0.0]), "positions of output 'y'"),
    "value null": (_output(positions=[0], expected=[None]), "output 'y' expects something that is not a finite number"),
    "value text": (_output(positions=[0], expected=["0"]), "output 'y' expects something"),
}


@pytest.mark.parametrize(("change", "text"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_self_test_is_an_error(change: Change, text: str, bundle: Path, zoo_here: Zoo) -> None:
    test = _self_test()
    change(test)
    _write_model(bundle, test)
    done = zoo_here("verify", bundle / "model.onnx", "--json")
    assert done.code == 1, done.stderr
    assert done.stdout == ""
    assert "Error: the self-test in the file is damaged: " in done.stderr
    assert text in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        *(_output(bound=float("nan")), _output(expected=[float("inf")] * 9), _output(bound=10**400)),
        *(_output(positions=[0], expected=[10**400]), _input(shape=[2**70, 4]), _input(high=10**400)),
    ],
)
def test_numbers_that_are_not_finite_or_have_more_than_64_bits(change: Change, bundle: Path, zoo_here: Zoo) -> None:
    test = _self_test()
    change(test)
    with pytest.raises(ZooError, match=r"the self-test in the file is damaged: .*put '[xy]'"):
        validated(test, **SPECS)
    _write_model(bundle, test)
    assert zoo_here("verify", bundle / "model.onnx").code == 4  # the metadata are refused as JSON before that


def test_a_self_test_cannot_ask_for_all_the_memory() -> None:
    test = _self_test()
    _input(shape=[2**40, 4])(test)
    _output(shape=[2**40, 3])(test)
    with pytest.raises(ZooError, match=r"it needs 7,696,581,394,432 numbers, more than the 268,435,456"):
        validated(test, **SPECS)


def test_a_good_self_test_is_returned_as_it_is() -> None:
    test = _self_test()
    assert validated(test, **SPECS) is test


def test_an_axis_that_nothing_gives_a_size() -> None:
    for spec in (TensorSpec("N", "N-2"), TensorSpec(3, 4), TensorSpec()):
        with pytest.raises(ZooError, match="damaged: input 'x' has the shape"):
            validated(_self_test(), inputs={"x": spec}, outputs=SPECS["outputs"])


# --- what the file computes


NODES: dict[str, tuple[list[Any], str]] = {
    "fewer rows": (
        [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("ReduceSum", ["z", "zero"], ["y"])],
        "y has the shape (1, 3), not (3, 3)",
    ),
    "not finite": (
        [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Div", ["z", "nothing"], ["y"])],
        "not finite",
    ),
}


@pytest.mark.parametrize(("nodes", "text"), NODES.values(), ids=NODES)
def test_results_of_the_wrong_form_fail(nodes: list[Any], text: str, bundle: Path, zoo_here: Zoo) -> None:
    constants = {"zero": np.array([0], np.int64), "nothing": np.array(0, np.float32)}
    used = {name for node in nodes for name in node.input}
    first = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))
        for name, value in constants.items()
        if name in used
    ]
    _write_model(bundle, _self_test(), nodes=[*first, *nodes])
    _write_report(bundle)
    done = zoo_here("verify", bundle, "--json")
    assert done.code == 3, done.stderr
    found = [check["detail"] for check in done.json["checks"] if check["outcome"] == "failed"]
    assert any(text in detail for detail in found), found


def _vector(role: str, name: str, value: np.ndarray) -> tuple[str, bytes]:
    return f"{role}_0.pb", write_tensor_proto(name, value)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (_vector("input", "x", np.zeros((2, 4))), "x is float64 with the shape (2, 4), not 2 rows of float32 (N, 4)"),
        (_vector("input", "x", np.zeros((2, 5), np.float32)), "with the shape (2, 5)"),
        (_vector("input", "x", np.zeros((0, 4), np.float32)), "not 0 rows"),
        (_vector("input", "x", np.array(1, np.float32)), "with the shape ()"),
        (_vector("output", "y", np.zeros((3, 3), np.float32)), "y is float32 with the shape (3, 3), not 2 rows"),
        (_vector("output", "y", np.full((2, 3), np.nan, np.float32)), "is off by"),
        (_vector("output", "y", np.full((2, 3), np.inf, np.float32)), "is off by"),
        (_vector("output", "z", np.zeros((2, 3), np.float32)), "holds the tensor 'z', not 'y'"),
        (("input_0.pb", b"\x00\x01"), "is not an ONNX tensor"),
    ],
)
def test_test_vectors_that_do_not_fit(file: tuple[str, bytes], text: str, bundle: Path, zoo_here: Zoo) -> None:
    (bundle / "test_data_set_0" / file[0]).write_bytes(file[1])
    _write_report(bundle)
    done = zoo_here("verify", bundle, "--json")
    assert done.code == 3, done.stderr
    assert list(_failed(done)) == ["test vectors"]
    assert text in _failed(done)["test vectors"]


def test_a_value_near_zero_may_be_off_by_its_bound_and_no_more() -> None:
    exact = np.array([[30.0, 1e-9, -20.0]], np.float32)
    found = exact + np.array([[0.0, 3e-6, 0.0]], np.float32)

    def outcome(actual: np.ndarray, **more: Any) -> str:
        return check_vectors("all", {"y": exact}, {"y": actual}, **more)[0].outcome

    assert outcome(found) == "failed"
    assert outcome(found, bounds={"y": 1e-5}) == "passed"
    assert outcome(found, bounds={"y": 1e-6}) == "failed"
    assert outcome(found, bounds={"other": 1e-5}) == "failed"
    assert outcome(exact + np.array([[0.02, 0.0, 0.0]], np.float32), bounds={"y": 1e-5}) == "passed"
    assert outcome(exact + np.array([[0.04, 0.0, 0.0]], np.float32), bounds={"y": 1e-5}) == "failed"
    assert outcome(np.full_like(exact, np.nan), bounds={"y": np.inf}) == "failed"


def test_zoo_verify_gives_the_vectors_the_bound_of_the_self_test(bundle: Path, zoo_here: Zoo) -> None:
    x = np.array([[2, 4, 0, 1], [0, 0, 0, 0]], np.float32)
    y = x @ WEIGHTS
    for shift, code in ((5e-6, 0), (2e-5, 3)):
        for file, content in (_vector("input", "x", x), _vector("output", "y", y + np.float32(shift) * (y == 0))):
            (bundle / "test_data_set_0" / file).write_bytes(content)
        _write_report(bundle)
        done = zoo_here("verify", bundle, "--json")
        assert done.code == code, done.stdout


def test_onnx_checker_is_public_and_never_raises(bundle: Path, tmp_path: Path) -> None:
    assert onnx_checker(bundle / "model.onnx").outcome == "passed"
    (tmp_path / "no.onnx").write_bytes(b"\x00")
    for path in (tmp_path / "no.onnx", tmp_path / "absent.onnx"):
        found = onnx_checker(path)
        assert (found.rule, found.outcome) == ("onnx.checker", "failed")
        assert found.detail


def test_a_copy_of_a_real_export_is_verified(trained: Path, tmp_path: Path, zoo_here: Zoo) -> None:
    shutil.copytree(trained / "exported" / "lenet5-digits", tmp_path / "copy")
    done = zoo_here("verify", "copy", "--json")
    assert done.code == 0, done.stderr
    model = onnx.load(tmp_path / "copy" / "model.onnx")
    metadata = Metadata.from_json({p.key: p.value for p in model.metadata_props}[KEY])
    assert metadata.self_test is not None
    assert validated(metadata.self_test, inputs=metadata.inputs, outputs=metadata.outputs) is metadata.self_test


@pytest.mark.parametrize(
    "changes",
    [{"described": ["a"]}, {"described": {}}, {"outcome": []}, {"axes": 1}, {"reference": [1]}, {"opset": True}],
)
def test_a_report_with_values_of_other_kinds_fails_in_words(
    changes: dict[str, Any], bundle: Path, zoo_here: Zoo
) -> None:
    path = bundle / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    done = zoo_here("verify", bundle)
    assert done.code == (0 if "reference" in changes else 3), done.stderr


def test_a_self_test_of_another_kind_of_generator(bundle: Path, zoo_here: Zoo) -> None:
    _write_model(bundle, {**_self_test(), "generator": ["philox"]})
    done = zoo_here("verify", bundle / "model.onnx")
    assert done.code == 1
    assert "the self-test uses the generator" in done.stderr


@pytest.mark.parametrize("weights", ["inside", "beside it"])
def test_a_folder_or_file_whose_name_is_no_utf8(weights: str, bundle: Path, run_zoo: Zoo, tmp_path: Path) -> None:
    if weights == "beside it":
        model = onnx.load(bundle / "model.onnx")
        outside = {"save_as_external_data": True, "location": "model.onnx.data", "size_threshold": 0}
        onnx.save(model, bundle / "model.onnx", **outside)
        _write_report(bundle)
    folder = tmp_path / os.fsdecode(b"d\xffr") / "small"
    shutil.copytree(bundle, folder)
    asked = [(folder, []), (folder, ["--trusted"])]
    if weights == "inside":
        shutil.copy(bundle / "model.onnx", tmp_path / os.fsdecode(b"m\xff.onnx"))
        asked.append((tmp_path / os.fsdecode(b"m\xff.onnx"), []))
    for path, more in asked:
        done = run_zoo("verify", path, *more, "--json")
        assert done.code == 0, done.stderr
        outcomes = {check["rule"]: check["outcome"] for check in done.json["checks"]}
        assert (outcomes["onnx.checker"], done.json["outcome"]) == ("passed", "verified")
        opened = open_model(path, isolated=not more)
        assert opened.run({"x": np.ones((1, 4), np.float32)})["y"].shape == (1, 3)
        opened.close()
