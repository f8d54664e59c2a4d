"""`zoo predict` of many files: folders, patterns, paths on standard input; the likeliest classes, tables of results."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mask_files import light_mask
from onnx_files import write_brightness
from PIL import Image

from zoo_core.commands import csv_cell
from zoo_core.errors import UsageError
from zoo_core.files import sha256_of
from zoo_core.runtime.running.model import open_model
from zoo_core.workflows.answers.predict import plan_predictions, predict


def grey(path: str, level: int = 255) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (6, 6), level).save(path)
    return Path(path)


@pytest.fixture
def album(here: Path) -> Path:
    write_brightness(here)
    for name in ("b.png", "a.png", "deep/er/c.png", "deep/d.jpg", ".hidden/e.png", "deep/.f.png"):
        grey(f"album/{name}")
    Path("album/notes.txt").write_text("no picture")
    return Path("album")


def inputs_of(*given: str, **more: Any) -> list[str]:
    return [row["input"] for row in predict("exported/brightness", inputs=given, **more)]


def test_a_folder_stands_for_all_that_is_below_it(album: Path) -> None:
    assert inputs_of("album") == ["album/a.png", "album/b.png", "album/deep/d.jpg", "album/deep/er/c.png"]


def test_what_is_no_plain_file_in_a_folder_is_not_read_and_told(album: Path) -> None:
    grey("secret/x.png")
    os.symlink("../secret", "album/way-out")
    os.symlink("../secret/x.png", "album/x.png")
    os.symlink("absent.png", "album/gone.png")
    os.symlink("round.png", "album/round.png")
    os.symlink("deep/d.jpg", "album/same.jpg")
    os.symlink("absent.txt", "album/notes-too.txt")
    os.mkfifo("album/pipe.png")
    wanted = {
        "album/a.png": "",
        "album/b.png": "",
        "album/gone.png": "is a link to nothing",
        "album/pipe.png": "is a device, pipe or socket, and is not read",
        "album/round.png": "is a link to nothing",
        "album/same.jpg": "",
        "album/way-out": "is a link that leads out of album",
        "album/x.png": "is a link that leads out of album",
        "album/deep/d.jpg": "",
        "album/deep/er/c.png": "",
    }
    for given in ("album", "album/**/*"):
        rows = {row["input"]: row.get("error", "") for row in predict("exported/brightness", inputs=[given])}
        assert set(rows) == set(wanted)
        for name, error in rows.items():
            assert wanted[name] in error
            assert bool(error) == bool(wanted[name])
    assert inputs_of("album/x.png") == ["album/x.png"]  # who names a link means it
    os.symlink("album", "linked")
    assert inputs_of("linked")[0] == "linked/a.png"


def test_an_empty_text_is_no_path(album: Path, run_zoo: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="an input is an empty text, and no path"):
        inputs_of("album", "")
    for words in (("album", ""), ("album", "--out", "")):
        done = run_zoo("predict", "brightness", *words)
        assert (done.code, done.stdout) == (2, "")
        assert "an empty text is no path; the current folder is a dot: ." in done.stderr


def test_an_out_that_cannot_be_a_file_is_refused_before_any_input_is_read(
    album: Path, run_zoo: Callable[..., Any]
) -> None:
    Path("folder.csv").mkdir()
    done = run_zoo("predict", "brightness", "album", "--out", "folder.csv")
    assert (done.code, done.stdout) == (2, "")
    assert "folder.csv is a folder, but a file of that name would be written" in done.stderr
    done = run_zoo("predict", "brightness", "album", "--out", "album/notes.txt/deep/r.csv")
    assert (done.code, done.stdout) == (2, "")
    assert "deep/r.csv cannot be written: album/notes.txt is a file, not a folder" in done.stderr


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("album/*.png", ["album/a.png", "album/b.png"]),
        ("album/**/*.png", ["album/a.png", "album/b.png", "album/deep/er/c.png"]),
        ("album/[ab].*", ["album/a.png", "album/b.png"]),
        ("album/d*", ["album/deep/d.jpg", "album/deep/er/c.png"]),
        ("alb?m/deep/d.jpg", ["album/deep/d.jpg"]),
        ("album/*", ["album/a.png", "album/b.png", "album/deep/d.jpg", "album/deep/er/c.png"]),
    ],
)
def test_patterns_in_quotes(pattern: str, found: list[str], album: Path, run_zoo: Callable[..., Any]) -> None:
    assert inputs_of(pattern) == found


def test_patterns_that_match_nothing_and_names_that_look_like_patterns(album: Path) -> None:
    (row,) = predict("exported/brightness", inputs=["album/*.gif"])
    assert (row["input"], row["error"].partition(" (")[0]) == ("album/*.gif", "no picture matches album/*.gif")
    assert inputs_of(str(grey("what[1].png"))) == ["what[1].png"]
    with pytest.raises(UsageError, match=r"the pattern 'album/\*\*.png' cannot be read"):
        inputs_of("album/**.png")
    (row,) = predict("exported/brightness", inputs=["a\0b"])
    assert row["error"] == "'a\\x00b' cannot be a path: it has a zero byte"


def test_a_folder_that_cannot_be_read_is_one_bad_input(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    Path("closed").mkdir(mode=0o000)
    rows = predict("exported/brightness", inputs=["closed", "album/a.png"])
    assert "cannot read folder closed: Permission denied" in rows[0]["error"]
    assert rows[1]["label"] == "bright"


def test_paths_on_standard_input(album: Path, run_zoo: Callable[..., Any]) -> None:
    done = run_zoo(
        "predict", "brightness", "-", "album/a.png", "--json", typed="album/b.png\r\n\nalbum/deep\nabsent.png\n"
    )
    assert done.code == 1
    assert [row["input"] for row in done.json] == [
        "album/b.png", "album/deep/d.jpg", "album/deep/er/c.png", "absent.png", "album/a.png"
    ]  # fmt: skip
    assert "No such file" in done.json[3]["error"]
    grey("two\nlines.png")
    Path("-").write_bytes(Path("album/a.png").read_bytes())
    named = run_zoo("predict", "brightness", "./-", "--json", typed="album/b.png\n")
    assert [row["input"] for row in named.json] == ["-"]
    Path("-").unlink()
    apart = run_zoo("predict", "brightness", "-", "--json", typed="two\nlines.png\0album/a.png\0")
    assert [row["input"] for row in apart.json] == ["two\nlines.png", "album/a.png"]
    nothing = run_zoo("predict", "brightness", "-", typed="\n")
    assert (nothing.code, nothing.stdout) == (2, "")
    assert "there is nothing to predict: no path came on standard input" in nothing.stderr


def test_files_below_folders_keep_their_place(here: Path) -> None:
    light_mask(here)
    for name in ("in/a/x.png", "in/b/x.png"):
        grey(name)
    for given in (["in"], ["in/**/*.png"]):
        rows = predict("exported/light", inputs=given, out="made")
        assert [row["file"] for row in rows] == ["made/a/x.mask.png", "made/b/x.mask.png"]
        assert all(Path(row["file"]).is_file() for row in rows)


def test_the_likeliest_classes(album: Path, run_zoo: Callable[..., Any]) -> None:
    done = run_zoo("predict", "brightness", "album/a.png", "album/b.png", "--top", "2", "--json")
    assert [list(row["probabilities"]) for row in done.json] == [["bright", "middle"]] * 2
    shown = run_zoo("predict", "brightness", "album/a.png", "album/b.png", "--top", "2").stdout.splitlines()
    assert [line.split()[:2] for line in shown[1:5]] == [
        [f"album/{name}.png", label] for name in "ab" for label in ("bright", "middle")
    ]
    assert run_zoo("predict", "brightness", "album/a.png", "--top", "0").code == 2
    many = run_zoo("predict", "brightness", "album/a.png", "--top", "9", "--json")
    assert len(many.json[0]["probabilities"]) == 3
    light_mask(album.parent)
    wrong = run_zoo("predict", "light", "album/a.png", "--top", "2")
    assert wrong.code == 2
    assert "--top is for tasks that give labels, and semantic-segmentation gives masks" in wrong.stderr


def test_results_in_a_table(album: Path, run_zoo: Callable[..., Any]) -> None:
    Path("album/b.png").write_bytes(b"")
    done = run_zoo("predict", "brightness", "album", "--top", "2", "--out", "made/results.csv")
    assert done.code == 1
    assert done.stdout == "3 of 4 predicted: made/results.csv\n\nNext: zoo verify exported/brightness/model.onnx\n"
    rows = list(csv.DictReader(io.StringIO(Path("made/results.csv").read_text())))
    assert list(rows[0]) == ["input", "label", "probability", "label_2", "probability_2", "error"]
    assert [row["label"] for row in rows] == ["bright", "", "bright", "bright"]
    assert float(rows[0]["probability"]) > float(rows[0]["probability_2"]) > 0
    assert rows[1]["error"].startswith("picture album/b.png is damaged: the file is empty")
    assert rows[1]["probability"] == rows[1]["label_2"] == ""
    printed = run_zoo("predict", "brightness", "album", "--out", "results.jsonl", "--json")
    assert [json.loads(line) for line in Path("results.jsonl").read_text().splitlines()] == printed.json


def test_rows_are_written_as_they_come_and_inputs_read_as_they_are_needed(here: Path) -> None:
    """What is held does not grow with the number of inputs: the first row comes at once, and none waits for many."""
    model = open_model(write_brightness(here))
    taken = 0

    def pictures() -> Iterator[Path]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield grey(f"{number % 5}.png")

    for count, prediction in enumerate(model.predictions(pictures())):
        assert prediction.index == count
        assert taken <= min(2 * count + 1, count + 16)
    assert count + 1 == 100
    for number in range(65):
        grey(f"many/{number:03}.png")
    rows = plan_predictions("exported/brightness", inputs=["many"], out="r.jsonl").rows()
    for count, _ in enumerate(rows, start=1):
        assert len(Path("r.jsonl").read_text().splitlines()) == count
    assert count == 65


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_done_is_kept_when_it_is_stopped(number: signal.Signals, here: Path) -> None:
    write_brightness(here)
    grey("a.png")
    results = Path("r.csv")
    with subprocess.Popen(
        [sys.executable, "-m", "zoo_core", "predict", "brightness", "-", "--out", "r.csv"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write("a.png\n" * 100_000)
        process.stdin.close()
        while process.poll() is None and not (results.exists() and results.stat().st_size > 1000):
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(timeout=60) == 128 + number
        said = process.stderr.read() if process.stderr else ""
    text = results.read_text()
    header, *rows = csv.reader(io.StringIO(text))
    assert text.endswith("\n")
    assert all(len(row) == len(header) and row[:2] == ["a.png", "bright"] for row in rows)
    assert 10 < len(rows) < 100_000
    assert f"{len(rows):,} rows of 100,000 inputs in r.csv" in said


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum"])
def test_texts_that_a_spreadsheet_would_compute_are_quoted(text: str) -> None:
    assert csv_cell(text) == f"'{text}"


def test_labels_and_names_in_a_table_are_no_formulas(here: Path) -> None:
    write_brightness(here, labels=("=cmd()", "@x", "-2+3"))
    assert [csv_cell(text) for text in ("", "a=b", "1.5")] == ["", "a=b", "1.5"]
    grey("=evil.png")
    predict("exported/brightness", inputs=["=evil.png"], out="r.csv", top=3)
    (row,) = csv.DictReader(io.StringIO(Path("r.csv").read_text()))
    assert row["input"] == "'=evil.png"
    assert {row["label"], row["label_2"], row["label_3"]} == {"'=cmd()", "'@x", "'-2+3"}
    assert float(row["probability"]) > 0


def test_a_name_that_is_no_text_stays_readable_in_results(here: Path) -> None:
    write_brightness(here)
    name = os.fsdecode(b"a\xff.png")
    grey(name)
    predict("exported/brightness", inputs=[name], out="r.jsonl")
    assert json.loads(Path("r.jsonl").read_text())["input"] == "a\\udcff.png"  # half a character is no JSON


def test_results_that_cannot_be_written(album: Path) -> None:
    Path("file").write_text("x")
    with pytest.raises(Exception, match=r"file/r.csv cannot be written: file is a file, not a folder"):
        predict("exported/brightness", inputs=["album"], out="file/r.csv")
    Path("folder.csv").mkdir()
    with pytest.raises(UsageError, match=r"folder.csv is a folder, but a file of that name would be written"):
        predict("exported/brightness", inputs=["album"], out="folder.csv")


def test_a_report_of_another_file_is_told_of(run_zoo: Callable[..., Any], here: Path) -> None:
    file = write_brightness(here)
    grey("a.png")
    report = file.with_name("report.json")
    for text, warned in (
        (json.dumps({"files": {"model.onnx": "0" * 64}}), True),
        (json.dumps({"outcome": "verified", "files": {"model.onnx": sha256_of(file)}}), False),
    ):
        report.write_text(text)
        done = run_zoo("predict", "brightness", "a.png", "--json")
        assert done.code == 0
        said = "Warning: exported/brightness/report.json is about another model.onnx: the file has changed since it"
        assert (said in done.stderr) == warned
    shutil.copy(file, "bare.onnx")
    assert run_zoo("predict", "bare.onnx", "a.png").stderr == ""


def test_no_two_names_are_the_same_in_a_file_of_results(here: Path) -> None:
    write_brightness(here)
    names = [
        "n\nl.png",
        "n l.png",
        "n\tl.png",
        "n\\nl.png",
        "n\\\\nl.png",
        "=n.png",
        "'=n.png",
        "n\udcff.png",
        "n\\udcff.png",
    ]
    for name in names:
        grey(name)
    predict("exported/brightness", inputs=names, out="r.csv")
    written = [row["input"] for row in csv.DictReader(io.StringIO(Path("r.csv").read_text("utf-8")))]
    assert len(set(written)) == len(names)
    assert all(name.isprintable() for name in written)
    assert written[:2] == ["n\\nl.png", "n l.png"]
    predict("exported/brightness", inputs=names, out="r.jsonl")
    lines = [json.loads(line)["input"] for line in Path("r.jsonl").read_bytes().split(b"\n")[:-1]]
    assert len(set(lines)) == len(names)
    assert lines[0] == names[0]
    assert lines[-2:] == ["n\\udcff.png", "n\\\\udcff.png"]
    assert all(name.encode("utf-8") for name in lines)  # half a character has no UTF-8
