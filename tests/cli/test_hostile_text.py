"""Text of strangers through the commands: none of it steers the terminal, forges a line, or is markup in a card."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_text import FORGED, HOSTILE, LONE_HALF, PLUGIN, assert_harmless, write_records
from markdown_it import MarkdownIt
from onnx_files import brightness_model, write_brightness, write_model
from PIL import Image
from warm import Result

Zoo = Callable[..., Result]


@pytest.fixture
def hostile_plugin(fake_distribution: Callable[..., Path]) -> None:
    fake_distribution("zoo-evil", PLUGIN)


PLUGINS = {
    "the help": (0, "--help"),
    "a listing": (0, "list", "models", "evil"),
    "a model": (0, "info", "evilnet"),
    "a dataset": (0, "info", "evildata"),
    "a builder that fails": (1, "info", "badnet"),
    "a loader that fails": (1, "info", "evildata", "--statistics", "-d", "fails=true"),
    "a check": (3, "check", "badnet", "--rule", "builds-with-defaults"),
    "a diagnosis": (3, "doctor", "badnet"),
    "a training": (1, "train", "badnet", "--dataset", "evildata"),
    "an export": (1, "export", "badnet"),
}

MARKS = {"a check": pytest.mark.slow, "a diagnosis": pytest.mark.slow} | dict.fromkeys(
    ("a model", "a builder that fails", "a training", "an export"), pytest.mark.heavy
)


@pytest.mark.parametrize("case", [pytest.param(case, marks=MARKS.get(case, ())) for case in PLUGINS])
@pytest.mark.usefixtures("hostile_plugin")
def test_a_plugins_text_is_told_and_does_nothing(case: str, zoo_here: Zoo) -> None:
    code, *arguments = PLUGINS[case]
    done = zoo_here(*map(str, arguments))
    assert done.code == code, done.stderr
    assert_harmless(done.stdout)
    assert_harmless(done.stderr)
    assert "evil\\x1b[31m" in done.stdout + done.stderr


@pytest.mark.usefixtures("hostile_plugin")
def test_json_of_a_plugins_text_is_the_same_text_in_plain_characters(zoo_here: Zoo) -> None:
    done = zoo_here("info", "evilnet", "--json")
    assert_harmless(done.stdout)
    assert done.json["license"] == HOSTILE


@pytest.mark.heavy
@pytest.mark.usefixtures("hostile_plugin")
def test_class_names_are_text_in_the_card_of_a_run(zoo_here: Zoo, here: Path) -> None:
    assert zoo_here("train", "evilnet", "--dataset", "evildata", "--epochs", "1").code == 0
    page = page_of(here / "runs" / "evilnet-evildata")
    (row,) = [line for line in page.split("<tr>") if "Classes" in line]
    assert row.count("<td>") == 2


@pytest.mark.heavy
@pytest.mark.usefixtures("hostile_plugin")
def test_what_a_model_says_of_itself_is_text_in_the_card_of_an_export(zoo_here: Zoo, here: Path) -> None:
    done = zoo_here("export", "markupnet")
    assert done.code == 0, done.stderr
    page = page_of(here / "exported" / "markupnet")
    assert page.count("<h1>") == 1


def page_of(folder: Path) -> str:
    """A model card as a page, in which nothing that the hostile plugin says is markup."""
    card = folder.joinpath("README.md").read_text()
    assert_harmless(card)
    page = MarkdownIt("commonmark").enable("table").render(card)
    assert "<script" not in page
    assert '<img src="y"' not in page
    assert page.count("alert(1)") >= 2  # as text
    return page


@pytest.mark.usefixtures("hostile_plugin")
def test_a_class_name_that_cannot_be_written_is_refused(zoo_here: Zoo, site: Path) -> None:
    code = site / "zoo_evil" / "__init__.py"
    code.write_text(code.read_text().replace('("a", EVIL, "c")', '("a", "half \\udcff", "c")'))
    done = zoo_here("plot", "evildata")
    assert done.code == 1
    assert "the class name 'half \\udcff' is no text that can be written" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("plot", "evildata"), pytest.param(("plot", "evilnet-evildata", "--what", "errors"), marks=pytest.mark.slow)],
)
@pytest.mark.usefixtures("hostile_plugin")
def test_hostile_class_names_are_drawn(arguments: tuple[str, ...], zoo_here: Zoo) -> None:
    if "errors" in arguments:
        assert zoo_here("train", "evilnet", "--dataset", "evildata", "--epochs", "1").code == 0
    done = zoo_here(*arguments)
    assert done.code == 0, done.stderr
    assert_harmless(done.stdout)
    assert_harmless(done.stderr)


@pytest.mark.parametrize("kind", ["runs", "exports"])
def test_records_of_runs_and_exports_are_listed_whatever_they_say(kind: str, zoo_here: Zoo, here: Path) -> None:
    write_records(here)
    done = zoo_here("list", kind)
    assert done.code == 0, done.stderr
    assert_harmless(done.stdout)
    assert "evil\\x1b[2J half \\udcff" in done.stdout
    (row,) = zoo_here("list", kind, "--json").json
    assert row["name"] == f"evil\x1b[2J\n{LONE_HALF}"


def test_the_next_step_of_a_hostile_name_can_be_pasted(zoo_here: Zoo, here: Path) -> None:
    write_records(here)
    *_, following = zoo_here("list", "exports").stdout.splitlines()
    command = following.removeprefix("Next: zoo ")
    words = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True).stdout
    assert [os.fsdecode(word) for word in words.split(b"\0")[:2]] == ["verify", f"evil\x1b[2J\n{LONE_HALF}"]


@pytest.mark.parametrize("command", ["verify", "predict", "eval", "view", "plot"])
def test_a_hostile_name_in_an_error(command: str, zoo_here: Zoo, here: Path) -> None:
    place = here / f"evil\x1b[2J\n{FORGED}\n{LONE_HALF}.onnx"
    place.write_text(HOSTILE)
    done = zoo_here(command, str(place), *(["picture.png"] if command == "predict" else []))
    assert done.code in {1, 2, 4}
    lines = done.stderr.splitlines()
    assert_harmless("\n".join(line.removeprefix("Error: ") if line == lines[0] else line for line in lines))
    assert_harmless(done.stdout)


def test_pictures_with_hostile_names_are_predicted(zoo_here: Zoo, here: Path) -> None:
    write_brightness(here)
    folder = here / "pictures"
    folder.mkdir()
    names = [f"a\x1b[2J\n{FORGED}\n.png", f"b {LONE_HALF}.png", "=1+1.png"]
    for name in names:
        Image.new("L", (8, 8), 255).save(folder / name)
    done = zoo_here("predict", "brightness", "pictures")
    assert done.code == 0, done.stderr
    assert_harmless(done.stdout)
    assert [Path(row["input"]).name for row in zoo_here("predict", "brightness", "pictures", "--json").json] == sorted(
        names
    )


def test_a_stdout_of_few_letters_stops_no_command(here: Path) -> None:
    write_brightness(here)
    Image.new("L", (8, 8), 255).save(here / "\u00fc \u2713.png")
    command = [sys.executable, "-m", "zoo_core", "predict", "brightness", "\u00fc \u2713.png"]
    few = {**os.environ, "PYTHONIOENCODING": "ascii"}
    told = subprocess.run(command, cwd=here, env=few, capture_output=True, check=False)
    assert (told.returncode, b"\\xfc \\u2713.png" in told.stdout) == (0, True), told.stderr
    as_json = subprocess.run([*command, "--json"], cwd=here, env=few, capture_output=True, check=False)
    assert json.loads(as_json.stdout)[0]["input"] == "\u00fc \u2713.png"


def test_a_node_with_a_hostile_name_in_a_refusal(zoo_here: Zoo, here: Path) -> None:
    model = brightness_model()
    model.graph.node[0].name = HOSTILE
    model.graph.node[1].op_type = HOSTILE
    write_model(here / "model.onnx", model)
    for command in (("verify", "model.onnx"), ("view", "model.onnx"), ("predict", "model.onnx", "a.png")):
        done = zoo_here(*command)
        assert done.code == 4
        assert_harmless(done.stderr.removeprefix("Error: "))
