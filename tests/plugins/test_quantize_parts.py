"""What `zoo quantize` is made of, on tiny graphs: exact scales, the reference in float64, and what may be lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import brightness_metadata

from zoo_core import TensorSpec, ZooError
from zoo_plugins.quantize.bundle import verified_again, written
from zoo_plugins.quantize.chosen_rows import KEY, expected_rows
from zoo_plugins.quantize.exact import exact_ranges, power_of_two
from zoo_plugins.quantize.expected import expected_of
from zoo_plugins.quantize.graphs import in_order
from zoo_plugins.quantize.measuring import Allowance
from zoo_plugins.quantize.reference import Float64Graph
from zoo_plugins.quantize.tools import Static, tool_for

ROWS = np.random.default_rng(0).uniform(-1, 1, (16, 64)).astype(np.float32)


def rounded_twice(scale: float, between: float) -> onnx.ModelProto:
    """x, rounded to steps of `scale`, times `between`, rounded to steps of `scale` again."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], name="q"),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"], name="d"),
        helper.make_node("Mul", ["d", "between"], ["m"], name="m"),
        helper.make_node("QuantizeLinear", ["m", "scale", "zero"], ["p"], name="p"),
        helper.make_node("DequantizeLinear", ["p", "scale", "zero"], ["y"], name="y"),
    ]
    stored = {"scale": np.float32(scale), "zero": np.uint8(128), "between": np.float32(between)}
    graph = helper.make_graph(
        nodes,
        "twice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 64])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])


def moved(proto: onnx.ModelProto) -> float:
    graph = Float64Graph(proto)
    exact = graph.run({"x": ROWS})["y"]
    return max(float(np.abs(graph.disturbed({"x": ROWS}, seed=n)["y"] - exact).max()) for n in range(3))


def test_only_what_float32_rounds_is_moved() -> None:
    # Half a step at every odd number: with a power of two it is a tie on every machine, and goes to the even side.
    assert moved(rounded_twice(2.0**-7, 0.5)) == 0.0
    assert moved(rounded_twice(0.01, 0.5)) == pytest.approx(0.01, rel=1e-3)


def test_the_reference_computes_in_float64() -> None:
    proto = rounded_twice(2.0**-7, 1 / 3)
    found = Float64Graph(proto).run({"x": ROWS})["y"]
    first = np.clip(np.rint(ROWS.astype(np.float64) * 128), -128, 127) / 128
    assert found.dtype == np.float64
    assert np.array_equal(found, np.clip(np.rint(first * np.float64(np.float32(1 / 3)) * 128), -128, 127) / 128)


def test_an_operator_that_nobody_evaluates_is_told() -> None:
    proto = rounded_twice(1.0, 1.0)
    proto.graph.node[2].op_type = "NoSuchOperator"
    with pytest.raises(ZooError, match="onnx's reference evaluator cannot load the graph"):
        Float64Graph(proto)
    proto = rounded_twice(1.0, 1.0)
    with pytest.raises(ZooError, match="onnx's reference evaluator cannot run Mul 'm'"):
        Float64Graph(_with_between(proto, np.ones((3, 3, 3), np.float32))).run({"x": ROWS})


def _with_between(proto: onnx.ModelProto, value: np.ndarray) -> onnx.ModelProto:
    proto.graph.initializer[2].CopyFrom(numpy_helper.from_array(value, "between"))
    return proto


def test_nodes_that_were_appended_stand_behind_those_that_they_need() -> None:
    proto = rounded_twice(1.0, 1.0)
    nodes = [node.name for node in proto.graph.node]
    backwards = [onnx.NodeProto.FromString(node.SerializeToString()) for node in reversed(proto.graph.node)]
    del proto.graph.node[:]
    proto.graph.node.extend(backwards)
    in_order(proto)
    assert [node.name for node in proto.graph.node] == nodes


@pytest.mark.parametrize(("low", "high"), [(0.0, 3.1), (-2.7, 3.1), (-2.6, 3.1), (-1.0, 0.0), (-1e-6, 1e3), (0.5, 0.7)])
def test_a_range_becomes_one_whose_steps_are_powers_of_two(low: float, high: float) -> None:
    from onnxruntime.quantization import CalibrationMethod
    from onnxruntime.quantization.calibrate import TensorData, TensorsData

    data = {"x": TensorData(lowest=np.float32(low), highest=np.float32(high))}
    found = exact_ranges(TensorsData(CalibrationMethod.MinMax, data)).data["x"]
    step = (float(found.highest) - float(found.lowest)) / 255
    assert np.log2(step) % 1 == 0
    assert float(found.lowest) / step % 2 == 0  # so that a tie goes the same way, wherever it is counted from
    assert float(found.lowest) <= min(0, low) + step / 2
    assert float(found.highest) >= high - step / 2
    assert step <= 4 * (max(high, 0) - min(low, 0)) / 255


def test_powers_of_two_are_never_below() -> None:
    assert power_of_two(np.array([0.0, 0.25, 0.3, 1.0, 1.1])).tolist() == [2.0**-100, 0.25, 0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("better", "value", "found", "allowed", "passes"),
    [
        ("more", 0.8, 0.796, 0.005, True),
        ("more", 0.8, 0.794, 0.005, False),
        ("more", 30.0, 29.9, 0.15, True),  # above 1 it is a part
        ("less", 40.0, 40.1, 0.2, True),
        ("less", 40.0, 40.3, 0.2, False),
        ("less", 0.01, 0.012, 0.00005, False),
        ("more", 0.8, float("nan"), 0.005, False),
    ],
)
def test_what_may_be_lost(better: str, value: float, found: float, allowed: float, passes: bool) -> None:
    limit = Allowance(metric="m", better=better, float_value=value, max_drop=0.005)
    assert limit.allowed == pytest.approx(allowed)
    assert limit.allows({"m": found}) is passes


def boxes(*rows: tuple[float, ...]) -> dict[str, np.ndarray]:
    table = np.array(rows, np.float64).reshape(len(rows), 5)
    return {"boxes": table[:, :4], "labels": table[:, 4].astype(np.int64)}


LIKE = {"columns": {"boxes": [0, 1, 2, 3], "labels": [0]}}
SURE, OTHER = (1.0, 1.0, 9.0, 9.0, 3.0), (2.0, 2.0, 4.0, 4.0, 1.0)


def test_rows_that_every_run_chooses() -> None:
    near = (1.001, 1.0, 9.0, 9.0, 3.0)
    told = expected_rows([[boxes(SURE, OTHER), boxes(near), boxes(OTHER, SURE)]], like=LIKE, margin=2.0)[KEY]
    assert told["rows"] == [{"boxes": [[1.0, 1.0, 9.0, 9.0]], "labels": [[3]]}]
    assert told["bounds"]["boxes"] == pytest.approx(0.002, rel=0.01)


def test_rows_that_hang_by_a_hair() -> None:
    with pytest.raises(ZooError, match="every row that it chooses hangs by a hair"):
        expected_rows([[boxes(SURE), boxes(OTHER)]], like=LIKE, margin=2.0)
    with pytest.raises(ZooError, match="whether it chooses a row at all hangs by a hair"):
        expected_rows([[boxes(), boxes(OTHER)]], like=LIKE, margin=2.0)


def a_test(rows: int = 3, **changes: Any) -> dict[str, Any]:
    draw = {"seed": 1, "shape": [rows, 64], "low": -1.0, "high": 1.0, "dtype": "float32"}
    outputs = {"y": {"shape": [rows, 64], "positions": [0, 5], "expected": [0, 0], "bound": 1, "floor": 1}}
    return {"generator": "philox-uniform-24", "inputs": {"x": draw}, "outputs": {**outputs, **changes}}


SPECS: Mapping[str, Any] = {"inputs": {"x": TensorSpec("N", 64)}, "outputs": {"y": TensorSpec("N", 64)}}


def test_a_file_whose_answers_hang_by_a_hair_is_not_believed() -> None:
    metadata = brightness_metadata(**SPECS)
    steady = expected_of(Float64Graph(rounded_twice(2.0**-7, 0.5)), metadata, a_test(), {"x": ROWS[:4]})
    assert steady.noise == {"y": 0.0}
    assert 0 < steady.bounds["y"] < 1e-6
    assert steady.vector_outputs["y"].dtype == np.float32
    with pytest.raises(ZooError, match="its answers hang by a hair: on another machine they may be off"):
        expected_of(Float64Graph(rounded_twice(0.01, 0.5)), metadata, a_test(), {"x": ROWS[:4]})


def test_outputs_of_another_shape_are_told() -> None:
    graph = Float64Graph(rounded_twice(2.0**-7, 0.5))
    other = {"shape": [3, 9], "positions": [0], "expected": [0], "bound": 1, "floor": 1}
    with pytest.raises(ZooError, match=r"output 'y' has the shape \[3, 64\], not \[3, 9\]"):
        expected_of(graph, brightness_metadata(**SPECS), a_test(y=other), {"x": ROWS[:4]})
    flat = brightness_metadata(inputs=SPECS["inputs"], outputs={"y": TensorSpec("N")})
    with pytest.raises(ZooError, match=r"output 'y' has 2 axes, not \(N,\)"):
        expected_of(graph, flat, a_test(), {"x": ROWS[:4]})


def source(proto: onnx.ModelProto, **specs: Any) -> Any:
    """As much of a source as the tools ask for."""
    metadata = brightness_metadata(**{**SPECS, **specs})
    first = next(iter(metadata.inputs.values())).axes[0]
    return SimpleNamespace(
        proto=proto, metadata=metadata, fixed_batch=first if isinstance(first, int) else None, typed="it",
        calibration_batches=lambda count: iter([{"x": ROWS}]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "specs", "said"),
    [
        ("fp16", {}, "there is nothing to make smaller: it has no float32 weights"),
        ("int8-dynamic", {}, "there is nothing to make smaller: it has no Conv, MatMul, Gemm"),
    ],
)
def test_a_file_that_cannot_be_made_smaller(kind: str, specs: dict[str, Any], said: str) -> None:
    with pytest.raises(ZooError, match=said):
        tool_for(kind, source(rounded_twice(1.0, 1.0), **specs), samples=4)


def test_what_a_tool_says_is_told_in_a_line() -> None:
    proto = rounded_twice(1.0, 1.0)
    proto.graph.node[2].op_type = "NoSuchOperator"
    proto.graph.node[0].op_type = proto.graph.node[3].op_type = "Mul"
    with pytest.raises(ZooError, match=r"onnxruntime's tool \(calibration\) cannot do it: "):
        Static(source(proto), samples=4)


def test_what_one_file_cannot_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proto = rounded_twice(1.0, 1.0)
    monkeypatch.setattr("zoo_plugins.quantize.bundle._MOST_BYTES", 100)
    with pytest.raises(ZooError, match="it is larger than 2 GB even so, which one file cannot hold"):
        written(proto, tmp_path / "it.onnx", brightness_metadata(), source(rounded_twice(1.0, 1.0)), {})


def test_a_check_that_ends_without_a_report(tmp_path: Path) -> None:
    tmp_path.joinpath("model.onnx").write_bytes(b"no model")
    with pytest.raises(ZooError, match="zoo verify could not check it: "):
        verified_again(tmp_path)


def test_nothing_of_it_loads_torch() -> None:
    code = (
        "import sys, pkgutil, importlib, zoo_plugins.quantize as package\n"
        "for module in pkgutil.iter_modules(package.__path__):\n"
        "    importlib.import_module(f'{package.__name__}.{module.name}')\n"
        "from zoo_core.export import remove_export\n"
        "print(sorted({'torch', 'onnxscript', 'matplotlib'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def small_net(seed: int) -> onnx.ModelProto:
    """A convolution, times and plus one number a channel, and a linear layer; values on both sides of zero."""
    random = np.random.default_rng(seed)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="c", pads=[1, 1, 1, 1]),
        helper.make_node("Mul", ["c", "k"], ["m"], name="m"),
        helper.make_node("Add", ["m", "b"], ["a"], name="a"),
        helper.make_node("Flatten", ["a"], ["f"], name="f"),
        helper.make_node("MatMul", ["f", "v"], ["y"], name="y"),
    ]
    shapes = {"w": (8, 1, 3, 3), "k": (1, 8, 1, 1), "b": (1, 8, 1, 1), "v": (8 * 64, 4)}
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(random.normal(size=s).astype(np.float32), name) for name, s in shapes.items()],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])


@pytest.mark.parametrize(("seed", "kept"), [(0, ()), (1, ()), (2, ()), (3, ()), (0, ("c",)), (0, ("m", "y"))])
def test_whole_numbers_are_exact_at_every_level(seed: int, kept: tuple[str, ...]) -> None:
    import onnxruntime

    rows = {"x": np.random.default_rng(1).normal(size=(64, 1, 8, 8)).astype(np.float32)}
    given = SimpleNamespace(proto=small_net(seed), calibration_batches=lambda count: iter([rows]))
    made = Static(given, samples=64).make(kept)  # type: ignore[arg-type]
    expected = Float64Graph(made).run(rows)["y"]
    # Where a node is float, float32 rounds, and what lies between two steps may go either way in a few rows.
    near = 1e-4 if kept else 0.0
    for level in ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        (found,) = onnxruntime.InferenceSession(made.SerializeToString(), options).run(None, rows)
        apart = np.abs(found - expected)
        assert np.median(apart) <= near * np.abs(expected).max(), level
        if not kept:
            assert apart.max() == 0, level
