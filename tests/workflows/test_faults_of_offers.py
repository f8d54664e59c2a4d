"""What the code of a plugin's task or recipe does wrongly is told as that plugin's fault, with its line; and a plugin
that is gone or broken is told as such to whoever has a run or an export of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import write_distribution
from height_plugin import HEIGHT, RULER, TRAIN
from shared import shared
from warm import run_to_success

Zoo = Callable[..., Any]


@pytest.fixture(scope="session")
def heights(tmp_path_factory: pytest.TempPathFactory, own_folders: None) -> Path:
    """A run and an export of the healthy plugin; read only."""

    def make(folder: Path) -> None:
        write_distribution(folder / "site", "zoo-height", files=HEIGHT)
        write_distribution(folder / "site", "zoo-ruler", RULER)
        for command in (TRAIN, ("export", "heights")):
            run_to_success(*command, cwd=folder, site=folder / "site")
        folder.joinpath("line.txt").write_text("1 2 3\n")

    return shared(tmp_path_factory, "heights", make)


@pytest.fixture
def copied(heights: Path, tmp_path: Path, site: Path) -> Callable[[], None]:
    """Copies the run, the export and the plugins to the test's own places, where nothing else is then."""

    def copy() -> None:
        for ours, theirs in ((tmp_path, heights), (site, heights / "site")):
            shutil.rmtree(ours, ignore_errors=True)
            shutil.copytree(theirs, ours, ignore=shutil.ignore_patterns("site"))

    return copy


@pytest.fixture
def faulty(copied: Callable[[], None], site: Path) -> Callable[[str, str, str], str]:
    """Makes the test's own folder one in which a file of the plugin is changed, and gives the place of the change."""

    def change(file: str, old: str, new: str) -> str:
        copied()
        path = site / "zoo_height" / file
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
        return f"zoo_height/{file}:{1 + text[: text.index(old)].count(chr(10))}"

    return change


