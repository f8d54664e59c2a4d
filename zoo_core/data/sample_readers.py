"""Reading samples one by one, in any process: what was read, its hash, and the row that it is kept as."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError, in_words
from zoo_core.pictures import content_of, read_picture
from zoo_core.plugin_faults import plugin_line
from zoo_core.preprocess import resize_picture
from zoo_core.recipes import InputRecipe, Recipe, as_implementation, bytes_of, read_given
from zoo_core.specs import Preprocess

from .hashing import hash_array

Asked: TypeAlias = str | int
"""Which sample: the path of its file, or its number in a stream."""

Size: TypeAlias = tuple[int, int] | None
"""Of a picture before it was resized, (H, W); None of everything else."""


@dataclass(frozen=True, kw_only=True)
class SampleReader:
    """How samples are read and made into rows.

    `recipes`: what makes each input, by its name; None where it is given as the model takes it, in the dtype of
    `dtypes`. `sources`: what each is made of, where a sample has several parts. `misnamed`: as in FileSplit. `opener`:
    what opens a stream, "module:function", with its `arguments`; empty for files.
    """

    recipes: Mapping[str, InputRecipe | None]
    sources: Mapping[str, str]
    dtypes: Mapping[str, str]
    misnamed: bool = False
    opener: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    opened: Callable[[int], Any] | None = None

    def describe(self) -> dict[str, Any]:
        """Plain JSON, from which another process makes the same reader."""
        recipes = {name: None if recipe is None else _as_json(recipe) for name, recipe in self.recipes.items()}
        kept = {"sources": dict(self.sources), "dtypes": dict(self.dtypes), "misnamed": self.misnamed}
        return {"recipes": recipes, **kept, "opener": self.opener, "arguments": dict(self.arguments)}

    @cached_property
    def key(self) -> str:
        """The same for readers that are described alike."""
        return hashlib.sha256(json.dumps(self.describe(), sort_keys=True).encode()).hexdigest()

    @cached_property
    def decides(self) -> str:
        """What decides, beside its content, what row is made of a sample: the geometry of pictures, and no scale, mean
        or deviation, which come batch by batch."""
        known = self.describe()
        for recipe in known["recipes"].values():
            if recipe is not None and "preprocess" in recipe:
                for name in ("scale", "mean", "std", "layout"):
                    del recipe["preprocess"][name]
        return json.dumps({name: known[name] for name in ("recipes", "sources", "dtypes", "misnamed")}, sort_keys=True)

    def content(self, asked: Asked) -> Any:
        """What is there of a sample: bytes of a file, or what the stream gives. Raises ZooError where it cannot be
        read."""
        if isinstance(asked, str):
            recipe = next(iter(self.recipes.values()))
            return content_of(Path(asked)) if recipe is None or recipe.preprocess else bytes_of(Path(asked), recipe)
        try:
            found = self._stream(asked)
        except ZooError:
            raise
        except Exception as error:
            place = plugin_line(error)
            told = f"sample {asked} cannot be read from its stream: {in_words(error)}{place and f', at {place}'}"
            raise ZooError(told, hint=f"mend {place}" if place else None) from error
        if found is None:
            hint = "what the reader of a StreamSplit returns is called with a number, and returns that sample"
            raise ZooError(f"sample {asked} cannot be read from its stream, which gives None", hint=hint)
        return content_of(found) if isinstance(found, Path) else found

    @cached_property
    def _stream(self) -> Callable[[int], Any]:
        if self.opened is not None:
            return self.opened
        module, _, function = self.opener.partition(":")
        stream: Callable[[int], Any] = getattr(importlib.import_module(module), function)(**self.arguments)
        return stream

    def row(self, content: Any, asked: Asked) -> tuple[dict[str, NDArray[Any]], Size]:
        """The arrays of one sample by the names of the inputs, and the size of its picture. Raises ZooError."""
        name = asked if isinstance(asked, str) else f"sample {asked}"
        arrays: dict[str, NDArray[Any]] = {}
        size: Size = None
        for each, recipe in self.recipes.items():
            given = content[self.sources[each]] if isinstance(content, Mapping) and self.sources else content
            if recipe is None:
                arrays[each] = _declared(given, self.dtypes[each], name=name)
            elif recipe.preprocess is not None and isinstance(given, bytes):
                pixels = read_picture(given, color=recipe.preprocess.color, name=name, misnamed=self.misnamed)
                size = size or (pixels.shape[0], pixels.shape[1])
                arrays[each] = resize_picture(pixels, recipe.preprocess).transpose(2, 0, 1)
            else:
                arrays[each] = recipe.stack([read_given(recipe, given, name=name)])[0]
        return arrays, size


def reader_from(described: Mapping[str, Any]) -> SampleReader:
    """The inverse of `SampleReader.describe`."""
    recipes = {name: None if each is None else _from_json(each) for name, each in described["recipes"].items()}
    return SampleReader(**{**described, "recipes": recipes})


def digest_of(content: Any) -> bytes:
    """The sha256 of what was read of a sample, the same on every machine."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).digest()
    digest = hashlib.sha256()
    if isinstance(content, Mapping):
        for name in sorted(content):
            digest.update(name.encode() + digest_of(content[name]))
    elif isinstance(content, str):
        digest.update(content.encode("utf-8", "surrogatepass"))
    else:
        hash_array(np.asarray(content), digest)
    return digest.digest()


def _as_json(recipe: InputRecipe) -> dict[str, Any]:
    return recipe.to_json() if recipe.preprocess is None else {"preprocess": recipe.preprocess.to_json()}


def _from_json(data: Mapping[str, Any]) -> InputRecipe:
    if "preprocess" in data:
        return as_implementation(Preprocess.from_json(data["preprocess"]))
    return as_implementation(Recipe.from_json(data))


def _declared(given: Any, dtype: str, *, name: str) -> NDArray[Any]:
    array = np.asarray(given)
    if array.dtype != dtype:
        raise ZooError(f"{name} is {array.dtype}, and the dataset declares {dtype}", hint=f".astype(np.{dtype})")
    return array
