"""Joining a model with a dataset: tasks must agree, and the sizes that the data have become options of the builder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .building import builder_options, check_complete
from .errors import ZooError
from .records import counted
from .registry import Model, warn
from .shapes import TensorSpec
from .specs import ModelSpec
from .task_lookup import task_spec


def check_tasks(task: str, *, model: str, dataset: str, dataset_task: str) -> None:
    """Raises ZooError unless a model of `task` can take the dataset; `model` is what messages call it.

    The tasks are equal, or the model's takes the datasets of the other one too.
    """
    spec = task_spec(task)
    if dataset_task in {task, *spec.takes} and spec.is_trained:
        return
    if spec.targets == "none":
        raise ZooError(
            f"{model} is for {task}, and dataset {dataset!r} has no truth for it: it cannot be trained or measured",
            hint="zoo export writes it as a file, and zoo predict applies it to pictures",
        )
    if not spec.is_trained:
        raise ZooError(f"{model} is for {task}, which can be neither trained nor measured yet")
    raise ZooError(
        f"{model} is for {task}, dataset {dataset!r} for {dataset_task}",
        hint=f"zoo list models --task {dataset_task}; zoo list datasets --task {task}",
    )


def full_options(model: Model, given: Mapping[str, Any]) -> dict[str, Any]:
    """All builder options without a dataset: the given ones checked, the others at their defaults.

    Raises UsageError for unknown options, wrong types, and required options without a value.
    """
    options = builder_options(model.spec, given, warn=warn)
    check_complete(model.spec, options)
    return options


def match_options(
    model: Model,
    given: Mapping[str, Any],
    *,
    dataset: str,
    inputs: Mapping[str, TensorSpec],
    num_classes: int | None,
    num_targets: int | None = None,
) -> dict[str, Any]:
    """All builder options for a dataset: sizes come from `inputs` (after preprocessing), `num_classes` and, where the
    truth is numbers, `num_targets`: how many.

    A size that is too small for a free axis is given to the option that fixes the axis, where there is one.
    Two classes of masks or of binary labels need one logit: then the builder's num_classes is 1, unless 2 is given.
    Raises ZooError that states both shapes when a fixed or given size differs from the data's.
    """
    options = builder_options(model.spec, given, warn=warn)
    fixed = {model.spec.renamed.get(name, name) for name in given}
    for name, wanted in model.spec.inputs.items():
        offered = _counterpart(model, name, wanted, dataset=dataset, inputs=inputs)
        asked = wanted.bind(_fixed_sizes(model.spec, options))
        _bind_range(model, wanted, offered, options, fixed, dataset=dataset)
        for option, size in _bind(model, asked, offered, dataset=dataset, options=options, fixed=fixed).items():
            options[option] = size
    if num_classes is not None:
        # Datasets that ask for one logit have two classes.
        num_classes = 2 if num_classes == 1 and task_spec(model.spec.task).one_logit else num_classes
        _check_binary(model, dataset, num_classes)
        named = any("num_classes" in wanted.option_axes for wanted in model.spec.outputs.values())
        # What a detector has chosen is labelled with a number, so that no axis says how many classes there are.
        named = named or ("num_classes" in options and model.spec.losses is not None)
        if named and not ("num_classes" in fixed and options["num_classes"] == num_classes):
            options["num_classes"] = _logits_for(model, options, fixed, dataset=dataset, num_classes=num_classes)
    if num_targets is not None:
        _bind_targets(model, options, fixed, dataset=dataset, num_targets=num_targets)
    check_complete(model.spec, options)
    return options


def _bind_range(
    model: Model, wanted: TensorSpec, offered: TensorSpec, options: dict[str, Any], fixed: set[str], *, dataset: str
) -> None:
    """The option that says where the values of an input end, from the data. Raises ZooError for data beyond the end."""
    if offered.high is None or not wanted.is_integer:
        return
    option, most = wanted.high_option, wanted.high
    if option and option not in fixed:
        options[option] = int(offered.high)
    elif option:
        most = options[option]
    if most is not None and offered.high > most:
        raise ZooError(
            f"model {model.name} takes values up to {most - 1:g}, but those of dataset {dataset} go up to "
            f"{offered.high - 1:g}",
            hint=f"drop -o {option}" if option else "choose another model, or fewer values: see zoo info",
        )


def _bind_targets(model: Model, options: dict[str, Any], fixed: set[str], *, dataset: str, num_targets: int) -> None:
    if not any("num_targets" in wanted.option_axes for wanted in model.spec.outputs.values()):
        return
    if "num_targets" in fixed and options["num_targets"] != num_targets:
        raise ZooError(
            f"model {model.name} is given num_targets={options['num_targets']}, "
            f"but a sample of dataset {dataset} has {num_targets}",
            hint="drop -o num_targets",
        )
    options["num_targets"] = num_targets


def bound_tensors(model: Model, options: Mapping[str, Any]) -> tuple[dict[str, TensorSpec], dict[str, TensorSpec]]:
    """Inputs and outputs with every option axis replaced by its size; free axes that no option fixes stay names."""
    sizes = {name: value for name, value in options.items() if isinstance(value, int)}
    sizes.update(_fixed_sizes(model.spec, options))
    inputs = {name: tensor.bind(sizes) for name, tensor in model.spec.inputs.items()}
    outputs = {name: tensor.bind(sizes) for name, tensor in model.spec.outputs.items()}
    return inputs, outputs


def fixed_axes(spec: ModelSpec, options: Mapping[str, Any]) -> dict[str, str]:
    """Why axes that others leave free are not: what the spec says, and the options that fix one."""
    fixed = _fixed_sizes(spec, options)
    asked = {axis: f"the option {spec.size_options[axis]} is {size}" for axis, size in fixed.items()}
    return {**spec.fixed_axes, **asked}


def _fixed_sizes(spec: ModelSpec, options: Mapping[str, Any]) -> dict[str, int]:
    """The free axes that an option fixes."""
    found = {axis: options.get(option) for axis, option in spec.size_options.items()}
    return {axis: size for axis, size in found.items() if size is not None}


def _check_binary(model: Model, dataset: str, num_classes: int) -> None:
    task = task_spec(model.spec.task)
    if task.one_logit and task.targets == "classes" and num_classes > 2:
        raise ZooError(
            f"model {model.name} tells two classes apart, but dataset {dataset} has {counted(num_classes, 'class')}",
            hint="choose two of them with -d classes=A,B",
        )


def _logits_for(model: Model, options: Mapping[str, Any], fixed: set[str], *, dataset: str, num_classes: int) -> int:
    """One logit for two classes where the task knows it, else one for each class."""
    logits = 1 if num_classes == 2 and task_spec(model.spec.task).one_logit else num_classes
    if "num_classes" in fixed and options["num_classes"] != logits:
        one = ", for which one logit is enough" if logits != num_classes else ""
        raise ZooError(
            f"model {model.name} is given num_classes={options['num_classes']}, "
            f"but dataset {dataset} has {counted(num_classes, 'class')}{one}",
            hint="drop -o num_classes, or choose classes with -d classes=...",
        )
    return logits


def counterparts(
    wanted: Mapping[str, TensorSpec], offered: Mapping[str, TensorSpec], *, model: str, dataset: str
) -> dict[str, str]:
    """Which input of a dataset each input of a model takes: the one of its name, or the only one there is.

    `model` and `dataset` are what messages call them. Raises ZooError where there is none.
    """
    if len(wanted) == len(offered) == 1:
        return dict(zip(wanted, offered, strict=True))
    for name, spec in wanted.items():
        if name not in offered:
            have = ", ".join(f"{key} {value}" for key, value in offered.items()) or "no inputs"
            raise ZooError(
                f"{model} takes an input {name!r} {spec}, and dataset {dataset} has {have}",
                hint="see zoo list datasets",
            )
    return {name: name for name in wanted}


def _counterpart(
    model: Model, name: str, wanted: TensorSpec, *, dataset: str, inputs: Mapping[str, TensorSpec]
) -> TensorSpec:
    """The dataset's tensor for one input of the model, of the same dtype and rank."""
    found = inputs[counterparts(model.spec.inputs, inputs, model=f"model {model.name}", dataset=dataset)[name]]
    if found.dtype != wanted.dtype or len(found.axes) != len(wanted.axes):
        raise _mismatch(model, wanted, dataset, found, hint="choose another dataset, see zoo list datasets")
    return found


