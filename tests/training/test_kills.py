"""A training that is killed at random moments ends as one that nobody disturbed: the table of benchmarks/kills.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kills.py"


@pytest.mark.slow
@pytest.mark.timeout(1200)  # nine whole processes with PyTorch
def test_every_killed_training_ends_with_the_same_bits() -> None:
    command = [sys.executable, SCRIPT, "--kills", "4", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    assert [line.split("|")[1].strip() for line in lines[1:]] == ["1", "2", "3", "4"]
    assert all("| bit-equal | equal | equal |" in line for line in lines[1:])
    assert "4 of 4 ended as the training that nobody disturbed did" in done.stdout
