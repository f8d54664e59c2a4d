"""What plugins declare is checked when it is declared, in words that name the plugin's own mistake."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import pytest

from zoo_core import DatasetSpec, ModelFamily, ModelSpec, Preprocess, TensorSpec, TrainerSpec, ZooError
from zoo_core.errors import UsageError, did_you_mean
from zoo_core.options import Option, check_options, options_of_dataclass, options_of_signature, parse_pairs


def build(*, height: int = 28, num_classes: int = 10) -> None:
    """A builder."""


def load(root: str, *, split: str, download: bool) -> None:
    """A loader."""


@dataclasses.dataclass
class Config:
    epochs: int = 3


IMAGE = {"image": TensorSpec("N", 1, "height", 28)}
LOGITS = {"logits": TensorSpec("N", "num_classes")}


def model(**changes: Any) -> ModelSpec:
    fields = {"name": "m", "build": build, "task": "image-classification", "summary": "s"}
    return ModelSpec(**{**fields, "inputs": IMAGE, "outputs": LOGITS, **changes})


def dataset(**changes: Any) -> DatasetSpec:
    fields = {"name": "d", "load": load, "task": "image-classification", "summary": "s"}
    return DatasetSpec(**{**fields, "inputs": {"image": TensorSpec("N", 1, 8, 8)}, **changes})


def trainer(**changes: Any) -> TrainerSpec:
    return TrainerSpec(**{"name": "t", "fit": build, "summary": "s", "config": Config, **changes})


def test_a_tensor_spec_binds_its_axes() -> None:
    spec = TensorSpec("N", "in_channels", "16*H", "H-2", low=0.0, high=1.0)
    assert spec.free_axes == ("N", "H")
    assert spec.option_axes == ("in_channels",)
    assert spec.bind({"in_channels": 3, "H": 4}).axes == ("N", 3, 64, 2)
    assert spec.shape({"N": 4, "in_channels": 3, "H": 3}) == (4, 3, 48, 1)
    assert TensorSpec.from_json(spec.to_json()) == spec
    assert str(TensorSpec("N")) == "(N,)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TensorSpec(True), "an axis is an int or a name, not True"),
        (lambda: TensorSpec(1.5), "an axis is an int or a name, not 1.5"),  # type: ignore[arg-type]
        (lambda: TensorSpec(0), "a fixed axis is at least 1, not 0"),
        (lambda: TensorSpec("H/2"), "cannot read the axis 'H/2'"),
        (lambda: TensorSpec("N", dtype="float"), "unknown dtype 'float'"),
        (lambda: TensorSpec("N", low=1, high=0), "low must be below high, not 1 and 0"),
        (lambda: TensorSpec("N", 3).shape({}), r"no size given for axis N of \(N, 3\)"),
        (lambda: TensorSpec.from_json({"axes": "N"}), "a tensor spec has a list of axes, not 'N'"),
        (lambda: Preprocess(mean=(0.5, 0.5)), "preprocess: mean has 2 values for 3 channels"),
        (lambda: Preprocess(color="L", std=(1, 1, 1)), "preprocess: std has 3 values for 1 channels"),
        (lambda: Preprocess(std=(0.0,)), "preprocess: std cannot be 0"),
        (lambda: Preprocess(resize=256), "preprocess: a resize of the shorter side needs a crop"),
        (lambda: Preprocess.from_json({"scal": 1}), "preprocess: unknown field scal"),
        (lambda: Preprocess.from_json({"layout": "CHW"}), "preprocess: layout cannot be 'CHW'"),
        (lambda: model(name="Big Model"), "ModelSpec: 'Big Model' is not a name"),
        (lambda: model(summary=""), "ModelSpec 'm': summary is one line of text, not ''"),
        (lambda: model(summary="a\nb"), "summary is one line of text"),
        (lambda: model(task="image-clasification"), "ModelSpec 'm': unknown task 'image-clasification'"),
        (lambda: model(inputs={}), "ModelSpec 'm', inputs declares no tensor"),
        (lambda: model(outputs={"y": (1, 10)}), "ModelSpec 'm', outputs: 'y' is a tuple, not a TensorSpec"),
        (lambda: model(build=3), "ModelSpec 'm': build is not callable"),
        (lambda: model(inputs={"x": TensorSpec("N", "width")}), "axis width is no option of its builder"),
        (lambda: dataset(splits=("test",)), "DatasetSpec 'd': splits must have 'train', not"),
        (lambda: dataset(load=_load_size), "DatasetSpec 'd': option size belongs to the core"),
        (lambda: trainer(config=3), "TrainerSpec 't': config is a dataclass, not 3"),
        (lambda: trainer(fit=None), "TrainerSpec 't': fit is not callable"),
    ],
)
def test_a_wrong_declaration_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ZooError, match=message) as caught:
        make()
    assert caught.value.exit_code == 1


def _load_size(root: str, *, split: str, download: bool, size: int = 3) -> None:
    """A loader with an option that every dataset has."""


def test_a_hint_says_what_would_be_right() -> None:
    with pytest.raises(ZooError) as caught:
        model(task="image-clasification")
    assert str(caught.value.hint).startswith("Did you mean 'image-classification'")
    assert did_you_mean("x", []) == ""
    assert did_you_mean("qqq", ["b", "a"]) == "Known: a, b"


def test_a_recipe_for_another_size_and_back_from_json() -> None:
    recipe = Preprocess(resize=256, crop=(224, 224), mean=(0.5, 0.4, 0.3), std=(0.2,))
    assert recipe.size == (224, 224)
    assert recipe.resized(112) == dataclasses.replace(recipe, resize=128, crop=(112, 112))
    assert Preprocess(resize=(8, 8)).resized(28).size == (28, 28)
    assert Preprocess().size is None
    assert Preprocess.from_json(recipe.to_json()) == recipe


def test_valid_declarations_are_plain_data() -> None:
    assert [option.name for option in model().options] == ["height", "num_classes"]
    assert "size" in {option.name for option in dataset().options}
    assert trainer().options == (Option(name="epochs", type="int", default=3),)
    assert ModelFamily(prefix="p", names=lambda: ["a"], spec=lambda name: model(name=name)).spec("a").name == "a"


def _every_type(
    *,
    count: int,
    rate: float = 0.1,
    flag: bool = False,
    mode: Literal["fast", "good"] = "fast",
    sizes: tuple[int, ...] = (1, 2),
    limit: float | None = None,
) -> None:
    """A builder with an option of every type."""


OPTIONS = options_of_signature(_every_type, where="model m")


def test_options_are_read_from_the_signature_and_parsed() -> None:
    given = {"count": "3", "rate": "1", "flag": "yes", "mode": "good", "sizes": "4, 5", "limit": "none"}
    parsed = check_options(given, OPTIONS, where="model m")
    assert parsed == {"count": 3, "rate": 1.0, "flag": True, "mode": "good", "sizes": (4, 5), "limit": None}
    assert check_options({"rate": 2, "sizes": [7]}, OPTIONS, where="model m") == {"rate": 2.0, "sizes": (7,)}
    assert [Option.from_json(option.to_json()) for option in OPTIONS] == list(OPTIONS)
    assert OPTIONS[0].required
    assert not OPTIONS[1].required


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": "three"}, "model m: count takes int, not 'three'"),
        ({"count": 1.5}, "model m: count takes int, not 1.5"),
        ({"count": True}, "model m: count takes int, not True"),
        ({"rate": "nan"}, "model m: rate takes float, not nan"),
        ({"flag": "maybe"}, "model m: flag takes bool, not 'maybe'"),
        ({"mode": "god"}, "model m: mode cannot be 'god'"),
        ({"sizes": 3}, "model m: sizes takes a list of int, not 3"),
        ({"sizes": "1,x"}, "model m: sizes takes a list of int, not 'x'"),
        ({"limit": "low"}, "model m: limit takes float or none, not 'low'"),
        ({"cout": "3"}, "model m has no option 'cout'"),
        ({"a": 1, "b": 2}, "model m has no options 'a', 'b'"),
    ],
)
def test_a_wrong_option_is_a_usage_error(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        check_options(given, OPTIONS, where="model m")
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_old_names_of_options_work_with_a_warning() -> None:
    said: list[str] = []
    found = check_options({"number": "3"}, OPTIONS, where="model m", renamed={"number": "count"}, warn=said.append)
    assert found == {"count": 3}
    assert said == ["model m: option 'number' is now called 'count'"]
    with pytest.raises(UsageError, match="count is given twice"):
        check_options({"count": 1, "number": 2}, OPTIONS, where="model m", renamed={"number": "count"})


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["height"], "-o takes K=V, not 'height'"),
        (["=3"], "-o takes K=V, not '=3'"),
        (["a=1", "a=2"], "-o a is given twice"),
        (["a-b=1", "a_b=2"], "-o a_b is given twice"),
    ],
)
def test_pairs_that_are_none(pairs: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_pairs(pairs, flag="-o")


def test_pairs() -> None:
    assert parse_pairs(["a-b=1", "path=x=y", "empty="], flag="-o") == {"a_b": "1", "path": "x=y", "empty": ""}


def _unreadable(*, height: Missing = 3) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Its type cannot be imported."""


