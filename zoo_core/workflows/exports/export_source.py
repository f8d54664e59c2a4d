"""From a run, or a model with given or fresh weights, to a published export; and the dry run's export check."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.errors import MissingExtraError, UsageError
from zoo_core.export.plan.free_axes import ALL_FREE, AxisChoice
from zoo_core.files import temporary_folder
from zoo_core.foreign_text import shell_word
from zoo_core.matching import full_options
from zoo_core.plugin_faults import blamed_on, naming
from zoo_core.records import ExportReport
from zoo_core.registry import Model, Zoo
from zoo_core.shelf import EXPORTS, folder_name, locate
from zoo_core.workflows.same_data import require_data

from .chosen_weights import ChosenWeights, choose_weights, refuse_for_run
from .plan_parts import assembled
from .run_plan import plan_run

if TYPE_CHECKING:
    from torch import nn

    from zoo_core.data import BoundDataset, Samples
    from zoo_core.export.attempts import Progress
    from zoo_core.export.plan.plan import ExportPlan


def need_export_extra() -> None:
    """Raises MissingExtraError unless everything that an export needs is installed."""
    import importlib.util

    for package in ("torch", "onnx", "onnxscript", "safetensors"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(needed_for="zoo export", extra="train", missing=package)


def default_target(name: str) -> Path:
    """Where an export of this name is written without `--to`."""
    return EXPORTS / folder_name(name)


def plan_source(
    zoo: Zoo,
    source: str,
    *,
    weights: str | None = None,
    options: Mapping[str, str] | None = None,
    root: str | None = None,
    opset: int | None = None,
    dynamic: Sequence[str] = (),
    sizes: Mapping[str, int] | None = None,
    layer: str | None = None,
) -> ExportPlan:
    """What exporting MODEL|RUN means; with a `layer` the features that it gives, with an `opset` that one and no other.

    `root`: where the data of a RUN lie now. `dynamic`: the free axes that stay free; all of them where none is named.
    `sizes`: those that are fixed, each at this value of its name. The export is named after the run or model (and the
    layer), wherever it is written: the same source gives the same bytes. Raises UsageError for options that only a
    MODEL takes, and for a layer or sizes that cannot be.
    """
    from zoo_core.export.plan.plan import DEFAULT_OPSET

    axes, chosen = AxisChoice(dynamic=tuple(dynamic), sizes=sizes or {}), opset or DEFAULT_OPSET
    plan = _whole_plan(zoo, source, weights=weights, options=options or {}, root=root, opset=chosen, axes=axes)
    if opset is not None:
        plan = dataclasses.replace(plan, other_opset=None)
    if layer is None:
        return plan
    from zoo_core.export.plan.cut import cut_plan

    with blamed_on(plan.model):
        return cut_plan(plan, layer)


def _whole_plan(
    zoo: Zoo,
    source: str,
    *,
    weights: str | None,
    options: Mapping[str, str],
    root: str | None,
    opset: int,
    axes: AxisChoice,
) -> ExportPlan:
    found = locate(source, kinds=("run", "model"), zoo=zoo)
    if found.kind == "model":
        if root is not None:
            raise UsageError(f"{source} is a model: no data are read for it", hint="leave out -d root")
        model = zoo.model(found.name)
        return plan_model(model, options, name=model.name, opset=opset, weights=weights, axes=axes)
    refuse_for_run(source, weights=weights, options=options)
    from zoo_core.training import load_run

    run = load_run(found.path or found.name)
    again = f"zoo export {shell_word(source)} -d root=DIR"
    require_data(run.dataset(zoo, root=root), shown=f"run {run.name!r}", again=again)
    return plan_run(run, zoo, name=run.name, opset=opset, axes=axes, root=root)


def plan_model(
    model: Model,
    given: Mapping[str, Any],
    *,
    name: str,
    opset: int,
    weights: str | None = None,
    axes: AxisChoice = ALL_FREE,
) -> ExportPlan:
    """What exporting a model means: the weights of a file, or seeded fresh ones, labelled untrained."""
    options = full_options(model, given)  # first: a mistyped option is told before torch is loaded
    with blamed_on(model):
        return _planned(model, options, name=name, opset=opset, weights=weights, axes=axes)


def _planned(
    model: Model, options: Mapping[str, Any], *, name: str, opset: int, weights: str | None, axes: AxisChoice
) -> ExportPlan:
    from zoo_core.export.plan.exportable import require_full_precision

    chosen = choose_weights(model, options, weights)
    with naming(model):
        require_full_precision(chosen.module)
    published = chosen.published
    plan = assembled(
        model,
        options,
        chosen.checkpoint,
        name=name,
        opset=opset,
        axes=axes,
        labels=(published.labels if published else ()) or model.spec.labels,
        published=published,
    )
    plan = dataclasses.replace(plan, untrained=chosen.untrained, own=chosen.own, renamed=chosen.renamed)
    return _made_healthy(plan, chosen) if plan.untrained else plan


def _made_healthy(plan: ExportPlan, chosen: ChosenWeights) -> ExportPlan:
    """The plan with fresh weights of which every part shows in the outputs: what is checked is what is published.

    The chosen modules are used up: to build a large one takes as long as to run it a few times.
    """
    from zoo_core.export.convert.sizes_taken import explaining_sizes
    from zoo_core.export.plan.healthy import healthy_checkpoint

    with naming(plan.model), explaining_sizes(plan):
        healthy = healthy_checkpoint(
            plan.build,
            plan.checkpoint,
            inputs=plan.plausible_inputs(),
            batched=plan.batch_is_free,
            settle=plan.model.spec.settle,
            own=plan.own,
            module=chosen.other,
        )
    shared = any(tensor is healthy.get(name) for name, tensor in plan.checkpoint.items())
    return dataclasses.replace(plan, checkpoint=healthy, unused=[] if shared else [chosen.module])


def export_plan(
    plan: ExportPlan, target: Path, zoo: Zoo, *, keep: bool = False, progress: Progress = lambda stage: None
) -> ExportReport:
    """Convert, check, publish, and tell the listeners. Raises RejectedExportError unless it is verified."""
    from zoo_core.export.bundle import export

    report = export(plan, target, keep=keep, progress=progress)
    zoo.tell("zoo_exported", report=report)
    return report


def check_export(
    module: nn.Module,
    *,
    model: Model,
    options: Mapping[str, Any],
    dataset: BoundDataset,
    samples: Samples,
    progress: Progress = lambda stage: None,
) -> ExportReport:
    """The whole export of a module on some samples, thrown away afterwards: will it export when it is trained?

    Raises RejectedExportError unless it would be verified.
    """
    need_export_extra()
    from zoo_core.export.bundle import export
    from zoo_core.export.plan.plan import DEFAULT_OPSET

    plan = assembled(
        model,
        options,
        module.state_dict(),
        name=model.name,
        opset=DEFAULT_OPSET,
        axes=ALL_FREE,
        labels=samples.classes,
        dataset=dataset,
        samples=samples,
        fingerprints={"train": samples.fingerprint},
    )
    with temporary_folder("zoo-dry-run-") as folder:
        return export(plan, folder / "export", progress=progress)
