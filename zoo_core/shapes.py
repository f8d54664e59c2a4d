"""What a tensor may look like: fixed, free, derived and bound axes, with dtype and value range."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import ZooError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DTYPES = ("float32", "float64", "float16", "int64", "int32", "int8", "uint8", "bool")

_OPTION_TERM = r"(?:[1-9]\d{0,17}\*)?[a-z][A-Za-z0-9_]*"
_AXIS = re.compile(
    r"(?:(?P<factor>[1-9]\d{0,17})\*)?(?P<name>[A-Za-z][A-Za-z0-9_]*)(?P<offset>[+-]\d{1,18})?"
    rf"(?P<terms>(?:[+-]{_OPTION_TERM})*)"
)
_OPTION = re.compile(r"[a-z][A-Za-z0-9_]*")
_TERM = re.compile(r"(?P<sign>[+-])(?:(?P<factor>\d+)\*)?(?P<option>\w+)")


@dataclass(frozen=True)
class Axis:
    """One axis: `factor * name + offset`, or a fixed size when `name` is None.

    `terms` are added: `(factor, option)`, options of the builder. Once these have values, no term is left.
    """

    name: str | None
    factor: int = 1
    offset: int = 0
    size: int | None = None
    terms: tuple[tuple[int, str], ...] = ()

    @property
    def is_free(self) -> bool:
        """A capital name: a free axis of the exported file."""
        return self.name is not None and self.name[0].isupper()

    @property
    def is_option(self) -> bool:
        """A lowercase name: bound to an option of the model's builder."""
        return self.name is not None and self.name[0].islower()

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the builder options in it, in order."""
        own = (self.name,) if self.name is not None and self.is_option else ()
        return (*own, *(option for _, option in self.terms))

    def resolve(self, sizes: Mapping[str, int]) -> int | None:
        """The size of this axis once its names have values; None while one has not."""
        if self.name is None:
            return self.size
        axis = self.with_options(sizes)
        if self.name not in sizes or axis.terms:
            return None
        return self.factor * sizes[self.name] + axis.offset

    def with_options(self, sizes: Mapping[str, int]) -> Axis:
        """The same axis with each term whose option is in `sizes` counted into the offset; True counts as 1."""
        known = sum(factor * sizes[option] for factor, option in self.terms if option in sizes)
        left = tuple(term for term in self.terms if term[1] not in sizes)
        return dataclasses.replace(self, offset=self.offset + known, terms=left)

    def __str__(self) -> str:
        if self.name is None:
            return str(self.size)
        factor = f"{self.factor}*" if self.factor != 1 else ""
        offset = f"{self.offset:+d}" if self.offset else ""
        return f"{factor}{self.name}{offset}" + "".join(f"{number:+d}*{option}" for number, option in self.terms)


def _parse_axis(axis: int | str) -> Axis:
    if isinstance(axis, bool) or not isinstance(axis, int | str):
        raise ZooError(f"an axis is an int or a name, not {axis!r}")
    if isinstance(axis, int):
        if axis < 1:
            raise ZooError(f"a fixed axis is at least 1, not {axis}")
        return Axis(name=None, size=axis)
    return _parse_name(axis)


@functools.lru_cache(maxsize=1024)  # every input of every request is held against its axes
def _parse_name(axis: str) -> Axis:
    match = _AXIS.fullmatch(axis)
    if match is None:
        raise ZooError(
            f"cannot read the axis {axis!r}",
            hint="an int is fixed, 'N' is free, '16*H' only multiples, 'H-2' or 'H-2+2*padding' derived, "
            "'height' a builder option",
        )
    terms = tuple(
        (int(f"{term['sign']}{term['factor'] or 1}"), term["option"]) for term in _TERM.finditer(match["terms"])
    )
    return Axis(
        name=match["name"],
        factor=int(match["factor"] or 1),
        offset=int(match["offset"] or 0),
        terms=terms,
    )


@dataclass(frozen=True, init=False)
class TensorSpec:
    """The shape, dtype and value range of one tensor.

    `axes`: an int is fixed; a capital name ("N", "H") is a free axis of the exported file; "16*H" allows only
    multiples; "H-2" is derived (outputs), also with options of the builder, "H-2+2*padding" (True counts as 1); a
    lowercase name ("height") is bound to the builder option of that name.
    `low` and `high`: the range of values, where it is known. Of floats they are plausible values, both ends among them;
    with `hard` they are all that is allowed, and others are refused where the file is run.
    Of integers they are all that is allowed, half-open as numpy's: `low` is the first value, `high` the first that is
    not allowed any more; int32 and int64 need them to be exported, int8 and uint8 have all of their dtype without. Of
    bool they say nothing. `high` may also be the name of a builder option, such as the size of a vocabulary, which is
    `high_option` until the option has a value.
    """

    axes: tuple[int | str, ...]
    dtype: str
    low: float | None
    high: float | None
    hard: bool
    high_option: str

    def __init__(
        self,
        *axes: int | str,
        dtype: str = "float32",
        low: float | None = None,
        high: float | str | None = None,
        hard: bool = False,
    ) -> None:
        for axis in axes:
            _parse_axis(axis)
        if dtype not in DTYPES:
            raise ZooError(f"unknown dtype {dtype!r}", hint=f"one of {', '.join(DTYPES)}")
        option = high if isinstance(high, str) else ""
        high = None if isinstance(high, str) else high
        if option and not _OPTION.fullmatch(option):
            raise ZooError(f"high is a number or the name of a builder option, not {option!r}")
        if low is not None and high is not None and not low < high:
            raise ZooError(f"low must be below high, not {low} and {high}")
        if hard and (low is None or high is None or not dtype.startswith("float")):
            raise ZooError(
                f"a hard range has floats with a low and a high end, not {dtype} from {low} to {high}",
                hint="integers are always held to their range",
            )
        object.__setattr__(self, "axes", tuple(axes))
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        object.__setattr__(self, "hard", hard)
        object.__setattr__(self, "high_option", option)

    @property
    def is_integer(self) -> bool:
        """Whether its values are whole numbers; bool is none of them."""
        return self.dtype.startswith(("int", "uint"))

    @property
    def parsed(self) -> tuple[Axis, ...]:
        """The axes as structured values."""
        return tuple(_parse_axis(axis) for axis in self.axes)

    @property
    def free_axes(self) -> tuple[str, ...]:
        """Names of the free axes (capitals), in order, each once."""
        return tuple(dict.fromkeys(a.name for a in self.parsed if a.name and a.is_free))

    @property
    def option_axes(self) -> tuple[str, ...]:
        """Names of the builder options that appear in axes, in order, each once."""
        return tuple(dict.fromkeys(option for axis in self.parsed for option in axis.options))

    def bind(self, sizes: Mapping[str, Any]) -> TensorSpec:
        """The same spec with each axis whose name is in `sizes` replaced by its size, and options in it by theirs."""
        known = {name: size for name, size in sizes.items() if isinstance(size, int)}
        axes: list[int | str] = []
        for written, axis in zip(self.axes, self.parsed, strict=True):
            value, left = axis.resolve(known), axis.with_options(known)
            axes.append(value if value is not None else str(left) if left != axis else written)
        bound = self.with_axes(*axes)
        return bound.with_range(self.low, known[self.high_option]) if self.high_option in known else bound

    def with_axes(self, *axes: int | str) -> TensorSpec:
        """The same spec with other axes."""
        return TensorSpec(*axes, dtype=self.dtype, low=self.low, high=self.high_option or self.high, hard=self.hard)

    def with_range(self, low: float | None, high: float | None) -> TensorSpec:
        """The same spec with another range of values."""
        return TensorSpec(*self.axes, dtype=self.dtype, low=low, high=high, hard=self.hard)

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The concrete shape. Raises ZooError if an axis has no value in `sizes`."""
        bound = self.bind(sizes)
        open_axes = [axis for axis in bound.axes if not isinstance(axis, int)]
        if open_axes:
            raise ZooError(f"no size given for axis {', '.join(map(str, open_axes))} of {self}")
        return tuple(axis for axis in bound.axes if isinstance(axis, int))

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether a tensor of that shape has these axes: as many, and the fixed ones of their size."""
        return len(shape) == len(self.axes) and all(
            not isinstance(axis, int) or axis == size for axis, size in zip(self.axes, shape, strict=True)
        )

    def sizes_in(self, shape: Sequence[int]) -> dict[str, int]:
        """What size each free axis has in a tensor of that shape, which has as many axes."""
        found = {}
        for axis, size in zip(self.parsed, shape, strict=True):
            if axis.name is not None and axis.is_free and not axis.terms:
                found[axis.name] = (size - axis.offset) // axis.factor
        return found

    def __str__(self) -> str:
        inside = ", ".join(map(str, self.axes))
        return f"({inside}{',' if len(self.axes) == 1 else ''})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: `{axes, dtype[, low, high, hard]}`."""
        data: dict[str, Any] = {"axes": list(self.axes), "dtype": self.dtype}
        if self.low is not None:
            data["low"] = self.low
        if self.high is not None or self.high_option:
            data["high"] = self.high_option or self.high
        if self.hard:
            data["hard"] = True
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TensorSpec:
        """The inverse of `to_json`. Raises ZooError on anything else."""
        axes = data.get("axes")
        if not isinstance(axes, list):
            raise ZooError(f"a tensor spec has a list of axes, not {axes!r}")
        return cls(
            *axes,
            dtype=data.get("dtype", "float32"),
            low=data.get("low"),
            high=data.get("high"),
            hard=data.get("hard") is True,
        )


def takes_one(inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec]) -> bool:
    """Whether a model takes one sample at a time, and its outputs have no axis for it, as of a detector whose boxes are
    (K, 4)."""
    alone = all(spec.axes[:1] == (1,) for spec in inputs.values())
    return alone and any(spec.axes[:1] != (1,) for spec in outputs.values())


def joined_rows(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays (n, ...) one after the other; where some have fewer things in a row, they are filled up with zeros."""
    import numpy as np

    most = np.max([part.shape[1:] for part in parts], axis=0).tolist()
    widened = [
        np.pad(part, [(0, 0), *((0, wanted - own) for wanted, own in zip(most, part.shape[1:], strict=True))])
        if list(part.shape[1:]) != most
        else part
        for part in parts
    ]
    return np.concatenate(widened)


def filled_up(rows: NDArray[Any], count: int) -> NDArray[Any]:
    """So many rows (count, ...), for a model of a fixed batch: the last one is repeated."""
    import numpy as np

    return np.concatenate([rows, np.repeat(rows[-1:], count - len(rows), axis=0)])
