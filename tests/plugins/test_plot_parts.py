"""What the pictures show, on arrays: which samples, which errors, which shares, which layer."""

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
from small_datasets import bound

from zoo_core import Preprocess, TensorSpec
from zoo_core.data import Samples
from zoo_core.errors import UsageError, ZooError
from zoo_core.runtime.running.model import ExportedModel, open_model
from zoo_core.specs import IGNORED
from zoo_core.tasks import get_task
from zoo_core.training import Augment, Feed
from zoo_core.workflows.answers.predictor import Part, Predictor
from zoo_core.workflows.answers.shown import class_color
from zoo_plugins.plot.activations import draw_activations
from zoo_plugins.plot.augmented import draw_augmented
from zoo_plugins.plot.confusion import draw_confusion, most_confused, row_shares, short_count
from zoo_plugins.plot.figures import heading, new_figure, short_names
from zoo_plugins.plot.file_layers import file_kernels, file_maps
from zoo_plugins.plot.filters import draw_filters
from zoo_plugins.plot.judge import find_worst, judge, judge_all, worst_first
from zoo_plugins.plot.layers import Given, Kernels, Maps
from zoo_plugins.plot.run_layers import run_kernels, run_maps
from zoo_plugins.plot.samples import choose_evenly, draw_samples
from zoo_plugins.plot.tiles import overlay, picture_of


def subject_of(task: str, outputs: np.ndarray) -> Predictor:
    """A predictor that answers with these outputs, two samples at a time."""

    def batches(samples: Samples) -> Any:
        # the inputs of these samples are their numbers
        for start in range(0, len(samples), 2):
            rows = slice(start, min(start + 2, len(samples)))
            yield rows, {"logits": outputs[samples.inputs[rows, 0, 0].astype(int)]}

    return Predictor(
        shown="predictor",
        task=get_task(task),
        labels=(),
        preprocess=None,
        inputs={},
        dataset=None,
        options={},
        batches=batches,
    )


def numbered(targets: np.ndarray, classes: int) -> Samples:
    inputs = np.repeat(np.arange(len(targets), dtype=np.float32)[:, None, None], 5, axis=2)
    names = tuple(f"class {index}" for index in range(classes))
    return Samples(inputs=inputs, targets=targets, classes=names, preprocess=None, fingerprint="")


# -- which samples -------------------------------------------------------------------------------------------------


def test_as_many_of_each_class_spread_over_the_split() -> None:
    targets = np.tile(np.arange(10), 30)
    chosen = choose_evenly(targets, 40)
    assert targets[chosen].tolist() == np.repeat(np.arange(10), 4).tolist()
    assert len(set(chosen.tolist())) == 40
    assert chosen[:4].tolist() == [0, 70, 150, 220]
    assert (choose_evenly(targets, 40) == chosen).all()


def test_rare_classes_leave_their_place_to_others() -> None:
    targets = np.array([0] * 50 + [1] * 2 + [3] * 50)
    assert np.bincount(targets[choose_evenly(targets, 40)]).tolist() == [19, 2, 0, 19]
    assert sorted(choose_evenly(targets[:7], 40).tolist()) == list(range(7))


def test_of_more_classes_than_cells_some_are_shown() -> None:
    chosen = choose_evenly(np.arange(200), 40)
    assert chosen.tolist() == list(range(0, 200, 5))


def test_samples_with_masks_are_spread_over_the_split() -> None:
    assert choose_evenly(np.zeros((12, 4, 4), np.uint8), 4).tolist() == [0, 3, 6, 9]


def test_the_names_of_classes_stand_over_the_samples() -> None:
    samples = bound().load("test")
    figure = draw_samples(samples, labels=samples.classes, title="animals, split test")
    assert figure.get_suptitle() == "animals, split test: 40 of 40 samples, 6 x 5"
    names = [axes.get_title() for axes in figure.axes]
    assert names == [name for name in ("ant", "bee", "cow", "dog") for _ in range(10)]


def test_what_is_no_picture_is_said() -> None:
    with pytest.raises(ZooError, match=re.escape("samples of shape (2, 3, 4, 5) cannot be drawn")):
        picture_of(np.zeros((2, 3, 4, 5)), None)


def test_pictures_come_in_the_order_of_their_colours() -> None:
    stored = np.array([10, 20, 30], np.uint8).reshape(3, 1, 1)
    assert picture_of(stored, Preprocess(color="RGB")).tolist() == [[[10, 20, 30]]]
    assert picture_of(stored, Preprocess(color="BGR")).tolist() == [[[30, 20, 10]]]
    assert picture_of(stored[:1], Preprocess(color="L")).tolist() == [[[10, 10, 10]]]
    assert picture_of(np.array([[[-2.0, 0, 2]]]), None)[0, :, 0].tolist() == [0, 128, 255]


