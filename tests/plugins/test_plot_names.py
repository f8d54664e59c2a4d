"""Which sample a picture or a line of `errors.csv` shows: of a table the file and the row, of a text its beginning."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo_core import open_zoo
from zoo_core.data import bind_dataset

ROWS = 40


@pytest.fixture
def table(here: Path) -> Path:
    """Rows that cannot be told apart, each with a word that no other has."""
    lines = [f"{('a', 'b')[row % 2]},same word{row},{row % 3}" for row in range(ROWS)]
    (here / "mine.csv").write_text("\n".join(["label,text,number", *lines]) + "\n")
    return here


TRAININGS = {
    "text-file": ("textcnn", ("least=1",), "same word{row}"),
    "table-file": ("tablemlp", ("drop=text",), "number {number}"),
    "table-file-regression": ("tablemlp-regression", ("target=number", "drop=label"), ""),
}


@pytest.mark.heavy
@pytest.mark.parametrize("dataset", ["text-file", "table-file"])
def test_errors_name_the_file_and_the_row_of_each_sample(
    dataset: str, table: Path, zoo_here: Callable[..., Any]
) -> None:
    model, options, words = TRAININGS[dataset]
    data = [word for option in ("root=mine.csv", *options) for word in ("-d", option)]
    done = zoo_here("train", model, "--dataset", dataset, *data, "-d", "test_size=20", "--epochs", "1", "--run", "r")
    assert done.code == 0, done.stderr
    assert zoo_here("plot", "r", "--what", "errors").code == 0
    with Path("runs/r/plots/errors.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert found, "rows that are alike are not all answered right"
    for line in found:
        row = int(line["path"].removeprefix("mine.csv[").removesuffix("]"))
        assert line["truth"] == "ab"[row % 2], "the row of the table is this sample"
        if dataset == "table-file":
            assert words.format(number=row % 3) in line["words"]
        else:
            assert line["words"].startswith("same ")


def test_samples_keep_the_names_of_their_rows_through_every_choice(table: Path) -> None:
    for dataset, (_, options, _) in TRAININGS.items():
        given = dict(option.split("=") for option in ("root=mine.csv", "test_size=10", "train_size=9", *options))
        parts = bind_dataset(open_zoo().dataset(dataset), given).load_all()
        names = [name for part in parts.values() for name in part.files or ()]
        assert len(names) == sum(map(len, parts.values())) == len(set(names))
        assert set(names) <= {f"mine.csv[{row}]" for row in range(ROWS)}


@pytest.mark.parametrize("what", ["filters", "confusion"])
def test_a_picture_of_a_run_says_of_which_epoch_it_is(what: str, workplace: Path, zoo_here: Callable[..., Any]) -> None:
    run = workplace / "runs" / "lenet5-digits"
    drawn = []
    for epoch in (3, 4, 4):
        record = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps(record | {"best_epoch": epoch}))
        assert zoo_here("plot", "run:lenet5-digits", "--what", what).code == 0
        drawn.append((run / "plots" / f"{what}.png").read_bytes())
    assert drawn[0] != drawn[1] == drawn[2]
