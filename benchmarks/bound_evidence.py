"""What `bound_constants.py` looks at: how far each row of each model's file is from PyTorch, raw, model by model.

The zoo's own code runs PyTorch (`compute_expected`, `StagedReference`) and the file (`run_subject`) on the rows of the
check; kept is what the bounds of the rows follow from (`RowNoise`) and the rows' errors, so that any constants can be
tried on them afterwards with the rule itself (`row_limits`), without running anything again.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bound_models import Model
from mutation_models import Prepared
from mutations import DESCRIPTION

from zoo_core.errors import ZooError
from zoo_core.export.attempt import checking_copy
from zoo_core.export.check.staged_check import one_row
from zoo_core.export.convert.clean import serialized
from zoo_core.export.reference.staged import padded, stage_bound
from zoo_core.runtime.vetting.vet import vet
from zoo_core.verification.conclude.structure import Interface, check_results, check_structure
from zoo_core.verification.expect.bounds import OutputBound, RowNoise, bound_output, row_errors
from zoo_core.verification.expect.sensitivity import variation_of
from zoo_core.verification.feed.rows import BATCH, PLAUSIBLE, batches_of, by_row
from zoo_core.verification.mutants import make_mutants
from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, Group, SubjectError, run_subject

DIGITS = 4
"""Significant digits that are kept of each number."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One output at one optimisation level and size of the inputs: noise and errors, (rows,), in the output's units.

    `variation`: how much the output varies over plausible rows of the usual size; None for other sizes. `stage`: it is
    inside a model in stages.
    """

    level: str
    size: str
    output: str
    noise: RowNoise
    errors: np.ndarray
    variation: float | None = None
    stage: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        noise = {k: _plain(v) for k, v in vars(self.noise).items() if v is not None}
        return {**vars(self), "noise": noise, "errors": _plain(self.errors)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Observation:
        """The inverse of `to_json`."""
        noise = {k: np.array(v) if isinstance(v, list) else v for k, v in data["noise"].items()}
        return cls(**{**data, "noise": RowNoise(**noise), "errors": np.array(data["errors"])})


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A mutant: its errors, one array for each observation of the healthy file; none where it has no such outputs."""

    name: str
    kind: str
    errors: tuple[np.ndarray, ...] = ()
    relative: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything about one model. `relative`: the same against float32, as where a float64 run is impossible."""

    name: str
    group: str
    observations: tuple[Observation, ...]
    relative: tuple[Observation, ...]
    mutants: tuple[Planted, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        mutants = [{**vars(m), "errors": _plains(m.errors), "relative": _plains(m.relative)} for m in self.mutants]
        both = {name: [each.to_json() for each in getattr(self, name)] for name in ("observations", "relative")}
        return {**vars(self), **both, "mutants": mutants}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """The inverse of `to_json`."""
        mutants = [{**m, "errors": _arrays(m["errors"]), "relative": _arrays(m["relative"])} for m in data["mutants"]]
        both = {name: tuple(map(Observation.from_json, data[name])) for name in ("observations", "relative")}
        return cls(**{**data, **both, "mutants": tuple(Planted(**mutant) for mutant in mutants)})


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist() if value.dtype == bool else [float(f"{x:.{DIGITS}g}") for x in value.tolist()]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _plains(arrays: Sequence[np.ndarray]) -> list[Any]:
    return [_plain(array) for array in arrays]


def _arrays(lists: Sequence[Any]) -> tuple[np.ndarray, ...]:
    return tuple(np.array(each) for each in lists)


def collect(model: Model, folder: Path) -> Evidence:
    """The evidence of one model; its mutants are run too, where it has any."""
    start = time.perf_counter()
    prepared = model.make()
    path = folder / "model.onnx"
    path.write_bytes(serialized(prepared.model))
    if prepared.expected.staged is not None:
        found, relative, mutants = tuple(_of_stages(prepared, path)), (), ()
    else:
        asked = _Asked.of(prepared)
        found, relative = asked.observations(path)
        mutants = tuple(_planted(prepared, asked, path.read_bytes(), folder, most=model.most)) if model.most else ()
    return Evidence(
        name=model.name,
        group=model.group,
        observations=found,
        relative=relative,
        mutants=mutants,
        seconds=time.perf_counter() - start,
    )


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """The cases of a model, and for each the bounds against float64 and against float32."""

    prepared: Prepared
    relative: tuple[Mapping[str, OutputBound], ...]

    @classmethod
    def of(cls, prepared: Prepared) -> _Asked:
        """PyTorch's float32 is not kept by the check: it is computed again."""
        relative = []
        for case in prepared.expected.cases:
            corner = np.array([kind not in PLAUSIBLE for kind in case.rows.kinds])
            single = prepared.reference.float32(case.rows.inputs)
            relative.append(
                {
                    n: bound_output(n, float32=v, float64=v, reference="relative", corner=corner)
                    for n, v in single.items()
                }
            )
        return cls(prepared=prepared, relative=tuple(relative))

    def observations(self, path: Path) -> tuple[tuple[Observation, ...], tuple[Observation, ...]]:
        """Of the file at `path`, against float64 and against float32. Raises ZooError where it cannot be compared."""
        plan, cases = self.prepared.plan, self.prepared.expected.cases
        cuts = [batches_of(len(case.rows), free=plan.batch_is_free) for case in cases]
        groups = [
            Group(name=f"{number}", inputs=case.rows.inputs, batches=cut)
            for number, (case, cut) in enumerate(zip(cases, cuts, strict=True))
        ]
        result = run_subject(path, groups)
        exact, relative = [], []
        for setting in DEFAULT_SETTINGS:
            for number, (case, cut) in enumerate(zip(cases, cuts, strict=True)):
                found = result.outputs[setting, f"{number}"]
                for rows, batch in zip(cut, found, strict=True):
                    if wrong := check_results("", batch, plan.outputs, sizes={BATCH: len(rows), **case.sizes}):
                        raise SubjectError(wrong[0].detail)
                single = by_row(cut, found, len(case.rows))
                plausible = np.array([kind in PLAUSIBLE for kind in case.rows.kinds])
                for name in plan.outputs:
                    bounds = case.bounds[name], self.relative[number][name]
                    first, second = (_worst(cut, found, name, bound) for bound in bounds)
                    seen = Observation(
                        level=setting.level,
                        size=str(case),
                        output=name,
                        noise=bounds[0].noise,
                        errors=first,
                        variation=variation_of(single[name][plausible]) if case is cases[0] else None,
                    )
                    exact.append(seen)
                    relative.append(dataclasses.replace(seen, noise=bounds[1].noise, errors=second))
        return tuple(exact), tuple(relative)


