"""A free axis that a model fixes to one size: which size, in which module and line, and what to declare instead.

Nothing is guessed: PyTorch is run at the sizes that are named, and the line is that of the trace, or of PyTorch's own
exception, in the moment when it happens.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import nn

from zoo_core.errors import NotVerifiedError, in_words
from zoo_core.export.plan.free_axes import usual_sizes
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.plugin_faults import is_plugins, line_of
from zoo_core.shapes import TensorSpec
from zoo_core.torch_modules import forward_of, plain_attention
from zoo_core.verification.feed.rows import BATCH
from zoo_core.verification.feed.sizes import Sizes, distinct, free_sizes

from .quiet import quiet

MOST_TRIED = 40
LARGEST_TRIED = 64
"""Elements of all free axes at once, where nothing says which sizes a model takes."""
LEAST = 2
"""torch.export takes a size of 1 for a constant, whatever the model does."""
_LOGGER = "torch.fx.experimental.symbolic_shapes"
_CREATED = re.compile(r"create_symbol (\w+) = \d+ for L\['(\w+)'\](?:\[(\d+)\])?\.size\(\)\[(\d+)\]")
_FIXED = re.compile(r"set_replacement (\w+) = (\d+) ")


@dataclass(frozen=True, kw_only=True)
class _Fixed:
    """Elements that the trace fixes an axis to, and where, in words; "" where that is not known."""

    elements: int
    place: str


def conflict_told(plan: ExportPlan, module: nn.Module) -> str:
    """Which free axis of a model cannot be free, why, and what works instead; empty where that cannot be shown."""
    if not any(spec.free_axes for spec in plan.inputs.values()) or plan.model.spec.stages is not None:
        return ""
    try:
        return _told(plan, module)
    except Exception:  # noqa: BLE001 a diagnosis that cannot be made leaves the one that there is
        return ""


def _told(plan: ExportPlan, module: nn.Module) -> str:
    sizes = working_sizes(plan, module)
    if sizes is None:
        return ""
    fixed = _fixed_by_trace(plan, module, sizes)
    axes = [axis for axis in free_sizes(plan.inputs.values()) if axis in fixed]
    if not axes and (in_pytorch := _conflict_in_pytorch(plan, module, sizes)):
        return in_pytorch
    return next((_conflict_in_trace(plan, module, sizes, axis, fixed[axis]) for axis in (*axes, *fixed)), "")


def _conflict_in_trace(plan: ExportPlan, module: nn.Module, sizes: Sizes, axis: str, fixed: _Fixed) -> str:
    value = _value(_written(plan, axis), fixed.elements)
    by = f"{fixed.place or 'the trace'} fixes it to {fixed.elements}"
    if value is not None and error_at(plan, module, {**sizes, axis: value + 1}) is None:
        by = f"the trace takes its size {fixed.elements} for a constant{f' in {fixed.place}' if fixed.place else ''}"
    return f"axis {axis} cannot be free: {by}; {_instead(plan, axis, value)}"


def _conflict_in_pytorch(plan: ExportPlan, module: nn.Module, sizes: Sizes) -> str:
    """The same from PyTorch's own failures, where the trace has not come as far as to say it."""
    for axis in free_sizes(plan.inputs.values()):
        others = [size for size in (sizes[axis] + 1, sizes[axis] - 1, 2 * sizes[axis]) if size >= 1]
        errors = [error_at(plan, module, {**sizes, axis: size}) for size in others]
        if (first := errors[0]) is not None and all(error is not None for error in errors):
            place = _place(_frames_of(first), module)
            listed = ", ".join(f"{axis}={size}" for size in others)
            return (
                f"axis {axis} cannot be free: PyTorch takes {axis}={sizes[axis]}, and fails with {listed}"
                f"{f' in {place}' if place else ''}: {in_words(first)}; {_instead(plan, axis, sizes[axis])}"
            )
    return ""


def _instead(plan: ExportPlan, axis: str, value: int | None) -> str:
    if axis == BATCH:
        return f"declare 1 as the first axis, for one row at a time, or give --size {BATCH}=1"
    if value is None:
        return "declare a fixed size"
    name, spec = next((name, spec) for name, spec in plan.inputs.items() if axis in spec.free_axes)
    axes = ", ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in spec.bind({axis: value}).axes)
    return f"declare {name} as TensorSpec({axes}), the size by an option of the builder, or give --size {axis}={value}"


def _written(plan: ExportPlan, axis: str) -> str:
    return next(str(each) for spec in plan.inputs.values() for each in spec.parsed if each.name == axis)


def _value(written: str, elements: int) -> int | None:
    """The value of an axis that has so many elements; None where none has."""
    axis = TensorSpec(written).parsed[0]
    value, rest = divmod(elements - axis.offset, axis.factor)
    return None if rest or value < 1 else value


