"""docs/plugin-guide.md: every command in it exists, with the options it is shown with; its rules and links too."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from zoo_core.cli import zoo

ROOT = Path(__file__).parents[2]
GUIDE = ROOT.joinpath("docs", "plugin-guide.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```\n(.*?)```", GUIDE, re.DOTALL)
SHOWN = [line for block in BLOCKS for line in block.splitlines() if line.startswith("zoo ")]


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_of_the_guide_can_be_typed(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    command = zoo.get_command(click.Context(zoo), name)
    assert command is not None
    command.make_context(f"zoo {name}", arguments)  # raises what click says of a wrong option


def test_the_rules_and_options_that_the_guide_names_exist() -> None:
    from zoo_core.checks.rules.forward_rules import RULES as FORWARD_RULES
    from zoo_core.checks.rules.model_rules import RULES as MODEL_RULES

    named = re.findall(r'expected_failures=\{"([a-z-]+)"', GUIDE)
    assert named
    assert set(named) <= {rule.name for rule in (*MODEL_RULES, *FORWARD_RULES)}


def test_the_links_of_the_plugin_pages_lead_somewhere() -> None:
    for page in ("plugins.md", "plugin-guide.md", "hooks.md"):
        text = ROOT.joinpath("docs", page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if not target.startswith("https://"):
                assert ROOT.joinpath("docs", target).exists(), f"{page}: {target}"
