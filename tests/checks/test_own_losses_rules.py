"""A stranger's detector that computes its losses itself: the rules of training are tried on it, with made-up boxes."""

from __future__ import annotations

from typing import Any

import pytest

PLUGIN = """
    from zoo_core import ModelSpec, TensorSpec, hookimpl

    def one_box():
        from .net import OneBox

        return OneBox()

    def losses(module, image, targets):
        from .net import losses as values

        return values(module, image, targets)

    @hookimpl
    def zoo_models():
        yield ModelSpec(
            name="one-box", build=one_box, task="detection", summary="one box", license="MIT",
            source="https://example.org/one-box",
            inputs={"image": TensorSpec(1, 1, 32, 32, low=0.0, high=1.0)},
            outputs={"boxes": TensorSpec("K", 4), "scores": TensorSpec("K"), "labels": TensorSpec("K", dtype="int64")},
            losses=losses,
        )
"""

NET = """
    import torch
    from torch import nn

    class OneBox(nn.Module):
        def __init__(self):
            super().__init__()
            self.place = nn.Linear(4, 4)
            self.score = nn.Linear(4, 1)

        def seen(self, image):
            return image.reshape(len(image), 4, -1).mean(2)

        def forward(self, image):
            if self.training:
                raise RuntimeError("in training there is nothing to be told")
            seen = self.seen(image)
            return {
                "boxes": 16 + self.place(seen),
                "scores": self.score(seen)[:, 0].sigmoid(),
                "labels": torch.zeros(1, dtype=torch.int64),
            }

    def losses(module, image, targets):
        real = targets[..., 4] >= 0
        wanted = (targets[..., :4] * real[..., None]).sum(1)
        seen = module.seen(image)
        return {
            "place": (16 + module.place(seen) - wanted).abs().mean(),
            "score": -nn.functional.logsigmoid(module.score(seen)).mean(),
        }
"""

RULES = ("every-parameter-learns", "learns-a-batch")


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        ("", "", {}),
        ("-nn.functional.logsigmoid(module.score(seen)).mean()", "image.sum() * 0", {RULES[0]: "score.weight gets no"}),
        (
            'return {\n            "place"',
            "return {'none': (module.place(seen).sum() + module.score(seen).sum()) * 0} or {\n            \"place\"",
            {RULES[1]: "the loss goes"},
        ),
        ("(16 + module.place(seen) - wanted)", "(module.place(seen) / 0)", dict.fromkeys(RULES, "")),
    ],
    ids=["healthy", "a layer without a loss", "a loss that stays", "not finite"],
)
def test_its_losses_are_tried(
    old: str, new: str, broken: dict[str, str], zoo_here: Any, fake_distribution: Any
) -> None:
    fake_distribution(
        "zoo-boxes", files={"__init__.py": PLUGIN, "net.py": NET.replace(old, new)}, entries={"boxes": "zoo_boxes"}
    )
    result = zoo_here("check", "model:one-box", *(text for rule in RULES for text in ("--rule", rule)), "--json")
    found = {row["rule"]: row["detail"] for row in result.json["failed"]}
    assert result.json["skipped"] == []
    assert set(found) == set(broken), found
    assert all(words in found[rule] for rule, words in broken.items()), found
