"""Options of a dataset that are typed as those of the command, and files that are named as datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Zoo = Callable[..., Any]


@pytest.mark.parametrize(
    ("words", "pair"),
    [(("root=pets",), "root=pets"), (("--root", "pets"), "root=..."), (("--val-size=9",), "val_size=...")],
)
def test_an_option_of_the_dataset_is_told_how_it_is_typed(words: tuple[str, ...], pair: str, zoo_here: Zoo) -> None:
    train = zoo_here("train", "mlp", "--dataset", "image-folder", *words)
    assert train.code == 2
    assert (
        f"Hint: an option of the dataset is typed -d {pair}, an option of the model is typed -o {pair}" in train.stderr
    )
    measure = zoo_here("eval", "a", *words)
    assert f"Hint: an option of the dataset is typed -d {pair}; see zoo eval --help" in measure.stderr


def test_a_mistyped_option_is_told_as_before(zoo_here: Zoo) -> None:
    told = zoo_here("train", "mlp", "--epoch", "3")
    assert (told.code, "Did you mean '--epochs'?\nHint: see zoo train --help" in told.stderr) == (2, True), told.stderr
    assert "is typed" not in zoo_here("verify", "a", "b=c").stderr


def test_files_that_are_named_as_a_dataset_are_told_as_files(here: Path, zoo_here: Zoo) -> None:
    Path("my pets").mkdir()
    Path("ages.csv").touch()
    for name, kind, typed in (("my pets", "folder", "'my pets'"), ("ages.csv", "file", "ages.csv")):
        told = zoo_here("train", "mlp", "--dataset", name)
        assert told.code == 2
        assert f"Hint: {name} is a {kind}: --dataset D -d root={typed}, with a dataset D that" in told.stderr
        assert "Did you mean" not in told.stderr
    found = zoo_here("list", "datasets", "--search", "your", "--json").json
    assert {"image-folder", "table-file"} <= {row["name"] for row in found}
    assert "cifar10" not in {row["name"] for row in found}
