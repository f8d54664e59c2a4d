"""Pictures are read by threads: in their order, never many at a time, and with the answers of one thread."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_files import brightness_metadata, brightness_model, write_model
from PIL import Image

from zoo_core import Preprocess, TensorSpec
from zoo_core.container_limit import processors_of_container
from zoo_core.environment import usable_processors
from zoo_core.errors import UsageError
from zoo_core.pictures import read_picture
from zoo_core.runtime import Limits, open_model

SEVERAL = pytest.mark.skipif(usable_processors() < 2, reason="with one processor no thread reads")


@pytest.fixture
def pictures(here: Path) -> list[Path]:
    """Small and large ones by turns, so that threads end in another order than they begin; and a model of noise."""
    metadata = brightness_metadata(
        inputs={"image": TensorSpec("N", 1, 28, 28)}, preprocess=Preprocess(resize=(28, 28), color="L")
    )
    write_model(here / "exported/noise/model.onnx", brightness_model(side=28, seed=1), metadata)
    dice = np.random.default_rng(0)
    paths = [Path(f"{number:02}.png") for number in range(50)]
    for number, path in enumerate(paths):
        side = (600, 8, 40)[number % 3]
        Image.fromarray(dice.integers(0, 256, (side, side, 3), np.uint8)).save(path, compress_level=1)
    paths[20].write_bytes(b"no picture")
    return paths


class Counted(Sequence[Path]):
    """A list that knows how much of it was asked for."""

    def __init__(self, paths: Sequence[Path], times: int) -> None:
        self.paths, self.times, self.asked = paths, times, 0

    def __len__(self) -> int:
        return len(self.paths) * self.times

    def __getitem__(self, place: Any) -> Any:
        if place >= len(self):
            raise IndexError
        self.asked = max(self.asked, place + 1)
        return self.paths[place % len(self.paths)]


def told(paths: Any, **more: Any) -> list[Any]:
    with open_model("exported/noise", **more) as model:
        return [(each.name, each.answer, str(each.error)) for each in model.predictions(paths)]


PROGRAM = """
import os, sys
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
from pathlib import Path
from zoo_core.runtime import open_model
model = open_model("exported/noise", threads=2)
for each in model.predictions(sorted(Path().glob("*.png"))):
    print((each.name, each.answer, str(each.error)))
"""


def test_answers_come_in_order_and_are_those_of_one_processor(pictures: list[Path]) -> None:
    answers = told(pictures, threads=2)
    assert [name for name, _, _ in answers] == [str(path) for path in pictures]
    assert [name for name, answer, _ in answers if answer is None] == ["20.png"]
    assert told(iter(pictures), threads=2) == answers
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(answer) for answer in answers]


def test_a_limited_child_gives_the_same_answers(pictures: list[Path]) -> None:
    limits = Limits(memory=2_000_000_000, seconds=60)
    assert told(pictures, threads=2, isolated=limits) == told(pictures, threads=2)


def test_no_more_is_read_than_little_ahead_of_who_takes_the_answers(pictures: list[Path]) -> None:
    model = open_model("exported/noise")
    sources = Counted(pictures, 100)
    most = 16 + 16 + 2 * usable_processors()
    answers = model.predictions(sources)
    for count, _ in zip(range(60), answers, strict=False):
        assert sources.asked <= count + 1 + most
    time.sleep(0.3)  # time enough to read hundreds, if anybody did
    assert sources.asked <= 60 + most
    answers.close()  # type: ignore[attr-defined]
    few = Counted(pictures, 100)
    answers = model.predictions(few, ahead=3)
    for count, _ in zip(range(60), answers, strict=False):
        assert few.asked <= count + 1 + 16 + 3


@SEVERAL
def test_threads_end_with_the_answers(pictures: list[Path]) -> None:
    model = open_model("exported/noise")
    for taken in (3, 40, 1000):
        answers = model.predictions(pictures)
        for _ in zip(range(taken), answers, strict=False):
            pass
        if taken < 1000:
            assert any(thread.name == "zoo-reader" for thread in threading.enumerate())
        answers.close()  # type: ignore[attr-defined]
        assert not any(thread.name == "zoo-reader" for thread in threading.enumerate())


class Unreadable(os.PathLike[str]):
    """A path that is none: an object of somebody's own with a fault in it."""

    def __fspath__(self) -> str:
        if threading.current_thread() is threading.main_thread():
            return "odd.png"
        raise ArithmeticError("a fault of its own")


