"""The bundled plugins keep every rule that strangers' plugins have to keep."""

from __future__ import annotations

import pytest

from zoo_core import open_zoo
from zoo_core.checks import CheckOptions, checks_of

ZOO = open_zoo()
BUNDLED = sorted(plugin.id for plugin in ZOO.plugins if plugin.bundled)

# tests/test_bundled_training.py exports every bundled model, trained.
ELSEWHERE = "exports-and-is-verified"


SMALLER = {
    "zoo-core:unet": {"base_channels": 8},
    "zoo-core:resnet9": {"height": 8, "width": 8},
    "zoo-core:resnet-cifar": {"height": 8, "width": 8},
}


@pytest.mark.parametrize("plugin", BUNDLED)
def test_a_bundled_plugin_conforms(plugin: str) -> None:
    given = CheckOptions(options=SMALLER.get(plugin, {}))
    checks = [check for check in checks_of(ZOO, f"plugin:{plugin}", given) if check.rule.name != ELSEWHERE]
    findings = [check.run() for check in checks]
    assert [f"{found.subject}: {found.rule}: {found.detail}" for found in findings if found.outcome == "failed"] == []
    assert sum(found.outcome == "passed" for found in findings) >= 6
