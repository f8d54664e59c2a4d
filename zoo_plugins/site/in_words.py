"""What goes into a file and how it is made, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo_core import Preprocess, ZooError

from . import numbers
from .facts import mapping_in, text

_COLOURS = {"RGB": "in colour: red, green, blue", "BGR": "in colour: blue, green, red", "L": "in grey"}
_AXES = {"NCHW": "picture, channel, row, column", "NHWC": "picture, row, column, channel"}


def preprocessing(metadata: Mapping[str, Any]) -> list[str]:
    """How what people have becomes the inputs, a sentence for each step; empty where inputs are taken as they are."""
    sentences = list(_picture(metadata.get("preprocess")))
    for name, recipe in mapping_in(metadata, "recipes").items():
        if isinstance(recipe, dict):
            sentences.append(_recipe(str(name), recipe))
    return sentences


def signature(metadata: Mapping[str, Any]) -> list[dict[str, str]]:
    """A row for each input and output: `role`, `name`, `dtype`, `axes` and `range`."""
    rows = []
    for role in ("input", "output"):
        for name, tensor in mapping_in(metadata, f"{role}s").items():
            if isinstance(tensor, dict):
                rows.append({"role": role, "name": str(name), **_tensor(tensor)})
    return rows


def _tensor(tensor: Mapping[str, Any]) -> dict[str, str]:
    axes = tensor.get("axes")
    shown = f"({', '.join(map(str, axes))})" if isinstance(axes, list) else ""
    low, high = tensor.get("low"), tensor.get("high")
    within = "" if low is None or high is None else f"{low} to {high}"
    return {"dtype": text(tensor, "dtype") or "float32", "axes": shown, "range": within}


def _picture(data: object) -> Iterator[str]:
    if not isinstance(data, dict):
        return
    try:
        recipe = Preprocess.from_json(data)
    except ZooError:
        return
    yield f"The picture is read {_COLOURS[recipe.color]}."
    if isinstance(recipe.resize, int):
        yield f"Its shorter side is resized to {recipe.resize} pixels ({recipe.interpolation}, as Pillow does)."
    elif recipe.resize is not None:
        height, width = recipe.resize
        yield f"It is resized to {width} by {height} pixels, width by height ({recipe.interpolation}, as Pillow does)."
    else:
        yield "It keeps its own size."
    if recipe.crop is not None:
        yield f"The middle {recipe.crop[1]} by {recipe.crop[0]} pixels are kept."
    yield f"Values from 0 to 255 are multiplied by {_factor(recipe.scale)}."
    if any(recipe.mean) or any(each != 1.0 for each in recipe.std):
        mean, std = (", ".join(f"{each:g}" for each in values) for values in (recipe.mean, recipe.std))
        yield f"Then {mean} is taken away, and the rest divided by {std}{_each(recipe)}."
    yield f"The axes are {_AXES[recipe.layout]}."


def _each(recipe: Preprocess) -> str:
    return ", one for each channel" if len(recipe.mean) > 1 or len(recipe.std) > 1 else ""


def _factor(scale: float) -> str:
    return "1/255" if abs(scale * 255 - 1) < 1e-9 else numbers.short(scale)


def _recipe(name: str, recipe: Mapping[str, Any]) -> str:
    fields = mapping_in(recipe, "fields")
    told = ", ".join(f"{key} {_value(value)}" for key, value in fields.items() if value not in (None, "", [], {}))
    learnt = ", with what it has learnt of the training part" if mapping_in(recipe, "learnt") else ""
    return f"{name} is made by the recipe {text(recipe, 'recipe')}{learnt}{f': {told}' if told else ''}."


def _value(value: object) -> str:
    shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return shown if len(shown) <= 120 else f"{shown[:119]}…"
