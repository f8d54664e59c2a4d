"""The recipe of texts: the words of the training part, a tokenizer that is brought, lengths, masks, and faults."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers

from zoo_core import MissingExtraError, Recipe, ZooError
from zoo_core.recipes import InputRecipe, learning, load_recipe
from zoo_core.runtime.reading.strict_json import has_control_characters

TEXTS = ["The cat sat.", "the dog sat", "A bird, the cat", "the the"]


def learnt(texts: Any = TEXTS, **fields: Any) -> InputRecipe:
    return learning(load_recipe(Recipe("text", **{"length": 6, **fields})), texts)


def made(recipe: InputRecipe, *texts: str) -> np.ndarray:
    return recipe.prepare(recipe.stack([recipe.read(text, name="a text") for text in texts]))


def test_frequent_words_have_numbers_in_their_order() -> None:
    recipe = learnt()
    # the 5, cat 2, sat 2; "a", "bird", "dog", "," and "." are there once
    assert made(recipe, "The cat sat", "sat, zebra", "").tolist() == [
        [2, 3, 4, 0, 0, 0],
        [4, 1, 1, 0, 0, 0],
        [1, 0, 0, 0, 0, 0],
    ]
    assert recipe.values == (0, 5)
    assert recipe.shape == (6,)
    assert made(learnt(reversed(TEXTS)), "the cat").tolist() == made(recipe, "the cat").tolist()
    assert made(learnt(most=1), "the cat").tolist() == [[2, 1, 0, 0, 0, 0]]
    assert made(learnt(lower=False, least=1), "The the").tolist()[0][:2] == [8, 2]


def test_a_word_with_a_control_character_is_unknown_because_no_file_could_carry_it() -> None:
    # an underlined word as printers had it, and a mark that turns the writing round
    recipe = learnt([*TEXTS, "the _\b_\b cat \u202e; sat"] * 2, least=1)
    vocabulary = recipe.recipe.learnt["tokenizer"]["model"]["vocab"]
    assert not [word for word in vocabulary if has_control_characters(word)]
    assert {"the", "cat", "_"} <= vocabulary.keys()
    assert made(recipe, "\b\b").tolist() == [[1, 0, 0, 0, 0, 0]]


def test_a_long_text_is_cut_and_the_mask_says_which_tokens_are_its_own() -> None:
    words = "the cat sat the cat sat the cat"
    assert made(learnt(), words).tolist() == [[2, 3, 4, 2, 3, 4]]
    mask = made(learnt(gives="mask"), words, "the cat", "")
    assert mask.dtype == np.bool_
    assert mask.sum(axis=1).tolist() == [6, 2, 1]


def test_what_was_learnt_travels_as_json() -> None:
    recipe = learnt()
    again = load_recipe(Recipe.from_json(json.loads(json.dumps(recipe.to_json()))))
    assert np.array_equal(made(again, *TEXTS), made(recipe, *TEXTS))


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=60, special_tokens=["<pad>", "<unk>"], show_progress=False)
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_a_tokenizer_that_is_brought_gives_its_own_tokens(brought: Path) -> None:
    recipe = learnt(tokenizer=str(brought), length=20)
    own = tokenizers.Tokenizer.from_file(str(brought))
    expected = own.encode("the bird sat").ids
    assert made(recipe, "the bird sat")[0, : len(expected)].tolist() == expected
    assert recipe.values == (0, own.get_vocab_size())
    assert str(brought.parent) not in json.dumps(recipe.to_json())


def _changed(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": 5}, "is no tokenizer"),
        ({"model": {"type": "BPE", "vocab": 3, "merges": []}}, "cannot be opened"),
        ({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+b"}}}, "has a part 'Regex'"),
        ({"normalizer": {"type": "Precompiled", "precompiled_charsmap": ""}}, "has a part 'Precompiled'"),
        ({"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}, "added_tokens": []}, "has no token"),
    ],
)
def test_a_tokenizer_that_is_none_is_told(brought: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ZooError, match=words):
        learnt(tokenizer=str(_changed(brought, **changes)))


def test_a_file_that_is_no_json_or_too_large_is_told(brought: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_plugins.text.tokens.MAX_TOKENIZER_BYTES", 10)
    with pytest.raises(ZooError, match="has over 10 bytes, more than a file can carry"):
        learnt(tokenizer=str(brought))
    brought.write_text("{")
    with pytest.raises(ZooError, match=r"tokenizer.json is no tokenizer that can be read"):
        learnt(tokenizer=str(brought))
    monkeypatch.setattr("zoo_plugins.text.tokenizer.MAX_TOKENIZER_BYTES", 10)
    with pytest.raises(ZooError, match="has over 10 bytes"):
        learnt()


@pytest.mark.parametrize(
    ("source", "words"),
    [(5, "is a int, and no text"), (b"\xff", "is no text in UTF-8"), (b" \n\n", "holds no text")],
)
def test_what_is_no_text_is_told(source: Any, words: str) -> None:
    with pytest.raises(ZooError, match=words):
        learnt().read(source, name="a.txt")


def test_fields_and_texts_that_cannot_be_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZooError, match="length is from 1 to 65,536, not 0"):
        learnt(length=0)
    with pytest.raises(ZooError, match="most and least are 1 or more"):
        learnt(most=0)
    with pytest.raises(ZooError, match="the training texts have no word often enough"):
        learnt(["one", "two"])
    monkeypatch.setattr("zoo_plugins.text.tokens.MAX_TEXT_BYTES", 3)
    with pytest.raises(ZooError, match="is a text of over 3 characters"):
        learnt().read("four", name="a")


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match="tokenizers"):
        learnt()
