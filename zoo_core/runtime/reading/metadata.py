"""What an exported file says about itself: one JSON object under the key `zoo` of its metadata."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_INPUT_ELEMENTS, MAX_OWN_WORDS_BYTES
from zoo_core.recipe_spec import Recipe
from zoo_core.records import to_plain
from zoo_core.shapes import TensorSpec
from zoo_core.spec_names import check_name
from zoo_core.specs import Preprocess

from .own_words import KEY as KEY
from .recipe_files import RecipeFiles, checked_recipe_files, with_recipe_files
from .strict_json import load_strict
from .wire import OnnxFile, refused

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Everything that is needed to use the file, and where it comes from.

    `dataset` is `{name, plugin, options, fingerprint, fingerprints}` (options without `root`). `self_test` belongs to
    `zoo_core.verification`. `layer`: the part of the model whose output this file gives; None for the whole model.
    `largest`: where free axes end. `task_plugin`: the plugin that offers the task, `dist:entry`; empty for a bundled
    one. `task_settings`: what was chosen for these weights, such as thresholds. `recipes`: how each input that is no
    picture is made, and what was learnt for it of the training part. `recipe_files`: which parts of that lie beside the
    file, `{input: {part: {file, sha256}}}`; `read_metadata` puts them in their place. `baked`: what `preprocess` says
    is done by the file itself, which takes pictures as they are: uint8 (N, height, width, 3), RGB.
    """

    name: str
    task: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    labels: tuple[str, ...] = ()
    preprocess: Preprocess | None = None
    model: str = ""
    model_plugin: str = ""
    source: str = ""
    license: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    dataset: Mapping[str, Any] | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None
    weights: str | None = None
    opset: int = 0
    untrained: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    self_test: Mapping[str, Any] | None = None
    layer: str | None = None
    largest: Mapping[str, int] = field(default_factory=dict)
    task_plugin: str = ""
    task_settings: Mapping[str, Any] = field(default_factory=dict)
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    recipe_files: RecipeFiles = field(default_factory=dict)
    baked: bool = False
    schema: int = SCHEMA

    @property
    def needs_plugin(self) -> bool:
        """Whether its answers or its inputs are made by code of a plugin that is not bundled."""
        return bool(self.task_plugin) or any(recipe.plugin for recipe in self.recipes.values())

    @property
    def rows_are_independent(self) -> bool:
        """Whether rows of several requests may run together: what the check proved for the axis N, which every input
        and output has first and nowhere else."""
        return all(
            spec.axes[:1] == ("N",) and all(axis.name != "N" for axis in spec.parsed[1:])
            for spec in (*self.inputs.values(), *self.outputs.values())
        )

    def to_json(self) -> str:
        """The JSON text that goes into the file, the same for equal metadata. Raises ZooError if it is too long."""
        plain = {
            **to_plain({name: getattr(self, name) for name in ("schema", *_KINDS) if name not in _SPECS}),
            "inputs": {name: spec.to_json() for name, spec in self.inputs.items()},
            "outputs": {name: spec.to_json() for name, spec in self.outputs.items()},
            "preprocess": self.preprocess.to_json() if self.preprocess else None,
            "recipes": {name: self._recipe(name).to_json() for name in self.recipes},
        }
        for name in _UNLESS_SAID:
            if not getattr(self, name):
                del plain[name]  # such a file is also read by a zoo that does not know the word
        try:
            text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            load_strict(text)
        except (TypeError, ValueError) as error:
            raise ZooError(
                f"the metadata of {self.name!r} cannot be written: {error}",
                hint=f"plain JSON values, no control characters, at most {MAX_OWN_WORDS_BYTES:,} bytes",
            ) from None
        return text

    def _recipe(self, name: str) -> Recipe:
        """The recipe of an input as it stands in the file: without what lies beside it."""
        recipe, beside = self.recipes[name], self.recipe_files.get(name, {})
        return recipe.changed(learnt={part: value for part, value in recipe.learnt.items() if part not in beside})

    @classmethod
    def from_json(cls, text: str) -> Metadata:
        """The inverse of `to_json`, but for what lies beside the file.

        Raises ValueError that says in words what is wrong with the text.
        """
        data = load_strict(text)
        schema = data.get("schema")
        if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
            raise ValueError(f"schema is a version number, not {schema!r}")
        if schema > SCHEMA:
            raise ValueError(f"it has schema {schema}, and this zoo reads up to {SCHEMA}: upgrade zoo-core")
        known = {f.name for f in dataclasses.fields(cls)}
        if unknown := set(data) - known:
            raise ValueError(f"unknown field {', '.join(sorted(unknown))}")
        for name, (kind, words) in _KINDS.items():
            value = data.get(name)
            if name in data and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
                raise ValueError(f"{name} is {words}, not {str(value)[:60]!r}")
        if missing := {"name", "task", "inputs", "outputs"} - set(data):
            raise ValueError(f"{', '.join(sorted(missing))} is missing")
        metadata = cls(**{**data, **_structured(data)})
        if metadata.baked and not _takes_pictures(metadata):
            raise ValueError("baked: such a file has a recipe, and takes uint8 (N, height, width, 3) alone")
        return metadata


def _takes_pictures(metadata: Metadata) -> bool:
    """Whether the only input is a batch of pictures as they are, for which there is a recipe."""
    (spec, *others) = metadata.inputs.values()
    is_picture = spec.dtype == "uint8" and len(spec.axes) == 4 and spec.axes[3] == 3
    return metadata.preprocess is not None and not metadata.recipes and not others and is_picture


