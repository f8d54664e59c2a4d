"""Each option of the bundled trainer: a run that is stopped and goes on ends with the bits of an undisturbed one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from small_jobs import TASK, Stop, fit, make_job, stop_after

from zoo_core import open_zoo
from zoo_core.training import Feed, RunDirectory, derive_seed, loss_for, seed_everything
from zoo_core.training.checkpoint import content_hash, read_tensors
from zoo_core.workflows.trainings.one_training import TrainCallbacks
from zoo_core.workflows.trainings.train import train

OPTIONS: dict[str, dict[str, Any]] = {
    "clip": {"clip": 0.5},
    "accumulate": {"accumulate": 3},
    "decay": {"decay": "matrices", "weight_decay": 0.5},
    "layer-decay": {"layer_decay": 0.5},
    "ema": {"ema": 0.9, "accumulate": 2},
    "balanced": {"sampling": "balanced"},
    "class-weights": {"class_weights": "1,5,2"},
    "mixup": {"mixup": 0.2},
    "cutmix": {"cutmix": 1.0, "mixup": 0.4, "sampling": "balanced", "class_weights": "balanced"},
    "augment": {"augment": "resized-crop,rand,erase"},
    "plateau": {"schedule": "plateau", "step_size": 1, "gamma": 0.5, "lr": 0.1},
}
TIMED = {"seconds", "samples_per_second", "feed_share"}


def ended(directory: RunDirectory) -> tuple[str, str, list[dict[str, Any]]]:
    """Hashes of the tensors of the best weights and of the checkpoint, and the rows without what a clock says."""
    hashes = []
    for file in ("weights.safetensors", "last/state.safetensors"):
        tensors, _ = read_tensors(directory.path / file, what="file")
        hashes.append(content_hash(tensors, ""))
    lines = (directory.path / "metrics.jsonl").read_text().splitlines()
    rows = [{name: value for name, value in json.loads(line).items() if name not in TIMED} for line in lines]
    return hashes[0], hashes[1], rows


def trained(directory: RunDirectory, **options: Any) -> tuple[str, str, list[dict[str, Any]]]:
    fit(make_job(directory, **options))
    return ended(directory)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_stopped_run_ends_with_the_same_bits(tmp_path: Path, name: str) -> None:
    options = OPTIONS[name]
    straight = trained(RunDirectory(tmp_path / "straight"), **options)
    stopped = RunDirectory(tmp_path / "stopped")
    with pytest.raises(Stop):
        fit(make_job(stopped, **options), on_epoch=stop_after(2))
    fit(dataclasses.replace(make_job(stopped, **options), state=stopped.read_state()))
    assert ended(stopped) == straight
    assert trained(RunDirectory(tmp_path / "plain"))[:2] != straight[:2], "the option does something"


def test_without_options_nothing_is_done_but_steps_of_the_optimizer(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    fit(make_job(directory, epochs=2, lr=0.01, schedule="constant"))
    job = make_job(epochs=2)
    module = job.module.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.01, weight_decay=0.01)
    feed, loss = Feed(job.train, batch_size=16), loss_for(TASK.name)
    for epoch in (1, 2):
        seed_everything(derive_seed(job.seed, epoch, "steps"))
        module.train()
        for inputs, targets in feed.shuffled(seed=job.seed, epoch=epoch):
            optimizer.zero_grad()
            loss({"logits": module(inputs)}, targets).backward()
            optimizer.step()
    state = directory.read_state()
    assert state is not None
    assert all(torch.equal(state.module[name], value) for name, value in module.state_dict().items())


def test_a_run_from_before_an_option_of_every_dataset_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small: dict[str, Any] = {"model": "mlp", "dataset": "digits", "epochs": 2, "data": {"train_size": 60}}
    train(open_zoo(), **small, run="straight")
    with pytest.raises(Stop):
        train(open_zoo(), **small, run="older", callbacks=TrainCallbacks(on_epoch=stop_after(1)))
    directory = RunDirectory(tmp_path / "runs" / "older")
    state = directory.read_state()
    assert state is not None
    record = json.loads((directory.path / "run.json").read_text())
    del record["dataset_options"]["val_fold"], record["config"]["clip"], record["overfit"]
    (directory.path / "run.json").write_text(json.dumps(record))
    directory.save_state(state, selection="accuracy")  # sealed with the record that an older version wrote
    directory.save_best(state.best, row=state.rows[0])
    train(open_zoo(), model="mlp", dataset="digits", run="older", resume=True)
    assert ended(directory) == ended(RunDirectory(tmp_path / "runs" / "straight"))
