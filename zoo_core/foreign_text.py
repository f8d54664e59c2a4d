"""What somebody else's text may look like where: on a terminal, in a command, in Markdown, HTML, JSON or CSV.

Class names, summaries, messages of exceptions and names of files come from plugins, exports and folders of strangers.
They are shown as they are, but for what would act instead of being read.
"""

from __future__ import annotations

import html
import json
import re
import shlex

_BAR = "| "
_MARKUP = re.compile(
    r"[\\`\[\]|~<>]|&(?=#?\w+;)"
    r"|\*(?=\w)|(?<![^\W_])\*(?=\S)"  # one that could begin an emphasis, which then need not be ended
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore within a word is itself
    r"|(?<!\S)[-+=#*]"  # at the beginning of a line, where a word may come to stand
)
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "~": "&#126;", "=": "&#61;"}
_FORMULA = tuple("=+-@＝＋－＠")
_ESCAPE = re.compile(r"\\(?:[\\nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
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


def terminal_stream(text: str) -> str:
    """A piece of what a stranger's code prints: its lines stay lines, bars of progress move, and colours are told."""
    return re.sub(r"[^\n\r\t]+", lambda found: terminal_line(found[0]), text)


def shell_word(text: str) -> str:
    """As one word of a command that can be pasted into a shell; one with invisible characters as `$'a\\x1bb'`."""
    if text.isprintable():
        return shlex.quote(text)
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{''.join(each if each.isprintable() else _in_bytes(each) for each in quoted)}'"


def markdown_text(text: str) -> str:
    """In a paragraph, a heading or a cell of a table: one line, in which nothing is markup or HTML."""
    return _MARKUP.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), terminal_line(text))


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

    Two texts never give the same cell: what is not printed is an escape such as `\\n` or `\\x1b`; backslashes are
    doubled where one could be taken for the begin of an escape, and an apostrophe is added to those before a formula.
    The writer of the `csv` module still has to put quotes around it.
    """
    text = str(value)
    is_formula = isinstance(value, str) and text.lstrip("'").lstrip().startswith(_FORMULA)
    return f"'{told_apart(text)}" if is_formula else told_apart(text)


def told_apart(text: str, *, only_halves: bool = False) -> str:
    """On one line, and every text in another way: what is not printed is `\\n`, `\\r`, `\\t`, `\\x1b`, `\\u2028`, ...

    `only_halves`: halves of characters (surrogates) alone. Backslashes are doubled where one of them could be taken
    for the begin of an escape.
    """
    hidden = _has_halves if only_halves else _has_hidden
    if not hidden(text) and not _ESCAPE.search(text):
        return text
    return "".join(
        each.encode("unicode_escape").decode("ascii") if each == "\\" or hidden(each) else each for each in text
    )


def _has_hidden(text: str) -> bool:
    return not text.isprintable()


def _has_halves(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text)


def json_notation(document: str) -> str:
    """The same JSON document, in which every invisible character of a text is written as `\\u001b`."""
    if document.isascii() and "\x7f" not in document:
        return document
    return _JSON_ACTS.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], document)


def _in_bytes(character: str) -> str:
    # What stands for a byte of a file's name that is no UTF-8 is that byte.
    kind = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", kind))


def _visible(character: str) -> str:
    return " " if character.isspace() else character.encode("unicode_escape").decode("ascii")
