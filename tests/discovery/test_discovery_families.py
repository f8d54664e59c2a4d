"""Families in the catalogue: what they say of their members is listed, and no member is made for it."""

from __future__ import annotations

from typing import Any

import pytest

from zoo_core.installation import update_command

FAMILY = """
from zoo_core import ModelFamily, hookimpl

def make(name):
    raise RuntimeError("no spec is made for a listing")

def about(name):
    if name == "silent":
        return {}
    return {"task": "detection", "license": "MIT", "summary": f"Finds a {name}", "source": "https://example.org"}

@hookimpl
def zoo_families():
    yield ModelFamily(prefix="fam", library="famlib", names=lambda: ["cat10", "cat9", "silent"], spec=make, about=about)
"""


def names(result: Any) -> list[str]:
    return [row["name"] for row in result.json]


def test_what_a_family_says_of_its_members_is_listed(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-fam", FAMILY)
    rows = run_zoo("list", "fam/*", "--json").json
    assert rows[0] == {
        "name": "fam/cat9",
        "kind": "model",
        "task": "detection",
        "summary": "Finds a cat9",
        "plugin": "zoo-fam:zoo-fam",
        "source": "https://example.org",
    }
    assert [row["name"] for row in rows] == ["fam/cat9", "fam/cat10", "fam/silent"]
    assert (rows[2]["task"], rows[2]["summary"]) == ("", "silent of famlib")


def test_members_are_found_by_task_and_license(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-fam", FAMILY)
    assert names(run_zoo("list", "fam/*", "--task", "detection", "--json")) == ["fam/cat9", "fam/cat10"]
    assert names(run_zoo("list", "--plugin", "zoo-fam", "--license", "mit", "--json")) == ["fam/cat9", "fam/cat10"]


def test_a_member_made_for_a_newer_core(run_zoo: Any, fake_distribution: Any) -> None:
    made = (
        "def make(name):\n"
        "    from zoo_core import ModelSpec, TensorSpec\n"
        "    tensors = {'x': TensorSpec('N', 1)}\n"
        "    return ModelSpec(name=f'fam/{name}', build=lambda: None, task='detection', summary='x', inputs=tensors,\n"
        "                     outputs={'y': tensors['x']}, requires_core='>=99')\n"
        "def unused(name):\n"
    )
    fake_distribution("zoo-fam", FAMILY.replace("def make(name):\n", made))
    result = run_zoo("info", "fam/cat9")
    assert result.code == 1
    assert "model 'fam/cat9' of plugin zoo-fam:zoo-fam cannot be used: 'fam/cat9' needs zoo-core >=99" in result.stderr
    assert f"Hint: {update_command('>=99')}" in result.stderr


def test_what_the_bundled_families_say_is_what_their_specs_say(run_zoo: Any) -> None:
    pytest.importorskip("torchvision")
    from zoo_core import open_zoo

    zoo = open_zoo()
    entries = [entry for entry in zoo.entries("model") if entry.name.startswith("torchvision/")]
    assert len(entries) > 100
    for entry in entries:
        spec = zoo.model(entry.shown).spec
        assert (entry.task, entry.license) == (spec.task, spec.license), entry.name
    listed = names(run_zoo("list", "--task", "semantic-segmentation", "--json"))
    assert {"torchvision/deeplabv3_resnet50", "unet"} <= set(listed)


def test_what_smp_says_is_what_its_specs_say() -> None:
    pytest.importorskip("segmentation_models_pytorch")
    from zoo_core import open_zoo

    zoo = open_zoo()
    entries = [entry for entry in zoo.entries("model") if entry.name.startswith("smp/")]
    assert entries
    for entry in entries:
        spec = zoo.model(entry.shown).spec
        assert (entry.task, entry.license, entry.summary) == (spec.task, spec.license, spec.summary)
