"""A temporary folder that is full, or that there is none of: the machine's fault, told as that, and no verdict."""

from __future__ import annotations

import resource
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from onnx import TensorProto, helper
from onnx_files import graph_model
from warm import PROGRAM, run_code

EXPORT = Path(__file__).parents[2] / "exported" / "lenet5-digits"
FULL = "Error: cannot write to the temporary folder {}: "
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")


def full_folder(place: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """A command whose temporary folder, at `place`, is a file system of 64 kB: what a full disk is."""
    place.mkdir()
    if (
        shutil.which("unshare") is None
        or subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("file systems cannot be mounted here")
    script = 'mount -t tmpfs -o size=64k none "$0" && TMPDIR="$0" exec "$@"'
    return subprocess.run(
        [*UNSHARE, "sh", "-c", script, place, *command], cwd=place.parent, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", EXPORT),
        pytest.param(("verify", EXPORT, "--mutants"), marks=pytest.mark.slow),
        pytest.param(("export", "lenet5"), marks=pytest.mark.slow),
        pytest.param(("check", "lenet5", "--rule", "weights-survive-saving"), marks=pytest.mark.slow),
    ],
    ids=lambda arguments: " ".join(map(str, arguments[:1] + arguments[2:])),
)
def test_a_full_temporary_folder_is_no_verdict(arguments: tuple[str | Path, ...], tmp_path: Path) -> None:
    done = full_folder(tmp_path / "full", PROGRAM, *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert lines[-2].startswith(FULL.format(tmp_path / "full")), done.stderr
    assert lines[-1] == "Hint: free some space there, or choose another folder: TMPDIR=DIR"
    assert "failed" not in done.stdout


@pytest.mark.parametrize("arguments", [("verify", EXPORT)])
def test_no_temporary_folder_at_all_is_no_verdict(arguments: tuple[str | Path, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),  # no file at all can be written
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("Error: no temporary folder can be made: No usable temporary directory found")
    assert done.stdout == ""


CHILD = """
import resource
import shlex
from pathlib import Path
import numpy as np
from zoo_core.errors import TemporaryFolderError
from zoo_core.verification.subject.subject import Group, run_subject

resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
group = Group(name="rows", inputs={"x": np.zeros((2, 1), np.float32)}, batches=[range(2)])
try:
    run_subject(Path("wide.onnx"), [group])
except TemporaryFolderError as error:
    print(error.message)
"""


def test_a_child_without_room_for_its_results_says_nothing_of_the_file(tmp_path: Path) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])
    times = helper.make_tensor("times", TensorProto.INT64, [2], [1, 100_000])
    wide = graph_model([helper.make_node("Tile", ["x", "times"], ["y"])], inputs=[x], tensors=[times])
    tmp_path.joinpath("wide.onnx").write_bytes(wide.SerializeToString())
    done = run_code(CHILD, cwd=tmp_path)
    assert done.stdout.startswith("cannot write to the temporary folder "), done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device")
@pytest.mark.parametrize("words", ["zoo list", "zoo list --json", "zoo info lenet5"])
def test_a_result_that_cannot_be_written_is_told_as_that(words: str, tmp_path: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -P -m zoo_core {words.removeprefix('zoo ')} > /dev/full"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    assert done.returncode == 1
    assert done.stderr == ("Error: cannot write: No space left on device\nHint: free some space, or write elsewhere\n")
