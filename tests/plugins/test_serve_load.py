"""`zoo serve` under load: no answer is wrong, whoever is refused, killed or left, and memory stays where it is."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from serve_load import CLIENT, load, resident, write_known
from serving import SAMPLE, serving


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_known(tmp_path_factory.mktemp("known") / "known.npz")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_answers_are_those_of_each_row_by_itself(tmp_path: Path, known: Path, form: tuple[str, ...]) -> None:
    with serving(SAMPLE, "--trusted", cwd=tmp_path) as running:
        told = load(running, known, "--requests", "600", *form)
    assert (told["right"], told["wrong"], told["errors"]) == (600, 0, {})


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_20_000_requests_of_64_clients_are_answered_rightly_or_refused_and_then_rightly(
    tmp_path: Path, known: Path
) -> None:
    with serving(SAMPLE, "--trusted", "--queue", "24", cwd=tmp_path) as running:
        told = load(running, known, "--requests", "20000")
        assert running.end()[0] == 0
    assert (told["right"], told["wrong"], told["errors"]) == (20_000, 0, {})
    assert told["refused"] > 0


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_memory_is_flat_over_100_000_requests(tmp_path: Path, known: Path) -> None:
    with serving(SAMPLE, "--trusted", cwd=tmp_path) as running:
        load(running, known, "--requests", "20000")  # until every buffer has its size
        before = resident(running)
        told = load(running, known, "--requests", "100000")
        after = resident(running)
    assert (told["right"], told["wrong"]) == (100_000, 0)
    assert after - before < 8_000_000  # 80 bytes a request would be seen


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
def test_clients_of_a_server_that_is_killed_see_errors_and_no_wrong_answer(
    tmp_path: Path, known: Path, seconds: float
) -> None:
    with serving(SAMPLE, cwd=tmp_path) as running:
        command = [sys.executable, str(CLIENT), running.place, str(known), "--requests", "1000000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as clients:
            time.sleep(seconds)
            running.process.kill()
            text, _ = clients.communicate(timeout=60)
    assert '"wrong": 0' in text
    assert '"errors": {}' not in text
