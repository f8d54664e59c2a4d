"""docs/metadata.schema.json: what files say of themselves is what the schema says, and nothing else."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign_readers import FILES
from jsonschema import Draft202012Validator
from onnx_files import brightness_metadata
from shared import shared

from zoo_core import Preprocess, TensorSpec
from zoo_core.recipe_spec import Recipe
from zoo_core.runtime import Metadata
from zoo_core.runtime.reading.metadata_seal import SEAL
from zoo_core.runtime.reading.wire import read_onnx
from zoo_core.shapes import DTYPES
from zoo_core.verification.expect.bounds import bound_output
from zoo_core.verification.expect.recipe_test import KEY as RECIPES
from zoo_core.verification.expect.recipe_test import recipe_tests
from zoo_core.verification.expect.selection_test import selection_expectations
from zoo_core.verification.expect.selections import choice_of
from zoo_core.verification.expect.self_test import expectations, input_draws

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads(ROOT.joinpath("docs", "metadata.schema.json").read_text(encoding="utf-8"))


def closed(schema: Any) -> Any:
    """The same schema that knows nothing beyond what it names: what is new in a file must be told there, too."""
    if isinstance(schema, list):
        return list(map(closed, schema))
    if not isinstance(schema, dict):
        return schema
    parts = {key: part if key == "allOf" else closed(part) for key, part in schema.items()}
    whole = schema is SCHEMA["$defs"]["case"] or not {"properties", "$ref"} & set(schema)
    return parts if whole else {**parts, "unevaluatedProperties": False}


STRICT = Draft202012Validator(closed(SCHEMA))
OPEN = Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator.check_schema(closed(SCHEMA))


def told(place: dict[str, Any]) -> set[str]:
    """The names of fields, each with words or a kind of its own that has them."""
    assert all("description" in field or "$ref" in field for field in place["properties"].values())
    return set(place["properties"])


def test_every_field_is_told_with_the_default_that_it_has() -> None:
    fields = {field.name: field for field in dataclasses.fields(Metadata)}
    assert told(SCHEMA) == set(fields)
    assert set(SCHEMA["required"]) == {"schema", "name", "task", "inputs", "outputs"}
    smallest = Metadata(name="a", task="b", inputs={}, outputs={})
    for name, field in SCHEMA["properties"].items():
        if name not in SCHEMA["required"]:
            value = getattr(smallest, name)
            assert (list(value) if isinstance(value, tuple) else value) == field["default"], name
    assert told(SCHEMA["$defs"]["preprocess"]) == {field.name for field in dataclasses.fields(Preprocess)}
    for name, field in SCHEMA["$defs"]["preprocess"]["properties"].items():
        assert field["default"] == Preprocess().to_json()[name], name
    assert tuple(SCHEMA["$defs"]["dtype"]["enum"]) == DTYPES
    recipe = Recipe("table", source="row", plugin="a:b", learnt={"mean": 1.0}, field=1).to_json()
    assert told(SCHEMA["$defs"]["recipe"]) == set(recipe)


def self_test() -> dict[str, Any]:
    """What an export puts into a file, by its own functions."""
    values = np.linspace(0.1, 1, 9).reshape(3, 3)
    draw = input_draws({"image": (3, 1, 4, 4)}, ranges={"image": (-1, 1)}, dtypes={"image": "float32"}, seed=5)
    bound = bound_output("logits", float32=values.astype(np.float32), float64=values)
    test = expectations(draw, {"logits": bound}, seed=5)
    return {**test, "others": [copy.deepcopy(test)]}


def choosing_test() -> dict[str, Any]:
    found = {"boxes": np.array([[0.0, 1, 2, 3]], np.float32), "labels": np.array([3])}
    draw = input_draws({"image": (2, 3, 4, 4)}, ranges={"image": (0, 1)}, dtypes={"image": "float32"}, seed=5)
    choice = choice_of({**found, "boxes": found["boxes"].astype(np.float64)}, found, [])
    return {**draw, **selection_expectations([choice, choice])}


def with_recipes() -> Metadata:
    columns = [{"name": "size", "kind": "number", "mean": 1.5, "std": 0.5}]
    recipes = {"text": Recipe("text", source="said"), "row": Recipe("table", learnt={"columns": columns})}
    return brightness_metadata(
        preprocess=None,
        inputs={"text": TensorSpec("N", 8, dtype="int64", low=0, high=90), "row": TensorSpec("N", 1)},
        recipes=recipes,
        recipe_files={"text": {"tokenizer": {"file": "tokenizer.json", "sha256": "0" * 64}}},
        self_test={**self_test(), RECIPES: recipe_tests({"wave": Recipe("waveform", seconds=0.02)})},
    )


def in_the_sample() -> dict[str, Any]:
    file = read_onnx(ROOT / "exported" / "lenet5-digits" / "model.onnx")
    said: dict[str, Any] = json.loads(file.metadata_props["zoo"])
    return said


MADE: dict[str, Callable[[], dict[str, Any]]] = {
    "the finished sample": in_the_sample,
    "a classifier": lambda: plain(brightness_metadata(self_test={**self_test(), SEAL: "0" * 64})),
    "a detector": lambda: plain(brightness_metadata(self_test=choosing_test(), outputs={"boxes": TensorSpec("K", 4)})),
    "without a test": lambda: plain(brightness_metadata()),
    "recipes": lambda: plain(with_recipes()),
    "all that can be said": lambda: plain(
        brightness_metadata(
            layer="features",
            largest={"H": 9},
            task_plugin="zoo-other:task",
            task_settings={"threshold": 0.3},
            run="a-run",
            weights="IMAGENET",
            inputs={"image": TensorSpec("N", 3, "16*H", "H+2", low=0.0, high=1.0, hard=True)},
            preprocess=Preprocess(resize=9, crop=(8, 8), mean=(0, 0, 0)),
            dataset={"name": "d", "plugin": "a:b", "options": {}, "fingerprint": "", "fingerprints": {"train": "f"}},
        )
    ),
}


def plain(metadata: Metadata) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(metadata.to_json())
    return said


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_what_files_say_is_what_the_schema_says(made: Callable[[], dict[str, Any]]) -> None:
    STRICT.validate(made())


def test_recipes_with_examples_are_told() -> None:
    assert with_recipes().self_test[RECIPES], "nothing to look at"  # type: ignore[index]


CHANGES: dict[str, tuple[str, Any]] = {
    "another schema": ("schema", 2),
    "no inputs": ("inputs", {}),
    "an axis of no size": ("inputs", {"x": {"axes": [0]}}),
    "an axis that is no name": ("inputs", {"x": {"axes": ["N*"]}}),
    "an unknown dtype": ("inputs", {"x": {"axes": [1], "dtype": "object"}}),
    "a label twice": ("labels", ["a", "a"]),
    "a crop of one side": ("preprocess", {"crop": [2]}),
    "a colour": ("preprocess", {"color": "CMYK"}),
    "an end below 1": ("largest", {"H": 0}),
    "a file elsewhere": ("recipe_files", {"x": {"learnt": {"file": "../a.json", "sha256": "0" * 64}}}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_the_zoo_refuses_the_schema_refuses(name: str) -> None:
    key, value = CHANGES[name]
    said = plain(brightness_metadata())
    assert OPEN.is_valid(said)
    assert not OPEN.is_valid({**said, key: value})
    with pytest.raises(ValueError):
        Metadata.from_json(json.dumps({**said, key: value}))


@pytest.mark.slow  # files that the tests of foreign readers export
@pytest.mark.parametrize("name", FILES)
def test_what_exports_say_is_what_the_schema_says(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    from foreign_models import export_for_readers

    bundle = shared(tmp_path_factory, f"foreign-{name}", lambda folder: export_for_readers(name, folder)) / name
    said = json.loads(read_onnx(bundle / "model.onnx").metadata_props["zoo"])
    STRICT.validate(said)
    assert said["self_test"]["seal"]


def test_a_new_field_is_no_fault_but_must_be_told() -> None:
    for place in (lambda said: said, lambda said: said["preprocess"], lambda said: said["self_test"]["others"][0]):
        said = plain(brightness_metadata(self_test=self_test()))
        place(said)["new"] = 1
        assert OPEN.is_valid(said)
        assert not STRICT.is_valid(said)
