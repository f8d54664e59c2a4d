"""How fast `zoo predict` goes through many pictures, and how much memory it takes.

Speed, in turns in one process, n rounds: a loop in one thread that reads each picture by the recipe of the file, and
runs the same blocks; ours, `ExportedModel.predictions` of a list; the bare onnxruntime session over blocks that are
prepared already; the processor seconds of reading them in one thread; and as many processes as there are processors
that do nothing but read. Ours shall be at least 1.7 times as fast as the loop on two processors where reading
dominates, and take at most 1.08 times (bare + reading / processors). Where two processors are two halves of one, not
even those processes come near half the time of one thread: what they take is told beside.

Memory: the peak of a whole `zoo predict FOLDER --out results.csv`, as the system tells it, for several counts of
pictures. These are hard links to 200 small ones.

    python benchmarks/predict.py [--rounds 15] [--pictures 64] [--counts 500 5000 50000] [--resnet EXPORT]
                                 [--most-others SHARE] [--only speed|memory]

A round in which other processes took more than SHARE of the processors is not counted, and made again at most ten times
as often as there are rounds. Without --resnet, a fresh ResNet-18 of torchvision is exported first. Exit code 1 when a
target is missed.
"""

from __future__ import annotations

import argparse
import csv
import functools
import itertools
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from zoo_core import Preprocess
from zoo_core.environment import usable_processors
from zoo_core.pictures import read_image
from zoo_core.preprocess import normalize, stored_image
from zoo_core.runtime import ExportedModel, open_model, read_metadata, read_onnx
from zoo_core.runtime.running.outcomes import block_sizes, run_named

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "exported" / "lenet5-digits"
LEAST_SPEEDUP, MOST_OVER_BOUND = 1.7, 1.08
LARGE, DISTINCT = (1600, 1200), 16
SMALL, LINKED = (64, 48), 200


@dataclass(frozen=True)
class Round:
    """Seconds; `reading`, `ours_work` and `bare_work` are of the processor, `others` a share of all processors.

    `apart`: as many processes as there are processors read, and do nothing else.
    """

    loop: float
    ours: float
    bare: float
    reading: float
    ours_work: float
    bare_work: float
    apart: float
    others: float

    @property
    def speedup(self) -> float:
        """Ours against one thread."""
        return self.loop / self.ours

    @property
    def over_bound(self) -> float:
        """Ours against what it could be at best without running and reading at once."""
        return self.ours / (self.bare + self.reading / usable_processors())

    @property
    def over_apart(self) -> float:
        """Ours against running after reading in as many processes as there are processors."""
        return self.ours / (self.bare + self.apart)

    @property
    def gained(self) -> float:
        """What reading gains from all processors, without anything else: at most their number."""
        return self.reading / self.apart

    @property
    def over_work(self) -> float:
        """What ours takes of the processors against what it has to: it says something also where others take more."""
        return self.ours_work / (self.bare_work + self.reading)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--counts", type=int, nargs="+", default=[500, 5_000, 50_000])
    parser.add_argument("--resnet", type=Path)
    parser.add_argument("--most-others", type=float, default=0.1)
    parser.add_argument("--only", choices=["speed", "memory"])
    arguments = parser.parse_args()
    print(_versions())
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.only != "memory":
            resnet = arguments.resnet or _exported(folder / "resnet18")
            pictures = _pictures(folder / "large", arguments.pictures, LARGE, distinct=DISTINCT)
            print(f"{len(pictures)} JPEGs of {LARGE[0]} x {LARGE[1]} pixels, n = {arguments.rounds} rounds in turns")
            for model, least in ((DIGITS, LEAST_SPEEDUP), (resnet, 0.0)):
                rounds = list(_rounds(model, pictures, arguments.rounds, most_others=arguments.most_others))
                good &= _told(model, rounds, least=least)
        if arguments.only != "speed":
            _memory(folder, arguments.counts)
    return 0 if good else 1


