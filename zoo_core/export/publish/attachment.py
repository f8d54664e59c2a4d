"""`netron.json`: facts about each node, in the form that Netron attaches to an open graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SIGNATURE = "netron:attachment"


@dataclass(frozen=True, kw_only=True)
class NodeFacts:
    """What is known about one node of the exported graph.

    `name`: the node's name in the file; `module`: the dotted path of the module it came from, "" for the model itself;
    `parameters`: numbers in its own weights; `error`: largest difference from the reference, in the output's units,
    and `floors`: the same in multiples of the rounding floor; both None where it was not measured.
    """

    name: str
    op_type: str
    module: str
    parameters: int
    error: float | None
    floors: float | None = None


def netron_attachment(nodes: Sequence[NodeFacts]) -> dict[str, Any]:
    """Plain JSON with the module path (metadata), the parameters and the error (metrics) of each node.

    Netron finds a node by the first line of its name, so nodes without a name, or with a name that another node has
    too, are left out: their numbers would be shown on the wrong node.
    """
    uses = Counter(_shown_name(node) for node in nodes)
    unique = [node for node in nodes if _shown_name(node) and uses[_shown_name(node)] == 1]
    metadata = [_entry(node, "module", node.module) for node in unique if node.module]
    metrics = []
    for node in unique:
        metrics.append(_entry(node, "parameters", node.parameters))
        if node.error is not None:
            metrics.append(_entry(node, "error", f"{node.error:.3g}"))
        if node.floors is not None:
            metrics.append(_entry(node, "error in floors", f"{node.floors:.2g}"))
    return {"signature": SIGNATURE, "metadata": metadata, "metrics": metrics}


def _shown_name(node: NodeFacts) -> str:
    return node.name.partition("\n")[0]


def _entry(node: NodeFacts, name: str, value: str | int) -> dict[str, Any]:
    # The type is what Netron shows when the value is unfolded.
    kind = "string" if isinstance(value, str) else "int64"
    return {"kind": "node", "target": _shown_name(node), "name": name, "value": value, "type": kind}
