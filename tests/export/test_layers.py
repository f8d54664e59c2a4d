"""Feature extractors: `zoo export --layer`, checked against what a hook catches in the untouched model."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checking import plan_for, plan_of
from torch import Tensor, nn

from zoo_core import Preprocess, TensorSpec, open_zoo
from zoo_core.errors import NotVerifiedError, UsageError
from zoo_core.export.bundle import RejectedExportError, export, reference_of
from zoo_core.export.plan import layer as layer_module
from zoo_core.export.plan.cut import cut_plan
from zoo_core.export.plan.layer import layer_names, layer_output, require_layer
from zoo_core.runtime.reading.wire import read_onnx
from zoo_core.runtime.running.model import open_model
from zoo_core.verification.conclude.recheck import verify_export
from zoo_core.workflows.exports.export_source import plan_source

Zoo = Callable[..., Any]


class Odd(nn.Module):
    """Layers of all kinds: one that runs twice, one that never runs, ones that give no tensor of features."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.twice = nn.Identity()
        self.pair = Pair()
        self.largest = Largest()
        self.joined = nn.Flatten(0)
        self.spare = nn.Linear(2, 2)
        self.head = nn.Linear(4, 5)

    def forward(self, image: Tensor) -> Tensor:
        x = self.twice(self.relu(self.norm(self.first(image))))
        x, _ = self.pair(self.twice(x))
        self.largest(x)
        self.joined(x)
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x + 1