_SPECS = ("inputs", "outputs", "preprocess", "recipes")
_OPTIONAL = type(None)
_KINDS: Mapping[str, tuple[Any, str]] = {
    "name": (str, "a text"),
    "task": (str, "a text"),
    "labels": (list, "a list"),
    "inputs": (dict, "an object"),
    "outputs": (dict, "an object"),
    "preprocess": ((dict, _OPTIONAL), "an object or null"),
    "model": (str, "a text"),
    "model_plugin": (str, "a text"),
    "source": (str, "a text"),
    "license": (str, "a text"),
    "options": (dict, "an object"),
    "dataset": ((dict, _OPTIONAL), "an object or null"),
    "metrics": (dict, "an object"),
    "run": ((str, _OPTIONAL), "a text or null"),
    "weights": ((str, _OPTIONAL), "a text or null"),
    "opset": (int, "a number"),
    "untrained": (bool, "true or false"),
    "versions": (dict, "an object"),
    "self_test": ((dict, _OPTIONAL), "an object or null"),
    "layer": ((str, _OPTIONAL), "a text or null"),
    "largest": (dict, "an object"),
    "task_plugin": (str, "a text"),
    "task_settings": (dict, "an object"),
    "recipes": (dict, "an object"),
    "recipe_files": (dict, "an object"),
    "baked": (bool, "true or false"),
}
_UNLESS_SAID = ("layer", "largest", "task_plugin", "task_settings", "recipes", "recipe_files", "baked")


def _structured(data: Mapping[str, Any]) -> dict[str, Any]:
    try:
        check_name(data["task"], where="task")
    except ZooError as error:
        raise ValueError(error.message) from None
    labels = data.get("labels", [])
    if not all(isinstance(label, str) for label in labels):
        raise ValueError("labels are texts")
    if len(set(labels)) != len(labels):
        raise ValueError("a label appears twice")
    sizes = data.get("largest", {}).values()
    if not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise ValueError("largest: sizes are whole numbers above 0")
    try:
        recipes = _recipes(data.get("recipes", {}), data["inputs"])
        return {
            "labels": tuple(labels),
            "inputs": _tensors(data["inputs"], "inputs"),
            "outputs": _tensors(data["outputs"], "outputs"),
            "preprocess": None if data.get("preprocess") is None else _preprocess(data["preprocess"]),
            "recipes": recipes,
            "recipe_files": checked_recipe_files(data.get("recipe_files", {}), recipes),
        }
    except ZooError as error:
        raise ValueError(error.message) from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"a value has the wrong type: {error}") from None


def _tensors(data: Mapping[str, Any], what: str) -> dict[str, TensorSpec]:
    if not data:
        raise ValueError(f"{what} are empty")
    for name, spec in data.items():
        if not _numbers([spec[key] for key in ("low", "high") if spec.get(key) is not None]):
            raise ValueError(f"{what}: the range of {name!r} is not a number")
    specs = {name: TensorSpec.from_json(spec) for name, spec in data.items()}
    for name, spec in specs.items():
        if math.prod(axis.size or 1 for axis in spec.parsed) > MAX_INPUT_ELEMENTS:
            raise ValueError(f"{what}: {name!r} has more than {MAX_INPUT_ELEMENTS:,} numbers: {spec}")
    return specs


def _recipes(data: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Recipe]:
    if unknown := data.keys() - inputs.keys():
        raise ValueError(f"recipes: there is no input {min(unknown)!r}")
    return {name: Recipe.from_json(recipe) for name, recipe in data.items()}


def _preprocess(data: Mapping[str, Any]) -> Preprocess:
    for key, count in (("mean", None), ("std", None), ("resize", 2), ("crop", 2)):
        values = data.get(key)
        if values is None or (key == "resize" and _numbers([values])):
            continue
        if not isinstance(values, list) or not _numbers(values) or (count and len(values) != count):
            raise ValueError(f"preprocess: {key} cannot be {str(values)[:60]}")
    if not _numbers([data.get("scale", 1)]):
        raise ValueError(f"preprocess: scale cannot be {str(data['scale'])[:60]}")
    recipe = Preprocess.from_json(data)
    recipe.check_sizes()
    return recipe


def _numbers(values: list[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def read_metadata(file: OnnxFile) -> Metadata:
    """The metadata of a file, with what lies beside it. Raises ZooError if there are none, RefusedFileError if they are
    damaged or hostile, or if a file beside it is not that of the export."""
    metadata = own_description(file)
    if not metadata.recipe_files:
        return metadata
    whole = with_recipe_files(metadata.recipes, metadata.recipe_files, path=file.path)
    return dataclasses.replace(metadata, recipes=whole)


def own_description(file: OnnxFile) -> Metadata:
    """The metadata as they stand in the file itself. Raises as `read_metadata`."""
    text = file.metadata_props.get(KEY)
    if text is None:
        raise no_metadata(file.path)
    try:
        return Metadata.from_json(text)
    except ValueError as error:
        raise refused(file.path, "metadata", f"its own description cannot be read: {error}") from None


def no_metadata(path: Path) -> ZooError:
    """The error for a good ONNX file that no `zoo export` has written."""
    return ZooError(
        f"{path} is an ONNX file without our metadata: its task, labels and preprocessing are not known",
        hint="write it with `zoo export`, or run it directly with onnxruntime.InferenceSession",
    )
