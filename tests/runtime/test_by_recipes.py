"""Predictions where recipes make the inputs: sounds, texts, rows, pairs of files, and each bad one with its error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from number_models import mean_sign, two_means
from sounds import wav

from zoo_core import Recipe, TensorSpec, UsageError, ZooError
from zoo_core.recipes import learning, load_recipe
from zoo_core.runtime import open_model
from zoo_core.workflows.answers.predict import plan_predictions, predict

RunZoo = Any
WAVE = Recipe("waveform", rate=8000, seconds=0.1)


def sounds(folder: Path) -> None:
    """One above 0 in its mean, and one below."""
    for name, sign in (("up", 1), ("down", -1)):
        (folder / f"{name}.wav").write_bytes(wav(np.full(1600, 0.25 * sign)))


def test_sounds_are_predicted_and_a_bad_one_has_an_error(tmp_path: Path) -> None:
    export = mean_sign(tmp_path, 1, 800, recipes={"x": WAVE})
    sounds(tmp_path)
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    (tmp_path / "long.wav").write_bytes(wav(np.full(90_000, 0.25)))
    rows = predict(export, inputs=[tmp_path / f"{name}.wav" for name in ("up", "bad", "down", "long", "none")])
    assert [row.get("label") for row in rows] == ["high", None, "low", "high", None]
    assert "is neither a WAV nor a FLAC file" in rows[1]["error"]
    assert "No such file" in rows[4]["error"]
    folder = predict(export, inputs=[tmp_path])
    assert [Path(row["input"]).name for row in folder] == ["bad.wav", "down.wav", "long.wav", "up.wav"]
    model = open_model(export)
    content = (tmp_path / "up.wav").read_bytes()
    assert model(content) == model(tmp_path / "up.wav")
    assert model(np.full(800, 0.25, np.float32))[0]["label"] == "high"
    with pytest.raises(ZooError, match="of which no input is made"):
        model([5])


def test_a_table_of_paths_is_a_sample_a_row(tmp_path: Path) -> None:
    export = mean_sign(tmp_path, 1, 800, recipes={"x": WAVE})
    sounds(tmp_path)
    (tmp_path / "list.csv").write_text("number,x\n1,up.wav\n2,none.wav\n3,down.wav\n")
    rows = predict(export, inputs=[tmp_path / "list.csv"])
    assert [(row["input"][-11:], row.get("label")) for row in rows] == [
        ("list.csv[0]", "high"),
        ("list.csv[1]", None),
        ("list.csv[2]", "low"),
    ]
    assert "none.wav" in rows[1]["error"]
    (tmp_path / "other.csv").write_text("number,path\n1,up.wav\n")
    assert "has no column 'x', but 'number', 'path'" in predict(export, inputs=[tmp_path / "other.csv"])[0]["error"]
    (tmp_path / "paths.csv").write_text("path\nup.wav\n")
    assert "has no column 'x', but 'path'" in predict(export, inputs=[tmp_path / "paths.csv"])[0]["error"]
    (tmp_path / "paths.csv").write_text("x\nup.wav\n")
    assert predict(export, inputs=[tmp_path / "paths.csv"])[0]["label"] == "high"


@pytest.mark.parametrize("made", [True, False])
def test_two_files_a_row_are_one_sample(tmp_path: Path, made: bool) -> None:
    """With recipes, and as numbers of the declared shape."""
    export = two_means(tmp_path, 1, 800, recipes={"a": WAVE, "b": WAVE} if made else {})
    sounds(tmp_path)
    for name, sign in (("up", 1), ("down", -1)):
        np.save(tmp_path / f"{name}.npy", np.full((1, 800), 0.25 * sign, np.float32))
    end = "wav" if made else "npy"
    lines = [f"up.{end},down.{end}", f"down.{end},up.{end}", f"up.{end},none.{end}"]
    (tmp_path / "pairs.csv").write_text("\n".join(["a,b", *lines]))
    rows = predict(export, inputs=[tmp_path / "pairs.csv", tmp_path / f"up.{end}"])
    assert [row.get("label") for row in rows] == ["high", "low", None, None]
    assert "a sample is made of a and b" in rows[3]["error"]
    up, down = (tmp_path / f"{name}.{end}" for name in ("up", "down"))
    assert [answer["label"] for answer in open_model(export)([{"a": up, "b": down}, {"a": down, "b": up}])] == [
        "high",
        "low",
    ]


TEXT = Recipe("text", source="text", text="review", length=4, least=1)


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """A model that says "high" of texts whose tokens are many: of padding alone the mean is 0."""
    recipe = learning(load_recipe(TEXT), ["one two three"]).recipe
    return mean_sign(tmp_path, 4, dtype="int64", recipes={"x": recipe}, inputs={"x": _tokens(recipe)})


def _tokens(recipe: Recipe) -> TensorSpec:
    return TensorSpec("N", 4, dtype="int64").with_range(*(load_recipe(recipe).values or (0, 1)))


def test_texts_come_from_lines_columns_and_the_command_line(reader: Path, tmp_path: Path, zoo_here: RunZoo) -> None:
    (tmp_path / "texts.txt").write_text("one two\n\nthree\n")
    (tmp_path / "texts.csv").write_text("number,review\n1,one\n2,\n")
    rows = predict(reader, inputs=[tmp_path / "texts.txt", tmp_path / "texts.csv"])
    assert [row["input"].rpartition("/")[2] for row in rows] == [
        "texts.txt[0]",
        "texts.txt[1]",
        "texts.txt[2]",
        "texts.csv[0]",
        "texts.csv[1]",
    ]
    assert {row["label"] for row in rows} == {"high"}
    planned = plan_predictions(reader, inputs=[], texts=["two", "texts.csv"])
    assert [row["input"] for row in planned.rows()] == ["two", "texts.csv"]
    assert [answer["label"] for answer in open_model(reader)(["one", {"text": "texts.csv"}])] == ["high", "high"]
    done = zoo_here("predict", str(reader), "--text", "two", "--json")
    assert json.loads(done.stdout)[0]["label"] == "high"


def test_a_text_that_is_typed_as_a_file_is_told_how_it_is_typed(reader: Path, zoo_here: RunZoo) -> None:
    told = zoo_here("predict", str(reader), "one two")
    assert told.code == 1
    assert "(a text is typed as --text 'one two'; of a file, save it as one of these" in told.stdout


def test_texts_are_for_models_that_take_them(tmp_path: Path) -> None:
    export = mean_sign(tmp_path, 1, 800, recipes={"x": WAVE})
    with pytest.raises(UsageError, match="takes no text"):
        plan_predictions(export, inputs=[], texts=["two"])
    with pytest.raises(UsageError, match="there is nothing to predict"):
        plan_predictions(export, inputs=[])


def test_rows_of_a_table_are_samples(tmp_path: Path) -> None:
    rows = [{"size": str(number), "age": "1"} for number in range(5)]
    recipe = learning(load_recipe(Recipe("table", source="row")), rows).recipe
    export = mean_sign(tmp_path, 2, recipes={"x": recipe})
    (tmp_path / "rows.csv").write_text("age,size,other\n1,0,x\n1,4,y\n1,big,z\n")
    found = predict(export, inputs=[tmp_path / "rows.csv"])
    assert [row.get("label") for row in found] == ["low", "high", None]
    assert "column 'size' has 'big', which is no number" in found[2]["error"]
    assert open_model(export)({"size": 9, "age": 1})[0]["label"] == "high"


def test_a_recipe_of_a_plugin_that_is_gone_says_what_to_install(tmp_path: Path) -> None:
    export = mean_sign(tmp_path, 1, 800, recipes={"x": Recipe("sonar", plugin="zoo-deep:sonar")})
    with pytest.raises(ZooError, match="comes from plugin zoo-deep:sonar, which is not installed") as caught:
        predict(export, inputs=["a.wav"])
    assert "pip install zoo-deep" in str(caught.value.hint)
    assert open_model(export).run({"x": np.ones((1, 1, 800), np.float32)})["logits"].shape == (1, 2)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe("waveform", rate=5), "5 Hz, 1.0 s and 1 channels cannot be"),
        (Recipe("waveform", speed=5), "speed"),
        (Recipe("text", learnt={"tokenizer": {"model": 5}}), "is no tokenizer"),
    ],
)
def test_a_damaged_recipe_in_a_file_is_told(tmp_path: Path, recipe: Recipe, words: str) -> None:
    export = mean_sign(tmp_path, 1, 800, recipes={"x": recipe})
    with pytest.raises(ZooError, match=words) as caught:
        predict(export, inputs=["a.wav"])
    assert caught.value.exit_code == 1


WORDS = {"[PAD]": 0, "[UNK]": 1, "one": 2, "two": 3}
OTHERS = {
    "a vocabulary of other numbers": (
        {**WORDS, "two": 700},
        "it makes numbers from 0 to 700, and the input takes 0 to 3",
    ),
    "one that has lost its words": ({}, "what it has learnt of the training part is missing"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_recipe_that_is_none_of_the_file_is_told_once_and_no_input_is_blamed(
    name: str, tmp_path: Path, zoo_here: RunZoo
) -> None:
    recipe = learning(load_recipe(TEXT), ["one two"]).recipe
    vocabulary, told = OTHERS[name]
    model = {**recipe.learnt["tokenizer"]["model"], "vocab": vocabulary}
    learnt = {"tokenizer": {**recipe.learnt["tokenizer"], "model": model}} if vocabulary else {}
    inputs = {"x": _tokens(recipe)}
    export = mean_sign(tmp_path, 4, dtype="int64", recipes={"x": recipe.changed(learnt=learnt)}, inputs=inputs)
    (tmp_path / "texts.txt").write_text("one\ntwo\n" * 20)
    done = zoo_here("predict", str(export), str(tmp_path / "texts.txt"), "--out", str(tmp_path / "r.csv"))
    assert (done.code, done.stdout) == (1, ""), done.stderr
    assert f"the recipe of input 'x' is damaged: {told}" in done.stderr
    assert "Hint: no input is at fault" in done.stderr
    assert not (tmp_path / "r.csv").exists()


def test_a_recipe_that_makes_another_shape_is_told_before_any_input(tmp_path: Path) -> None:
    export = mean_sign(tmp_path, 1, 800, recipes={"x": WAVE.changed(seconds=0.2)})
    with pytest.raises(ZooError, match=r"makes samples of shape \(1, 1600\), and the input is \(N, 1, 800\)"):
        predict(export, inputs=["none.wav"])


def test_a_tokenizer_without_its_unknown_token_fails_the_texts_that_need_it(tmp_path: Path) -> None:
    recipe = learning(load_recipe(TEXT), ["one two"]).recipe
    tokenizer = recipe.learnt["tokenizer"]
    learnt = {"tokenizer": {**tokenizer, "model": {**tokenizer["model"], "unk_token": "[NONE]"}}}
    inputs = {"x": _tokens(recipe)}
    export = mean_sign(tmp_path, 4, dtype="int64", recipes={"x": recipe.changed(learnt=learnt)}, inputs=inputs)
    known, unknown = plan_predictions(export, inputs=[], texts=["one", "three"]).rows()
    assert known["label"] == "high"
    assert unknown["error"].startswith("three: the tokenizer of the model fails of this text")
