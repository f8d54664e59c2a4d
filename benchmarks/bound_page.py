"""docs/bound-constants.md, computed from the evidence by the rule of the check itself, with other constants."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from bound_evidence import Evidence, Observation, Planted
from bound_models import SICK

from zoo_core.environment import machine_kind, package_versions
from zoo_core.verification.expect.bounds import CONSTANTS, EPS, LARGEST_FLOOR, Constants, row_limits
from zoo_core.verification.expect.sensitivity import SENSITIVITY

PACKAGES = ("torch", "torchvision", "timm", "onnx", "onnxscript", "onnxruntime", "numpy")

TRIED: dict[str, tuple[float, ...]] = {
    "floor_factor": (0.5, 1, 1.5, 2, 3, 4, 6, 8, 16, 64),
    "eps_factor": (0, 1, 2, 4, 8, 16, 32, 128),
    "corner_factor": (1, 4, 8, 16, 32, 64, 128, 256, 1024),
    "small_scale": (0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1),
    "relative_factor": (1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 1e-3),
}
FLOORS = (1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 1e-1)
SENSITIVITIES = (1, 10, 100, 1e3, 1e4, 1e5)
FINE, FURTHEST = 1.2, 100.0
"""Margins are looked for in steps by this factor, and so many times down and up."""

MEANING = {
    "floor_factor": "How many times the largest relative floor of the plausible rows a row may be off.",
    "eps_factor": "What is allowed beyond that, in units of float32's epsilon, for floors that are small by luck.",
    "corner_factor": "How many times their own largest floor the corner rows may be off, where that is more.",
    "small_scale": "A row whose size is less than this part of the median size is measured as if it had that size.",
    "relative_factor": "What stands in for all of it where a model has no float64: this part of a row's size. Measured "
    "here on models that have a float64, against their float32.",
}


def beyond(seen: Observation, errors: np.ndarray, constants: Constants = CONSTANTS) -> np.ndarray:
    """Which rows are further off than the bound allows. Written so that a NaN is."""
    return ~(errors <= row_limits(seen.noise, constants=constants).bound)


def rejected(every: Iterable[Observation], constants: Constants = CONSTANTS) -> int:
    """How many rows of a healthy file the rule rejects."""
    return sum(int(beyond(seen, seen.errors, constants).sum()) for seen in every)


def shown(
    every: Sequence[Observation], errors: Sequence[np.ndarray], constants: Constants = CONSTANTS
) -> tuple[bool, bool]:
    """Whether the values of a mutant are beyond the bound in any plausible row, and in any corner row."""
    plausible = corner = False
    for seen, own in zip(every, errors, strict=True):
        wrong = beyond(seen, own, constants)
        plausible |= bool((wrong & ~seen.noise.corner).any())
        corner |= bool((wrong & seen.noise.corner).any())
    return plausible, corner


def visible(every: Sequence[Observation], errors: Sequence[np.ndarray], constants: Constants = CONSTANTS) -> bool:
    """Whether the values of a mutant are beyond the bound anywhere."""
    return any(shown(every, errors, constants))


def used(every: Sequence[Observation], errors: Sequence[np.ndarray]) -> float:
    """The largest error of any row, as a part of its bound."""
    parts = [0.0]
    for seen, own in zip(every, errors, strict=True):
        bound = row_limits(seen.noise).bound
        with np.errstate(divide="ignore", invalid="ignore"):
            parts.append(float(np.where(own == 0, 0.0, own / bound).max()))
    return max(parts)


def in_floors(seen: Observation, errors: np.ndarray, *, corner: bool, own: bool = False) -> np.ndarray:
    """The errors of plausible or of corner rows in multiples of plausible rows' relative floor, or of their own."""
    limits = row_limits(seen.noise)
    rows = seen.noise.corner if corner else ~seen.noise.corner
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(errors == 0, 0.0, errors / limits.scale)[rows]
        floors = np.where(limits.scale > 0, seen.noise.gap / limits.scale, 0.0)[rows]
    floor = max(float(floors.max(initial=0.0)), EPS) if own else limits.relative_floor
    return relative / floor


