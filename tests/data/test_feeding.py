"""Samples in memory, on the disk and read for each batch: the same ones, whatever becomes of disk and processes."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streams
from PIL import Image
from small_datasets import animals, bound
from warm import Result

from zoo_core import Preprocess, TensorSpec, UsageError, ZooError
from zoo_core.children.memory import default_memory_limit
from zoo_core.data import BoundDataset, FileSplit, Samples, channel_statistics
from zoo_core.data.feeding import DISK_SHARE, Feeding, amount, choose_feed
from zoo_core.prepared_files import prepared_folder

COLOUR: dict[str, Any] = {
    "inputs": {"image": TensorSpec("N", 3, 6, 5)},
    "preprocess": Preprocess(resize=(6, 5), mean=(0.5,) * 3, std=(0.2,) * 3),
}
KINDS = ("memory", "stored", "streamed")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "prepared"


def files(folder: Path, count: int, *, size: tuple[int, int] | None = None) -> tuple[Path, ...]:
    folder.mkdir(exist_ok=True)
    paths = tuple(folder / f"{number:02d}.png" for number in range(count))
    for number, path in enumerate(paths):
        pixels = np.random.default_rng(number).integers(0, 256, (*(size or (9 + number % 3, 8)), 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return paths


def of_files(paths: tuple[Path, ...], given: dict[str, Any] | None = None, **changes: Any) -> BoundDataset:
    def load(root: Path, *, split: str, download: bool) -> FileSplit:
        return FileSplit(paths=paths, targets=np.arange(len(paths)) % 4)

    return bound(load, given, **{**COLOUR, **changes})


def loaded(dataset: BoundDataset, kind: Any, workers: int = 1) -> Samples:
    return dataset.load("test", feeding=Feeding(kind=kind, workers=workers))


@pytest.mark.parametrize("kind", ["stored", "streamed"])
def test_files_are_the_same_samples_wherever_they_lie(kind: str, tmp_path: Path) -> None:
    dataset = of_files(files(tmp_path / "pictures", 21))
    usual, other = loaded(dataset, "memory"), loaded(dataset, kind)
    assert other.fingerprint == usual.fingerprint
    assert other.files == usual.files
    assert other.remarks == usual.remarks
    assert isinstance(usual.main, np.ndarray)
    assert not isinstance(other.main, np.ndarray)
    assert other.main.shape == usual.main.shape
    assert np.array_equal(np.asarray(other.main), usual.main)
    chosen = np.array([20, 3, 3, 11])
    assert np.array_equal(other.main[chosen], usual.main[chosen])
    assert np.array_equal(other.main[-1], usual.main[-1])
    assert np.array_equal(other.main[2, 0], usual.main[2, 0])
    assert np.array_equal(other.batch(slice(3, 9)), usual.batch(slice(3, 9)))
    assert np.array_equal(other.at(chosen).main, usual.main[chosen])
    assert channel_statistics(other) == channel_statistics(usual)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", ["content", "path", "pixels"])
def test_a_stream_gives_pictures_as_files_or_as_pixels(kind: str, given: str, tmp_path: Path) -> None:
    read = streams.pictures(kind="path", folder=str(tmp_path))
    wanted = loaded(of_files(tuple(read(number) for number in range(10, 18))), "memory")
    samples = loaded(streams.dataset(streams.pictures, 10, kind=given, folder=str(tmp_path)), kind)
    assert np.array_equal(np.asarray(samples.main), wanted.main)
    assert samples.files == tuple(f"sample {number}" for number in range(10, 18))
    assert (
        samples.fingerprint
        == loaded(streams.dataset(streams.pictures, 10, kind=given, folder=str(tmp_path)), "memory").fingerprint
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_of_several_inputs_keeps_their_dtypes(kind: str) -> None:
    inputs = {"left": TensorSpec("N", 5), "right": TensorSpec("N", 2, 5, dtype="int64", low=0, high=99)}
    samples = loaded(streams.dataset(streams.both, 10, inputs=inputs, shape=(1,), side=5), kind)
    wanted = [streams.both(side=5)(number) for number in range(10, 18)]
    for name in inputs:
        assert np.array_equal(np.asarray(samples.inputs[name]), np.stack([each[name] for each in wanted]))
        assert samples.inputs[name].dtype == wanted[0][name].dtype


def test_the_stream_of_the_docs_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2].joinpath("docs/datasets.md").read_text(encoding="utf-8")
    code = page.partition("by a `StreamSplit`:\n\n```python\n")[2].partition("```")[0]
    tmp_path.joinpath("docs_stream.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)  # found by processes that began before, too
    rows = [(number, streams.pictures(kind="content")(number), number % 4, "test") for number in range(9)]
    with contextlib.closing(sqlite3.connect(tmp_path / "pictures.db")) as database, database:
        database.execute("CREATE TABLE pictures (id, jpeg, class, split)")
        database.executemany("INSERT INTO pictures VALUES (?, ?, ?, ?)", rows)
    load = importlib.import_module("docs_stream").load
    dataset = bound(load, {"root": str(tmp_path)}, **COLOUR)
    wanted = streams.dataset(streams.pictures, 0, kind="content")
    for kind in ("memory", "stored", "streamed"):
        found = loaded(dataset, kind)
        assert np.array_equal(np.asarray(found.main)[:8], np.asarray(loaded(wanted, "memory").main))
        assert found.targets.tolist() == [row[2] for row in rows]


def test_parts_of_a_stream_have_no_sample_in_common() -> None:
    dataset = streams.dataset(streams.noise, 40, given={"test_size": None}, shape=(1, 4, 4), side=4)
    parts = dataset.load_all(feeding=Feeding(kind="streamed", workers=0))
    seen = [sample.tobytes() for part in parts.values() for sample in np.asarray(part.main)]
    assert len(seen) == len(set(seen)) == 48
    assert {name: len(part) for name, part in parts.items()} == {"train": 36, "validation": 4, "test": 8}


def test_a_stream_that_others_do_not_find_is_read_here() -> None:
    here = os.getpid()

    def own() -> Callable[[int], np.ndarray]:
        return lambda number: np.full((1, 4, 4), os.getpid(), np.float32)

    assert (np.asarray(loaded(streams.dataset(own, 4, shape=(1, 4, 4)), "streamed").main) == here).all()


@pytest.mark.parametrize("kind", ["stored", "streamed"])
def test_everything_that_cannot_be_read_is_told_at_once_and_may_be_left_out(kind: str, tmp_path: Path) -> None:
    paths = files(tmp_path / "pictures", 12)
    paths[3].write_bytes(b"no picture")
    paths[7].unlink()
    paths[11].write_bytes(paths[11].read_bytes()[:100])
    dataset = of_files(paths)
    found = []
    for each in ("memory", kind, kind):  # the third time, what was prepared is found
        with pytest.raises(ZooError, match="3 of 12 samples cannot be read") as caught:
            loaded(dataset, each)
        found.append((caught.value.message, caught.value.hint, caught.value.exit_code))
    assert found[0] == found[1] == found[2]
    skipping = of_files(paths, {"skip_bad": True})
    usual, other = loaded(skipping, "memory"), loaded(skipping, kind)
    assert other.fingerprint == usual.fingerprint
    assert other.skipped == usual.skipped
    assert other.targets.tolist() == usual.targets.tolist()
    assert np.array_equal(np.asarray(other.main), usual.main)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_that_differ_in_size_are_an_error_everywhere(kind: str, tmp_path: Path) -> None:
    fields: dict[str, Any] = {"preprocess": Preprocess(), "inputs": {"image": TensorSpec("N", 3, "H", "W")}}
    dataset = of_files((*files(tmp_path / "a", 3, size=(6, 5)), *files(tmp_path / "b", 1, size=(7, 5))), **fields)
    with pytest.raises(ZooError, match=r"pictures differ in size: .*b/00\.png has 7 x 5 pixels, those before it 6 x 5"):
        loaded(dataset, kind)


@pytest.mark.parametrize("kind", ["memory", "streamed"])
def test_what_a_stream_does_not_give_is_told(kind: str) -> None:
    with pytest.raises(ZooError, match="sample 12 cannot be read from its stream: KeyError: 12"):
        loaded(streams.dataset(streams.failing, 10, shape=(1, 4, 4)), kind)
    inputs = {"image": TensorSpec("N", 1, 4, 4, dtype="int64", low=0, high=9)}
    with pytest.raises(ZooError, match="sample 10 is float32, and the dataset declares int64"):
        loaded(streams.dataset(streams.noise, 10, inputs=inputs, shape=(1,), side=4), kind)


@pytest.mark.parametrize("kind", ["memory", "streamed"])
def test_a_stream_that_gives_nothing_at_all_says_so_and_which_line_is_to_be_mended(kind: str) -> None:
    with pytest.raises(ZooError, match="sample 10 cannot be read from its stream, which gives None") as caught:
        loaded(streams.dataset(streams.forgetting, 10, shape=(1, 4, 4)), kind)
    assert "returns that sample" in str(caught.value.hint)
    assert "skip_bad" not in str(caught.value.hint)
    with pytest.raises(ZooError, match=r"stream: TypeError: .*, at streams\.py:\d+") as caught:
        loaded(streams.dataset(streams.mistaken, 10, shape=(1, 4, 4)), kind)
    assert re.fullmatch(r"mend streams\.py:\d+", str(caught.value.hint)), "nothing would be left without these"


def test_a_sample_that_is_never_the_same_is_told() -> None:
    with pytest.raises(ZooError, match="sample 10 changes while it is read") as caught:
        loaded(streams.dataset(streams.drifting, 10, shape=(1, 4, 4)), "stored")
    assert "the reader of a StreamSplit gives the same sample for a number each time" in str(caught.value.hint)


def test_a_file_that_changes_after_it_was_looked_through_is_told(tmp_path: Path) -> None:
    paths = files(tmp_path / "pictures", 6)
    samples = loaded(of_files(paths), "streamed")
    shutil.copy(paths[0], paths[4])
    with pytest.raises(ZooError, match=f"{paths[4]} has changed since the data were looked through"):
        np.asarray(samples.main)
    paths[4].unlink()
    with pytest.raises(ZooError, match=str(paths[4])):
        np.asarray(samples.main)
    assert samples.main[0].shape == (3, 6, 5)


def test_samples_that_lie_in_memory_anyhow_have_no_other_feed() -> None:
    with pytest.raises(UsageError, match="feed=stored is not possible: its loader gives all samples as arrays"):
        loaded(bound(animals), "stored")


def test_what_was_prepared_is_used_again_by_any_order_of_runs(cache: Path, tmp_path: Path) -> None:
    paths = files(tmp_path / "pictures", 12)
    usual = loaded(of_files(paths), "stored")
    [shard] = cache.glob("*.rows")
    made = shard.stat().st_mtime_ns
    moved = tuple(path.rename(path.with_name(f"other-{path.name}")) for path in paths)
    again = loaded(of_files(moved, preprocess=Preprocess(resize=(6, 5), mean=(0.1,) * 3)), "stored")
    assert [path.stat().st_mtime_ns for path in cache.glob("*.rows")] == [made]  # mean and deviation come later
    assert np.array_equal(np.asarray(again.main), np.asarray(usual.main))
    loaded(of_files(moved, preprocess=Preprocess(resize=(6, 5), interpolation="box")), "stored")
    assert len(list(cache.glob("*.rows"))) == 2


@pytest.mark.parametrize("damage", ["byte", "cut", "longer", "empty", "record"])
def test_a_damaged_shard_is_made_again(damage: str, cache: Path, tmp_path: Path) -> None:
    dataset = of_files(files(tmp_path / "pictures", 12))
    usual = np.asarray(loaded(dataset, "stored").main)
    [shard] = cache.glob("*.rows")
    whole = shard.read_bytes()
    broken = {
        "byte": whole[:50] + bytes([whole[50] ^ 1]) + whole[51:],
        "cut": whole[:-5],
        "longer": b"more" + whole,
        "empty": b"",
        "record": whole.replace(b'"good": [true', b'"good": [1234'),
    }
    shard.write_bytes(broken[damage])
    assert np.array_equal(np.asarray(loaded(dataset, "stored").main), usual)
    assert shard.read_bytes() == whole


CHILD = """
    import hashlib, json, os, sys
    import numpy as np
    import streams
    from zoo_core.data.feeding import Feeding
    from zoo_core.errors import ZooError

    asked = json.loads(sys.argv[1])
    if "bytes" in asked:
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["bytes"],) * 2)
    dataset = streams.dataset(streams.noise, 48, shape=(1, 512, 512), side=512, pause=asked["pause"])
    try:
        samples = dataset.load("train", feeding=Feeding(kind="stored", workers=2))
    except ZooError as error:
        print(error.message, "|", error.hint)
        sys.exit(error.exit_code)
    print(samples.fingerprint, hashlib.sha256(np.asarray(samples.main)).hexdigest())
