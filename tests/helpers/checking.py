"""For tests of the check: a plan for any module, converted once, and judged as often as faults are planted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from zoo_core import ModelSpec, TensorSpec
from zoo_core.export.attempt import checking_copy, metadata_of
from zoo_core.export.bundle import reference_of
from zoo_core.export.check.check import Verdict, check_file
from zoo_core.export.convert.clean import clean, serialized, set_metadata
from zoo_core.export.convert.convert import convert
from zoo_core.export.convert.program import Converted
from zoo_core.export.plan.plan import ExportPlan, LabelledInputs
from zoo_core.export.reference.beyond_trace import beyond_trace
from zoo_core.export.reference.expected import Expected, compute_expected
from zoo_core.export.reference.reference import TorchReference
from zoo_core.export.reference.within_limits import within_limits
from zoo_core.registry import Model
from zoo_core.runtime.reading.metadata import Metadata


def plan_for(
    build: Callable[[], nn.Module],
    *,
    shape: tuple[int, ...] = (3, 16, 16),
    classes: int = 5,
    checkpoint: Mapping[str, torch.Tensor] | None = None,
    validation: bool = True,
) -> ExportPlan:
    """The plan of a module with fresh weights (or `checkpoint`), on random pictures of that shape."""

    def builder() -> nn.Module:
        return build()

    spec = ModelSpec(
        name="under-test",
        build=builder,
        task="image-classification",
        summary="a model for tests",
        inputs={"image": TensorSpec("N", *shape)},
        outputs={"logits": TensorSpec("N", classes)},
    )
    if checkpoint is None:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            checkpoint = build().state_dict()
    generator = np.random.default_rng(0)
    samples = LabelledInputs(
        inputs={"image": generator.uniform(-1, 1, (70, *shape)).astype(np.float32)},
        targets=generator.integers(0, classes, 70),
    )
    return ExportPlan(
        name="under-test",
        model=Model(spec=spec, plugin="tests:tests"),
        options={},
        checkpoint=checkpoint,
        inputs=spec.inputs,
        outputs=spec.outputs,
        labels=tuple(map(str, range(classes))),
        validation=samples if validation else None,
    )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A converted model and all that it takes to judge a file."""

    plan: ExportPlan
    reference: TorchReference
    expected: Expected
    converted: Converted
    metadata: Metadata
    model: onnx.ModelProto

    def judge(self, model: onnx.ModelProto, folder: Path) -> Verdict:
        """The verdict on a file with these contents."""
        path = folder / "model.onnx"
        path.write_bytes(serialized(model))
        with checking_copy(self._made_instead(model)) as copy:
            return check_file(
                path,
                self.plan,
                expected=self.expected,
                converted=self.converted,
                reference=self.reference,
                metadata=self.metadata,
                copy=copy,
            )

    def _made_instead(self, model: onnx.ModelProto) -> Converted:
        """As if the exporter had made `model`; a mutant does not say of which types its cuts are."""
        made = onnx.ModelProto()
        made.CopyFrom(model)
        if self.converted.exported.cuts:
            del made.graph.value_info[:]
            made.graph.value_info.extend(self.model.graph.value_info)
        return dataclasses.replace(self.converted, model=made)


def prepare(plan: ExportPlan) -> Prepared:
    """Run PyTorch and convert, as an export does before it writes."""
    reference = reference_of(plan)
    expected = compute_expected(plan, reference)
    converted = convert(plan, reference.module)
    expected = beyond_trace(plan, converted, within_limits(plan, expected, reference), reference)
    metadata = metadata_of(plan, expected)
    model = converted.model
    clean(model, plan)
    set_metadata(model, metadata)
    return Prepared(
        plan=plan, reference=reference, expected=expected, converted=converted, metadata=metadata, model=model
    )


def plan_of(
    build: Callable[[], nn.Module],
    *,
    inputs: Mapping[str, TensorSpec],
    outputs: Mapping[str, TensorSpec],
    task: str = "features",
    **fields: Any,
) -> ExportPlan:
    """The plan of a module with fresh weights, for tensors of any form; `fields` are further ones of its ModelSpec."""

    def builder() -> nn.Module:
        return build()

    spec = ModelSpec(
        name="under-test",
        build=builder,
        task=task,
        summary="a model for tests",
        inputs=inputs,
        outputs=outputs,
        **fields,
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        checkpoint = build().state_dict()
    return ExportPlan(
        name="under-test",
        model=Model(spec=spec, plugin="tests:tests"),
        options={},
        checkpoint=checkpoint,
        inputs=inputs,
        outputs=outputs,
    )
