"""A card's Markdown as HTML, as much of it as cards of the zoo use. Everything else stays text.

Nothing of a card becomes HTML but by the tags that are written here: its letters are escaped first, and a link leads to
https or http alone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from markupsafe import Markup, escape

_INLINE = re.compile(
    r"(?P<code>(?P<fence>`+)(?!`)(?P<inside>.+?)(?<!`)(?P=fence)(?!`))"
    r"|(?P<escaped>\\[!-/:-@\[-`{-~])"
    r"|(?P<entity>&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});)"
    r"|\*\*(?P<strong>\S(?:[^*]*\S)?)\*\*"
    r"|\[(?P<label>[^\[\]]*)\]\((?P<target>https?://[^\s()<>\"]+)\)"
    r"|(?P<address>https?://[^\s()<>\"|]*[^\s()<>\"|.,;:!?])"
)
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"\s{0,3}(?:[-*+]|\d{1,3}[.)])\s+(.*)")
_RULE = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*\|?\s*")
_CELL = re.compile(r"(?<!\\)\|")
_FENCE = re.compile(r"\s{0,3}(```+|~~~+)")
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def rendered(text: str, *, above: int = 1) -> Markup:
    """The card as HTML; a heading of the first order becomes one of the order `above` + 1."""
    lines = _FRONT.sub("", text.replace("\r\n", "\n"), count=1).split("\n")
    return Markup("\n").join(_blocks(lines, above))


def _blocks(lines: list[str], above: int) -> Iterator[Markup]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif found := _HEADING.match(line):
            order = min(6, len(found[1]) + above)
            yield Markup("<h{0}>{1}</h{0}>").format(order, inline(found[2].rstrip("# ")))
            at += 1
        elif fence := _FENCE.match(line):
            end = next((n for n in range(at + 1, len(lines)) if lines[n].strip().startswith(fence[1])), len(lines))
            yield _code(lines[at + 1 : end])
            at = end + 1
        elif line.startswith("    "):
            end = _end(lines, at, lambda each: each.startswith("    ") or not each.strip())
            yield _code([each[4:] for each in lines[at:end]])
            at = end
        elif "|" in line and at + 1 < len(lines) and "|" in lines[at + 1] and _RULE.fullmatch(lines[at + 1]):
            end = _end(lines, at, lambda each: "|" in each)
            yield _table(lines[at], lines[at + 2 : end])
            at = end
        elif _ITEM.match(line):
            end = _end(lines, at, lambda each: bool(each.strip()) and not _HEADING.match(each))
            yield _items(lines[at:end])
            at = end
        else:
            end = _end(lines, at + 1, lambda each: bool(each.strip()) and not _starts(each))
            yield Markup("<p>{}</p>").format(inline(" ".join(each.strip() for each in lines[at:end])))
            at = end


def _end(lines: list[str], at: int, belongs: object) -> int:
    return next((n for n in range(at, len(lines)) if not belongs(lines[n])), len(lines))  # type: ignore[operator]


def _starts(line: str) -> bool:
    return bool(_HEADING.match(line) or _ITEM.match(line) or _FENCE.match(line))


def _code(lines: list[str]) -> Markup:
    return Markup('<pre tabindex="0"><code>{}</code></pre>').format("\n".join(lines).strip("\n"))


def _items(lines: list[str]) -> Markup:
    items: list[str] = []
    for line in lines:
        if found := _ITEM.match(line):
            items.append(found[1])
        else:
            items[-1] += f" {line.strip()}"
    return Markup("<ul>{}</ul>").format(Markup().join(Markup("<li>{}</li>").format(inline(each)) for each in items))


def _table(header: str, rows: list[str]) -> Markup:
    heads = Markup().join(Markup('<th scope="col">{}</th>').format(inline(cell)) for cell in _cells(header))
    body = Markup().join(
        Markup("<tr>{}</tr>").format(Markup().join(Markup("<td>{}</td>").format(inline(cell)) for cell in _cells(row)))
        for row in rows
    )
    return Markup(
        '<div class="scroll" tabindex="0"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(heads, body)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _CELL.split(line.strip().removeprefix("|").removesuffix("|"))]


def inline(text: str) -> Markup:
    """What stands within a line: code, bold, links, escapes; everything else is text."""
    made, last = [], 0
    for found in _INLINE.finditer(text):
        made += [escape(text[last : found.start()]), _piece(found)]
        last = found.end()
    return Markup().join([*made, escape(text[last:])])


def _piece(found: re.Match[str]) -> Markup:
    if found["code"]:
        inside = found["inside"]
        inside = inside[1:-1] if len(inside) > 2 and inside[0] == inside[-1] == " " else inside
        return Markup("<code>{}</code>").format(inside.replace("\\|", "|"))
    if found["escaped"]:
        return escape(found["escaped"][1:])
    if found["entity"]:
        return escape(html.unescape(found["entity"]))
    if found["strong"]:
        return Markup("<strong>{}</strong>").format(inline(found["strong"]))
    target = found["target"] or found["address"]
    label = found["label"] or target
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(target, label)