def page(found: Sequence[Evidence], *, older: Sequence[str], missing: Sequence[str]) -> Iterator[str]:
    """docs/bound-constants.md, part by part.

    `older`: models that were measured with an older state of the check; `missing`: those that were not yet.
    """
    well = [each for each in found if each.group != SICK]
    planted = [(each, m) for each in well for m in each.mutants if m.errors]
    made = sum(len(each.mutants) for each in well)
    facts = ", ".join(f"{name} {version}" for name, version in package_versions(("zoo-core", *PACKAGES)).items())
    rows = sum(len(seen.errors) for each in well for seen in each.observations)
    yield "# What the bound rests on"
    yield (
        f"Printed by `benchmarks/bound_constants.py`: n = {len(well)} healthy models with {rows} measured rows, "
        f"{made} faults planted in {sum(bool(each.mutants) for each in well)} of them, and "
        f"{len(found) - len(well)} sick models, one run of {sum(each.seconds for each in found) / 60:.0f} minutes. "
        f"{machine_kind()}; {facts}."
    )
    for what, names in (("Measured with an older state of the check", older), ("Not measured yet", missing)):
        if names:
            yield f"{what}: {'; '.join(names)}."
    yield (
        "Rule: a row may be `scale * (floor_factor * floor + eps_factor * eps)` away from float64; "
        "`floor` is the largest distance of PyTorch's own float32 from float64 among plausible rows, relative to their "
        "scale. Corner rows (zeros, constants, nearly constant ones, ten times the range) are allowed more. Of a fault "
        "only the values are looked at here: "
        f"{made - len(planted)} of the {made} change the form of the file or its outputs, or keep it from running, and "
        "others are seen by the weights, the decisions or the self-test as well (docs/mutations.md)."
    )
    yield "## Errors of healthy files"
    yield "Of onnxruntime, in multiples of the relative floor of plausible rows; `own`: of the corner rows' own floor."
    yield _distribution(well)
    yield "## Errors of planted faults"
    yield "The largest error of each mutant over plausible rows, in the same multiples."
    yield _of_mutants(planted)
    yield _gap(well, planted)
    for name, values in TRIED.items():
        yield f"## {name} {getattr(CONSTANTS, name):g}"
        yield MEANING[name]
        yield _alternatives(well, planted, name, values)
        yield _margins(well, planted, name)
    yield f"## LARGEST_FLOOR {LARGEST_FLOOR:g}"
    yield (
        "A model whose own float32 is further from float64 than that part of its scale is refused. On the other side: "
        "the faults that would still be seen if all these models had a floor of that size."
    )
    yield _largest_floor(well, planted)
    yield f"## SENSITIVITY {SENSITIVITY:g}"
    yield (
        "An output must vary over plausible rows by so many of its bounds. On the other side: models with the fresh "
        "weights of their builders, and the faults in them that their values show."
    )
    yield _sensitivity(well, [each for each in found if each.group == SICK])
    yield "## Model by model"
    yield (
        "Floor: the relative floor of plausible rows. Errors: the largest, in its multiples, optimised and not. Used: "
        "the largest error as a part of its bound. Varies: in multiples of the bound, of the output that varies least."
    )
    yield _models(found)


def _table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (header, rule, *lines))


def _distribution(well: Sequence[Evidence]) -> str:
    lines = []
    for kind, corner, own in (("plausible", False, False), ("corner", True, False), ("corner, own", True, True)):
        for level in ("all", "none"):
            parts = [
                in_floors(seen, seen.errors, corner=corner, own=own)
                for each in well
                for seen in each.observations
                if seen.level == level
            ]
            values = np.concatenate(parts)
            cells = [f"{np.quantile(values, q):.2g}" for q in (0.5, 0.9, 0.99, 1)]
            lines.append([kind, "optimised" if level == "all" else "not optimised", len(values), *cells])
    return _table(["rows", "onnxruntime", "n", "median", "90 %", "99 %", "largest"], lines)


