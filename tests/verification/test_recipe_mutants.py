"""Faults in recipes and in rows of tables are seen, in a file alone too: another rate, vocabulary, mean or category."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from checking import plan_of
from torch import Tensor, nn

from zoo_core import Recipe, TensorSpec
from zoo_core.export.bundle import export
from zoo_core.recipes import learning, load_recipe
from zoo_core.verification.conclude.recheck import verify_export
from zoo_core.verification.mutants import make_mutants

KINDS = {
    "field of a recipe",
    "vocabulary off by one",
    "another vocabulary",
    "what a recipe has learnt",
    "input off by one",
    "row of other numbers",
}
TEXTS = ["the cat sat", "the dog sat", "a cat ran"]
ROWS = [{"age": "1.5", "size": "30", "city": city} for city in ("oslo", "rome", "oslo", "rome", "bonn", "bonn")]
ROWS += [{"age": "4", "size": "20", "city": ""}]


class Mixed(nn.Module):
    """Tokens, the numbers and the categories of a row, and a sound."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.cities = nn.Embedding(8, 6), nn.Embedding(5, 6)
        self.numbers, self.sound = nn.Linear(2, 6), nn.Conv1d(1, 6, 8, stride=8)
        self.last = nn.Linear(6, 3)

    def forward(self, tokens: Tensor, numbers: Tensor, categories: Tensor, sound: Tensor) -> Tensor:
        order = torch.arange(1, 5)[:, None]
        found = (self.words(tokens) * order).sum(1) + self.cities(categories[:, 0]) + self.numbers(numbers)
        return self.last(found + self.sound(sound).mean(2))


def recipes() -> dict[str, Recipe]:
    rows = {gives: learning(load_recipe(Recipe("table", gives=gives)), ROWS) for gives in ("numbers", "categories")}
    return {
        "tokens": learning(load_recipe(Recipe("text", length=4, least=1)), TEXTS).recipe,
        **{name: recipe.recipe for name, recipe in rows.items()},
        "sound": load_recipe(Recipe("waveform", rate=8000, seconds=0.02)).recipe,
    }


INPUTS = {
    "tokens": TensorSpec("N", 4, dtype="int64", low=0, high=8),
    "numbers": TensorSpec("N", 2),
    "categories": TensorSpec("N", 1, dtype="int64", low=0, high=5),
    "sound": TensorSpec("N", 1, 160, low=-1, high=1),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("mixed") / "made"
    plan = plan_of(Mixed, inputs=INPUTS, outputs={"y": TensorSpec("N", 3)})
    report = export(dataclasses.replace(plan, recipes=recipes()), place)
    told = [check for check in report.checks if check.rule == "recipes"]
    assert [check.outcome for check in told] == ["passed"] * 4
    return place


def test_every_fault_is_seen_in_the_file_alone(exported: Path, tmp_path: Path) -> None:
    content, alone = (exported / "model.onnx").read_bytes(), tmp_path / "alone.onnx"
    alone.write_bytes(content)
    assert verify_export(alone).outcome == "verified"
    planted, survived = [], []
    for mutant in make_mutants(content, kinds=KINDS, most=2):
        planted.append(mutant)
        alone.write_bytes(mutant.model_bytes)
        if verify_export(alone).outcome == "verified":
            survived.append(mutant.name)
    assert survived == []
    assert {mutant.kind for mutant in planted} == KINDS
    assert "tokens.learnt.tokenizer.model.vocab" in {mutant.description.partition(":")[0] for mutant in planted}