def _positional(height: int = 3) -> None:
    """Its parameter can be passed by position."""


def _untyped(*, height=3) -> None:  # type: ignore[no-untyped-def]
    """Its parameter has no type."""


def _two_types(*, height: int | str = 3) -> None:
    """Its parameter has two types."""


def _no_text(*, height: dict[str, int] = {}) -> None:  # noqa: B006
    """Its parameter cannot be written as K=V."""


def _wrong_default(*, height: int = "3") -> None:  # type: ignore[assignment]
    """Its default is not of its type."""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_positional, "model m: parameter 'height' of _positional must be keyword-only"),
        (_untyped, "model m: option 'height' of _untyped has no type"),
        (_unreadable, "model m: the type of an option cannot be read: name 'Missing' is not defined"),
        (_two_types, "model m: option 'height' has more than one type"),
        (_no_text, "model m: option 'height' has no type that can be written as K=V"),
        (_wrong_default, "model m: height takes int, not '3'"),
    ],
)
def test_a_signature_that_is_no_schema(function: Callable[..., None], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        options_of_signature(function, where="model m")


def test_a_dataclass_with_a_field_that_needs_a_value() -> None:
    made = dataclasses.make_dataclass(
        "Made", [("epochs", int), ("names", tuple[str, ...], dataclasses.field(default=()))]
    )
    required, names = options_of_dataclass(made, where="trainer t")
    assert required.required
    assert names == Option(name="names", type="str...", default=())
