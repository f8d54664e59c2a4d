"""For the tests of a plugin: the rules of conformance as a pytest test, and the fixture `tmp_zoo`.

    from zoo_core.testing import conformance

    test_conformance = conformance("my-plugin")

Installed as a pytest plugin; it imports nothing of the zoo until a test asks for it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from zoo_core.checks import Check
    from zoo_core.registry import Zoo

__all__ = ["TmpZoo", "conformance"]


def conformance(
    name: str,
    *,
    options: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    only: tuple[str, ...] = (),
    download: bool = False,
) -> Callable[[Check], None]:
    """A test function that looks at every rule for a plugin and all that it offers, one test case a rule.

    `name`: an entry point, distribution, id, or the name of one model, dataset, trainer, task or recipe. `options` are
    builder options, `data` dataset options, where there is one thing that they can be for; `only`: patterns of rules;
    `download`: fetch a dataset that is not on the disk. A declared failure (`expected_failures`) is an xfail. Raises
    UsageError when nothing of that name is installed.

    The rules are looked at in the process of pytest, where a debugger reaches them: a plugin that crashes or hangs does
    the same to pytest, and one that calls `os._exit(0)` ends it with exit code 0, whatever was found. `zoo check` looks
    at them in a process of its own, and finds that.
    """
    from zoo_core.checks import CheckOptions, checks_of
    from zoo_core.registry import open_zoo

    given = CheckOptions(options=options or {}, data=data or {}, only=only, download=download)
    checks = checks_of(open_zoo(), name, given)
    cases = [pytest.param(each, id=f"{each.candidate.shown.replace(' ', ':', 1)}-{each.rule.name}") for each in checks]

    @pytest.mark.parametrize("check", cases)
    def test_conformance(check: Check) -> None:
        finding = check.run()
        if finding.expected:
            pytest.xfail(finding.detail)
        if finding.outcome == "skipped":
            pytest.skip(finding.detail)
        if finding.outcome == "failed":
            pytest.fail(f"{finding.subject}: {finding.detail}\nThe rule: {check.rule.why}", pytrace=False)

    return test_conformance


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command of `zoo` left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """stdout as JSON. Fails the test, with everything that was printed, if it is none."""
        try:
            return json.loads(self.stdout)
        except ValueError:
            return pytest.fail(f"no JSON on stdout, exit code {self.code}:\n{self.stdout}\n{self.stderr}")


@dataclass(frozen=True, kw_only=True)
class TmpZoo:
    """The zoo in a folder of the test's own: `runs/` and `exported/` are made there."""

    folder: Path

    def run(self, *arguments: str | Path, timeout: float = 600) -> Done:
        """`zoo ARGUMENTS...` in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "zoo_core", *map(str, arguments)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        return Done(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def open(self) -> Zoo:
        """The catalogue of what is installed, in this process."""
        from zoo_core.registry import open_zoo

        return open_zoo()


@pytest.fixture
def tmp_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TmpZoo:
    """The zoo in an empty folder, which is the current one while the test runs."""
    monkeypatch.chdir(tmp_path)
    return TmpZoo(folder=tmp_path)