def _of_mutants(planted: Sequence[tuple[Evidence, Planted]]) -> str:
    lines = []
    for kind in dict.fromkeys(mutant.kind for _, mutant in planted):
        some = [(each, mutant) for each, mutant in planted if mutant.kind == kind]
        worst = [_worst_in_floors(each, mutant) for each, mutant in some]
        seen = sum(visible(each.observations, mutant.errors) for each, mutant in some)
        lines.append([kind, len(some), f"{min(worst):.2g}", f"{float(np.median(worst)):.2g}", seen])
    lines.append(["all", len(planted), "", "", sum(line[4] for line in lines)])
    return _table(["fault", "mutants", "smallest", "median", "seen by the values"], lines)


def _worst_in_floors(each: Evidence, mutant: Planted) -> float:
    pairs = zip(each.observations, mutant.errors, strict=True)
    return max(float(in_floors(seen, errors, corner=False).max(initial=0.0)) for seen, errors in pairs)


def _gap(well: Sequence[Evidence], planted: Sequence[tuple[Evidence, Planted]]) -> str:
    most = max(well, key=lambda each: used(each.observations, [seen.errors for seen in each.observations]))
    part = used(most.observations, [seen.errors for seen in most.observations])
    parts = sorted((used(each.observations, m.errors), f"{each.name}: {m.name}") for each, m in planted)
    over, under = [p for p in parts if p[0] > 1], [p for p in parts if p[0] <= 1]
    weakest = f"{over[0][0]:.2f} times the bound ({over[0][1]})" if over else "none"
    text = (
        f"Healthy files use at most {part:.2f} of the bound ({most.name}). Of the faults that the values show, the "
        f"weakest is {weakest}; {sum(p[0] < 2 for p in over)} are below 2 times, "
        f"{sum(p[0] < 10 for p in over)} below 10 times."
    )
    listed = "\n".join(f"- {part:.2f} of the bound: {name}" for part, name in reversed(under))
    return text + (
        f"\n\n{len(under)} faults are within the bound, for other rules to see:\n\n{listed}" if under else ""
    )


def _evidence_for(name: str, each: Evidence) -> tuple[Observation, ...]:
    return each.relative if name == "relative_factor" else each.observations


def _errors_for(name: str, mutant: Planted) -> tuple[np.ndarray, ...]:
    return mutant.relative if name == "relative_factor" else mutant.errors


def _alternatives(
    well: Sequence[Evidence], planted: Sequence[tuple[Evidence, Planted]], name: str, values: Sequence[float]
) -> str:
    lines = []
    for value in values:
        constants = dataclasses.replace(CONSTANTS, **{name: value})
        rows = [rejected(_evidence_for(name, each), constants) for each in well]
        told = [shown(_evidence_for(name, e), _errors_for(name, m), constants) for e, m in planted]
        seen, corner_only = sum(map(any, told)), sum(corner and not plausible for plausible, corner in told)
        chosen = "**" * (value == getattr(CONSTANTS, name))
        lines.append([f"{chosen}{value:g}{chosen}", sum(rows), sum(map(bool, rows)), seen, corner_only])
    header = ["value", "healthy rows beyond", f"healthy models rejected, of {len(well)}"]
    return _table([*header, f"faults seen, of {len(planted)}", "by corner rows only"], lines)


def _margins(well: Sequence[Evidence], planted: Sequence[tuple[Evidence, Planted]], name: str) -> str:
    """How far the constant could move before a healthy file is rejected or one fault less is seen."""
    value = getattr(CONSTANTS, name)

    def healthy(constants: Constants) -> bool:
        return not any(rejected(_evidence_for(name, each), constants) for each in well)

    pairs = [(_evidence_for(name, e), _errors_for(name, m)) for e, m in planted]
    # A bound grows by no more than a constant does: who is further beyond it stays so.
    near = [pair for pair in pairs if visible(*pair) and used(*pair) < FURTHEST]

    def all_seen(constants: Constants) -> bool:
        return all(visible(every, errors, constants) for every, errors in near)

    down, up = _moved(name, value, 1 / FINE, healthy), _moved(name, value, FINE, all_seen)
    if not healthy(CONSTANTS):
        low = "none below: healthy files are rejected already"
    else:
        low = f"no healthy file is rejected down to {down:.2g}" if down else "no smaller one rejects a healthy file"
    high = f"a larger one loses the first fault at {up:.2g}" if up else f"{FURTHEST:g} times as much loses no fault"
    return f"Margin: {low}; {high}."


