"""What `zoo info` shows: one model, dataset, trainer, task or export as plain data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo_core.discovery.mending import check_extra_of, check_owner_of, told_of_unusable
from zoo_core.errors import MissingExtraError, UsageError, ZooError, did_you_mean
from zoo_core.installation import install_command
from zoo_core.matching import bound_tensors, fixed_axes, match_options
from zoo_core.options import Option
from zoo_core.plugin_faults import blamed_on
from zoo_core.registry import KINDS, Entry, Model, Zoo, warn
from zoo_core.shelf import find_export, list_runs
from zoo_core.specs import ModelSpec, Weights
from zoo_core.training.choices import loss_in_words


def find_entry(zoo: Zoo, text: str) -> Entry:
    """The model, dataset, trainer, task or recipe of that name; `KIND:NAME` where several kinds have it.

    Raises UsageError for an unknown name, with suggestions, and for one of several kinds, with the long forms.
    """
    said, colon, rest = text.partition(":")
    for kind in KINDS:
        if colon and said == kind:
            return zoo.find(kind, rest)
    having = [kind for kind in KINDS if any(_answers_to(entry, text) for entry in zoo.entries(kind))]
    if len(having) > 1:
        forms = " or ".join(f"{kind}:{text}" for kind in having)
        raise UsageError(f"{text!r} is the name of a {' and of a '.join(having)}", hint=f"say which: {forms}")
    if having:
        return zoo.find(having[0], text)
    _refuse_run(text)
    check_extra_of(zoo.plugins, text)
    check_owner_of(zoo.plugins, "name", text)
    known = [entry.shown for entry in zoo.entries()]
    hints = [told_of_unusable(zoo.plugins, text), did_you_mean(text, known)]
    raise UsageError(f"unknown name {text!r}", hint=" ".join(filter(None, hints)) or "see zoo list")


def _refuse_run(text: str) -> None:
    """Raises UsageError for a run, and says what tells about it."""
    name = text.removeprefix("run:")
    if path := next((entry.path for entry in list_runs() if entry.name == name), None):
        raise UsageError(
            f"{text!r} is a run: zoo info is for models, datasets, trainers and exports",
            hint=f"{path / 'README.md'} describes it; zoo list runs",
        )


def _export_of(zoo: Zoo, text: str) -> Path | None:
    """The export that is meant: `export:NAME`, and a name or a path that nothing in the catalogue has.

    Raises UsageError for an export that is not there.
    """
    said, colon, _ = text.partition(":")
    if colon and said in KINDS:
        return None
    if said != "export" and any(_answers_to(entry, text) for entry in zoo.entries()):
        return None
    try:
        return find_export(text)
    except UsageError:
        if said == "export" or text.lower().endswith(".onnx"):
            raise
        return None  # a name that is mistyped is more likely one of the catalogue


def describe(
    zoo: Zoo,
    name: str,
    *,
    dataset: str | None = None,
    options: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    statistics: bool = False,
    download: bool = False,
) -> dict[str, Any]:
    """One entry as plain JSON; a model with its parameters (elements of `module.parameters()`).

    A name that the catalogue has means its entry, `export:NAME` and any other name or path an export.

    `dataset` gives a model its sizes. `options` are builder options, `data` dataset options. `statistics` reads the
    train split of a dataset, and `download` allows to fetch it. `parameters` is None
    with a `hint` when torch is absent or an option has no value. Raises UsageError for what was typed wrong, ZooError
    for sizes that do not match or that the builder refuses.
    """
    given, data = options or {}, data or {}
    if (export := _export_of(zoo, name)) is not None:
        return _describe_export(name, export, asked=bool(given or data or dataset or statistics or download))
    entry = find_entry(zoo, name)
    if entry.kind != "model" and (given or dataset is not None):
        raise UsageError(f"{entry.shown} is a {entry.kind}: -o and --dataset are for models")
    if statistics and entry.kind != "dataset":
        raise UsageError(f"{entry.shown} is a {entry.kind}: --statistics is for datasets")
    if entry.kind == "model":
        if data and dataset is None:
            raise UsageError("-d needs a dataset", hint="add --dataset NAME")
        return _describe_model(zoo, entry, dataset=dataset, given=given, data=data)
    if entry.kind == "dataset":
        return _describe_dataset(zoo, entry, data, statistics=statistics, download=download)
    if data:
        raise UsageError(f"{entry.shown} is a {entry.kind}: -d is for datasets")
    if entry.kind == "task":
        return _describe_task(zoo, entry)
    found = {**_common(entry), "options": entry.data["options"]}
    return {**found, "suffixes": entry.data["suffixes"]} if entry.kind == "recipe" else found


def _describe_export(name: str, path: Path, *, asked: bool) -> dict[str, Any]:
    if asked:
        raise UsageError(f"{name} is an export: -o, -d and the like are for models and datasets")
    from .export_info import describe_export

    return describe_export(path)


def _describe_task(zoo: Zoo, entry: Entry) -> dict[str, Any]:
    """What the task is, and what there is for it; members of families that say no task are not counted."""
    facts = ("targets", "metrics", "selection", "loss", "takes", "answers")
    offered = {f"{kind}s": sum(each.task == entry.name for each in zoo.entries(kind)) for kind in ("model", "dataset")}
    return {**_common(entry), "options": [], **{fact: entry.data[fact] for fact in facts}, **offered}


def _answers_to(entry: Entry, text: str) -> bool:
    return text in {entry.shown, entry.name, entry.qualified} or text in entry.data.get("aliases", ())


def _common(entry: Entry) -> dict[str, Any]:
    return {**entry.to_json(), "license": entry.license}


def _describe_model(
    zoo: Zoo, entry: Entry, *, dataset: str | None, given: Mapping[str, Any], data: Mapping[str, Any]
) -> dict[str, Any]:
    model = zoo.model(f"{entry.qualified}")
    if dataset is None:
        from zoo_core.building import builder_options

        options = builder_options(model.spec, given, warn=warn)
    else:
        options = _options_for(zoo, model, given, dataset, data)
    with blamed_on(model):
        parameters, hint = count_parameters(model, options)
    inputs, outputs = bound_tensors(model, options)
    found = {
        **_common(entry),
        # A member of a family says what it is only when it is asked for by name.
        "task": model.spec.task,
        "summary": model.spec.summary,
        "source": model.spec.source,
        "license": model.spec.license,
        "parameters": parameters,
        "options": _with_values(model.spec.options, options),
        "inputs": {name: tensor.to_json() for name, tensor in inputs.items()},
        "outputs": {name: tensor.to_json() for name, tensor in outputs.items()},
        "fixed_axes": fixed_axes(model.spec, options),
        "preprocess": None if model.spec.preprocess is None else model.spec.preprocess.to_json(),
        "label_count": len(model.spec.labels) or None,
        "weights": [weights.name for weights in model.spec.weights],
        "weights_details": [_weights(weights, model.spec) for weights in model.spec.weights],
        "loss": loss_in_words(model.spec.task, model.spec.loss) or None,
        "recipe": dict(model.spec.recipe),
        "aliases": list(model.spec.aliases),
    }
    return found if hint is None else {**found, "hint": hint}


def _weights(weights: Weights, spec: ModelSpec) -> dict[str, Any]:
    """One set of trained parameters, with what differs from the model's own; `size` in bytes, None if not known."""
    recipe = weights.preprocess
    return {
        "name": weights.name,
        "size": weights.size,
        "license": weights.license,
        "metrics": dict(weights.metrics),
        "url": weights.url or None,
        "file": weights.file or None,
        "sha256": weights.sha256,
        "label_count": len(weights.labels or spec.labels) or None,
        "preprocess": None if recipe is None or recipe == spec.preprocess else recipe.to_json(),
    }


