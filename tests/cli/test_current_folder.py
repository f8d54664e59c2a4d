"""`python -m zoo_core` in a folder of somebody's files, which Python would take for modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = (("--version",), ("list", "models", "lenet5"), ("plugins",), ("verify", "absent.onnx"))


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_module_is_taken_from_the_current_folder(arguments: tuple[str, ...], tmp_path: Path) -> None:
    for name in (
        "json",
        "typing",
        "re",
        "signal",
        "click",
        "rich",
        "pluggy",
        "numpy",
        "onnxruntime",
        "torch",
        "zoo_new",
    ):
        tmp_path.joinpath(f"{name}.py").write_text(f"raise SystemExit('taken: {name}')\n")
    command = [sys.executable, "-m", "zoo_core", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == (2 if "verify" in arguments else 0), done.stderr
    assert "taken" not in done.stdout + done.stderr
