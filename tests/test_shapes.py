"""TensorSpec: axes that are fixed, free, derived and bound."""

from __future__ import annotations

from typing import Any

import pytest

from zoo_core import TensorSpec, ZooError


def test_axes_by_kind() -> None:
    spec = TensorSpec("N", "in_channels", "16*H", "W-2", 3)
    assert spec.free_axes == ("N", "H", "W")
    assert spec.option_axes == ("in_channels",)
    assert str(spec) == "(N, in_channels, 16*H, W-2, 3)"
    assert str(TensorSpec("N")) == "(N,)"


def test_bind_and_shape() -> None:
    spec = TensorSpec("N", "c", "16*H", "W-2")
    assert spec.bind({"c": 3, "name": "text"}).axes == ("N", 3, "16*H", "W-2")
    assert spec.shape({"N": 2, "c": 3, "H": 4, "W": 9}) == (2, 3, 64, 7)
    with pytest.raises(ZooError, match=r"no size given for axis N, 16\*H of \(N, c, 16\*H, W-2\)"):
        spec.shape({"c": 3, "W": 9})


def test_an_axis_that_is_derived_with_options() -> None:
    spec = TensorSpec("N", "H-2+2*padding", "2*W+margin-pad")
    assert spec.free_axes == ("N", "H", "W")
    assert spec.option_axes == ("padding", "margin", "pad")
    assert spec.bind({"padding": False}).axes == ("N", "H-2", "2*W+margin-pad")
    assert spec.bind({"padding": True, "margin": 3}).axes == ("N", "H", "2*W+3-1*pad")
    assert spec.bind({"padding": 3, "margin": 3, "pad": 1}).axes == ("N", "H+4", "2*W+2")
    assert spec.bind({"H": 9}).axes == spec.axes, "the option is not known yet"
    assert spec.shape({"N": 1, "H": 9, "W": 2, "padding": True, "margin": 0, "pad": 1}) == (1, 9, 3)
    assert TensorSpec("height-4+4*padding").shape({"height": 8, "padding": 0}) == (4,)
    assert TensorSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("axes", "more", "message"),
    [
        ((0,), {}, "a fixed axis is at least 1, not 0"),
        ((-3,), {}, "a fixed axis is at least 1"),
        ((True,), {}, "an axis is an int or a name, not True"),
        ((2.0,), {}, "an axis is an int or a name, not 2.0"),
        (("",), {}, "cannot read the axis ''"),
        (("H W",), {}, "cannot read the axis 'H W'"),
        (("H\n",), {}, "cannot read the axis"),
        (("0*H",), {}, "cannot read the axis"),
        (("H*2",), {}, "cannot read the axis"),
        (("H+2*W",), {}, "cannot read the axis"),
        (("H+0*padding",), {}, "cannot read the axis"),
        (("H+padding-2",), {}, "cannot read the axis"),
        (("N",), {"dtype": "int16"}, "unknown dtype 'int16'"),
        (("N",), {"low": 1.0, "high": 1.0}, "low must be below high, not 1.0 and 1.0"),
    ],
)
def test_what_is_no_tensor(axes: tuple[Any, ...], more: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError, match=message.replace("*", r"\*")):
        TensorSpec(*axes, **more)


def test_json_round_trip() -> None:
    for spec in (TensorSpec("N", 1, "H"), TensorSpec(dtype="int64"), TensorSpec("N", low=-1.0, high=1.0)):
        assert TensorSpec.from_json(spec.to_json()) == spec
    with pytest.raises(ZooError, match="a tensor spec has a list of axes, not 'N'"):
        TensorSpec.from_json({"axes": "N"})
