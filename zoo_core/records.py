"""What happened, as data: runs, epochs, results and export reports, each with `to_json()`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .quantities import counted as counted
from .quantities import lasting as lasting

Outcome = Literal["verified", "failed", "not-conclusive"]


def to_plain(value: Any) -> Any:
    """`value` with dataclasses, mappings and tuples turned into plain JSON types; NaN and infinity become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Record:
    """A frozen dataclass that can be written as plain JSON."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: field names as keys."""
        plain: dict[str, Any] = to_plain(self)
        return plain


OF_EVERY_TRAINING = ("torch", "numpy", "pillow", "safetensors")
"""Distributions whose versions each run has in its record, whatever its plugins."""


@dataclass(frozen=True, kw_only=True)
class Leg(Record):
    """A stretch of a run: it began after `after` epochs and was to go up to epoch `epochs`.

    The first leg of a run is "started"; one is "extended" when epochs are added to a finished run, with a schedule of
    their own; "stretched" when they are added to an unfinished one, whose schedule goes over all of them; "changed"
    when a stopped run goes on with other plugins than before; "resumed" when it goes on although nothing says with
    which plugins it began, as in runs of older versions. `plugins`: version of the distribution and sha256 of the code
    by the plugin's id, as they were then; `began`: date and time in UTC.
    """

    why: Literal["started", "extended", "stretched", "changed", "resumed"]
    after: int
    epochs: int
    plugins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    began: str = ""

    @property
    def libraries(self) -> dict[str, str]:
        """Versions of what its plugins are made of: neither their own, nor those that every training depends on."""
        others = {"python", "zoo-core", *OF_EVERY_TRAINING, *(plugin.partition(":")[0] for plugin in self.plugins)}
        return {name: version for name, version in self.versions.items() if name not in others}


@dataclass(frozen=True, kw_only=True)
class ResumeCertificate(Record):
    """A second training of a run, killed at some moments and resumed each time. `resumed_after`: how far its checkpoint
    was then, in words; `sha256`: of the run's weights; `differs`: what is not equal to the bit, empty for nothing."""

    resumed_after: tuple[str, ...]
    sha256: str
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BestExport(Record):
    """What came of the export of a run's best weights, those of `epoch`, to `folder`. `detail`: why it is not verified,
    in words; `validation`: what the file itself scores on the validation part, None where it is not verified."""

    epoch: int
    outcome: Outcome
    folder: str
    detail: str = ""
    validation: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class RunInfo(Record):
    """What `run.json` holds: everything that was decided before the first step, and how far the run came.

    `dataset_options` and `options` hold every value that was in force. `processes` that trained it together at last,
    and the `backend` they talked by. `init_from`: the weights that training began with; `fresh`: those that did not
    fit, and began fresh; `freeze`: patterns of what was not trained. `overfit`: so many samples were all there was, to
    train on and to measure on, or None. `skipped`: files that could not be read. `dataset_fingerprint` is that of the
    training part, `part_fingerprints` those of all parts, in newer runs. `validation` are the metrics of the best
    epoch, and `test` those of its weights on the test split, None where there is none; `beats_chance`: whether these
    are better than those of one answer for all, None where nobody looked. `remarks`: what these numbers do not say.
    `task_settings`: what was chosen for them on the validation part. `task_plugin`: what offers its task; empty for a
    bundled one. `recipes`: how each input that is no picture is made, with what was learnt for it. `selection`: the
    metric that picks the best epoch, by the least after a minus. `status` is "unfinished" until the last epoch is done.
    `legs`: how it came about. `resume_certificate`: None where nobody asked for one. `best_export`: what
    came of the last export of its best weights that its training made, or None. `plan`: how its steps are computed.
    """

    name: str
    model: str
    model_plugin: str
    options: Mapping[str, Any]
    dataset: str
    dataset_plugin: str
    dataset_options: Mapping[str, Any]
    dataset_fingerprint: str
    classes: tuple[str, ...]
    trainer: str
    trainer_plugin: str
    config: Mapping[str, Any]
    epochs: int
    seed: int
    device: str
    processes: int = 1
    backend: str = ""
    init_from: str | None = None
    fresh: tuple[str, ...] = ()
    freeze: tuple[str, ...] = ()
    overfit: int | None = None
    skipped: tuple[str, ...] = ()
    part_fingerprints: Mapping[str, str] = field(default_factory=dict)
    status: Literal["unfinished", "finished"] = "unfinished"
    best_epoch: int | None = None
    seconds: float | None = None
    validation: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] | None = None
    beats_chance: bool | None = None
    remarks: tuple[str, ...] = ()
    task_settings: Mapping[str, Any] = field(default_factory=dict)
    recipes: Mapping[str, Any] = field(default_factory=dict)
    selection: str = ""
    task_plugin: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    machine: str = ""
    legs: tuple[Leg, ...] = ()
    resume_certificate: ResumeCertificate | None = None
    best_export: BestExport | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    schema: int = 1

    @property
    def metric(self) -> str:
        """The metric that picks the best epoch; "loss" before anything was measured."""
        return metric_of({"selection": self.selection, "validation": self.validation})

    @property
    def fingerprints(self) -> dict[str, str]:
        """What is known of the parts of the dataset as they were, by their names."""
        return {**self.part_fingerprints, "train": self.dataset_fingerprint}

    @property
    def schedule_start(self) -> int:
        """Epochs that were done when the schedule in force began: none, unless the run was extended."""
        return max((leg.after for leg in self.legs if leg.why == "extended"), default=0)


