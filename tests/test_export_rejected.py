"""Exports that must not appear: a sabotaged exporter, models that are not what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result
from odd_plugin import ODD_PLUGIN

Zoo = Callable[..., Result]


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


SABOTAGE = """
import sys

if "export" in sys.orig_argv:
    import numpy, onnx_ir, torch.onnx

    convert = torch.onnx.export

    def sabotaged(*arguments, **options):
        program = convert(*arguments, **options)
        value = next(v for v in program.model.graph.initializers.values() if len(v.shape) == 4)
        array = value.const_value.numpy().copy()
        array.flat[0] += 0.001
        value.const_value = onnx_ir.tensor(array, name=value.name)
        return program

    torch.onnx.export = sabotaged
"""


def test_a_sabotaged_exporter_never_publishes(workplace: Path, site: Path, run_zoo: Zoo) -> None:
    site.mkdir()
    (site / "sitecustomize.py").write_text(SABOTAGE)
    before = _files(workplace / "exported")
    done = run_zoo("export", "lenet5-digits", "--json")
    assert done.code == 3, done.stderr
    assert done.json["outcome"] == "failed"
    assert "weights" in {check["rule"] for check in done.json["checks"] if check["outcome"] == "failed"}
    assert "nothing was published" in done.stderr
    assert _files(workplace / "exported") == before
    done = run_zoo("export", "lenet5-digits", "--to", "fresh")
    assert done.code == 3
    assert "lenet5-digits: failed" in done.stdout
    assert not (workplace / "fresh").exists()
    assert not list(workplace.glob(".fresh*"))
    done = run_zoo("export", "lenet5-digits", "--to", "kept", "--keep-rejected")
    assert done.code == 3
    assert not (workplace / "kept").exists()
    assert (workplace / "kept.rejected" / "model.onnx").exists()


BRANCH = "return self.fc(x.flatten(1)) if x.sum() > 0 else self.fc(-x.flatten(1))"


@pytest.mark.parametrize(
    ("forward", "text"),
    [
        ("return self.fc(x.flatten(1)) - self.fc(x.flatten(1)).mean(0)", "failed"),
        ("return self.fc(x.flatten(1)) * 0", "not-conclusive"),
        ("return self.fc(x.flatten(1) * 0)", "not-conclusive"),
        ("return self.fc(x.flatten(1)) * float('nan')", "no finite output"),
        ("return torch.nn.functional.dropout(self.fc(x.flatten(1)), 0.5, training=True)", "each time it is run"),
        ("return self.fc(x.flatten(1)), x", "2 outputs"),
        ("return 'logits'", "the model gives a str, not tensors"),
        (BRANCH, "could not be converted"),
    ],
    ids=["rows depend on each other", "zero", "input unused", "nan", "dropout", "two outputs", "text", "branch"],
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
    assert "the model fails on plausible inputs of the shape (8, 1, 64, 96)" in done.stderr
    done = zoo_here("export", "stubborn", "--dynamic", "H")
    assert done.code == 2
    assert "--dynamic: the batch axis N always stays free" in done.stderr
    done = zoo_here("export", "stubborn", "--dynamic", "N")
    assert done.code == 2
    assert "--dynamic: no usual size is known for the axis H, W" in done.stderr
    done = zoo_here("export", "stubborn", "--dynamic", "D")
    assert done.code == 2
    assert "--dynamic: there is no free axis D" in done.stderr


def test_a_failed_conversion_still_reports(fake_distribution: Callable[..., Path], zoo_here: Zoo) -> None:
    fake_distribution(
        "zoo-odd",
        ODD_PLUGIN.format(forward="return self.fc(x.flatten(1)) if x.sum() > 0 else self.fc(-x.flatten(1))"),
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
    from zoo_core.export import attempts

    honest = attempts.check_file

    def swapped(path: Path, *arguments: object, **options: object) -> object:
        verdict = honest(path, *arguments, **options)
        path.write_bytes(path.read_bytes() + b"\0")
        return verdict

    monkeypatch.setattr(attempts, "check_file", swapped)
    done = zoo_here("export", "lenet5-digits", "--to", "new")
    assert done.code == 3
    assert "model.onnx was changed while it was checked" in done.stderr
    assert not (workplace / "new").exists()
