"""`zoo train` as people and scripts use it."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from warm import PROGRAM, start_program

from zoo_core.installation import install_command
from zoo_core.training import pick_device

SMALL = ("train", "mlp", "--dataset", "digits", "-o", "hidden=16", "-d", "train_size=200", "--epochs", "2")

Zoo = Callable[..., Any]


def test_json_is_all_there_is_on_stdout(zoo_here: Zoo, tmp_path: Path) -> None:
    result = zoo_here(*SMALL, "--json")
    assert result.code == 0, result.stderr
    report = result.json
    assert report.keys() == {"run", "epochs", "seconds", "validation", "test", "beats_chance", "remarks"}
    assert report["run"] == "mlp-digits"
    assert report["epochs"] == 2
    assert report["seconds"] > 0
    for part in ("validation", "test"):
        assert {"loss", "accuracy"} <= report[part].keys()
    assert (tmp_path / "runs" / "mlp-digits" / "weights.safetensors").exists()


def test_people_get_a_line_an_epoch_a_summary_and_the_next_command(zoo_here: Zoo) -> None:
    result = zoo_here(*SMALL)
    assert result.code == 0
    lines = [line for line in result.stderr.splitlines() if line.startswith("epoch")]
    assert [line[:9] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert all("train loss " in line and "validation loss " in line and line.count("accuracy") == 2 for line in lines)
    assert "\x1b" not in result.stderr + result.stdout
    assert "\r" not in result.stderr + result.stdout
    assert result.stdout.splitlines()[-1] == "Next: zoo export mlp-digits"
    assert "test        loss " in result.stdout


def test_on_a_terminal_there_is_a_bar(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with start_program(*SMALL, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, env={"TERM": "xterm"}) as child:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # Linux's way to say that the terminal is closed
            pass
        stdout = child.stdout.read() if child.stdout else ""
    os.close(ours)
    assert child.returncode == 0
    text = shown.decode()
    assert "epoch 1/2  train loss" in text
    assert "\x1b[" in text  # the bar moves
    assert "\x1b" not in stdout


def test_a_model_that_is_big_for_the_machine_is_told_before_the_first_step(zoo_here: Zoo) -> None:
    few = ("-d", "train_size=20", "-d", "val_size=10", "-t", "optimizer=sgd", "--epochs", "1")
    wide = ("train", "mlp", "--dataset", "digits", "-o", f"hidden={torch.get_num_threads() * 3400},3000")
    done = zoo_here(*wide, *few)
    assert done.code == 0, done.stderr
    lines = done.stderr.splitlines()
    (remark,) = [number for number, line in enumerate(lines) if "parameters are many for a processor (" in line]
    assert "an epoch of 1 step takes about " in lines[remark]
    assert "-d train_size=N" in lines[remark]
    assert lines[remark + 1].startswith("Plan: cpu, float32, ")
    assert lines[remark + 2].startswith("epoch 1/1")
    assert "parameters are many" not in zoo_here(*SMALL, "--epochs", "1", "--run", "small").stderr


def test_one_epoch_is_one(zoo_here: Zoo) -> None:
    done = zoo_here("train", "mlp", "--dataset", "digits", "-o", "hidden=4", "-d", "train_size=20", "--epochs", "1")
    assert done.code == 0, done.stderr
    assert "Run mlp-digits: mlp on digits, 1 epoch, seed 0\n" in done.stderr
    assert "mlp-digits: 1 epoch in " in done.stdout
    assert "for 1 epoch;" in Path("runs/mlp-digits/README.md").read_text()


def test_as_a_module_it_is_called_zoo_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zoo_core", "train", "a", "b"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.endswith("Hint: see zoo train --help\n")


def test_the_default_name_counts_up_and_a_given_one_must_be_free(zoo_here: Zoo, tmp_path: Path) -> None:
    assert zoo_here(*SMALL, "--json").json["run"] == "mlp-digits"
    assert zoo_here(*SMALL, "--json").json["run"] == "mlp-digits-2"
    before = (tmp_path / "runs" / "mlp-digits" / "run.json").read_bytes()
    result = zoo_here(*SMALL, "--run", "mlp-digits")
    assert result.code == 2
    assert "Error: run 'mlp-digits' exists" in result.stderr
    assert "--resume" in result.stderr
    assert (tmp_path / "runs" / "mlp-digits" / "run.json").read_bytes() == before


def test_the_device_is_chosen_and_recorded(zoo_here: Zoo, tmp_path: Path) -> None:
    for number, device in enumerate(((), ("--device", "auto"))):
        assert zoo_here(*SMALL, *device, "--run", f"run{number}", "--json").code == 0
        path = tmp_path / "runs" / f"run{number}"
        assert json.loads((path / "run.json").read_text())["device"] == str(pick_device("auto"))
        assert f" --device {pick_device('auto')}" in (path / "README.md").read_text()


def test_early_stopping_is_reported(zoo_here: Zoo, tmp_path: Path) -> None:
    arguments = ("-t", "lr=1e-12", "-t", "schedule=constant", "-t", "patience=2")
    result = zoo_here(*SMALL[:-2], "--epochs", "30", *arguments, "--json")
    assert result.code == 0
    assert result.json["epochs"] < 30
    assert "stopped early" in (tmp_path / "runs" / "mlp-digits" / "README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (("train", "lenet6", "--dataset", "digits"), 2, "unknown model 'lenet6'", "lenet5"),
        (("train", "mlp", "--dataset", "digit"), 2, "unknown dataset 'digit'", "digits"),
        (("train", "mlp"), 2, "Missing option '--dataset'", "zoo train --help"),
        ((*SMALL, "--trainer", "superwised"), 2, "unknown trainer 'superwised'", "supervised"),
        ((*SMALL, "-o", "hiden=3"), 2, "has no option 'hiden'", "hidden"),
        ((*SMALL, "-d", "trainsize=3"), 2, "has no option 'trainsize'", "train_size"),
        (
            (*SMALL, "-t", "learning_rate=3"),
            2,
            "has no option 'learning_rate'",
            "Its options: epochs, batch_size, optimizer, lr, momentum, nesterov, weight_decay, schedule, step_size, "
            "gamma, warmup, decay, layer_decay, clip, accumulate, ema, patience, stop_at, label_smoothing, "
            "augment, small_first, mixup, cutmix, sampling, class_weights, loss, checkpoint_every, precision, "
            "channels_last, compile, feed, workers, shard, export_best; zoo info supervised explains them",
        ),
        ((*SMALL, "-t", "lr=fast"), 2, "lr takes float or none, not 'fast'", "lr=0.1"),
        ((*SMALL, "-t", "lr=nan"), 2, "lr takes float or none", ""),
        ((*SMALL, "-t", "lr=0"), 2, "lr must be above 0, not 0.0", ""),
        ((*SMALL, "-t", "optimizer=adm"), 2, "optimizer cannot be 'adm'", "adam"),
        ((*SMALL, "-t", "epochs=3"), 2, "epochs is given twice", ""),
        ((*SMALL, "-t", "loss=nonsense"), 2, "there is no loss 'nonsense'", "cross-entropy"),
        ((*SMALL, "-t", "loss=dice"), 2, "the dice loss is for masks", "focal"),
        ((*SMALL, "-t", "loss=bce"), 1, "the loss bce does not fit a model that gives 10 logits", "cross-entropy"),
        ((*SMALL, "-t", "small_first=0.5"), 1, "cannot be trained on smaller pictures, 18 x 18", "small_first=0"),
        ((*SMALL, "-t", "small_first=0.5", "--dry-run"), 1, "cannot be trained on smaller", "small_first=0"),
        ((*SMALL, "-t", "augment=twist"), 2, "there is no augmentation twist", "affine"),
        (
            ("train", "unet1d", "--dataset", "peaks", "-t", "augment=affine"),
            1,
            "sequences cannot be augmented with affine",
            "flip",
        ),
        (("train", "unet1d", "--dataset", "peaks", "-t", "small_first=0.5"), 1, "only pictures", "small_first=0"),
        ((*SMALL[:-1], "0"), 2, "'--epochs'", "zoo train --help"),
        ((*SMALL, "--seed", "-1"), 2, "'--seed'", "zoo train --help"),
        ((*SMALL, "--device", "gpu"), 2, "unknown device 'gpu'", "cuda"),
        ((*SMALL, "--run", ".."), 2, "'..'", ""),
        ((*SMALL, "--run", "a/my b"), 2, "--run 'a/my b': a new run has a name, not a path", "--run 'a-my b'"),
        ((*SMALL, "--resume"), 2, "there is nothing to resume", "leave out --resume"),
        ((*SMALL, "--resume", "--dry-run"), 2, "give one of the three", ""),
        (("train", "lenet5", "--dataset", "digits", "-o", "height=32"), 1, "(N, 1, 28, 28)", "height"),
        (("train", "lenet5", "--dataset", "digits", "-d", "size=8"), 1, "12x12", ""),
        ((*SMALL, "-o", "num_classes=3"), 1, "10 classes", ""),
        (("train", "mlp", "--dataset", "mnist"), 1, "mnist", "--download"),
    ],
)
def test_bad_input_is_a_clear_error_and_leaves_no_run(
    zoo_here: Zoo, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str, hint: str
) -> None:
    result = zoo_here(*arguments)
    assert result.code == code, result.stderr
    error, *rest = result.stderr.splitlines()
    assert error.startswith("Error: ")
    assert message in error
    assert hint in "\n".join(rest)
    assert result.stdout == ""
    assert not (tmp_path / "runs").exists()


def test_training_that_diverges_at_once_ends_with_1_and_leaves_no_run(zoo_here: Zoo, tmp_path: Path) -> None:
    result = zoo_here(*SMALL, "-t", "lr=1e30", "-t", "schedule=constant", "-t", "optimizer=sgd")
    assert result.code == 1
    assert "Error: training diverged in epoch 1" in result.stderr
    assert "Hint: a lower learning rate" in result.stderr
    assert "the run keeps" not in result.stderr  # there is none
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_target_that_cannot_be_written_is_a_clear_error(zoo_here: Zoo, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    result = zoo_here(*SMALL)
    assert result.code == 1
    assert "Error: cannot write runs/mlp-digits" in result.stderr


def test_a_full_disk_is_a_clear_error_and_leaves_no_run(tmp_path: Path) -> None:
    # A limit on the size of files fails in the same place as a full disk: in the middle of writing the weights.
    result = subprocess.run(
        [PROGRAM, *SMALL],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)),
    )
    assert result.returncode == 1
    assert "Error: cannot write runs/mlp-digits/weights.safetensors: File too large" in result.stderr
    assert list((tmp_path / "runs").iterdir()) == []


def test_without_torch_the_extra_is_named(run_zoo: Zoo, site: Path, tmp_path: Path) -> None:
    (site / "torch").mkdir(parents=True)
    (site / "torch" / "__init__.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')")
    result = run_zoo(*SMALL)
    assert result.code == 1
    assert "Error: training needs the package 'torch', which is not installed" in result.stderr
    assert f"Hint: {install_command('train')}" in result.stderr
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_goes_through_everything_and_leaves_nothing(zoo_here: Zoo, tmp_path: Path) -> None:
    pytest.importorskip("zoo_core.workflows.exports.export_source")
    result = zoo_here(*SMALL, "--dry-run")
    assert result.code == 0, result.stderr
    assert "Dry run: training, validation, saving and the export check work; no run was left." in result.stdout
    assert "Next: zoo train mlp --dataset digits" in result.stdout
    assert list(tmp_path.iterdir()) == []


# --- other people's plugins

PLUGIN = """
    from zoo_core import EpochRow, ModelSpec, TensorSpec, TrainerSpec, TrainResult, hookimpl

    {builder}

    @hookimpl
    def zoo_models():
        yield ModelSpec(
            name="stranger",
            build=stranger,
            task="image-classification",
            summary="made for a test",
            inputs={{"image": TensorSpec("N", 1, 28, 28)}},
            outputs={{"logits": TensorSpec("N", "num_classes")}},
        )
