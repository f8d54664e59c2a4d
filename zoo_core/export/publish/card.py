"""The model card of a bundle: what it is, how good it is, how it was checked, how it is run."""

from __future__ import annotations

import textwrap
from collections.abc import Collection

from zoo_core.bundle_files import MODEL_FILE
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.foreign_text import markdown_code, markdown_text
from zoo_core.records import ExportReport
from zoo_core.verification.feed.rows import BATCH


def model_card(plan: ExportPlan, report: ExportReport, *, files: Collection[str] = ()) -> str:
    """Markdown, the same for the same export. `files`: the names of those that the model is made of."""
    parts = [
        f"# {markdown_text(plan.name)}",
        _what(plan),
        _metrics(plan),
        *(f"**Note:** {markdown_text(remark)}" for remark in plan.remarks),
        _use(plan),
        _together(files),
        _check(report),
        _tensors(plan),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(plan: ExportPlan) -> str:
    spec = plan.model.spec
    lines = [f"{markdown_text(spec.summary)}. Task: {spec.task}."]
    if plan.dataset:
        lines.append(f"Trained on {markdown_code(str(plan.dataset['name']))}.")
    if plan.unfinished:
        lines.append(f"**Unfinished**: {plan.unfinished}")
    if plan.untrained:
        lines.append("**Untrained**: fresh weights, for looking at the graph and timing, not for predictions.")
    if spec.source:
        lines.append(f"Source of the architecture: {markdown_text(spec.source)}.")
    lines.append(f"Licence of the architecture's code: {markdown_text(spec.license or 'not stated')}.")
    return textwrap.fill(" ".join(lines), 100, break_long_words=False, break_on_hyphens=False)


def _metrics(plan: ExportPlan) -> str:
    if not plan.metrics:
        return ""
    rows = "\n".join(f"| {markdown_text(name)} | {value:.4g} |" for name, value in plan.metrics.items())
    return f"## Results\n\n| metric | value |\n| --- | --- |\n{rows}"


def _use(plan: ExportPlan) -> str:
    sizes = {BATCH: 1, **plan.size_cases[0]}
    zeros = {n: f"np.zeros({spec.shape(sizes)}, dtype=np.{spec.dtype})" for n, spec in plan.inputs.items()}
    feed = ", ".join(f'"{name}": {array}' for name, array in zeros.items())
    return f"""## Use

With the zoo, which reads pictures and applies the preprocessing that is stored in the file (no PyTorch needed):

    zoo predict . picture.png

With onnxruntime alone (the input is already preprocessed then):

    import numpy as np, onnxruntime as ort
    session = ort.InferenceSession("model.onnx")
    inputs = {{{feed}}}
    {", ".join(plan.outputs)}{"," if len(plan.outputs) == 1 else ""} = session.run(None, inputs)"""


def _together(files: Collection[str]) -> str:
    beside = [markdown_code(name) for name in sorted(files) if name != MODEL_FILE]
    return (
        f"{markdown_code(MODEL_FILE)} does not work without {' and '.join(beside)}: copy them together."
        if beside
        else ""
    )


def _check(report: ExportReport) -> str:
    lines = [f"Outcome: **{report.outcome}** (opset {report.opset}, reference {report.reference})."]
    lines.extend(
        f"{markdown_code(output.name)}: largest error {output.error:.2g}, which is {output.floors:.2g} times "
        f"PyTorch's own rounding noise; {output.bound:.2g} was allowed."
        for output in report.outputs
    )
    lines.append("`report.json` lists every rule; `zoo verify .` checks the file again on your machine.")
    return "## Check\n\n" + "\n".join(f"- {line}" for line in lines)


def _tensors(plan: ExportPlan) -> str:
    rows = [
        f"| {role} | {markdown_code(name, in_table=True)} | {spec.dtype} | {spec} |"
        for role, specs in (("input", plan.inputs), ("output", plan.outputs))
        for name, spec in specs.items()
    ]
    header = "| | name | dtype | axes |\n| --- | --- | --- | --- |\n"
    reasons = "".join(
        f"\n\n{markdown_text(axis)} is fixed: {markdown_text(reason)}." for axis, reason in plan.fixed_axes.items()
    )
    return "## Inputs and outputs\n\n" + header + "\n".join(rows) + reasons
