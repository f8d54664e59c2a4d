"""Writes docs/options.json, the options of every bundled command: `python docs/make_options.py`.

Scripts rely on them, so a test compares the file with the commands: `tests/project/test_frozen_options.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from zoo_core.cli import zoo

PAGE = Path(__file__).with_name("options.json")
OURS = {"zoo_core", "zoo_plugins"}
# What a number or a path may be is part of the contract, where a type says it.
LIMITS = ("choices", "case_sensitive", "min", "max", "min_open", "max_open", "exists", "file_okay", "dir_okay")


def read_options() -> dict[str, Any]:
    """The parameters of each command by its words, `new plugin`; third-party commands are left out."""
    found = {"": _parameters(zoo, click.Context(zoo, info_name="zoo"))}
    for name in sorted(zoo.list_commands(click.Context(zoo, info_name="zoo"))):
        context = click.Context(zoo, info_name="zoo")
        command = zoo.get_command(context, name)
        if command is not None and _is_ours(command):
            found |= _with_subcommands(name, command, context)
    return found


def _is_ours(command: click.Command) -> bool:
    home = command.callback if command.callback is not None else type(command)
    return home.__module__.partition(".")[0] in OURS


def _with_subcommands(words: str, command: click.Command, parent: click.Context) -> dict[str, Any]:
    context = click.Context(command, info_name=words.split()[-1], parent=parent)
    found = {words: _parameters(command, context)}
    if isinstance(command, click.Group):
        for name in sorted(command.list_commands(context)):
            inner = command.get_command(context, name)
            if inner is not None:
                found |= _with_subcommands(f"{words} {name}", inner, context)
    return found


def _parameters(command: click.Command, context: click.Context) -> dict[str, Any]:
    # Arguments by place, for their order is what is typed; options by name.
    positional = [one for one in command.params if isinstance(one, click.Argument)]
    found = {f"argument {place}": _parameter(one, context) for place, one in enumerate(positional, 1)}
    options = [one for one in command.params if isinstance(one, click.Option)]
    return found | {"/".join(one.opts): _parameter(one, context) for one in sorted(options, key=lambda one: one.opts)}


def _parameter(one: click.Parameter, context: click.Context) -> dict[str, Any]:
    kind = one.type.to_info_dict()
    flag = isinstance(one, click.Option) and one.is_flag
    described: dict[str, Any] = {
        "type": "flag" if flag else str(kind["name"]),
        "off": "/".join(one.secondary_opts),
        "required": one.required,
        "multiple": getattr(one, "multiple", False),
        "values": one.nargs if one.nargs != 1 else None,
        "default": _plain(one.get_default(context, call=False)),
    }
    described |= {name: _plain(kind.get(name)) for name in LIMITS} if not flag else {}
    # 0 stays: a smallest value of 0 is not "none"
    return {name: value for name, value in described.items() if not (value is None or value is False or value == "")}


def _plain(value: object) -> Any:
    # click's versions differ in how they say that there is none: None, False, (), a mark of their own
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value] or None
    return None


def make_text() -> str:
    """The whole file, with a line for each parameter."""
    blocks = []
    for words, parameters in read_options().items():
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in parameters.items()]
        blocks.append(f" {json.dumps(words)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    PAGE.write_text(make_text(), encoding="utf-8")