def working_sizes(plan: ExportPlan, module: nn.Module) -> Sizes | None:
    """Sizes of all free axes that PyTorch runs at: of the check, the pictures, a parameter, or small ones."""
    axes = free_sizes(plan.inputs.values())
    usual = {**plan.size_cases[0], **usual_sizes(plan.inputs, plan.preprocess)}
    stored = sorted({size for tensor in plan.checkpoint.values() for size in tensor.shape if size >= LEAST})
    equal = (*stored[:MOST_TRIED], *range(LEAST, LARGEST_TRIED + 1))
    alike = ({axis: _value(_written(plan, axis), size) for axis in axes} for size in equal)
    whole = ({axis: size for axis, size in case.items() if size is not None} for case in alike)
    cases = (*plan.size_cases, usual, *(case for case in whole if len(case) == len(axes)))
    rows: Sizes = {BATCH: LEAST + 1} if plan.batch_is_free else {}
    for case in distinct({**rows, **case} for case in cases):
        if all(size >= LEAST for size in case.values()) and error_at(plan, module, case) is None:
            return case
    return None


def error_at(plan: ExportPlan, module: nn.Module, sizes: Sizes) -> BaseException | None:
    """What PyTorch raises at these sizes."""
    try:
        run_at(plan, module, sizes)
    except NotVerifiedError as error:
        return error.__cause__ or error
    return None


def run_at(plan: ExportPlan, module: nn.Module, sizes: Sizes) -> Any:
    """What the module gives at these sizes. Raises FailedForwardError."""
    with forward_of("forward"), torch.no_grad(), plain_attention(), quiet():
        return module(*plan.drawn({BATCH: 1, **sizes}))


def _fixed_by_trace(plan: ExportPlan, module: nn.Module, sizes: Sizes) -> dict[str, _Fixed]:
    """The axes that torch.export fixes on its way, as far as it comes."""
    dynamic = tuple(
        {place: torch.export.Dim.DYNAMIC for place, axis in enumerate(spec.parsed) if axis.name is not None}
        for spec in plan.inputs.values()
    )
    parameters = list(inspect.signature(module.forward).parameters.values())
    packed = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)
    listener = _Listener(plan, module, [parameter.name for parameter in parameters])
    # What it raises has been told already; here only what it fixes counts.
    told_before = contextlib.suppress(NotVerifiedError)
    with told_before, forward_of("forward"), torch.no_grad(), plain_attention(), quiet(), listener.listening():
        inputs = plan.drawn({BATCH: 1, **sizes})
        torch.export.export(module, inputs, dynamic_shapes=(dynamic,) if packed else dynamic, strict=False)
    return listener.fixed


class _Listener(logging.Handler):
    """Hears torch.export tell of symbols, and looks in that moment at what runs."""

    def __init__(self, plan: ExportPlan, module: nn.Module, parameters: list[str]) -> None:
        super().__init__(logging.INFO)
        self.fixed: dict[str, _Fixed] = {}
        self._axes: dict[str, str] = {}
        self._inputs = tuple(plan.inputs.values())
        self._module, self._parameters = module, parameters

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Alone: nothing of what is told is shown."""
        logger = logging.getLogger(_LOGGER)
        level, handlers, propagate, disabled = (
            logger.level,
            logger.handlers,
            logger.propagate,
            logging.root.manager.disable,
        )
        logger.handlers, logger.propagate = [self], False
        logger.setLevel(logging.INFO)
        logging.disable(logging.NOTSET)
        try:
            yield
        finally:
            logging.disable(disabled)
            logger.setLevel(level)
            logger.handlers, logger.propagate = handlers, propagate

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if made := _CREATED.search(text):
            symbol, parameter, item, place = made.groups()
            number = int(item) if item is not None else self._parameters.index(parameter)
            axis = self._inputs[number].parsed[int(place)]
            self._axes[symbol] = axis.name or ""
        elif (fixes := _FIXED.search(text)) and (name := self._axes.get(fixes[1])):
            found = _Fixed(elements=int(fixes[2]), place=_place(list(_running()), self._module))
            self.fixed.setdefault(name, found)


def _running() -> Iterator[tuple[FrameType, int]]:
    """The frames that run now, the outermost first."""
    frames = []
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        frames.append((frame, frame.f_lineno))
        frame = frame.f_back
    return reversed(frames)


def _frames_of(error: BaseException) -> list[tuple[FrameType, int]]:
    return list(traceback.walk_tb(error.__traceback__))


def _place(frames: list[tuple[FrameType, int]], module: nn.Module) -> str:
    """`nn.GRU 'rnn' at package/net.py:31`: the innermost module of the model that runs, and the innermost own line."""
    paths = {id(part): path for path, part in module.named_modules()}
    running = [(frame.f_locals.get("self"), frame, number) for frame, number in frames]
    inside = list(itertools.dropwhile(lambda each: id(each[0]) not in paths, running))
    parts = [part for part, _, _ in inside if isinstance(part, nn.Module) and id(part) in paths]
    lines = [line_of(frame, number) for _, frame, number in inside if is_plugins(frame)]
    shown = _module_told(parts[-1], paths[id(parts[-1])]) if parts else ""
    return " at ".join(filter(None, (shown, lines[-1] if lines else "")))


def _module_told(part: nn.Module, path: str) -> str:
    kind = type(part)
    name = f"nn.{kind.__name__}" if kind.__module__.startswith("torch.nn.") else kind.__name__
    return f"{name} {path!r}" if path else name
