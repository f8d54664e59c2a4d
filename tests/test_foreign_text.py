"""Somebody else's text: shown where it is read, and inert where something would act on it."""

import json
import random
import re

import pytest
from markdown_it import MarkdownIt

from zoo_core.foreign_text import (
    csv_cell,
    html_text,
    json_notation,
    markdown_code,
    markdown_text,
    terminal_line,
    terminal_lines,
)

ORDINARY = ("Ankle boot", "T-shirt/top", "snake_case", "größer, 日本", "R&D 5 %", "")


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert terminal_line(text) == terminal_lines(text) == markdown_text(text) == csv_cell(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("over\rwritten\tand\nbroken", "over written and broken"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u2028b\x85c", "a b c"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("lone \udcff half", "lone \\udcff half"),
        ("bell\x07\x7f", "bell\\x07\\x7f"),
        ("tag \U000e0041", "tag \\U000e0041"),
    ],
)
def test_what_would_steer_a_terminal_is_written_out(text: str, shown: str) -> None:
    assert terminal_line(text) == shown
    shown.encode()  # a lone surrogate could not be written at all


def test_no_line_of_a_strangers_text_looks_like_one_of_ours() -> None:
    forged = "a fault\nError: all is lost\r\n\n  values   ok\n"
    assert terminal_lines(forged).splitlines() == ["a fault", "| Error: all is lost", "|", "|   values   ok"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("a|b", "a\\|b"),
        ("![x](http://x)", "!\\[x\\](http://x)"),
        ("_em_ *strong* `code`", "\\_em\\_ \\*strong* \\`code\\`"),
        ("**strong** conv*, fc1 a * b", "\\*\\*strong** conv*, fc1 a \\* b"),
        ("one\n# head\n- item", "one \\# head \\- item"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_markdown_takes_nothing_for_markup(text: str, shown: str) -> None:
    assert markdown_text(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("name", "`name`"), ("a`b", "`` a`b ``"), ("``", "``` `` ```"), ("a\nb<i>", "`a b<i>`")],
)
def test_code_ends_where_it_should(text: str, shown: str) -> None:
    assert markdown_code(text) == shown


def test_code_in_a_table_ends_no_cell() -> None:
    assert markdown_code("a|b", in_table=True) == "`a\\|b`"


def test_html_gets_text() -> None:
    assert html_text('"><img src=x>\x1b') == "&quot;&gt;&lt;img src=x&gt;\\x1b"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum(a)", "\t=1", "\r\n=1", " =1", "＝1"])
def test_a_spreadsheet_computes_no_text(text: str) -> None:
    assert csv_cell(text).startswith("'")


@pytest.mark.parametrize(("number", "cell"), [(-1.5, "-1.5"), (3, "3"), (-0.0, "-0.0")])
def test_a_number_stays_a_number_in_csv(number: float, cell: str) -> None:
    assert csv_cell(number) == cell


def test_json_stays_the_same_document_in_plain_characters() -> None:
    data = {"größer": ["\ud800", "\x9b", "\u202e", "\U000e0041", "\x7f", "\x1b", "a\nb"]}
    written = json_notation(json.dumps(data, ensure_ascii=False, indent=2))
    assert json.loads(written) == data
    assert all(line.isprintable() for line in written.splitlines())
    assert "größer" in written


def test_no_jumble_of_markup_becomes_markup() -> None:
    page, drawn = MarkdownIt("commonmark"), random.Random(0)
    for _ in range(3000):
        jumble = "".join(drawn.choice("ab *_`[]()!<>&;#-+=~|\\\n1.") for _ in range(drawn.randint(1, 14)))
        shown = page.render(f"x {markdown_text(jumble)}\n")
        assert re.fullmatch(r"<p>[^<]*</p>\n", shown), (jumble, shown)
