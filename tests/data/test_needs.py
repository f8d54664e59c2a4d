"""What bundled datasets need is named as pip takes it, not as it is imported."""

from __future__ import annotations

import re
from importlib import metadata

from zoo_core import open_zoo


def test_what_a_dataset_needs_can_be_installed_by_that_name() -> None:
    zoo = open_zoo()
    needs = {need for entry in zoo.entries("dataset") for need in zoo.dataset(entry.qualified).spec.needs}
    assert needs
    brought = {re.split(r"[^\w.-]", text)[0] for text in metadata.requires("zoo-core") or ()}
    assert {re.split(r"[^\w.-]", need)[0] for need in needs} <= brought