"""


def builder(forward: str) -> str:
    return PLUGIN.format(
        builder=f"""
    def stranger(*, num_classes: int = 10):
        from torch import nn

        class Stranger(nn.Module):
            def __init__(self):
                super().__init__()
                self.linear = nn.Linear(784, num_classes)

            def forward(self, image):
                {forward}

        return Stranger()
    """
    )


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("return self.linear(image)", "model 'stranger' failed on a batch of shape (2, 1, 28, 28): RuntimeError: "),
        ("return image.flatten(1)[:, :3]", "returned shape (2, 3) for 2 samples of 10 classes"),
        (
            "return self.linear(image.flatten(1)).repeat(1, 2)",
            "model 'stranger' declares the output 'logits' as (N, 10), but returned the shape (2, 20) for a batch",
        ),
        ("return 3", "the model declares the outputs logits but returned 1: int"),
        ("raise KeyError('x')", "model 'stranger' failed on a batch of shape (2, 1, 28, 28): KeyError: 'x'"),
    ],
)
def test_a_model_that_does_not_keep_its_word_is_a_clear_error_and_leaves_no_run(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path, forward: str, message: str
) -> None:
    fake_distribution("stranger", builder(forward))
    result = run_zoo("train", "stranger", "--dataset", "digits", "-d", "train_size=100", "--epochs", "1")
    assert result.code == 1, result.stderr
    assert message in result.stderr
    assert not (tmp_path / "runs").exists()


def test_listeners_are_told_of_each_epoch_and_of_the_end_and_a_broken_one_is_muted(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path
) -> None:
    fake_distribution(
        "logger",
        """
        import json
        from pathlib import Path

        from zoo_core import hookimpl

        def log(**what):
            with Path("told.jsonl").open("a") as file:
                print(json.dumps(what), file=file)

        @hookimpl
        def zoo_epoch_ended(run, row):
            saved = Path("runs", run.name, "last", "state.safetensors").exists()
            log(epoch=row.epoch, run=run.name, best=run.best_epoch, saved=saved)

        @hookimpl
        def zoo_trained(run, result):
            log(epochs=result.epochs, status=json.loads(Path("runs", run.name, "run.json").read_text())["status"])
        """,
    )
    fake_distribution(
        "noisy",
        """
        from zoo_core import hookimpl

        @hookimpl
        def zoo_epoch_ended(run, row):
            raise RuntimeError("no network")
        """,
    )
    result = run_zoo(*SMALL)
    assert result.code == 0, result.stderr
    told = [json.loads(line) for line in (tmp_path / "told.jsonl").read_text().splitlines()]
    assert [(entry.get("epoch"), entry.get("run"), entry.get("saved")) for entry in told[:-1]] == [
        (1, "mlp-digits", True),
        (2, "mlp-digits", True),
    ]
    assert told[-1] == {"epochs": 2, "status": "finished"}
    assert result.stderr.count("no network") == 1


LISTENING = """
from zoo_core import hookimpl

