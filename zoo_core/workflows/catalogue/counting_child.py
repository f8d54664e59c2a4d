"""The child process that builds models to count their parameters: it may crash, hang or print."""

from __future__ import annotations

from typing import Any

from zoo_core.building import builder_options
from zoo_core.children.child import Line
from zoo_core.errors import ZooError
from zoo_core.plugin_faults import blamed_on
from zoo_core.registry import Zoo, open_zoo

from .info import count_parameters


def main(line: Line) -> None:
    """Build the models of the task, `{names, timeout}`, the names qualified.

    Says first `{}`, or `{"missing": "torch"}`; then `{parameters, problem}` for each name, in order.
    """
    try:
        import torch  # noqa: F401 said once, not of each model
    except ImportError:
        line.send({"missing": "torch"})
        return
    zoo = open_zoo()
    line.send({})
    for name in line.task["names"]:
        with line.limit(line.task["timeout"]):
            answer = _count(zoo, name)
        line.send(answer)


def _count(zoo: Zoo, name: str) -> dict[str, Any]:
    try:
        model = zoo.model(name)
        with blamed_on(model):
            number, problem = count_parameters(model, builder_options(model.spec, {}))
    except ZooError as error:
        return {"parameters": None, "problem": error.message}
    return {"parameters": number, "problem": problem}
