from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from zoo_core import ZooError
from zoo_core.runtime import open_model
from zoo_core.testing import conformance

from zoo_sentences import CATEGORIES, SPLITS, fortunes, text_form, wordbag
from zoo_sentences.files import INSTALLED
from zoo_sentences.form import MARKS

SMALL = {"vocabulary": 200, "length": 16, "width": 8}
"""A model of this size keeps or breaks the same rules in a tenth of the time; the usual one is trained below."""
test_conformance = conformance("sentences", options=SMALL)

installed = pytest.mark.skipif(not INSTALLED.is_dir(), reason="apt-get install fortunes")
FEWER = ("literature", "startrek", "zippy")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty texts of each category, each with a word of its own category."""
    made = tmp_path / "texts"
    made.mkdir()
    for category in CATEGORIES:
        texts = [f"Number {number} is about\n{category}, says number {number * 7}." for number in range(40)]
        made.joinpath(category).write_text("\n%\n".join(texts) + "\n%\n")
    return made


def texts_of(split: str, folder: Path) -> list[str]:
    return list(fortunes(folder, split=split, download=False).inputs["text"])


def test_each_text_is_in_one_split(folder: Path) -> None:
    found = {split: texts_of(split, folder) for split in SPLITS}
    every = [text for texts in found.values() for text in texts]
    assert len(every) == len(set(every)) == 40 * len(CATEGORIES)
    assert len(found["train"]) > len(found["test"]) > len(found["validation"]) > 0
    split = fortunes(folder, split="test", download=False)
    assert [CATEGORIES[number] in text for text, number in zip(split.inputs["text"], split.targets, strict=True)]


def test_more_texts_move_none_to_another_split(folder: Path) -> None:
    before = {split: set(texts_of(split, folder)) for split in SPLITS}
    with folder.joinpath("art").open("a") as file:
        file.write("A picture that nobody has seen\n%\n")
    for split in SPLITS:
        assert before[split] <= set(texts_of(split, folder))


def test_a_text_that_is_there_twice_counts_once_and_one_of_two_categories_not_at_all(folder: Path) -> None:
    again = "NUMBER 3 is about art,\nsays number 21.\n%\n"
    folder.joinpath("art").write_text(
        folder.joinpath("art").read_text() + again + "Both files have this text\n%\n \n%\n-- one two three four\n%\n"
    )
    folder.joinpath("law").write_text(folder.joinpath("law").read_text() + "both files\nhave this text!\n%\n")
    every = [text for split in SPLITS for text in texts_of(split, folder)]
    assert len(every) == 40 * len(CATEGORIES)
    assert not [text for text in every if "both" in text.lower()]


def test_without_the_files_it_says_what_to_install(tmp_path: Path, folder: Path) -> None:
    folder.joinpath("law").unlink()
    with pytest.raises(ZooError, match="has no file 'law'") as caught:
        texts_of("train", folder)
    assert "apt-get install fortunes" in (caught.value.hint or "")
    with pytest.raises(ZooError, match="there is no folder"):
        texts_of("train", tmp_path / "typed-wrongly")


def test_a_file_that_is_no_text_is_named(folder: Path) -> None:
    folder.joinpath("law").write_bytes(b"caf\xe9\n%\n")
    with pytest.raises(ZooError, match="law is not in UTF-8"):
        texts_of("train", folder)


def numbers_of(*texts: Any) -> Any:
    recipe = text_form()
    return recipe.prepare(recipe.stack([recipe.read(text, name="a") for text in texts]))


def test_the_form_of_a_text_is_what_is_counted() -> None:
    made = np.expm1(numbers_of("Roses are RED,\n  42 are not!\n"))
    expected = [2, 6, 29, 1, 2, 1, 2, 19 / 6, 14.5, 14]  # words are Roses, are, RED, 42, are, not
    np.testing.assert_allclose(made[0, :10], expected, rtol=1e-4)
    assert [mark for mark, count in zip(MARKS, made[0, 10:], strict=True) if count > 0.5] == ["!", ","]


def test_texts_without_words_and_the_longest_one_have_a_form() -> None:
    made = numbers_of("", "...", b"A line\nand another", "a" * (16 << 20))
    assert np.isfinite(made).all()
    low, high = text_form().values
    assert low <= made.min() <= made.max() < high
    assert made.shape == (4, *text_form().shape)


@pytest.mark.parametrize(
    ("given", "word"), [(3, "a is a int, and no text"), (b"\xff\xfe\xff", "a is no text in UTF-8")]
)
def test_what_is_no_text(given: Any, word: str) -> None:
    with pytest.raises(ZooError, match=word):
        text_form().read(given, name="a")


def test_padding_changes_nothing() -> None:
    torch = pytest.importorskip("torch")
    model = wordbag(vocabulary=20, num_classes=3).eval()
    tokens, form = torch.tensor([[5, 7, 9]]), torch.rand(1, 24)
    mask = torch.ones(1, 3, dtype=torch.bool)
    longer = torch.nn.functional.pad
    with torch.no_grad():
        short = model(tokens, mask, form)
        padded = model(longer(tokens, (0, 4), value=11), longer(mask, (0, 4)), form)
    np.testing.assert_allclose(short, padded, atol=1e-6)


def test_a_dropout_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="dropout is from 0 to below 1, not 1"):
        wordbag(dropout=1.0)


@installed
def test_it_learns_exports_and_predicts(tmp_zoo: Any) -> None:
    few = ("--dataset", "fortunes-form", "-d", f"classes={','.join(FEWER)}")
    trained = tmp_zoo.run("train", "wordbag", *few, "--epochs", "3", "--run", "sayings", "--json").json
    assert trained["test"]["accuracy"] > 0.8  # the most frequent of the three: about 0.5
    assert tmp_zoo.run("export", "sayings", "--json").json["outcome"] == "verified"
    measured = tmp_zoo.run("eval", "export:sayings", "--json").json["metrics"]
    assert measured["accuracy"] == trained["test"]["accuracy"]
    with open_model(tmp_zoo.folder / "exported" / "sayings") as model:
        assert [row["label"] in FEWER for row in model(["Beam me up, Scotty"])] == [True]