@hookimpl
def zoo_epoch_ended(run, row):
    {}
"""


def test_nothing_that_a_listener_does_reaches_the_run(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path
) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    fake_distribution("editor", LISTENING.format("row.validation['accuracy'] = 1.0; row.train.clear()"))
    fake_distribution("mover", LISTENING.format(f"import os; os.chdir({str(elsewhere)!r})"))
    result = run_zoo(*SMALL, "--json")
    assert result.code == 0, result.stderr
    assert not list(elsewhere.iterdir())
    rows = [json.loads(line) for line in (tmp_path / "runs" / "mlp-digits" / "metrics.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["validation"]["accuracy"] < 1, "loss" in row["train"]) for row in rows] == [
        (1, True, True),
        (2, True, True),
    ]
    told = [line for line in result.stderr.splitlines() if "gets no more events" in line]
    assert [line.split(":")[1].split()[-1] for line in told] == ["editor", "mover"]


def test_ctrl_c_in_a_listener_says_what_lies_on_the_disk(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path
) -> None:
    fake_distribution("stopper", LISTENING.format("raise KeyboardInterrupt"))
    result = run_zoo(*SMALL)
    assert result.code == 130
    assert "Stopped. 1 epoch of 2 is kept; epoch 2 begins again." in result.stderr
    assert (tmp_path / "runs" / "mlp-digits" / "weights.safetensors").exists()


def test_what_nothing_fails_of_is_a_line_before_the_first_epoch(zoo_here: Zoo) -> None:
    few = [word.replace("train_size=200", "train_size=5") for word in SMALL]
    done = zoo_here(*few, "--freeze", "layers.1")
    assert done.code == 0, done.stderr
    lines = done.stderr.splitlines()
    assert "Frozen: layers.1; 12,560 of 12,730 parameters" in lines
    (told,) = (line for line in lines if line.startswith("No training sample of"))
    assert re.fullmatch(r"No training sample of \d of 10 classes: [\d, ]+", told)
    for more in (("--run", "more"), ("--dry-run", "-t", "batch_size=4")):
        quiet = zoo_here(*SMALL, *more)
        assert quiet.code == 0, quiet.stderr
        assert "Frozen" not in quiet.stderr
        assert "No training sample" not in quiet.stderr


def test_a_result_no_better_than_chance_is_told_as_that(zoo_here: Zoo, tmp_path: Path) -> None:
    still = ("-t", "lr=1e-12", "-t", "schedule=constant")
    result = zoo_here(*SMALL, *still, "--json")
    assert result.code == 0, result.stderr
    (remark,) = result.json["remarks"]
    assert "Not clearly better than chance on the test part: always answering '" in remark
    assert "Worth a try: more epochs, another learning rate (-t lr=...)" in remark
    assert f"**Note:** {remark}" in (tmp_path / "runs" / "mlp-digits" / "README.md").read_text()
    assert json.loads((tmp_path / "runs" / "mlp-digits" / "run.json").read_text())["remarks"] == [remark]
    assert "note        Not clearly better than chance" in zoo_here(*SMALL, *still, "--run", "again").stdout


def test_where_validation_chose_the_epoch_and_nothing_tests_it_that_is_said(zoo_here: Zoo, tmp_path: Path) -> None:
    for label in ("a", "b"):
        folder = tmp_path / "pictures" / label
        folder.mkdir(parents=True)
        for number in range(30):
            shade = number + (200 if label == "b" else 0)
            Image.new("L", (8, 8), shade).save(folder / f"{number}.png")
    own = ("train", "mlp", "--dataset", "image-folder", "-d", "root=pictures", "-d", "size=8", "--epochs", "3")
    without = zoo_here(*own, "--json").json
    assert without["test"] is None
    assert without["remarks"][0].startswith("The validation part also chose the best of 3 epochs, and there is no test")
    assert "-d test_size=N" in without["remarks"][0]
    tested = zoo_here(*own, "-d", "test_size=10", "--json").json
    assert tested["test"]["accuracy"] >= 0
    assert not any("validation part also chose" in remark for remark in tested["remarks"])
    assert "The validation part also chose the epoch of this run" in zoo_here("eval", "mlp-image-folder").stderr
    measured = zoo_here("eval", "mlp-image-folder-2", "--json")
    assert measured.json["n"] == 10
    assert "flatter" not in measured.stderr
    refused = zoo_here(*own, "-d", "test_size=60")
    assert refused.code == 1
    assert "60 samples for test leave none of 60 for training" in refused.stderr
    assert "a smaller -d test_size=N" in refused.stderr
