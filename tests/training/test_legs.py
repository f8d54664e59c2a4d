"""Runs of several legs: a finished run that is extended, and one that goes on with plugins that have changed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_jobs import Stop
from stopped_runs import stop_after, weights

from zoo_core import ZooError, load_run, open_zoo
from zoo_core.errors import UsageError
from zoo_core.training import Schedule
from zoo_core.training.run_card import commands
from zoo_core.workflows.trainings.one_training import TrainCallbacks
from zoo_core.workflows.trainings.train import train
from zoo_core.workflows.trainings.train_plan import TrainRequest, plan_new

Zoo = Callable[..., Any]
SMALL: dict[str, Any] = {
    "model": "mlp",
    "dataset": "digits",
    "epochs": 2,
    "options": {"hidden": "16"},
    "data": {"train_size": "64", "val_size": "32"},
    "run": "run",
}
MORE: dict[str, Any] = {"model": "mlp", "dataset": "digits", "run": "run", "resume": True}


# --- extended


def test_a_finished_run_is_extended_by_a_leg_with_a_schedule_of_its_own(here: Path) -> None:
    train(open_zoo(), **SMALL, config={"schedule": "one-cycle", "batch_size": "8"})
    first = load_run("run")
    seen: list[int] = []
    notes: list[str] = []
    callbacks = TrainCallbacks(on_epoch=lambda row: seen.append(row.epoch), on_note=notes.append)
    info = train(open_zoo(), **MORE, epochs=5, callbacks=callbacks)
    run = load_run("run")
    assert seen == [3, 4, 5]
    assert notes == ["Extended by 3 epochs, with a schedule of their own"]
    assert run.rows[:2] == first.rows
    assert (info.status, info.epochs, info.config["epochs"]) == ("finished", 5, 5)
    assert [(leg.why, leg.after, leg.epochs) for leg in run.info.legs] == [("started", 0, 2), ("extended", 2, 5)]
    rates = [row.learning_rate for row in run.rows]
    assert rates[1] < rates[2] / 5 > rates[4], "the schedule of the added epochs begins anew"
    card = (run.path / "README.md").read_text()
    assert "trained on `digits` for 5 epochs;" in card
    assert "| Legs | after epoch 2: extended to 5 epochs, with a schedule of their own |" in card


def test_an_extended_run_that_is_stopped_ends_with_the_same_bits(here: Path) -> None:
    train(open_zoo(), **SMALL)
    train(open_zoo(), **MORE, epochs=5)
    straight = weights(here), [row.validation for row in load_run("run").rows]
    train(open_zoo(), **SMALL, replace=True)
    with pytest.raises(Stop):
        train(open_zoo(), **MORE, epochs=5, callbacks=stop_after(4))
    assert load_run("run").info.status == "unfinished"
    train(open_zoo(), **MORE)
    assert (weights(here), [row.validation for row in load_run("run").rows]) == straight


def test_the_commands_on_the_card_of_an_extended_run_train_the_same_weights(here: Path, zoo_here: Zoo) -> None:
    train(open_zoo(), **SMALL)
    info = train(open_zoo(), **MORE, epochs=4)
    card = (here / "runs" / "run" / "README.md").read_text()
    for command in commands(info):
        assert command in card
        again = zoo_here(*shlex.split(command)[1:])
        assert again.code == 0, again.stderr
    assert weights(here, "run-again") == weights(here)


def test_patience_counts_from_where_a_run_was_extended(here: Path) -> None:
    # A rate at which nothing is ever learned: the first epoch stays the best one.
    still = {"config": {"lr": "1e-12", "patience": "2"}}
    train(open_zoo(), **SMALL | still | {"epochs": 9})
    assert len(load_run("run").rows) == 3
    train(open_zoo(), **MORE, epochs=20)
    assert len(load_run("run").rows) == 5


def test_an_unfinished_run_gets_more_epochs_and_its_schedule_goes_over_all_of_them(here: Path) -> None:
    cosine = {"config": {"schedule": "cosine", "batch_size": "8"}}
    with pytest.raises(Stop):
        train(open_zoo(), **SMALL | cosine | {"epochs": 3}, callbacks=stop_after(1))
    notes: list[str] = []
    info = train(open_zoo(), **MORE, epochs=6, callbacks=TrainCallbacks(on_note=notes.append))
    assert notes == ["Stretched from 3 to 6 epochs: the schedule goes over all of them"]
    assert (info.status, info.epochs, info.config["epochs"], info.schedule_start) == ("finished", 6, 6, 0)
    assert [(leg.why, leg.after, leg.epochs) for leg in info.legs] == [("started", 0, 3), ("stretched", 1, 6)]
    train(open_zoo(), **SMALL | cosine | {"epochs": 6, "run": "long"})
    rates, whole = ([row.learning_rate for row in load_run(name).rows] for name in ("run", "long"))
    assert rates[1:] == whole[1:] != rates[:1] + whole[2:]
    assert rates[0] < whole[0], "the first epoch went by the shorter schedule"
    card = (here / "runs" / "run" / "README.md").read_text()
    assert "| Legs | after epoch 1: stretched to 6 epochs, the schedule over all of them |" in card
    assert "The schedule was stretched after epoch 1; these commands have the longer one from the start" in card


def test_an_extension_that_is_stopped_can_be_stretched_too(here: Path) -> None:
    train(open_zoo(), **SMALL)
    with pytest.raises(Stop):
        train(open_zoo(), **MORE, epochs=4, callbacks=stop_after(3))
    stopped = load_run("run").info
    assert (stopped.status, stopped.test, stopped.remarks) == ("unfinished", None, ()), "they were of older weights"
    info = train(open_zoo(), **MORE, epochs=5)
    assert [(leg.why, leg.epochs) for leg in info.legs] == [("started", 2), ("extended", 4), ("stretched", 5)]
    assert (info.schedule_start, len(load_run("run").rows)) == (2, 5)
    assert [command.partition("--epochs ")[2].split()[0] for command in commands(info)] == ["2", "5"]


def test_epochs_may_only_grow(here: Path) -> None:
    with pytest.raises(Stop):
        train(open_zoo(), **SMALL | {"epochs": 3}, callbacks=stop_after(1))
    for asked in (MORE, {name: value for name, value in MORE.items() if name != "run"}):
        with pytest.raises(UsageError, match="run 'run' is to have 3 epochs: --epochs 2 would be fewer") as caught:
            train(open_zoo(), **asked, epochs=2)
        assert "zoo export run takes its best weights" in str(caught.value.hint)
    assert train(open_zoo(), **MORE, epochs=3).legs[1:] == ()


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        ({}, "run 'run' is finished: there is nothing to resume", "--epochs N extends it, with N above 2"),
        ({"epochs": 2}, "run 'run' is finished with 2 epochs: --epochs 2 adds none", "above 2"),
        ({"epochs": 1}, "run 'run' is finished with 2 epochs: --epochs 1 adds none", "above 2"),
        ({"epochs": 3, "seed": 5}, "run 'run' was started with other options: --seed is 0 there, not 5", "leave them"),
        ({"epochs": 3, "run": None}, "no unfinished run of mlp on digits", "--run NAME says which is to be extended"),
        ({"accept_changes": True, "resume": False, "run": "other"}, "--accept-changes is for --resume", "leave it out"),
    ],
)
def test_what_extends_nothing_is_said(here: Path, asked: dict[str, Any], message: str, hint: str) -> None:
    train(open_zoo(), **SMALL)
    before = {path: path.read_bytes() for path in (here / "runs").rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=message) as caught:
        train(open_zoo(), **MORE | asked)
    assert hint in str(caught.value.hint)
    assert before == {path: path.read_bytes() for path in (here / "runs").rglob("*") if path.is_file()}


def test_a_warmup_that_takes_all_added_epochs_is_refused(here: Path) -> None:
    train(open_zoo(), **SMALL | {"epochs": 3, "config": {"warmup": "2"}})
    with pytest.raises(UsageError, match="warmup takes 2 of the 2 epochs that are added"):
        train(open_zoo(), **MORE, epochs=5)
    assert load_run("run").info.status == "finished"


def test_a_schedule_that_starts_later_is_the_same_one_moved() -> None:
    for kind in ("constant", "step", "cosine", "one-cycle"):
        plain = Schedule(kind=kind, peak=1.0, epochs=4, steps_per_epoch=5, step_size=2, warmup=1)
        later = Schedule(kind=kind, peak=1.0, epochs=10, steps_per_epoch=5, step_size=2, warmup=1, start=6)
        assert [later(30 + step) for step in range(20)] == [plain(step) for step in range(20)]


# --- plugins that have changed

NET = """
    from torch import nn

    def make(num_classes):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, {width}), nn.Linear({width}, num_classes))
