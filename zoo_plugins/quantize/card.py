"""The README.md of a smaller file: what it was made of, what it is worth beside that, and how it is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo_core.commands import counted, markdown_text
from zoo_core.runtime import Metadata

_WAYS = {
    "fp16": "Its weights are stored in half precision, and computed with in float32: half the size, on any processor.",
    "int8-dynamic": "Its weights are int8 (7 bits of them are used), and the range of what flows in is found anew for "
    "each row, so that an answer does not depend on the other rows of its batch. Every such scale is a power of two.",
    "int8-static": "It computes with whole numbers: weights are int8 (7 bits of them are used, one scale for each "
    "channel), what flows between layers is uint8, in ranges found once with samples of the training part. Every scale "
    "is a power of two, so that it gives the same bits at every level of optimisation.",
}


def card(metadata: Metadata, quantized: Mapping[str, Any]) -> str:
    """Markdown, the same for the same file."""
    made_of = quantized["made_of"]
    parts = [
        f"# {markdown_text(metadata.name)}",
        f"A smaller {markdown_text(made_of['name'])} (sha256 `{made_of['sha256']}`). {_WAYS[quantized['kind']]}",
        _numbers(quantized),
        _float_again(quantized["float_nodes"], quantized["nodes"]),
        "## Use\n\nAs the float file, and without PyTorch:\n\n    zoo predict . INPUT\n    zoo verify .",
        "## Check\n\n"
        "The self-test and the test vectors are this file's own: what its graph gives in float64, not what the float "
        "file gives. `report.json` lists every rule; `zoo verify .` checks the file again on your machine.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _numbers(quantized: Mapping[str, Any]) -> str:
    measured = quantized["measured"]
    header = f"## Results\n\nOn {counted(measured['n'], 'sample')}, the validation part of {measured['dataset']}:\n\n"
    rows = ["| | float | this file |", "| --- | --- | --- |"]
    mine, theirs = measured["metrics"], measured["float_metrics"]
    rows += [f"| {markdown_text(name)} | {theirs[name]:.4g} | {mine[name]:.4g} |" for name in mine if name in theirs]
    rows.append(f"| bytes | {measured['float_bytes']:,} | {measured['bytes']:,} |")
    after = ""
    if measured["decisions"]:
        count = f"{measured['flipped']:,} of {counted(measured['decisions'], 'decision')}"
        after = f"\n\nOtherwise than the float file decides: {count}."
    return header + "\n".join(rows) + after


def _float_again(nodes: Sequence[str], count: int) -> str:
    if not nodes:
        return ""
    named = ", ".join(f"`{markdown_text(name)}`" for name in nodes)
    return f"{len(nodes)} of {counted(count, 'node')} stayed float, because they cost most: {named}."
