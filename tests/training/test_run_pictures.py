"""Pictures in the folder of a run that goes on: they are of weights that it no longer has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_jobs import Stop
from stopped_runs import stop_after

from zoo_core import load_run, open_zoo
from zoo_core.workflows.trainings.train import train

SMALL: dict[str, Any] = {
    "model": "mlp",
    "dataset": "digits",
    "run": "run",
    "epochs": 2,
    "options": {"hidden": "16"},
    "data": {"train_size": "64", "val_size": "32"},
}
MORE: dict[str, Any] = {"model": "mlp", "dataset": "digits", "run": "run", "resume": True}


@pytest.fixture
def drawn(here: Path) -> Path:
    """A finished run of two epochs, and what somebody drew of it."""
    train(open_zoo(), **SMALL)
    plots = here / "runs" / "run" / "plots"
    plots.mkdir(exist_ok=True)
    for name in ("confusion.png", "errors.png", "errors.csv"):
        (plots / name).write_text("of two epochs")
    return here / "runs" / "run"


def test_what_was_drawn_before_a_run_was_extended_is_set_aside_and_the_card_says_of_which_epoch(drawn: Path) -> None:
    train(open_zoo(), **MORE, epochs=3)
    card = (drawn / "README.md").read_text()
    assert "for 3 epochs" in card
    assert "![confusion]" not in card, "a picture of older weights stands beside new numbers"
    assert "Drawn after epoch 2, of the run as it was then: [confusion](plots/after-epoch-2/confusion.png), " in card
    assert not [path for name in ("confusion.png", "errors.png", "errors.csv") for path in drawn.glob(f"plots/{name}")]
    assert (drawn / "plots" / "after-epoch-2" / "errors.csv").read_text() == "of two epochs"
    assert "![curves](plots/curves.png)" in card, "those of the whole run are drawn anew"
    (drawn / "plots" / "errors.png").write_text("of three epochs")
    train(open_zoo(), **MORE, epochs=4)
    card = (drawn / "README.md").read_text()
    assert "Drawn after epoch 2, " in card
    assert "Drawn after epoch 3, " in card


def test_an_extended_run_that_is_stopped_has_no_card_of_its_older_weights(drawn: Path) -> None:
    with pytest.raises(Stop):
        train(open_zoo(), **MORE, epochs=5, callbacks=stop_after(3))
    assert load_run("run").info.status == "unfinished"
    assert not (drawn / "README.md").exists()
    assert not (drawn / "plots" / "confusion.png").exists()
    train(open_zoo(), **MORE)
    assert "Drawn after epoch 2, of the run as it was then: [confusion]" in (drawn / "README.md").read_text()
