"""Writes docs/commands.md from the help texts of the commands: `python docs/make_commands.py`."""

from __future__ import annotations

from pathlib import Path

import click

from zoo_core.cli import COMMANDS, zoo
from zoo_core.cli.bundled import bundled_verbs

PAGE = Path(__file__).with_name("commands.md")
WIDTH = 100
HEAD = """\
# Commands

Made by `python docs/make_commands.py` from what each command says with `--help`.

| exit code | means |
| --- | --- |
| 0 | done |
| 1 | data, files, extras, plugins, network, disk; sizes that do not match or cannot be taken; no number as a measure |
| 2 | something typed wrong: a name, an option, a type |
| 3 | an export that could not be converted, or a check that failed or was not conclusive |
| 4 | a file refused before it is opened: unsafe, or not of the format its name says |
| 70 | a bug in the zoo |
| 130, 143 | stopped by Ctrl-C, or by SIGTERM |
"""


def make_page() -> str:
    """The whole page: the same text on every machine and terminal."""
    names = zoo.context_settings["help_option_names"]
    top = click.Context(zoo, info_name="zoo", terminal_width=WIDTH, max_content_width=WIDTH, help_option_names=names)
    parts = [HEAD]
    for name in (*COMMANDS, *bundled_verbs()):
        command = zoo.get_command(top, name)
        if command is None:
            raise SystemExit(f"zoo {name} has no module")
        context = click.Context(command, info_name=name, parent=top, terminal_width=WIDTH, max_content_width=WIDTH)
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        parts.append(f"## zoo {name}\n\n```\n{text}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