class Largest(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.argmax(1)


def test_the_output_of_a_layer_is_what_it_was_before_the_next_one_changed_it_in_place() -> None:
    module = Odd().eval()
    image = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = layer_output(module, [image], layer="norm")
        wanted = module.norm(module.first(image))
    assert bool((found < 0).any()), "the ReLU after it works in place"
    torch.testing.assert_close(found, wanted)
    assert not module.norm._forward_hooks


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("twice", "the layer 'twice' runs 2 times in one forward pass"),
        ("spare", "the layer 'spare' does not run on its own"),
        ("pair", "the layer 'pair' gives a tuple, but features are one tensor"),
        ("largest", "the layer 'largest' gives int64 numbers, but features are float32"),
        ("joined", r"the layer 'joined' gives the shape \(768,\) for 3 samples: its first axis does not count"),
        ("nor", "under-test has no layer 'nor'"),
    ],
)
def test_layers_that_give_no_features_are_refused_in_words(layer: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cut_plan(plan_for(Odd, shape=(3, 8, 8)), layer)


def test_names_of_layers_are_told() -> None:
    with pytest.raises(UsageError, match="which layer of odd") as caught:
        require_layer(Odd(), None, model="odd")
    assert caught.value.hint == "Its layers: first, norm, relu, twice, pair, largest, joined, spare, head"
    with pytest.raises(UsageError) as caught:
        require_layer(Odd(), "heads", model="odd")
    assert str(caught.value.hint).startswith("Did you mean 'head'? Its layers: first, norm")
    many = nn.Sequential(*(nn.Sequential(nn.Identity(), nn.ReLU()) for _ in range(20)))
    assert len(layer_names(many)) == 60
    with pytest.raises(UsageError) as caught:
        require_layer(many, None, model="many")
    assert "18, 19; and 40 parts of them, such as 0.0" in str(caught.value.hint)
    with pytest.raises(UsageError) as caught:
        require_layer(nn.ReLU(), "x", model="plain")
    assert caught.value.hint == "it has no layers of its own"


def test_an_extractor_of_a_run_is_verified_and_says_what_it_is(workplace: Path, zoo_here: Zoo) -> None:
    done = zoo_here("export", "lenet5-digits", "--layer", "fc2", "--json")
    assert done.code == 0, done.stderr
    report = done.json
    assert (report["outcome"], report["layer"], report["run"]) == ("verified", "fc2", "lenet5-digits")
    assert report["name"] == "lenet5-digits-fc2"
    assert report["axes"] == {"image": ["N", 1, 28, 28], "features": ["N", 84]}
    folder = workplace / "exported" / "lenet5-digits-fc2"
    assert verify_export(folder).outcome == "verified"
    file = read_onnx(folder / "model.onnx")
    assert sorted(file.initializers)[:2] == ["conv1.bias", "conv1.weight"]
    assert not [name for name in file.initializers if name.startswith("fc3")]
    model = open_model(folder)
    assert (model.task, model.metadata.layer, model.metadata.run) == ("features", "fc2", "lenet5-digits")
    assert (model.labels, dict(model.metadata.metrics)) == ((), {})
    assert "what the layer fc2 gives" in (folder / "README.md").read_text()
    whole = json.loads((workplace / "exported" / "lenet5-digits" / "report.json").read_text())
    assert whole.get("layer") is None
    assert '"layer"' not in read_onnx(workplace / "exported" / "lenet5-digits" / "model.onnx").metadata_props["zoo"]
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert zoo_here("export", "lenet5-digits", "--layer", "fc2").code == 0
    assert before == {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_extractor_gives_what_the_run_gives_at_that_layer(workplace: Path, zoo_here: Zoo) -> None:
    from zoo_core.training import load_run

    assert zoo_here("export", "lenet5-digits", "--layer", "conv2", "--to", "maps").code == 0
    run = load_run("lenet5-digits")
    module = run.build()
    rows = run.dataset().load("test").batch(slice(0, 5))
    caught: list[Tensor] = []
    module.conv2.register_forward_hook(lambda part, given, result: caught.append(result))
    with torch.no_grad():
        module(torch.from_numpy(rows))
    found = open_model("maps").run_rows(rows)["features"]
    np.testing.assert_allclose(found, caught[0].numpy(), rtol=0, atol=1e-5)


def test_a_layer_of_torchvision(tmp_path: Path, zoo_here: Zoo) -> None:
    small = ("-o", "height=64", "-o", "width=64")
    done = zoo_here("export", "torchvision/resnet18", *small, "--layer", "avgpool", "--json")
    assert done.code == 0, done.stderr
    assert done.json["axes"]["features"] == ["N", 512, 1, 1]
    assert done.json["untrained"] is True
    file = read_onnx(tmp_path / "exported" / "torchvision-resnet18-avgpool" / "model.onnx")
    assert not [name for name in file.initializers if name.startswith("fc.")]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [("enc3", "(N, 16, 4*H, 4*W)"), ("up2.up", "(N, 8, 8*H, 8*W)")],
)
def test_sizes_that_follow_from_the_input_stay_free(layer: str, shape: str) -> None:
    plan = plan_source(open_zoo(), "unet", options={"base_channels": "4"}, opset=20, layer=layer)
    assert str(plan.outputs["features"]) == shape
    assert str(plan.inputs["image"]) == "(N, 3, 16*H, 16*W)"
    assert not plan.model.spec.fixed_axes


def test_an_axis_that_an_option_fixes_stays_fixed_and_the_other_free() -> None:
    plan = plan_source(open_zoo(), "torchvision/squeezenet1_1", options={"height": "64"}, layer="classifier.3")
    assert str(plan.inputs["image"]) == "(N, 3, 64, W)"
    assert str(plan.outputs["features"]) == "(N, 1000, 1, 1)"
    assert plan.fixed_axes == {"H": "the option height is 64"}
    assert plan.preprocess is not None
    assert plan.preprocess.size == (64, 224)


def test_an_extractor_of_free_sizes_is_verified(tmp_path: Path) -> None:
    zoo = open_zoo()
    plan = plan_source(zoo, "unet", options={"base_channels": "4"}, opset=20, layer="enc2")
    report = export(plan, tmp_path / "maps")
    assert report.outcome == "verified"
    assert report.axes["features"] == ("N", 8, "8*H", "8*W")
    found = open_model(tmp_path / "maps").run({"image": np.zeros((2, 3, 48, 80), np.float32)})
    assert found["features"].shape == (2, 8, 24, 40)


def _strided(**layers: nn.Module) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        module = nn.Sequential()
        module.add_module("stem", nn.Conv2d(1, 3, 3, stride=2, padding=1))
        for name, part in layers.items():
            module.add_module(name, part)
        return module

    return build


def _free(build: Callable[[], nn.Module], **fields: Any) -> Any:
    picture = TensorSpec("N", 1, "H", "W")
    return plan_of(build, inputs={"image": picture}, outputs={"out": TensorSpec("N", 3, "H", "W")}, **fields)


def test_sizes_that_a_stride_rounds_are_free_in_multiples(tmp_path: Path) -> None:
    plan = cut_plan(_free(_strided(up=nn.Upsample(scale_factor=2)), smallest={"H": 3}), "stem")
    assert str(plan.inputs["image"]) == "(N, 1, 2*H, 2*W)"
    assert str(plan.outputs["features"]) == "(N, 3, H, W)"
    assert plan.model.spec.smallest == {"H": 2}
    assert export(plan, tmp_path / "stem").outcome == "verified"


def test_pictures_as_the_recipe_prepares_them_are_of_a_size_that_the_file_takes() -> None:
    whole = _free(_strided(up=nn.Upsample(scale_factor=2)))
    fitting = dataclasses.replace(whole, preprocess=Preprocess(resize=(48, 64), color="L"))
    assert str(cut_plan(fitting, "stem").inputs["image"]) == "(N, 1, 2*H, 2*W)"
    odd = dataclasses.replace(whole, preprocess=Preprocess(resize=(48, 63), color="L"))
    cut = cut_plan(odd, "stem")
    assert str(cut.inputs["image"]) == "(N, 1, 48, 63)"
    assert str(cut.outputs["features"]) == "(N, 3, 24, 32)"
    assert cut.fixed_axes["W"] == "the size of what stem gives is not proportional to it"


def test_sizes_that_cannot_be_said_are_fixed_with_a_reason(tmp_path: Path) -> None:
    plan = cut_plan(_free(_strided(flat=nn.Flatten(2))), "flat")
    assert str(plan.inputs["image"]) == "(N, 1, 64, 96)"
    assert str(plan.outputs["features"]) == "(N, 3, 1536)"
    report = export(plan, tmp_path / "flat")
    assert report.outcome == "verified"
    assert report.fixed_axes["H"] == "the size of what flat gives is not proportional to it"


def test_a_model_that_fails_on_its_own_sizes_says_so() -> None:
    plan = _free(lambda: nn.Sequential(nn.Conv2d(1, 3, 7)))
    with pytest.raises(NotVerifiedError, match="under-test fails on inputs of the smallest sizes: RuntimeError"):
        cut_plan(plan, "0")


def test_the_check_compares_with_the_untouched_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = cut_plan(plan_for(Odd, shape=(3, 8, 8)), "norm")
    assert reference_of(plan).module.__class__ is Odd

    def wrong(self: Any, *inputs: Tensor) -> Tensor:
        return layer_output(self.original, inputs, layer="first")

    monkeypatch.setattr(layer_module.Cut, "forward", wrong)
    with pytest.raises(RejectedExportError):
        export(plan, tmp_path / "wrong")


def test_axes_that_were_closed_stay_closed() -> None:
    whole = _free(_strided(up=nn.Upsample(scale_factor=2)))
    closed = dataclasses.replace(
        whole, inputs={"image": TensorSpec("N", 1, 8, 8)}, outputs={"out": TensorSpec("N", 3, 8, 8)}
    )
    assert str(cut_plan(closed, "stem").outputs["features"]) == "(N, 3, 4, 4)"
