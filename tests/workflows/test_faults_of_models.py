"""What a model, or its own loss, gives wrongly is told before or at the first step, with its plugin and its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import write_distribution
from height_plugin import ALONE, TRAIN, changed

Zoo = Callable[..., Any]
FORWARD = "return super().forward(values)"
LOSS = 'task="height", summary="a ruler",'
FAULTS = {
    # what replaces the forward, or what the spec has besides; what is told
    "two outputs": (FORWARD, f"{FORWARD}, values", "the model declares the outputs height but returned 2: Tensor, Ten"),
    "an array": (FORWARD, f"{FORWARD}.detach().numpy()", "declares the outputs height but returned 1: ndarray"),
    "no way back": (
        FORWARD,
        f"{FORWARD}.detach()",
        "the loss does not depend on anything that is trained: no",
    ),
    "another shape": (FORWARD, f"{FORWARD}.T", "declares the output 'height' as (N, 1), but returned the shape (1, 2)"),
    "a vector": (
        LOSS,
        f'{LOSS} loss=lambda outputs, targets: outputs["height"].sum(1),',
        "the model's own loss returned a tensor of shape (54,), not a single number",
    ),
    "no names": (
        LOSS,
        f"{LOSS} losses=lambda module, inputs, targets: module(inputs).sum(),",
        "own losses are Tensor",
    ),
    "a class": (
        "return Ruler(3, 1)",
        "return Ruler",
        "its builder returns the class Ruler, not an nn.Module",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_plugin_of_the_model_is_told(name: str, run_zoo: Zoo, site: Path, tmp_path: Path) -> None:
    old, new, words = FAULTS[name]
    write_distribution(site, "zoo-height", files=changed(ALONE, ("__init__.py", old, new)))
    told = run_zoo(*TRAIN)
    assert told.code == 1, told.stderr
    assert words in told.stderr
    assert "plugin zoo-height:zoo-height must fix it" in told.stderr
    if name != "a class":
        assert ", given by plugin zoo-height:zoo-height, zoo_height/__init__.py:" in told.stderr
    assert "zoo_plugins" not in told.stderr
    assert not (tmp_path / "runs" / "heights").exists()


def test_what_never_was_a_number_may_be_no_matter_of_steps(run_zoo: Zoo, site: Path) -> None:
    files = changed(ALONE, ("__init__.py", FORWARD, f"{FORWARD} * float('nan')"))
    write_distribution(site, "zoo-height", files=files)
    told = run_zoo(*TRAIN)
    assert told.code == 1, told.stderr
    assert "training diverged in epoch 1: the loss is nan at step 1" in told.stderr
    assert "zoo check MODEL --rule stays-finite looks whether the model gives numbers at all" in told.stderr


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (LOSS, f"{LOSS} labels=(1, 2),", "'ruler': labels is a tuple of texts, not (1, 2)"),
        (LOSS, f'{LOSS} preprocess="L",', "ModelSpec 'ruler': preprocess is a Preprocess, not 'L'"),
        (
            '{"height": TensorSpec("N", 1)}',
            '[TensorSpec("N", 1)]',
            "outputs declares a list, not names with a Tens",
        ),
        ("def build():", "def build(**more):", "parameter 'more' of build must be keyword-only (name each option: one"),
    ],
)
def test_a_spec_of_another_form_is_told_at_once(old: str, new: str, words: str, run_zoo: Zoo, site: Path) -> None:
    write_distribution(site, "zoo-height", files=changed(ALONE, ("__init__.py", old, new)))
    [problem] = [row["problem"] for row in run_zoo("plugins", "--json").json if row["id"] == "zoo-height:zoo-height"]
    assert words in problem
