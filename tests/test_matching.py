"""Joining a model with a dataset: sizes become options, and what does not fit is said with both shapes."""

from __future__ import annotations

from typing import Any

import pytest

from zoo_core import ModelSpec, TensorSpec, ZooError, open_zoo
from zoo_core.errors import UsageError
from zoo_core.matching import bound_tensors, check_tasks, fixed_axes, full_options, match_options
from zoo_core.registry import Model

PICTURE = {"image": TensorSpec("N", 3, 32, 40)}


def make(*axes: int | str, task: str = "image-classification", **more: Any) -> Model:
    def build(*, in_channels: int = 1, height: int = 28, width: int = 28, num_classes: int = 10) -> None: ...

    spec = ModelSpec(
        name="net",
        build=build,
        task=task,
        summary="A net",
        inputs={"image": TensorSpec(*axes)},
        outputs={"logits": TensorSpec("N", "num_classes")},
        **more,
    )
    return Model(spec=spec, plugin="d:e")


def match(model: Model, given: dict[str, Any] | None = None, **change: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"dataset": "data", "inputs": PICTURE, "num_classes": 4, **change}
    return match_options(model, given or {}, **values)


def test_sizes_come_from_the_data() -> None:
    model = open_zoo().model("lenet5")
    options = match(model)
    assert options == {"in_channels": 3, "height": 32, "width": 40, "num_classes": 4}
    inputs, outputs = bound_tensors(model, options)
    assert str(inputs["image"]) == "(N, 3, 32, 40)"
    assert str(outputs["logits"]) == "(N, 4)"


def test_given_options_that_agree_and_other_options_pass() -> None:
    model = open_zoo().model("mlp")
    options = match(model, {"height": "32", "hidden": "16"})
    assert options["hidden"] == (16,)
    assert options["activation"] == "relu"


def test_a_dataset_that_does_not_know_its_classes_leaves_the_given_number() -> None:
    assert match(make("N", 3, 32, 40), {"num_classes": 7}, num_classes=None)["num_classes"] == 7


def test_another_name_for_the_only_input() -> None:
    assert match(make("N", "in_channels", 32, 40), inputs={"picture": PICTURE["image"]})["in_channels"] == 3


def test_factors_and_offsets() -> None:
    assert match(make("N", 3, "16*height", "width-2"))["height"] == 2
    assert match(make("N", 3, "16*height", "width-2"))["width"] == 42
    assert match(make("N", 3, "H", "W"))["num_classes"] == 4


def make_free(**more: Any) -> Model:
    """A net of any size, unless its options say which."""

    def build(*, height: int | None = None, width: int | None = None, num_classes: int = 10) -> None: ...

    spec = ModelSpec(
        name="net",
        build=build,
        task="image-classification",
        summary="A net",
        inputs={"image": TensorSpec("N", 3, "H", "2*W")},
        outputs={"logits": TensorSpec("N", "num_classes")},
        size_options={"H": "height", "W": "width"},
        **more,
    )
    return Model(spec=spec, plugin="d:e")


def test_an_axis_is_free_until_its_option_says_a_size() -> None:
    model = make_free(fixed_axes={"N": "it is so"})
    assert match(model) == {"height": None, "width": None, "num_classes": 4}
    assert str(bound_tensors(model, match(model))[0]["image"]) == "(N, 3, H, 2*W)"
    asked = match(model, {"height": "32"})
    assert str(bound_tensors(model, asked)[0]["image"]) == "(N, 3, 32, 2*W)"
    assert fixed_axes(model.spec, asked) == {"N": "it is so", "H": "the option height is 32"}


def test_a_size_below_the_smallest_of_a_free_axis_is_fixed() -> None:
    options = match(make_free(smallest={"H": 33, "W": 20}))
    assert (options["height"], options["width"]) == (32, None)
    options = match(make_free(smallest={"H": 32, "W": 21}))
    assert (options["height"], options["width"]) == (None, 20)


def test_a_free_axis_that_is_fixed_at_another_size_than_the_data_have() -> None:
    with pytest.raises(ZooError) as caught:
        match(make_free(), {"height": "28"})
    assert "model net takes (N, 3, 28, 2*W), but dataset data gives (N, 3, 32, 40)" in caught.value.message


