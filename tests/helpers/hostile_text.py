"""Text as an attacker writes it, in plugins, records and names of files; and whether any of it has reached people."""

from __future__ import annotations

import json
from pathlib import Path

from onnx_files import write_brightness

FORGED = "Error: forged"
HOSTILE = f"evil\x1b[31m\x9b2J\u202egpj\r\n{FORGED}\n\x07<script>alert(1)</script> ![x](y) |=1+1"
MARKUP = "<script>alert(1)</script> ![x](y) | `a` # =1+1"
LONE_HALF = "half \udcff"

PLUGIN = f"""
    from zoo_core import DatasetSpec, ModelSpec, TensorSpec, hookimpl
    from zoo_core.commands import lazy_command

    EVIL = {HOSTILE!r}
    MARKUP = {MARKUP!r}


    def build(*, num_classes: int = 3):
        from torch import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(16, num_classes))


    def build_badly(*, num_classes: int = 3):
        raise RuntimeError(EVIL)


    def load(root, *, split, download, fails: bool = False):
        import numpy as np

        from zoo_core.data import ArraySplit

        if fails:
            raise RuntimeError(EVIL)
        drawn = np.random.default_rng(0)
        inputs = drawn.random((60, 1, 4, 4), dtype=np.float32)
        return ArraySplit(inputs=inputs, targets=np.arange(60) % 3)


    def model(name, builder, text=EVIL):
        return ModelSpec(
            name=name,
            build=builder,
            task="image-classification",
            summary=text.replace(chr(10), " "),
            source=text,
            license=text,
            inputs={{"image": TensorSpec("N", 1, 4, 4)}},
            outputs={{"logits": TensorSpec("N", "num_classes")}},
        )


    @hookimpl
    def zoo_models():
        yield model("evilnet", build)
        yield model("badnet", build_badly)
        yield model("markupnet", build, MARKUP)


    @hookimpl
    def zoo_datasets():
        yield DatasetSpec(
            name="evildata",
            load=load,
            task="image-classification",
            summary=EVIL.replace(chr(10), " "),
            source=EVIL,
            license=EVIL,
            inputs={{"image": TensorSpec("N", 1, 4, 4)}},
            classes=("a", EVIL, "c"),
        )


    @hookimpl
    def zoo_commands():
        yield lazy_command("evilverb", help=EVIL, body="absent:command")
"""


def write_records(folder: Path) -> None:
    """A run and an export whose records are full of hostile text, each in a folder with a hostile name."""
    name = "evil\x1b[2J\n" + LONE_HALF
    write_brightness(folder).parent.rename(folder / "exported" / name)
    for kind, file in (("runs", "run.json"), ("exported", "report.json")):
        place = folder / kind / name
        place.mkdir(parents=True, exist_ok=True)
        keys = ("name", "model", "model_plugin", "dataset", "status", "outcome", "opset", "run", "weights")
        place.joinpath(file).write_text(json.dumps({"schema": 1, **dict.fromkeys(keys, HOSTILE)}))


def assert_harmless(output: str) -> None:
    """No character of it steers a terminal, and none of its lines is forged."""
    for line in output.splitlines():
        assert line.isprintable(), repr(line)
        assert not line.startswith(FORGED), line
