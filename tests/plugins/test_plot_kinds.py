"""`zoo plot` of real runs, exports and datasets: every kind of picture, opened again; an export without torch."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mask_files import filter_bank, light_mask
from PIL import Image
from shared import shared
from warm import run_to_success
from without_torch import BLOCKER, HEAVY

Zoo = Callable[..., Any]
DATA = ("samples", "confusion", "predictions", "errors")


def once_more(what: str) -> Any:
    """A picture that does not depend on the kind of data, of which one is drawn in any case: for `make test-all`."""
    return pytest.param(what, marks=pytest.mark.slow)


def check_picture(path: Path) -> np.ndarray:
    """A PNG of a size that can be read, with more on it than a few words."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert 500 < picture.width < 3000
        assert 200 < picture.height < 3000
        pixels = np.asarray(picture.convert("RGB"))
    assert (pixels < 250).any(axis=2).mean() > 0.02
    # nothing is cut off: the outermost pixels are white
    assert all((edge == 255).all() for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))
    return pixels


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `runs/unet1d-peaks`, its export, and a wave to look at."""

    def make(folder: Path) -> None:
        run_to_success("train", "unet1d", "--dataset", "peaks", "--epochs", "2", "-d", "count=40", cwd=folder)
        run_to_success("export", "unet1d-peaks", cwd=folder)
        (folder / "wave.csv").write_text("\n".join(str(np.sin(place / 3)) for place in range(60)))

    return shared(tmp_path_factory, "peaks", make)


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `runs/unet-mask-folder` of bright squares, its export, and the pictures."""
    return shared(tmp_path_factory, "squares", make_squares)


def make_squares(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / "data" / name).mkdir(parents=True)
    for index in range(12):
        picture, mask = rng.integers(0, 90, (32, 32), dtype=np.uint8), np.zeros((32, 32), np.uint8)
        top, left = rng.integers(2, 16, 2)
        picture[top : top + 12, left : left + 12] += 150
        mask[top : top + 12, left : left + 12] = 255
        Image.fromarray(picture).save(folder / "data" / "images" / f"{index:02}.png")
        Image.fromarray(mask).save(folder / "data" / "masks" / f"{index:02}.png")
    data = ["-d", "root=data", "-d", "size=32", "-d", "val_size=3"]
    chosen = ["-o", "base_channels=2", "--epochs", "2"]
    run_to_success("train", "unet", "--dataset", "mask-folder", *data, *chosen, cwd=folder)
    run_to_success("export", "unet-mask-folder", cwd=folder)


def bring(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    import zoo_plugins.digits

    path = tmp_path / "digit.png"
    shutil.copy(sorted((Path(zoo_plugins.digits.__file__).parent / "samples").glob("*.png"))[0], path)
    return path


def arguments_of(what: str, read: str) -> list[str]:
    """Of a picture with few samples, which is drawn in a tenth of the time."""
    few = ["--count", "6"] if what in {"samples", "predictions", "errors"} else []
    return ["--what", what, *few, *(["--input", read] if what == "activations" else [])]


def files_of(name: str, what: str | None) -> list[str]:
    """The files of one picture: errors have a table beside it."""
    return [f"{name}.png", f"{name}.csv"] if what == "errors" else [f"{name}.png"]


@pytest.mark.parametrize("what", ["curves", "filters", "activations", *DATA])
def test_a_run_of_classes(zoo_here: Zoo, workplace: Path, seven: Path, what: str) -> None:
    done = zoo_here("plot", "lenet5-digits", *arguments_of(what, "digit.png"), "--json")
    assert done.code == 0, done.stderr
    assert done.json == {"files": files_of(f"runs/lenet5-digits/plots/{what}", what), "remarks": []}
    check_picture(workplace / done.json["files"][0])


@pytest.mark.parametrize("what", [once_more("curves"), "filters", "activations", *DATA])
def test_a_run_of_sequences(zoo_here: Zoo, peaks: Path, tmp_path: Path, what: str) -> None:
    bring(peaks, tmp_path)
    done = zoo_here("plot", "unet1d-peaks", *arguments_of(what, "wave.csv"), "--json")
    assert done.code == 0, done.stderr
    pixels = check_picture(tmp_path / done.json["files"][0])
    if what in {"samples", "predictions", "errors"}:
        # the class is red, as in the files of `zoo predict`
        assert (pixels == (255, 168, 168)).all(axis=2).sum() > 1000


@pytest.mark.parametrize("what", [once_more("curves"), once_more("filters"), "activations", *DATA])
def test_a_run_of_masks(zoo_here: Zoo, squares: Path, tmp_path: Path, what: str) -> None:
    bring(squares, tmp_path)
    done = zoo_here("plot", "unet-mask-folder", *arguments_of(what, "data/images/00.png"), "--json")
    assert done.code == 0, done.stderr
    pixels = check_picture(tmp_path / done.json["files"][0])
    if what in {"samples", "predictions", "errors"}:
        # outlines, in the full colour of the class, which is red
        assert ((pixels[..., 0] > 200) & (pixels[..., 1:] < 90).all(axis=2)).sum() > 100


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(what, marks=() if what in {None, "predictions"} else pytest.mark.slow)
        for what in (None, "filters", "activations", *DATA)
    ],
)
def test_an_export_needs_no_torch_and_stays_as_it_is(
    run_zoo: Zoo, workplace: Path, seven: Path, what: str | None
) -> None:
    folder = workplace / "blocker"
    folder.mkdir()
    heavy = [name for name in HEAVY if name != "matplotlib"]
    (folder / "sitecustomize.py").write_text(BLOCKER.replace(repr(HEAVY), repr(tuple(heavy))))
    before = hashes(workplace / "exported")
    given = ["--what", "predictions"] if what == "predictions" else arguments_of(what, "digit.png") if what else []
    done = run_zoo("plot", "export:lenet5-digits", *given, "--json", env={"PYTHONPATH": str(folder)})
    assert (done.code, done.stderr) == (0, "")
    assert done.json == {"files": files_of(f"plots/lenet5-digits-{what or 'confusion'}", what), "remarks": []}
    check_picture(workplace / done.json["files"][0])
    assert hashes(workplace / "exported") == before
    if what in {"activations", "errors"}:
        done = run_zoo("plot", "run:lenet5-digits", *given, env={"PYTHONPATH": str(folder)})
        assert done.code == 1
        assert "the weights of a run needs the package 'torch', which is not installed" in done.stderr


