"""`zoo predict` of models that take no pictures: tables and arrays of every shape, and what is read of them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mask_files import filter_bank, high_sequence, light_mask
from number_models import mean_sign
from onnx_files import write_brightness
from picture_files import half

from zoo_core import TensorSpec, ZooError
from zoo_core.commands.next_step import use_of, words_of
from zoo_core.errors import UsageError
from zoo_core.runtime.running.arrangement import arrange
from zoo_core.runtime.running.numbers import read_numbers
from zoo_core.workflows.answers.predict import predict

KINDS: dict[str, tuple[Callable[[Path], Path], np.ndarray | None]] = {
    "pictures": (write_brightness, None),
    "masks": (light_mask, None),
    "filtered pictures": (lambda folder: filter_bank(folder, np.ones((1, 1, 3, 3))), None),
    "sequences with a class at each place": (high_sequence, np.zeros((30, 1))),
    "signals": (lambda folder: mean_sign(folder, 1, 64), np.zeros((64, 1))),
    "signals of free length": (lambda folder: mean_sign(folder, 2, "L"), np.zeros((30, 2))),
    "tables": (lambda folder: mean_sign(folder, 4), np.zeros((3, 4))),
    "texts as numbers": (lambda folder: mean_sign(folder, "L", dtype="int64"), np.zeros((3, 5), np.int64)),
    "single numbers": (mean_sign, np.zeros((5, 1))),
    "clips": (lambda folder: mean_sign(folder, 3, 2, 4, 4), np.zeros((3, 2, 4, 4), np.float32)),
    "features of tables": (lambda folder: mean_sign(folder, 4, task="features", labels=()), np.zeros((3, 4))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_printed_next_step_is_accepted(kind: str, zoo_here: Callable[..., Any], tmp_path: Path) -> None:
    make, values = KINDS[kind]
    name = make(tmp_path).parent.name
    program, *words, what = shlex.split(use_of(name, words_of(f"exported/{name}")))
    assert (program, words) == ("zoo", ["predict", name])
    file = Path(what.removesuffix("...").lower())
    if values is None:
        assert what == "PICTURE..."
        half(file := Path("photo.png"))
    elif file.suffix == ".csv":
        np.savetxt(file, values, delimiter=",")
    else:
        np.save(file, values)
    done = zoo_here(*words, str(file), "--json")
    assert (done.code, done.stderr) == (0, "")
    assert done.json[0]["input"] in {str(file), f"{file}[0]"}


def test_each_row_of_a_table_is_a_sample(run_zoo: Callable[..., Any], here: Path) -> None:
    mean_sign(here, 2)
    Path("table.csv").write_text("width,height\n1,2\n-3,1\n0.5,0\n")
    Path("other.csv").write_text("-1,-1\n")
    done = run_zoo("predict", "signs", "table.csv", "other.csv", "--json")
    assert done.code == 0
    names = ["table.csv[0]", "table.csv[1]", "table.csv[2]", "other.csv[0]"]
    assert [(row["input"], row["label"]) for row in done.json] == list(
        zip(names, ["high", "low", "high", "low"], strict=True)
    )
    assert done.stderr == "table.csv: the first line is a header, and no numbers: width, height\n"
    os.link("table.csv", "hard.csv")
    os.symlink("table.csv", "soft.csv")
    for out in ("table.csv", "./other.csv", "hard.csv", "soft.csv"):
        with pytest.raises(UsageError, match=r"\.csv is an input, and would be overwritten"):
            predict("exported/signs", inputs=["table.csv", "other.csv"], out=out)


def test_more_rows_than_one_batch_and_a_bad_one_among_them(here: Path) -> None:
    mean_sign(here, 2, dtype="int64", inputs={"x": TensorSpec("N", 2, dtype="int64", low=-100, high=100)})
    values = np.where(np.arange(150)[:, None] % 2, 5, -5) * np.ones((1, 2), np.int64)
    values[70] = 1000
    np.save("many.npy", values)
    rows = predict("exported/signs", inputs=["many.npy"])
    assert len(rows) == 150
    assert [place for place, row in enumerate(rows) if "error" in row] == [70]
    assert rows[70]["error"].startswith("many.npy[70]: ")
    assert "holds 1000, and may hold -100 to 99" in rows[70]["error"]
    assert [row["label"] for row in rows[71:73]] == ["high", "low"]


def test_samples_of_a_file_have_files_of_their_own(here: Path) -> None:
    high_sequence(here)
    waves = np.zeros((2, 1, 20), np.float32)
    waves[1, 0, 5:8] = 1.5
    np.save("waves.npy", waves)
    first, second = predict("exported/high", inputs=["waves.npy"], out="made")
    assert (first["input"], first["file"]) == ("waves.npy[0]", "made/waves.0.mask.csv")
    assert second["picture"] == "made/waves.1.mask.png"
    lines = Path("made/waves.1.mask.csv").read_text().splitlines()[1:]
    assert [place for place, line in enumerate(lines) if line.endswith(",1")] == [5, 6, 7]
    rows = predict("exported/high", inputs=["waves.npy"], out="one.csv")
    assert [row["error"].partition(" (")[0] for row in rows] == ["one.csv is one file, for several samples"] * 2
    assert not Path("one.csv").exists()
    mean_sign(here, 1, 20, name="means", task="features", labels=())
    stacked = predict("exported/means", inputs=["waves.npy"], out="all.npy")
    assert [row["shape"] for row in stacked] == [[2, 2], [2, 2]]


@pytest.mark.parametrize(
    ("shape", "axes", "sequences", "expected", "several"),
    [
        ((3, 5), (3, 5), False, (1, 3, 5), False),
        ((7, 3, 5), (3, 5), False, (7, 3, 5), True),
        ((5, 3), (3, 5), False, (1, 3, 5), False),
        ((7, 5, 3), (3, 5), False, (7, 3, 5), True),
        ((4, 4), (4, 4), False, (1, 4, 4), False),
        ((9, 2), (2, "L"), True, (1, 2, 9), False),
        ((2, 9), (2, "L"), True, (1, 2, 9), False),
        ((9,), (1, "L"), True, (1, 1, 9), False),
        ((9, 1), ("L",), True, (1, 9), False),
        ((1, 9), ("L",), True, (1, 9), False),
        ((5,), (1, 5), False, (1, 1, 5), False),
        ((7, 5), (1, 5), False, (7, 1, 5), True),
        ((7, 4), (4,), False, (7, 4), True),
        ((1, 4), (4,), False, (1, 4), True),
        ((4, 1), (4,), False, (1, 4), False),
        ((7, 1), (1,), False, (7, 1), True),
        ((4,), (4,), False, (1, 4), False),
        ((7, 4, 4), (1, 4, 4), False, (7, 1, 4, 4), True),
        ((4, 4), (1, 4, 4), False, (1, 1, 4, 4), False),
        ((7,), (), False, (7,), True),
        ((7, 1), (), False, (7,), True),
        ((), (), False, (1,), False),
    ],
)
def test_what_a_shape_means(
    shape: tuple[int, ...], axes: tuple[Any, ...], sequences: bool, expected: tuple[int, ...], several: bool
) -> None:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    found = arrange(values, TensorSpec("N", *axes), sequences=sequences, where="a.npy")
    assert (found.rows.shape, found.several) == (expected, several)
    assert sorted(found.rows.ravel()) == sorted(values.ravel())


def test_a_turned_table_keeps_its_places() -> None:
    values = np.arange(6).reshape(3, 2)
    found = arrange(values, TensorSpec("N", 2, 3, dtype="int64"), sequences=False, where="a.csv")
    np.testing.assert_array_equal(found.rows[0], values.T)


@pytest.mark.parametrize(
    ("shape", "axes"), [((3, 4), (5,)), ((9, 2), (1, "L")), ((2, 2, 2, 2), (2, 2)), ((3, 2), ()), ((5, 2), (3, 4))]
)
def test_shapes_that_do_not_fit(shape: tuple[int, ...], axes: tuple[Any, ...]) -> None:
    spec = TensorSpec("N", *axes)
    with pytest.raises(ZooError, match=r"^a.npy has the shape .*, and the model takes \(N") as caught:
        arrange(np.zeros(shape), spec, sequences=False, where="a.npy")
    assert caught.value.hint is not None
    assert "with an axis more, each row is a sample" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "dtype", "numbers"),
    [
        ("9007199254740993\n", "int64", [9007199254740993]),
        ("-9223372036854775808\n", "int64", [-(2**63)]),
        ("3.0, 1e2\n", "int32", [3, 100]),
        ("true,False, 1 ,0.0\n", "bool", [True, False, True, False]),
        ("1.1\n", "float64", [1.1]),
        ("1,2\n", "float16", [1, 2]),
        ("200\n", "uint8", [200]),
    ],
)
def test_numbers_of_a_table_in_the_dtype_of_the_input(text: str, dtype: str, numbers: list[Any]) -> None:
    values = read_numbers(text.encode(), dtype=dtype, name="a.csv").values
    assert values.dtype == dtype
    assert values.ravel().tolist() == numbers


@pytest.mark.parametrize(
    ("text", "dtype", "words"),
    [
        ("1\n3.5\n", "int64", "row 2 holds '3.5', which is not a whole number"),
        ("9223372036854775808\n", "int64", "row 1 holds '9223372036854775808', which is not a whole number"),
        ("1,300\n", "uint8", "row 1, column 2 is 300, and cannot be uint8 without being changed"),
        ("1,2\n", "bool", "row 1 holds '2', which is not a truth"),
        ("1e39\n", "float32", "row 1, column 1 is 1e+39, and cannot be float32 without being changed"),
        ("70000\n", "float16", "row 1, column 1 is 70000.0, and cannot be float16 without being changed"),
        ("1,inf\n", "float32", "row 1, column 2 is not a finite number"),
        ("1\n" + "9" * 200_000 + "\n", "float32", "field larger than field limit"),
    ],
)
def test_numbers_that_the_dtype_does_not_hold(text: str, dtype: str, words: str) -> None:
    with pytest.raises(ZooError, match=r"^a.csv cannot be read: ") as caught:
        read_numbers(text.encode(), dtype=dtype, name="a.csv")
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("values", "dtype", "kept"),
    [
        (np.array([2**24], np.int64), "float32", True),
        (np.array([2**24 + 1], np.int64), "float32", False),
        (np.array([3.0]), "int8", True),
        (np.array([3.5]), "int8", False),
        (np.array([128.0]), "int8", False),
        (np.array([2.0**63]), "int64", False),
        (np.array([2**63], np.uint64), "int64", False),
        (np.array([-1], np.int8), "uint8", False),
        (np.array([255], ">i4"), "uint8", True),
        (np.array([0, 1, 2]), "bool", False),
        (np.array([0.0, 1.0]), "bool", True),
        (np.array([True, False]), "float32", True),
        (np.array([0.1]), "float32", True),
        (np.array([1j]), "float32", False),
    ],
)
def test_numbers_of_an_array_are_kept_or_refused(values: np.ndarray, dtype: str, kept: bool, here: Path) -> None:
    np.save("a.npy", values)
    if kept:
        made = read_numbers(Path("a.npy"), dtype=dtype).values
        assert made.dtype == dtype
        np.testing.assert_allclose(made.astype(np.float64), values.astype(np.float64), rtol=1e-6)
    else:
        with pytest.raises(ZooError, match=r"without being changed|it holds complex128, not numbers"):
            read_numbers(Path("a.npy"), dtype=dtype)


def test_an_export_that_is_wrong_is_refused_whole(run_zoo: Callable[..., Any], here: Path) -> None:
    """A classifier whose labels are not those of its output, whose size only the run tells."""
    mean_sign(here, 2, classes="K", labels=("a", "b", "c"))
    Path("table.csv").write_text("1,2\n3,4\n")
    done = run_zoo("predict", "signs", "table.csv", "--json")
    assert (done.code, done.stdout) == (1, "")
    assert "the model tells 2 classes apart, but there are 3 different labels" in done.stderr


def test_a_task_without_answers_is_refused_before_any_input_is_read(
    run_zoo: Callable[..., Any], fake_distribution: Callable[..., Path], here: Path
) -> None:
    fake_distribution(
        "zoo-silent",
        """
        from zoo_core import TaskSpec, hookimpl

        def load(spec):
            from zoo_core.tasks import Task

            return Task(spec)

        @hookimpl
        def zoo_tasks():
            yield TaskSpec(name="silence", summary="says nothing", load=load, targets="none", answers=False)
        """,
    )
    mean_sign(here, 2, task="silence")
    done = run_zoo("predict", "signs", "absent.csv", "--json")
    assert (done.code, done.stdout) == (1, "")
    assert "silence has no answers for people yet" in done.stderr