def test_a_mask_lies_over_its_picture() -> None:
    picture, mask = np.full((4, 4, 3), 100, np.uint8), np.zeros((4, 4), np.uint8)
    mask[:, 2:] = 1
    drawn = overlay(picture, mask)
    assert drawn.shape == (256, 256, 3)
    assert (drawn[:, :128] == 100).all()  # class 0 has no tint, and no outline
    assert (drawn[:, 128] == class_color(1)).all()
    assert drawn[10, 250].tolist() == [round(0.6 * 100 + 0.4 * part) for part in class_color(1)]


# -- confusion -----------------------------------------------------------------------------------------------------


def test_rows_are_shares_of_their_true_class() -> None:
    matrix = np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]])
    assert row_shares(matrix).tolist() == [[0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0, 0]]
    assert most_confused(matrix, "abc", count=3) == [("a", "b", 2), ("b", "a", 1)]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (9_999, "9999"), (12_345, "12k"), (3_400_000, "3.4M"), (9_960_000, "10M"), (5_000_000_000, "5.0G")],
)
def test_counts_are_short(count: int, text: str) -> None:
    assert short_count(count) == text


def test_the_numbers_in_the_cells_are_those_of_the_split() -> None:
    targets = np.array([0, 0, 0, 1, 1, 2])
    decided = np.array([0, 0, 1, 1, 1, 0])
    samples = numbered(targets, 3)
    predictor = subject_of("image-classification", 5 * np.eye(3, dtype=np.float32)[decided])
    part = Part(dataset="d", split="test", samples=samples, labels=samples.classes)
    figure = draw_confusion(predictor, part, title="run r on d, split test")
    assert figure.get_suptitle().splitlines()[0].replace("\xa0", " ") == (
        "run r on d, split test: accuracy 0.6667, 6 samples"
    )
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["2\n66.7%", "1\n33.3%", "0", "0", "2\n100.0%", "0", "1\n100.0%", "0", "0"]
    assert figure.axes[0].get_xlabel() == "decision"
    assert figure.axes[0].get_ylabel() == "true class"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["class 0", "class 1", "class 2"]


def test_a_title_that_is_too_long_is_broken_where_it_says_what_was_measured() -> None:
    figure = new_figure(width=7.5, height=3)
    heading(
        figure, "run mm on mask-folder, split validation: mean IoU 0.1124, pixel accuracy 0.2247, 2 samples", "note"
    )
    assert figure.get_suptitle().splitlines() == [
        "run mm on mask-folder, split validation",
        "mean IoU 0.1124, pixel accuracy 0.2247, 2 samples",
        "note",
    ]


@pytest.mark.parametrize(("count", "width"), [(1, 6), (2, 6), (3, 9), (4, 12), (40, 12)])
def test_a_few_samples_have_a_narrow_figure(count: int, width: float) -> None:
    samples = numbered(np.zeros(count, np.int64), 1)
    figure = draw_samples(samples, labels=samples.classes, title="d, split s")
    assert figure.get_figwidth() == width


def test_many_classes_are_colours_and_the_most_confused_are_told() -> None:
    targets = np.repeat(np.arange(30), 2)
    decided = targets.copy()
    decided[:2] = 7
    samples = numbered(targets, 30)
    predictor = subject_of("image-classification", 5 * np.eye(30, dtype=np.float32)[decided])
    figure = draw_confusion(predictor, Part(dataset="d", split="s", samples=samples, labels=samples.classes), title="r")
    assert list(figure.axes[0].texts) == []
    assert figure.get_suptitle().splitlines()[-1] == "most often: class 0 taken for class 7 (2)"


def test_over_a_thousand_classes_cannot_be_read() -> None:
    samples = numbered(np.array([0]), 1001)
    predictor = subject_of("image-classification", np.zeros((1, 1001), np.float32))
    part = Part(dataset="d", split="test", samples=samples, labels=samples.classes)
    with pytest.raises(ZooError, match="a confusion matrix of 1,001 classes cannot be read"):
        draw_confusion(predictor, part, title="r")


# -- errors --------------------------------------------------------------------------------------------------------


def test_the_worst_errors_come_first() -> None:
    assert worst_first(np.array([0.1, 3, 0.9, 2]), np.array([False, True, False, True]), count=9).tolist() == [1, 3]
    assert worst_first(np.array([0.1, 3, 0.9, 2]), np.array([True] * 4), count=2).tolist() == [1, 3]
    # nothing is wrong: the least good ones
    assert worst_first(np.array([0.1, 0.3, 0.2]), np.array([False] * 3), count=2).tolist() == [1, 2]
    assert worst_first(np.array([np.nan, 0.0, 0.5]), np.array([False, False, True]), count=3).tolist() == [2]