def least_is_best(run: Mapping[str, Any]) -> bool:
    """Whether less of `metric_of` is better, from the plain record of a run."""
    return str(run.get("selection")).startswith("-") or metric_of(run) == "loss"


def metric_of(run: Mapping[str, Any]) -> str:
    """The metric that picks the best epoch, from the plain record of a run; "loss" where that does not say."""
    selection = run.get("selection")
    if isinstance(selection, str) and selection:
        return selection.removeprefix("-")
    parts = [part for part in (run.get("validation"), run.get("test")) if isinstance(part, Mapping)]
    return next((name for part in parts for name in _SELECTED_BEFORE if name in part), "loss")


_SELECTED_BEFORE = ("accuracy", "iou_mean")
"""What a run from before `selection` was picked by."""


def plugin_changes(before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> list[str]:
    """How plugins differ from what they were, each in words; both are as `Leg.plugins`, and both must know a plugin."""
    told = []
    for plugin in sorted(before.keys() & now.keys()):
        old, new = before[plugin], now[plugin]
        if old.get("version") != new.get("version"):
            told.append(f"plugin {plugin} is version {new.get('version')} now, and was {old.get('version')}")
        elif old.get("code") != new.get("code"):
            told.append(f"the code of plugin {plugin} (version {new.get('version')}) has changed")
    return told


def without_number(metrics: Mapping[str, float]) -> str:
    """Which metrics are NaN or infinite, in words, such as "loss is nan"; empty where all are numbers."""
    return " and ".join(f"{name} is {value}" for name, value in metrics.items() if not math.isfinite(value))


@dataclass(frozen=True, kw_only=True)
class EpochRow(Record):
    """One line of `metrics.jsonl`. Epochs count from 1; `seconds` are wall time, validation included.

    `gradient_norm` and `largest_gradient_norm`: the mean and the largest length of the gradients of its steps, before
    they were clipped; `samples_per_second`: how fast it was trained, validation left out; `feed_share`: the part of
    that time that its batches took to come. None where a trainer does not say, and in rows of older versions; the line
    is without them then. `exported`: what the verified file of its weights scores itself on the validation part, where
    one was made.
    """

    epoch: int
    train: Mapping[str, float]
    validation: Mapping[str, float]
    learning_rate: float
    seconds: float
    gradient_norm: float | None = None
    largest_gradient_norm: float | None = None
    samples_per_second: float | None = None
    feed_share: float | None = None
    exported: Mapping[str, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without what is None."""
        return {name: value for name, value in super().to_json().items() if value is not None}


def library_changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """How libraries differ from what they were, each in words; both are as `Leg.libraries`, and both must know one."""
    both = sorted(before.keys() & now.keys())
    return [f"{name} is version {now[name]} now, and was {before[name]}" for name in both if before[name] != now[name]]


def changes_between(before: Leg, now: Leg) -> list[str]:
    """How the plugins of a leg, and what they are made of, differ from those of the one before it; each in words."""
    return plugin_changes(before.plugins, now.plugins) + library_changes(before.libraries, now.libraries)


@dataclass(frozen=True, kw_only=True)
class TrainResult(Record):
    """What a trainer returns: the epochs that were run, and which of them was best on the validation part."""

    epochs: int
    best_epoch: int
    seconds: float
    validation: Mapping[str, float]
    stopped_early: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckResult(Record):
    """One rule of a check and what came of it."""

    rule: str
    outcome: Literal["passed", "failed", "not-conclusive", "skipped"]
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class OutputError(Record):
    """How far one output is from the reference: largest error and bound in the output's units, and error in floors."""

    name: str
    error: float
    bound: float
    floors: float


@dataclass(frozen=True, kw_only=True)
class ExportReport(Record):
    """What `report.json` holds. `files` maps the path of every other file of the bundle to its sha256.

    `fixed_axes`: why an axis that others leave free is not free in this file, by its name. `described`: sha256 of what
    the file was meant to say of itself, which is its metadata. `layer`: the part of the model whose output this file
    gives; None for the whole model.
    """

    outcome: Outcome
    name: str
    model: str
    run: str | None
    opset: int
    axes: Mapping[str, tuple[int | str, ...]]
    untrained: bool
    reference: Literal["float64", "relative"]
    checks: tuple[CheckResult, ...]
    outputs: tuple[OutputError, ...]
    versions: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    fixed_axes: Mapping[str, str] = field(default_factory=dict)
    described: str = ""
    layer: str | None = None
    schema: int = 1

    @property
    def outcome_in_words(self) -> str:
        """What becomes of the export's name in a sentence: "NAME failed", "NAME is verified"."""
        words = {"verified": "is verified", "failed": "failed", "not-conclusive": "is not conclusive"}
        return words[self.outcome]