@pytest.mark.parametrize("what", [None, "activations", "errors", "confusion"])
def test_exports_of_sequences_and_masks(
    zoo_here: Zoo, peaks: Path, squares: Path, tmp_path: Path, what: str | None
) -> None:
    bring(peaks, tmp_path)
    bring(squares, tmp_path)
    for name, read, data in (
        ("unet1d-peaks", "wave.csv", []),
        ("unet-mask-folder", "data/images/00.png", ["-d", "root=data"]),
    ):
        given = arguments_of(what, read) if what else []
        done = zoo_here("plot", f"export:{name}", *given, *([] if what == "activations" else data), "--json")
        assert done.code == 0, done.stderr
        assert done.json == {"files": files_of(f"plots/{name}-{what or 'predictions'}", what), "remarks": []}
        check_picture(tmp_path / done.json["files"][0])


def test_the_run_and_its_export_draw_the_same_picture(zoo_here: Zoo, workplace: Path, seven: Path) -> None:
    for what in ("filters", "activations", "predictions"):
        drawn = []
        for source in ("run:lenet5-digits", "export:lenet5-digits"):
            zoo_here("plot", source, *arguments_of(what, "digit.png"), "--out", "same.png")
            drawn.append(check_picture(workplace / "same.png").astype(int))
        # below the title, which says what it is
        assert (np.abs(drawn[0][80:] - drawn[1][80:]) > 8).mean() < 0.002


def test_a_dataset_and_where_its_picture_goes(zoo_here: Zoo, tmp_path: Path) -> None:
    done = zoo_here("plot", "digits")
    assert done.stdout.splitlines() == ["plots/digits-samples.png", "Next: zoo train MODEL --dataset digits"]
    first = (tmp_path / "plots" / "digits-samples.png").read_bytes()
    check_picture(tmp_path / "plots" / "digits-samples.png")
    assert zoo_here("plot", "dataset:digits", "--what", "samples", "--out", "deep/er").code == 0
    assert (tmp_path / "deep" / "er" / "digits-samples.png").read_bytes() == first
    assert (
        zoo_here("plot", "digits", "--split", "test", "-d", "classes=3,5", "--count", "9", "--out", "x.png").code == 0
    )
    assert (tmp_path / "x.png").read_bytes() != first
    check_picture(tmp_path / "x.png")


@pytest.mark.parametrize(
    ("dataset", "names"), [("digits", "crop,affine"), ("peaks", "flip,crop"), ("mask-folder", "usual,color")]
)
def test_what_augmentation_makes_of_samples(
    zoo_here: Zoo, squares: Path, tmp_path: Path, dataset: str, names: str
) -> None:
    bring(squares, tmp_path)
    data = ("-d", "root=data", "-d", "size=32") if dataset == "mask-folder" else ()
    done = zoo_here("plot", dataset, "--what", "augmented", "--augment", names, *data, "--json")
    assert done.code == 0, done.stderr
    assert done.json == {"files": [f"plots/{dataset}-augmented.png"], "remarks": []}
    check_picture(tmp_path / done.json["files"][0])


