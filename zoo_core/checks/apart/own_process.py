"""Something of ours, done in a Python process of its own, with the answer as plain JSON."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from zoo_core import errors
from zoo_core.checks.rule import BrokenRuleError
from zoo_core.children.child import Line
from zoo_core.children.parent import Child, ending_of
from zoo_core.errors import ZooError

SECONDS = 300.0
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
"""Audit events of a process that asks the network."""


def in_child(call: str, *arguments: Any, environment: Mapping[str, str] | None = None, **named: Any) -> Any:
    """What `module:function` returns in a process of its own, which is ended with all that it has started.

    Raises BrokenRuleError when it does not return.
    """
    task = {"call": call, "arguments": arguments, "named": named}
    with Child("zoo_core.checks.apart.own_process:answer", task, environment=environment) as child:
        try:
            message = child.message(SECONDS)
        except TimeoutError:
            raise BrokenRuleError(f"it does not finish within {SECONDS:g} s") from None
        if message is None:
            raise BrokenRuleError(f"its process {how_it_ended(child)} before it answers")
    if "error" in message:
        raise BrokenRuleError(f"in a process of its own it raises {message['error']}")
    return message["answer"]


def answer(line: Line) -> None:
    """The child's side of `in_child`: sends `{answer}`, or `{error}` of what was raised."""
    module, _, name = line.task["call"].partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
        found = {"answer": function(*line.task["arguments"], **line.task["named"])}
    except Exception as error:  # noqa: BLE001 whatever it is, the rule tells it
        found = {"error": f"{type(error).__name__}: {error}"}
    line.send(found)


def told(error: ZooError) -> dict[str, Any]:
    """An error of the zoo as a message of a child, of which `raised` makes it again."""
    return {"error": {"kind": type(error).__name__, "message": error.message, "hint": error.hint}}


def raised(kind: str, message: str, hint: str | None) -> ZooError:
    """The error of that name, as the child raised it, whatever its class wants to be made from."""
    known: Any = getattr(errors, kind, ZooError)
    error: ZooError = known.__new__(known)
    ZooError.__init__(error, message, hint=hint)
    return error


def how_it_ended(child: Child) -> str:
    """Why no message comes any more, as the end of a sentence."""
    code = child.exit_code()
    return "closes the connection to the process that asks" if code is None else ending_of(code)
