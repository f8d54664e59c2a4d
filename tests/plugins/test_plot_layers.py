"""What is inside a run or a file: kernels and values of layers, and their titles."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import brightness_metadata, write_model

from zoo_core import Preprocess, TensorSpec
from zoo_core.errors import UsageError, ZooError
from zoo_core.runtime.running.model import ExportedModel, open_model
from zoo_plugins.plot.activations import draw_activations
from zoo_plugins.plot.file_layers import file_kernels, file_maps
from zoo_plugins.plot.filters import draw_filters
from zoo_plugins.plot.layers import Given, Kernels, Maps
from zoo_plugins.plot.run_layers import run_kernels, run_maps


def layered(tmp_path: Path, *, batch: int | str = "N", modules: bool = True) -> ExportedModel:
    """Two convolutions, the kernels of the second computed; then a number for the whole batch, and logits."""
    rng = np.random.default_rng(0)
    stored = {
        "first": rng.normal(size=(3, 1, 3, 3)).astype(np.float32),
        "second": rng.normal(size=(2, 3, 2, 2)).astype(np.float32),
    }
    nodes = [
        ("body.0", helper.make_node("Conv", ["image", "first"], ["a"], name="n0")),
        ("body.1", helper.make_node("Relu", ["a"], ["b"], name="n1")),
        ("", helper.make_node("Neg", ["second"], ["negative"], name="n2")),
        ("last", helper.make_node("Conv", ["b", "negative"], ["c"], name="n3")),
        ("whole", helper.make_node("ReduceMax", ["c"], ["most"], keepdims=0, name="n4")),
        ("", helper.make_node("GlobalAveragePool", ["c"], ["pooled"], name="n5")),
        ("", helper.make_node("Flatten", ["pooled"], ["flat"], name="n6")),
        ("head", helper.make_node("Add", ["flat", "most"], ["logits"], name="n7")),
    ]
    for module, node in nodes:
        if module and modules:
            node.metadata_props.add(key="module", value=module)
    graph = helper.make_graph(
        [node for _, node in nodes],
        "layered",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 1, 4, 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 2])],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    metadata = brightness_metadata(
        labels=("a", "b"), inputs={"image": TensorSpec(batch, 1, 4, 4)}, outputs={"logits": TensorSpec(batch, 2)}
    )
    return open_model(write_model(tmp_path / "layered.onnx", model, metadata))


def given() -> Given:
    values = np.random.default_rng(1).normal(size=(1, 1, 4, 4)).astype(np.float32)
    return Given(path=Path("a.png"), stored=values[0], batch=values)


@pytest.mark.parametrize("batch", ["N", 3])
def test_values_inside_a_file_are_those_of_its_nodes(tmp_path: Path, batch: int | str) -> None:
    model = layered(tmp_path, batch=batch)
    kernels = file_kernels(model, name="x", layer=None)
    assert (kernels.layer, kernels.first) == ("body.0", True)
    (weight,) = (item for item in onnx.load(model.path).graph.initializer if item.name == "first")
    assert (kernels.values == numpy_helper.to_array(weight)).all()
    windows = np.lib.stride_tricks.sliding_window_view(given().batch[0, 0], (3, 3))
    expected = np.einsum("hwij,cij->chw", windows, kernels.values[:, 0])
    maps = file_maps(model, name="x", layer=None, given=given())
    assert maps.layer == "body.0"
    assert maps.values == pytest.approx(expected, rel=1e-4, abs=1e-5)
    # a part of the model: what its last node gives
    maps = file_maps(model, name="x", layer="body", given=given())
    assert maps.values == pytest.approx(np.maximum(expected, 0), rel=1e-4, abs=1e-5)
    assert file_maps(model, name="x", layer="head", given=given()).values.shape == (2,)


def test_a_file_without_module_paths_has_the_names_of_its_nodes(tmp_path: Path) -> None:
    model = layered(tmp_path, modules=False)
    assert file_maps(model, name="x", layer="n1", given=given()).values.min() >= 0
    with pytest.raises(UsageError, match="export 'x' has no layer 'zzz'") as caught:
        file_maps(model, name="x", layer="zzz", given=given())
    assert caught.value.hint == "Known: n0, n1, n2, n3, n4, n5, n6, n7"


def test_what_cannot_be_shown_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = layered(tmp_path)
    with pytest.raises(ZooError, match="the kernels of last in export 'x' are computed, and not stored"):
        file_kernels(model, name="x", layer="last")
    text = "layer 'whole' of export 'x' gives the shape (), not one value for each input"
    with pytest.raises(ZooError, match=re.escape(text)):
        file_maps(model, name="x", layer="whole", given=given())
    monkeypatch.setattr("zoo_plugins.plot.file_layers.has_external_data", lambda file: True)
    with pytest.raises(ZooError, match="keeps its weights in a second file, and values between its nodes"):
        file_maps(model, name="x", layer="body", given=given())


def test_a_file_without_a_convolution(tmp_path: Path) -> None:
    model = layered(tmp_path)
    nodes = tuple(node for node in model.file.nodes if node.op_type != "Conv")
    model.file = dataclasses.replace(model.file, graph=dataclasses.replace(model.file.graph, nodes=nodes))
    with pytest.raises(UsageError, match="export 'x' has no convolution: name a layer with --layer") as caught:
        file_maps(model, name="x", layer=None, given=given())
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Layers: body.1, ")
    with pytest.raises(UsageError, match="export 'x' has no convolution over pictures or sequences") as caught:
        file_kernels(model, name="x", layer=None)
    assert caught.value.hint == "--what activations shows any layer"


class FakeRun:
    """A run of a module that is at hand."""

    name = "r"

    def __init__(self, module: Any) -> None:
        self._module = module
        self.info = self
        self.options: dict[str, Any] = {}
        self.spec = self
        self.size_options: dict[str, str] = {}
        self.inputs = {"image": TensorSpec("N", 1, 4, 4)}
        self.outputs = {"logits": TensorSpec("N", 2)}

    def build(self, zoo: Any) -> Any:
        return self._module

    def model(self, zoo: Any) -> Any:
        return self


def test_layers_of_a_run() -> None:
    from torch import nn

    class Pair(nn.Module):
        def forward(self, x: Any) -> Any:
            return {"first": x}

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flat, self.act, self.pair, self.idle = nn.Flatten(), nn.ReLU(), Pair(), nn.Linear(1, 1)

        def forward(self, x: Any) -> Any:
            return self.pair(self.act(self.act(self.flat(x))))["first"]

    run: Any = FakeRun(Net())
    zoo: Any = None
    maps = run_maps(run, zoo, layer="act", given=given())
    assert (maps.values.shape, maps.calls) == ((16,), 2)
    assert (maps.values == np.maximum(given().batch.reshape(-1), 0)).all()
    with pytest.raises(ZooError, match="layer 'pair' of run 'r' does not give a tensor"):
        run_maps(run, zoo, layer="pair", given=given())
    with pytest.raises(ZooError, match="layer 'idle' of run 'r' is not used for this input"):
        run_maps(run, zoo, layer="idle", given=given())
    with pytest.raises(UsageError, match="run 'r' has no convolution: name a layer with --layer") as caught:
        run_maps(run, zoo, layer=None, given=given())
    assert caught.value.hint == "Layers: flat, act, pair, idle"
    with pytest.raises(UsageError, match="run 'r' has no convolution over pictures or sequences"):
        run_kernels(run, zoo, layer=None)


@pytest.mark.parametrize(
    ("shape", "title"),
    [
        ((6, 1, 5, 5), "t, layer l: 6 kernels of 5 x 5\none input channel"),
        (
            (100, 3, 5, 5),
            "t, layer l: 64 of 100 kernels of 5 x 5\nas RGB: mid-grey is 0, black and white are -1 and +1",
        ),
        ((8, 16, 3, 3), "t, layer l: 8 kernels of 3 x 3\nthe mean over 16 input channels"),
        ((8, 4, 3), "t, layer l: 8 kernels of length 3\na row for each of 4 input channels"),
        ((4, 1, 3), "t, layer l: 4 kernels of length 3\none input channel"),
    ],
)
def test_titles_say_what_the_kernels_are(shape: tuple[int, ...], title: str) -> None:
    values = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    values.flat[0] = -1
    figure = draw_filters(Kernels(layer="l", values=values, first=True), preprocess=Preprocess(), title="t")
    assert figure.get_suptitle() == title
    colored = len(shape) == 4 and shape[1] == 3
    bars = [axes for axes in figure.axes if axes.get_ylabel() == "weight"]
    assert len(bars) == (0 if colored else 1)
    if bars:
        low, high = figure.axes[0].images[0].get_clim()
        assert low == -high < 0  # white is 0


@pytest.mark.parametrize(
    ("shape", "title"),
    [
        ((6, 4, 5), "t, layer l (the last of its 2 calls): 6 feature maps of 4 x 5"),
        ((70, 4, 5), "t, layer l (the last of its 2 calls): the first 64 of 70 feature maps of 4 x 5"),
        ((6, 9), "t, layer l (the last of its 2 calls): 6 x 9"),
        ((12,), "t, layer l (the last of its 2 calls): 12 units"),
    ],
)
def test_titles_say_what_the_values_are(shape: tuple[int, ...], title: str) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    figure = draw_activations(Maps(layer="l", values=values, calls=2), given(), preprocess=None, title="t")
    assert figure.get_suptitle() == title
    assert "input: a.png" in [axes.get_title() for axes in figure.axes]
    assert "activation" in [axes.get_ylabel() for axes in figure.axes]


def test_values_of_another_shape_are_not_drawn() -> None:
    with pytest.raises(ZooError, match=re.escape("layer l gives the shape (1, 1, 1, 1) for one input")):
        draw_activations(Maps(layer="l", values=np.zeros((1, 1, 1, 1))), given(), preprocess=None, title="t")
