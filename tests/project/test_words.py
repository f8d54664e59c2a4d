"""Numbers of things in messages: "1 sample" and "2 samples", by one helper."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoo_core.commands import counted

ROOT = Path(__file__).parents[2]
NOUNS = {"decision", "epoch", "file", "node", "place", "row", "sample", "tensor", "unit", "fault", "label", "output"}
SEVERAL = {
    "zoo_core/data/targets.py": {"len(split)"},  # with "need": of one sample nobody divides
    "zoo_core/export/reference/expected.py": {"clear"},  # with "are"
    "zoo_core/export/reference/staged_expected.py": {"fewest"},
    "zoo_core/training/run_card.py": {"leg.epochs"},
    "zoo_core/workflows/trainings/remarks.py": {"epochs"},
    "zoo_core/runtime/vetting/vet.py": {"count"},
    "zoo_plugins/classification/class_task.py": {"' x '.join(map(str, places))"},
    "zoo_plugins/cifar10/binary.py": {"counts"},
    "zoo_plugins/waveform/files.py": {"frames"},
    "zoo_plugins/waveform/waves.py": {"framing.window"},
}
"""Numbers that are never 1, or that a word further on agrees with."""


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (0, "sample", "0 samples"),
        (1, "sample", "1 sample"),
        (2000, "epoch", "2,000 epochs"),
        (1, "class", "1 class"),
        (3, "class", "3 classes"),
        (1, "axis", "1 axis"),
        (2, "axis", "2 axes"),
    ],
)
def test_a_number_of_things(number: int, noun: str, words: str) -> None:
    assert counted(number, noun) == words


def plain_counts(tree: ast.AST) -> Iterator[str]:
    """What stands before a noun in its plural, in every text that is put together."""
    for text in ast.walk(tree):
        if not isinstance(text, ast.JoinedStr):
            continue
        for value, after in zip(text.values, text.values[1:], strict=False):
            if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
                noun = str(after.value)[1:].partition(" ")[0].rstrip(".,;:)")
                if str(after.value)[:1] == " " and noun.removesuffix("s") in NOUNS and noun.endswith("s"):
                    yield ast.unparse(value.value)


def test_no_message_counts_one_samples() -> None:
    found = []
    for path in sorted([*ROOT.glob("zoo_core/**/*.py"), *ROOT.glob("zoo_plugins/**/*.py")]):
        name = path.relative_to(ROOT).as_posix()
        numbers = plain_counts(ast.parse(path.read_text(encoding="utf-8")))
        known = SEVERAL.get(name, set())
        found += [f"{name}: {each}" for each in numbers if not each.rpartition(".")[2].isupper() and each not in known]
    assert found == [], "counted(number, noun) of zoo_core.records says it in words"
