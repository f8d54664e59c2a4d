"""Files that recipes read: good ones to damage, and hostile ones that grow."""

from __future__ import annotations

import io
import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from sounds import other_file, tone, wav

from zoo_core import Recipe, TensorSpec, ZooError
from zoo_core.recipes import learning, load_recipe, read_given, read_table
from zoo_core.runtime.reading.strict_json import load_strict
from zoo_core.verification.expect.recipe_test import check_recipes, recipe_tests

TEXTS = ["the cat sat", "the dog sat", "the cat"]


def read_sound(path: Path) -> None:
    read_given(load_recipe(Recipe("waveform", seconds=0.1)), path, name=str(path))


def read_rows(path: Path) -> None:
    """A table, learnt from and read by what was learnt."""
    rows = read_table(path).rows
    for gives in ("numbers", "categories"):
        recipe = learning(load_recipe(Recipe("table", gives=gives)), rows)
        recipe.stack([recipe.read(row, name="row") for row in rows])


def read_texts(path: Path) -> None:
    recipe = learning(load_recipe(Recipe("text", least=1)), TEXTS)
    recipe.stack(recipe.samples_in(path.read_bytes(), name=str(path)))


def read_tokenizer(path: Path) -> None:
    """As a user brings it, and used."""
    recipe = learning(load_recipe(Recipe("text", tokenizer=str(path))), TEXTS)
    recipe.stack(TEXTS)


def short_wav() -> bytes:
    return wav(tone(300, seconds=0.004))


def short_flac() -> bytes:
    return other_file(tone(300, seconds=0.004))


def float_wav() -> bytes:
    return other_file(tone(300, seconds=0.004), kind="WAV", subtype="FLOAT")


@cache
def tokenizer() -> dict[str, Any]:
    made: dict[str, Any] = learning(load_recipe(Recipe("text", least=1)), TEXTS).recipe.learnt["tokenizer"]
    return made


@cache
def parquet() -> bytes:
    return parquet_of({"age": [1.5, None, 3], "city": ["oslo", "rome", None], "yes": [True, False, True]})


def parquet_of(columns: dict[str, Any]) -> bytes:
    content = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), content)
    return content.getvalue()


def flac_of_silence(size: int) -> bytes:
    return other_file(np.zeros(size))


def wav_of_chunks(size: int) -> bytes:
    """Chunks that nobody knows, one after the other."""
    chunks = struct.pack("<4sI", b"junk", 0) * size
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def parquet_of_one_value(size: int) -> bytes:
    return parquet_of({"age": np.zeros(size), "city": ["oslo"] * size})


def parquet_of_columns(size: int) -> bytes:
    return parquet_of({f"c{number}": [1.0, 2.0] for number in range(size)})


def read_example(path: Path) -> None:
    """A recipe with its test, as they stand in the description of an exported file."""
    try:
        data = load_strict(path.read_bytes().decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise ZooError(str(error)) from None
    recipe = Recipe.from_json(data.get("recipe"))
    (found,) = check_recipes({"recipes": {"x": data.get("test")}}, {"x": recipe}, {"x": TensorSpec("N", 1, 80)})
    if found.outcome == "failed":
        raise ZooError(found.detail)


@cache
def example() -> dict[str, Any]:
    recipe = Recipe("waveform", rate=8000, seconds=0.01)
    return {"recipe": recipe.to_json(), "test": recipe_tests({"x": recipe})["x"]}


def table_of_columns(size: int) -> bytes:
    names = ",".join(f"c{number}" for number in range(size))
    return f"{names}\n{',' * (size - 1)}1\n".encode()


def tokenizer_of_words(size: int) -> bytes:
    vocabulary = {"[PAD]": 0, "[UNK]": 1, **{f"word{number}": number + 2 for number in range(size)}}
    return json.dumps({**tokenizer(), "model": {**tokenizer()["model"], "vocab": vocabulary}}).encode()