"""
PLUGIN = """
    from zoo_core import ModelSpec, TensorSpec, hookimpl

    def flat(*, num_classes: int = 10):
        from .net import make
        return make(num_classes)

    @hookimpl
    def zoo_models():
        yield ModelSpec(
            name="flat", build=flat, task="image-classification", summary="made for a test",
            inputs={"image": TensorSpec("N", 1, 8, 8)}, outputs={"logits": TensorSpec("N", "num_classes")},
        )
"""


@pytest.fixture
def stopped(here: Path, zoo_here: Zoo, fake_distribution: Callable[..., Path]) -> Path:
    """A run of a plugin's model, stopped after one of three epochs; its own files say version 1.0."""
    fake_distribution("zoo-flat", PLUGIN, files={"net.py": NET.format(width=8)})
    arguments = ("train", "flat", "--dataset", "digits", "-d", "train_size=100", "-d", "size=8", "--run", "run")
    done = zoo_here(*arguments, "--epochs", "1")
    assert done.code == 0, done.stderr
    record = here / "runs" / "run" / "run.json"
    data = json.loads(record.read_text())
    data |= {"status": "unfinished", "epochs": 3, "config": data["config"] | {"epochs": 3}}
    record.write_text(json.dumps(data))
    return here / "runs" / "run"


