"""What somebody else's text may look like where: on a terminal, in Markdown, HTML, JSON or a cell of a CSV file.

Class names, summaries, messages of exceptions and names of files come from plugins, exports and folders of strangers.
They are shown as they are, but for what would act instead of being read.
"""

from __future__ import annotations

import html
import json
import re

_BAR = "| "
_ALWAYS = re.compile(r"[\\`*\[\]|~<>]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])|(?<!\S)[-+=#]")
"""What Markdown may take for markup: within a word an underscore is none, and a hyphen only before one."""
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "~": "&#126;", "=": "&#61;"}
_FORMULA = tuple("=+-@＝＋－＠")
_JSON_ACTS = re.compile(r"[^\n -~]")


def terminal_line(text: str) -> str:
    """On one line, without what steers a terminal: blanks of all kinds are spaces, other invisible characters `\\x1b`.

    So are marks that turn the direction of writing, and halves of characters (surrogates), which cannot be written.
    """
    if text.isprintable():  # nearly always, and there are thousands of cells
        return text
    return "".join(character if character.isprintable() else _visible(character) for character in text)


def terminal_lines(text: str) -> str:
    """As `terminal_line`, with its line breaks: every line but the first begins with a bar, so that none looks like
    one of the program's own, such as `Error: ...`."""
    first, *more = text.rstrip("\n").replace("\r\n", "\n").split("\n")
    return "\n".join([terminal_line(first), *((_BAR + terminal_line(line)).rstrip() for line in more)])


def markdown_text(text: str) -> str:
    """In a paragraph, a heading or a cell of a table: one line, in which nothing is markup or HTML."""
    return _ALWAYS.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), terminal_line(text))


def markdown_code(text: str, *, in_table: bool = False) -> str:
    """As code within a line, whatever backticks it holds; in a table a `|` would end the cell."""
    line = terminal_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    code = f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"
    return code.replace("|", "\\|") if in_table else code


def html_text(text: str) -> str:
    """In an HTML page, also as the value of an attribute in quotes: one line, without tags."""
    return html.escape(terminal_line(text))


def csv_cell(value: object) -> str:
    """In a cell of a CSV file: a text that a spreadsheet would compute begins with an apostrophe; numbers stay.

    The writer of the `csv` module still has to put quotes around it.
    """
    line = terminal_line(str(value))
    return f"'{line}" if isinstance(value, str) and line.lstrip().startswith(_FORMULA) else line


def json_notation(document: str) -> str:
    """The same JSON document, in which every invisible character of a text is written as `\\u001b`."""
    if document.isascii() and "\x7f" not in document:
        return document
    return _JSON_ACTS.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], document)


def _visible(character: str) -> str:
    return " " if character.isspace() else character.encode("unicode_escape").decode("ascii")
