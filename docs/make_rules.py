"""Writes docs/rules.md from the docstrings of the rules: `python docs/make_rules.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

from zoo_core.checks import Rule
from zoo_core.checks.rules import (
    dataset_rules,
    export_rules,
    forward_rules,
    model_rules,
    plugin_rules,
    recipe_rules,
    task_rules,
    train_rules,
    trainer_rules,
)

PAGE = Path(__file__).with_name("rules.md")
HEAD = """\
# Rules

Made by `python docs/make_rules.py` from the docstrings in `zoo_core/checks`; each rule has a plugin in the tests that
breaks it.

One rule is one promise that users of a plugin may rely on. `zoo check NAME` looks at all of them for a plugin and
everything that it offers, or for one model, dataset, trainer, task or recipe; `--rule PATTERN` chooses some. In the
tests of a plugin, `test_conformance = conformance("NAME")` makes each a test case, and `zoo doctor MODEL` takes those
of a model stage by stage. A rule that cannot be kept is declared in the spec with its reason,
`expected_failures={"rows-are-independent": "it normalises over the batch"}`: it is skipped, and fails once it holds.
Those of a plugin as a whole have no spec, and hold for all.

`zoo check` looks at the rules in a process of its own. A rule that ends this process (a crash, `os._exit`), or does not
come to an end within 600 seconds (`ZOO_RULE_TIMEOUT`), is broken, and another process goes on with the next rule.
`zoo doctor` looks at the stages of a model in one process, and names the stage at which that ends.
`conformance("NAME")` looks at the rules in its own process, which ends or hangs with the plugin.
"""
KINDS: dict[str, tuple[Rule, ...]] = {
    "Plugins": plugin_rules.RULES,
    "Models": (*model_rules.RULES, *forward_rules.RULES, *train_rules.RULES, *export_rules.RULES),
    "Datasets": dataset_rules.RULES,
    "Trainers": trainer_rules.RULES,
    "Tasks": task_rules.RULES,
    "Recipes": recipe_rules.RULES,
}


def make_page() -> str:
    """The whole page."""
    lines = [HEAD]
    for kind, found in KINDS.items():
        lines.append(f"## {kind}\n")
        for rule in found:
            promise, _, why = inspect.cleandoc(rule.why).partition("\n\n")
            lines.append(f"### `{rule.name}`\n\n{' '.join(promise.split())}\n\n{' '.join(why.split())}\n")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