def test_losses_and_probabilities_of_labels() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.05, 0.9, 0.05]])).astype(np.float32)
    found = judge(get_task("image-classification"), {"logits": logits}, np.array([0, 0, 2]))
    assert found.decided.tolist() == [0, 2, 1]
    assert found.value == pytest.approx([0.7, 0.6, 0.9])
    assert found.badness == pytest.approx(-np.log([0.7, 0.1, 0.05]))
    assert found.wrong.tolist() == [False, True, True]


def test_the_iou_of_masks_is_the_metric_of_one_sample() -> None:
    rng = np.random.default_rng(0)
    task = get_task("semantic-segmentation")
    logits = rng.normal(size=(5, 3, 6, 7)).astype(np.float32)
    masks = rng.integers(0, 3, (5, 6, 7)).astype(np.uint8)
    masks[rng.random(masks.shape) < 0.2] = IGNORED
    masks[4] = IGNORED
    found = judge(task, {"logits": logits}, masks)
    alone = [task.metrics({"logits": logits[[row]]}, masks[[row]])["iou_mean"] for row in range(4)]
    assert found.value[:4] == pytest.approx(alone)
    assert np.isnan(found.value[4])
    assert found.wrong.tolist() == [True] * 4 + [False]


def test_all_batches_are_searched() -> None:
    logits = np.array([[4, 0], [0, 1], [0, 3], [4, 0], [0, 2]], np.float32)
    samples = numbered(np.zeros(5, np.int64), 2)
    chosen, wrong, tally = find_worst(subject_of("image-classification", logits), samples, count=2)
    assert (chosen.tolist(), wrong) == ([2, 4], 3)
    assert tally.metrics()["accuracy"] == pytest.approx(0.4)
    found, _ = judge_all(subject_of("image-classification", logits), samples)
    assert found.decided.tolist() == [0, 1, 1, 0, 1]


# -- layers of a file ----------------------------------------------------------------------------------------------


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


# -- layers of a run -----------------------------------------------------------------------------------------------


class FakeRun:
    """A run of a module that is at hand."""

    name = "r"

    def __init__(self, module: Any) -> None:
        self._module = module
        self.info = self
        self.options: dict[str, Any] = {}
        self.spec = self
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
    with pytest.raises(ZooError, match="layer 'pair' of run 'r' gives no tensor"):
        run_maps(run, zoo, layer="pair", given=given())
    with pytest.raises(ZooError, match="layer 'idle' of run 'r' is not used for this input"):
        run_maps(run, zoo, layer="idle", given=given())
    with pytest.raises(UsageError, match="run 'r' has no convolution: name a layer with --layer") as caught:
        run_maps(run, zoo, layer=None, given=given())
    assert caught.value.hint == "Layers: flat, act, pair, idle"
    with pytest.raises(UsageError, match="run 'r' has no convolution over pictures or sequences"):
        run_kernels(run, zoo, layer=None)


# -- figures of layers ---------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_augmented_samples_are_those_that_a_training_sees(layout: Any) -> None:
    rng = np.random.default_rng(0)
    samples = Samples(
        inputs=rng.integers(0, 256, (20, 3, 16, 16), dtype=np.uint8),
        targets=np.arange(20) % 4,
        classes=("a", "b", "c", "d"),
        preprocess=Preprocess(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), layout=layout),
        fingerprint="",
    )
    names = ("flip", "crop")  # no pixel is mixed with another: what is drawn is exact
    figure = draw_augmented(samples, asked="usual", usual=names, title="drawn")
    cells = [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
    chosen = choose_evenly(samples.targets, 6)
    assert len(cells) == 6 * 6
    feed = Feed(samples, batch_size=20, augment=Augment(names=names, seed=0))
    for epoch in range(6):
        if epoch:
            inputs, _ = next(feed.shuffled(seed=0, epoch=epoch))
            seen = inputs.numpy() if layout == "NHWC" else inputs.permute(0, 2, 3, 1).numpy()
            pictures = np.rint((seen * (0.2, 0.3, 0.4) + (0.5, 0.4, 0.3)) * 255).astype(np.uint8)
        else:
            pictures = samples.inputs.transpose(0, 2, 3, 1)
        drawn = [cells[6 * row + epoch] for row in range(6)]
        for row, cell in enumerate(drawn):
            assert any(np.array_equal(cell, picture) for picture in pictures), (epoch, row)
    assert all(
        np.array_equal(cells[6 * row], samples.inputs[index].transpose(1, 2, 0)) for row, index in enumerate(chosen)
    )


def test_long_names_that_begin_alike_are_told_apart_by_their_numbers() -> None:
    assert short_names(["cat", "a name that is rather long"]) == ("cat", "a name that is ra…")
    assert short_names(["class number 00 of many", "class number 01 of many"], 12) == ("0: class nu…", "1: class nu…")
