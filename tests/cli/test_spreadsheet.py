"""CSV that a spreadsheet may open: no name of a file or a class is ever a formula."""

from __future__ import annotations

import csv
import io

import pytest

from zoo_core.commands import csv_text


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("x")'])
def test_text_that_would_be_run_begins_with_an_apostrophe(text: str) -> None:
    assert csv_text(["path", text], [[text, "a"]]).startswith("path,")
    written = csv_text(["path"], [[text]]).removeprefix("path\n").removeprefix('"')
    assert written.startswith("'")


@pytest.mark.parametrize("text", ["cat", "a=b", "a, b", 'a "b" c', "", "菱形", "'quoted'"])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert read(csv_text(["name", "more"], [[text, "x"]])) == [["name", "more"], [text, "x"]]


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell() -> None:
    assert csv_text(["a", "b", "c"], [[-1.5, None, 3]]) == "a,b,c\n-1.5,,3\n"


def test_what_is_not_seen_is_written_out() -> None:
    assert read(csv_text(["name"], [["two\nlines"], ["\x00=1"]])) == [["name"], ["two\\nlines"], ["\\x00=1"]]


def test_half_a_character_of_a_files_name_breaks_nothing() -> None:
    assert csv_text(["path"], [["bad\udcff.png"]]).encode() == b"path\nbad\\udcff.png\n"
