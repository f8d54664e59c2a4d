"""One attempt at a file: written as it was converted, and judged."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from zoo_core.bundle_files import MODEL_FILE, NETRON_FILE
from zoo_core.environment import package_versions
from zoo_core.errors import NotVerifiedError
from zoo_core.files import json_text, temporary_folder, write_atomic
from zoo_core.records import CheckResult
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.runtime.reading.metadata_seal import SEAL, seal_of
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.task_lookup import task_plugin
from zoo_core.verification.expect.recipe_test import KEY as RECIPES
from zoo_core.verification.expect.recipe_test import recipe_tests
from zoo_core.verification.feed.vectors import write_vectors

from .blame.inquiry import errors_of_nodes
from .blame.probe import NodeError
from .check.check import Verdict, check_file
from .convert.clean import clean, module_of, set_metadata
from .convert.program import Converted
from .convert.saving import Model, save_model
from .plan.plan import ExportPlan
from .publish.attachment import NodeFacts, netron_attachment
from .publish.large_parts import with_room, write_recipe_files
from .reference.expected import Expected
from .reference.reference import TorchReference

VERSIONED = ("zoo-core", "torch", "onnx", "onnxscript", "onnxruntime", "numpy")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of one way to make the file: its verdict, and the sha256 of each file of the model that was judged.

    `plan`: as it was carried out, with its opset and the ends that the trace gives to free axes.
    """

    plan: ExportPlan
    verdict: Verdict
    digests: Mapping[str, str] | None = None
    described: str = ""


def not_converted(plan: ExportPlan, why: str) -> Attempt:
    """The attempt that gave no file."""
    failed = CheckResult(rule="conversion", outcome="failed", detail=why)
    return Attempt(plan=plan, verdict=Verdict(checks=(failed,)))


def make_attempt(
    plan: ExportPlan, folder: Path, reference: TorchReference, expected: Expected, converted: Converted
) -> Attempt:
    """Write the file and what goes with it into `folder`, and judge it."""
    try:
        metadata = metadata_of(plan, expected)
        digests = _write(plan, folder, converted, expected, metadata)
    except NotVerifiedError as error:
        return not_converted(plan, error.message)
    if not converted.exported.cuts:  # which go into a copy of the file
        converted.forget_weights()
    errors: dict[str, NodeError] = {}

    def look_at_nodes(file: OnnxFile) -> None:
        errors.update(errors_of_nodes(file, converted, expected))

    with checking_copy(converted) as copy:
        verdict = check_file(
            folder / MODEL_FILE,
            plan,
            expected=expected,
            converted=converted,
            reference=reference,
            metadata=metadata,
            copy=copy,
            meanwhile=look_at_nodes,
        )
    if verdict.outcome == "verified":
        write_atomic(folder / NETRON_FILE, json_text(_attachment(converted.model, errors)))
    described = hashlib.sha256(metadata.to_json().encode()).hexdigest()
    return Attempt(plan=plan, verdict=verdict, digests=digests, described=described)


@contextlib.contextmanager
def checking_copy(converted: Converted) -> Iterator[Path | None]:
    """The cleaned file once more, with the cuts of its stages as further outputs; None where there are none."""
    cuts = set(converted.exported.cuts)
    if not cuts:
        yield None
        return
    copy = onnx.ModelProto()
    copy.CopyFrom(converted.model)
    copy.graph.output.extend(value for value in converted.model.graph.value_info if value.name in cuts)
    with temporary_folder("zoo-copy-") as folder:
        path = folder / MODEL_FILE
        save_model(Model(proto=copy, outside=converted.outside), path.parent)
        yield path


def _write(
    plan: ExportPlan, folder: Path, converted: Converted, expected: Expected, metadata: Metadata
) -> dict[str, str]:
    """Write the model and what goes with it; the sha256 of the model's files, taken before they reach the disk."""
    model = converted.model
    clean(model, plan)
    set_metadata(model, metadata)
    digests = save_model(Model(proto=model, outside=converted.outside), folder)
    digests |= write_recipe_files(metadata, folder)
    write_vectors(folder, expected.vector_inputs, expected.vector_outputs)
    write_atomic(folder / NETRON_FILE, json_text(_attachment(model, {})))
    return digests


def metadata_of(plan: ExportPlan, expected: Expected) -> Metadata:
    """What the file will say of itself."""
    spec = plan.model.spec
    metadata = Metadata(
        name=plan.name,
        task=spec.task,
        labels=plan.labels,
        inputs=plan.inputs,
        outputs=plan.outputs,
        preprocess=plan.preprocess,
        recipes=plan.recipes,
        model=plan.model.name,
        model_plugin=plan.model.plugin,
        source=spec.source,
        options=dict(plan.options),
        dataset=plan.dataset,
        metrics=dict(plan.metrics),
        license=spec.license,
        run=plan.run,
        weights=plan.weights,
        opset=plan.opset,
        untrained=plan.untrained,
        versions=package_versions(VERSIONED),
        self_test=_self_test(plan, expected),
        layer=plan.layer,
        largest=plan.largest,
        task_plugin=task_plugin(spec.task),
        task_settings=plan.task_settings,
    )
    metadata = with_room(_with_seal(metadata, "0" * 64))  # the seal takes room, too
    return _with_seal(metadata, seal_of(metadata.to_json()))


def _with_seal(metadata: Metadata, seal: str) -> Metadata:
    return dataclasses.replace(metadata, self_test={**(metadata.self_test or {}), SEAL: seal})


def _self_test(plan: ExportPlan, expected: Expected) -> Mapping[str, Any]:
    """That of what the file computes, and an example for each recipe."""
    tests = recipe_tests(plan.recipes)
    return {**expected.self_test, RECIPES: tests} if tests else expected.self_test


def _attachment(model: onnx.ModelProto, errors: Mapping[str, NodeError]) -> dict[str, Any]:
    sizes = {tensor.name: _elements(tensor) for tensor in model.graph.initializer}
    facts = [
        NodeFacts(
            name=node.name,
            op_type=node.op_type,
            module=module_of(node)[0],
            parameters=sum(sizes.get(name, 0) for name in node.input),
            error=errors[node.name].error if node.name in errors else None,
            floors=errors[node.name].floors if node.name in errors else None,
        )
        for node in model.graph.node
    ]
    return netron_attachment(facts)


def _elements(tensor: onnx.TensorProto) -> int:
    count = 1
    for dim in tensor.dims:
        count *= dim
    return count
