"""Inputs that "Try it" makes of files are those of Python: the reader, tables, sounds and sequences."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from javascript_reader import READER
from node_calls import needs_node
from site_modules import FOLDER, array_of, ask, call

from zoo_core import Recipe, TensorSpec, ZooError
from zoo_core.recipes import InputRecipe, learning, load_recipe, read_rows
from zoo_core.runtime.running.arrangement import arrange
from zoo_core.verification.expect.recipe_test import recipe_tests

NEAR = 1e-5
"""Of the largest value: what another library of mathematics may change, as in the check of recipes."""


def test_the_reader_is_that_of_the_example() -> None:
    ours = {path.name: path.read_bytes() for path in (FOLDER / "reader").iterdir()}
    assert set(ours) == {"metadata.js", "numbers.js", "picture.js", "draws.js", "seal.js"}
    assert ours == {name: READER.joinpath(name).read_bytes() for name in ours}


def wav(samples: np.ndarray, rate: int, *, tag: int = 1, junk: bool = False) -> bytes:
    """A WAV of samples (T, C), little-endian; `junk`: with a part of odd length before the sound."""
    channels, width = samples.shape[1], samples.dtype.itemsize
    form = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, tag, channels, rate, rate * width * channels, width * channels, 8 * width
    )
    head = form + (struct.pack("<4sI", b"LIST", 5) + b"abcde\0" if junk else b"")
    body = head + struct.pack("<4sI", b"data", samples.nbytes) + samples.tobytes()
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def noise(dtype: str, frames: int, channels: int) -> np.ndarray:
    random = np.random.default_rng(frames)
    if np.dtype(dtype).kind == "f":
        return random.uniform(-1, 1, (frames, channels)).astype(dtype)
    info = np.iinfo(dtype)
    return random.integers(info.min, info.max, (frames, channels), dtype=dtype, endpoint=True)


SOUNDS = {
    "16 bits": wav(noise("<i2", 900, 1), 8000),
    "8 bits, two channels": wav(noise("u1", 3000, 2), 16000),
    "32 bits, three channels, with another part": wav(noise("<i4", 1001, 3), 11025, junk=True),
    "floats": wav(noise("<f4", 5000, 2), 44100, tag=3),
    "doubles": wav(noise("<f8", 500, 1), 8000, tag=3),
    "one sample": wav(noise("<i2", 1, 1), 8000),
    "cut short": wav(noise("<i2", 900, 2), 22050)[:-7],
}
RECIPES = {
    "waves": Recipe("waveform", rate=8000, seconds=0.11),
    "two channels": Recipe("waveform", rate=16000, seconds=0.05, channels=2),
    "mel": Recipe("waveform", rate=8000, seconds=0.2, mel=12, window=200, hop=80),
    "mel, odd": Recipe("waveform", rate=16000, seconds=0.1, mel=20, window=301, hop=150, low_hz=60.0, high_hz=7000.0),
}


@needs_node
@pytest.mark.parametrize("name", RECIPES)
def test_sounds_become_the_same_inputs(name: str) -> None:
    recipe = load_recipe(RECIPES[name])
    calls = [call("sound", "soundInput", sound, recipe.recipe.to_json(), kind) for kind, sound in SOUNDS.items()]
    for (kind, sound), found in zip(SOUNDS.items(), ask(calls), strict=True):
        assert_near(array_of(found["value"]), input_of(recipe, sound), kind)


def input_of(recipe: InputRecipe, source: Any) -> np.ndarray:
    return np.asarray(recipe.prepare(recipe.stack([recipe.read(source, name="it")])))


def assert_near(found: np.ndarray, expected: np.ndarray, what: str) -> None:
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    assert np.abs(found - expected).max() <= NEAR * np.abs(expected).max(), what


@needs_node
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"fLaC....", "it is no WAV file, and other sounds are not read by this page"),
        (SOUNDS["16 bits"][:30], "it is a sound that cannot be read: it ends too early"),
        (wav(noise("<i2", 0, 1), 8000), "it is a sound without samples"),
        (wav(noise("<i2", 9, 1), 8000, tag=17), "it is a sound of a kind that this page does not read"),
        (wav(np.full((9, 1), np.nan, "<f4"), 8000, tag=3), "it has samples that are no finite numbers"),
    ],
    ids=["FLAC", "no samples yet", "no samples", "compressed", "NaN"],
)
def test_what_is_no_sound_is_told(content: bytes, says: str) -> None:
    (found,) = ask([call("sound", "soundInput", content, RECIPES["waves"].to_json(), "it")])
    assert found["error"].startswith(says)


TABLE = b'''\xef\xbb\xbfage, city ,"note, quoted",income\r
31,oslo,"a ""b""",1e3\r
,rome,"two
lines",-.5
NaN,oslo,x,7.
42.5, oslo ,n/a,+3
1,bonn,x,NULL
'''


@needs_node
@pytest.mark.parametrize("gives", ["numbers", "categories"])
def test_rows_of_tables_become_the_same_inputs(gives: str) -> None:
    columns, rows = read_rows(TABLE, name="t.csv")
    (read,) = ask([call("csv", "readRows", TABLE, "t.csv")])
    assert read["value"] == [dict(row) for row in rows if not isinstance(row, ZooError)]
    recipe = learned(Recipe("table", gives=gives), read["value"])
    more = [{**read["value"][0], "city": "new", "age": "NA"}, {**read["value"][1], "other": "1"}]
    given = [*read["value"], *more]
    for row, found in zip(
        given, ask([call("table", "tableInput", row, recipe.recipe.to_json(), "t.csv") for row in given]), strict=True
    ):
        np.testing.assert_array_equal(array_of(found["value"]), input_of(recipe, row), str(row))
    assert columns == ("age", "city", "note, quoted", "income")


def learned(recipe: Recipe, rows: list[Any]) -> InputRecipe:
    return learning(load_recipe(recipe), rows)


NO_TABLES = [
    ("csv", "readRows", b"a,b\n1,2\n3\n", "t.csv: row 1 has 1 cells, and there are 2 columns"),
    ("csv", "readRows", b"1,2\n3,4\n", "t.csv: its first line has numbers, and no names of columns"),
    ("csv", "readRows", b"a,a\n3,4\n", "t.csv has a column twice: each needs a name of its own"),
    ("csv", "readRows", b"a,b\n", "t.csv has no rows below a line with the names of the columns"),
    ("csv", "readRows", b"a,\xff\n1,2\n", "t.csv is no text in UTF-8"),
    ("csv", "readNumbers", b"a,b\n1,2\n3,0x10\n", 't.csv: row 1 holds "0x10", which is not a number'),
    ("csv", "readNumbers", b"1,2\n3\n", "t.csv: row 1 has 1 columns, those before it 2"),
    ("csv", "readNumbers", b"", "t.csv has no numbers in it"),
]


@needs_node
def test_what_is_no_table_is_told() -> None:
    found = ask([call(module, function, content, "t.csv") for module, function, content, _ in NO_TABLES])
    assert [each["error"] for each in found] == [says for *_, says in NO_TABLES]


@needs_node
def test_a_cell_and_a_column_are_told_by_name() -> None:
    recipe = learned(Recipe("table"), [{"age": "3"}, {"age": "4"}]).recipe.to_json()
    absent, odd = ask([call("table", "tableInput", row, recipe, "t.csv[3]") for row in ({"ages": "1"}, {"age": "old"})])
    assert absent["error"].startswith('t.csv[3] has no column "age", with which the model was trained')
    assert odd["error"] == 't.csv[3]: the column "age" has "old", which is no number'


SHAPES = [(1, 1), (6, 1), (1, 6), (6, 2), (2, 6), (3, 3), (4, 6)]
INPUTS = [
    TensorSpec("N", 6),
    TensorSpec("N", "L"),
    TensorSpec("N", 2, 6),
    TensorSpec("N", 1, 6),
    TensorSpec("N", 1, "L"),
    TensorSpec("N", 2, "2*L"),
    TensorSpec(1, 3, 3),
]


@needs_node
@pytest.mark.parametrize("sequences", [False, True], ids=["other tasks", "a class for each place"])
def test_tables_of_numbers_are_taken_in_the_same_way(sequences: bool) -> None:
    random = np.random.default_rng(2)
    cases = [(random.normal(0, 1, shape), spec) for shape in SHAPES for spec in INPUTS]
    calls = []
    for values, spec in cases:
        table = {"rows": len(values), "columns": values.shape[1], "data": values.ravel().tolist()}
        calls.append(call("sequences", "arranged", table, spec.to_json(), {"isSequence": sequences, "name": "t.csv"}))
    for (values, spec), found in zip(cases, ask(calls), strict=True):
        try:
            expected = arrange(values.astype(np.float32), spec, sequences=sequences, where="t.csv").rows
        except ZooError:
            assert found["error"].startswith(f"t.csv has {len(values)} rows"), (values.shape, spec)
            continue
        made = np.concatenate([array_of(sample) for sample in found["value"]])
        np.testing.assert_array_equal(made, expected, f"{values.shape} for {spec}")


FITTING = [
    (TensorSpec("N", 3, "16*H", "16*W"), (1, 3, 32, 48), ""),
    (
        TensorSpec("N", 3, "16*H", "16*W"),
        (1, 3, 30, 48),
        "x has the shape 1 x 3 x 30 x 48, and the model takes N x 3 x 16*H x 16*W",
    ),
    (TensorSpec("N", "L", "L"), (1, 4, 5), "x has the shape 1 x 4 x 5, and the model takes N x L x L"),
    (TensorSpec("N", "L-2"), (1, 9), ""),
    (TensorSpec("N", "L-2"), (1, 11), "x has the shape 1 x 11, and the model takes N x L-2"),
    (TensorSpec(1, 4), (1, 4, 1), "x has the shape 1 x 4 x 1, and the model takes 1 x 4"),
    (
        TensorSpec("N", 4, dtype="int64", low=0, high=3),
        (1, 4),
        "x has the value 3, and the model takes those from 0 to 3",
    ),
    (TensorSpec("N", 4, low=0, high=2), (1, 4), ""),
]


@needs_node
def test_an_input_that_the_model_does_not_take_is_told() -> None:
    calls = []
    for spec, shape, _ in FITTING:
        tensor = {"type": spec.dtype, "dims": list(shape), "data": [n % 4 for n in range(int(np.prod(shape)))]}
        calls.append(call("fits", "misfit", "x", tensor, spec.to_json(), {"L": 12}))
    assert [found["value"] for found in ask(calls)] == [says for *_, says in FITTING]


@needs_node
def test_examples_in_the_file_tell_a_recipe_that_makes_something_else() -> None:
    table = learned(Recipe("table"), [{"age": "3", "sum": "1"}, {"age": "4", "sum": "9"}]).recipe
    recipes = {"sound": RECIPES["mel"], "row": table}
    about: dict[str, Any] = {
        "recipes": {name: recipe.to_json() for name, recipe in recipes.items()},
        "self_test": {"recipes": recipe_tests(recipes)},
    }
    other = {**about, "recipes": {**about["recipes"], "sound": RECIPES["mel"].changed(low_hz=200.0).to_json()}}
    outside = {**about, "recipe_files": {"row": {"columns": {}}}}
    found = ask([call("givers", "provenRecipes", each) for each in (about, other, outside, {})])
    verdicts = [{row["output"]: row["isWithin"] for row in each["value"]} for each in found]
    assert verdicts == [{"sound": True, "row": True}, {"sound": False, "row": True}, {"sound": True}, {}]
