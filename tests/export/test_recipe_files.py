"""A vocabulary that has no room in the file lies beside it, by its hash: written, checked, refused where it changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
import torch
from checking import plan_of
from torch import Tensor, nn

from zoo_core import Recipe, TensorSpec, ZooError
from zoo_core.errors import RefusedFileError
from zoo_core.export.bundle import export
from zoo_core.export.publish.large_parts import with_room
from zoo_core.file_limits import MAX_LEARNT_BYTES, MAX_OWN_WORDS_BYTES
from zoo_core.files import sha256_of
from zoo_core.recipes import learning, load_recipe
from zoo_core.runtime import Metadata, open_model
from zoo_core.runtime.reading.recipe_files import with_recipe_files
from zoo_core.verification.conclude.recheck import verify_export
from zoo_core.verification.mutants import Judged, score_export

COUNT = 20_000
FILE = "tokenizer.json"


class Words(nn.Module):
    """The mean of the vectors of a text's own tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.last = nn.Embedding(COUNT + 2, 4), nn.Linear(4, 3)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        return self.last((self.table(tokens) * mask[..., None]).mean(1))


INPUTS = {
    "tokens": TensorSpec("N", 6, dtype="int64", low=0, high=COUNT + 2),
    "mask": TensorSpec("N", 6, dtype="bool"),
}


