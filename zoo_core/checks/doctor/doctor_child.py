"""The process in which a model goes through its stages: whatever its code does there, the parent tells it."""

from __future__ import annotations

from zoo_core.checks.apart.own_process import told
from zoo_core.checks.runner import CheckOptions
from zoo_core.children.child import Line
from zoo_core.errors import ZooError, in_words
from zoo_core.registry import open_zoo

from .doctor import model_rows


def main(line: Line) -> None:
    """Look at the model of the task, `{name, options}`.

    Says `{begun}` once it is known what is to be looked at, then `{row}` for each stage; `{error}` or `{bug}` in place
    of any of them.
    """
    try:
        rows = model_rows(open_zoo(), line.task["name"], CheckOptions(options=line.task["options"]))
        line.send({"begun": True})
        for row in rows:
            line.send({"row": row.to_json()})
    except ZooError as error:
        line.send(told(error))
    except Exception as error:  # noqa: BLE001 ours: the parent says so, as of every bug
        line.send({"bug": in_words(error)})
