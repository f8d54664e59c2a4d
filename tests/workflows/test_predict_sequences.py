"""`zoo predict` of sequences: tables and drawings, and files that are no sequences."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mask_files import high_sequence
from picture_files import pixels_of

from zoo_core import TensorSpec, ZooError
from zoo_core.runtime.running.sequences import read_sequence, sequence_input
from zoo_core.workflows.answers.predict import predict


def write_wave(path: str, *, length: int = 40, channels: int = 1) -> np.ndarray:
    values = np.zeros((length, channels), np.float32)
    values[10:15, 0] = 1.5
    text = "\n".join(",".join(f"{value:.3f}" for value in row) for row in values)
    Path(path).write_text(text + "\n")
    return values


def test_a_sequence_gives_a_table_and_a_drawing(here: Path) -> None:
    high_sequence(here)
    write_wave("wave.csv")
    (answer,) = predict("exported/high", inputs=["wave.csv"])
    assert answer == {"input": "wave.csv", "file": "wave.mask.csv", "shape": [40], "picture": "wave.mask.png"}
    lines = Path("wave.mask.csv").read_text().splitlines()
    assert lines[0] == "value,probability,class"
    assert lines[1].split(",") == ["0.0", f"{1 / (1 + np.exp(-4)):.6f}", "0"]
    assert [line.endswith(",1") for line in lines[1:]] == [10 <= place < 15 for place in range(40)]
    assert pixels_of("wave.mask.png").shape[1] > 500
    first = Path("wave.mask.png").read_bytes()
    predict("exported/high", inputs=["wave.csv"])
    assert Path("wave.mask.png").read_bytes() == first


def test_several_channels_arrays_and_a_line_of_names(here: Path) -> None:
    high_sequence(here, channels=2)
    values = write_wave("wave.csv", channels=2)
    Path("named.csv").write_text("\ufefffirst,second\r\n" + Path("wave.csv").read_text().replace("\n", "\r\n"))
    np.save("wave.npy", values.astype(np.float64))
    made = []
    for name in ("wave.csv", "named.csv", "wave.npy"):
        predict("exported/high", inputs=[name], out="out.csv")
        made.append(Path("out.csv").read_text())
    assert made[0].splitlines()[0] == "value_1,value_2,probability,class"
    assert made[0] == made[1] == made[2]
    (answer,) = predict("exported/high", inputs=["wave.npy"], out="mask.npy")
    assert answer == {"input": "wave.npy", "file": "mask.npy", "shape": [40]}
    assert np.flatnonzero(np.load("mask.npy")).tolist() == [10, 11, 12, 13, 14]


def test_a_folder_of_sequences_of_different_lengths(here: Path) -> None:
    high_sequence(here)
    Path("waves").mkdir()
    for length in (20, 30):
        write_wave(f"waves/{length}.csv", length=length)
    Path("waves/notes.txt").write_text("no sequence")
    assert [answer["shape"] for answer in predict("exported/high", inputs=["waves"], out="made")] == [[20], [30]]


def test_without_matplotlib_there_is_only_the_table(here: Path) -> None:
    high_sequence(here)
    write_wave("wave.csv")
    code = (
        "import sys; sys.modules['matplotlib'] = sys.modules['torch'] = None; sys.argv[0] = 'zoo'; "
        "from zoo_core.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "predict", "high", "wave.csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = "the sequences are not drawn: that needs matplotlib, which is not installed: pip install "
    assert (done.returncode, done.stderr.count(told), len(done.stderr.splitlines())) == (0, 1, 1)
    assert done.stdout.splitlines()[1].split() == ["wave.csv", "40", "wave.mask.csv"]
    assert Path("wave.mask.csv").exists()
    assert not Path("wave.mask.png").exists()
    numbers = subprocess.run([*command, "--out", "wave.npy"], capture_output=True, text=True, check=False)
    assert (numbers.returncode, numbers.stderr) == (0, "")  # which are never drawn


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "a.csv cannot be read: there are no numbers in it"),
        ("a.csv", b"x,y\n", "a.csv cannot be read: there are no numbers in it"),
        ("a.csv", b"1\n2\nthree\n", "a.csv cannot be read: row 3 holds 'three', which is not a number"),
        ("a.csv", b"1\n1_0\n", "row 2 holds '1_0', which is not a number"),
        ("a.csv", b"1\n2,3\n", "a.csv cannot be read: row 2 has 2 columns, those before it 1"),
        ("a.csv", b"1\nnan\n", "a.csv cannot be read: row 2, column 1 is not a finite number"),
        ("a.csv", b"\xff\xfe1\n", "a.csv cannot be read: 'utf-8' codec can't decode"),
        ("a.csv", b"1,2\n3,4\n", "a.csv has the shape (2, 2), and the model takes (N, 1, L)"),
        ("a.npy", b"1\n2\n", "a.npy is not what its name says: it is not a .npy file"),
        ("a.npy", b"\x93NUMPY\x01\x00", "a.npy cannot be read: "),
        ("a.txt", b"1\n2\n", "a.txt is not a file of numbers that is read here"),
        ("b.png", b"1\n2\n", "b.png is not a file of numbers that is read here"),
    ],
)
def test_sequences_that_cannot_be_read(name: str, content: bytes, words: str, here: Path) -> None:
    high_sequence(here)
    Path(name).write_bytes(content)
    (row,) = predict("exported/high", inputs=[name])
    assert words in row["error"]
    assert {path.name for path in here.iterdir()} == {"exported", name}


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 3, 4)), r"a.npy has the shape \(2, 3, 4\), and the model takes \(N, 1, L\)"),
        (np.zeros((0, 1)), r"its shape is \(0, 1\)"),
        (np.array(["a", "b"]), "it holds <U1, not numbers"),
        (np.array([{}], dtype=object), "it holds object, not numbers"),
    ],
)
def test_arrays_that_are_no_sequences(array: np.ndarray, words: str, here: Path) -> None:
    high_sequence(here)
    np.save("a.npy", array)
    (row,) = predict("exported/high", inputs=["a.npy"])
    assert re.search(words, row["error"])
    if array.ndim > 2:
        with pytest.raises(ZooError, match=r"its shape is .*, and must be \(length,\) or \(length, channels\)"):
            read_sequence(Path("a.npy"))


def test_a_large_file_and_a_length_that_does_not_fit(here: Path) -> None:
    high_sequence(here, sizes=("8*L",))
    write_wave("wave.csv", length=30)
    (row,) = predict("exported/high", inputs=["wave.csv"])
    assert re.match(r"wave.csv: .* axis 2 is 30, and must be a multiple of 8", row["error"])
    with Path("big.csv").open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    big, absent = predict("exported/high", inputs=["big.csv", "absent.csv"])
    assert big["error"].startswith("big.csv has over 64 MB")
    assert absent["error"].startswith("cannot read absent.csv")
    with pytest.raises(ZooError, match=r"a.csv has 2 columns, and the model takes \(N, L\)"):
        sequence_input(np.zeros((9, 2), np.float32), TensorSpec("N", "L"), where="a.csv")
    assert sequence_input(np.zeros((9, 1), np.float32), TensorSpec("N", "L"), where="a.csv").shape == (1, 9)
    Path("none").mkdir()
    (row,) = predict("exported/high", inputs=["none"])
    assert row["error"].startswith("no sequences in none")