def recipes(tokenizer: Path) -> dict[str, Recipe]:
    own = load_recipe(Recipe("text", source="text", length=6, tokenizer=str(tokenizer)))
    learnt = learning(own, []).recipe
    return {"tokens": learnt, "mask": learnt.changed(gives="mask")}


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer of words, one of which no file could have among its own words: it rings the bell."""
    words = ["[PAD]", "[UNK]", "\x07", *(f"word{number}" for number in range(COUNT - 1))]
    numbers = {word: number for number, word in enumerate(words)}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(numbers, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    path = tmp_path_factory.mktemp("brought") / "large.json"
    made.save(str(path))
    return path


@pytest.fixture(scope="module")
def published(brought: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exports") / "words"
    plan = plan_of(Words, inputs=INPUTS, outputs={"logits": TensorSpec("N", 3)}, task="text-classification")
    report = export(dataclasses.replace(plan, labels=("a", "b", "c"), recipes=recipes(brought)), place)
    assert [check.outcome for check in report.checks if check.rule in {"metadata", "recipes"}] == ["passed"] * 3
    return place


@pytest.fixture
def copy(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "copy"))


def test_it_is_one_file_that_other_programs_open(published: Path, brought: Path) -> None:
    assert (published / FILE).stat().st_size > MAX_OWN_WORDS_BYTES > (published / "model.onnx").stat().st_size - 400_000
    text = "word7 word19000 zebra"
    other, own = (tokenizers.Tokenizer.from_file(str(path)) for path in (published / FILE, brought))
    assert other.encode(text).ids == own.encode(text).ids
    report = verify_export(published)
    assert report.outcome == "verified"
    assert report.files[FILE] == sha256_of(published / FILE)
    assert f"`model.onnx` does not work without `{FILE}`" in (published / "README.md").read_text()


def test_texts_are_answered_by_it(published: Path, brought: Path) -> None:
    with open_model(published) as model:
        (answer,) = model(["word7 word19000 zebra"])
        ids = tokenizers.Tokenizer.from_file(str(brought)).encode("word7 word19000 zebra").ids
        feed = {"tokens": np.array([ids + [0] * 3]), "mask": np.array([[True] * 3 + [False] * 3])}
        found = torch.from_numpy(model.run(feed)["logits"])[0].softmax(0)
    assert answer["probability"] == pytest.approx(float(found.max()), abs=1e-6)


def test_a_file_moved_with_it_works_and_one_without_it_says_what_to_copy(published: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(published / "model.onnx", tmp_path))
    for use in (open_model, verify_export):
        with pytest.raises(
            RefusedFileError, match=rf"recipe-file-missing.* should be in .*{FILE}, which is missing"
        ) as caught:
            use(alone)
        assert caught.value.exit_code == 4
        assert caught.value.hint == f"copy {FILE} along with the .onnx file, or the whole folder of the export"
    shutil.copy(published / FILE, tmp_path)
    assert verify_export(alone).outcome == "verified"


class SeenEnoughError(Exception):
    """Scoring every mutant would take long."""


def test_the_mutants_of_a_file_that_has_it_are_judged_with_it(published: Path, tmp_path: Path) -> None:
    for name in ("model.onnx", FILE):
        shutil.copy(published / name, tmp_path)

    def look(judged: Judged) -> None:
        if judged.rules != ("structure",):  # that of a file that is refused before anything of it is looked at
            raise SeenEnoughError

    with pytest.raises(SeenEnoughError):
        score_export(tmp_path / "model.onnx", progress=look)


@pytest.mark.parametrize("damage", ["a word", "empty", "huge", "link out", "folder"])
def test_another_file_in_its_place_is_refused(damage: str, copy: Path, tmp_path: Path) -> None:
    place = copy / FILE
    content = place.read_bytes()
    place.unlink()
    if damage == "link out":
        tmp_path.joinpath("elsewhere.json").write_bytes(content)
        place.symlink_to(tmp_path / "elsewhere.json")
    elif damage == "folder":
        place.mkdir()
    elif damage == "huge":
        with place.open("wb") as file:
            file.truncate(MAX_LEARNT_BYTES + 1)
    else:
        place.write_bytes(content.replace(b"word7", b"word8", 1) if damage == "a word" else b"")
    reason = "recipe-file-changed.*" if damage in {"a word", "empty"} else ""
    for use in (open_model, verify_export):
        with pytest.raises(ZooError, match=f"{reason}{FILE}") as caught:
            use(copy)
        assert caught.value.exit_code == (1 if damage == "folder" else 4)


def test_what_is_no_json_is_refused_though_its_hash_is_right(tmp_path: Path) -> None:
    tmp_path.joinpath(FILE).write_bytes(b"{")
    place = {"file": FILE, "sha256": hashlib.sha256(b"{").hexdigest()}
    with pytest.raises(RefusedFileError, match="recipe-file-damaged"):
        with_recipe_files({"tokens": Recipe("text")}, {"tokens": {"tokenizer": place}}, path=tmp_path / "model.onnx")


def hostile(name: Any = FILE, digest: Any = "0" * 64, **parts: Any) -> dict[str, Any]:
    return {"tokens": {"tokenizer": {"file": name, "sha256": digest}, **parts}}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (hostile("../secret.json"), "the file of 'tokenizer' cannot be '../secret.json'"),
        (hostile("/etc/passwd"), "cannot be '/etc/passwd'"),
        (hostile("a:b.json"), "the file of 'tokenizer' cannot be"),
        (hostile(5), "cannot be '5'"),
        (hostile(digest="0" * 63), "the sha256 of 'tokenizer' cannot be"),
        (hostile(fields=5), "'fields' of 'tokens' is not named by its file and its sha256"),
        ({"tokens": {}}, "those of 'tokens' are not an object"),
        ({"tokens": []}, "those of 'tokens' are not an object"),
        ({"sound": {}}, "there is no recipe of 'sound'"),
        ([], "recipe_files is an object"),
    ],
)
def test_words_that_name_it_otherwise_are_refused(published: Path, files: Any, words: str) -> None:
    with open_model(published) as model:
        data = json.loads(model.metadata.to_json())
    assert Metadata.from_json(json.dumps(data)).recipes["mask"].learnt == {}
    with pytest.raises(ValueError, match=words):
        Metadata.from_json(json.dumps({**data, "recipe_files": files}))


def described(*vocabularies: dict[str, Any]) -> Metadata:
    names = [f"text{number}" for number in range(len(vocabularies))]
    return Metadata(
        name="words",
        task="text-classification",
        inputs=dict.fromkeys(names, TensorSpec("N", 6, dtype="int64", low=0, high=9)),
        outputs={"logits": TensorSpec("N", 3)},
        recipes={name: Recipe("text", learnt=learnt) for name, learnt in zip(names, vocabularies, strict=True)},
    )


def test_only_what_has_no_room_goes_beside_and_each_other_part_has_a_file_of_its_own() -> None:
    small, one, two = ({"report": letter * size} for letter, size in (("a", 9), ("b", 300_000), ("c", 200_000)))
    assert with_room(described(small, small)).recipe_files == {}
    files = with_room(described(small, one, two, two)).recipe_files
    assert {name: place["report"]["file"] for name, place in files.items()} == {
        "text1": "report-2.json",  # report.json is that of the export
        "text2": "report-3.json",
        "text3": "report-3.json",
    }
    with pytest.raises(ZooError, match=r"the report of the input 'text0' has .* is the most that lies beside a file"):
        with_room(described({"report": "d" * MAX_LEARNT_BYTES}))
    with pytest.raises(ZooError, match="cannot be written"):
        with_room(dataclasses.replace(described(one), labels=("long" * 90_000,)))
