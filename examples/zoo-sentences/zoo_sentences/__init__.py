"""Texts: the fortunes of Debian by their categories, their form as a recipe, and a small model for both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core import DatasetSpec, ModelSpec, Recipe, RecipeSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

    from .form import TextForm
    from .net import WordBag

CATEGORIES = (
    *("art", "computers", "definitions", "food", "law", "literature"),
    *("politics", "science", "songs-poems", "startrek", "work", "zippy"),
)
SPLITS = ("train", "validation", "test")


def fortunes(
    root: Path,
    *,
    split: str,
    download: bool,
    length: int = 128,
    most: int = 5000,
    least: int = 2,
) -> ArraySplit:
    """The texts of a split, each with the number of its category.

    `root` holds the files where it is there; else those that are installed are read. `length`, `most` and `least` are
    fields of the recipe "text".
    """
    from .files import read_fortunes  # numpy is needed only when they are read

    return read_fortunes(root, split, categories=CATEGORIES)


def text_form() -> TextForm:
    """What a text looks like, float32 (N, 24): its lines, words, capitals, digits and marks as log(1 + count)."""
    from .form import TextForm

    return TextForm()


def wordbag(
    *,
    vocabulary: int = 5002,
    length: int = 128,
    features: int = 24,
    width: int = 64,
    heads: int = 4,
    dropout: float = 0.5,
    num_classes: int = 2,
) -> WordBag:
    """Words as learnt vectors, averaged by learnt weights, `heads` times, and their form; logits (N, num_classes)."""
    from .net import WordBag  # torch lives there, and is needed only when a model is built

    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is from 0 to below 1, not {dropout}")
    return WordBag(vocabulary, features, num_classes, width=width, heads=heads, dropout=dropout)


@hookimpl
def zoo_recipes() -> Iterator[RecipeSpec]:
    yield RecipeSpec(
        name="text-form",
        summary="what a text looks like: counts of lines, words, capitals and marks",
        load=text_form,
        suffixes=(".txt",),
    )


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    words: dict[str, Any] = {"source": "text", "length": 128, "most": 5000, "least": 2}
    inputs = {
        "tokens": TensorSpec("N", "length", dtype="int64", low=0),
        "mask": TensorSpec("N", "length", dtype="bool"),
    }
    recipes = {name: Recipe("text", gives=name, **words) for name in inputs}
    shared: dict[str, Any] = {
        "task": "text-classification",
        "classes": CATEGORIES,
        "splits": SPLITS,
        "needs": ("tokenizers",),
        "source": "https://packages.debian.org/stable/fortunes",
        "license": "BSD-3-Clause",
    }
    yield DatasetSpec(
        name="fortunes",
        load=fortunes,
        summary="12 categories of Debian's fortunes: apt-get install fortunes, or -d root=DIR",
        inputs=inputs,
        recipes=recipes,
        **shared,
    )
    yield DatasetSpec(
        name="fortunes-form",
        load=fortunes,
        summary="the same texts, and what they look like",
        inputs={**inputs, "form": TensorSpec("N", 24)},
        recipes={**recipes, "form": Recipe("text-form", source="text")},
        **shared,
    )


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="wordbag",
        build=wordbag,
        task="text-classification",
        summary="words, averaged by learnt weights, and the form of a text",
        inputs={
            "tokens": TensorSpec("N", "length", dtype="int64", low=0, high="vocabulary"),
            "mask": TensorSpec("N", "length", dtype="bool"),
            "form": TensorSpec("N", "features", low=0.0, high=18.0),
        },
        outputs={"logits": TensorSpec("N", "num_classes")},
        source="https://arxiv.org/abs/1607.01759",
        license="Apache-2.0",
        recipe={"epochs": 8, "batch_size": 32, "lr": 0.003, "weight_decay": 0.1, "augment": "none"},
    )
