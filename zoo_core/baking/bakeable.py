"""What a file looks like that prepares its pictures itself, and which models cannot be made one, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zoo_core.errors import UsageError, ZooError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.shapes import TensorSpec
from zoo_core.specs import Preprocess
from zoo_core.verification.feed.sizes import sizes_of

LARGEST_SIDE = 8192
"""Pixels of a side that such a file takes: a photograph of 67 megapixels needs about 2 GB of memory."""
HEIGHT, WIDTH = "H", "W"
"""The free axes of pictures of any size."""
_WITHOUT = "leave out --bake-preprocess"


@dataclass(frozen=True, kw_only=True)
class Interface:
    """What callers see of such a file. `bound`: sizes of the model's free axes that its recipe fixes; `smallest` and
    `largest`: where those begin and end that stay free."""

    name: str
    recipe: Preprocess
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    smallest: Mapping[str, int]
    largest: Mapping[str, int]
    bound: Mapping[str, int]

    @property
    def picture(self) -> TensorSpec:
        """Its only input."""
        return self.inputs[self.name]


def require_bakeable(plan: ExportPlan) -> None:
    """Raise UsageError, with the reason, for a model whose preparation cannot be a part of its file."""
    model, recipe = plan.model.name, plan.preprocess
    if recipe is None:
        raise UsageError(
            f"{model} takes no pictures: there is no preprocessing to bake into its file",
            hint=f"if it does, their preparation comes with the dataset: name a run of it. Otherwise {_WITHOUT}",
        )
    if len(plan.inputs) != 1 or plan.recipes:
        told = ", ".join(plan.inputs)
        raise UsageError(f"{model} has the inputs {told}: only files with one picture a sample can bake", hint=_WITHOUT)
    (name, spec), *_ = plan.inputs.items()
    channels = spec.axes[1 if recipe.layout == "NCHW" else 3] if len(spec.axes) == 4 else None
    if channels != recipe.channels or spec.dtype != "float32":
        wanted = "(N, C, height, width)" if recipe.layout == "NCHW" else "(N, height, width, C)"
        raise UsageError(
            f"{model}: input {name!r} is {spec.dtype} {spec}, and what is baked in gives float32 {wanted} with "
            f"C={recipe.channels}",
            hint=_WITHOUT,
        )
    if plan.model.spec.stages is not None:
        raise UsageError(
            f"{model} chooses what it finds inside its file, in pixels of the prepared picture: its preparation stays "
            "outside, which knows the way back to the picture itself",
            hint=_WITHOUT,
        )
    if sum(tensor.nbytes for tensor in plan.checkpoint.values()) >= plan.largest_file:
        raise UsageError(f"{model} has more than 2 GB of weights, and what is baked is one file", hint=_WITHOUT)
    _require_room(recipe, model)


def _require_room(recipe: Preprocess, model: str) -> None:
    """Raise UsageError for a crop that some pictures, or all, are too small for once they are resized."""
    if recipe.crop is None or recipe.resize is None:
        return
    sides = (recipe.resize, recipe.resize) if isinstance(recipe.resize, int) else recipe.resize
    if any(cut > side for cut, side in zip(recipe.crop, sides, strict=True)):
        shown = recipe.resize if isinstance(recipe.resize, int) else " x ".join(map(str, recipe.resize))
        raise UsageError(
            f"{model}: its recipe resizes to {shown} and then cuts {recipe.crop[0]} x {recipe.crop[1]} out of that, "
            "which cannot be for every picture",
            hint=f"a larger resize in its Preprocess; or {_WITHOUT}",
        )


def interface_of(metadata: Metadata, *, smallest: Mapping[str, int]) -> Interface:
    """What the file becomes, of whose model these are the metadata; `smallest` as its spec declares it.

    Raises ZooError where recipe and input differ.
    """
    recipe = metadata.preprocess
    if recipe is None:
        raise ZooError(f"{metadata.name} takes no pictures")
    (name, spec), *_ = metadata.inputs.items()
    batch, sides = spec.axes[0], spec.axes[2:] if recipe.layout == "NCHW" else spec.axes[1:3]
    if recipe.size is None:
        picture = TensorSpec(batch, *sides, 3, dtype="uint8")
        largest = {**_ends(picture), **metadata.largest}
        return Interface(
            name=name,
            recipe=recipe,
            inputs={name: picture},
            outputs=metadata.outputs,
            smallest=smallest,
            largest=largest,
            bound={},
        )
    return _of_any_size(metadata, name, spec, recipe)


def _ends(picture: TensorSpec) -> dict[str, int]:
    """Where the free sides of pictures end that keep their own size."""
    return {str(axis.name): (LARGEST_SIDE - axis.offset) // axis.factor for axis in picture.parsed[1:3] if axis.name}


def _of_any_size(metadata: Metadata, name: str, spec: TensorSpec, recipe: Preprocess) -> Interface:
    height, width = recipe.size or (0, 0)
    shape = (1, recipe.channels, height, width) if recipe.layout == "NCHW" else (1, height, width, recipe.channels)
    bound = {axis: size for axis, size in sizes_of({name: shape}, {name: spec}).items() if axis != spec.axes[0]}
    picture = TensorSpec(spec.axes[0], HEIGHT, WIDTH, 3, dtype="uint8")
    outputs = {each: told.bind(bound) for each, told in metadata.outputs.items()}
    rest = {axis: size for axis, size in metadata.largest.items() if axis not in bound}
    return Interface(
        name=name,
        recipe=recipe,
        inputs={name: picture},
        outputs=outputs,
        smallest={},
        largest={**rest, HEIGHT: LARGEST_SIDE, WIDTH: LARGEST_SIDE},
        bound=bound,
    )