RESUME = ("train", "flat", "--dataset", "digits", "--run", "run", "--resume")


def test_the_record_and_the_checkpoint_say_with_which_code_a_run_is_trained(stopped: Path, zoo_here: Zoo) -> None:
    plugins = json.loads((stopped / "run.json").read_text())["legs"][0]["plugins"]
    assert set(plugins) == {"zoo-flat:zoo-flat", "zoo-core:digits", "zoo-core:supervised"}
    assert plugins["zoo-flat:zoo-flat"]["version"] == "1.0"
    assert len(plugins["zoo-flat:zoo-flat"]["code"]) == 64
    assert zoo_here(*RESUME).code == 0
    record = json.loads((stopped / "run.json").read_text())
    assert [leg["why"] for leg in record["legs"]] == ["started"]


@pytest.mark.parametrize("what", ["code", "version"])
def test_a_plugin_that_has_changed_is_told_and_has_to_be_accepted(
    stopped: Path, zoo_here: Zoo, fake_distribution: Callable[..., Path], site: Path, what: str
) -> None:
    before = (stopped / "run.json").read_bytes()
    if what == "code":
        # The same weights fit it: nothing else would notice.
        (site / "zoo_flat" / "net.py").write_text((site / "zoo_flat" / "net.py").read_text() + "\n# edited\n")
        told = "the code of plugin zoo-flat:zoo-flat (version 1.0) has changed"
    else:
        (site / "zoo_flat-1.0.dist-info").rename(site / "zoo_flat-1.1.dist-info")
        metadata = site / "zoo_flat-1.1.dist-info" / "METADATA"
        metadata.write_text(metadata.read_text().replace("1.0", "1.1"))
        told = "plugin zoo-flat:zoo-flat is version 1.1 now, and was 1.0"
    refused = zoo_here(*RESUME)
    assert refused.code == 1
    assert f"Error: run 'run' does not go on as it was stopped: {told}" in refused.stderr
    assert "--accept-changes" in refused.stderr
    assert (stopped / "run.json").read_bytes() == before
    done = zoo_here(*RESUME, "--accept-changes")
    assert done.code == 0, done.stderr
    assert f"Accepted: {told}" in done.stderr
    legs = json.loads((stopped / "run.json").read_text())["legs"]
    assert [(leg["why"], leg["after"]) for leg in legs] == [("started", 0), ("changed", 1)]
    first, second = (leg["plugins"]["zoo-flat:zoo-flat"] for leg in legs)
    assert first[what] != second[what]
    assert f"after epoch 1: {told}" in (stopped / "README.md").read_text()


