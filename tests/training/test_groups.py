"""Which parameters decay, and at which rates layers learn."""

from __future__ import annotations

from torch import nn

from zoo_core.training import parameter_groups
from zoo_core.training.groups import RATE_PART, layer_numbers


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)) for _ in range(2)])
        self.head = nn.Linear(4, 2)


def test_biases_and_norms_do_not_decay() -> None:
    module = Net()
    groups = parameter_groups(module, decay_vectors=False)
    decaying = [each for group in groups if "weight_decay" not in group for each in group["params"]]
    spared = [each for group in groups if group.get("weight_decay") == 0.0 for each in group["params"]]
    assert {each.ndim for each in decaying} == {2, 4}
    assert {each.ndim for each in spared} == {1}
    assert len(decaying) + len(spared) == len(list(module.parameters()))


def test_a_norm_belongs_to_the_layer_before_it_and_numbered_parts_are_layers() -> None:
    numbers = layer_numbers(Net())
    layers: dict[int, set[str]] = {}
    for name, number in numbers.items():
        layers.setdefault(number, set()).add(name.rpartition(".")[0])
    assert layers == {
        0: {"stem", "norm"},
        1: {"blocks.0.0", "blocks.0.1"},
        2: {"blocks.1.0", "blocks.1.1"},
        3: {"head"},
    }


def test_each_layer_has_a_part_of_the_rate_of_the_next_one() -> None:
    module = Net()
    module.stem.requires_grad_(False)
    groups = parameter_groups(module, layer_decay=0.5)
    assert [group[RATE_PART] for group in groups] == [0.125, 0.25, 0.5, 1.0]
    assert [len(group["params"]) for group in groups] == [2, 4, 4, 2]


def test_without_a_wish_there_are_no_groups() -> None:
    module = Net()
    assert [id(each) for each in parameter_groups(module)] == [id(each) for each in module.parameters()]
