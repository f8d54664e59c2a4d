"""`zoo list --max-parameters`: models are counted when it is asked for, and what is known is not counted again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hostile_plugins import LYING

from zoo_core.installation import install_command
from zoo_core.workflows.catalogue.counting import parse_count

MODELS = """
import os
from zoo_core import ModelSpec, TensorSpec, hookimpl

def maker(width, fault=""):
    def build(*, num_classes: int = 10):
        from .net import net
        if fault:
            exec(fault, globals())
        return net(width, num_classes)
    return build

def needy(*, depth: int):
    pass

def spec(name, build):
    return ModelSpec(
        name=name, build=build, task="image-filter", summary="A model for tests",
        inputs={"image": TensorSpec("N", 1, 28, 28)}, outputs={"logits": TensorSpec("N", 10)},
    )

@hookimpl
def zoo_models():
    yield spec("count-2", maker(1))
    yield spec("count-10", maker(100))
    yield spec("count-exits", maker(1, "os._exit(3)"))
    yield spec("count-noisy", maker(2, "print('hello'); os.write(1, b'{')"))
    yield spec("count-raises", maker(1, "raise ValueError('never')"))
    yield spec("count-needy", needy)
"""
NET = """
from pathlib import Path
from torch import nn

def net(width, num_classes):
    with open({log!r}, "a") as log:
        log.write("x")
    return nn.Sequential(nn.Linear(9, width), nn.Linear(width, num_classes))
"""
COUNTS = {"count-2": 10 + 20, "count-noisy": 20 + 30, "count-10": 1000 + 1010}


@pytest.fixture
def counted(run_zoo: Any, fake_distribution: Any, tmp_path: Path) -> Any:
    """Runs `zoo list --max-parameters` on the models above."""
    folder = fake_distribution("zoo-a", MODELS, files={"net.py": NET.format(log=str(tmp_path / "builds"))})

    def run(most: str, *arguments: str, **more: Any) -> Any:
        return run_zoo("list", "count-*", "--max-parameters", most, *arguments, **more)

    run.folder = folder
    return run


def test_models_are_counted_and_chosen(counted: Any) -> None:
    result = counted("2k", "--json")
    assert {row["name"]: row["parameters"] for row in result.json} == {"count-2": 30, "count-noisy": 50}
    assert list(result.json[0]) == ["name", "kind", "task", "summary", "plugin", "source", "parameters"]
    assert result.stderr.startswith("3 models are left out, not counted: count-exits (building it ends the process, ")
    assert "count-needy (give -o depth=... or --dataset to count parameters)" in result.stderr
    assert "count-raises (model count-raises with num_classes=10: never)" in result.stderr
    every = counted("1M", "--json").json
    assert {row["name"]: row["parameters"] for row in every} == COUNTS
    lines = counted("1M").stdout.splitlines()
    assert lines[0].split() == ["NAME", "KIND", "TASK", "PARAMETERS", "SUMMARY"]
    assert any(line.split()[:4] == ["count-10", "model", "image-filter", "2,010"] for line in lines)


def test_a_builder_that_speaks_in_the_name_of_the_zoo_is_left_out(run_zoo: Any, fake_distribution: Any) -> None:
    lie = LYING.format(message={"parameters": "many", "problem": None})
    code = MODELS.replace('"os._exit(3)"', repr(lie))
    fake_distribution("zoo-a", code, files={"net.py": NET.format(log="/dev/null")})
    result = run_zoo("list", "count-*", "--max-parameters", "1M", "--json")
    assert {row["name"]: row["parameters"] for row in result.json} == COUNTS
    assert "count-exits (building it ends the process, disturbs it, or takes more than" in result.stderr


def test_what_is_known_is_not_counted_again(counted: Any, fake_distribution: Any, tmp_path: Path) -> None:
    builds = tmp_path / "builds"
    first = counted("1M", "--json")
    before = len(builds.read_text())
    assert counted("40", "--json").json == [row for row in first.json if row["parameters"] < 40]
    assert counted("1M", "--json").stderr == first.stderr  # failures are remembered for a while
    assert len(builds.read_text()) == before

    # A module that discovery never saw, changed without the folder knowing.
    net = counted.folder / "net.py"
    net.write_text(net.read_text().replace("nn.Linear(9,", "nn.Linear(19,"))
    changed = {row["name"]: row["parameters"] for row in counted("1M", "--json").json}
    assert changed == {name: number + 10 * (number - 10) // 20 for name, number in COUNTS.items()}


@pytest.mark.parametrize("content", [b"", b"{}", b"1 00000000\n{}", bytes(range(256))])
def test_damaged_memory_changes_no_answer(content: bytes, counted: Any, tmp_path: Path) -> None:
    env = {"ZOO_CACHE": str(tmp_path / "cache")}
    answer = counted("1M", "--json", env=env).json
    (file,) = (tmp_path / "cache").glob("parameters-*.json")
    file.write_bytes(content)
    assert counted("1M", "--json", env=env).json == answer


def test_other_filters_come_first(counted: Any, tmp_path: Path) -> None:
    result = counted("1M", "--exclude", "count-[enr]*", "--json")
    assert ([row["name"] for row in result.json], result.stderr) == (["count-2", "count-10"], "")
    assert len((tmp_path / "builds").read_text()) == 2


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("--max-parameters", "many"), "'many' is not a number of parameters\nHint: for example 300k, 5M, 1.5e6 or 7B"),
        (("--max-parameters", "0"), "'0' is not a number of parameters"),
        (("--max-parameters", "-5"), "'-5' is not a number of parameters"),
        (("--max-parameters", "1e999"), "is not a number of parameters"),
        (("datasets", "--max-parameters", "5M"), "--max-parameters is for models, not datasets"),
        (("runs", "--max-parameters", "5M"), "--max-parameters is for models, not runs"),
    ],
)
def test_typed_wrong(typed: tuple[str, ...], message: str, run_zoo: Any) -> None:
    result = run_zoo("list", *typed)
    assert (result.code, result.stdout) == (2, "")
    assert message in result.stderr


def test_numbers_as_people_write_them() -> None:
    typed = ["49", "300k", "5M", "1.5e6", "7B", "2G", " 1.5 m", "11_700_000", "11,700,000"]
    read = [49, 300_000, 5_000_000, 1_500_000, 7 * 10**9, 2 * 10**9, 1_500_000, 11_700_000, 11_700_000]
    assert [parse_count(text) for text in typed] == read


def test_without_torch_the_command_is_said(counted: Any, site: Path) -> None:
    (site / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    result = counted("5M")
    assert (result.code, result.stdout) == (1, "")
    assert "Error: counting parameters needs the package 'torch', which is not installed" in result.stderr
    assert f"Hint: {install_command('train')}" in result.stderr


def test_a_torch_that_ends_the_process_is_told(counted: Any, site: Path) -> None:
    (site / "torch.py").write_text("import os\nos._exit(1)\n")
    result = counted("5M")
    assert (result.code, result.stdout) == (1, "")
    assert "Error: the process that counts parameters cannot start\nHint: see zoo plugins\n" in result.stderr