def test_a_library_of_a_plugin_that_has_changed_is_told_as_the_plugin_is(
    here: Path, zoo_here: Zoo, fake_distribution: Callable[..., Path], site: Path
) -> None:
    """What a plugin requires itself, as timm of a plugin that is made of it; no further, and nothing of its extras."""
    fake_distribution("zoo-flat", PLUGIN, files={"net.py": NET.format(width=8)})
    metadata = site / "zoo_flat-1.0.dist-info" / "METADATA"
    required = ("numpy>=1", "Net_Lib (>=1.0)", "other ; extra == 'test'")
    metadata.write_text(metadata.read_text() + "".join(f"Requires-Dist: {text}\n" for text in required))
    library = site / "net_lib-1.0.dist-info"
    library.mkdir()
    library.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: net-lib\nVersion: 1.0\n")
    arguments = ("train", "flat", "--dataset", "digits", "-d", "train_size=100", "-d", "size=8", "--run", "run")
    assert zoo_here(*arguments, "--epochs", "1").code == 0
    leg = load_run("run").info.legs[0]
    assert set(leg.versions) == {
        *("zoo-core", "python", "torch", "numpy", "pillow", "safetensors"), "zoo-flat", "Net_Lib"
    }  # fmt: skip
    library.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: net-lib\nVersion: 2.0\n")
    more = (*RESUME, "--epochs", "2")
    refused = zoo_here(*more)
    assert refused.code == 1
    assert "does not go on as it was stopped: Net_Lib is version 2.0 now, and was 1.0" in refused.stderr
    done = zoo_here(*more, "--accept-changes")
    assert done.code == 0, done.stderr
    assert "Accepted: Net_Lib is version 2.0 now, and was 1.0" in done.stderr
    assert [each.versions["Net_Lib"] for each in load_run("run").info.legs] == ["1.0", "2.0"]


def test_the_library_of_a_family_is_in_the_record(here: Path) -> None:
    zoo = open_zoo()
    for model, library in (("torchvision/resnet18", "torchvision"), ("timm/resnet18", "timm")):
        plan = plan_new(zoo, TrainRequest(model=model, dataset="cifar10", epochs=1))
        assert library in plan.info.legs[0].versions
        assert not {"onnx", "matplotlib"} & set(plan.info.legs[0].versions)


def test_what_was_accepted_is_not_asked_again(stopped: Path, zoo_here: Zoo, site: Path) -> None:
    (site / "zoo_flat" / "net.py").write_text((site / "zoo_flat" / "net.py").read_text() + "\n# edited\n")
    with pytest.raises(ZooError, match="does not go on as it was stopped"):
        train(open_zoo(), model="flat", dataset="digits", run="run", resume=True)

    def stop(step: int, steps: int) -> None:
        raise Stop

    again: dict[str, Any] = {"model": "flat", "dataset": "digits", "run": "run", "resume": True}
    with pytest.raises(Stop):
        train(open_zoo(), **again, accept_changes=True, callbacks=TrainCallbacks(on_batch=stop))
    info = train(open_zoo(), **again)
    assert [leg.why for leg in info.legs] == ["started", "changed"]


@pytest.mark.parametrize(
    "leg",
    [
        7,
        {},
        {"why": "started", "after": "0", "epochs": 3},
        {"why": "x", "more": 1},
        {"why": 1, "after": 0, "epochs": 3},
    ],
)
def test_a_damaged_leg_is_a_damaged_record(stopped: Path, leg: object) -> None:
    record = json.loads((stopped / "run.json").read_text())
    (stopped / "run.json").write_text(json.dumps(record | {"legs": [leg]}))
    with pytest.raises(ZooError, match=r"run.json is damaged: a leg is"):
        load_run("run")
