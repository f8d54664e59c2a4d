"""Exports of fresh weights: a fixed sample of torchvision, one of each kind, verified and verified again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo_core.verification.conclude.recheck import verify_export

SAMPLE: dict[str, tuple[str, ...]] = {
    "mobilenet_v3_small": (),
    "resnet18": (),
    "squeezenet1_1": (),
    "shufflenet_v2_x0_5": (),
    "mnasnet0_5": (),
    "vgg11": ("height=32", "width=64"),
    "r3d_18": ("frames=4", "height=32", "width=48"),
    "lraspp_mobilenet_v3_large": (),
    "fasterrcnn_mobilenet_v3_large_320_fpn": ("height=96", "width=128", "detections=20", "proposals=50"),
}
FREE = {
    "vgg11": ["N"],
    "r3d_18": ["N"],
    "fasterrcnn_mobilenet_v3_large_320_fpn": [],
}
"""The free axes of the others are N, H and W."""


@pytest.mark.slow  # one of squeezenet at a size that is asked for, and smp's and timm's, are looked at each time
@pytest.mark.parametrize("name", SAMPLE)
def test_a_model_of_torchvision_is_exported_and_verified(
    name: str, tmp_path: Path, zoo_here: Callable[..., Any]
) -> None:
    options = [part for option in SAMPLE[name] for part in ("-o", option)]
    done = zoo_here("export", f"torchvision/{name}", *options, "--json")
    assert done.code == 0, done.stderr
    assert done.json["outcome"] == "verified"
    assert done.json["untrained"] is True
    assert done.json["reference"] == "float64"
    assert not [check for check in done.json["checks"] if check["rule"] == "exporter"]
    first = next(iter(done.json["axes"].values()))
    free = [axis for axis in first if isinstance(axis, str)]
    assert free == FREE.get(name, ["N", "H", "W"])
    assert "H" in free or done.json["fixed_axes"], "an axis that is not free has a reason"
    assert verify_export(tmp_path / "exported" / f"torchvision-{name}").outcome == "verified"


def test_a_size_that_is_asked_for(zoo_here: Callable[..., Any]) -> None:
    sizes = ("-o", "height=32", "-o", "width=40")
    done = zoo_here("export", "torchvision/squeezenet1_1", *sizes, "--to", "small", "--json")
    assert done.code == 0, done.stderr
    assert done.json["outcome"] == "verified"
    assert done.json["axes"]["image"] == ["N", 3, 32, 40]
    assert done.json["fixed_axes"] == {"H": "the option height is 32", "W": "the option width is 40"}


def test_people_are_told_that_a_model_is_untrained(zoo_here: Callable[..., Any]) -> None:
    done = zoo_here("export", "mlp", "-o", "height=8", "-o", "width=8", "--to", "fresh")
    assert done.code == 0, done.stderr
    assert "untrained: its weights are fresh" in done.stdout
    assert done.stdout.splitlines()[-1] == "Next: zoo verify fresh   or   zoo view fresh"
    again = zoo_here("verify", "fresh")
    assert again.stdout.splitlines()[-1] == "Next: zoo view fresh"
