"""Weights outside the file: where they lie, that they are the same ones, and that everything works with them."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from zoo_core.children.memory import memory_of
from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.export.convert.saving import DATA_FILE, model_of, save_model
from zoo_core.files import sha256_of
from zoo_core.runtime.reading.outside import stored_array
from zoo_core.runtime.running.isolated import open_session
from zoo_core.runtime.running.session import SessionSettings
from zoo_core.runtime.vetting.vet import vet
from zoo_core.verification.conclude.recheck import onnx_checker
from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, Group, run_subject


def chain(weights: list[np.ndarray]) -> onnx_ir.Model:
    """x @ w0 @ w1 ...: square matrices, as an `onnx_ir` model."""
    side = len(weights[0])
    x, y = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", side]) for name in ("x", "y"))
    names = ["x", *(f"h{i}" for i in range(1, len(weights))), "y"]
    nodes = [helper.make_node("MatMul", [names[i], f"w{i}"], [names[i + 1]], f"n{i}") for i in range(len(weights))]
    graph = helper.make_graph(nodes, "g", [x], [y])
    model = onnx_ir.from_proto(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10))
    for i, weight in enumerate(weights):
        value = onnx_ir.Value(name=f"w{i}", const_value=onnx_ir.tensor(weight, name=f"w{i}"))
        model.graph.initializers[f"w{i}"] = value
        model.graph.node(i).replace_input_with(1, value)
    return model


def drawn(count: int, side: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [(generator.standard_normal((side, side)) / side**0.5).astype(np.float32) for _ in range(count)]


def test_small_models_are_one_file(tmp_path: Path) -> None:
    model = model_of(chain(drawn(3, 64)))
    digests = save_model(model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert digests == {"model.onnx": hashlib.sha256((tmp_path / "model.onnx").read_bytes()).hexdigest()}


def test_a_model_above_the_limit_keeps_its_weights_beside_it(tmp_path: Path) -> None:
    weights = drawn(3, 64)
    program = chain(weights)
    digests = save_model(model_of(program, largest=20_000), tmp_path)
    assert digests == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert set(digests) == {"model.onnx", DATA_FILE}
    assert (tmp_path / "model.onnx").stat().st_size < 2000
    file = vet(tmp_path / "model.onnx")
    for i, weight in enumerate(weights):
        assert stored_array(file, file.initializers[f"w{i}"]).tobytes() == weight.tobytes()
    assert np.shares_memory(
        model_of(program, largest=20_000).outside["w0"], program.graph.initializers["w0"].const_value.numpy()
    )
    assert onnx_checker(tmp_path / "model.onnx").outcome == "passed"


def test_it_runs_in_a_session_and_in_the_check(tmp_path: Path) -> None:
    weights = drawn(3, 64)
    save_model(model_of(chain(weights), largest=20_000), tmp_path)
    x = np.random.default_rng(1).standard_normal((4, 64)).astype(np.float32)
    expected = x @ weights[0] @ weights[1] @ weights[2]
    path = tmp_path / "model.onnx"
    found = open_session(vet(path), SessionSettings()).run({"x": x})["y"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    result = run_subject(path, [Group(name="rows", inputs={"x": x}, batches=[(0, 1), (2, 3)])])
    for setting in DEFAULT_SETTINGS:
        np.testing.assert_allclose(result.outputs[setting, "rows"][1]["y"], expected[2:], rtol=1e-4, atol=1e-5)


def test_two_saves_are_byte_equal_and_large_tensors_can_be_mapped(tmp_path: Path) -> None:
    weights = [*drawn(2, 600), *drawn(1, 600)]
    first = save_model(model_of(chain(weights), largest=20_000), tmp_path / "a")
    assert first == save_model(model_of(chain(weights), largest=20_000), tmp_path / "b")
    file = vet(tmp_path / "a" / "model.onnx")
    places = [int(dict(tensor.external or ())["offset"]) for tensor in file.initializers.values()]
    assert places == sorted(places)
    assert all(place % 65536 == 0 for place in places)


def test_the_program_stays_as_it_is_and_small_tensors_stay_inside(tmp_path: Path) -> None:
    program = chain([*drawn(2, 64)])
    axes = onnx_ir.Value(name="axes", const_value=onnx_ir.tensor(np.array([1, 2]), name="axes"))
    program.graph.initializers["axes"] = axes
    model = model_of(program, largest=20_000)
    assert set(model.outside) == {"w0", "w1"}
    inside = {tensor.name: tensor for tensor in model.proto.graph.initializer}
    assert numpy_helper.to_array(inside["axes"]).tolist() == [1, 2]
    assert not isinstance(program.graph.initializers["w0"].const_value, onnx_ir.ExternalTensor)


def test_weights_of_torch_are_written_as_they_are(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3)).eval()
    program = torch.onnx.export(module, (torch.rand(2, 64),), dynamo=True, verbose=False)
    assert program is not None
    save_model(model_of(program.model, largest=10_000), tmp_path)
    file = vet(tmp_path / "model.onnx")
    stored = {name: stored_array(file, tensor) for name, tensor in file.initializers.items()}
    kept = [name for name, tensor in module.state_dict().items() if stored[name].tobytes() == tensor.numpy().tobytes()]
    assert kept == list(module.state_dict())


def test_a_missing_or_short_second_file_is_refused(tmp_path: Path) -> None:
    save_model(model_of(chain(drawn(2, 64)), largest=20_000), tmp_path)
    data = tmp_path / DATA_FILE
    content = data.read_bytes()
    data.write_bytes(content[:-1])
    with pytest.raises(RefusedFileError, match=r"external-data-size"):
        vet(tmp_path / "model.onnx")
    data.write_bytes(content)
    file = vet(tmp_path / "model.onnx")
    data.unlink()
    with pytest.raises(RefusedFileError, match=r"external-data-missing"):
        vet(tmp_path / "model.onnx")
    with pytest.raises(ZooError, match=r"cannot read .*model\.onnx\.data"):
        stored_array(file, file.initializers["w0"])


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ZooError, match="cannot write"):
        save_model(model_of(chain(drawn(2, 64)), largest=20_000), tmp_path / "taken")


@pytest.mark.slow
def test_a_model_of_just_over_2_gb_is_written_and_run_within_the_memory_it_may_use(tmp_path: Path) -> None:
    """The parent needs next to nothing beyond the weights that it holds; the child twice the model and 300 MB."""
    side = 8192
    base = np.random.default_rng(0).standard_normal((side, side), dtype=np.float32) / side**0.5
    weights = [np.roll(base, number, axis=1) for number in range(8)]  # 256 MiB each
    del base
    before = memory_of("self")
    model = model_of(chain(weights))
    assert set(model.outside) == {f"w{number}" for number in range(8)}
    digests = save_model(model, tmp_path)
    after = memory_of("self")
    assert before is not None
    assert after is not None
    assert after - before < 200e6
    size = (tmp_path / DATA_FILE).stat().st_size
    assert size >= 2**31
    path = tmp_path / "model.onnx"
    file = vet(path)
    assert sha256_of(tmp_path / DATA_FILE) == digests[DATA_FILE]
    assert np.array_equal(stored_array(file, file.initializers["w7"]), weights[7])
    assert onnx_checker(path).outcome == "passed"
    x = np.random.default_rng(1).standard_normal((2, side)).astype(np.float32)
    expected = functools.reduce(np.matmul, weights, x)
    result = run_subject(path, [Group(name="rows", inputs={"x": x}, batches=[(0,), (1, 0)])])
    for setting in DEFAULT_SETTINGS:
        found = result.outputs[setting, "rows"][1]["y"]
        np.testing.assert_allclose(found, expected[[1, 0]], rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert result.peak_memory is not None
    assert result.peak_memory < 2 * size + 300e6
