"""Weights to begin with, and parts that stay as they are: `--init-from` and `--freeze`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from zoo_core import open_zoo
from zoo_core.errors import UsageError, ZooError
from zoo_core.training.freezing import freeze, train_mode
from zoo_core.training.transfer import begin_with, initial_weights
from zoo_core.workflows.trainings.train import train

Zoo = Callable[..., Any]

SMALL: dict[str, Any] = {"model": "mlp", "dataset": "digits", "options": {"hidden": "16"}, "epochs": 1}
FEW = {"train_size": "100"}
THREE = {"train_size": "60", "classes": "1,4,7"}


def _weights(run: str) -> dict[str, torch.Tensor]:
    return load_file(f"runs/{run}/weights.safetensors")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_begins_with_the_weights_of_another_and_its_head_for_other_classes_is_fresh(here: Path) -> None:
    zoo = open_zoo()
    train(zoo, **SMALL, data=FEW, run="first")
    info = train(zoo, **SMALL, data=THREE, run="second", init_from="first")
    names = list(_weights("first"))
    head = names[-2:]
    assert info.init_from == "first"
    assert list(info.fresh) == head
    assert [len(_weights("second")[name]) for name in head] == [3, 3]
    assert json.loads(Path("runs/second/run.json").read_text())["fresh"] == head


def test_frozen_parts_keep_their_bits_and_the_others_learn(here: Path) -> None:
    zoo = open_zoo()
    train(zoo, **SMALL, data=FEW, run="first")
    before = _weights("first")
    first = next(iter(before)).rpartition(".")[0]
    train(zoo, **SMALL, data=FEW, run="second", init_from="runs/first/weights.safetensors", freeze=(first,))
    after = _weights("second")
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {f"{first}.weight", f"{first}.bias"}


def test_a_resumed_run_is_still_frozen_and_needs_its_first_weights_no_more(here: Path) -> None:
    zoo = open_zoo()
    train(zoo, **SMALL, data=FEW, run="first")
    first = next(iter(_weights("first"))).rpartition(".")[0]
    asked = {**SMALL, "epochs": 3, "data": FEW, "init_from": "first", "freeze": (first,)}
    train(zoo, **asked, run="straight")

    class Stop(Exception):
        pass

    from zoo_core.workflows.trainings.one_training import TrainCallbacks

    def stop(row: Any) -> None:
        if row.epoch == 1:
            raise Stop

    with pytest.raises(Stop):
        train(zoo, **asked, run="stopped", callbacks=TrainCallbacks(on_epoch=stop))
    for file in ("run.json", "weights.safetensors"):
        Path("runs/first", file).unlink()
    train(zoo, model="mlp", dataset="digits", run="stopped", resume=True)
    straight, resumed = _weights("straight"), _weights("stopped")
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
    assert list(json.loads(Path("runs/stopped/run.json").read_text())["freeze"]) == [first]


def test_other_weights_than_the_run_began_with_contradict_it(here: Path) -> None:
    zoo = open_zoo()
    train(zoo, **SMALL, data=FEW, run="first")
    with pytest.raises(UsageError):
        train(zoo, **SMALL, data=FEW, run="first", resume=True, init_from="other")


def test_the_command_says_what_is_fresh(zoo_here: Zoo) -> None:
    small = ("train", "mlp", "--dataset", "digits", "-o", "hidden=16", "--epochs", "1", "-d", "train_size=60")
    assert zoo_here(*small, "--run", "first").code == 0
    done = zoo_here(*small, "-d", "classes=1,4,7", "--run", "second", "--init-from", "first")
    assert done.code == 0, done.stderr
    assert "Begins with the weights of first; fresh, because they are for other classes: " in done.stderr
    done = zoo_here(*small, "--init-from", "absent")
    assert done.code == 2
    assert "absent" in done.stderr
    done = zoo_here(*small, "--init-from", "absent.safetensors")
    assert done.code == 1
    assert "Error: there is no file absent.safetensors" in done.stderr
    done = zoo_here(*small, "--init-from", "weights:DEFAULT")
    assert done.code == 2
    assert "mlp has no weights called 'DEFAULT'" in done.stderr
    done = zoo_here(*small, "--freeze", "nothing.*")
    assert done.code == 2
    assert "Error: --freeze nothing.* names no parameter of the model" in done.stderr
    assert not Path("runs/mlp-digits").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("train", "mlp", "--dataset", "digits", "-d", "train_size=60", "--epochs", "1", "--init-from"),
        ("export", "mlp", "--weights"),
        ("features", "mlp", "--layer", "layers.0", "--dataset", "digits", "--out", "found.npz", "--weights"),
    ],
)
def test_a_file_of_torch_save_is_read_unless_it_would_run_code(command: tuple[str, ...], zoo_here: Zoo) -> None:
    mlp = open_zoo().model("mlp").build()
    torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in mlp.state_dict().items()}}, "mine.pth")
    done = zoo_here(*command, "mine.pth")
    assert done.code == 0, done.stderr
    assert "the weights in mine.pth: read without the prefix 'state_dict.module.'" in done.stderr
    torch.save(mlp, "whole.pth")
    done = zoo_here(*command, "whole.pth")
    assert done.code == 4
    assert "Error: whole.pth is not read: opening it would run torch.nn.modules" in done.stderr
    assert "Hint: where the model was made: torch.save(model.state_dict(), 'whole.pth')" in done.stderr


def test_a_damaged_file_of_weights_is_told(zoo_here: Zoo) -> None:
    Path("cut.safetensors").write_bytes(b"cut")
    done = zoo_here("train", "mlp", "--dataset", "digits", "--init-from", "cut.safetensors")
    assert done.code == 1
    assert "Error: the file of weights cut.safetensors is damaged: " in done.stderr
    assert "Hint: replace the file" in done.stderr


class _TwoHeads(nn.Module):
    def __init__(self, first: int, second: int) -> None:
        super().__init__()
        self.body, self.first, self.second = nn.Linear(3, 4), nn.Linear(4, first), nn.Linear(4, second)


def test_heads_of_different_sizes_are_another_model_not_other_classes(tmp_path: Path) -> None:
    save_file(_TwoHeads(5, 7).state_dict(), tmp_path / "other.safetensors")
    weights = initial_weights(str(tmp_path / "other.safetensors"), model=open_zoo().model("mlp"))
    with pytest.raises(ZooError, match="of another shape: first"):
        begin_with(_TwoHeads(4, 6), weights)


def test_a_layer_for_other_inputs_is_never_fresh_in_silence(tmp_path: Path) -> None:
    save_file(nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 2)).state_dict(), tmp_path / "other.safetensors")
    weights = initial_weights(str(tmp_path / "other.safetensors"), model=open_zoo().model("mlp"))
    with pytest.raises(ZooError, match=r"of another shape: 0\.weight"):
        begin_with(nn.Sequential(nn.Linear(3, 6), nn.Linear(6, 2)), weights)


def _net(classes: int = 4, *, width: int = 6) -> nn.Module:
    torch.manual_seed(classes + width)
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, classes))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (_net(width=7), "of another shape: "),
        (nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU()), "missing: 3.bias, 3.weight"),
        (nn.Sequential(*_net(), nn.Linear(4, 4)), "unexpected: 4.bias, 4.weight"),
    ],
)
def test_weights_of_another_model_are_refused(other: nn.Module, message: str, tmp_path: Path) -> None:
    save_file(other.state_dict(), tmp_path / "other.safetensors")
    module = _net()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    weights = initial_weights(str(tmp_path / "other.safetensors"), model=open_zoo().model("mlp"))
    with pytest.raises(ZooError, match=message):
        begin_with(module, weights)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_only_a_head_for_other_classes_stays_fresh(tmp_path: Path) -> None:
    save_file(_net(9).state_dict(), tmp_path / "nine.safetensors")
    module = _net(4)
    fresh = begin_with(module, initial_weights(str(tmp_path / "nine.safetensors"), model=open_zoo().model("mlp")))
    assert fresh == ("3.weight", "3.bias") or set(fresh) == {"3.weight", "3.bias"}
    assert torch.equal(module.state_dict()["0.weight"], _net(9).state_dict()["0.weight"])
    assert torch.equal(module.state_dict()["3.weight"], _net(4).state_dict()["3.weight"])


def test_frozen_norms_keep_their_statistics_and_others_do_not() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout())
    freeze(net, ["[01]"])
    train_mode(net)
    assert [part.training for part in net] == [True, False, True, True, True]
    net(torch.randn(8, 3))
    assert int(net[1].num_batches_tracked) == 0
    assert int(net[3].num_batches_tracked) == 1
    assert [name for name, value in net.named_parameters() if not value.requires_grad] == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
    ]


@pytest.mark.parametrize(
    ("patterns", "trained"),
    [
        (["!3"], {"3.weight", "3.bias"}),
        (["!3", "!*.bias"], {"3.weight", "3.bias", "0.bias", "1.bias"}),
        (["[01]", "!1.weight"], {"1.weight", "3.weight", "3.bias"}),
    ],
)
def test_all_but_some_parts_are_frozen(patterns: list[str], trained: set[str]) -> None:
    net = _net()
    freeze(net, patterns)
    assert {name for name, parameter in net.named_parameters() if parameter.requires_grad} == trained


def test_the_example_of_the_help_freezes_all_but_the_last_layer(zoo_here: Zoo) -> None:
    text = " ".join(zoo_here("train", "--help").stdout.split())
    assert "--freeze '!fc' published weights, of which only the last layer, fc, is trained" in text
    net = open_zoo().model("torchvision/resnet18").build(num_classes=2)
    freeze(net, ["!fc"])
    assert [name for name, parameter in net.named_parameters() if parameter.requires_grad] == ["fc.weight", "fc.bias"]


def test_freezing_everything_or_nothing_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="--freeze conv names no parameter of the model") as caught:
        freeze(_net(), ["conv"])
    assert caught.value.hint == "its parts: 0, 1, 3"
    with pytest.raises(UsageError, match="--freeze !conv names no parameter of the model"):
        freeze(_net(), ["!conv"])
    with pytest.raises(UsageError, match="--freeze leaves nothing to train"):
        freeze(_net(), ["*"])
