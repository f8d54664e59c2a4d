"""The README.md of a file that prepares its pictures itself."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from zoo_core.foreign_text import markdown_code, markdown_text
from zoo_core.records import counted
from zoo_core.runtime.reading.metadata import Metadata

from .head import PROBABILITIES


def card(metadata: Metadata, summary: str, told: Mapping[str, Any]) -> str:
    """Markdown, the same for the same file. `told`: what report.json says under `baked`."""
    lines = f"{markdown_text(summary)}. Task: {metadata.task}. The file takes pictures as they are, and prepares them."
    if metadata.untrained:
        lines += " **Untrained**: fresh weights, for looking at the graph and timing, not for predictions."
    parts = [
        f"# {markdown_text(metadata.name)}",
        textwrap.fill(lines, 100, break_long_words=False, break_on_hyphens=False),
        _metrics(metadata),
        _use(metadata),
        _check(told),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _metrics(metadata: Metadata) -> str:
    if not metadata.metrics:
        return ""
    rows = "\n".join(f"| {markdown_text(name)} | {value:.4g} |" for name, value in metadata.metrics.items())
    return f"## Results\n\n| metric | value |\n| --- | --- |\n{rows}"


def _use(metadata: Metadata) -> str:
    (name, spec), *_ = metadata.inputs.items()
    outputs = ", ".join(metadata.outputs) + ("," if len(metadata.outputs) == 1 else "")
    more = (
        f"\n\n`{PROBABILITIES}` are those of the labels, which stand in the metadata of the file."
        if PROBABILITIES in metadata.outputs
        else ""
    )
    return f"""## Use

With the zoo (no PyTorch needed):

    zoo predict . picture.png

With onnxruntime and any decoder: {markdown_code(name)} is uint8, {spec}, RGB. All pictures of a batch have one size.

    import numpy as np, onnxruntime as ort
    from PIL import Image
    session = ort.InferenceSession("model.onnx")
    pixels = np.asarray(Image.open("picture.png").convert("RGB"))[None]
    {outputs} = session.run(None, {{"{name}": pixels}})

Decoding stays outside, and with it what EXIF says of how the picture is turned.{more}"""


def _check(told: Mapping[str, Any]) -> str:
    made, measured = told["made_of"], told["measured"]
    sources = ", ".join(dict.fromkeys(each["source"] for each in measured["pictures"]))
    decisions = measured["decisions"]
    flips = f" {decisions['flipped']:,} of {counted(decisions['of'], 'decision')} differ." if decisions else ""
    return f"""## Check

- Made of {markdown_code(made["name"])}, sha256 `{made["sha256"]}`, which was verified against PyTorch first.
- {counted(measured["n"], "picture")} ({sources}) are prepared inside as by Pillow {measured["pillow"]}: the largest
  difference is {measured["largest_difference"]["prepared"]:g}.{flips}
- The self-test and the test vectors are this file's own: pictures of several sizes, and what PyTorch gives for them.
- `report.json` lists every rule; `zoo verify .` checks the file again on your machine."""
