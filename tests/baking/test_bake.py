"""`zoo export --bake-preprocess`: a file that takes pictures as they are, and answers as the float file does."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from shared import shared
from warm import Result, run_to_success

from zoo_core.runtime import open_model, read_metadata, read_onnx

Zoo = Callable[..., Result]
BAKED = "lenet5-digits-baked"
DIGITS = sorted(Path(__file__).parents[2].glob("zoo_plugins/digits/samples/*.png"))


@pytest.fixture(scope="session")
def baked(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `told.json`, the run, its float export and the one that prepares its pictures; read only."""

    def make(folder: Path) -> None:
        for name in ("runs", "exported"):
            shutil.copytree(trained / name, folder / name)
        asked = ("--bake-preprocess", "--with-probabilities", "--json")
        folder.joinpath("told.json").write_text(run_to_success("export", "lenet5-digits", *asked, cwd=folder).stdout)

    return shared(tmp_path_factory, "baked", make)


@pytest.fixture
def told(baked: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(baked.joinpath("told.json").read_text())
    return found


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Digits in several sizes and modes, one of them turned by its EXIF orientation."""
    found = []
    for number, path in enumerate(DIGITS):
        with Image.open(path) as image:
            sized = image.convert(("L", "RGB", "RGBA")[number % 3]).resize((24 + 17 * number, 40 + 5 * number))
        exif = Image.Exif()
        exif[0x0112] = 6
        target = tmp_path / f"{number}.{'png' if number % 3 == 2 else 'jpg'}"
        sized.save(target, exif=exif if number == 1 else Image.Exif())
        found.append(target)
    return found


def test_the_report_says_what_it_was_held_against(baked: Path, told: dict[str, Any]) -> None:
    assert (told["outcome"], told["name"], told["path"]) == ("verified", BAKED, f"exported/{BAKED}")
    rules = {check["rule"] for check in told["checks"]}
    assert {"made of", "pictures", "values", "decisions", "self-test", "test vectors", "sensitivity"} <= rules
    plain = (baked / "exported" / "lenet5-digits" / "model.onnx").read_bytes()
    made_of, measured = told["baked"]["made_of"], told["baked"]["measured"]
    assert made_of["name"] == "lenet5-digits"
    assert made_of["sha256"] == hashlib.sha256(plain).hexdigest()
    assert measured["largest_difference"]["prepared"] == 0
    assert measured["largest_difference"]["outputs"]["logits"] < 1e-4
    assert measured["decisions"] == {"of": measured["n"], "flipped": 0}
    sources = {each["source"]: each for each in measured["pictures"]}
    assert sources["the dataset"] == {"source": "the dataset", "size": [8, 8], "n": 16}
    assert {"the dataset", "generated"} <= sources.keys()
    assert len({tuple(each["size"]) for each in measured["pictures"]}) >= 5
    kept = json.loads((baked / "exported" / BAKED / "report.json").read_text())
    assert kept == {key: value for key, value in told.items() if key != "path"}


def test_the_file_says_that_it_prepares_its_pictures(baked: Path) -> None:
    file = read_onnx(baked / "exported" / BAKED / "model.onnx")
    metadata = read_metadata(file)
    plain = read_metadata(read_onnx(baked / "exported" / "lenet5-digits" / "model.onnx"))
    assert metadata.baked
    assert not plain.baked
    assert "baked" not in plain.to_json()
    assert metadata.preprocess == plain.preprocess
    assert {name: str(spec) for name, spec in metadata.inputs.items()} == {"image": "(N, H, W, 3)"}
    assert metadata.inputs["image"].dtype == "uint8"
    assert list(metadata.outputs) == ["logits", "probabilities"]
    assert metadata.largest == {"H": 8192, "W": 8192}
    assert {node.domain for node in file.nodes} == {""}
    sizes = {tuple(case["inputs"]["image"]["shape"][1:3]) for case in (metadata.self_test or {})["others"]}
    assert len(sizes) == 3


def test_it_is_verified_where_there_is_no_pytorch(baked: Path, run_zoo: Zoo) -> None:
    done = run_zoo("verify", baked / "exported" / BAKED)
    assert (done.code, done.stderr) == (0, "")
    assert "lenet5-digits-baked: verified" in done.stdout


def test_answers_are_those_of_the_float_file(baked: Path, pictures: list[Path]) -> None:
    ours, theirs = (open_model(baked / "exported" / name) for name in (BAKED, "lenet5-digits"))
    with ours, theirs:
        for mine, wanted in zip(ours(pictures), theirs(pictures), strict=True):
            assert mine["label"] == wanted["label"]
            assert mine["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-6)
        pixels = np.asarray(Image.open(pictures[0]).convert("RGB"))
        assert ours(pixels)[0]["label"] == theirs(pixels)[0]["label"]


def test_any_program_gets_probabilities_of_a_batch_of_pixels(baked: Path, pictures: list[Path]) -> None:
    session = onnxruntime.InferenceSession(baked / "exported" / BAKED / "model.onnx")
    with Image.open(pictures[0]) as image:
        pixels = np.stack([np.asarray(image.convert("RGB").resize((50, 33))) for _ in range(2)])
    logits, probabilities = session.run(None, {"image": pixels})
    with open_model(baked / "exported" / "lenet5-digits") as model:
        (wanted,) = model(pixels[:1])
        np.testing.assert_allclose(
            probabilities[1], [wanted["probabilities"][name] for name in model.labels], atol=1e-6
        )
    assert logits.shape == probabilities.shape == (2, 10)


def test_zoo_eval_gives_it_the_pictures_as_they_are(baked: Path, run_zoo: Zoo) -> None:
    ours, theirs = (run_zoo("eval", f"export:{name}", "--json", cwd=baked) for name in (BAKED, "lenet5-digits"))
    assert ours.json["metrics"] == pytest.approx(theirs.json["metrics"], abs=1e-6)
    assert ours.json["n"] == theirs.json["n"] == 360


def test_what_is_told_of_it(baked: Path, run_zoo: Zoo) -> None:
    shown = run_zoo("info", f"export:{BAKED}", cwd=baked)
    assert "(inside the file)" in shown.stdout
    assert "image (N, H, W, 3) uint8" in shown.stdout


def test_servers_and_catalogues_are_told_of_both_outputs_and_of_its_layout(
    baked: Path, run_zoo: Zoo, tmp_path: Path
) -> None:
    done = run_zoo("package", baked / "exported" / BAKED, "--for", "triton", "--to", "repository", "--json")
    assert done.code == 0, done.stderr
    assert "labels.txt" in done.json["files"]
    config = (tmp_path / "repository" / BAKED / "config.pbtxt").read_text()
    assert config.count('label_filename: "labels.txt"') == 2
    done = run_zoo("site", baked / "exported" / BAKED, "--to", "gallery", "--format", "bioimageio", "--json")
    assert (done.code, done.json["unfit"]) == (0, {}), done.stderr
    (place,) = (tmp_path / "gallery" / "models").iterdir()
    (image,) = json.loads((place / "rdf.yaml").read_text())["inputs"]
    assert [axis["type"] for axis in image["axes"]] == ["batch", "space", "space", "channel"]
    assert len(image["axes"][3]["channel_names"]) == 3


def test_a_picture_that_is_too_large_is_told_and_the_others_go_on(
    baked: Path, pictures: list[Path], tmp_path: Path, run_zoo: Zoo
) -> None:
    Image.new("1", (8200, 2)).save(tmp_path / "wide.png")
    done = run_zoo("predict", baked / "exported" / BAKED, tmp_path / "wide.png", pictures[0], "--json")
    wide, other = done.json
    assert done.code == 1
    assert "the axis W is 8200, and may be up to 8192 (resize or pad it: 8192 x 2 pixels" in wide["error"]
    assert other["label"]


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(baked: Path, workplace: Path, run_zoo: Zoo) -> None:
    shutil.rmtree(workplace / "runs")
    shutil.copytree(baked / "runs", workplace / "runs")
    done = run_zoo("export", "lenet5-digits", "--bake-preprocess", "--with-probabilities", cwd=workplace)
    assert done.code == 0, done.stderr
    for path in (baked / "exported" / BAKED).rglob("*"):
        again = workplace / path.relative_to(baked)
        assert again.is_dir() or again.read_bytes() == path.read_bytes(), path.name


@pytest.mark.slow
def test_it_is_measured_without_pytorch_which_takes_prepared_pictures(baked: Path, run_zoo: Zoo) -> None:
    few = ("--batch", "1", "--seconds", "0.01", "--engine", "onnxruntime", "--engine", "torch")
    done = run_zoo("bench", f"export:{BAKED}", *few, cwd=baked)
    assert done.code == 0, done.stdout
    assert "torch, because the file prepares its pictures itself" in done.stdout


def test_smaller_numbers_are_for_the_float_file(baked: Path, run_zoo: Zoo) -> None:
    done = run_zoo("quantize", f"exported/{BAKED}", "--trusted", cwd=baked)
    assert done.code == 2
    assert "prepares its pictures itself" in done.stderr
    assert "name the export without --bake-preprocess" in done.stderr
