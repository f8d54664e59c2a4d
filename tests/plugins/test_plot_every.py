"""`zoo plot --what all`: every picture that there is of a run, an export or a dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mask_files import filter_bank

Zoo = Callable[..., Any]
OF_DATA = ("samples", "confusion", "predictions", "errors", "why")


def names(done: Any) -> list[str]:
    return [Path(file).name for file in done.json["files"]]


def test_everything_of_a_run_with_the_options_that_each_is_for(run_zoo: Zoo, workplace: Path) -> None:
    done = run_zoo("plot", "lenet5-digits", "--what", "all", "--count", "4", "--json", cwd=workplace)
    assert names(done) == [
        *(
            "curves.png",
            "samples.png",
            "confusion.png",
            "filters.png",
            "predictions.png",
            "errors.png",
            "errors.csv",
            "why.png",
        )
    ]
    assert all((workplace / file).is_file() for file in done.json["files"])
    assert done.stderr == "activations: left out, they need --input FILE\n"


def test_everything_of_a_dataset_and_nothing_else(run_zoo: Zoo) -> None:
    done = run_zoo("plot", "digits", "--what", "all", "-d", "train_size=20", "--augment", "crop", "--json")
    assert names(done) == ["digits-samples.png", "digits-augmented.png"]
    refused = run_zoo("plot", "digits", "--what", "all", "--layer", "conv1")
    assert (refused.code, refused.stdout) == (2, "")
    assert "--layer is not for any of samples, augmented" in refused.stderr


def test_what_a_model_has_no_picture_of_is_told_and_left_out(run_zoo: Zoo, here: Path) -> None:
    filter_bank(here, np.ones((2, 1, 3, 3)), name="bank")
    done = run_zoo("plot", "export:bank", "--what", "all", "--out", "drawn", "--json")
    assert names(done) == ["bank-filters.png"]
    told = [line.partition(": left out, ") for line in done.stderr.splitlines()]
    assert sorted(kind for kind, _, _ in told) == sorted(["activations", *OF_DATA])
    assert all(why for _, _, why in told)


def test_several_pictures_are_no_file(run_zoo: Zoo) -> None:
    refused = run_zoo("plot", "digits", "--what", "all", "--out", "one.png")
    assert (refused.code, refused.stdout) == (2, "")
    assert "--out one.png is one file, for several pictures" in refused.stderr
    together = run_zoo("plot", "a", "b", "--what", "all")
    assert together.code == 2


def test_nothing_at_all_is_the_first_error(run_zoo: Zoo) -> None:
    done = run_zoo("plot", "mask-folder", "--what", "all")
    assert done.code == 2
    assert "Error: dataset mask-folder needs" in done.stderr