"""


def start(**asked: Any) -> subprocess.Popen[str]:
    """A process that prepares 40 samples of 1 MB, in three shards."""
    helpers = str(Path(streams.__file__).parent)
    command = [sys.executable, "-P", "-c", textwrap.dedent(CHILD), json.dumps({"pause": 0.0, **asked})]
    path = os.pathsep.join([helpers, os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})


def said(process: subprocess.Popen[str]) -> str:
    found, _ = process.communicate(timeout=120)
    return found.strip()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(os.name != "posix", reason="signals and limits are of POSIX")
class TestProcesses:
    def test_preparation_that_was_killed_goes_on_where_it_stopped(self, cache: Path) -> None:
        process = start(pause=0.03)
        until(lambda: any(cache.glob("*.rows")))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        time.sleep(0.5)  # its processes end with it, each after the sample that it reads
        kept = {path: path.stat().st_mtime_ns for path in cache.glob("*.rows")}
        assert kept
        again = said(start())
        assert {path: path.stat().st_mtime_ns for path in kept} == kept
        assert sorted(path.suffix for path in cache.iterdir()) == [".rows"] * 3
        shutil.rmtree(cache)
        assert said(start()) == again

    def test_two_processes_prepare_the_same_once(self, cache: Path) -> None:
        both = [start(pause=0.01) for _ in range(2)]
        first, second = map(said, both)
        assert first == second
        assert len(list(cache.iterdir())) == 3

    def test_a_full_disk_leaves_nothing_that_is_used(self, cache: Path) -> None:
        process = start(bytes=8 << 20)
        told = said(process)
        assert process.returncode == 1
        assert told.startswith("cannot write ")
        assert "; or -t feed=streamed, which prepares nothing" in told
        assert "File too large" in told
        assert list(cache.glob("*.rows")) == []
        assert len(said(start()).split()) == 2


def test_auto_decides_by_what_is_free() -> None:
    free = default_memory_limit()
    room = DISK_SHARE * shutil.disk_usage(Path.cwd()).free
    assert choose_feed(Feeding(), count=1000, row_bytes=1000).line == "Feed: memory, 1.0 MB of samples"
    if free is not None and free < room:
        chosen = choose_feed(Feeding(), count=10, row_bytes=free // 15)
        assert chosen.kind == "stored"
        assert chosen.line.startswith(f"Feed: stored, {amount(10 * (free // 15))} of samples, more than half of the")
        assert str(prepared_folder()) in chosen.line
    chosen = choose_feed(Feeding(workers=3), count=1, row_bytes=10**15)
    assert chosen.kind == "streamed"
    assert chosen.line.endswith("; read for each batch, by 3 processes")
    # All parts lie there together.
    assert choose_feed(Feeding(count=10**9), count=1, row_bytes=10**6).kind == "streamed"


def test_what_was_prepared_is_shown_and_removed(run_zoo: Callable[..., Result], cache: Path, tmp_path: Path) -> None:
    assert run_zoo("cache").stdout.startswith("0 files, 0.0 MB of prepared samples, in ")
    loaded(of_files(files(tmp_path / "pictures", 12)), "stored")
    found = run_zoo("cache", "--json").json
    assert found == {"folder": str(cache), "files": 1, "bytes": next(cache.iterdir()).stat().st_size, "removed": False}
    assert "Next: zoo cache --clean" in run_zoo("cache").stdout
    assert run_zoo("cache", "--clean").stdout.startswith("Removed: 1 file, ")
    assert list(cache.iterdir()) == []
