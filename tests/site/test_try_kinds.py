""" "Try it" for models that take tables, sounds, sequences and photographs: answers are those of zoo predict."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_data import own_data
from shared import shared
from tried_site import Visitor, runtime_folder, write_site
from warm import run_to_success

pytestmark = pytest.mark.slow
TRAINED = {
    "table": ("tablemlp", "table-file", "root=tables", "target=label", "drop=score"),
    "sound": ("melnet", "audio-folder", "root=sounds"),
    "text": ("textcnn", "text-file", "root=texts", "text=review", "target=kind", "length=12"),
    "sequence": ("unet1d", "peaks"),
}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of each kind, and the data that they have learnt from, for an epoch."""

    def make(folder: Path) -> None:
        own_data(folder)
        for name, (model, dataset, *options) in TRAINED.items():
            chosen = [word for option in options for word in ("-d", option)]
            run_to_success("train", model, "--dataset", dataset, *chosen, "--epochs", "1", "--run", name, cwd=folder)
            run_to_success("export", f"run:{name}", "--to", name, cwd=folder)
        run_to_success("export", "filter-sobel", "--to", "filter", cwd=folder)

    return shared(tmp_path_factory, "tried-kinds", make)


@pytest.fixture
def opened(exports: Path, served: tuple[Path, str], browser: Any) -> Callable[[str], Visitor]:
    """The page of one of the exports, once it has tested itself."""
    names = [*TRAINED, "filter"]
    write_site(served[0], [exports / name / "model.onnx" for name in names], runtime_folder())

    def open_page(name: str) -> Visitor:
        visitor = Visitor(browser, served[1]).opens(name).tests()
        assert visitor.state == "proven", visitor.status
        return visitor

    return open_page


def predicted(exports: Path, name: str, *files: Path) -> list[Any]:
    rows: list[Any] = run_to_success("predict", name, *map(str, files), "--json", cwd=exports).json
    return rows


def test_rows_of_a_table(exports: Path, opened: Callable[[str], Visitor]) -> None:
    visitor, file = opened("table"), exports / "tables" / "test.csv"
    assert visitor.texts(".try-passed strong")[1] == "The inputs that this page makes: the same"
    visitor.chooses(file)
    expected = predicted(exports, "table", file)
    cells = visitor.texts(".try-answer td")
    assert cells[::2] == [row["label"] for row in expected]
    found, own = [float(cell) for cell in cells[1::2]], [row["probability"] for row in expected]
    np.testing.assert_allclose(found, own, atol=0.0001)  # of four digits


def test_sounds(exports: Path, opened: Callable[[str], Visitor]) -> None:
    visitor, files = opened("sound"), sorted(exports.glob("sounds/test/*/0.wav"))
    assert visitor.texts(".try-passed strong")[1] == "The inputs that this page makes: the same"
    for answer, own in zip(visitor.chooses(*files), predicted(exports, "sound", *files), strict=True):
        assert answer["label"] == own["label"]
        for label, probability in answer["probabilities"]:
            assert probability == pytest.approx(own["probabilities"][label], abs=1e-5)


def test_a_sequence(exports: Path, opened: Callable[[str], Visitor], tmp_path: Path) -> None:
    file = tmp_path / "sequence.csv"
    np.savetxt(file, np.random.default_rng(0).normal(0, 1, 64), fmt="%.6f")
    (answer,) = opened("sequence").chooses(file)
    run_to_success("predict", "sequence", str(file), "--out", str(tmp_path / "out.csv"), cwd=exports)
    with tmp_path.joinpath("out.csv").open() as written:
        decided = [int(row["class"]) for row in csv.DictReader(written)]
    shares = dict(answer["probabilities"])
    assert sorted(shares.values()) == sorted(decided.count(number) / 64 for number in set(decided))


def test_a_text_is_told_to_be_for_elsewhere(opened: Callable[[str], Visitor]) -> None:
    visitor = opened("text")
    assert visitor.texts(".try-not-here")[0].startswith("Texts are not read by this page")
    assert visitor.texts("input, canvas") == []


def test_a_file_that_does_not_fit_is_told(opened: Callable[[str], Visitor], tmp_path: Path) -> None:
    tmp_path.joinpath("a.csv").write_text("1\n2\n3\n")
    (answer,) = opened("sequence").chooses(tmp_path / "a.csv")
    assert answer["problem"].endswith("has the shape 1 x 1 x 3, and the model takes N x 1 x 2*L")


def test_a_detector(
    served: tuple[Path, str], browser: Any, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    from foreign_models import export_for_readers
    from PIL import Image

    made = shared(tmp_path_factory, "foreign-detector", lambda folder: export_for_readers("detector", folder))
    write_site(served[0], [made / "detector" / "model.onnx"], runtime_folder())
    visitor = Visitor(browser, served[1]).opens("detector").tests()
    assert visitor.state == "proven"
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((240, 180)).save(tmp_path / "a.png")
    visitor.chooses(tmp_path / "a.png")
    (own,) = predicted(made, "detector", tmp_path / "a.png")
    found = [float(cell) for cell in visitor.texts(".try-answer td:nth-child(2)")]
    expected = [each["probability"] for each in own["detections"]]
    np.testing.assert_allclose(found, sorted(expected, reverse=True), atol=0.001)