@pytest.mark.parametrize(
    ("axes", "given", "change", "message", "hint"),
    [
        (
            ("N", 1, 28, 28),
            {},
            {},
            "model net takes (N, 1, 28, 28), but dataset data gives (N, 3, 32, 40)",
            "-d color=L, where the dataset has that option",
        ),
        (
            ("N", 3, 28, 28),
            {},
            {},
            "model net takes (N, 3, 28, 28), but dataset data gives (N, 3, 32, 40)",
            "-d size=28 resizes",
        ),
        (
            ("N", "in_channels", "height", "width"),
            {"height": "28"},
            {},
            "model net takes (N, in_channels, 28, width), but dataset data gives (N, 3, 32, 40)",
            "drop -o height",
        ),
        (
            ("N", "in_channels", "height", "height"),
            {},
            {},
            "model net takes (N, in_channels, height, height), but dataset data gives (N, 3, 32, 40)",
            "-d size=",
        ),
        (("N", 3, "16*height", "16*width"), {}, {}, "takes (N, 3, 16*height, 16*width), but", "-d size="),
        (
            ("N", 3, "16*H", "16*W"),
            {},
            {},
            "takes (N, 3, 16*H, 16*W), but",
            "the width is 40 and must be a multiple of 16: -d size=32 or 48",
        ),
        (("N", 3), {}, {}, "model net takes (N, 3), but dataset data gives (N, 3, 32, 40)", "another dataset"),
        (
            ("N", 3, 32, 40),
            {"num_classes": 10},
            {},
            "model net is given num_classes=10, but dataset data has 4 classes",
            "drop -o num_classes",
        ),
        (
            ("N", 3, 32, 40),
            {},
            {"inputs": {"image": TensorSpec("N", 3, 32, 40, dtype="uint8")}},
            "takes (N, 3, 32, 40) float32, but dataset data gives (N, 3, 32, 40) uint8",
            "another dataset",
        ),
        (
            ("N", 3, 32, 40),
            {},
            {"inputs": {"left": PICTURE["image"], "right": PICTURE["image"]}},
            "takes an input 'image' (N, 3, 32, 40), and dataset data has left (N, 3, 32, 40), right",
            "zoo list datasets",
        ),
    ],
)
def test_what_does_not_fit(
    axes: tuple[int | str, ...], given: dict[str, Any], change: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(ZooError) as caught:
        match(make(*axes), given, **change)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)
    assert caught.value.exit_code == 1


def test_a_renamed_option_counts_as_given(capsys: pytest.CaptureFixture[str]) -> None:
    model = make("N", "in_channels", "height", "width", renamed={"rows": "height"})
    with pytest.raises(ZooError, match=r"takes \(N, in_channels, 30, width\)"):
        match(model, {"rows": "30"})
    assert "Warning: model net: option 'rows' is now called 'height'" in capsys.readouterr().err


def test_without_a_dataset() -> None:
    model = open_zoo().model("lenet5")
    assert full_options(model, {"height": "32"}) == {
        "in_channels": 1,
        "height": 32,
        "width": 28,
        "num_classes": 10,
    }
    with pytest.raises(UsageError, match="model lenet5 has no option 'colour'"):
        full_options(model, {"colour": "red"})


def test_a_required_option_without_a_value() -> None:
    def build(*, depth: int, height: int) -> None: ...

    spec = ModelSpec(
        name="net",
        build=build,
        task="image-classification",
        summary="A net",
        inputs={"image": TensorSpec("N", 3, "height", "W")},
        outputs={"logits": TensorSpec("N", 2)},
    )
    model = Model(spec=spec, plugin="d:e")
    with pytest.raises(UsageError, match="model net needs depth, height"):
        full_options(model, {})
    with pytest.raises(UsageError, match="model net needs depth"):
        match(model)
    assert match(model, {"depth": 3}) == {"depth": 3, "height": 32}


# --- tasks, and one logit for two classes


@pytest.mark.parametrize("task", ["binary-classification", "semantic-segmentation", "sequence-segmentation"])
@pytest.mark.parametrize("num_classes", [1, 2])
def test_two_classes_need_one_logit(task: str, num_classes: int) -> None:
    model = make("N", 3, 32, 40, task=task)
    assert match(model, num_classes=num_classes)["num_classes"] == 1
    assert match(model, {"num_classes": 1}, num_classes=num_classes)["num_classes"] == 1
    assert match(model, {"num_classes": 2}, num_classes=num_classes)["num_classes"] == 2
    with pytest.raises(ZooError, match="num_classes=3, but dataset data has 2 classes, for which one logit is enough"):
        match(model, {"num_classes": 3}, num_classes=num_classes)


def test_more_classes_of_a_mask_and_two_of_a_picture_need_a_logit_each() -> None:
    assert match(make("N", 3, 32, 40, task="semantic-segmentation"), num_classes=3)["num_classes"] == 3
    assert match(make("N", 3, 32, 40), num_classes=2)["num_classes"] == 2


def test_a_binary_model_takes_two_classes() -> None:
    with pytest.raises(ZooError, match="model net tells two classes apart, but dataset data has 4 classes") as caught:
        match(make("N", 3, 32, 40, task="binary-classification"), num_classes=4)
    assert caught.value.hint == "choose two of them with -d classes=A,B"


def test_tasks_must_agree() -> None:
    for task, dataset_task in (
        ("semantic-segmentation", "semantic-segmentation"),
        ("binary-classification", "image-classification"),
    ):
        check_tasks(task, model="model 'net'", dataset="data", dataset_task=dataset_task)
    for task, dataset_task in (
        ("image-classification", "binary-classification"),
        ("semantic-segmentation", "image-classification"),
    ):
        words = f"model 'net' is for {task}, dataset 'data' for {dataset_task}"
        with pytest.raises(ZooError, match=words) as caught:
            check_tasks(task, model="model 'net'", dataset="data", dataset_task=dataset_task)
        assert caught.value.hint == f"zoo list models --task {dataset_task}; zoo list datasets --task {task}"


def test_a_filter_has_nothing_to_train_or_to_measure() -> None:
    words = "model 'blur' is for image-filter, and dataset 'data' has no truth for it: it cannot be trained or measured"
    with pytest.raises(ZooError, match=words) as caught:
        check_tasks("image-filter", model="model 'blur'", dataset="data", dataset_task="image-classification")
    assert caught.value.hint == "zoo export writes it as a file, and zoo predict applies it to pictures"
