"""Weights that a builder brings itself are exported as they are; fresh ones beside them are made healthy, as ever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from zoo_core import Model, ModelSpec, TensorSpec, open_zoo
from zoo_core.export.bundle import export
from zoo_core.export.plan.plan import DEFAULT_OPSET, ExportPlan
from zoo_core.workflows.exports.export_source import plan_model
from zoo_core.workflows.exports.own_weights import looks_initialised, own_tensors


def net(outputs: int = 5) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, outputs),
    )


def from_a_file(module: nn.Module) -> None:
    """Numbers that are the same whatever seed is set, and that no initialiser draws."""
    drawn = torch.Generator().manual_seed(77)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=drawn) + 0.1)


def own() -> nn.Module:
    module = net()
    from_a_file(module)
    return module


def own_without_statistics() -> nn.Module:
    """A convolution of its own, before a norm as it is made: that norm belongs to it."""
    module = net()
    from_a_file(module[0])
    from_a_file(module[5])
    return module


def backbone_with_fresh_head() -> nn.Module:
    module = net()
    from_a_file(module[:2])
    nn.init.zeros_(module[5].weight)
    return module


def seeded_inside() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.Flatten(), nn.Linear(16 * 14 * 14, 5))


class Scaled(nn.Module):
    """Fresh, with a layer scale that begins near zero."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.scale, self.last = (
            nn.Conv2d(3, 8, 3),
            nn.Parameter(torch.full((8, 1, 1), 1e-6)),
            nn.Linear(8, 5),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.last((self.conv(x) * self.scale).mean((2, 3)))


def plan_of_model(build: Callable[[], nn.Module]) -> ExportPlan:
    def builder() -> nn.Module:
        return build()

    spec = ModelSpec(
        name="tried",
        build=builder,
        task="features",
        summary="a model for tests",
        inputs={"image": TensorSpec("N", 3, 16, 16)},
        outputs={"y": TensorSpec("N", 5)},
    )
    return plan_model(Model(spec=spec, plugin="tests:tests"), {}, name="tried", opset=DEFAULT_OPSET)


@pytest.mark.parametrize("build", [own, own_without_statistics])
def test_weights_of_the_builder_are_exported_as_they_are(build: Callable[[], nn.Module], tmp_path: Path) -> None:
    plan = plan_of_model(build)
    built = build().state_dict()
    assert plan.own == {name for name in built if not name.endswith("num_batches_tracked")} | (plan.own & set(built))
    assert not plan.untrained
    assert all(torch.equal(plan.checkpoint[name], tensor) for name, tensor in built.items())
    report = export(plan, tmp_path / "made")
    assert (report.outcome, report.untrained) == ("verified", False)
    (told,) = [check.detail for check in report.checks if check.rule == "own weights"]
    assert told.endswith("tensors are the builder's own, whatever the seed: none was altered")


def test_of_a_backbone_with_a_fresh_head_only_the_head_is_made_healthy(tmp_path: Path) -> None:
    plan = plan_of_model(backbone_with_fresh_head)
    built = backbone_with_fresh_head().state_dict()
    changed = {name for name, tensor in built.items() if not torch.equal(plan.checkpoint[name], tensor)}
    assert plan.untrained
    assert changed == {"5.weight", "5.bias"}
    assert {"0.weight", "0.bias", "1.weight", "1.running_mean", "1.running_var"} <= plan.own
    assert export(plan, tmp_path / "made").untrained


@pytest.mark.parametrize("build", [net, seeded_inside, Scaled])
def test_fresh_weights_are_known_whoever_sets_the_seed(build: Callable[[], nn.Module]) -> None:
    plan = plan_of_model(build)
    assert (plan.own, plan.untrained) == (frozenset(), True)


@pytest.mark.parametrize(
    "name", ["lenet5", "resnet9", "unet1d", "torchvision/mobilenet_v3_small", "torchvision/vit_b_32"]
)
def test_models_of_the_zoo_bring_none(name: str) -> None:
    model = open_zoo().model(name)
    torch.manual_seed(0)
    assert own_tensors(model.build(), model.build()) == frozenset()


@pytest.mark.parametrize("shape", [(16, 3, 3, 3), (64, 64), (10, 200)])
def test_what_initialisers_draw_is_recognised_and_what_training_leaves_is_not(shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    matrix = torch.empty(shape)
    for draw in (
        lambda: nn.init.kaiming_uniform_(matrix, a=5**0.5),
        lambda: nn.init.kaiming_normal_(matrix),
        lambda: nn.init.xavier_uniform_(matrix),
        lambda: nn.init.trunc_normal_(matrix, std=0.02),
    ):
        draw()
        assert looks_initialised(matrix)
    assert not looks_initialised(matrix + 0.1)
    assert not looks_initialised(matrix * 2.3)
    assert not looks_initialised(matrix.sign() * matrix.abs() ** 4)
