"""docs/rules.md says what the rules say, and every rule says what it promises and why."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKER = runpy.run_path(str(ROOT / "docs" / "make_rules.py"))


def test_the_page_of_rules_is_up_to_date() -> None:
    written = ROOT.joinpath("docs", "rules.md").read_text(encoding="utf-8")
    assert written == MAKER["make_page"](), "run: python docs/make_rules.py"


def test_every_rule_says_what_it_promises_and_why() -> None:
    for rules in MAKER["KINDS"].values():
        for rule in rules:
            promise, _, why = rule.why.partition("\n\n")
            assert promise.rstrip().endswith("."), rule.name
            assert len(why.split()) > 5, rule.name


def test_names_of_rules_are_not_used_twice_for_one_kind() -> None:
    for kind, rules in MAKER["KINDS"].items():
        assert len({rule.name for rule in rules}) == len(rules), kind
