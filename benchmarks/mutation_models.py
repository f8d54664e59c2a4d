"""The models of `mutations.py`: each converted as an export converts it, with an earlier epoch where it is trained."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torchvision
from peers import Arrays, Question, Questions
from torch import Tensor, nn

from zoo_core import Model, ModelSpec, Preprocess, TensorSpec, open_zoo
from zoo_core.export.convert.clean import serialized, set_metadata
from zoo_core.export.plan.healthy import healthy_checkpoint
from zoo_core.export.plan.plan import DEFAULT_OPSET, ExportPlan
from zoo_core.verification.mutants.kinds import MOST_OF_A_KIND
from zoo_core.workflows.exports.export_source import plan_model, plan_source

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from checking import Prepared, plan_for, prepare
from own_data import own_data

IMAGENET = Preprocess(resize=(64, 64), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
SIDE, CLASSES = 64, 10
LONGEST = 48
OWN_DATA = {
    "textcnn": ("text-file", "-d", "root=texts", "-d", "text=review", "-d", "target=kind", "-d", "length=12"),
    "tablemlp": ("table-file", "-d", "root=tables", "-d", "target=label", "-d", "drop=score"),
    "melnet": ("audio-folder", "-d", "root=sounds"),
}
DETECTOR = "fasterrcnn_mobilenet_v3_large_320_fpn"
SMALL_DETECTOR = {"height": 128, "width": 160, "detections": 15, "proposals": 30, "num_classes": 6}


class TwoHeads(nn.Module):
    """A small encoder and decoder with two maps of one shape: what it is, and where its edges are."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU())
        self.deep = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1), nn.GroupNorm(4, 24), nn.Hardswish())
        self.joined = nn.Conv2d(36, 12, 3, padding=1)
        self.mask, self.edges = nn.Conv2d(12, 4, 1), nn.Conv2d(12, 4, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Two tensors of shape (N, 4, height, width)."""
        shallow = self.down(image)
        deep = nn.functional.interpolate(self.deep(shallow), scale_factor=2, mode="bilinear")
        joined = torch.relu(self.joined(torch.cat([shallow, deep], dim=1)))
        return self.mask(joined), self.edges(joined)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model ready to be judged; `earlier` is the file of an earlier epoch.

    `most`: so many faults of each kind are planted, at most.
    """

    prepared: Prepared = field(repr=False)
    earlier: bytes | None = field(default=None, repr=False)
    most: int = MOST_OF_A_KIND + 1

    @property
    def content(self) -> bytes:
        """The bytes of the healthy file."""
        return serialized(self.prepared.model)

    def questions(self) -> Questions:
        """What the peers would ask."""
        plan = self.prepared.plan
        names = list(plan.inputs)
        traced = dict(zip(names, (tensor.numpy() for tensor in plan.example()), strict=True))
        generator = np.random.default_rng(7)
        fresh = {
            name: generator.uniform(*plan.ranges[name], spec.shape({"N": 2, **plan.size_cases[0]})).astype(spec.dtype)
            for name, spec in plan.inputs.items()
        }
        sample = {name: value[:1] for name, value in self.prepared.expected.vector_inputs.items()}
        return Questions(traced=self._asked(traced), fresh=self._asked(fresh), sample=self._asked(sample))

    def _asked(self, inputs: Arrays) -> Question:
        return Question(inputs=inputs, expected=self.prepared.reference.float32(inputs))


def _healthy(plan: ExportPlan) -> ExportPlan:
    """With healthy parameters, as `zoo export` gives them to fresh weights."""
    generator = torch.Generator().manual_seed(3)
    inputs = {
        name: torch.empty(spec.shape({"N": 8})).uniform_(*plan.ranges[name], generator=generator)
        for name, spec in plan.inputs.items()
    }
    return dataclasses.replace(plan, checkpoint=healthy_checkpoint(plan.build, plan.checkpoint, inputs=inputs))


def _plan(build: Callable[[], nn.Module], outputs: dict[str, TensorSpec], task: str) -> ExportPlan:
    plan = plan_for(build, shape=(3, SIDE, SIDE), classes=CLASSES, validation=False)
    spec = dataclasses.replace(plan.model.spec, outputs=outputs, task=task)
    model = dataclasses.replace(plan.model, spec=spec)
    return _healthy(dataclasses.replace(plan, model=model, outputs=outputs, preprocess=IMAGENET))


def _torchvision(name: str) -> Subject:
    def build() -> nn.Module:
        return torchvision.models.get_model(name, weights=None, num_classes=CLASSES)

    plan = _plan(build, {"logits": TensorSpec("N", CLASSES)}, "image-classification")
    return Subject(prepared=prepare(plan))


def _two_heads() -> Subject:
    outputs = {name: TensorSpec("N", 4, SIDE, SIDE) for name in ("mask", "edges")}
    return Subject(prepared=prepare(_plan(TwoHeads, outputs, "features")))


def _lenet5(folder: Path) -> Subject:
    """LeNet-5 trained on the bundled digits for three epochs; the earlier file is that of one epoch."""
    program = str(Path(sys.executable).with_name("zoo"))
    for run, epochs in (("now", 3), ("earlier", 1)):
        command = [program, "train", "lenet5", "--dataset", "digits", "--run", run, "--epochs", str(epochs)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    before = Path.cwd()
    os.chdir(folder)
    try:
        now, earlier = (prepare(plan_source(open_zoo(), name, opset=DEFAULT_OPSET)) for name in ("now", "earlier"))
    finally:
        os.chdir(before)
    set_metadata(earlier.model, now.metadata)
    return Subject(prepared=now, earlier=serialized(earlier.model))


def _mlp() -> Subject:
    plan = plan_model(open_zoo().model("mlp"), {}, name="mlp", opset=DEFAULT_OPSET)
    return Subject(prepared=prepare(plan))


def _detector() -> Subject:
    """Faster R-CNN in its four stages, with so few boxes and classes that one mutant is judged in ten seconds."""
    model = open_zoo().model(f"torchvision/{DETECTOR}")
    plan = plan_model(model, SMALL_DETECTOR, name="detector", opset=DEFAULT_OPSET)
    return Subject(prepared=prepare(plan), most=2)


class Words(nn.Module):
    """Token numbers up to a length, and which of them count; embeddings that its builder brings."""

    def __init__(self) -> None:
        super().__init__()
        own = torch.Generator().manual_seed(11)
        self.table, self.places = nn.Embedding(40, 12), nn.Embedding(LONGEST, 12)
        for part in (self.table, self.places):
            part.weight.data = torch.randn(part.weight.shape, generator=own).exp() - 1  # as no initialiser draws it
        self.last = nn.Linear(12, 5)

    def forward(self, tokens: Tensor, counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (N, 5), which of them are positive, and the number of the largest."""
        found = self.table(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))
        scores = self.last((found * counts[..., None]).sum(1))
        return scores, scores > 0, scores.argmax(1)


def _own_data(folder: Path, model: str, *words: str) -> Subject:
    """A model whose inputs recipes make, trained for three epochs on data of one's own."""
    place = folder / model
    place.mkdir()
    own_data(place)
    program = str(Path(sys.executable).with_name("zoo"))
    command = [program, "train", model, "--dataset", *words, "--run", "now", "--epochs", "3"]
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    with contextlib.chdir(place):
        return Subject(prepared=prepare(plan_source(open_zoo(), "now", opset=DEFAULT_OPSET)))


def _words() -> Subject:
    """Integers and flags in and out, an axis that ends, weights of the builder's own beside a fresh head."""
    spec = ModelSpec(
        name="words",
        build=Words,
        task="features",
        summary="counted words",
        inputs={
            "tokens": TensorSpec("N", "L", dtype="int64", low=0, high=40),
            "counts": TensorSpec("N", "L", dtype="bool"),
        },
        outputs={
            "scores": TensorSpec("N", 5),
            "positive": TensorSpec("N", 5, dtype="bool"),
            "largest": TensorSpec("N", dtype="int64"),
        },
        largest={"L": LONGEST},
    )
    return _fresh(spec)


def _bytes() -> Subject:
    """Pictures of 8 bits, normalised inside."""
    spec = ModelSpec(
        name="bytes",
        build=Bytes,
        task="features",
        summary="pictures of bytes",
        inputs={"image": TensorSpec("N", 3, 24, 24, dtype="uint8")},
        outputs={"features": TensorSpec("N", 6)},
    )
    return _fresh(spec)


def _fresh(spec: ModelSpec) -> Subject:
    plan = plan_model(Model(spec=spec, plugin="benchmarks"), {}, name=spec.name, opset=DEFAULT_OPSET)
    return Subject(prepared=prepare(plan))


class Bytes(nn.Module):
    """A convolution over bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Features (N, 6)."""
        maps: Tensor = self.last(self.conv(image.float() / 255 - 0.5).relu())
        return maps.mean((2, 3))


def makers(folder: Path) -> dict[str, Callable[[], Subject]]:
    """What makes each model, by name; `folder` is for the runs of those that are trained."""
    return {
        "lenet5, trained on digits": lambda: _lenet5(folder),
        "mlp": _mlp,
        "two heads": _two_heads,
        "words, with embeddings of their own": _words,
        "bytes": _bytes,
        **{
            f"{name}, on data of one's own": lambda name=name: _own_data(folder, name, *OWN_DATA[name])
            for name in OWN_DATA
        },
        **{name: lambda name=name: _torchvision(name) for name in ("squeezenet1_1", "mobilenet_v3_small", "resnet18")},
        f"{DETECTOR}, in stages": _detector,
    }
