"""The reference of the check: a freshly built module, run in float32 and in float64."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo_core.errors import NotVerifiedError, ZooError
from zoo_core.export.plan.exportable import require_full_precision
from zoo_core.torch_modules import forward_of, fresh_module, named_outputs, plain_attention
from zoo_core.verification.expect.bounds import EPS, OutputBound, Reference, bound_output
from zoo_core.verification.expect.odd_places import odd_rows
from zoo_core.verification.feed.rows import frozen_uniform

from .demands import (
    furthest_row,
    moved_part,
    require_axes,
    require_equal,
    require_full_precision_of,
    require_independent,
    require_rows,
    require_unchanged,
    versions_of,
)
from .float64 import in_double, widened, with_float32

Array = NDArray[Any]
Arrays = dict[str, Array]

SUSPICIOUS = 1e-4
"""A row that moves by that part of its size in float32 may depend on the rows beside it: float64 tells."""
ELEMENTS_AT_ONCE = 2**21
"""Input elements that are run at a time: hundreds of small pictures, or a dozen of 224 by 224."""
WIDE_AT_ONCE = 2**19
"""And in float64, where a convolution holds every patch of its input once more."""


@dataclass(frozen=True, kw_only=True)
class ReferenceResult:
    """What PyTorch computed for some rows: float32 and float64 (or float32 twice where `kind` is "relative")."""

    kind: Reference
    float32: Arrays
    float64: Arrays

    @property
    def alike(self) -> NDArray[np.bool_]:
        """Which rows have infinite and NaN values, if any, at the same places in both runs."""
        outputs = zip(self.float32.values(), self.float64.values(), strict=True)
        alike: NDArray[np.bool_] = ~np.any([odd_rows(single, double) for single, double in outputs], axis=0)
        return alike

    @property
    def finite(self) -> NDArray[np.bool_]:
        """Which rows have only finite values in every output of both runs."""
        rows = [
            np.isfinite(value).reshape(len(value), -1).all(axis=1)
            for value in (*self.float32.values(), *self.float64.values())
        ]
        finite: NDArray[np.bool_] = np.all(rows, axis=0)
        return finite

    def take(self, index: NDArray[np.int64]) -> ReferenceResult:
        """The same for some of the rows."""
        return ReferenceResult(
            kind=self.kind,
            float32={name: value[index] for name, value in self.float32.items()},
            float64={name: value[index] for name, value in self.float64.items()},
        )

    def bounds(
        self,
        known: Mapping[str, OutputBound] | None = None,
        corner: NDArray[np.bool_] | None = None,
        moved: Mapping[str, Array] | None = None,
    ) -> dict[str, OutputBound]:
        """The bound of every output, from the noise between the two runs; `known` bounds of some lend theirs.

        `corner` and `moved` as in `bound_output`.
        """
        bounds = {}
        for name, double in self.float64.items():
            lent = (known or {}).get(name)
            bounds[name] = bound_output(
                name,
                float32=self.float32[name],
                float64=double,
                reference=self.kind,
                known_floor=lent.relative_floor if lent else 0.0,
                known_corner_floor=lent.corner_floor if lent else 0.0,
                corner=corner,
                moved=moved[name] if moved else None,
            )
        return bounds


def call_module(module: nn.Module, inputs: Sequence[Tensor]) -> Any:
    """What `forward` returns."""
    return module(*inputs)


class TorchReference:
    """Runs a checkpoint in float32 and float64; each call is a plain function of its rows."""

    def __init__(
        self,
        build: Callable[[], nn.Module],
        checkpoint: Mapping[str, Tensor],
        *,
        outputs: Sequence[str],
        read: Callable[[Any], Any] | None = None,
        batch_is_free: bool = True,
        call: Callable[[nn.Module, Sequence[Tensor]], Any] = call_module,
    ) -> None:
        """`read` picks the declared `outputs` from what `call` returns; without a free batch rows run one by one.

        `gives_tensors` then says whether `forward` returned tensors; None before it was run.
        """
        self._call = call
        self._outputs = tuple(outputs)
        self._read = read
        self._batch_is_free = batch_is_free
        self._fresh = partial(fresh_module, build, checkpoint)
        self._single = self._fresh()
        self._checkpoint, self._versions = checkpoint, versions_of(self._single)
        require_full_precision(self._single)
        self._is_double = False
        self._is_independent = False
        self.gives_tensors: bool | None = None

    @property
    def module(self) -> nn.Module:
        """The float32 module."""
        return self._single

    @functools.cached_property
    def _double(self) -> nn.Module:
        """Another build, for float64: made by the process that runs it."""
        double = self._fresh()
        if double is self._single:
            raise NotVerifiedError("the builder gives the same module each time", hint="build a new one in every call")
        return double

    def float32(self, inputs: Mapping[str, Array]) -> Arrays:
        """The float32 result for rows of any number, a few at a time."""
        return self._run(self._single, inputs, begin=1)  # the first one alone: it is run again, and in company

    def moved(self, inputs: Mapping[str, Array], result: ReferenceResult) -> Arrays:
        """How far each output of each row moves, (rows,), with inputs that are moved by a rounding error."""
        shifted = {
            name: value * (1 + EPS * frozen_uniform(value.shape, seed=0, low=-1, high=1)).astype(value.dtype)
            if value.dtype == np.float32
            else value
            for name, value in inputs.items()
        }
        found = self.float32(shifted)
        with np.errstate(invalid="ignore"):
            return {
                name: np.abs(found[name] - value).reshape(len(value), -1).max(axis=1, initial=0.0)
                if value.dtype.kind == "f"
                else np.zeros(len(value))
                for name, value in result.float32.items()
            }

    @property
    def double_module(self) -> nn.Module:
        """The same module with float64 parameters, to be run inside `in_double()`."""
        for tensor in (*self._double.parameters(), *self._double.buffers()):
            if tensor.dtype is torch.float32:
                tensor.data = tensor.data.double()
        self._is_double = True
        return self._double

    def _share(self) -> None:
        """Both builds hold the checkpoint: one copy of it is enough, and `Upcast` widens what is used of it."""
        shared = {**dict(self._single.named_parameters()), **dict(self._single.named_buffers())}
        for name, tensor in (*self._double.named_parameters(), *self._double.named_buffers()):
            if tensor.dtype is torch.float32:
                tensor.data = shared[name].data
        self._is_double = True

    def float64(self, inputs: Mapping[str, Array]) -> Arrays | None:
        """The float64 result, or None where the model cannot be run in float64."""
        if not self._is_double:
            self._share()
        found = self._in_float64(inputs)
        if found is None and any(tensor.dtype is torch.float32 for tensor in self._double.parameters()):
            # Some modules (LSTM) compare the dtypes of inputs and weights before anything is widened.
            _ = self.double_module
            found = self._in_float64(inputs)
        return found

    def _in_float64(self, inputs: Mapping[str, Array]) -> Arrays | None:
        try:
            with in_double():
                found = self._run(self._double, widened(inputs), begin=1, at_once=WIDE_AT_ONCE)
        except NotVerifiedError:
            return None
        exact = all(value.dtype == np.float64 for value in found.values() if value.dtype.kind == "f")
        return found if exact else None

    def run(self, inputs: Mapping[str, Array], *, exact: NDArray[np.bool_] | None = None) -> ReferenceResult:
        """Both runs, the float64 one for the rows marked in `exact` only: the others have the float32 result in both.

        Raises NotVerifiedError when two float32 runs differ, of one module or of two builds.
        """
        first = self.float32(inputs)
        require_rows(first, len(next(iter(inputs.values()))))
        if not self._is_double:
            row = {name: value[:1] for name, value in inputs.items()}
            self._require_same({name: value[:1] for name, value in first.items()}, row)
            require_unchanged(self._single, self._versions, self._checkpoint)
        exact = np.ones(len(next(iter(inputs.values()))), bool) if exact is None else exact
        double = self.float64({name: value[exact] for name, value in inputs.items()})
        if double is None:
            return ReferenceResult(kind="relative", float32=first, float64=first)
        if self._batch_is_free and not self._is_independent:
            self._require_independent(first, inputs)
            self._is_independent = True
        filled = double if exact.all() else with_float32(double, first, exact)
        if self._batch_is_free:
            self._require_no_company(filled, first, inputs)
        return ReferenceResult(kind="float64", float32=first, float64=filled)

    def _require_independent(self, alone: Arrays, inputs: Mapping[str, Array]) -> None:
        """The first row, which came alone, must be the same in company.

        In float64 where it is not in float32: a net that amplifies rounding moves a row too, by what it came with.
        """
        pair = {name: value[:2] for name, value in inputs.items()}
        if moved_part(alone, self._run(self._single, pair, begin=2))[0] < SUSPICIOUS:
            return
        with in_double():
            wide = widened(pair)
            company = self._run(self._double, wide, begin=2)
            single = self._run(self._double, {name: value[:1] for name, value in wide.items()})
        require_independent(single, company)

    def _require_no_company(self, double: Arrays, single: Arrays, inputs: Mapping[str, Array]) -> None:
        """Of a row that float32 and float64 see in other company, and differently: the company must not be why."""
        row, part = furthest_row(double, single)
        if part < SUSPICIOUS:
            return
        own = {name: value[row : row + 1] for name, value in inputs.items()}
        alone, exact = self.float32(own), self.float64(own) or {}
        require_independent(exact, {name: value[row : row + 1] for name, value in double.items()})
        if exact and moved_part(alone, exact)[0] < part / 10:  # alone both precisions agree
            require_independent(exact, {name: value[row : row + 1] for name, value in single.items()})

    def require_reproducible(self, inputs: Mapping[str, Array]) -> None:
        """Raises NotVerifiedError when two float32 runs differ, of one module or of two builds; before float64."""
        self._require_same(self.float32(inputs), inputs)

    def _require_same(self, once: Arrays, inputs: Mapping[str, Array]) -> None:
        """Two builds are one model, or the distance between float32 and float64 would be no rounding noise."""
        hint = "the model draws random numbers, or keeps state between calls"
        require_equal(once, self.float32(inputs), "PyTorch gives a different {} each time it is run", hint)
        hint = "register what the builder draws as a parameter or buffer, so that the weights hold it"
        require_equal(once, self._run(self._double, inputs), "two builds differ in {}", hint)

    def _step(self, inputs: Mapping[str, Array], at_once: int) -> int:
        largest = max(value[:1].size for value in inputs.values())
        return max(1, at_once // largest) if self._batch_is_free else 1

    def _named(self, result: Any) -> dict[str, Tensor]:
        self.gives_tensors = isinstance(result, Tensor | tuple | list)
        try:
            return named_outputs(result, self._outputs, self._read)
        except ZooError as error:
            raise NotVerifiedError(error.message, hint=error.hint) from error

    def _run(
        self, module: nn.Module, inputs: Mapping[str, Array], *, begin: int = 0, at_once: int = ELEMENTS_AT_ONCE
    ) -> Arrays:
        """The outputs of all rows, a few at a time: of the first `begin` together, and then of the others."""
        total, step = len(next(iter(inputs.values()))), self._step(inputs, at_once)
        edges = sorted({0, *range(begin or step, total, step), total})
        parts: list[dict[str, Tensor]] = []
        shapes = ", ".join(f"{name} {value.shape}" for name, value in inputs.items())
        with forward_of(f"the model fails on {shapes}"), torch.no_grad(), plain_attention():
            for start, stop in itertools.pairwise(edges):
                rows = [torch.from_numpy(value[start:stop].copy()) for value in inputs.values()]
                parts.append(self._named(self._call(module, rows)))
                require_axes(parts[-1])
                require_full_precision_of(parts[-1])
            return {name: torch.cat([part[name] for part in parts]).numpy() for name in self._outputs}
