"""`zoo predict --out RESULTS --resume`: what was stopped goes on, and gives the same file to the byte."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from mask_files import light_mask, two_outputs
from number_models import mean_sign
from onnx_files import brightness_metadata, brightness_model, write_brightness, write_model
from PIL import Image

from zoo_core import Preprocess, Recipe, TensorSpec
from zoo_core.errors import MissingExtraError, UsageError
from zoo_core.recipes import learning, load_recipe
from zoo_core.workflows.answers.predict import predict

LINES = ("csv", "jsonl")
FORMS = (*LINES, "parquet")


@pytest.fixture
def album(here: Path) -> Path:
    """Pictures of noise, one that is damaged, and a model of random weights, whose last bits depend on its batches."""
    metadata = brightness_metadata(
        inputs={"image": TensorSpec("N", 1, 28, 28)}, preprocess=Preprocess(color="L", mean=(0.5,), std=(0.5,))
    )
    write_model(here / "exported/noise/model.onnx", brightness_model(side=28, seed=1), metadata)
    dice = np.random.default_rng(0)
    for number in range(40):
        noise(Path(f"album/{number:02}.png"), dice)
    Path("album/05.png").write_bytes(b"no picture")
    return Path("album")


def noise(path: Path, dice: np.random.Generator) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(dice.integers(0, 256, (28, 28), np.uint8)).save(path)


def whole(album: Path, form: str, **more: Any) -> bytes:
    """What one call writes without being stopped."""
    predict("exported/noise", inputs=[album], out=f"whole.{form}", **more)
    return Path(f"whole.{form}").read_bytes()


def stopped(content: bytes, form: str) -> Path:
    """A file of results as it was left by a call that was stopped."""
    shutil.copy(f".whole.{form}.made-by.json", f".r.{form}.made-by.json")
    path = Path(f"r.{form}")
    path.write_bytes(content)
    return path


def resumed(*inputs: Path | str, form: str = "csv", **more: Any) -> list[dict[str, Any]]:
    return predict("exported/noise", inputs=inputs, out=f"r.{form}", resume=True, **more)


def started(names: Sequence[str], form: str) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "zoo_core", "predict", "noise", "-", "--out", f"r.{form}", "--resume"]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("\n".join(names).encode())
    process.stdin.close()
    return process


@pytest.mark.parametrize("form", [FORMS[0], *(pytest.param(form, marks=pytest.mark.slow) for form in FORMS[1:])])
def test_stopped_again_and_again_it_ends_with_the_file_of_a_call_that_was_not(form: str, album: Path) -> None:
    """Ctrl-C, kill and kill -9, each in the middle of what the one before has left."""
    names = [str(path) for path in sorted(album.iterdir())] * 50
    predict("exported/noise", inputs=names, out=f"whole.{form}")
    rows = Path(".r.parquet.rows" if form == "parquet" else f"r.{form}")
    for number in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        before = rows.stat().st_size if rows.exists() else 0
        with started(names, form) as process:
            while process.poll() is None and (rows.stat().st_size if rows.exists() else 0) < before + 1_000:
                time.sleep(0.005)
            process.send_signal(number)
            said = process.stderr.read().decode() if process.stderr else ""
        assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
        assert rows.read_bytes().endswith(b"\n")
        assert ("--resume goes on" in said) == (number != signal.SIGKILL)
        assert not Path("r.parquet").exists()
    with started(names, form) as process:
        assert process.wait() == 1  # the damaged picture
    assert Path(f"r.{form}").read_bytes() == Path(f"whole.{form}").read_bytes()
    assert [path.name for path in Path().glob(".r.*")] == [f".r.{form}.made-by.json"]


@pytest.mark.parametrize("form", LINES)
def test_a_last_line_that_was_cut_off_is_written_again(form: str, album: Path) -> None:
    content = whole(album, form)
    for end in [*range(0, len(content), 97), len(content) - 1, len(content)]:
        path = stopped(content[:end], form)
        resumed(album, form=form)
        assert path.read_bytes() == content


def test_what_has_an_answer_is_not_read_again_and_what_has_none_is_tried_again(album: Path) -> None:
    content = whole(album, "csv")
    path = stopped(content, "csv")
    rows = resumed(album)
    assert [row["input"] for row in rows] == ["album/05.png"]
    assert "is not a PNG" in rows[0]["error"]
    assert path.read_bytes() == content
    noise(Path("album/05.png"), np.random.default_rng(5))
    (row,) = resumed(album)
    assert "error" not in row
    lines, before = path.read_bytes().splitlines(), content.splitlines()
    assert [place for place, line in enumerate(lines) if line != before[place]] == [6]  # in its place
    assert resumed(album) == []


@pytest.mark.parametrize("form", FORMS)
def test_inputs_that_are_new_come_after_those_that_are_there(form: str, album: Path, zoo_here: Any) -> None:
    whole(album, form)
    stopped(Path(f"whole.{form}").read_bytes(), form)
    noise(Path("album/00b.png"), np.random.default_rng(5))
    Path("album/05.png").unlink()
    done = zoo_here("predict", "noise", album, "--out", f"r.{form}", "--resume")
    assert done.stdout.startswith(f"1 of 1 predicted, and 40 rows were there: r.{form}\n")
    names = [row["input"] for row in rows_of(Path(f"r.{form}"))]
    assert names == [*(f"album/{number:02}.png" for number in range(40)), "album/00b.png"]


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    header, *lines = path.read_text().splitlines()
    return [dict(zip(header.split(","), line.split(","), strict=False)) for line in lines]


def test_a_file_of_parquet(album: Path) -> None:
    told = predict("exported/noise", inputs=[album], out="r.parquet", top=2)
    table = pyarrow.parquet.read_table("r.parquet")
    assert {field.name: str(field.type) for field in table.schema} == {
        "input": "string", "label": "string", "probability": "double", "label_2": "string", "probability_2": "double",
        "error": "string",
    }  # fmt: skip
    for row, wanted in zip(table.to_pylist(), told, strict=True):
        assert row["input"] == wanted["input"]
        assert (row["label"], row["probability"]) == (wanted.get("label"), wanted.get("probability"))
        assert row["error"] == wanted.get("error")
    light_mask(Path())
    predict("exported/light", inputs=["album/00.png"], out="masks.parquet")
    assert pyarrow.parquet.read_table("masks.parquet").to_pylist() == [
        {"input": "album/00.png", "file": "00.mask.png", "shape": [28, 28], "picture": None, "error": None}
    ]


def test_parquet_without_pyarrow_says_what_to_install(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"writing r\.parquet needs the package 'pyarrow'"):
        predict("exported/noise", inputs=[album], out="r.parquet")


@pytest.mark.parametrize("form", FORMS)
def test_nobody_goes_on_with_another_model_or_other_options(form: str, album: Path, zoo_here: Any) -> None:
    whole(album, form)
    stopped(Path(f"whole.{form}").read_bytes(), form)
    write_brightness(Path())
    other = zoo_here("predict", "brightness", album, "--out", f"r.{form}", "--resume")
    assert other.code == 2
    assert f"r.{form} was made by another model, says .r.{form}.made-by.json" in other.stderr
    with pytest.raises(UsageError, match=r"was made without --top, not with --top 2"):
        resumed(album, form=form, top=2)
    Path(f".r.{form}.made-by.json").unlink()
    with pytest.raises(UsageError, match=rf"nothing says which model made r\.{form}"):
        resumed(album, form=form)
    assert Path(f"r.{form}").read_bytes() == Path(f"whole.{form}").read_bytes()


def test_what_cannot_go_on(album: Path, zoo_here: Any) -> None:
    for out in ((), ("--out", "masks"), ("--out", "r.npz")):
        done = zoo_here("predict", "noise", album, "--resume", *out)
        assert done.code == 2
    content = whole(album, "csv")
    header = content.partition(b"\n")[0]
    for other, why in (
        (b"a,b\n1,2\n", "first line"),
        (header + b"\nx,y\n", "row 1"),
        (header + b'\n"x\n', "row 1"),
    ):
        stopped(other, "csv")
        with pytest.raises(UsageError, match=f"r.csv does not hold results of this model: .*{why}"):
            resumed(album)
        assert Path("r.csv").read_bytes() == other
    Path("r.csv").unlink()
    os.mkfifo("r.csv")
    with pytest.raises(UsageError, match=r"r\.csv is no plain file"):
        resumed(album)


def test_where_rows_cannot_be_written_any_more(album: Path, zoo_here: Any) -> None:
    os.symlink("/dev/full", "full.csv")
    done = zoo_here("predict", "noise", album, "--out", "full.csv")
    assert done.code == 1
    assert "Error: cannot write full.csv: No space left on device" in done.stderr
    os.mkfifo("pipe.jsonl")
    with subprocess.Popen(["head", "-c", "1", "pipe.jsonl"], stdout=subprocess.DEVNULL):
        done = zoo_here("predict", "noise", *[album] * 200, "--out", "pipe.jsonl")
    assert done.code == 1
    assert "Error: cannot write pipe.jsonl: Broken pipe" in done.stderr
    assert not list(Path().glob(".pipe*"))


def test_two_processes_do_not_write_the_same_file(album: Path) -> None:
    content = whole(album, "csv")
    path = stopped(content[:200], "csv")
    with path.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for resume in (True, False):
            with pytest.raises(UsageError, match=r"r\.csv is being written by another process"):
                predict("exported/noise", inputs=[album], out="r.csv", resume=resume)
    assert path.read_bytes() == content[:200]


def test_files_of_several_samples(here: Path) -> None:
    mean_sign(here, 3)
    dice = np.random.default_rng(0)
    for name, rows in (("a", 30), ("b", 1), ("c", 25)):
        np.savetxt(f"{name}.csv", dice.normal(size=(rows, 3)), delimiter=",")
    export = next(Path("exported").iterdir())
    inputs = ["a.csv", "b.csv", "c.csv"]
    predict(export, inputs=inputs, out="whole.csv")
    content = Path("whole.csv").read_bytes()
    for end in range(0, len(content), 131):
        path = stopped(content[:end], "csv")
        predict(export, inputs=inputs, out="r.csv", resume=True)
        assert path.read_bytes() == content
    stopped(content, "csv")
    with pytest.raises(UsageError, match=r"r\.csv has a row of a\.csv\[0\], which is none of these inputs"):
        predict(export, inputs=["c.csv"], out="r.csv", resume=True)
    damaged = Path("b.csv").read_bytes()
    Path("b.csv").write_text("x,y,z\nno,number,here\n")
    predict(export, inputs=inputs, out="whole.csv")
    stopped(Path("whole.csv").read_bytes(), "csv")
    Path("b.csv").write_bytes(damaged)
    predict(export, inputs=inputs, out="r.csv", resume=True)
    assert Path("r.csv").read_bytes() == content


def test_rows_of_tables_that_a_recipe_reads(here: Path) -> None:
    """A row that is damaged is done again, and so is every one after it."""
    known = [{"size": str(number), "age": "1"} for number in range(5)]
    recipe = learning(load_recipe(Recipe("table", source="row")), known).recipe
    export = mean_sign(here, 2, recipes={"x": recipe})
    Path("a.csv").write_text("age,size\n" + "".join(f"{number},{number % 5}\n" for number in range(40)))
    Path("b.csv").write_text("age,size\n1,2\n1\n2,3\n")
    predict(export, inputs=["a.csv", "b.csv", "a.csv"], out="whole.jsonl")
    content = Path("whole.jsonl").read_bytes()
    assert content.count(b"\n") == 83
    for end in range(0, len(content), 997):
        path = stopped(content[:end], "jsonl")
        rows = predict(export, inputs=["a.csv", "b.csv", "a.csv"], out="r.jsonl", resume=True)
        assert path.read_bytes() == content
        assert len(rows) == 83 - min(41, content[:end].count(b"\n"))


def test_samples_of_several_lines_are_whole(here: Path) -> None:
    """Of a model with two outputs a sample has two lines; one of them alone is none."""
    export = two_outputs(here).parent
    inputs = []
    for number in range(5):
        noise(Path(f"{number}.png"), np.random.default_rng(number))
        inputs.append(f"{number}.png")
    predict(export, inputs=inputs, out="whole.jsonl")
    content = Path("whole.jsonl").read_bytes()
    assert content.count(b"\n") == 10
    for end in range(0, len(content), 61):
        path = stopped(content[:end], "jsonl")
        predict(export, inputs=inputs, out="r.jsonl", resume=True)
        assert path.read_bytes() == content


def test_a_column_that_ends_in_a_number_has_its_values(here: Path, zoo_here: Callable[..., Any]) -> None:
    np.savetxt("a.csv", np.ones((2, 2)), delimiter=",")
    mean_sign(here, 2, task="regression", labels=("flow_1", "flow_2"))
    predict(next(Path("exported").iterdir()), inputs=["a.csv"], out="r.csv")
    for row in rows_of(Path("r.csv")):
        assert row["flow_1"]
        assert row["flow_2"]


def test_a_beginning_is_said_where_there_is_nothing_to_go_on_with(album: Path, run_zoo: Callable[..., Any]) -> None:
    words = ("predict", "noise", album / "00.png", "--out", "many.csv", "--resume")
    first, second = run_zoo(*words), run_zoo(*words)
    told = "many.csv is not there: nothing was predicted before, and this begins with the first input"
    assert (first.code, told in first.stderr, told in second.stderr) == (0, True, False), first.stderr


def test_answers_of_fresh_weights_are_told_to_mean_nothing(here: Path, run_zoo: Callable[..., Any]) -> None:
    write_brightness(here, untrained=True)
    noise(Path("album/00.png"), np.random.default_rng(0))
    done = run_zoo("predict", "brightness", "album/00.png")
    assert "Warning: brightness is untrained: its weights are fresh, and its answers mean nothing" in done.stderr


def test_an_export_behind_its_inputs_is_told(album: Path, run_zoo: Callable[..., Any]) -> None:
    done = run_zoo("predict", "album", "noise")
    assert (done.code, "Hint: the export comes first: zoo predict noise album" in done.stderr) == (2, True), done.stderr
    assert "comes first" not in run_zoo("predict", "album", "album/00.png").stderr
