"""Preprocessing as a graph: what onnxruntime makes of any picture is what Pillow and numpy make of it, to the bit."""

from __future__ import annotations

from typing import get_args

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from zoo_core import Preprocess
from zoo_core.baking.drawn.preparation import PREPARED, picture_graph
from zoo_core.picture_recipe import Interpolation
from zoo_core.preprocess import normalize, prepare_arrays

SIZES = ((1, 1), (5, 200), (28, 31), (33, 97), (90, 7), (64, 48))
COLOURS = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def session_of(recipe: Preprocess, *, optimised: bool = True, opset: int = 17) -> onnxruntime.InferenceSession:
    """The graph of a recipe, in a file of its own that onnx's checker has looked at."""
    made = picture_graph(recipe, "image")
    given = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])
    found = helper.make_tensor_value_info(PREPARED, TensorProto.FLOAT, [None] * 4)
    graph = helper.make_graph(made.nodes, "preparation", [given], [found], made.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def noise(height: int, width: int, count: int = 2) -> NDArray[np.uint8]:
    random = np.random.default_rng(height * 1000 + width)
    return random.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def assert_prepared(recipe: Preprocess, sizes: tuple[tuple[int, int], ...], **how: bool | int) -> None:
    session = session_of(recipe, **how)  # type: ignore[arg-type]
    for height, width in sizes:
        pixels = noise(height, width)
        (found,) = session.run(None, {"image": pixels})
        np.testing.assert_array_equal(found, normalize(prepare_arrays(pixels, recipe), recipe), f"{height} x {width}")


@pytest.mark.parametrize("interpolation", get_args(Interpolation))
@pytest.mark.parametrize(
    "geometry",
    [{"resize": (28, 31)}, {"resize": 32, "crop": (24, 27)}, {"resize": (40, 36), "crop": (31, 17)}],
    ids=["exact", "the shorter side, then a crop", "exact, then a crop"],
)
def test_every_filter_gives_the_bits_of_pillow(interpolation: Interpolation, geometry: dict[str, object]) -> None:
    recipe = Preprocess(interpolation=interpolation, **COLOURS, **geometry)  # type: ignore[arg-type]
    assert_prepared(recipe, SIZES)


@pytest.mark.parametrize("recipe", [
    Preprocess(resize=(9, 8), color="L", mean=(0.3,), std=(0.34,)),
    Preprocess(resize=(9, 8), color="BGR", scale=1.0, mean=(103.9, 116.8, 123.7)),
    Preprocess(resize=(9, 8), layout="NHWC", **COLOURS),
    Preprocess(color="L", layout="NHWC"),
    Preprocess(color="BGR"),
], ids=["grey", "BGR", "channels last", "grey in its own size", "BGR in its own size"])  # fmt: skip
def test_colours_and_layouts(recipe: Preprocess) -> None:
    assert_prepared(recipe, SIZES[:4])


@pytest.mark.parametrize(("optimised", "opset"), [(False, 17), (True, 23)])
def test_it_is_the_same_at_no_optimisation_and_at_the_latest_opset(optimised: bool, opset: int) -> None:
    recipe = Preprocess(resize=32, crop=(24, 27), interpolation="bicubic", **COLOURS)
    assert_prepared(recipe, SIZES[3:], optimised=optimised, opset=opset)


def test_values_at_the_ends_of_the_range_are_cut_off_as_by_pillow() -> None:
    recipe = Preprocess(resize=(31, 29), interpolation="lanczos")  # overshoots below 0 and above 255
    pixels = np.where(np.indices((1, 40, 40, 3)).sum(axis=0) % 7 < 3, 0, 255).astype(np.uint8)
    (found,) = session_of(recipe).run(None, {"image": pixels})
    np.testing.assert_array_equal(found, normalize(prepare_arrays(pixels, recipe), recipe))
    assert found.min() == 0
    assert found.max() == 1


def test_every_grey_of_equal_colours_stays_as_it_is() -> None:
    levels = np.repeat(np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1), 3, axis=3)
    (found,) = session_of(Preprocess(color="L", scale=1.0)).run(None, {"image": levels})
    np.testing.assert_array_equal(found.reshape(-1), np.arange(256))


def test_a_crop_alone_takes_the_middle_and_no_smaller_picture() -> None:
    recipe = Preprocess(crop=(20, 21))
    assert_prepared(recipe, ((20, 21), (23, 40), (41, 22)))
    session = session_of(recipe)
    for size in ((19, 40), (40, 20), (1, 1)):
        with pytest.raises(Exception, match="of one size"):
            session.run(None, {"image": noise(*size)})


def test_a_wide_picture_needs_no_more_than_what_the_crop_keeps() -> None:
    # Its longer side would have 4,800 pixels; of its matrix only the 16 rows are made that are kept.
    recipe = Preprocess(resize=16, crop=(16, 16), **COLOURS)
    assert_prepared(recipe, ((2, 600),))
