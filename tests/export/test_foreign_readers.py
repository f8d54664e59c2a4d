"""What the zoo exports is read by others: they load it, and compute what onnxruntime does, but for known limits."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from foreign_models import cases_of, export_for_readers
from foreign_readers import FILES, LIMITS, READERS, ForeignReaderError, Limit, Reader, judge, largest_error, missing
from onnx import numpy_helper
from shared import shared

pytestmark = pytest.mark.slow


@pytest.fixture
def here_or_skip(reader: str) -> None:
    if why := missing(reader):
        pytest.skip(why)


def exported(name: str, factory: pytest.TempPathFactory) -> Path:
    return shared(factory, f"foreign-{name}", lambda folder: export_for_readers(name, folder)) / name


@pytest.mark.usefixtures("here_or_skip")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("reader", READERS)
def test_a_foreign_reader_computes_the_same(reader: str, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    bundle = exported(name, tmp_path_factory)
    error = judge(reader, name, bundle / "model.onnx", cases_of(name, bundle))
    assert (error is None) == ((reader, name) in LIMITS)


@pytest.mark.usefixtures("here_or_skip")
@pytest.mark.parametrize("reader", [reader for reader in READERS if not READERS[reader].only_shapes])
def test_a_file_with_another_bias_is_told_apart(
    reader: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bundle = exported("classifier", tmp_path_factory)
    model = onnx.load(bundle / "model.onnx")
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "fc3.bias")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + 0.001, bias.name))
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ForeignReaderError, match="logits is off by"):
        largest_error(reader, tmp_path / "model.onnx", cases_of("classifier", bundle))


def test_a_shape_that_contradicts_the_graph_is_told(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    bundle = exported("classifier", tmp_path_factory)
    model = onnx.load(bundle / "model.onnx")
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 11
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ForeignReaderError, match="differ in dimension 1"):
        largest_error("onnx's strict shape inference", tmp_path / "model.onnx", cases_of("classifier", bundle))


def test_a_limit_that_does_not_show_is_told(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = exported("classifier", tmp_path_factory)
    reader = "onnx's reference evaluator"
    monkeypatch.setitem(LIMITS, (reader, "classifier"), Limit(says="cannot", reason="of old"))
    with pytest.raises(ForeignReaderError, match="reads the file classifier: that is no limit any more"):
        judge(reader, "classifier", bundle / "model.onnx", cases_of("classifier", bundle))


def test_a_limit_that_shows_otherwise_is_told(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = exported("detector", tmp_path_factory)
    key = ("onnx's reference evaluator", "detector")
    monkeypatch.setitem(LIMITS, key, Limit(says="something else", reason="of old"))
    with pytest.raises(ForeignReaderError, match="0-dimensional"):
        judge(*key, bundle / "model.onnx", cases_of("detector", bundle))


def test_why_a_reader_cannot_be_tried_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing("onnx's reference evaluator") is None
    monkeypatch.setitem(READERS, "other", Reader(package="zoo-reader-of-nobody", about=""))
    assert missing("other") == "zoo-reader-of-nobody is not installed: make foreign-readers"
    tmp_path.joinpath("node").touch(mode=0o755)
    monkeypatch.setattr("foreign_readers.NODE_PACKAGES", tmp_path / "node_modules")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing("onnxruntime-web") == "onnxruntime-web is not installed: make foreign-readers"
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert missing("onnxruntime-web") == "onnxruntime-web needs node, which is not installed"
