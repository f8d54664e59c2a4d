"""A run that begins with weights of another one: what these have seen of its data, and whether they know its inputs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo_core import load_run

Zoo = Callable[..., Any]
SHORT = ("--epochs", "1", "-o", "hidden=4", "-d", "size=8")
PICTURES = ("train", "mlp", "--dataset", "image-folder", "-d", "root=pets", *SHORT)


@pytest.fixture
def pets(here: Path, zoo_here: Zoo) -> Path:
    """Sixty grey pictures of two classes, and a run of which twelve are its test part and six its validation part."""
    for number, name in enumerate(("cat", "dog")):
        (here / "pets" / name).mkdir(parents=True)
        for index in range(30):
            noise = np.random.default_rng([number, index]).integers(0, 100, (8, 8))
            Image.fromarray((noise + 150 * number).astype(np.uint8)).save(here / "pets" / name / f"{index:03}.png")
    done = zoo_here(*PICTURES, "-d", "test_size=12", "-d", "val_size=6", "--run", "first")
    assert done.code == 0, done.stderr
    return here


@pytest.mark.heavy
def test_weights_that_have_seen_samples_of_the_test_part_are_told_of(pets: Path, zoo_here: Zoo) -> None:
    parts = ("-d", "test_size=30", "-d", "val_size=6")
    for weights in ("first", "runs/first/weights.safetensors"):
        done = zoo_here(*PICTURES, *parts, "--run", "second", "--init-from", weights, "--json")
        assert done.code == 0, done.stderr
        told = load_run("second").info.remarks[0]
        assert told.startswith("Run 'first', whose weights it begins with, was trained on ")
        assert "of 30 samples of the test part" in told
        assert told in done.stderr, "it is said before the training begins"
        assert done.json["remarks"][0] == told
        assert told in (pets / "runs" / "second" / "README.md").read_text()
        shutil.move(pets / "runs" / "second", pets / "runs" / f"of-{len(weights)}")
    # One more step away from who has seen them, with pictures of another size.
    shutil.move(pets / "runs" / f"of-{len('first')}", pets / "runs" / "second")
    assert zoo_here(*PICTURES, *parts, "--run", "third", "--init-from", "second").code == 0
    assert load_run("third").info.remarks[0].startswith("Run 'first', whose weights it begins with, ")


@pytest.mark.heavy
def test_the_same_parts_or_other_pictures_are_no_leak(pets: Path, zoo_here: Zoo) -> None:
    same = ("-d", "test_size=12", "-d", "val_size=6", "--init-from", "first")
    assert zoo_here(*PICTURES, *same, "--run", "second").code == 0
    assert not [remark for remark in load_run("second").info.remarks if "begins with" in remark]
    for path in sorted((pets / "pets").rglob("*.png")):
        target = pets / "others" / path.relative_to(pets / "pets")
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - np.asarray(Image.open(path))).save(target)
    others = ("train", "mlp", "--dataset", "image-folder", "-d", "root=others", "-d", "test_size=30", *SHORT)
    assert zoo_here(*others, "--init-from", "first", "--run", "third").code == 0
    assert not [remark for remark in load_run("third").info.remarks if "begins with" in remark]


@pytest.mark.heavy
def test_it_is_said_where_nobody_can_tell(pets: Path, zoo_here: Zoo) -> None:
    shutil.copytree(pets / "pets", pets / "moved")
    shutil.rmtree(pets / "pets" / "cat")
    moved = ("train", "mlp", "--dataset", "image-folder", "-d", "root=moved", "-d", "test_size=30", *SHORT)
    done = zoo_here(*moved, "--init-from", "first", "--run", "second")
    assert done.code == 0, done.stderr
    assert "was trained on samples of the validation or the test part cannot be said: its data" in done.stderr


@pytest.mark.heavy
def test_words_that_are_numbered_otherwise_than_in_the_run_of_the_weights_are_told_of(
    here: Path, zoo_here: Zoo
) -> None:
    words = ("good", "bad", "film", "and", "was")
    rows = [f"{' '.join(words[: 2 + row % 4])},{'ab'[row % 2]}" for row in range(40)]
    (here / "texts.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    reviews = [f"{' '.join(words[4 - row % 4 :])},{'ab'[row % 2]}" for row in range(40)]
    (here / "reviews.csv").write_text("\n".join(["text,label", *reviews]) + "\n")
    texts = ("train", "textcnn", "--dataset", "text-file", "--epochs", "1", "-d")
    assert zoo_here(*texts, "root=texts.csv", "--run", "first").code == 0
    done = zoo_here(*texts, "root=texts.csv", "--run", "same", "--init-from", "first")
    assert (done.code, "another word" in done.stderr) == (0, False), done.stderr
    told = "a number may stand for another word or category than these weights have learnt"
    done = zoo_here(*texts, "root=reviews.csv", "--run", "other", "--init-from", "first")
    assert done.code == 0, done.stderr
    assert told in done.stderr
    assert told in load_run("other").info.remarks[0]
    assert told in (here / "runs" / "other" / "README.md").read_text()
