"""Your own texts: a table with a column of texts and one of their classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from zoo_core import DatasetSpec, Recipe, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit


def text_file(
    root: Path,
    *,
    split: str,
    download: bool,
    text: Annotated[str, "the column of the texts"] = "text",
    target: Annotated[str, "the column of their classes"] = "label",
    length: Annotated[int, "words that are read of a text, at most"] = 64,
    most: Annotated[int, "words that are known, the most frequent ones"] = 5000,
    least: Annotated[int, "how often a word is there to be known"] = 2,
    tokenizer: Annotated[str, "path of a tokenizer.json; none: words are learnt of the training part"] = "",
) -> ArraySplit | None:
    """The texts of a split in the column `text`, each with the class in its column `target`; None where there is no
    file for it.

    `root`: one file, which is train, or a folder with train.csv, and validation.csv and test.csv where there are any;
    or .parquet. The other options are fields of the recipe "text".
    """
    from .files import read_texts

    return read_texts(root, split, text=text, target=target)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    fields: dict[str, Any] = {"text": "text", "length": 64, "most": 5000, "least": 2, "tokenizer": ""}
    yield DatasetSpec(
        name="text-file",
        load=text_file,
        task="text-classification",
        summary="your own texts, a class for each: -d root=FILE.csv -d text=COLUMN -d target=COLUMN",
        inputs={
            "tokens": TensorSpec("N", "length", dtype="int64", low=0),
            "mask": TensorSpec("N", "length", dtype="bool"),
        },
        recipes={name: Recipe("text", source="text", gives=name, **fields) for name in ("tokens", "mask")},
        splits=("train", "validation", "test"),
        needs=("tokenizers",),
    )