FORGETS = """
    from dataclasses import dataclass

    from zoo_core import TrainerSpec, hookimpl


    @dataclass(frozen=True)
    class Config:
        pass


    def fit(job, *, on_epoch):
        pass


    @hookimpl
    def zoo_trainers():
        yield TrainerSpec(name="forgets", summary="forgets to return", config=Config, fit=fit)
"""
FILE_ASKED = ("predict", "heights", "line.txt", "--json")
ASKED = ("predict", "heights", "line.txt")
MEASURED = ("eval", "export:heights")
FAULTS = {
    "decode raises": (FILE_ASKED, "task.py", 'outputs["height"][:, 0]', 'outputs["high"][:, 0]', "decode", "'high'"),
    "too few answers": (FILE_ASKED, "task.py", "[:, 0]]", "[:, 0]][1:]", "decode", "0 answers for 1 sample"),
    "no plain data": (FILE_ASKED, "task.py", "float(value)", "value", "decode", "no plain data in 'metres'"),
    "no number": (FILE_ASKED, "task.py", "float(value)", "float('nan')", "decode", "NaN or infinity in 'metres'"),
    "a cell is lost": (
        ("predict", "heights", "line.txt", "--out", "r.csv"),
        "task.py",
        "def in_words(",
        "def columns(self, *, labels, outputs):\n        return ('metres', 'inches')\n\n"
        "    def cells(self, answer):\n        return {'metres': answer['metres']}\n\n    def in_words(",
        "cells",
        "nothing for the column 'inches'",
    ),
    "words raise": (ASKED, "task.py", "answer['metres']", "answer['feet']", "in_words", "KeyError: 'feet'"),
    "load exits": (FILE_ASKED, "__init__.py", "Height(spec)", "exit(0)", "load", "SystemExit"),
    "metrics raise": (MEASURED, "task.py", "errors.max()", "errors.maximum()", "metrics", "AttributeError"),
    "details have arrays": (
        MEASURED, "task.py", "return {}", "return {'each': self.errors[0]}", "details", "no plain data in 'each'"
    ),
    "details have no label": (
        MEASURED, "task.py", "return {}", "return {'classes': [{'n': 1}]}", "details", "row 0 of 'classes' has no text"
    ),
    "recipe raises": (FILE_ASKED, "recipe.py", "text.split()", "text.splits()", "read", "AttributeError"),
    "recipe loses rows": (FILE_ASKED, "recipe.py", "np.stack(samples)", "np.stack(samples)[1:]", "stack", "(0, 3)"),
    "training reads": (TRAIN, "recipe.py", "text.split()", "text.splits()", "read", "AttributeError"),
    "a shape that is no tuple": (TRAIN, "recipe.py", "shape = True, (3,)", "shape = True, 3", "shape", "it is 3, not"),
    "no range": (
        TRAIN, "recipe.py", "shape = True, (3,)", "shape, values = True, (3,), 7", "values", "it is 7, not a lowest"
    ),
    "no tally": (MEASURED, "task.py", "return Largest()", "Largest()", "tally", "it gives nothing"),
    "no tally to train with": (TRAIN, "task.py", "return Largest()", "Largest()", "tally", "it gives nothing"),
    "a tally without details": (
        MEASURED, "task.py", "def details(", "def detail(", "tally", "it gives a Largest, which has no 'details'"
    ),
    "a loss for each": (TRAIN, "task.py", ".abs().mean()", ".abs()", "loss", "has the shape (54, 1)"),
    "a loss that is no tensor": (TRAIN, "task.py", ".abs().mean()", ".abs().mean().item()", "loss", "a float, not a"),
    "training has a loss": (TRAIN, "task.py", ".abs().mean()", ".absolut()", "loss", "AttributeError"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_the_plugin_and_its_line_are_told(
    name: str, faulty: Callable[[str, str, str], str], run_zoo: Zoo, tmp_path: Path
) -> None:
    command, file, old, new, member, words = FAULTS[name]
    place = faulty(file, old, new)
    if command is TRAIN:
        shutil.rmtree(tmp_path / "runs")
    told = run_zoo(*command)
    assert told.code == 1, told.stdout + told.stderr
    kind = "recipe numbers" if file == "recipe.py" else "task height"
    said = told.stderr + told.stdout
    assert f"{kind} of plugin zoo-height:zoo-height, in {member}: " in said
    assert words in said
    assert place.partition(":")[0] in said
    if "could not be predicted" not in told.stderr:  # where what is told of each input stands in its row
        assert "plugin zoo-height:zoo-height must fix it" in told.stderr
    assert "bug in the zoo" not in said


@pytest.mark.parametrize("command", [("eval", "run:heights"), TRAIN])
def test_a_forward_that_fails_is_told_with_its_line(
    command: tuple[str, ...], copied: Callable[[], None], run_zoo: Zoo, tmp_path: Path, site: Path
) -> None:
    copied()
    plugin = site / "zoo_ruler" / "__init__.py"
    plugin.write_text(plugin.read_text().replace("super().forward(", "super().forwards("))
    if command is TRAIN:
        shutil.rmtree(tmp_path / "runs")
    told = run_zoo(*command)
    assert told.code == 1, told.stderr
    assert "AttributeError: 'super' object has no attribute 'forwards', at zoo_ruler/__init__.py:" in told.stderr


EXIT = "import os; os._exit(0)"
ENDING = {
    ("predict", "heights", "line.txt", "--json"): ("task.py", "return [{", f"{EXIT}; return [{{"),
    ("predict", "heights", "line.txt"): ("recipe.py", "text = ", f"{EXIT}; text = "),
    ("verify", "heights"): ("recipe.py", "text = ", f"{EXIT}; text = "),
    ("verify", "heights", "--json"): ("__init__.py", "return Numbers()", EXIT),
}


@pytest.mark.parametrize("command", ENDING)
def test_code_that_ends_the_process_is_no_success(
    command: tuple[str, ...], faulty: Callable[[str, str, str], str], run_zoo: Zoo
) -> None:
    file, old, new = ENDING[command]
    faulty(file, old, new)
    told = run_zoo(*command)
    assert (told.code, told.stdout) == (1, ""), told.stdout + told.stderr
    words = f"zoo {command[0]} has not finished: its process ends with exit code 0 before it was done: "
    assert f"Error: {words}zoo_height/{file}:" in told.stderr
    assert "calls os._exit" in told.stderr


NOT_AS_DECLARED = {
    "another dtype": ("recipe.py", "np.float32", "np.float64", "recipe numbers makes float64 for 'values', but the"),
    "another metric": (
        "task.py",
        '"largest":',
        '"greatest":',
        "picks the best epoch by 'largest', and measures loss, greatest",
    ),
}


@pytest.mark.parametrize("name", NOT_AS_DECLARED)
def test_what_is_not_as_declared_is_told_before_the_first_step(
    name: str, faulty: Callable[[str, str, str], str], run_zoo: Zoo, tmp_path: Path
) -> None:
    file, old, new, words = NOT_AS_DECLARED[name]
    faulty(file, old, new)
    shutil.rmtree(tmp_path / "runs")
    told = run_zoo(*TRAIN)
    assert (told.code, "Run heights" in told.stderr) == (1, False), told.stderr
    assert words in told.stderr
    assert not (tmp_path / "runs" / "heights").exists()


RULER_GONE = ("zoo-ruler", "comes from plugin zoo-ruler:zoo-ruler, which", 1)
GONE = {
    # command: (of which distribution, what is told of it, the exit code: 2 only where a name was typed)
    ("eval", "run:heights"): ("zoo-height", "the task 'height' comes from plugin zoo-height:zoo-height, which", 1),
    FILE_ASKED: ("zoo-height", "comes from plugin zoo-height:zoo-height, which", 1),
    TRAIN: ("zoo-height", "task 'height'", None),
    ("eval", "run:heights", "--json"): RULER_GONE,
    ("eval", "export:heights"): RULER_GONE,
    ("export", "heights"): RULER_GONE,
    (*TRAIN, "--resume"): RULER_GONE,
    ("plot", "export:heights", "--what", "errors"): RULER_GONE,
}


@pytest.mark.parametrize("state", ["gone", "broken"])
def test_what_comes_from_a_plugin_that_is_gone_or_broken(
    state: str, copied: Callable[[], None], site: Path, run_zoo: Zoo
) -> None:
    for command, (distribution, told, code) in GONE.items():
        copied()
        package = distribution.replace("-", "_")
        if state == "broken":
            assert run_zoo("list", "ruler").code == 0
            site.joinpath(package, "__init__.py").write_text("1 / 0\n")
        else:
            shutil.rmtree(site / package)
            shutil.rmtree(site / f"{package}-1.0.dist-info")
        result = run_zoo(*command)
        assert told in result.stderr, (command, result.stdout + result.stderr)
        words = "is not installed" if state == "gone" else "ZeroDivisionError: division by zero"
        assert words in result.stderr.replace("no plugin that is installed", "is not installed"), (command, result)
        assert "Did you mean" not in result.stderr
        assert result.code in ({1, 2} if code is None else {code}), (command, result.stderr)


def test_what_a_plugin_prints_is_no_part_of_the_result(
    faulty: Callable[[str, str, str], str], run_zoo: Zoo, site: Path
) -> None:
    faulty("task.py", "return [{", "print('in decode'); return [{")
    recipe = site / "zoo_height" / "recipe.py"
    recipe.write_text(recipe.read_text().replace("text = ", "print('in read'); text = "))
    told = run_zoo(*FILE_ASKED)
    assert [row["input"] for row in told.json] == ["line.txt"]
    assert ("in decode" in told.stderr, "in read" in told.stderr) == (True, True)


def test_what_a_plugin_fails_of_is_not_blamed_on_the_files(
    faulty: Callable[[str, str, str], str], run_zoo: Zoo
) -> None:
    faulty("recipe.py", "text = ", "1 / 0; text = ")
    told = run_zoo(*ASKED)
    assert (told.code, "in read: ZeroDivisionError" in told.stdout) == (1, True), told.stdout + told.stderr
    assert "it is the plugin's fault, not that of the inputs" in told.stderr
    assert "mend those files" not in told.stderr


def test_a_trainer_that_returns_nothing_is_told_with_its_line(
    copied: Callable[[], None], run_zoo: Zoo, site: Path
) -> None:
    copied()
    write_distribution(site, "zoo-forgets", FORGETS)
    told = run_zoo(*TRAIN[:-2], "--trainer", "forgets", "--run", "again")
    assert told.code == 1, told.stderr
    words = "trainer forgets of plugin zoo-forgets:zoo-forgets, in fit: it returns nothing, not a TrainResult"
    assert words in told.stderr
    assert ", by zoo_forgets/__init__.py:" in told.stderr