def _bind(
    model: Model,
    wanted: TensorSpec,
    offered: TensorSpec,
    *,
    dataset: str,
    options: Mapping[str, Any],
    fixed: set[str],
) -> dict[str, int]:
    """Values of the option axes of one input. A size that is fixed, or given by hand, must be the data's."""
    found: dict[str, int] = {}
    for place, (axis, size) in enumerate(zip(wanted.parsed, offered.axes, strict=True)):
        if not isinstance(size, int):
            continue
        if axis.name is None:
            if axis.size != size:
                raise _mismatch(model, wanted, dataset, offered, hint=_size_hint(wanted, place))
        elif axis.is_option:
            value, rest = divmod(size - axis.offset, axis.factor)
            given = options[axis.name] if axis.name in fixed else found.get(axis.name, value)
            if rest or value < 1 or given != value:
                shown = wanted.bind({name: options[name] for name in fixed if name in options})
                raise _mismatch(model, shown, dataset, offered, hint=_given_hint(axis.name, fixed))
            found[axis.name] = value
        elif (size - axis.offset) % axis.factor:
            raise _mismatch(model, wanted, dataset, offered, hint=_multiple_hint(wanted, place, size))
        elif axis.name in model.spec.size_options:
            value = (size - axis.offset) // axis.factor
            if value < model.spec.smallest.get(axis.name, 1):
                found[model.spec.size_options[axis.name]] = value
    return found