def _options_for(
    zoo: Zoo, model: Model, given: Mapping[str, Any], dataset: str, data: Mapping[str, Any]
) -> dict[str, Any]:
    from zoo_core.data import bind_dataset

    bound = bind_dataset(zoo.dataset(dataset), data)
    return match_options(model, given, dataset=bound.name, inputs=bound.inputs, num_classes=bound.num_classes)


def count_parameters(model: Model, options: Mapping[str, Any]) -> tuple[int | None, str | None]:
    """Elements of `module.parameters()`, from a module without memory where its builder allows that; or why not."""
    missing = [option.name for option in model.spec.options if option.required and option.name not in options]
    if missing:
        return None, f"give {', '.join(f'-o {name}=...' for name in missing)} or --dataset to count parameters"
    try:
        import torch
    except ImportError:
        return None, f"counting parameters needs torch: {install_command('train')}"
    try:
        with _without_memory(torch):
            module = model.build(**options)
    except MissingExtraError as error:
        return None, f"{error.message}: {error.hint}"
    except ZooError:
        # Some builders need real numbers. If it is the options that are refused, they are refused again, for good.
        module = model.build(**options)
    return sum(parameter.numel() for parameter in module.parameters()), None


@contextlib.contextmanager
def _without_memory(torch: Any) -> Iterator[None]:
    """Tensors of shapes alone.

    Not `with torch.device("meta")`, of which something is left for good where a builder sets the default device inside.
    """
    before = torch.get_default_device()
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None if before.type == "cpu" else before)


def _with_values(options: tuple[Option, ...], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for option in options:
        row = option.to_json()
        value = values.get(option.name)
        row["value"] = list(value) if isinstance(value, tuple) else value
        rows.append(row)
    return rows


def _describe_dataset(
    zoo: Zoo, entry: Entry, data: Mapping[str, Any], *, statistics: bool, download: bool
) -> dict[str, Any]:
    from zoo_core.data import bind_dataset, channel_statistics, filled_recipes

    from .sample_counts import count_samples

    dataset = zoo.dataset(entry.qualified)
    bound = bind_dataset(dataset, data)
    spec = dataset.spec
    measured = channel_statistics(bound.load("train", download=download)).to_json() if statistics else None
    samples, uncounted = count_samples(bound, download=download, asked=bool(data))
    found = {
        **_common(entry),
        "options": _with_values(spec.options, bound.options),
        "inputs": {name: tensor.to_json() for name, tensor in bound.inputs.items()},
        "classes": None if (names := bound.class_names()) is None else list(names),
        "splits": list(bound.split_names),
        "samples": samples,
        "preprocess": None if bound.preprocess is None else bound.preprocess.to_json(),
        "recipes": {name: recipe.to_json() for name, recipe in filled_recipes(spec, bound.options).items()},
        "download_bytes": spec.download_bytes,
        "needs": list(spec.needs),
        "augment": list(spec.augment),
    }
    found |= {} if measured is None else {"statistics": {"split": "train", **measured}}
    return found if uncounted is None else {**found, "hint": uncounted}
