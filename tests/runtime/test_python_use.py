"""An exported file in Python: what is no input is told in words, and a model is closed when its work is done."""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from number_models import mean_sign
from onnx_files import brightness_metadata, brightness_model, write_brightness, write_model

from zoo_core import UsageError, ZooError, load_run, open_zoo, runtime
from zoo_core.data import bind_dataset
from zoo_core.runtime import ExportedModel, Tiling, open_model

ROWS = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 1, 4, 4)
NO_INPUTS: list[Any] = [
    5,
    None,
    {3: 4},
    object(),
    np.float32(3),
    np.array(5.0),
    np.array("a"),
    np.zeros((0, 3)),
    np.array([object()]),
    [None],
    [[1, 2]],
    "",
    "a\0b",
    "\ud800",
]
WAYS = {
    "call": lambda model, given: model(given),
    "answers": lambda model, given: list(model.answers(given)),
    "run": lambda model, given: model.run(given),
    "run by name": lambda model, given: model.run({model.input_name: given}),
    "run_rows": lambda model, given: model.run_rows(given),
}


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A healthy file that was not made on this machine."""
    return write_model(tmp_path / "strange.onnx", brightness_model(), brightness_metadata(), known=False)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_input_is_told_in_words_whatever_it_is(way: str, tmp_path: Path) -> None:
    for model in (open_model(write_brightness(tmp_path)), open_model(mean_sign(tmp_path, 3))):
        for given in NO_INPUTS:
            with pytest.raises(ZooError) as caught:
                WAYS[way](model, given)
            assert caught.value.message


@pytest.mark.parametrize(
    ("way", "given", "words", "hint"),
    [
        ("call", 5, r"5 \(int\) is no input, nor several", "a picture of Pillow, or an array; or a list of these"),
        ("call", {"image": ROWS}, "a dictionary is no input, nor several", "go to run()"),
        ("call", "", "input 0 is an empty text, and no path", "a path, bytes"),
        ("call", "a\0b", "cannot be a path: embedded null byte", None),
        ("run", ROWS, "inputs are arrays by name, not a ndarray", "a dictionary of all inputs: image (N, 1, 4, 4)"),
        ("run_rows", [1, 2], "rows are an array whose first axis is the batch, or a function, not a list", "stack"),
        ("run_rows", {"image": 5}, r"rows are arrays by the names of the inputs, not 5 \(int\)", None),
        ("run_rows", np.array(5.0), r"or a function, not an array of shape \(\)", "stack"),
    ],
)
def test_what_would_be_right_is_said(way: str, given: Any, words: str, hint: str | None, tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=words) as caught:
        WAYS[way](open_model(write_brightness(tmp_path)), given)
    assert hint is None or hint in (caught.value.hint or "")


def test_one_input_alone_is_one_input_for_every_method(tmp_path: Path) -> None:
    model = open_model(mean_sign(tmp_path, 3))
    table = tmp_path / "t.csv"
    table.write_text("1,2,3\n")
    assert list(model.answers(str(table))) == model(table)
    assert [each.name for each in model.predictions(str(table))] == [f"{table}[0]"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"isolated": "yes"}, "isolated is True, False, None or Limits, not 'yes'"),
        ({"isolated": 1}, "isolated is True, False, None or Limits, not 1"),
        ({"threads": "2"}, "threads are a whole number of at least 1, or None, not '2'"),
        ({"optimization": ["all"]}, r"optimization is one of all, extended, basic, none, not \['all'\]"),
    ],
)
def test_arguments_of_another_kind_are_usage_errors(arguments: dict[str, Any], words: str, strange: Path) -> None:
    with pytest.raises(UsageError, match=words):
        open_model(strange, **arguments)


def test_names_and_options_of_another_kind_are_usage_errors() -> None:
    given: Any = 5
    with pytest.raises(UsageError, match=r"takes the path of a model.onnx or of its folder, not 5 \(int\)"):
        open_model(given)
    with pytest.raises(UsageError, match="load_run takes the name or the path of a run, not a int"):
        load_run(given)
    with pytest.raises(UsageError, match="dataset digits: options are values by name, not 5"):
        bind_dataset(open_zoo().dataset("digits"), given)


@pytest.mark.parametrize("isolated", [True, False])
def test_a_closed_model_says_so_and_may_be_closed_again(isolated: bool, strange: Path) -> None:
    with open_model(strange, isolated=isolated) as model:
        assert model.run({"image": ROWS})["logits"].shape == (2, 3)
    model.close()
    for use in (lambda: model.run({"image": ROWS}), lambda: model(ROWS)):
        with pytest.raises(ZooError, match="was closed") as caught:
            use()
        assert caught.value.hint == "open_model(...) opens it again"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not list processes there")
@pytest.mark.usefixtures("cold_children")
def test_closing_a_model_ends_its_process(strange: Path) -> None:
    before = children()
    model = open_model(strange, isolated=True)
    assert len(children() - before) == 1
    model.close()
    assert not children() - before


def children() -> set[int]:
    """The processes that this one has started, and that are not waited for yet."""
    found = set()
    for process in Path("/proc").iterdir():
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        found |= {int(process.name)} if parent == os.getpid() else set()
    return found


def test_the_types_that_a_model_takes_and_gives_can_be_imported_and_looked_up() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "python.md").read_text(encoding="utf-8")
    methods = [member for name, member in vars(ExportedModel).items() if inspect.isfunction(member) and name[0] != "_"]
    texts = [str(each.__annotations__) for each in (open_model, ExportedModel.__call__, *methods)]
    own = set(re.findall(r"\b[A-Z]\w+", " ".join(texts))) - {
        *("Any", "None", "Path", "Callable", "Iterable", "Iterator", "Mapping", "NDArray"),
    }
    assert own == {"ExportedModel", "Isolated", "Optimization", "Prediction", "Rows", "Source", "Tiling", "Timing"}
    assert own <= set(runtime.__all__)
    for name in own:
        assert f"### `{name}`" in page
    assert "`str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | NDArray[Any] | Mapping[str, Any]`" in page


def test_messages_speak_of_python_and_not_of_flags(tmp_path: Path) -> None:
    model = open_model(write_brightness(tmp_path))
    with pytest.raises(UsageError) as threshold:
        model.decide_at(0.5)
    with pytest.raises(UsageError) as tiles:
        model.predictions([np.zeros((9, 9), np.uint8)], tiling=Tiling(size=4, overlap=1))
    with pytest.raises(UsageError) as overlap:
        Tiling(size=8, overlap=7)
    with pytest.raises(UsageError, match="an empty text is no path"):
        open_model("")
    for caught in (threshold, tiles, overlap):
        assert "--" not in f"{caught.value.message} {caught.value.hint}"
