"""Exports that must not appear: models that are not what they say, and dry runs of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from odd_plugin import ODD_PLUGIN
from warm import Result

Zoo = Callable[..., Result]


BRANCH = "return self.fc(x.flatten(1)) if x.sum() > 0 else self.fc(-x.flatten(1))"
RARELY = BRANCH.replace("> 0", "< 1e9")


@pytest.mark.parametrize(
    ("forward", "text"),
    [
        ("return self.fc(x.flatten(1)) - self.fc(x.flatten(1)).mean(0)", "failed"),
        ("return self.fc(x.flatten(1)) * 0", "is not conclusive"),
        ("return self.fc(x.flatten(1) * 0)", "is not conclusive"),
        ("return self.fc(x.flatten(1)) * float('nan')", "no finite output"),
        ("return torch.nn.functional.dropout(self.fc(x.flatten(1)), 0.5, training=True)", "each time it is run"),
        ("return self.fc(x.flatten(1)), x", "the model declares the outputs logits but returned 2: Tensor, Tensor"),
        ("return 'logits'", "the model declares the outputs logits but returned 1: str"),
        (BRANCH, "rows depend on each other in PyTorch itself"),
        (RARELY, "could not be converted"),
    ],
    ids=[
        "rows depend on each other",
        "zero",
        "input unused",
        "nan",
        "dropout",
        "two outputs",
        "text",
        "branch",
        "rare branch",
    ],
)
def test_a_model_that_is_not_what_it_says(
    forward: str, text: str, tmp_path: Path, fake_distribution: Callable[..., Path], zoo_here: Zoo
) -> None:
    fake_distribution("zoo-odd", ODD_PLUGIN.format(forward=forward))
    done = zoo_here("export", "odd")
    assert done.code in {1, 3}, done.stderr
    assert text in done.stderr
    assert not (tmp_path / "exported" / "odd").exists()


STUBBORN = """
    from zoo_core import ModelSpec, TensorSpec, hookimpl

    def build(*, in_channels: int = 1, num_classes: int = 3):
        import torch

        class Pool(torch.nn.Module):
            def forward(self, x):
                return x.mean((2, 3))

        class Stubborn(torch.nn.Sequential):
            def train(self, mode=True):
                return self

        return {module}

    @hookimpl
    def zoo_models():
        yield ModelSpec(
            name="stubborn", build=build, task="image-classification", summary="stays in training mode",
            inputs={{"image": TensorSpec("N", "in_channels", {sides})}},
            outputs={{"logits": TensorSpec("N", "num_classes")}},
        )
"""


def test_a_model_that_stays_in_training_mode(fake_distribution: Callable[..., Path], zoo_here: Zoo) -> None:
    module = "Stubborn(Pool(), torch.nn.Linear(in_channels, num_classes))"
    fake_distribution("zoo-stubborn", STUBBORN.format(module=module, sides="8, 8"))
    done = zoo_here("export", "stubborn")
    assert done.code == 3
    assert "still in training mode after eval()" in done.stderr


def test_free_axes_that_the_model_cannot_leave_free(fake_distribution: Callable[..., Path], zoo_here: Zoo) -> None:
    module = "torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(in_channels, num_classes))"
    fake_distribution("zoo-stubborn", STUBBORN.format(module=module, sides='"H", "W"'))
    done = zoo_here("export", "stubborn")
    assert done.code == 3
    assert "the model fails on plausible inputs of the shape (1, 1, 64, 96)" in done.stderr
    done = zoo_here("export", "stubborn", "--dynamic", "H")
    assert done.code == 2
    assert "--dynamic: the batch axis N stays free, unless --size N=1 fixes it" in done.stderr
    done = zoo_here("export", "stubborn", "--dynamic", "N")
    assert done.code == 2
    assert (
        "--dynamic: no usual size is known for the axis H, W\nHint: say which: --size H=... --size W=..." in done.stderr
    )
    done = zoo_here("export", "stubborn", "--dynamic", "N", "--size", "H=1", "--size", "W=1")
    assert done.code == 0, done.stderr
    done = zoo_here("export", "stubborn", "--dynamic", "D")
    assert done.code == 2
    assert "--dynamic: there is no free axis D" in done.stderr


def test_a_failed_conversion_still_reports(fake_distribution: Callable[..., Path], zoo_here: Zoo) -> None:
    fake_distribution(
        "zoo-odd",
        ODD_PLUGIN.format(forward=RARELY),
    )
    done = zoo_here("export", "odd", "--json")
    assert done.code == 3
    assert done.json["outcome"] == "failed"
    assert done.json["checks"][0]["rule"] == "conversion"


def test_keep_rejected_replaces_nothing_of_the_users(
    tmp_path: Path, fake_distribution: Callable[..., Path], zoo_here: Zoo
) -> None:
    mine = tmp_path / "kept.rejected" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    fake_distribution("zoo-odd", ODD_PLUGIN.format(forward="return self.fc(x.flatten(1)) * 0"))
    done = zoo_here("export", "odd", "--to", "kept", "--keep-rejected")
    assert done.code == 1
    assert "is not an earlier export" in done.stderr
    assert mine.read_text() == "mine"


def test_a_file_changed_while_it_is_checked(workplace: Path, zoo_here: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo_core.export import attempt

    honest = attempt.check_file

    def swapped(path: Path, *arguments: object, **options: object) -> object:
        verdict = honest(path, *arguments, **options)
        path.write_bytes(path.read_bytes() + b"\0")
        return verdict

    monkeypatch.setattr(attempt, "check_file", swapped)
    done = zoo_here("export", "lenet5-digits", "--to", "new")
    assert done.code == 3
    assert "model.onnx was changed while it was being checked" in done.stderr
    assert not (workplace / "new").exists()


ROWS_DEPEND_ON_EACH_OTHER = ODD_PLUGIN.format(forward="return self.fc(x.flatten(1)) - self.fc(x.flatten(1)).mean(0)")


def test_a_rejected_folder_is_not_verified(fake_distribution: Callable[..., Path], zoo_here: Zoo) -> None:
    fake_distribution("zoo-odd", ODD_PLUGIN.format(forward="return self.fc(x.flatten(1) * 0)"))
    assert zoo_here("export", "odd", "--to", "kept", "--keep-rejected").code == 3
    done = zoo_here("verify", "kept.rejected", "--json")
    assert done.code == 3, done.stderr
    report = next(check for check in done.json["checks"] if check["rule"] == "report")
    assert "never verified" in report["detail"]


def test_a_dry_run_that_would_not_export_prints_its_report(
    tmp_path: Path, fake_distribution: Callable[..., Path], zoo_here: Zoo
) -> None:
    fake_distribution("zoo-odd", ROWS_DEPEND_ON_EACH_OTHER)
    done = zoo_here("train", "odd", "--dataset", "digits", "--dry-run", "--json")
    assert done.code == 3, done.stderr
    assert done.json["outcome"] == "failed"
    assert done.json["model"] == "odd"
    assert done.json["path"] is None
    assert any(check["outcome"] == "failed" for check in done.json["checks"])
    assert "Error: the export of odd failed: " in done.stderr
    people = zoo_here("train", "odd", "--dataset", "digits", "--dry-run")
    assert people.code == 3
    assert "odd: failed" in people.stdout
    assert not (tmp_path / "runs").exists()
