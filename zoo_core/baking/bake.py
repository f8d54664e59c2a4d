"""From a float file to one that prepares its pictures itself: joined, expected, checked and published."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo_core.bundle_files import DATA_FILE, MODEL_FILE, NETRON_FILE, REPORT_FILE
from zoo_core.environment import package_versions
from zoo_core.errors import NotVerifiedError
from zoo_core.export.attempt import VERSIONED
from zoo_core.export.bundle import RejectedExportError, build_and_check, reference_of
from zoo_core.export.convert.clean import serialized, set_metadata
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.export.publish.publish import building, check_target, keep_rejected, publish
from zoo_core.files import json_text, sha256_of, temporary_folder, write_atomic
from zoo_core.plugin_faults import blamed_on
from zoo_core.records import CheckResult, ExportReport, counted
from zoo_core.runtime.reading.metadata import Metadata, read_metadata
from zoo_core.runtime.reading.metadata_seal import SEAL, seal_of
from zoo_core.runtime.reading.wire import read_onnx
from zoo_core.runtime.vetting.known import remember
from zoo_core.runtime.vetting.vet import vet
from zoo_core.verification.conclude.recheck import outcome_of, verify_export
from zoo_core.verification.feed.vectors import write_vectors

from .bakeable import Interface, interface_of, require_bakeable
from .baked_card import card
from .beside_pillow import Agreement, agreement
from .head import PROBABILITIES, Head, head_of
from .joining import joined, model_part
from .picture_cases import Expected, expected_of
from .tried_pictures import drawn_pictures, drawn_sizes, real_pictures

SUFFIX = "-baked"
"""What such an export is called after the float one."""
Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class BakedReport(ExportReport):
    """The report of a file that prepares its pictures: also what it was made of, and how it was held against Pillow."""

    baked: Mapping[str, Any] = field(default_factory=dict)


def bake(
    plan: ExportPlan,
    target: Path,
    *,
    pictures: Sequence[NDArray[np.uint8]] = (),
    probabilities: bool = False,
    keep: bool = False,
    progress: Progress = lambda stage: None,
) -> BakedReport:
    """Convert and check the float file, join its preparation to it, check that too, and publish it as `target`.

    `pictures`: real ones, (H, W, 3), that it is tried on. Raises UsageError for what cannot be baked; and
    RejectedExportError with the report where one of both files is not verified: `keep` then keeps its folder as
    `NAME.rejected`.
    """
    require_bakeable(plan)
    head = head_of(plan.task, plan.outputs) if probabilities else None
    target = Path(os.path.abspath(target))
    check_target(target)
    with temporary_folder("zoo-bake-") as plain, building(target) as folder:
        with blamed_on(plan.model):
            report = build_and_check(plan, plain, progress=progress)
        if report.outcome != "verified":
            raise RejectedExportError(report, kept=_kept(plain, folder, target) if keep else None)
        with blamed_on(plan.model):
            baked = bake_verified(plan, plain, report, folder, pictures=pictures, head=head, progress=progress)
        if baked.outcome != "verified":
            raise RejectedExportError(baked, kept=keep_rejected(folder, target) if keep else None)
        progress("publishing")
        publish(folder, target)
        remember(read_onnx(target / MODEL_FILE), digests=baked.files)
    return baked


def bake_verified(
    plan: ExportPlan,
    plain: Path,
    report: ExportReport,
    folder: Path,
    *,
    pictures: Sequence[NDArray[np.uint8]] = (),
    head: Head | None = None,
    progress: Progress = lambda stage: None,
) -> BakedReport:
    """Fill `folder` with the bundle of a file that is made of the verified one in the folder `plain`, and judge it.

    `report`: that of the float file. The new one is written into the folder, too, whatever the outcome.
    """
    made = _Baking(plan=plan, plain=plain, report=report, folder=folder, head=head, progress=progress)
    return made.whole(pictures)


def _kept(plain: Path, folder: Path, target: Path) -> Path:
    """The float file that was rejected, beside the place of the export."""
    shutil.copytree(plain, folder, dirs_exist_ok=True)
    return keep_rejected(folder, target)


@dataclass(frozen=True, kw_only=True)
class _Baking:
    """One verified float file, in the folder `plain` with its report, on its way to one that prepares pictures."""

    plan: ExportPlan
    plain: Path
    report: ExportReport
    folder: Path
    head: Head | None
    progress: Progress

    def whole(self, pictures: Sequence[NDArray[np.uint8]]) -> BakedReport:
        """The whole bundle in the folder, judged; its report is written there too, whatever the outcome."""
        metadata = read_metadata(vet(self.plain / MODEL_FILE))
        interface = _with_head(interface_of(metadata, smallest=self.plan.model.spec.smallest), self.head)
        sizes = drawn_sizes(interface, self.plan.size_cases)
        drawn, real = drawn_pictures(interface, sizes), real_pictures(interface, pictures)
        self.progress("running PyTorch on pictures that Pillow has prepared")
        expected = expected_of(
            self.plan,
            reference_of(self.plan),
            interface.outputs,
            name=interface.name,
            drawn=drawn,
            real=real,
            head=self.head,
        )
        metadata = self._metadata(metadata, interface, expected)
        digest = self._write(interface, metadata, expected)
        self.progress("checking the file on pictures")
        return self._judged(interface, metadata, expected, digest)

    def _metadata(self, metadata: Metadata, interface: Interface, expected: Expected) -> Metadata:
        made = dataclasses.replace(
            metadata,
            name=f"{metadata.name}{SUFFIX}",
            inputs=interface.inputs,
            outputs=interface.outputs,
            largest=interface.largest,
            versions=package_versions((*VERSIONED, "pillow")),
            self_test=None,
            baked=True,
        )
        sealed = {**expected.self_test, SEAL: seal_of(made.to_json())}
        return dataclasses.replace(made, self_test=sealed)

    def _write(self, interface: Interface, metadata: Metadata, expected: Expected) -> str:
        """Write the model and what goes with it; the sha256 of the model, taken before it reaches the disk."""
        if (self.plain / DATA_FILE).exists():
            raise NotVerifiedError("the model is larger than 2 GB, and what is baked is one file")
        model = joined(onnx.load(self.plain / MODEL_FILE), interface, self.head)
        set_metadata(model, metadata)
        content = serialized(model)
        write_atomic(self.folder / MODEL_FILE, content)
        write_vectors(self.folder, expected.vector_inputs, expected.vector_outputs)
        shutil.copyfile(self.plain / NETRON_FILE, self.folder / NETRON_FILE)
        return hashlib.sha256(content).hexdigest()

    def _judged(self, interface: Interface, metadata: Metadata, expected: Expected, digest: str) -> BakedReport:
        path, plain = self.folder / MODEL_FILE, self.plain / MODEL_FILE
        free = self.plan.batch_is_free
        try:
            found = agreement(path, plain, interface=interface, expected=expected, task=self.plan.task, free=free)
        except NotVerifiedError as error:
            failed = CheckResult(rule="run", outcome="failed", detail=error.message)
            found = Agreement(checks=(failed,), outputs=(), measured={})
        made_of = {"name": self.report.name, "sha256": sha256_of(plain), "checks": len(self.report.checks)}
        told = {"made_of": made_of, "measured": dict(found.measured)}
        own = [self._same_model(path, plain, interface, digest), *found.checks]
        report = self._report(metadata, found, own, told, kind=expected.kind)
        if report.outcome == "verified":
            report = self._verified_again(report, metadata, own, told)
        write_atomic(self.folder / REPORT_FILE, json_text(report.to_json()))
        return report

    def _verified_again(
        self, report: BakedReport, metadata: Metadata, own: Sequence[CheckResult], told: Mapping[str, Any]
    ) -> BakedReport:
        """The report with what `zoo verify` says of the whole folder."""
        write_atomic(self.folder / "README.md", card(metadata, self.plan.model.spec.summary, told))
        report = dataclasses.replace(report, files=_hashes(self.folder))
        write_atomic(self.folder / REPORT_FILE, json_text(report.to_json()))
        again = verify_export(self.folder, isolated=False)
        checks = (*own, *again.checks)
        return dataclasses.replace(report, checks=checks, outcome=outcome_of(checks))

    def _same_model(self, path: Path, plain: Path, interface: Interface, digest: str) -> CheckResult:
        """Rule "made of": every node and every weight of the float file is in it, to the bit, and nothing else."""
        name = f"{self.report.name}, sha256 {sha256_of(plain)[:12]}"
        if sha256_of(path) != digest:
            return CheckResult(rule="made of", outcome="failed", detail="model.onnx was changed while it was checked")
        before, after = onnx.load(plain).graph, model_part(onnx.load(path), interface)
        if list(before.node) == list(after.node) and list(before.initializer) == list(after.initializer):
            text = f"{name}, verified by {counted(len(self.report.checks), 'rule result')}: every node and weight of it"
            return CheckResult(rule="made of", outcome="passed", detail=text)
        return CheckResult(rule="made of", outcome="failed", detail=f"its nodes or weights are not those of {name}")

    def _report(
        self, metadata: Metadata, found: Agreement, own: Sequence[CheckResult], told: Mapping[str, Any], *, kind: Any
    ) -> BakedReport:
        return BakedReport(
            outcome=outcome_of(own),
            name=metadata.name,
            model=metadata.model,
            run=metadata.run,
            opset=metadata.opset,
            axes={name: spec.axes for name, spec in {**metadata.inputs, **metadata.outputs}.items()},
            untrained=metadata.untrained,
            fixed_axes=self.report.fixed_axes,
            described=hashlib.sha256(metadata.to_json().encode()).hexdigest(),
            layer=metadata.layer,
            reference=kind,
            checks=tuple(own),
            outputs=found.outputs,
            versions=dict(metadata.versions),
            baked=told,
        )


def _with_head(interface: Interface, head: Head | None) -> Interface:
    if head is None:
        return interface
    spec = interface.outputs[head.output].with_range(0.0, 1.0)
    return dataclasses.replace(interface, outputs={**interface.outputs, PROBABILITIES: spec})


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != REPORT_FILE)
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}
