"""docs/format.md: its table is what was measured and what the test of foreign readers asks; its words are true."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import re
import runpy
from pathlib import Path

import pytest
from foreign_readers import FILES, LIMITS, READERS, TOLERANCE

from zoo_core.runtime import Metadata
from zoo_core.shapes import DTYPES

ROOT = Path(__file__).parents[2]
PAGE = ROOT.joinpath("docs", "format.md").read_text(encoding="utf-8")
MEASURED = json.loads(ROOT.joinpath("benchmarks", "foreign_exports.json").read_text(encoding="utf-8"))


def test_the_page_is_up_to_date() -> None:
    make_page = runpy.run_path(str(ROOT / "docs" / "make_format.py"))["make_page"]
    assert make_page(PAGE) == PAGE, "run: python docs/make_format.py"


def test_what_was_measured_has_the_limits_that_the_test_knows() -> None:
    errors = {(reader, name): error for reader, row in MEASURED["errors"].items() for name, error in row.items()}
    assert list(errors) == [(reader, name) for reader in READERS for name in FILES]
    assert list(MEASURED["readers"]) == list(READERS)
    assert {key for key, error in errors.items() if error is None} == set(LIMITS)
    assert max(error for error in errors.values() if error is not None) <= TOLERANCE
    assert f"more than {TOLERANCE:.0e}".replace("e-0", "e-") in PAGE


def test_every_field_of_the_metadata_and_every_type_is_told() -> None:
    told = set(re.findall(r"`(\w+)`", PAGE))
    assert {field.name for field in dataclasses.fields(Metadata)} <= told
    assert set(DTYPES) <= told


def test_the_metadata_are_read_as_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
    monkeypatch.chdir(ROOT)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "format.md", "exec"), {})
    assert printed.getvalue().startswith("image-classification ['0', '1', '2'] [")