def test_augmentation_that_changes_nothing_or_has_no_place_is_refused(zoo_here: Zoo, tmp_path: Path) -> None:
    for given, told in (
        (("digits",), "augmentation 'usual' changes no sample; the dataset declares no usual one"),
        (("peaks", "--augment", "color"), "sequences cannot be augmented with color"),
        (("digits", "--augment", "flop"), "there is no augmentation flop"),
    ):
        done = zoo_here("plot", *given, "--what", "augmented")
        assert (done.code, told in done.stderr) == (1 if "color" in given else 2, True)
    done = zoo_here("plot", "digits", "--augment", "flip")
    assert (done.code, "--augment is not for samples" in done.stderr) == (2, True)
    assert not (tmp_path / "plots").exists()


def test_names_are_drawn_as_they_are(zoo_here: Zoo, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("x_{1}$\\frac$", "a$b$ ^c", "菱形"):
        (tmp_path / "odd" / name).mkdir(parents=True)
        for index in range(4):
            pixels = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "odd" / name / f"{index}.png")
    data = ("image-folder", "-d", "root=odd", "-d", "size=24")
    assert zoo_here("train", "lenet5", "--dataset", *data, "--epochs", "1", "--run", "r$1$").code == 0
    for what in ("samples", "confusion", "errors"):
        done = zoo_here("plot", "r$1$", *arguments_of(what, ""), "--json")
        assert done.code == 0, done.stderr
        boxes = f"Warning: {what}.png shows boxes for characters that no installed font has; install a font"
        assert not done.stderr or done.stderr.startswith(boxes)
        check_picture(tmp_path / done.json["files"][0])


def test_a_filter_shows_its_kernels_and_has_no_truth(zoo_here: Zoo, tmp_path: Path) -> None:
    filter_bank(tmp_path, np.random.default_rng(0).normal(size=(4, 1, 3, 3)))
    done = zoo_here("plot", "filter", "--json")
    assert done.json == {"files": ["plots/filter-filters.png"], "remarks": []}
    check_picture(tmp_path / "plots" / "filter-filters.png")
    done = zoo_here("plot", "filter", "--what", "confusion", "--dataset", "digits")
    assert done.code == 1
    assert "image-filter has no metrics" in done.stderr


def test_an_export_that_names_no_dataset_takes_one(zoo_here: Zoo, squares: Path, tmp_path: Path) -> None:
    bring(squares, tmp_path)
    light_mask(tmp_path, side=32, labels=("background", "foreground"))
    done = zoo_here("plot", "light", "--what", "errors")
    assert done.code == 2
    assert "export 'light' does not say what it was trained on" in done.stderr
    data = ("--dataset", "mask-folder", "-d", "root=data")
    done = zoo_here("plot", "light", "--what", "errors", *data)
    assert done.code == 0, done.stderr
    check_picture(tmp_path / "plots" / "light-errors.png")


def test_what_may_not_be_written_over(zoo_here: Zoo, workplace: Path, seven: Path) -> None:
    read = ("--what", "activations", "--input", "digit.png")
    (workplace / "hard.png").hardlink_to(seven)
    for out in ("digit.png", "hard.png"):
        done = zoo_here("plot", "export:lenet5-digits", *read, "--out", out)
        assert (done.code, f"{out} is the input, and would be overwritten" in done.stderr) == (2, True)
    done = zoo_here("plot", "export:lenet5-digits", *read, "--out", "exported/lenet5-digits/plots")
    assert done.code == 2
    assert "is inside the export lenet5-digits, which stays as it is" in done.stderr
    assert not (workplace / "exported" / "lenet5-digits" / "plots").exists()


def test_layers_that_are_not_there(zoo_here: Zoo, workplace: Path, seven: Path) -> None:
    for source, name in (("lenet5-digits", "run"), ("export:lenet5-digits", "export")):
        done = zoo_here("plot", source, "--what", "activations", "--input", "digit.png", "--layer", "conv3")
        assert done.code == 2
        assert f"{name} 'lenet5-digits' has no layer 'conv3'" in done.stderr
        assert "Did you mean 'conv2' or 'conv1'" in done.stderr
        assert "Layers: conv1, " in done.stderr
        done = zoo_here("plot", source, "--what", "filters", "--layer", "fc1")
        assert done.code == 2
        assert f"layer 'fc1' of {name} 'lenet5-digits' has no convolution over pictures or sequences" in done.stderr
        assert "convolutions: conv1, conv2" in done.stderr


def test_a_missing_input_is_named(zoo_here: Zoo, workplace: Path) -> None:
    done = zoo_here("plot", "export:lenet5-digits", "--what", "activations", "--input", "none.png")
    assert done.code == 1
    assert "cannot read picture none.png" in done.stderr


def test_a_sequence_that_does_not_fit_a_run_says_what_fits(zoo_here: Zoo, peaks: Path, tmp_path: Path) -> None:
    bring(peaks, tmp_path)
    (tmp_path / "odd.csv").write_text("1\n2\n3\n")
    for source in ("run:unet1d-peaks", "export:unet1d-peaks"):
        done = zoo_here("plot", source, "--what", "activations", "--input", "odd.csv")
        assert done.code == 1
        assert "axis 2 is 3, and must be a multiple of 2" in done.stderr
