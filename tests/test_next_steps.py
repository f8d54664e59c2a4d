"""What a command says comes next can be typed as it stands, whatever the names are."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from onnx_files import write_digits

NAME = "it's mine"
PICTURE = next(Path(__file__).parents[1].glob("zoo_plugins/digits/samples/*.png"))


@pytest.mark.parametrize(
    ("arguments", "following"),
    [
        (("list", "runs"), ("export", NAME)),
        (("list", "exports"), ("verify", NAME)),
        (("eval", f"export:{NAME}"), ("predict", NAME, "PICTURE")),
        (("plot", f"export:{NAME}"), ("verify", NAME)),
        (("predict", f"exported/{NAME}/model.onnx", str(PICTURE)), ("verify", f"exported/{NAME}/model.onnx")),
        (("check", "filter-sobel", "--rule", "build*"), ("info", "model:filter-sobel")),
    ],
)
def test_names_are_quoted_for_the_shell(
    arguments: tuple[str, ...], following: tuple[str, ...], run_zoo: Any, tmp_path: Path
) -> None:
    write_digits(tmp_path, name=NAME)
    run = tmp_path / "runs" / NAME / "run.json"
    run.parent.mkdir(parents=True)
    run.write_text(json.dumps({"model": "lenet5", "dataset": "digits"}))
    done = run_zoo(*arguments)
    assert done.stdout, done.stderr
    assert shlex.split(done.stdout.splitlines()[-1]) == ["Next:", "zoo", *following]
