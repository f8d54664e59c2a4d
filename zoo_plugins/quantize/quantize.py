"""One `zoo quantize`: each way is tried, measured, taken back as far as needed, proved, and published or refused."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core import CheckResult, ZooError, open_zoo
from zoo_core.commands import counted, is_export, machine_kind, model_file, package_versions

from .bundle import (
    CARD,
    MODEL,
    VERSIONED,
    check_target,
    copy_learnt,
    new_bundle,
    own_metadata,
    publish,
    sealed,
    vector_rows,
    verified_again,
    write_report,
    write_vectors,
    written,
)
from .card import card
from .expected import VECTORS, Expected, expected_of
from .measuring import Allowance, Answers, Race, allowance, answers_of, flipped, race
from .reference import Float64Graph
from .source import Source, need_onnx, open_source
from .tools import KINDS, SUFFIXES, Tool, tool_for
from .walking import Walked, walk_back

if TYPE_CHECKING:
    import onnx

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one way. `path`: where it was published, None where it was not, and `why` says why.

    `metrics` are None where it could not be made or run; `kept`: the nodes that are float again, of `nodes`.
    """

    kind: str
    name: str
    path: Path | None = None
    why: str = ""
    metrics: Mapping[str, float] | None = None
    flips: tuple[int, int] | None = None
    size: int | None = None
    race: Race | None = None
    kept: tuple[str, ...] = ()
    nodes: int = 0

    def to_json(self, allowed: Allowance) -> dict[str, Any]:
        """Plain JSON; times in seconds, sizes in bytes, `drop` in the metric's own units."""
        timed = self.race
        return {
            "kind": self.kind,
            "name": self.name,
            "published": None if self.path is None else str(self.path),
            "why": self.why,
            "metrics": None if self.metrics is None else dict(self.metrics),
            "drop": None if self.metrics is None else allowed.drop(self.metrics),
            "flipped": None if self.flips is None else self.flips[0],
            "decisions": None if self.flips is None else self.flips[1],
            "bytes": self.size,
            "p50_s": None if timed is None else timed.p50,
            "time_ratio": None if timed is None else timed.ratio,
            "nodes": self.nodes,
            "float_nodes": list(self.kept),
        }


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """What was tried, beside the float file."""

    source: Source
    answers: Answers = field(repr=False)
    size: int
    allowed: Allowance
    rows: tuple[Row, ...]

    @property
    def published(self) -> tuple[Row, ...]:
        """Those that passed."""
        return tuple(row for row in self.rows if row.path is not None)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        allowed = self.allowed
        return {
            "schema": 1,
            "export": self.source.name,
            "sha256": self.source.sha256,
            "dataset": self.source.dataset,
            "n": len(self.source.validation),
            "calibration": len(self.source.calibration),
            "metric": allowed.metric,
            "better": allowed.better,
            "max_drop": allowed.max_drop,
            "allowed": allowed.allowed,
            "float": {"metrics": dict(self.answers.metrics), "bytes": self.size},
            "rows": [row.to_json(allowed) for row in self.rows],
            "machine": machine_kind(),
            "versions": package_versions(VERSIONED),
        }


def quantize(
    typed: str, kinds: Sequence[str], *, to: Path, max_drop: float, samples: int, progress: Progress, **more: Any
) -> Quantization:
    """Make the export of that name smaller in each of these ways (none: in all), and publish below `to` what passes.

    `more` as in `open_source`, which says what is raised; ZooError also where something is in the way of a result.
    """
    need_onnx()
    source = open_source(typed, open_zoo(), samples=samples, **more)
    for remark in source.remarks:
        progress(remark)
    kinds = [kind for kind in KINDS if not kinds or kind in kinds]
    for kind in kinds:
        check_target(to / _name(source, kind))
    progress("float: measuring the validation part")
    answers = answers_of(source.path, source)
    allowed = allowance(source, answers, max_drop)
    size = sum(path.stat().st_size for path in _model_files(source))
    whole = Quantization(source=source, answers=answers, size=size, allowed=allowed, rows=())
    rows = tuple(_one(kind, whole, to=to, samples=samples, progress=progress) for kind in kinds)
    return dataclasses.replace(whole, rows=rows)


def _name(source: Source, kind: str) -> str:
    return f"{source.name}-{SUFFIXES[kind]}".replace("/", "-")


def _model_files(source: Source) -> list[Path]:
    """The float file, and its weights where they lie beside it."""
    path = model_file(source.path)
    return [path, *([beside] if (beside := path.with_name(f"{path.name}.data")).is_file() else [])]


