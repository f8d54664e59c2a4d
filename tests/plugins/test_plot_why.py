"""`zoo plot --what why`: Grad-CAM of a run, and of an export what it costs to cover a part of a picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mask_files import light_mask
from onnx import TensorProto, helper, numpy_helper
from onnx_files import graph_model, write_model
from PIL import Image
from test_plot_kinds import check_picture
from without_torch import BLOCKER

from zoo_core import Preprocess, TensorSpec, load_run, open_zoo
from zoo_core.data import bind_dataset
from zoo_core.runtime import open_model
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.workflows.answers.predictor import export_predictor
from zoo_plugins.plot.occlusion import covered_map
from zoo_plugins.plot.run_why import gradient_maps
from zoo_plugins.plot.why import decide, marked


def corner_model(folder: Path, *, one_logit: bool = False) -> Path:
    """An export that looks at the upper right quarter of 8 by 8 pixels only: bright there is "yes"."""
    corner = np.zeros((64, 1), np.float32)
    corner.reshape(8, 8)[:4, 4:] = 1 / 16
    weight = corner if one_logit else np.concatenate([-corner, corner], axis=1)
    model = graph_model(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weight"], ["logits"]),
        ],
        inputs=[helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 8, 8])],
        outputs=[helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", weight.shape[1]])],
        tensors=[numpy_helper.from_array(weight, "weight")],
    )
    metadata = Metadata(
        name="corner",
        task="binary-classification" if one_logit else "image-classification",
        labels=("no", "yes"),
        inputs={"image": TensorSpec("N", 1, 8, 8)},
        outputs={"logits": TensorSpec("N", weight.shape[1])},
        preprocess=Preprocess(color="L", resize=(8, 8), mean=(0.5,), std=(0.5,)),
        opset=20,
    )
    return write_model(folder / "exported" / "corner" / "model.onnx", model, metadata)


@pytest.mark.parametrize("one_logit", [False, True])
@pytest.mark.parametrize(("bright", "decided"), [(True, 1), (False, 0)])
def test_covering_what_counts_costs_most(one_logit: bool, bright: bool, decided: int, here: Path) -> None:
    predictor = export_predictor(open_model(corner_model(here, one_logit=one_logit)), "corner")
    pixels = np.full((1, 1, 8, 8), 0 if bright else 255, np.uint8)
    pixels[:, :, :4, 4:] = 255 if bright else 0
    samples = dataclasses.replace(
        digits(1, size=8), inputs={"image": pixels}, recipes={"image": Preprocess(color="L", mean=(0.5,), std=(0.5,))}
    )
    found, chances = decide(predictor, samples)
    why = covered_map(samples, int(found[0]), chances[0], lambda covered: decide(predictor, covered)[1])
    assert why.decided == decided
    assert why.probability == pytest.approx(chances[0, decided])
    assert why.values.shape == (8, 8)
    assert why.values[:3, 5:].min() > 0.02
    assert np.abs(why.values[5:, :3]).max() == pytest.approx(0, abs=1e-6)
    lowest = float(why.told.removeprefix("covered: "))
    assert lowest < why.probability - 0.02


def digits(count: int, *, size: int = 28) -> Any:
    return bind_dataset(open_zoo().dataset("digits"), {"size": size}).load("test").first(count)


def test_gradients_of_a_run_against_a_second_way(trained: Path) -> None:
    run, zoo, samples = load_run(trained / "runs" / "lenet5-digits"), open_zoo(), digits(3)
    found, layer = gradient_maps(run, zoo, samples, layer=None)
    assert layer == "conv2"
    module = run.build(zoo).eval()
    kept: dict[str, torch.Tensor] = {}
    module.get_submodule(layer).register_forward_hook(lambda part, given, value: kept.update(maps=value.detach()))
    module.get_submodule(layer).register_full_backward_hook(lambda part, given, slopes: kept.update(slopes=slopes[0]))
    inputs = torch.from_numpy(samples.batch(slice(None))).requires_grad_()
    for row, why in enumerate(found):
        logits = module(inputs[row : row + 1])
        assert why.decided == int(logits.argmax())
        assert why.probability == pytest.approx(float(logits.softmax(1).max().detach()), rel=1e-5)
        logits[0, why.decided].backward()
        weights = kept["slopes"][0].mean(dim=(1, 2))
        small = torch.relu((weights[:, None, None] * kept["maps"][0]).sum(dim=0))
        large = torch.nn.functional.interpolate(small[None, None], size=(28, 28), mode="bilinear")[0, 0]
        np.testing.assert_allclose(why.values, large.numpy(), rtol=1e-4, atol=1e-6)
        assert why.values.max() > 0


def test_what_counts_is_marked_in_red() -> None:
    picture = np.full((2, 2, 3), 100, np.uint8)
    found = marked(picture, np.array([[0.0, 2.0], [-1.0, 1.0]]))
    assert found[0, 0].tolist() == found[1, 0].tolist() == [100, 100, 100]
    assert found[0, 1].tolist() == [191, 51, 52]
    assert (marked(picture, np.zeros((2, 2))) == 100).all()


def test_pictures_of_runs_and_exports(zoo_here: Callable[..., Any], workplace: Path) -> None:
    drawn = zoo_here("plot", "run:lenet5-digits", "--what", "why", "--json")
    assert drawn.json == {"files": ["runs/lenet5-digits/plots/why.png"], "remarks": []}
    check_picture(Path("runs/lenet5-digits/plots/why.png"))
    first = zoo_here("plot", "run:lenet5-digits", "--what", "why", "--layer", "conv1", "--count", "3", "--out", "a.png")
    assert first.code == 0, first.stderr
    check_picture(Path("a.png"))
    Image.fromarray(np.zeros((20, 20), np.uint8)).save("black.png")
    one = zoo_here("plot", "export:lenet5-digits", "--what", "why", "--input", "black.png", "--out", "one.png")
    assert one.code == 0, one.stderr
    check_picture(Path("one.png"))
    for options, words in (
        (["--layer", "conv9"], "has no layer 'conv9'"),
        (["--layer", "fc1"], "gives no maps (samples, channels, height, width)"),
        (["--input", "black.png", "--count", "3"], "--count is for samples of a dataset"),
    ):
        refused = zoo_here("plot", "run:lenet5-digits", "--what", "why", *options)
        assert refused.code in {1, 2}
        assert words in refused.stderr
    refused = zoo_here("plot", "export:lenet5-digits", "--what", "why", "--layer", "conv1")
    assert (refused.code, "--layer is for runs" in refused.stderr) == (2, True)


def test_an_export_is_asked_without_torch(run_zoo: Callable[..., Any], here: Path, tmp_path: Path) -> None:
    corner_model(here)
    Path("blocked").mkdir()
    Path("blocked/sitecustomize.py").write_text(BLOCKER.replace("matplotlib", "nothing"))
    Image.fromarray(np.tile(np.array([0, 255], np.uint8), (8, 4))).save("stripes.png")
    done = run_zoo(
        "plot", "corner", "--what", "why", "--input", "stripes.png", env={"PYTHONPATH": str(here / "blocked")}
    )
    assert done.code == 0, done.stderr
    check_picture(Path("plots/corner-why.png"))


def test_models_without_classes_have_no_why(run_zoo: Callable[..., Any], here: Path) -> None:
    light_mask(here)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save("a.png")
    done = run_zoo("plot", "light", "--what", "why", "--input", "a.png")
    assert done.code == 2
    assert "why is for models that tell classes of pictures, and export 'light' is for semantic-" in done.stderr
