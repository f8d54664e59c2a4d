"""What the zoo exports is read by others: they load it, and compute what onnxruntime does, but for known limits."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import onnx
import pytest
from foreign_models import cases_of, export_for_readers
from foreign_readers import FILES, LIMITS, READERS, ForeignReaderError, largest_error, missing
from onnx import numpy_helper
from shared import shared

pytestmark = pytest.mark.slow


def exported(name: str, factory: pytest.TempPathFactory) -> Path:
    return shared(factory, f"foreign-{name}", lambda folder: export_for_readers(name, folder)) / name


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("reader", READERS)
def test_a_foreign_reader_computes_the_same(reader: str, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    if why := missing(reader):
        pytest.skip(why)
    bundle = exported(name, tmp_path_factory)
    cases = cases_of(name, bundle)
    limit = LIMITS.get((reader, name))
    if limit is None:
        largest_error(reader, bundle / "model.onnx", cases)
        return
    # A limit that does not show any more is to be taken out of the table.
    with pytest.raises(ForeignReaderError, match=re.escape(limit.says)):
        largest_error(reader, bundle / "model.onnx", cases)


@pytest.mark.parametrize("reader", [reader for reader in READERS if not READERS[reader].only_shapes])
def test_a_file_with_another_weight_is_told_apart(
    reader: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if why := missing(reader):
        pytest.skip(why)
    bundle = exported("classifier", tmp_path_factory)
    model = copy.deepcopy(onnx.load(bundle / "model.onnx"))
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "fc3.bias")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + 0.001, bias.name))
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ForeignReaderError, match="logits is off by"):
        largest_error(reader, tmp_path / "model.onnx", cases_of("classifier", bundle))
