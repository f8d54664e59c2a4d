"""Options: read from signatures and dataclasses, parsed from K=V, checked with suggestions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from zoo_core import ZooError
from zoo_core.declared_options import options_of_dataclass, options_of_signature
from zoo_core.errors import UsageError
from zoo_core.options import (
    Option,
    check_options,
    parse_pairs,
    read_list,
    typed_value,
    write_list,
)


def builder(
    *,
    size: int,
    rate: float = 1,
    name: str = "x",
    on: bool = False,
    widths: tuple[int, ...] = (4, 2),
    mode: Literal["a", "b"] = "a",
    limit: int | None = None,
) -> NotImportable:  # type: ignore[name-defined]  # noqa: F821 what a builder returns is not read
    """For the tests below."""


OPTIONS = options_of_signature(builder, where="model m")


def test_a_signature_is_the_schema() -> None:
    assert [(o.name, o.type, o.default, o.required, o.optional) for o in OPTIONS] == [
        ("size", "int", None, True, False),
        ("rate", "float", 1.0, False, False),
        ("name", "str", "x", False, False),
        ("on", "bool", False, False, False),
        ("widths", "int...", (4, 2), False, False),
        ("mode", "str", "a", False, False),
        ("limit", "int", None, False, True),
    ]
    assert OPTIONS[5].choices == ("a", "b")
    assert [Option.from_json(option.to_json()) for option in OPTIONS] == list(OPTIONS)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("size=3", {"size": 3}),
        ("rate=1e-3", {"rate": 0.001}),
        ("rate=2", {"rate": 2.0}),
        ("name=a=b", {"name": "a=b"}),
        ("on=yes", {"on": True}),
        ("on=0", {"on": False}),
        ("widths=128, 64", {"widths": (128, 64)}),
        ("widths=", {"widths": ()}),
        ("mode=b", {"mode": "b"}),
        ("limit=none", {"limit": None}),
        ("limit=7", {"limit": 7}),
    ],
)
def test_parsing(text: str, value: dict[str, Any]) -> None:
    assert check_options(parse_pairs([text], flag="-o"), OPTIONS, where="model m") == value


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"size": "three"}, "model m: size takes int, not 'three'", "for example size=3"),
        ({"size": "1.5"}, "model m: size takes int, not '1.5'", "for example size=3"),
        ({"size": True}, "model m: size takes int, not True", "for example size=3"),
        ({"size": None}, "model m: size takes int, not None", "for example size=3"),
        ({"rate": "nan"}, "model m: rate takes float, not nan", "for example rate=0.1"),
        ({"rate": float("inf")}, "model m: rate takes float, not inf", "for example rate=0.1"),
        ({"on": "maybe"}, "model m: on takes bool, not 'maybe'", "for example on=true"),
        ({"widths": "1,x"}, "model m: widths takes a list of int, not 'x'", "for example widths=3,3"),
        ({"widths": 3}, "model m: widths takes a list of int, not 3", "for example widths=3,3"),
        ({"mode": "c"}, "model m: mode cannot be 'c'", "Known: a, b"),
        ({"limit": "few"}, "model m: limit takes int or none, not 'few'", "for example limit=3"),
        ({"sise": 1}, "model m has no option 'sise'", "Did you mean 'size'?"),
        ({"sise": 1, "moed": 2}, "model m has no options 'sise', 'moed'", "Did you mean 'size'? Did you mean 'mode'"),
    ],
)
def test_wrong_values(given: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_options(given, OPTIONS, where="model m")
    assert caught.value.message == message
    assert hint in str(caught.value.hint)
    assert caught.value.exit_code == 2


def test_renamed_options_work_with_a_warning() -> None:
    warnings: list[str] = []
    given = check_options({"old": "5"}, OPTIONS, where="model m", renamed={"old": "size"}, warn=warnings.append)
    assert given == {"size": 5}
    assert warnings == ["model m: option 'old' is now called 'size'"]
    with pytest.raises(UsageError, match="size is given twice"):
        check_options({"old": 1, "size": 2}, OPTIONS, where="model m", renamed={"old": "size"})


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["size"], "-o takes K=V, not 'size'"),
        (["=3"], "-o takes K=V, not '=3'"),
        (["a=1", "a=2"], "-o a is given twice"),
        (["a-b=1", "a_b=2"], "-o a_b is given twice"),
    ],
)
def test_pairs_that_are_none(pairs: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_pairs(pairs, flag="-o")


def test_signatures_that_are_no_schema() -> None:
    def positional(size: int = 1) -> None: ...
    def untyped(*, size=1): ...  # type: ignore[no-untyped-def]
    def two_types(*, size: int | str = 1) -> None: ...
    def mapping(*, size: dict[str, int]) -> None: ...
    def wrong_default(*, size: int = "x") -> None: ...  # type: ignore[assignment]
    def unknown(*, size: Missing = 1) -> None: ...  # type: ignore[name-defined]  # noqa: F821
    def tunnel(**more: int) -> None: ...

    for function, message in (
        (positional, "parameter 'size' of .*positional must be keyword-only"),
        (untyped, "option 'size' of .*untyped has no type"),
        (two_types, "option 'size' has more than one type"),
        (mapping, "option 'size' has no type that can be written as K=V"),
        (wrong_default, "size takes int, not 'x'"),
        (unknown, "the type of an option cannot be read: name 'Missing' is not defined"),
        (tunnel, "parameter 'more' of .*tunnel must be keyword-only"),
    ):
        with pytest.raises(ZooError, match=message):
            options_of_signature(function, where="model m")


def test_a_dataclass_is_a_schema() -> None:
    @dataclass(frozen=True)
    class Config:
        epochs: int
        rate: float = 0.1
        steps: tuple[int, ...] = field(default_factory=lambda: (1, 2))

    options = options_of_dataclass(Config, where="trainer t")
    assert [(o.name, o.type, o.default, o.required) for o in options] == [
        ("epochs", "int", None, True),
        ("rate", "float", 0.1, False),
        ("steps", "int...", (1, 2), False),
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("cat, red dog ,菱形", ("cat", "red dog", "菱形")),
        ('"a,b", c', ("a,b", "c")),
        ('say ""so"", "say ""so, so"""', ('say ""so""', 'say "so, so"')),
        (" ,,", ()),
        ("", ()),
    ],
)
def test_names_in_a_list_keep_their_spaces_and_their_commas(text: str, parts: tuple[str, ...]) -> None:
    assert read_list(text) == parts
    assert read_list(write_list(parts)) == parts
    option = Option(name="classes", type="str...", default=())
    assert check_options({"classes": text}, [option], where="dataset d") == {"classes": parts}


def test_a_value_is_told_as_it_is_typed() -> None:
    values = [(1, 2), None, True, 0.5, ("a,b", "c")]
    assert [typed_value(value) for value in values] == ["1,2", "none", "true", "0.5", '"a,b",c']