def _versions() -> str:
    names = ("zoo-core", "onnxruntime", "numpy", "pillow")
    parts = [f"{platform.system()} {platform.machine()}", f"{usable_processors()} processors"]
    parts += [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)]
    return ", ".join(parts)


def _exported(folder: Path) -> Path:
    program = [sys.executable, "-m", "zoo_core", "export", "torchvision/resnet18", "--to", str(folder)]
    subprocess.run(program, check=True, capture_output=True)
    return folder


def _pictures(folder: Path, count: int, size: tuple[int, int], *, distinct: int) -> list[Path]:
    """JPEGs of smooth noise; all beyond the distinct ones are links to these."""
    folder.mkdir()
    dice = np.random.default_rng(0)
    paths = [folder / f"{number:06}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        if number >= distinct:
            os.link(paths[number % distinct], path)
            continue
        noise = Image.fromarray(dice.integers(0, 256, (size[1] // 20, size[0] // 20, 3), np.uint8))
        noise.resize(size, Image.Resampling.BICUBIC).save(path, quality=90)
    return paths


def _rounds(path: Path, pictures: Sequence[Path], count: int, *, most_others: float) -> Iterator[Round]:
    """So many rounds in which others left the processors alone; fewer where they never do."""
    with open_model(path, isolated=False) as model, _readers() as readers:
        prepared = [np.concatenate([_read(model, each) for each in block]) for block in _blocks(model, pictures)]
        made = 0
        for _ in range(10 * count):
            found = _round(model, pictures, prepared, readers)
            if found.others <= most_others:
                made += 1
                yield found
            if made == count:
                return


def _readers() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(usable_processors(), mp_context=multiprocessing.get_context("spawn"))


@functools.lru_cache(maxsize=1)
def _recipe_of(path: Path) -> Preprocess:
    recipe = read_metadata(read_onnx(path)).preprocess
    assert recipe is not None
    return recipe


def _read_apart(path: Path, pictures: Sequence[Path]) -> None:
    for each in pictures:
        _prepared(_recipe_of(path), each)


def _round(
    model: ExportedModel, pictures: Sequence[Path], prepared: Sequence[np.ndarray], readers: ProcessPoolExecutor
) -> Round:
    def loop() -> None:
        for block in _blocks(model, pictures):
            rows = np.concatenate([_read(model, each) for each in block])
            run_named(model, {model.input_name: rows}, [str(each) for each in block])

    def ours() -> None:
        for _ in model.predictions(pictures):
            pass

    def bare() -> None:
        session = model._session
        for rows in prepared:
            session.run({model.input_name: rows})  # type: ignore[union-attr]  # the model is open

    def reading() -> None:
        for each in pictures:
            _read(model, each)

    def apart() -> None:
        shares = [pictures[start :: usable_processors()] for start in range(usable_processors())]
        list(readers.map(_read_apart, itertools.repeat(model.path), shares))

    list(readers.map(_read_apart, itertools.repeat(model.path), [[]] * usable_processors()))  # they have started
    of_apart = _seconds(apart)
    begun, ours_begun, wall = _busy_seconds(), time.process_time(), time.perf_counter()
    times, works = zip(*(_seconds_and_work(each) for each in (loop, ours, bare)), strict=True)
    of_reading = _seconds(reading, clock=time.thread_time)
    elapsed = (time.perf_counter() - wall) * (os.cpu_count() or 1)
    others = (_busy_seconds() - begun - (time.process_time() - ours_begun)) / elapsed
    return Round(*times, of_reading, *works[1:], of_apart, max(0.0, others))


def _blocks(model: ExportedModel, pictures: Sequence[Path]) -> Iterator[list[Path]]:
    waiting = iter(pictures)
    recipe = model.preprocess
    values = recipe.channels * recipe.size[0] * recipe.size[1]  # type: ignore[union-attr,index]  # both have a size
    for size in block_sizes(model, values=values):
        if not (block := list(itertools.islice(waiting, size))):
            return
        yield block


def _read(model: ExportedModel, path: Path) -> np.ndarray:
    recipe = model.preprocess
    assert recipe is not None
    return _prepared(recipe, path)


def _prepared(recipe: Preprocess, path: Path) -> np.ndarray:
    return normalize(stored_image(read_image(path, color=recipe.color), recipe)[np.newaxis], recipe)


def _seconds(do: Callable[[], None], *, clock: Callable[[], float] = time.perf_counter) -> float:
    begun = clock()
    do()
    return clock() - begun


def _seconds_and_work(do: Callable[[], None]) -> tuple[float, float]:
    begun = time.process_time()
    seconds = _seconds(do)
    return seconds, time.process_time() - begun


def _busy_seconds() -> float:
    """What all processors have worked since the system began, for anybody; 0 on a system that does not tell."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, *interrupts = map(int, fields[:7])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def _told(path: Path, rounds: Sequence[Round], *, least: float) -> bool:
    if not rounds:
        print(f"{path.name}: no round in which others left the processors alone (--most-others)")
        return False
    print(f"{path.name}: n = {len(rounds)}, others took {_spread([each.others for each in rounds])} of the processors")
    for what in ("loop", "ours", "bare", "reading", "apart"):
        print(f"  {what:8} {_spread([getattr(each, what) for each in rounds])} s")
    speedup = statistics.median(each.speedup for each in rounds)
    over = statistics.median(each.over_bound for each in rounds)
    target = f"  (target: at least {least})" if least else ""
    print(f"  loop / ours {_spread([each.speedup for each in rounds])}{target}")
    print(
        f"  ours / (bare + reading / processors) {_spread([each.over_bound for each in rounds])}"
        f"  (target: at most {MOST_OVER_BOUND})"
    )
    print(f"  reading / apart, what all processors bring to reading alone: {_spread([each.gained for each in rounds])}")
    print(f"  ours / (bare + apart) {_spread([each.over_apart for each in rounds])}")
    print(f"  processor seconds of ours / (of bare + reading) {_spread([each.over_work for each in rounds])}")
    return speedup >= least and over <= MOST_OVER_BOUND


def _spread(values: Sequence[float]) -> str:
    return f"median {statistics.median(values):.3f} from {min(values):.3f} to {max(values):.3f}"


def _memory(folder: Path, counts: Sequence[int]) -> None:
    print(f"\nzoo predict lenet5-digits FOLDER --out results.csv: peak memory; JPEGs of {SMALL[0]} x {SMALL[1]} pixels")
    for count in counts:
        _pictures(folder / str(count), count, SMALL, distinct=LINKED)
        results = folder / f"{count}.csv"
        peak, seconds = _peak(["predict", str(DIGITS), str(folder / str(count)), "--out", str(results)])
        with results.open(newline="") as file:
            rows = sum(1 for _ in csv.reader(file)) - 1
        print(f"  {count:7,} files  {peak / 1e6:6.1f} MB  {rows:7,} rows  {seconds:6.1f} s", flush=True)


_WATCHED = """
import os, sys, time
begun = time.perf_counter()
child = os.fork()
if not child:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.executable, [sys.executable, "-m", "zoo_core", *sys.argv[1:]])
_, status, used = os.wait4(child, 0)
print(status, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024), time.perf_counter() - begun)
"""
"""Started by a small process: one that is forked counts the memory of the process before it as its own."""


def _peak(words: Sequence[str]) -> tuple[int, float]:
    """Bytes and seconds of one command in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _WATCHED, *words], capture_output=True, text=True, check=True)
    status, peak, seconds = done.stdout.split()
    if status != "0":
        raise SystemExit(f"zoo {' '.join(words)} failed: {done.stderr}")
    return int(peak), float(seconds)


if __name__ == "__main__":
    sys.exit(main())