def _moved(name: str, value: float, step: float, holds: Callable[[Constants], bool]) -> float | None:
    """The last value going down, or the first going up, at which it does not hold any more; None: it always does."""
    current = value
    while 1 / FURTHEST <= current / value <= FURTHEST:
        following = current * step
        if not holds(dataclasses.replace(CONSTANTS, **{name: following})):
            return current if step < 1 else following
        current = following
    return None


def _largest_floor(well: Sequence[Evidence], planted: Sequence[tuple[Evidence, Planted]]) -> str:
    floors = [max(row_limits(seen.noise).relative_floor for seen in each.observations) for each in well]
    lines = []
    for value in FLOORS:
        seen = sum(visible([_with_floor(s, value) for s in each.observations], m.errors) for each, m in planted)
        chosen = "**" * (value == LARGEST_FLOOR)
        lines.append([f"{chosen}{value:g}{chosen}", sum(floor > value for floor in floors), seen])
    header = ["value", f"healthy models refused, of {len(well)}", f"faults seen with such a floor, of {len(planted)}"]
    return _table(header, lines)


def _with_floor(seen: Observation, floor: float) -> Observation:
    return dataclasses.replace(seen, noise=dataclasses.replace(seen.noise, known_floor=floor))


def _varies(each: Evidence) -> float:
    """How much the output that varies least varies, in multiples of its largest bound of plausible rows."""
    found = []
    for seen in each.observations:
        if seen.variation is not None:
            bound = float(row_limits(seen.noise).bound[~seen.noise.corner].max(initial=0.0))
            found.append(seen.variation / bound if bound else 0.0)
    return min(found, default=np.inf)


def _sensitivity(well: Sequence[Evidence], sick: Sequence[Evidence]) -> str:
    lines = []
    for value in SENSITIVITIES:
        still = sum(_varies(each) < value for each in well)
        concluded = [each for each in sick if _varies(each) >= value]
        chosen = "**" * (value == SENSITIVITY)
        lines.append([f"{chosen}{value:g}{chosen}", still, len(concluded), _unseen(concluded)])
    header = ["value", f"healthy models not conclusive, of {len(well)}", f"sick models judged, of {len(sick)}"]
    return _table([*header, "faults in those whose values show nothing"], lines)


def _unseen(every: Sequence[Evidence]) -> str:
    some = [(each, mutant) for each in every for mutant in each.mutants if mutant.errors]
    return f"{sum(not visible(each.observations, m.errors) for each, m in some)} of {len(some)}"


def _models(found: Sequence[Evidence]) -> str:
    lines = []
    for each in found:
        errors = [_largest(each, level=level, corner=corner) for corner in (False, True) for level in ("all", "none")]
        floor = max(row_limits(seen.noise).relative_floor for seen in each.observations)
        part = used(each.observations, [seen.errors for seen in each.observations])
        varies = _varies(each)
        shown = f"{varies:.2g}" if np.isfinite(varies) else ""
        lines.append([each.name, each.group, f"{floor:.2g}", *(f"{e:.2g}" for e in errors), f"{part:.2f}", shown])
    header = ["model", "what", "floor", "plausible", "not optimised", "corner", "not optimised", "used", "varies"]
    return _table(header, lines)


def _largest(each: Evidence, *, level: str, corner: bool) -> float:
    some = [seen for seen in each.observations if seen.level == level]
    return max((float(in_floors(s, s.errors, corner=corner).max(initial=0.0)) for s in some), default=0.0)
