"""A command whose options and body are loaded when it is run, or when its help is asked for."""

from __future__ import annotations

import importlib
from typing import Any

import click


class LazyCommand(click.Command):
    """A name and one line of help; `load` imports the rest."""

    def __init__(self, name: str, *, help: str, body: str) -> None:  # noqa: A002 the name is click's
        """`body` names the real command, as `module:attribute`."""
        super().__init__(name, help=help, short_help=help)
        self.body = body

    def load(self) -> click.Command:
        """The real command. Raises what its module raises, and TypeError when there is no command."""
        module, _, attribute = self.body.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.body} is a {type(command).__name__}, not a click command")
        return command

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """The context of the real command, which click then invokes."""
        return self.load().make_context(*arguments, **more)


def lazy_command(name: str, *, help: str, body: str) -> LazyCommand:  # noqa: A002 the name is click's
    """A command called `name`, with one line of help for `zoo --help`; `body` is `package.module:command`.

    The module is imported when somebody runs the command, asks for its `--help`, or completes its arguments.
    """
    return LazyCommand(name, help=help, body=body)
