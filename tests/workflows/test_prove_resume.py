"""`zoo train --prove-resume`: a second training is killed again and again, and the card says what came of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_jobs import Stop
from stopped_runs import stop_after

from zoo_core import ZooError, load_run, open_zoo
from zoo_core.records import ResumeCertificate
from zoo_core.training import RunDirectory
from zoo_core.training.run_card import model_card
from zoo_core.workflows.trainings.proof import prove_resume
from zoo_core.workflows.trainings.train import train

Zoo = Callable[..., Any]

SMALL: dict[str, Any] = {"model": "mlp", "dataset": "digits", "data": {"train_size": "64"}, "run": "run"}
CERTIFICATE = ResumeCertificate(resumed_after=("step 3 of 4 of epoch 1", "epoch 2"), sha256="ab" * 32)

TRAINER = """
    import os
    from dataclasses import dataclass

    from zoo_core import TrainerSpec, hookimpl

    @dataclass(frozen=True, kw_only=True)
    class Config:
        epochs: int = 40

    def fit(job, *, on_epoch):
        import torch

        from zoo_core.training import Feed, Loop, loss_for

        rate = 0.05 + os.getpid() * 1e-9  # another one in each process
        loop = Loop(
            job,
            optimizer=torch.optim.SGD(job.module.parameters(), lr=rate),
            loss=loss_for(job.task.name),
            learning_rate=lambda step: rate,
            feed=Feed(job.train, batch_size=4),
        )
        return loop.fit(on_epoch=on_epoch)

    @hookimpl
    def zoo_trainers():
        yield TrainerSpec(name="odd", fit=fit, summary="made for a test", config=Config)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)  # four whole processes with PyTorch
def test_a_run_that_resumes_exactly_has_its_certificate(zoo_here: Zoo, here: Path) -> None:
    words = ("train", "lenet5", "--dataset", "digits", "--epochs", "4", "-d", "train_size=400", "-t", "batch_size=4")
    done = zoo_here(*words, "--run", "run", "--prove-resume", "2")
    assert done.code == 0, done.stderr
    assert "  resumes     killed 2 times and resumed, a second training ends with the same bits" in done.stdout
    certificate = load_run("run").info.resume_certificate
    assert certificate is not None
    assert (len(certificate.resumed_after), certificate.differs) == (2, ())
    assert "| Resume certificate | trained once more, killed 2 times" in (here / "runs/run/README.md").read_text()
    assert [path.name for path in (here / "runs").iterdir()] == ["run"]


@pytest.mark.slow
@pytest.mark.timeout(900)  # three whole processes with PyTorch
def test_a_trainer_that_cannot_be_repeated_is_not_verified(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path
) -> None:
    fake_distribution("odd-trainer", TRAINER)
    words = ("train", "mlp", "--dataset", "digits", "--trainer", "odd", "--run", "run", "--prove-resume", "1")
    done = run_zoo(*words)
    assert done.code == 3, done.stderr
    assert (
        "Error: run 'run' does not resume exactly: killed 1 time, it ends with other values of weights" in done.stderr
    )
    record = json.loads((tmp_path / "runs/run/run.json").read_text())
    assert record["status"] == "finished"
    assert "weights" in record["resume_certificate"]["differs"]
    assert "| Resume certificate | none: trained once more" in (tmp_path / "runs/run/README.md").read_text()


def test_what_cannot_be_proved_is_refused_before_anything_is_trained(here: Path, zoo_here: Zoo) -> None:
    words = ("train", "mlp", "--dataset", "digits", "--run", "run", "--prove-resume", "1")
    tried = zoo_here(*words, "--dry-run")
    assert (tried.code, "a dry run leaves no run, whose resumption could be proved" in tried.stderr) == (2, True)
    with pytest.raises(Stop):
        train(open_zoo(), **SMALL, epochs=2, callbacks=stop_after(1))
    longer = zoo_here(*words, "--resume", "--epochs", "3")
    assert longer.code == 2
    assert "goes on otherwise than it was begun, so no second training can repeat it" in longer.stderr
    assert len(load_run("run").rows) == 1
    folds = zoo_here(*words, "--folds", "2")
    assert (folds.code, "--folds and --prove-resume are not for one another" in folds.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.timeout(600)  # a whole process with PyTorch
def test_a_training_that_is_over_before_it_is_killed_proves_nothing(here: Path) -> None:
    info = dataclasses.replace(train(open_zoo(), **SMALL, epochs=1), seconds=1e6)
    path = here / "runs" / "run"
    RunDirectory(path).write_info(info)
    with pytest.raises(ZooError, match="run 'run' was over before it could be killed"):
        prove_resume(open_zoo(), path, kills=1, on_note=lambda text: None)
    assert load_run("run").info.resume_certificate is None


def test_the_record_keeps_a_certificate_and_an_extended_run_has_none(here: Path) -> None:
    info = dataclasses.replace(train(open_zoo(), **SMALL, epochs=1), resume_certificate=CERTIFICATE)
    directory = RunDirectory(here / "runs" / "run")
    directory.write_info(info)
    assert load_run("run").info.resume_certificate == CERTIFICATE
    model, dataset = open_zoo().model("mlp").spec, open_zoo().dataset("digits").spec
    card = model_card(info, called="run", epochs=1, model=model, dataset=dataset)
    assert "killed 2 times and resumed after step 3 of 4 of epoch 1; epoch 2: weights (sha256 abababababababab)" in card
    record = json.loads((directory.path / "run.json").read_text())
    for damaged in ({"sha256": 1}, {"resumed_after": [1], "sha256": "a"}, {"resumed_after": [], "more": "a"}):
        (directory.path / "run.json").write_text(json.dumps({**record, "resume_certificate": damaged}))
        with pytest.raises(ZooError, match="is damaged: its resume certificate is"):
            load_run("run")
    directory.write_info(info)
    assert train(open_zoo(), **SMALL, epochs=2, resume=True).resume_certificate is None
