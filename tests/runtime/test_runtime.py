"""An exported file in use from Python: what goes in is checked, what comes out is right."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import LABELS, brightness_metadata, brightness_model, graph_model, write_brightness, write_model
from PIL import Image

from zoo_core import Preprocess, TensorSpec, ZooError
from zoo_core.errors import RefusedFileError, UsageError
from zoo_core.runtime.reading.metadata import read_metadata
from zoo_core.runtime.running.model import ExportedModel, open_model
from zoo_core.runtime.running.outcomes import BATCH
from zoo_core.runtime.running.session import SessionSettings
from zoo_core.runtime.vetting.vet import vet


def picture(path: Path, level: int, *, size: tuple[int, int] = (9, 7)) -> Path:
    Image.new("L", size, level).save(path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> ExportedModel:
    return open_model(write_brightness(tmp_path))


def test_pictures_in_labels_out(model: ExportedModel, tmp_path: Path) -> None:
    paths = [picture(tmp_path / f"{level}.png", level) for level in (0, 128, 255)]
    answers = model(paths)
    assert [answer["label"] for answer in answers] == list(LABELS)
    for answer in answers:
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
        assert answer["probability"] == max(answer["probabilities"].values())
        assert set(answer["probabilities"]) == set(LABELS)
    assert model(str(paths[2])) == model(paths)[2:]


def test_a_folder_is_as_good_as_its_file(model: ExportedModel, tmp_path: Path) -> None:
    again = open_model(str(tmp_path / "exported" / "brightness"))
    assert (again.labels, again.task, again.preprocess) == (LABELS, "image-classification", model.preprocess)
    assert again.metadata == model.metadata


def test_prepared_arrays(model: ExportedModel) -> None:
    answers = model(np.full((2, 1, 4, 4), 1, np.float32))
    assert [answer["label"] for answer in answers] == ["bright", "bright"]


def test_more_pictures_than_one_batch(model: ExportedModel) -> None:
    count = 2 * BATCH + 3
    rows = np.linspace(-1, 1, count, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 4, 4), np.float32)
    together = model.run_rows(rows)["logits"]
    assert together.shape == (count, 3)
    np.testing.assert_allclose(together, model.run({"image": rows})["logits"], rtol=1e-6)
    np.testing.assert_array_equal(together, model.run_rows(lambda part: rows[part], count=count)["logits"])
    np.testing.assert_array_equal(together, model.run_rows(rows, count=count)["logits"])
    with pytest.raises(ZooError, match=f"{count:,} rows are given, and count is {count + 1}"):
        model.run_rows(rows, count=count + 1)
    with pytest.raises(ZooError, match=r"for rows \d+ to \d+ of \d+, .* came, not") as caught:
        model.run_rows(lambda part: rows[part], count=count + 2)
    assert "count is how many rows there are" in str(caught.value.hint)


def test_a_fixed_batch_is_filled_up_and_cut_again(tmp_path: Path) -> None:
    metadata = brightness_metadata(inputs={"image": TensorSpec(4, 1, 4, 4)}, outputs={"logits": TensorSpec(4, 3)})
    fixed = open_model(write_model(tmp_path / "model.onnx", brightness_model(batch=4), metadata))
    rows = np.random.default_rng(0).normal(size=(6, 1, 4, 4)).astype(np.float32)
    free = open_model(write_brightness(tmp_path))
    np.testing.assert_allclose(fixed.run_rows(rows)["logits"], free.run_rows(rows)["logits"], rtol=1e-6)
    with pytest.raises(ZooError, match="axis 0 is 6, and must be 4"):
        fixed.run({"image": rows})


def test_pictures_of_their_own_size(tmp_path: Path) -> None:
    metadata = brightness_metadata(
        inputs={"image": TensorSpec("N", 1, "2*H", "W")}, preprocess=Preprocess(color="L", mean=(0.5,), std=(0.5,))
    )
    model = open_model(write_model(tmp_path / "model.onnx", brightness_model(side="S"), metadata))
    small = picture(tmp_path / "a.png", 0, size=(5, 6))
    large = picture(tmp_path / "b.png", 255, size=(40, 30))
    assert [answer["label"] for answer in model([small, large])] == ["dark", "bright"]
    with pytest.raises(ZooError, match=r"axis 2 is 5, and must be a multiple of 2") as caught:
        model([picture(tmp_path / "odd.png", 0, size=(6, 5))])
    assert caught.value.hint == "resize or pad it: 6 x 4 pixels (width x height) would fit"


@pytest.mark.parametrize("optimization", ["all", "none"])
@pytest.mark.parametrize("threads", [None, 1, 2])
def test_optimization_and_threads(optimization: Any, threads: int | None, tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", brightness_model(seed=1), brightness_metadata())
    model = open_model(path, optimization=optimization, threads=threads)
    rows = np.random.default_rng(0).normal(size=(3, 1, 4, 4)).astype(np.float32)
    weight = model.file.initializers["weight"].array()
    np.testing.assert_allclose(model.run({"image": rows})["logits"], rows.reshape(3, -1) @ weight, rtol=1e-5)


def test_wrong_optimization_and_threads(tmp_path: Path) -> None:
    path = write_brightness(tmp_path)
    with pytest.raises(UsageError, match="optimization is one of all, extended, basic, none, not 'some'"):
        open_model(path, optimization="some")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="threads are a whole number of at least 1, or None, not 0"):
        open_model(path, threads=0)


GOOD = np.zeros((2, 1, 4, 4), np.float32)


def with_nan() -> np.ndarray:
    bad = GOOD.copy()
    bad[1, 0, 2, 3] = np.nan
    bad[1, 0, 3, 3] = np.inf
    return bad


@pytest.mark.parametrize(
    ("inputs", "message", "hint"),
    [
        ({}, "input 'image' is missing", "image (N, 1, 4, 4)"),
        ({"image": GOOD, "imgae": GOOD}, "has no input 'imgae'", "Did you mean 'image'?"),
        ({"image": GOOD.tolist()}, "is a list, not a numpy array", "numpy.asarray"),
        ({"image": GOOD.astype(np.float64)}, "is float64, and must be float32", "x.astype('float32')"),
        ({"image": GOOD[0]}, "has shape (1, 4, 4), and must have 4 axes: (N, 1, 4, 4)", "x[None]"),
        ({"image": GOOD[..., None]}, "has shape (2, 1, 4, 4, 1), and must have 4 axes", None),
        ({"image": GOOD[:, :, :3]}, "shape (2, 1, 3, 4), and must be (N, 1, 4, 4): axis 2 is 3, and must be 4", None),
        ({"image": GOOD.transpose(0, 2, 3, 1)}, "axis 1 is 4, and must be 1", "x.transpose(0, 3, 1, 2)"),
        ({"image": GOOD[:0]}, "axis 0 is empty", None),
        ({"image": with_nan()}, "is not finite at 2 places, the first at (1, 0, 2, 3): nan", "NaN and infinity"),
    ],
)
def test_wrong_inputs(inputs: dict[str, Any], message: str, hint: str | None, model: ExportedModel) -> None:
    with pytest.raises(ZooError) as caught:
        model.run(inputs)
    assert message in caught.value.message
    assert str(model.path) in caught.value.message
    assert caught.value.exit_code == 1
    assert hint is None or hint in (caught.value.hint or "")


def test_free_axes_agree_between_inputs(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["a", "b"], ["logits"])]
    names = ("a", "b", "logits")
    a, b, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", "K"]) for name in names)
    metadata = brightness_metadata(
        task="features",
        labels=(),
        preprocess=None,
        inputs={"a": TensorSpec("N", "8*K"), "b": TensorSpec("N", "8*K+1")},
        outputs={"logits": TensorSpec("N", "8*K")},
    )
    model = open_model(write_model(tmp_path / "model.onnx", graph_model(nodes, inputs=[a, b], outputs=[y]), metadata))
    eight = np.zeros((2, 8), np.float32)
    with pytest.raises(ZooError, match="axis 0 is 3, and must be 2, because N is 2"):
        model.run({"a": eight, "b": np.zeros((3, 9), np.float32)})
    with pytest.raises(ZooError, match=r"axis 1 is 8, and must be a multiple of 8 plus 1") as caught:
        model.run({"a": eight, "b": eight})
    assert caught.value.hint == "for example 9 or 17"
    with pytest.raises(ZooError, match="has 2 inputs: a, b"):
        model.run_rows(eight)
    with pytest.raises(ZooError, match="a sample is made of a and b"):
        model(eight)


def test_a_model_without_preprocessing_takes_no_pictures(tmp_path: Path) -> None:
    model = open_model(write_brightness(tmp_path, preprocess=None))
    for given in (picture(tmp_path / "a.png", 1), Image.new("L", (4, 4))):
        with pytest.raises(ZooError, match=r"is not a file of numbers that is read here|is a picture, and the model"):
            model([given])


def test_a_bad_picture_is_named(model: ExportedModel, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(picture(tmp_path / "a.png", 7).read_bytes()[:40])
    with pytest.raises(ZooError, match=r"bad\.png"):
        model([tmp_path / "a.png", tmp_path / "bad.png"])


def nan_model() -> onnx.ModelProto:
    """log(mean) of a normalised picture: not finite for dark ones."""
    model = brightness_model()
    model.graph.node.insert(1, helper.make_node("Log", ["mean"], ["log"]))
    model.graph.node[2].input[0] = "log"
    return model


def test_an_output_that_is_not_finite_names_the_picture(tmp_path: Path) -> None:
    model = open_model(write_model(tmp_path / "model.onnx", nan_model(), brightness_metadata()))
    bright, dark = picture(tmp_path / "bright.png", 250), picture(tmp_path / "dark.png", 5)
    assert model([bright])[0]["label"] in LABELS
    with pytest.raises(ZooError, match=r"output 'logits' is not finite for .*dark.png"):
        model([bright, dark])


def test_rows_that_get_lost_are_noticed(tmp_path: Path) -> None:
    baked = brightness_model()
    baked.graph.node.append(helper.make_node("Slice", ["sum", "zero", "one", "zero"], ["logits"]))
    baked.graph.node[3].output[0] = "sum"
    for name, number in (("zero", 0), ("one", 1)):
        baked.graph.initializer.append(numpy_helper.from_array(np.array([number]), name))
    model = open_model(write_model(tmp_path / "model.onnx", baked, brightness_metadata()))
    with pytest.raises(ZooError, match=r"output 'logits' has shape \(1, 3\) for a batch of 2"):
        model(GOOD)


def test_no_rows(model: ExportedModel) -> None:
    with pytest.raises(ZooError, match="there are no rows"):
        model(GOOD[:0])
    assert model([]) == []


def test_onnxruntime_s_reason_is_told(tmp_path: Path) -> None:
    broken = brightness_model()
    broken.graph.node[3].op_type = "Frobnicate"
    path = write_model(tmp_path / "model.onnx", broken, brightness_metadata())
    with pytest.raises(ZooError, match=r"onnxruntime .* cannot load .*model.onnx: .*Frobnicate") as caught:
        open_model(path)
    assert caught.value.exit_code == 1
    inconsistent = brightness_model(side="S")
    inconsistent.graph.node[0].op_type = "Identity"
    del inconsistent.graph.node[0].input[1:], inconsistent.graph.node[0].attribute[:]
    metadata = brightness_metadata(inputs={"image": TensorSpec("N", 1, "H", "W")}, preprocess=None)
    model = open_model(write_model(tmp_path / "b.onnx", inconsistent, metadata))
    with pytest.raises(ZooError, match=r"onnxruntime could not run .*b.onnx on image \(2, 1, 4, 4\): "):
        model.run({"image": GOOD})


def test_external_data_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = brightness_model(seed=2)
    helper.set_model_props(model, {"zoo": brightness_metadata().to_json()})
    folder = tmp_path / "größe"
    folder.mkdir()
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    assert (folder / "w.bin").exists()
    monkeypatch.chdir(tmp_path)
    for path in (folder / "model.onnx", Path("größe"), Path("größe/model.onnx")):
        assert open_model(path).run({"image": GOOD})["logits"].shape == (2, 3)
    os.link(folder / "w.bin", tmp_path / "second.bin")
    with pytest.raises(RefusedFileError, match="hard link"):
        open_model(folder)


@pytest.mark.parametrize("apart", [False, True])
def test_the_bytes_that_were_vetted_are_those_that_run(tmp_path: Path, apart: bool) -> None:
    """A file that is exchanged once it was vetted is not the file that onnxruntime loads."""
    path = write_brightness(tmp_path)
    file = vet(path)
    path.write_bytes(b"something else")
    model = ExportedModel(file=file, metadata=read_metadata(file), settings=SessionSettings(threads=1), isolated=apart)
    assert model.run({"image": GOOD})["logits"].shape == (2, 3)
