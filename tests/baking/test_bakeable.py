"""What can prepare its pictures itself and what cannot, in words; and which tasks tell probabilities."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from checking import plan_for
from torch import nn
from warm import Result

from zoo_core import Preprocess, TensorSpec, UsageError
from zoo_core.baking.bakeable import interface_of, require_bakeable
from zoo_core.baking.head import head_of, probabilities
from zoo_core.baking.tried_pictures import cut_to_fit, drawn_sizes, real_pictures
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.runtime import Metadata
from zoo_core.tasks import get_task

Zoo = Callable[..., Result]


def plan_with(recipe: Preprocess | None, **changes: Any) -> ExportPlan:
    plan = plan_for(lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 5)), validation=False)
    return dataclasses.replace(plan, preprocess=recipe, **changes)


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (plan_with(None), "takes no pictures: there is no preprocessing to bake into its file"),
        (
            plan_with(Preprocess(resize=(16, 16), color="L")),
            r"is float32 \(N, 3, 16, 16\), .* gives float32 .* with C=1",
        ),
        (plan_with(Preprocess(resize=(16, 16), layout="NHWC")), r"gives float32 \(N, height, width, C\) with C=3"),
        (plan_with(Preprocess(resize=12, crop=(16, 16))), "resizes to 12 and then cuts 16 x 16 out of that"),
        (plan_with(Preprocess(resize=(20, 8), crop=(16, 16))), "resizes to 20 x 8 and then cuts 16 x 16 out of that"),
        (plan_with(Preprocess(resize=(16, 16)), largest_file=1000), "has more than 2 GB of weights"),
        (
            plan_with(
                Preprocess(resize=(16, 16)),
                inputs={name: TensorSpec("N", 3, 16, 16) for name in ("left", "right")},
            ),
            "has the inputs left, right: only files with one picture a sample can bake",
        ),
    ],
    ids=[
        "no pictures",
        "other channels",
        "another layout",
        "a crop that is too large",
        "on one side",
        "too large",
        "two inputs",
    ],
)
def test_what_cannot_be_baked_is_told(plan: ExportPlan, says: str) -> None:
    with pytest.raises(UsageError, match=says) as told:
        require_bakeable(plan)
    assert "--bake-preprocess" in str(told.value.hint)


def test_a_model_without_pictures_is_told_before_anything_is_converted(zoo_here: Zoo) -> None:
    done = zoo_here("export", "mlp", "--bake-preprocess")
    assert done.code == 2
    assert "mlp takes no pictures" in done.stderr
    assert "leave out --bake-preprocess" in done.stderr


def test_probabilities_are_for_files_that_prepare_their_pictures(zoo_here: Zoo) -> None:
    done = zoo_here("export", "lenet5", "--with-probabilities")
    assert done.code == 2
    assert "--with-probabilities is for files that prepare their pictures themselves" in done.stderr
    assert "add --bake-preprocess" in done.stderr


@pytest.mark.parametrize(
    ("task", "axes", "operator"),
    [
        ("image-classification", ("N", 7), "Softmax"),
        ("binary-classification", ("N", 1), "Sigmoid"),
        ("binary-classification", ("N",), "Sigmoid"),
        ("binary-classification", ("N", 2), "Softmax"),
        ("multilabel-classification", ("N", 3), "Sigmoid"),
    ],
)
def test_probabilities_are_those_of_the_task(task: str, axes: tuple[int | str, ...], operator: str) -> None:
    head = head_of(get_task(task), {"logits": TensorSpec(*axes)})
    assert (head.output, head.operator) == ("logits", operator)


@pytest.mark.parametrize(
    ("task", "axes"),
    [("semantic-segmentation", ("N", 3, 8, 8)), ("features", ("N", 16)), ("regression", ("N", 2))],
)
def test_a_task_that_tells_none_is_refused(task: str, axes: tuple[int | str, ...]) -> None:
    with pytest.raises(UsageError, match=f"{task} tells no probability of each class"):
        head_of(get_task(task), {"logits": TensorSpec(*axes)})


def test_an_output_of_that_name_is_in_the_way() -> None:
    outputs = {"logits": TensorSpec("N", 3), "probabilities": TensorSpec("N", 3)}
    with pytest.raises(UsageError, match="has an output called 'probabilities' already"):
        head_of(get_task("image-classification"), outputs)


def test_probabilities_of_large_logits_are_numbers() -> None:
    logits = np.array([[1000.0, -1000.0], [0.0, 0.0]], np.float32)
    np.testing.assert_array_equal(probabilities(logits, "Softmax"), [[1, 0], [0.5, 0.5]])
    np.testing.assert_array_equal(probabilities(logits, "Sigmoid"), [[1, 0], [0.5, 0.5]])


def metadata_of(recipe: Preprocess, *axes: int | str, output: tuple[int | str, ...] = ("N", 5)) -> Metadata:
    return Metadata(
        name="filter",
        task="image-classification",
        inputs={"image": TensorSpec(*axes)},
        outputs={"out": TensorSpec(*output)},
        preprocess=recipe,
    )


def test_free_axes_of_a_model_are_those_of_its_recipe_from_then_on() -> None:
    recipe, output = Preprocess(resize=(32, 48)), ("N", 1, "16*H-2", "16*W")
    interface = interface_of(metadata_of(recipe, "N", 3, "16*H", "16*W", output=output), smallest={})
    assert (str(interface.picture), str(interface.outputs["out"])) == ("(N, H, W, 3)", "(N, 1, 30, 48)")
    assert interface.bound == {"H": 2, "W": 3}
    assert interface.largest == {"H": 8192, "W": 8192}


def test_a_recipe_without_a_size_leaves_pictures_as_large_as_the_model_takes_them() -> None:
    recipe, output = Preprocess(color="L"), ("N", 1, "8*H", "8*W")
    interface = interface_of(metadata_of(recipe, "N", 1, "8*H", "8*W", output=output), smallest={"H": 2})
    assert (str(interface.picture), str(interface.outputs["out"])) == ("(N, 8*H, 8*W, 3)", "(N, 1, 8*H, 8*W)")
    assert interface.largest == {"H": 1024, "W": 1024}
    assert drawn_sizes(interface, [{"H": 3, "W": 2}]) == [(24, 16)]
    fitting = cut_to_fit(np.zeros((37, 20, 3), np.uint8), interface)
    assert fitting is not None
    assert fitting.shape == (32, 16, 3)
    assert cut_to_fit(np.zeros((15, 20, 3), np.uint8), interface) is None


def test_real_pictures_are_the_own_ones_first_and_generated_ones_always() -> None:
    interface = interface_of(metadata_of(Preprocess(crop=(20, 20)), "N", 3, 20, 20), smallest={})
    own = [np.full((30, 40, 3), level, np.uint8) for level in range(20)]
    found = real_pictures(interface, own)
    assert (found[0].source, len(found[0]), found[0].size) == ("the dataset", 16, (30, 40))
    generated = [pictures.size for pictures in found if pictures.source == "generated"]
    assert generated == [(129, 64), (180, 320), (33, 33)]  # smaller ones cannot be cut


def test_there_is_a_picture_for_a_model_of_one_large_size_too() -> None:
    interface = interface_of(metadata_of(Preprocess(), "N", 3, 700, 710), smallest={})
    assert [(some.source, some.size) for some in real_pictures(interface, [])] == [("generated", (700, 710))]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"baked": 1}, "baked is true or false"),
        ({"preprocess": None}, "such a file has a recipe"),
        (
            {"inputs": {"image": {"axes": ["N", "H", "W", 3], "dtype": "float32"}}},
            r"takes uint8 \(N, height, width, 3\)",
        ),
        ({"inputs": {"image": {"axes": ["N", "H", "W", 4], "dtype": "uint8"}}}, r"takes uint8 \(N, height, width, 3\)"),
    ],
)
def test_words_of_a_file_that_cannot_be_are_refused(changes: dict[str, Any], says: str) -> None:
    interface = interface_of(metadata_of(Preprocess(resize=(8, 8)), "N", 3, 8, 8), smallest={})
    whole = dataclasses.replace(
        metadata_of(Preprocess(resize=(8, 8)), "N", 3, 8, 8), inputs=interface.inputs, baked=True
    )
    assert Metadata.from_json(whole.to_json()).baked
    with pytest.raises(ValueError, match=says):
        Metadata.from_json(json.dumps({**json.loads(whole.to_json()), **changes}))