def _worst(
    cut: Sequence[Sequence[int]], found: Sequence[Mapping[str, np.ndarray]], name: str, bound: OutputBound
) -> np.ndarray:
    """The largest error of each row over the batches that it came in."""
    worst = np.zeros(len(bound.expected))
    for rows, batch in zip(cut, found, strict=True):
        np.maximum.at(worst, list(rows), row_errors(batch[name], bound.take(list(rows))))
    return worst


def _planted(prepared: Prepared, asked: _Asked, content: bytes, folder: Path, *, most: int) -> Iterator[Planted]:
    plan = prepared.plan
    interface = Interface(inputs=plan.inputs, outputs=plan.outputs, opset=plan.opset)
    path = folder / "mutant.onnx"
    for mutant in make_mutants(content, most=most):
        if mutant.kind in DESCRIPTION:
            continue
        path.write_bytes(mutant.model_bytes)
        named = Planted(name=mutant.name, kind=mutant.kind)
        try:
            if any(check.outcome == "failed" for check in check_structure(vet(path), interface)):
                raise SubjectError("another form")
            exact, relative = (tuple(seen.errors for seen in each) for each in asked.observations(path))
            yield dataclasses.replace(named, errors=exact, relative=relative)
        except ZooError:  # another rule sees it before values are compared
            yield named


def _of_stages(prepared: Prepared, path: Path) -> Iterator[Observation]:
    """Every tensor of the stages that choose nothing, on what the file itself gave to them."""
    rows, staged = prepared.expected.usual.rows, prepared.expected.staged
    corner = np.array([kind not in PLAUSIBLE for kind in rows.kinds])
    with checking_copy(prepared.converted) as copy:
        group = Group(name="rows", inputs=rows.inputs, batches=batches_of(len(rows), free=False))
        result = run_subject(copy or path, [group])
    for setting in DEFAULT_SETTINGS:
        tensors = [{**one_row(rows.inputs, i), **own} for i, own in enumerate(result.outputs[setting, "rows"])]
        for number, stage in enumerate(staged.stages):
            if stage.selects:
                continue
            runs = [staged.run(number, each) for each in tensors]
            bounds = {name: stage_bound(runs, name, corner=corner) for name in stage.outputs}
            usual = float(np.median([bound.relative_floor for bound in bounds.values()]))
            for name in stage.outputs:
                bound = stage_bound(runs, name, corner=corner, known_floor=usual)
                yield Observation(
                    level=setting.level,
                    size="",
                    output=f"{stage.name}: {name}",
                    noise=bound.noise,
                    errors=row_errors(padded([each[name] for each in tensors]), bound),
                    stage=True,
                )