@SEVERAL
def test_a_fault_in_a_thread_is_raised_where_its_answer_is_due(pictures: list[Path]) -> None:
    model = open_model("exported/noise")
    names = []
    answers = model.predictions([*pictures[:10], Unreadable(), *pictures[10:]])
    with pytest.raises(ArithmeticError, match="a fault of its own"):
        names += (prediction.name for prediction in answers)
    assert names == [str(path) for path in pictures[:7]]  # the blocks of 1, 2 and 4 before its own


def test_a_mistyped_variable_is_told_once(pictures: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_MAX_PIXELS", "many")
    with pytest.raises(UsageError, match="ZOO_MAX_PIXELS is a whole number"):
        told(pictures)


def test_open_files_and_pictures_in_memory_are_read_by_who_asks(pictures: list[Path]) -> None:
    wanted = [answer for _, answer, _ in told(pictures[:8])]
    opened = [Image.open(path) for path in pictures[:4]]
    files = [path.open("rb") for path in pictures[4:8]]
    assert [answer for _, answer, _ in told([*opened, *files])] == wanted
    for each in (*opened, *files):
        each.close()
    again = [Image.open(pictures[0])] * 6  # one object, which two threads would read at once
    assert [answer for _, answer, _ in told(again)][3:] == [answer for _, answer, _ in told([pictures[0]] * 6)][3:]


def test_the_filters_of_warnings_are_as_before(pictures: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow warns of large pictures; threads that silence it must not take each other's filters for the user's."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    shapes = []

    def read_many() -> None:
        shapes.extend(read_picture(pictures[1], color="L").shape for _ in range(400))

    interval = sys.getswitchinterval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        threads = [threading.Thread(target=read_many) for _ in range(4)]
        sys.setswitchinterval(1e-6)  # they take turns wherever they can
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        assert warnings.filters == before
    assert shapes == [(8, 8, 1)] * 1600


@pytest.mark.parametrize(
    ("own", "files", "limit"),
    [
        ("0::/\n", {}, None),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "400000 100000\n"}, 2),
        ("0::/outside/of/the/container\n", {"cpu.max": "50000 100000\n"}, 0.5),
        ("0::/../other\n", {"cpu.max": "50000 100000\n", "../other/cpu.max": "1 100000\n"}, 0.5),
        ("4:cpu,cpuacct:/x\n", {"cpu/x/cpu.cfs_quota_us": "100", "cpu/x/cpu.cfs_period_us": "200"}, 0.5),
        (
            "4:cpu,cpuacct:/x\n",
            {"cpu,cpuacct/x/cpu.cfs_quota_us": "300000\n", "cpu,cpuacct/x/cpu.cfs_period_us": "100000\n"},
            3,
        ),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("1:memory:/\n", {"memory/cpu.max": "1 100000\n"}, None),
        ("what is this\n", {"cpu.max": "no number\n"}, None),
    ],
)
def test_a_container_may_have_fewer_processors(
    own: str, files: dict[str, str], limit: float | None, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(text)
    (tmp_path / "own").write_text(own)
    assert processors_of_container(tmp_path / "groups", tmp_path / "own") == limit


def test_no_limit_is_said_where_there_are_no_groups(tmp_path: Path) -> None:
    assert processors_of_container(tmp_path / "absent", tmp_path / "absent") is None
    assert 1 <= usable_processors() <= (os.cpu_count() or 1)