def _mismatch(model: Model, wanted: TensorSpec, dataset: str, offered: TensorSpec, *, hint: str) -> ZooError:
    kinds = (f" {wanted.dtype}", f" {offered.dtype}") if wanted.dtype != offered.dtype else ("", "")
    return ZooError(
        f"model {model.name} takes {wanted}{kinds[0]}, but dataset {dataset} gives {offered}{kinds[1]}",
        hint=hint,
    )


def _multiple_hint(wanted: TensorSpec, place: int, size: int) -> str:
    axis = wanted.parsed[place]
    side = {2: "the height", 3: "the width"}.get(place) if len(wanted.axes) == 4 else None
    below = size - (size - axis.offset) % axis.factor
    legal = " or ".join(str(each) for each in (below, below + axis.factor) if each > axis.offset)
    if side is None:
        return f"its length must be a multiple of {axis.factor}, {legal} say"
    return f"{side} is {size} and must be a multiple of {axis.factor}: -d size={legal}"


_COLORS = {1: "L", 3: "RGB"}


def _size_hint(wanted: TensorSpec, place: int) -> str:
    """What makes the axis at `place` fit."""
    if len(wanted.axes) == 4 and place == 1 and (color := _COLORS.get(wanted.parsed[1].size or 0)) is not None:
        return f"-d color={color}, where the dataset has that option; or another dataset, see zoo list datasets"
    side = wanted.axes[-1]
    if len(wanted.axes) == 4 and isinstance(side, int) and wanted.axes[-2] == side:
        return f"-d size={side} resizes the pictures"
    return "choose another dataset, see zoo list datasets"


def _given_hint(option: str, fixed: set[str]) -> str:
    if option in fixed:
        resize = ", or resize the pictures with -d size=..." if option in {"height", "width"} else ""
        return f"drop -o {option}{resize}"
    return "resize the pictures with -d size=..."
