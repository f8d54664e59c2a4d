"""What a file says of itself: refused where it is not plain, short JSON of known form."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import helper
from vetted import (
    Model,
    changed,
    changed_zoo,
    check_refused,
    with_zoo,
)

REFUSALS: dict[str, tuple[Model, str, str]] = {
    # file, rule, words
    "too many metadata": (
        changed(lambda m: helper.set_model_props(m, {f"k{i}": "" for i in range(65)})), "metadata-keys", "65 metadata"
    ),
    "metadata twice": (
        changed(lambda m: [m.metadata_props.add(key="a", value=v) for v in "12"]), "metadata-keys", "appears twice"
    ),
    "large metadata": (
        changed(lambda m: helper.set_model_props(m, {"k": "x" * (1 << 20)})), "metadata-size", "1,048,577 bytes"
    ),
    "large zoo metadata": (with_zoo('{"a": "' + "x" * 262_144 + '"}'), "metadata", "more than the 262,144"),
    "deep metadata": (with_zoo("[" * 100_000), "metadata", "nested more than 16 deep"),
    "no JSON": (with_zoo("{'a': 1}"), "metadata", "it is not JSON"),
    "JSON list": (with_zoo("[1]"), "metadata", "it is a list, not an object"),
    "key twice": (with_zoo('{"schema": 1, "schema": 1}'), "metadata", "the key 'schema' appears twice"),
    "NaN": (with_zoo('{"schema": NaN}'), "metadata", "NaN is not a number"),
    "infinite": (with_zoo('{"schema": 1e999}'), "metadata", "1e999 is not a finite number"),
    "terminal escape": (changed_zoo(labels=["a", "b", "\x1b[2J"]), "metadata", "control characters"),
    "writing turned round": (changed_zoo(labels=["a", "b", "gpj\u202e"]), "metadata", "control characters"),
    "schema of tomorrow": (changed_zoo(schema=2), "metadata", "schema 2, and this zoo reads up to 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refused(case: str, tmp_path: Path) -> None:
    model, rule, words = REFUSALS[case]
    check_refused(tmp_path, model, rule=rule, words=words)
