"""Writes docs/hooks.md from the docstrings of the hooks: `python docs/make_hooks.py`."""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path

from zoo_core import hookspecs

PAGE = Path(__file__).with_name("hooks.md")
PARTS = ("When", "Returns", "On error", "Example")
HEAD = """\
# Hooks

Made by `python docs/make_hooks.py` from the docstrings in `zoo_core/hookspecs.py`; tests run the examples.

A hook is a function with one of these names, decorated with `@hookimpl`, in the module (or object) that the entry
point names. Take the arguments by these names, or leave out those that you do not use. A hook name that does not exist,
or an argument that a hook does not have, makes the plugin `broken`, and `zoo plugins` says what was meant.
[plugins.md](plugins.md) explains what the specs hold, [plugin-guide.md](plugin-guide.md) leads from an idea to a
published package.
"""


def read_hook(name: str) -> tuple[str, dict[str, str]]:
    """The first sentence of a hook's docstring, and its parts; the example is code without indentation."""
    first, *paragraphs = inspect.cleandoc(getattr(hookspecs, name).__doc__).split("\n\n")
    text = "\n\n".join(paragraphs)
    prose, _, example = text.partition("Example:\n\n")
    parts = {}
    for paragraph in prose.strip().split("\n\n"):
        part, _, words = paragraph.partition(": ")
        parts[part] = " ".join(words.split())
    parts["Example"] = textwrap.dedent(example).strip("\n")
    if tuple(parts) != PARTS:
        raise SystemExit(f"the docstring of {name} has {', '.join(parts)}, not {', '.join(PARTS)}")
    return " ".join(first.split()), parts


def make_page() -> str:
    """The whole page."""
    lines = [HEAD]
    for title, names in (("Offers", hookspecs.OFFERS), ("Events", hookspecs.EVENTS)):
        lines.append(f"## {title}\n")
        for name in names:
            first, parts = read_hook(name)
            arguments = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
            lines.append(f"### `{name}({arguments})`\n\n{first}\n")
            lines += [f"**{part}**: {parts[part]}\n" for part in PARTS[:-1]]
            lines.append(f"```python\n{parts['Example']}\n```\n")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
