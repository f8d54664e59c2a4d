"""`zoo predict` where answers are files: masks, sequences, filtered pictures, features."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mask_files import BRIGHT, convolution, filter_bank, high_sequence, light_mask
from onnx import TensorProto, helper, numpy_helper
from onnx_files import brightness_metadata, graph_model, write_brightness, write_model
from PIL import Image

from zoo_core import Preprocess, TensorSpec, ZooError
from zoo_core.errors import UsageError
from zoo_core.runtime.running.model import open_model
from zoo_core.runtime.running.sequences import sequence_input
from zoo_core.workflows.answers.predict import predict
from zoo_core.workflows.answers.shown import class_color, eight_bit, mask_png, picture_png, sequence_csv, sheet

SOBEL = np.array([[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def half(path: str | Path, *, height: int = 20, width: int = 32, left: int = 0, right: int = 255) -> Path:
    """A grey picture whose right half is brighter."""
    pixels = np.full((height, width), left, np.uint8)
    pixels[:, width // 2 :] = right
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return Path(path)


def pixels_of(path: str | Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


# --- masks


def test_a_mask_is_a_palette_picture_of_class_numbers_in_the_size_of_the_picture(here: Path) -> None:
    light_mask(here)
    (answer,) = predict("exported/light", inputs=[half("in/photo.jpg")])
    assert answer == {"input": "in/photo.jpg", "file": "photo.mask.png", "shape": [20, 32]}
    with Image.open("photo.mask.png") as picture:
        assert picture.mode == "P"
        assert picture.convert("RGB").getpixel((31, 0)) == class_color(1)
    mask = pixels_of("photo.mask.png")
    assert mask.dtype == np.uint8
    assert not mask[:, :16].any()
    assert (mask[:, 16:] == 1).all()
    assert [path.name for path in here.iterdir() if path.name.startswith(".")] == []


def test_masks_of_several_classes_and_as_numbers(here: Path) -> None:
    weight = np.array([0.0, 8, 20], np.float32).reshape(3, 1, 1, 1)
    file = convolution(here, name="three", weight=weight, sizes=("H", "W"), labels=("a", "b", "c"))
    picture = half("photo.png", left=0, right=255)
    predict(file, inputs=[picture])
    assert sorted(set(pixels_of("photo.mask.png").ravel().tolist())) == [0, 2]
    (answer,) = predict(file, inputs=[picture], out="masks/numbers.npy")
    np.testing.assert_array_equal(np.load("masks/numbers.npy"), pixels_of("photo.mask.png"))
    assert answer["file"] == "masks/numbers.npy"


def test_a_recipe_that_crops_gives_masks_of_the_crop(here: Path) -> None:
    recipe = Preprocess(resize=8, crop=(8, 8), color="L", interpolation="nearest")
    light_mask(here, preprocess=recipe)
    (answer,) = predict("exported/light", inputs=[half("photo.png")])
    assert answer["shape"] == [8, 8]


def test_a_model_that_makes_masks_smaller_gives_them_so_unless_the_picture_was_resized(here: Path) -> None:
    weight = np.zeros((1, 1, 3, 3), np.float32)
    weight[0, 0, 1, 1] = 8
    convolution(here, name="own-size", weight=weight, bias=-4)
    (answer,) = predict("exported/own-size", inputs=[half("photo.png")])
    assert answer["shape"] == [18, 30]
    assert (pixels_of("photo.mask.png")[:, 15:] == 1).all()


def test_shapes_that_are_no_masks() -> None:
    with pytest.raises(ZooError, match=r"a mask picture has rows and columns, not the shape \(4,\)"):
        mask_png(np.zeros(4, np.uint8))
    with pytest.raises(ZooError, match="the model gives 3 places for a sequence of 4"):
        sequence_csv(np.zeros((4, 1)), np.zeros(3), np.zeros(3))


def test_python_gets_masks_and_probabilities(here: Path) -> None:
    model = open_model(light_mask(here))
    (answer,) = model([half("photo.png")])
    assert answer["mask"].shape == answer["probability"].shape == (20, 32)
    assert answer["probability"].min() > 0.98
    (prepared,) = model(np.ones((1, 1, 8, 8), np.float32))
    assert (prepared["mask"] == 1).all()
    assert model([]) == []


def test_many_pictures_into_a_folder(run_zoo: Callable[..., Any], here: Path) -> None:
    light_mask(here)
    for name in ("b.png", "a.png"):
        half(f"photos/{name}")
    done = run_zoo("predict", "light", "photos", "--out", "made/masks", "--json")
    assert (done.code, done.stderr) == (0, "")
    assert done.json == [
        {"input": f"photos/{name}.png", "file": f"made/masks/{name}.mask.png", "shape": [20, 32]} for name in "ab"
    ]
    Path("made/masks/a.mask.png").write_bytes(b"old")
    again = run_zoo("predict", "light", "photos/a.png", "--out", "made/masks")
    assert (again.code, again.stderr) == (0, "")
    lines = again.stdout.splitlines()
    assert lines[0].split() == ["INPUT", "SHAPE", "FILE"]
    assert lines[1].split() == ["photos/a.png", "20", "x", "32", "made/masks/a.mask.png"]
    assert lines[-1] == "Next: zoo verify light"
    assert pixels_of("made/masks/a.mask.png").shape == (20, 32)


def test_one_bad_picture_among_many_leaves_nothing(run_zoo: Callable[..., Any], here: Path) -> None:
    light_mask(here)
    half("photos/a.png")
    Path("photos/b.png").write_bytes(Path("photos/a.png").read_bytes()[:50])
    done = run_zoo("predict", "light", "photos", "--out", "made/masks", "--json")
    assert (done.code, done.stdout) == (1, "")
    assert "b.png is damaged" in done.stderr
    assert not Path("made").exists()


@pytest.mark.parametrize(
    ("inputs", "out", "words"),
    [
        (["a.png"], "mask.jpg", r"--out mask.jpg: masks are written as .png or .npy"),
        (["a.png", "b.png"], "mask.png", "--out mask.png is one file, for 2 inputs"),
        (["a.png", "in/a.png"], "masks", "a.png and in/a.png would both be written to masks/a.mask.png"),
        (["a.png"], "a.png", "a.png is an input, and would be overwritten"),
        (["in/a.png"], "in/../in/a.png", "is an input, and would be overwritten"),
        (["a.png"], "taken", "taken/a.mask.png is a folder, but a file of that name would be written"),
    ],
)
def test_out_that_does_not_fit(inputs: list[str], out: str, words: str, here: Path) -> None:
    light_mask(here)
    for path in ("a.png", "b.png", "in/a.png"):
        half(path)
    before = Path("a.png").read_bytes()
    Path("taken/a.mask.png").mkdir(parents=True)
    with pytest.raises(UsageError, match=words):
        predict("exported/light", inputs=inputs, out=out)
    assert Path("a.png").read_bytes() == before
    assert not Path("masks").exists()


def test_a_folder_that_cannot_be_written(here: Path) -> None:
    light_mask(here)
    half("a.png")
    Path("file").write_text("x")
    with pytest.raises(ZooError, match="cannot write to file/masks: Not a directory"):
        predict("exported/light", inputs=["a.png"], out="file/masks")
    with pytest.raises(ZooError, match="cannot write to file: File exists") as caught:
        predict("exported/light", inputs=["a.png"], out="file/mask.png")
    assert caught.value.hint == "a file of that name is in the way: choose another place"


@pytest.mark.parametrize("task", ["detection", "keypoints", "optical-flow", "instance-segmentation"])
def test_tasks_that_cannot_be_predicted_yet(task: str, run_zoo: Callable[..., Any], here: Path) -> None:
    light_mask(here, task=task)
    half("a.png")
    done = run_zoo("predict", "light", "a.png", "--out", "masks")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == f"Error: the task '{task}' cannot be trained or decoded yet"
    assert not Path("masks").exists()


# --- one logit for a whole picture


@pytest.mark.parametrize("squeezed", [True, False])
def test_one_logit_gives_two_labels(squeezed: bool, run_zoo: Callable[..., Any], here: Path) -> None:
    shape = ["N"] if squeezed else ["N", 1]
    model = graph_model(
        [
            helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
            helper.make_node("Reshape", ["mean", "shape"], ["column"]),
            helper.make_node("Mul", ["column", "slope"], ["logits"]),
        ],
        inputs=[helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 4, 4])],
        outputs=[helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)],
        tensors=[
            numpy_helper.from_array(np.array([1, 2, 3]), "axes"),
            numpy_helper.from_array(np.array([-1] if squeezed else [-1, 1]), "shape"),
            numpy_helper.from_array(np.array(8, np.float32), "slope"),
        ],
    )
    metadata = brightness_metadata(
        name="day", task="binary-classification", labels=("night", "day"), outputs={"logits": TensorSpec(*shape)}
    )
    write_model(here / "exported" / "day" / "model.onnx", model, metadata)
    half("dark.png", right=0)
    half("light.png", left=255)
    done = run_zoo("predict", "day", "dark.png", "light.png", "--json")
    assert (done.code, done.stderr) == (0, "")
    assert [answer["label"] for answer in done.json] == ["night", "day"]
    assert all(set(answer["probabilities"]) == {"night", "day"} for answer in done.json)
    assert all(answer["probability"] > 0.99 for answer in done.json)


# --- sequences


def write_wave(path: str, *, length: int = 40, channels: int = 1) -> np.ndarray:
    values = np.zeros((length, channels), np.float32)
    values[10:15, 0] = 1.5
    text = "\n".join(",".join(f"{value:.3f}" for value in row) for row in values)
    Path(path).write_text(text + "\n")
    return values


def test_a_sequence_gives_a_table_and_a_drawing(here: Path) -> None:
    high_sequence(here)
    write_wave("wave.csv")
    (answer,) = predict("exported/high", inputs=["wave.csv"])
    assert answer == {"input": "wave.csv", "file": "wave.mask.csv", "shape": [40], "picture": "wave.mask.png"}
    lines = Path("wave.mask.csv").read_text().splitlines()
    assert lines[0] == "value,probability,class"
    assert lines[1].split(",") == ["0.0", f"{1 / (1 + np.exp(-4)):.6f}", "0"]
    assert [line.endswith(",1") for line in lines[1:]] == [10 <= place < 15 for place in range(40)]
    assert pixels_of("wave.mask.png").shape[1] > 500
    first = Path("wave.mask.png").read_bytes()
    predict("exported/high", inputs=["wave.csv"])
    assert Path("wave.mask.png").read_bytes() == first


def test_several_channels_arrays_and_a_line_of_names(here: Path) -> None:
    high_sequence(here, channels=2)
    values = write_wave("wave.csv", channels=2)
    Path("named.csv").write_text("\ufefffirst,second\r\n" + Path("wave.csv").read_text().replace("\n", "\r\n"))
    np.save("wave.npy", values.astype(np.float64))
    made = []
    for name in ("wave.csv", "named.csv", "wave.npy"):
        predict("exported/high", inputs=[name], out="out.csv")
        made.append(Path("out.csv").read_text())
    assert made[0].splitlines()[0] == "value_1,value_2,probability,class"
    assert made[0] == made[1] == made[2]
    (answer,) = predict("exported/high", inputs=["wave.npy"], out="mask.npy")
    assert answer == {"input": "wave.npy", "file": "mask.npy", "shape": [40]}
    assert np.flatnonzero(np.load("mask.npy")).tolist() == [10, 11, 12, 13, 14]


def test_a_folder_of_sequences_of_different_lengths(here: Path) -> None:
    high_sequence(here)
    Path("waves").mkdir()
    for length in (20, 30):
        write_wave(f"waves/{length}.csv", length=length)
    Path("waves/notes.txt").write_text("no sequence")
    assert [answer["shape"] for answer in predict("exported/high", inputs=["waves"], out="made")] == [[20], [30]]


def test_without_matplotlib_there_is_only_the_table(here: Path) -> None:
    high_sequence(here)
    write_wave("wave.csv")
    code = (
        "import sys; sys.modules['matplotlib'] = sys.modules['torch'] = None; sys.argv[0] = 'zoo'; "
        "from zoo_core.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "predict", "high", "wave.csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split() == ["wave.csv", "40", "wave.mask.csv"]
    assert Path("wave.mask.csv").exists()
    assert not Path("wave.mask.png").exists()


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("a.csv", b"", 1, "sequence a.csv cannot be read: there are no numbers in it"),
        ("a.csv", b"x,y\n", 1, "sequence a.csv cannot be read: there are no numbers in it"),
        ("a.csv", b"1\n2\nthree\n", 1, "sequence a.csv cannot be read: row 3 holds 'three', which is not a number"),
        ("a.csv", b"1\n1_0\n", 1, "row 2 holds '1_0', which is not a number"),
        ("a.csv", b"1\n2,3\n", 1, "sequence a.csv cannot be read: row 2 has 2 columns, those before it 1"),
        ("a.csv", b"1\nnan\n", 1, "sequence a.csv cannot be read: row 2, column 1 is not a finite number"),
        ("a.csv", b"\xff\xfe1\n", 1, "sequence a.csv cannot be read: 'utf-8' codec can't decode"),
        ("a.csv", b"1,2\n3,4\n", 1, "a.csv: "),
        ("a.npy", b"1\n2\n", 4, "a.npy is not what its name says: it is not a .npy file"),
        ("a.npy", b"\x93NUMPY\x01\x00", 1, "sequence a.npy cannot be read: "),
        ("a.txt", b"1\n2\n", 4, "a.txt is not a sequence file that is read here"),
        ("b.png", b"1\n2\n", 4, "b.png is not a sequence file that is read here"),
    ],
)
def test_sequences_that_cannot_be_read(name: str, content: bytes, code: int, words: str, here: Path) -> None:
    high_sequence(here)
    Path(name).write_bytes(content)
    with pytest.raises(ZooError) as caught:
        predict("exported/high", inputs=[name])
    assert caught.value.exit_code == code
    assert words in caught.value.message
    assert {path.name for path in here.iterdir()} == {"exported", name}


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 3, 4)), r"its shape is \(2, 3, 4\), and must be \(length,\) or \(length, channels\)"),
        (np.zeros((0, 1)), r"its shape is \(0, 1\)"),
        (np.array(["a", "b"]), "it holds <U1, not numbers"),
        (np.array([{}], dtype=object), "Object arrays cannot be loaded"),
    ],
)
def test_arrays_that_are_no_sequences(array: np.ndarray, words: str, here: Path) -> None:
    high_sequence(here)
    np.save("a.npy", array)
    with pytest.raises(ZooError, match=words):
        predict("exported/high", inputs=["a.npy"])


def test_a_large_file_and_a_length_that_does_not_fit(here: Path) -> None:
    high_sequence(here, sizes=("8*L",))
    write_wave("wave.csv", length=30)
    with pytest.raises(ZooError, match=r"^wave.csv: .* axis 2 is 30, and must be a multiple of 8"):
        predict("exported/high", inputs=["wave.csv"])
    with Path("big.csv").open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    with pytest.raises(ZooError, match=r"^sequence big.csv has over 64 MB") as caught:
        predict("exported/high", inputs=["big.csv"])
    assert caught.value.exit_code == 4
    with pytest.raises(ZooError, match=r"^cannot read sequence absent.csv"):
        predict("exported/high", inputs=["absent.csv"])
    with pytest.raises(ZooError, match=r"a.csv has 2 columns, and the model takes \(N, L\)"):
        sequence_input(np.zeros((9, 2), np.float32), TensorSpec("N", "L"), where="a.csv")
    assert sequence_input(np.zeros((9, 1), np.float32), TensorSpec("N", "L"), where="a.csv").shape == (1, 9)
    Path("none").mkdir()
    with pytest.raises(ZooError, match="no sequences in none"):
        predict("exported/high", inputs=["none"])


# --- pictures that filters make


def test_edges_of_pictures_of_any_size(run_zoo: Callable[..., Any], here: Path) -> None:
    filter_bank(here, SOBEL)
    half("a.png", height=20, width=32)
    half("b.png", height=11, width=15, left=255, right=0)
    done = run_zoo("predict", "filter", "a.png", "b.png", "--json")
    assert (done.code, done.stderr) == (0, "")
    assert [answer["shape"] for answer in done.json] == [[1, 18, 30], [1, 9, 13]]
    for name, column in (("a", 14), ("b", 5)):
        edges = pixels_of(f"{name}.filtered.png")
        # Rising or falling: an edge is white, the rest is black.
        assert (edges[:, [column, column + 1]] == 255).all()
        assert not np.delete(edges, [column, column + 1], axis=1).any()
    one = run_zoo("predict", "filter", "a.png", "--out", "edges.png")
    assert (one.code, one.stderr) == (0, "")
    assert pixels_of("edges.png").shape == (18, 30)
    predict("exported/filter", inputs=["b.png"], out="edges.npy")
    assert np.load("edges.npy").min() < 0


def test_values_from_0_to_1_stay_as_they_are(here: Path) -> None:
    filter_bank(here, np.full((1, 1, 3, 3), 1 / 9), name="blur")
    predict("exported/blur", inputs=[half("a.png", left=60, right=160)])
    blurred = pixels_of("a.filtered.png")
    assert (blurred[:, 0] == 60).all()
    assert (blurred[:, -1] == 160).all()


def test_brightness_by_hand() -> None:
    assert eight_bit(np.array([0.0, 0.2, 1.0])).tolist() == [0, 51, 255]
    assert eight_bit(np.array([0.0, 2.0, 4.0])).tolist() == [0, 128, 255]
    assert eight_bit(np.array([0.5, -1.0])).tolist() == [128, 255]
    assert eight_bit(np.zeros((2, 2))).tolist() == [[0, 0], [0, 0]]


def test_channels_become_grey_rgb_or_a_sheet(here: Path) -> None:
    channels = np.arange(1, 8, dtype=np.uint8).reshape(7, 1, 1) * np.ones((7, 4, 5), np.uint8)
    assert sheet(channels[:1]).shape == (4, 5)
    assert sheet(channels[:3]).shape == (4, 5, 3)
    whole = sheet(channels)
    assert whole.shape == (3 * 4 + 2 * 2, 3 * 5 + 2 * 2)
    assert [whole[0, 0], whole[0, 7], whole[6, 0], whole[12, 0], whole[12, 7], whole[4, 0]] == [1, 2, 4, 7, 0, 0]
    two = picture_png(np.array([[[-1.0, 4]], [[0, 0.5]]]))
    with Image.open(io.BytesIO(two)) as picture:
        assert np.asarray(picture).tolist() == [[64, 255, 0, 0, 0, 128]]
    filter_bank(here, np.random.default_rng(0).normal(size=(3, 1, 2, 2)))
    predict("exported/filter", inputs=[half("a.png")])
    assert pixels_of("a.filtered.png").shape == (19, 31, 3)


def test_a_picture_too_small_for_a_filter_is_named(here: Path) -> None:
    filter_bank(here, SOBEL, sizes=("4*H", "W"))
    with pytest.raises(ZooError, match=r"^odd.png: .* must be a multiple of 4"):
        predict("exported/filter", inputs=[half("odd.png", height=9)])
    filter_bank(here, SOBEL, name="sobel")
    with pytest.raises(
        ZooError, match=r"^tiny.png: .*: nothing would be left of so small an input: x \(1, 1, 2, 9\)"
    ) as caught:
        predict("exported/sobel", inputs=[half("tiny.png", height=2, width=9)], out="out")
    assert (caught.value.exit_code, caught.value.hint) == (1, "at least x (N, 1, 3, 3)")
    assert not Path("out").exists()
    (smallest,) = predict("exported/sobel", inputs=[half("small.png", height=3, width=9)], out="out")
    assert smallest["shape"] == [1, 1, 7]


# --- arrays


def test_features_of_each_and_of_all(here: Path) -> None:
    file = write_brightness(here, task="features", labels=())
    pictures = [half("a.png"), half("b.png", left=90)]
    for answer in predict(file, inputs=pictures):
        name = Path(answer["input"]).stem
        assert answer == {"input": f"{name}.png", "file": f"{name}.features.npy", "shape": [3]}
        assert np.load(answer["file"]).shape == (3,)
    answers = predict(file, inputs=pictures, out="all.npy")
    assert [(answer["file"], answer["shape"]) for answer in answers] == [("all.npy", [2, 3])] * 2
    rows = np.load("all.npy")
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[1], np.load("b.features.npy"))
    with pytest.raises(UsageError, match=r"--out all.csv: arrays are written as .npy"):
        predict(file, inputs=pictures, out="all.csv")


def test_arrays_of_different_shapes_are_not_stacked(here: Path) -> None:
    convolution(here, name="maps", weight=BRIGHT, task="features", labels=())
    pictures = [half("a.png"), half("b.png", height=9)]
    words = r"the outputs differ in shape: \(1, 9, 32\) for b.png, \(1, 20, 32\) for a.png"
    with pytest.raises(ZooError, match=words):
        predict("exported/maps", inputs=pictures, out="all.npy")
    assert not Path("all.npy").exists()
    assert [answer["shape"] for answer in predict("exported/maps", inputs=pictures)] == [[1, 20, 32], [1, 9, 32]]


def test_a_task_whose_output_has_another_shape_than_a_picture(here: Path) -> None:
    file = write_brightness(here, task="image-filter", labels=())
    with pytest.raises(ZooError, match=r"a picture has the shape \(channels, height, width\), not \(3,\)"):
        predict(file, inputs=[half("a.png")])