def _one(kind: str, whole: Quantization, *, to: Path, samples: int, progress: Progress) -> Row:
    """One way, from the tool to the published export. What goes wrong with it becomes a row."""
    source, allowed = whole.source, whole.allowed
    row = Row(kind=kind, name=_name(source, kind))

    def told(what: str) -> None:
        progress(f"{kind}: {what}")

    try:
        with tempfile.TemporaryDirectory(prefix="zoo-quantize-") as place:
            draft = Path(place) / "draft.onnx"
            copy_learnt(source, draft.parent)

            def save(proto: onnx.ModelProto, tool: Tool) -> Path:
                written(proto, draft, own_metadata(source, row.name), source, {})
                return draft

            told("preparing")
            tool = tool_for(kind, source, samples=samples)
            found = walk_back(tool, source, save=save, allows=allowed.allows, progress=told)
            row = _measured(row, found, whole)
            if found.path is None:
                return dataclasses.replace(row, why=_too_much(found, allowed))
            size = draft.stat().st_size
            row = dataclasses.replace(row, size=size)
            if size >= whole.size:
                return dataclasses.replace(row, why=f"it has {size:,} bytes, no fewer than the float file")
            told("measuring its speed")
            row = dataclasses.replace(row, race=race(draft, source))
        return _proved(row, tool, found, whole, target=to / row.name, progress=told)
    except ZooError as error:
        return dataclasses.replace(row, why=error.message)


def _measured(row: Row, found: Walked, whole: Quantization) -> Row:
    return dataclasses.replace(
        row,
        metrics=found.answers.metrics,
        flips=flipped(found.answers, whole.answers),
        kept=found.kept,
        nodes=found.nodes,
    )


def _too_much(found: Walked, allowed: Allowance) -> str:
    value = found.answers.metrics.get(allowed.metric, float("nan"))
    lost = (
        f"{allowed.metric} is {value:.4g}, and {allowed.float_value:.4g} in the float file: "
        f"{allowed.drop(found.answers.metrics):.4g} is lost, and {allowed.allowed:.4g} is allowed"
    )
    return f"{lost}; even with all but one of {counted(found.nodes, 'node')} float" if found.nodes > 1 else lost


def _proved(row: Row, tool: Tool, found: Walked, whole: Quantization, *, target: Path, progress: Progress) -> Row:
    """Give the file its own self-test and test vectors, check it at every level, and publish it."""
    source = whole.source
    metadata = dataclasses.replace(
        own_metadata(source, row.name),
        metrics={f"validation {name}": value for name, value in found.answers.metrics.items()},
    )
    proto = tool.make(found.kept)
    progress("computing what it has to give, in float64")
    test = source.metadata.self_test or {}
    expected = expected_of(Float64Graph(proto), metadata, test, vector_rows(source, VECTORS))
    recipes = {"recipes": test["recipes"]} if "recipes" in test else {}
    metadata = sealed(metadata, {**expected.self_test, **recipes})
    made_of = {"name": source.name, "sha256": source.sha256}
    with new_bundle(target) as folder:
        written(proto, folder / MODEL, metadata, source, {"kind": row.kind, "made_of": made_of})
        row = dataclasses.replace(row, size=(folder / MODEL).stat().st_size)
        told = _told(row, whole)
        copy_learnt(source, folder)
        write_vectors(folder, expected)
        (folder / CARD).write_text(card(metadata, told), encoding="utf-8")
        progress("zoo verify, at every level of optimisation")
        own = _own_checks(row, whole, expected)
        write_report(folder, metadata, checks=own, outputs=(), quantized=told)
        checks, outputs = verified_again(folder)
        write_report(folder, metadata, checks=[*own, *checks], outputs=outputs, quantized=told)
        earlier = is_export(target)
        publish(folder, target)
        if earlier:
            progress(f"{target}: the export that was there is replaced")
    return dataclasses.replace(row, path=target)


def _told(row: Row, whole: Quantization) -> dict[str, Any]:
    """What report.json says under `quantized`: nothing in it depends on how fast this machine is."""
    return {
        "kind": row.kind,
        "made_of": {"name": whole.source.name, "sha256": whole.source.sha256},
        "metric": whole.allowed.metric,
        "max_drop": whole.allowed.max_drop,
        "calibration": len(whole.source.calibration) if row.kind == "int8-static" else 0,
        "nodes": row.nodes,
        "float_nodes": list(row.kept),
        "measured": {
            "dataset": whole.source.dataset,
            "n": len(whole.source.validation),
            "metrics": dict(row.metrics or {}),
            "float_metrics": dict(whole.answers.metrics),
            "flipped": row.flips[0] if row.flips else None,
            "decisions": row.flips[1] if row.flips else None,
            "bytes": row.size,
            "float_bytes": whole.size,
        },
    }


def _own_checks(row: Row, whole: Quantization, expected: Expected) -> list[CheckResult]:
    allowed, metrics = whole.allowed, row.metrics or {}
    flips = "" if row.flips is None else f"; {row.flips[0]:,} of {counted(row.flips[1], 'decision')} flipped"
    noise = ", ".join(
        f"{name} moves by {value:.3g} where float32 rounds, {expected.bounds[name]:.3g} is allowed"
        for name, value in expected.noise.items()
    )
    details = {
        "made of": f"{whole.source.name}, sha256 {whole.source.sha256}",
        "dataset": f"{allowed.metric} float {allowed.float_value:.4g}, this file {metrics[allowed.metric]:.4g} on "
        f"{counted(len(whole.source.validation), 'sample')}, {allowed.allowed:.3g} may be lost{flips}",
        "reference": f"its own graph in float64 by onnx's reference evaluator: {noise}",
    }
    return [CheckResult(rule=rule, outcome="passed", detail=detail) for rule, detail in details.items()]
