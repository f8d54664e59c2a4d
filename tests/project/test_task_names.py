"""The core asks tasks, and compares no name of one: what it may know of them stands in their specs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoo_core.discovery.entry_points import bundled_offers

CORE = Path(__file__).parents[2] / "zoo_core"
NAMES = frozenset(bundled_offers("task"))


def compared_names(source: str) -> Iterator[str]:
    """Names of tasks that the source compares: `==`, `in`, `match`, the keys of a table."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            parts: list[ast.AST] = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            parts = [node.value]
        elif isinstance(node, ast.Dict):
            parts = [key for key in node.keys if key is not None]
        elif isinstance(node, ast.Tuple | ast.Set | ast.List):
            parts = [node]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {
            "startswith",
            "endswith",
            "removesuffix",
        }:
            parts = list(node.args)
        else:
            continue
        for part in parts:
            for leaf in ast.walk(part):
                if isinstance(leaf, ast.Constant) and leaf.value in NAMES:
                    yield str(leaf.value)


def test_no_name_of_a_task_is_compared_in_the_core() -> None:
    assert len(NAMES) > 10
    found = {
        str(path.relative_to(CORE)): names
        for path in CORE.rglob("*.py")
        if (names := sorted(set(compared_names(path.read_text(encoding="utf-8")))))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        'if task == "detection": pass',
        'if task in {"semantic-segmentation"}: pass',
        'TASKS = ("image-classification", "keypoints")',
        'HOW = {"optical-flow": 1}',
        'match task:\n    case "keypoints": pass',
        'name.endswith("features")',
    ],
)
def test_a_comparison_would_be_seen(source: str) -> None:
    assert list(compared_names(source))
