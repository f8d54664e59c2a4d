"""A run that has learnt nothing: what comes next is something to try, and not its export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo_core.training import read_tensors, save_tensors

Zoo = Callable[..., Any]
ONE_EPOCH = ("-o", "hidden=4", "-d", "train_size=60", "--epochs", "1")
STILL = ("train", "mlp", "--dataset", "digits", "--run", "still", *ONE_EPOCH)
LONGER = "Next: zoo train mlp --dataset digits --run still --resume --epochs 2"


@pytest.mark.heavy
def test_a_run_at_chance_level_is_told_what_to_try_next(here: Path, zoo_here: Zoo) -> None:
    done = zoo_here(*STILL, "-t", "lr=1e-12")
    assert done.code == 0, done.stderr
    assert "Not clearly better than chance" in done.stdout
    assert done.stdout.splitlines()[-1] == LONGER
    assert json.loads((here / "runs" / "still" / "run.json").read_text())["beats_chance"] is False
    assert zoo_here("eval", "still").stdout.splitlines()[-1] == LONGER
    assert zoo_here("plot", "still").stdout.splitlines()[-1] == LONGER
    tried = zoo_here(*LONGER.split()[2:], "--json")
    assert tried.code == 0, tried.stderr
    assert (tried.json["epochs"], tried.json["beats_chance"]) == (2, False)


@pytest.mark.heavy
def test_the_export_of_a_run_that_always_answers_alike_speaks_to_who_trained_it(here: Path, zoo_here: Zoo) -> None:
    assert zoo_here(*STILL).code == 0
    file = here / "runs" / "still" / "weights.safetensors"
    tensors, facts = read_tensors(file, what="the weights")
    constant = {name: torch.ones_like(tensor) * (tensor.ndim == 1) for name, tensor in tensors.items()}
    save_tensors(file, constant, facts={name: value for name, value in facts.items() if name != "sha256"})
    refused = zoo_here("export", "still")
    assert refused.code == 3
    told = (
        "so run 'still' answers nearly the same whatever it is given: train it longer, or again with another learning"
    )
    assert told in refused.stderr
    assert "examples=" not in refused.stderr
