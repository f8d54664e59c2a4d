"""What "Try it" makes of outputs is what zoo predict makes of them, for every task that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from node_calls import needs_node
from numpy.typing import NDArray
from site_modules import ask, call, tensors

from zoo_core import Preprocess
from zoo_core.tasks import get_task
from zoo_core.workflows.answers.shown import class_color, picture_png

pytestmark = needs_node
RANDOM = np.random.default_rng(4)


def answer_in_page(task: str, outputs: Mapping[str, NDArray[Any]], **said: Any) -> dict[str, Any]:
    """The answer for one sample, or {error}."""
    size = said.pop("size", None)
    (found,) = ask([call("answers", "answerOf", {"task": task, **said}, tensors(outputs), size)])
    return found.get("value", found)


def logits(*shape: int) -> dict[str, NDArray[Any]]:
    return {"logits": RANDOM.normal(0, 3, (1, *shape)).astype(np.float32)}


def assert_alike(found: list[list[Any]], expected: Mapping[str, float]) -> None:
    """The same labels in the same order, with the same probabilities but for rounding."""
    assert [label for label, _ in found] == list(expected)
    np.testing.assert_allclose([value for _, value in found], list(expected.values()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("task", ["image-classification", "audio-classification", "table-classification"])
def test_classes(task: str) -> None:
    outputs, labels = logits(4), ["a", "b", "c", "<b>d</b>"]
    (expected,) = get_task(task).decode(outputs, labels=labels)
    found = answer_in_page(task, outputs, labels=labels)
    assert found["label"] == expected["label"]
    assert_alike(found["probabilities"], expected["probabilities"])


@pytest.mark.parametrize("shape", [(1,), ()])
def test_one_logit(shape: tuple[int, ...]) -> None:
    outputs = logits(*shape)
    (expected,) = get_task("binary-classification").decode(outputs, labels=["no", "yes"])
    assert_alike(
        answer_in_page("binary-classification", outputs, labels=["no", "yes"])["probabilities"],
        expected["probabilities"],
    )


@pytest.mark.parametrize("settings", [{}, {"thresholds": {"a": 0.9, "b": 0.01, "c": 0.5}}], ids=["usual", "chosen"])
def test_flags(settings: dict[str, Any]) -> None:
    task, outputs, labels = (
        "multilabel-classification",
        {"logits": np.array([[1, -2, 0.5]], np.float32)},
        ["a", "b", "c"],
    )
    (expected,) = get_task(task, settings=settings).decode(outputs, labels=labels)
    found = answer_in_page(task, outputs, labels=labels, task_settings=settings)
    assert found["labels"] == expected["labels"]
    assert_alike(found["probabilities"], expected["probabilities"])


@pytest.mark.parametrize(
    ("task", "shape"),
    [("semantic-segmentation", (3, 5, 7)), ("semantic-segmentation", (1, 4, 4)), ("sequence-segmentation", (4, 19))],
)
def test_masks(task: str, shape: tuple[int, ...]) -> None:
    outputs = {"logits": np.round(logits(*shape)["logits"])}  # many are equal: the first class is decided
    (expected,) = get_task(task).decode(outputs, labels=())
    found = answer_in_page(task, outputs, labels=["ground", "b"])
    assert found["mask"] == expected["mask"].ravel().tolist()
    shares = {each["number"]: each["share"] for each in found["shares"]}
    assert shares == {number: (expected["mask"] == number).mean() for number in np.unique(expected["mask"])}
    assert {each["label"] for each in found["shares"]} <= {"ground", "b", "class 2", "class 3"}


def test_numbers() -> None:
    outputs = {"values": np.array([[1.5, -2e-9]], np.float32), "other": np.zeros((1, 2), np.float32)}
    (expected,) = get_task("regression").decode(outputs, labels=["rate", "slope"])
    found = answer_in_page("regression", outputs, labels=["rate", "slope"])
    assert dict(found["values"]) == expected["values"]
    assert answer_in_page("sequence-regression", {"value": np.ones(1, np.float32)})["values"] == [["value", 1]]


@pytest.mark.parametrize(
    ("task", "values"),
    [
        ("image-to-image", np.array([[[-0.5, 0, 0.5], [0.25, 1, 2]]])),
        ("image-filter", np.array([[[0, 0.5], [0.75, 1]]])),
        ("image-filter", np.array([[[-4, 2], [1, 0]]] * 3)),
    ],
    ids=["picture", "filter", "filter with signs"],
)
def test_pictures(task: str, values: NDArray[Any]) -> None:
    import io

    from PIL import Image

    outputs = {"picture": values[np.newaxis].astype(np.float32)}
    (answer,) = get_task(task).decode(outputs, labels=())
    expected = Image.open(io.BytesIO(picture_png(answer["picture"]))).convert("RGBA")
    found = answer_in_page(task, outputs)
    assert (found["width"], found["height"]) == expected.size
    np.testing.assert_allclose(found["rgba"], np.asarray(expected).ravel(), atol=1)


@pytest.mark.parametrize(
    "recipe",
    [Preprocess(), Preprocess(resize=(40, 60)), Preprocess(resize=48, crop=(40, 33))],
    ids=["as it is", "resized", "cropped"],
)
def test_boxes_of_maps(recipe: Preprocess) -> None:
    corners = RANDOM.uniform(0, 30, (1, 2, 6, 5))
    outputs = {
        "logits": RANDOM.normal(0, 2, (1, 3, 6, 5)).astype(np.float32),
        "boxes": np.concatenate([corners, corners + RANDOM.uniform(5, 20, (1, 2, 6, 5))], axis=1).astype(np.float32),
    }
    assert_found(outputs, recipe, {"threshold": 0.3})


def test_boxes_that_the_model_chooses() -> None:
    corners = RANDOM.uniform(0, 30, (1, 9, 2))
    outputs = {
        "boxes": np.concatenate([corners, corners + 9], axis=2).astype(np.float32),
        "scores": np.array([[0.9, 0.1, 0.5, 0.95, 0.7, 0.51, 0.49, 0, 0.6]], np.float32),
        "labels": RANDOM.integers(0, 3, (1, 9)),
    }
    assert_found(outputs, Preprocess(resize=(40, 60)), {})


def assert_found(outputs: dict[str, NDArray[Any]], recipe: Preprocess, settings: dict[str, Any]) -> None:
    task, labels, (height, width) = get_task("detection", settings=settings), ["a", "b", "c"], (50, 70)
    (answer,) = task.decode(outputs, labels=labels)
    expected = task.in_picture(answer, size=(height, width), recipe=recipe)["detections"]
    found = answer_in_page(
        "detection",
        outputs,
        labels=labels,
        task_settings=settings,
        preprocess=recipe.to_json(),
        size={"width": width, "height": height},
    )["detections"]
    assert [each["label"] for each in found] == [each["label"] for each in expected]
    assert len(found) > 1
    for ours, theirs in zip(found, expected, strict=True):
        assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-12)
        assert ours["box"] == pytest.approx(theirs["box"], abs=0.011)


def test_what_a_task_of_somebody_else_means_is_shown_as_it_is() -> None:
    outputs = {"first": np.arange(12, dtype=np.float32).reshape(1, 12), "second": np.array([[7]], np.int64)}
    assert answer_in_page("somebody-s", outputs)["outputs"] == [
        {"name": "first", "dims": [1, 12], "first": [0, 1, 2, 3, 4, 5, 6, 7]},
        {"name": "second", "dims": [1, 1], "first": [7]},
    ]


def test_what_is_no_number_and_what_has_no_name_are_told() -> None:
    nothing = np.array([[np.nan, 1]], np.float32)
    assert answer_in_page("regression", {"x": nothing}) == {"error": "the output x is not a finite number"}
    assert answer_in_page("regression", {"x": nothing * 0 + 0, "y": np.ones((1, 1), np.float32)}) == {
        "error": "the output x is not a finite number"
    }
    two = {"x": np.ones((1, 2), np.float32), "y": np.ones((1, 2), np.float32)}
    assert answer_in_page("image-classification", two) == {
        "error": "the outputs are x, y, and none of them is called logits or out"
    }


def test_classes_have_the_colours_of_python() -> None:
    found = ask([call("pictures", "colorOf", number) for number in range(40)])
    expected = [class_color(number) for number in range(40)]
    np.testing.assert_allclose([each["value"] for each in found], expected, atol=1)
