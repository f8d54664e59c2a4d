"""Which text or row an answer is of: the names of columns, the numbers of lines, and files that are none of these."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from number_models import mean_sign

from zoo_core import Recipe, TensorSpec, ZooError
from zoo_core.recipes import learning, load_recipe
from zoo_core.runtime import open_model
from zoo_core.workflows.answers.predict import plan_predictions, predict


@pytest.fixture
def reader(here: Path) -> Path:
    """A model of texts that were in the column `review`."""
    recipe = learning(load_recipe(Recipe("text", source="text", text="review", length=4, least=1)), ["good bad"]).recipe
    spec = TensorSpec("N", 4, dtype="int64").with_range(*(load_recipe(recipe).values or (0, 1)))
    return mean_sign(here, 4, dtype="int64", recipes={"x": recipe}, inputs={"x": spec})


@pytest.fixture
def table(here: Path) -> Path:
    """A model of rows with the columns `age` and `size`."""
    rows = [{"size": str(number), "age": "1"} for number in range(5)]
    return mean_sign(
        here, 2, name="rows", recipes={"x": learning(load_recipe(Recipe("table", source="row")), rows).recipe}
    )


def predicted(export: Path, name: str, content: str) -> list[dict[str, Any]]:
    Path(name).write_text(content, encoding="utf-8", newline="")
    return predict(export, inputs=[name])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("review;x\ngood;1\n", "its first line has no comma but ';'"),
        ("x\treview\n1\tgood\n", "its first line has no comma but a tab"),
        ("comment\ngood\n", "a table with the column review"),
        ("good\nbad\n", "a table with the column review"),
    ],
)
def test_a_text_is_read_from_no_other_column(reader: Path, content: str, told: str) -> None:
    (row,) = predicted(reader, "s.csv", content)
    assert row["error"].startswith("s.csv has no column 'review', but ")
    assert told in row["error"]


def test_a_table_with_other_separators_is_told_what_to_change(table: Path) -> None:
    hint = "(its first line has no comma but ';': save it with commas between the cells)"
    (row,) = predicted(table, "s.csv", "age;size\n1;0\n")
    assert row["error"].startswith("s.csv has no column 'size' and no column 'age'")
    assert row["error"].endswith(hint)
    (row,) = predicted(table, "s.csv", "age;size\n1;0,5\n1;2,5\n")
    assert row["error"] == f"s.csv: line 2 has 2 cells, and there is 1 column {hint}"


def test_every_line_of_a_file_is_a_text_with_its_own_number(reader: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        rows = predicted(reader, "t.txt", end.join(["good", "", " ", "bad", ""]))
        assert [row["input"] for row in rows] == [f"t.txt[{number}]" for number in range(4)]
        assert all("label" in row for row in rows)
    assert len(open_model(reader)(Path("t.txt"))) == 4


def test_nothing_but_a_line_break_ends_a_line(reader: Path) -> None:
    assert len(predicted(reader, "t.txt", "a\x0cb\x0bc\x1cd\x1de\x1ef\x85g\u2028h\u2029i\n")) == 1


def test_blank_lines_of_a_table_are_no_rows_as_in_other_programs(reader: Path) -> None:
    rows = predicted(reader, "t.csv", "review,n\ngood,1\n\n\nbad,2\n\n")
    assert [row["input"] for row in rows] == ["t.csv[0]", "t.csv[1]"]


def test_a_file_of_another_kind_is_not_read_as_lines(reader: Path) -> None:
    for name in ("t.tsv", "t", "t.csv.bak"):
        (row,) = predicted(reader, name, "review\tn\ngood\t1\n")
        said = f"{name} is not read: its name ends in none of .txt, .csv, .parquet"
        assert row["error"].startswith(f"{said} (save it as one of these: a text a line, ")
    assert "label" in predicted(reader, "T.TXT", "good\n")[0]


def test_an_open_table_is_a_table(reader: Path) -> None:
    Path("t.csv").write_text("n,review\n1,good\n2,bad\n")
    with Path("t.csv").open("rb") as file:
        assert len(open_model(reader)(file)) == 2


@pytest.mark.parametrize("cells", ["1", "1,2,3"])
def test_a_row_of_too_many_or_too_few_cells_fails_alone(reader: Path, table: Path, cells: str) -> None:
    columns = len(cells.split(","))
    for export, names in ((table, "age,size"), (reader, "review,n")):
        rows = predicted(export, "r.csv", f"{names}\n1,3\n{cells}\n1,4\n")
        assert ["label" in row for row in rows] == [True, False, True]
        assert [row["input"] for row in rows] == ["r.csv[0]", "r.csv[1]", "r.csv[2]"]
        said = f"r.csv[1]: line 3 has {columns} cell{'s' * (columns > 1)}, and there are 2 columns"
        assert rows[1]["error"] == f"{said} (a cell with a comma is in quotes)"


def test_where_no_row_fits_the_names_the_file_is_at_fault(table: Path) -> None:
    (row,) = predicted(table, "r.csv", "age,size\n1,2,3\n1,2,3\n")
    assert row["input"] == "r.csv"
    assert "line 2 has 3 cells, and there are 2 columns" in row["error"]


def test_a_table_of_which_very_many_rows_do_not_fit_is_at_fault_itself(table: Path) -> None:
    rows = predicted(table, "r.csv", "age,size\n1,3\n" + "1\n" * 1001)
    assert [row["input"] for row in rows] == ["r.csv"]
    assert "line 1003 has 1 cell" in rows[0]["error"]


def test_a_text_that_could_be_a_file_is_told(reader: Path) -> None:
    Path("good").write_text("bad\n")
    model = open_model(reader)
    for text in ("good", "gone.txt", "gone.CSV"):
        with pytest.warns(
            UserWarning, match=rf"{text!r} is read as a text, .*Path\({text!r}\).*\{{'text': {text!r}\}}"
        ):
            assert len(model([text])) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(model(["a good day", "it was in notes.txt", ".", "", {"text": "good"}])) == 5
        assert [row["input"] for row in plan_predictions(reader, inputs=[], texts=["good"]).rows()] == ["good"]


def test_a_mapping_without_the_source_is_told_which_one_it_needs(reader: Path) -> None:
    with pytest.raises(ZooError, match="input 0 has 'review', and no 'text'") as caught:
        open_model(reader)({"review": "good"})
    assert caught.value.hint == "{'text': ...}"
