"""A few bytes that would make a lot: refused before onnxruntime sees them, through whatever they are led."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import graph_model, write_model
from vetted import (
    GROWN,
    Model,
    X,
    chain,
    check_refused,
    constant_node,
    floats,
    floats_of,
    ints,
    of_shape,
    one_node,
    sparse,
)

from zoo_core.runtime.vetting.vet import vet

REFUSALS: dict[str, tuple[Model, str, str]] = {
    # file, rule, words
    "sparse bomb": (sparse([1 << 20, 1 << 10]), "amplification", "sparse tensor 'w' would grow"),
    "ConstantOfShape": (
        one_node("ConstantOfShape", "s", tensors=(ints("s", 20_000, 10_000),)),
        "amplification",
        "would make 200,000,000 elements out of constants",
    ),
    "Constant node": (constant_node(20_000, 10_000), "amplification", "ConstantOfShape node"),
    "Expand": (one_node("Expand", "x", "s", tensors=(ints("s", 10**9, 2),)), "amplification", "Expand node"),
    "Tile": (one_node("Tile", "x", "r", tensors=(ints("r", 10**9),)), "amplification", "Tile node"),
    "Tiles in a row": (chain("Tile", 6, ints("r", 50)), "amplification", "Tile node"),
    "Concats in a row": (
        graph_model([
            *(helper.make_node("Concat", [n, n], [n + "2"], axis=0) for n in ["x" + "2" * i for i in range(30)]),
            helper.make_node("Identity", ["x" + "2" * 30], ["y"]),
        ], inputs=[X]),
        "amplification",
        "Concat node",
    ),
    "Range": (
        one_node("Range", "a", "b", "c", tensors=tuple(
            numpy_helper.from_array(np.array(v, np.int64), n) for n, v in (("a", 0), ("b", 1 << 40), ("c", 1))
        )),
        "amplification",
        "Range node",
    ),
    "Pad": (one_node("Pad", "x", "p", tensors=(ints("p", 0, 1 << 40),)), "amplification", "Pad node"),
    "Resize by sizes": (
        one_node("Resize", "x", "", "", "s", tensors=(ints("s", 1 << 40),)), "amplification", "Resize node"
    ),
    "Resize by scales": (
        one_node("Resize", "x", "", "s", tensors=(floats("s", 1e12),)), "amplification", "Resize node"
    ),
    "window": (one_node("HannWindow", "n", tensors=(ints("n", 1 << 40),)), "amplification", "HannWindow node"),
    "convolution": (one_node("Conv", "x", "x", pads=[1 << 30, 1 << 30]), "amplification", "has pads of"),
    "a shape behind an Identity": (of_shape(helper.make_node("Identity", ["s"], ["t"])), "amplification", GROWN),
    "a shape behind a Cast": (
        of_shape(helper.make_node("Cast", ["s"], ["t"], to=TensorProto.INT64), tensor=floats("s", 20_000, 10_000)),
        "amplification",
        GROWN,
    ),
    "a shape that is multiplied": (
        of_shape(helper.make_node("Mul", ["s", "s"], ["t"]), tensor=ints("s", 15_000, 1)),
        "amplification",
        "would make 225,000,000 elements",
    ),
    "a shape that is joined": (
        of_shape(helper.make_node("Concat", ["s", "s"], ["t"], axis=0), tensor=ints("s", 15_000)),
        "amplification",
        "would make 225,000,000 elements",
    ),
    "a shape of a shape": (
        of_shape(
            helper.make_node("Shape", ["x"], ["n"]),
            helper.make_node("Add", ["n", "s"], ["n2"]),
            helper.make_node("Gather", ["n2", "zero"], ["n3"]),
            helper.make_node("Slice", ["n3", "zero", "one", "zero"], ["n4"]),
            helper.make_node("ReduceProd", ["n4"], ["n5"], keepdims=1),
            helper.make_node("Reshape", ["n5", "minus"], ["t"]),
            tensor=ints("s", 1 << 40),
            more=(ints("zero", 0), ints("one", 1), ints("minus", -1)),
        ),
        "amplification",
        "ConstantOfShape node",
    ),
    "an outer sum": (
        graph_model(
            [helper.make_node("Transpose", ["w"], ["v"]), helper.make_node("Add", ["w", "v"], ["y"])],
            inputs=[X],
            tensors=[floats_of("w", 20_000, 1)],
        ),
        "amplification",
        "its Add node would make 400,000,000 elements",
    ),
    "an outer product": (
        graph_model(
            [helper.make_node("Transpose", ["w"], ["v"]), helper.make_node("MatMul", ["w", "v"], ["y"])],
            inputs=[X],
            tensors=[floats_of("w", 20_000, 1)],
        ),
        "amplification",
        "its MatMul node would make 400,000,000 elements",
    ),
    "strides of a transposed convolution": (
        one_node("ConvTranspose", "x", "x", strides=[60_000, 60_000]), "amplification", "its ConvTranspose node"
    ),
    "pads of a convolution": (
        one_node("Conv", "x", "x", pads=[30_000] * 4), "amplification", "its Conv node would make 3,600,120,001"
    ),
    "many at a time": (
        graph_model(
            [
                *(helper.make_node("ConstantOfShape", ["s"], [f"y{number}"]) for number in range(9)),
                helper.make_node("Sum", [f"y{number}" for number in range(9)], ["y"]),
            ],
            inputs=[X],
            tensors=[ints("s", 1 << 26)],
        ),
        "amplification",
        "elements together",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refused(case: str, tmp_path: Path) -> None:
    model, rule, words = REFUSALS[case]
    check_refused(tmp_path, model, rule=rule, words=words)


def test_a_large_weight_is_no_amplification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_core.runtime.vetting.cost.MAX_ELEMENTS", 10)
    weight = numpy_helper.from_array(np.ones((100, 100), np.float32), "w")
    vet(write_model(tmp_path / "m.onnx", one_node("Transpose", "w", tensors=(weight,))))
