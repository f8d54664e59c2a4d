"""What authors use in their own tests: the fixture `tmp_zoo`, and `conformance` as a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from broken_plugins import MODEL, Break, broken
from rule_breaks import MODELS
from warm import run_code

from zoo_core.errors import UsageError
from zoo_core.testing import TmpZoo, conformance

SUITE = """
from zoo_core.testing import conformance

test_conformance = conformance("tried", only=("stays-finite", "keeps-no-hidden-tensors", "commands-have-help"))
"""


def test_a_folder_with_the_zoo_in_it(tmp_zoo: TmpZoo, tmp_path: Path) -> None:
    assert Path.cwd() == tmp_zoo.folder == tmp_path
    assert {row["name"] for row in tmp_zoo.run("list", "trainers", "--json").json} == {"supervised"}
    assert tmp_zoo.open().model("lenet5").name == "lenet5"
    missing = tmp_zoo.run("info", "lenet6")
    assert (missing.code, missing.stdout) == (2, "")
    with pytest.raises(pytest.fail.Exception, match="no JSON on stdout, exit code 2"):
        _ = missing.json


def test_a_name_that_is_not_installed_is_told_when_tests_are_collected() -> None:
    with pytest.raises(UsageError, match="there is no plugin and no model called 'nothing'"):
        conformance("nothing")


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("fault", "expected", "words"),
    [
        (None, {"passed": 2, "skipped": 1}, ""),
        (MODELS["keeps-no-hidden-tensors"], {"passed": 1, "failed": 1, "skipped": 1}, "sizes is a plain tensor"),
        (
            Break(old='license="MIT",', new='license="MIT", expected_failures={"stays-finite": "as published"},'),
            {"passed": 1, "failed": 1, "skipped": 1},
            "take it out",
        ),
    ],
    ids=["healthy", "broken", "declared in vain"],
)
def test_each_rule_is_a_test_case(
    fault: Break | None, expected: dict[str, int], words: str, fake_distribution: Any, site: Path, tmp_path: Path
) -> None:
    files = MODEL if fault is None else broken(MODEL, fault)
    fake_distribution("zoo-tried", files=files, entries={"tried": "zoo_tried"})
    tmp_path.joinpath("test_tried.py").write_text(SUITE)
    code = "import pytest; raise SystemExit(pytest.main(['-q', '-p', 'no:cacheprovider', 'test_tried.py']))"
    done = run_code(code, cwd=tmp_path, site=site)
    assert done.code == (1 if "failed" in expected else 0), done.stdout + done.stderr
    summary = done.stdout.strip().splitlines()[-1]
    assert all(f"{count} {outcome}" in summary for outcome, count in expected.items()), summary
    assert words in done.stdout
