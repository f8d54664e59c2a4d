"""The torchvision family: its names and specs, preprocessing as torchvision's own, detectors stage by stage."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import get_model_weights, list_models
from torchvision.ops import FrozenBatchNorm2d

from zoo_core import ModelSpec, Preprocess, TensorSpec, ZooError, match_options, open_zoo
from zoo_core.preprocess import normalize, resize_picture
from zoo_plugins.torchvision import spec

NAMES = list_models()
DETECTORS = {
    "fasterrcnn_mobilenet_v3_large_fpn": {"height": 128, "width": 96},
    # The heads for masks and key-points take most of the time.
    "maskrcnn_resnet50_fpn": {"height": 64, "width": 96, "detections": 12, "proposals": 50},
    "keypointrcnn_resnet50_fpn": {"height": 64, "width": 64, "detections": 12, "proposals": 50},
    "retinanet_resnet50_fpn": {"height": 64, "width": 96},
    "fcos_resnet50_fpn": {"height": 96, "width": 64},
    "ssdlite320_mobilenet_v3_large": {},
}


def built(name: str, **options: Any) -> tuple[ModelSpec, nn.Module]:
    """The spec and a seeded module in eval mode."""
    found = spec(name)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module: nn.Module = found.build(**options)
    return found, module.eval().requires_grad_(False)


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_every_model_of_torchvision_is_in_the_catalogue() -> None:
    known = [entry.shown for entry in open_zoo().entries("model") if entry.name.startswith("torchvision/")]
    assert known == [f"torchvision/{name}" for name in sorted(NAMES)]


def test_listing_loads_neither_torch_nor_torchvision() -> None:
    code = (
        "import sys, zoo_plugins.torchvision as plugin\n"
        "family, = plugin.zoo_families()\n"
        "assert len(list(family.names())) > 100\n"
        "print(sorted({'torch', 'torchvision'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_says_everything(name: str) -> None:
    found = spec(name)
    assert found.name == f"torchvision/{name}"
    assert found.source.startswith("http")
    assert found.license == "BSD-3-Clause"
    assert len(set(found.labels)) == len(found.labels)
    assert found.preprocess is not None
    assert found.weights
    for weights in found.weights:
        assert weights.url.startswith("https://")
        assert len(weights.sha256) >= 8
        assert weights.sha256 in weights.url
        assert weights.size > 100_000
        assert weights.metrics
        assert all(isinstance(value, float) for value in weights.metrics.values())
    default = get_model_weights(name).DEFAULT
    wanted = default.meta["unquantized"] if name.startswith("quantized_") else default
    assert (found.weights[0].name, found.weights[0].url) == (wanted.name, wanted.url)
    classes = {option.name: option.default for option in found.options}.get("num_classes")
    assert classes == len(found.labels) or found.task == "optical-flow"


def test_tasks_and_tensors() -> None:
    tasks = [spec(name).task for name in NAMES]
    assert {task: tasks.count(task) for task in tasks} == {
        "image-classification": 92,
        "semantic-segmentation": 6,
        "detection": 9,
        "instance-segmentation": 2,
        "keypoints": 1,
        "optical-flow": 2,
        "video-classification": 9,
    }
    assert str(spec("raft_small").inputs["image2"]) == "(N, 3, 8*H, 8*W)"
    assert str(spec("fcn_resnet50").outputs["out"]) == "(N, num_classes, H, W)"
    assert str(spec("maskrcnn_resnet50_fpn").outputs["masks"]) == "(K, 1, 28, 28)"
    assert "one picture at a time" in spec("fcos_resnet50_fpn").fixed_axes["N"]


def _has_a_global_average(name: str) -> bool:
    """Whether all that a net knows of the size of its maps is averaged away, as in a net of convolutions."""
    build = spec(name).build
    try:
        with torch.device("meta"):
            module = build()
    except NotImplementedError:  # regnets read numbers off tensors while they are built
        module = build()
    parts = list(module.modules())
    averages = [part.output_size for part in parts if isinstance(part, nn.AdaptiveAvgPool2d)]
    attention = any("Attention" in type(part).__name__ for part in parts)
    return not attention and set(averages) <= {1, (1, 1)}


FREE = {
    "convnext_tiny": 64,
    "densenet121": 29,
    "efficientnet_b0": 1,
    "googlenet": 15,
    "inception_v3": 75,
    "mnasnet0_5": 1,
    "mobilenet_v2": 1,
    "mobilenet_v3_small": 1,
    "quantized_resnet18": 1,
    "regnet_y_400mf": 1,
    "resnet18": 1,
    "resnext50_32x4d": 1,
    "shufflenet_v2_x0_5": 1,
    "squeezenet1_1": 17,
    "wide_resnet50_2": 1,
}
"""Names, and the smallest side of their pictures, in pixels."""
FIXED = {
    "alexnet": "it averages over a grid of 6x6 cells, and ONNX has no such operator for a size that is not known",
    "maxvit_t": "its windows divide pictures of 224 pixels only",
    "swin_t": "how its windows are padded and shifted depends on the size",
    "vgg11": "it averages over a grid of 7x7 cells, and ONNX has no such operator for a size that is not known",
    "vit_b_32": "there is one position embedding for each patch",
}


@pytest.mark.parametrize("name", FREE)
def test_a_net_with_a_global_average_leaves_height_and_width_free(name: str) -> None:
    found = spec(name)
    assert _has_a_global_average(name)
    assert str(found.inputs["image"]) == "(N, 3, H, W)"
    assert not found.fixed_axes
    assert found.smallest == {"H": FREE[name], "W": FREE[name]}


@pytest.mark.parametrize("name", FIXED)
def test_a_net_that_looks_at_the_size_of_its_maps_says_why_it_is_fixed(name: str) -> None:
    found = spec(name)
    assert not _has_a_global_average(name)
    assert found.inputs["image"].free_axes == ("N",)
    assert FIXED[name] in found.fixed_axes["H"]
    assert found.fixed_axes["H"] == found.fixed_axes["W"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if spec(name).task == "image-classification"])
def test_classifiers_are_free_exactly_where_they_average_globally(name: str) -> None:
    assert (spec(name).inputs["image"].free_axes == ("N", "H", "W")) == _has_a_global_average(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FREE, "efficientnet_v2_s", "squeezenet1_0", "deeplabv3_mobilenet_v3_large"])
def test_a_net_of_any_size_is_exported_and_verified(name: str, zoo_here: Callable[..., Any]) -> None:
    done = zoo_here("export", f"torchvision/{name}", "--json")
    assert done.code == 0, done.stderr
    assert (done.json["outcome"], done.json["axes"]["image"]) == ("verified", ["N", 3, "H", "W"])
    assert not [check for check in done.json["checks"] if check["rule"] == "exporter"]


def test_what_was_free_for_nothing_is_usual_again(zoo_here: Callable[..., Any]) -> None:
    done = zoo_here("export", "torchvision/squeezenet1_1", "--dynamic", "N", "--json")
    assert done.code == 0, done.stderr
    assert done.json["axes"]["image"] == ["N", 3, 224, 224]


def test_labels_that_are_there_twice_are_numbered() -> None:
    labels = spec("ssd300_vgg16").labels
    assert labels[:3] == ("__background__", "person", "bicycle")
    assert (labels[12], labels[26], labels[83]) == ("N/A", "N/A (2)", "N/A (10)")


def test_weights_for_parts_of_other_models_are_left_out() -> None:
    assert [weights.name for weights in spec("vgg16").weights] == ["IMAGENET1K_V1"]


def test_weights_that_want_other_pictures_say_so() -> None:
    sizes = {weights.name: weights.preprocess for weights in spec("vit_b_16").weights}
    assert sizes["IMAGENET1K_V1"] == Preprocess(
        resize=256, crop=(224, 224), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    )
    assert sizes["IMAGENET1K_SWAG_E2E_V1"].crop == (384, 384)
    assert sizes["IMAGENET1K_SWAG_E2E_V1"].interpolation == "bicubic"


@pytest.mark.parametrize(("height", "width"), [(300, 401), (277, 260), (240, 700)])
@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "swin_v2_t", "inception_v3", "efficientnet_v2_l"])
def test_preprocessing_is_torchvisions(name: str, height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    recipe = spec(name).preprocess
    ours = normalize(resize_picture(pixels, recipe).transpose(2, 0, 1)[np.newaxis], recipe)
    theirs = get_model_weights(name).DEFAULT.transforms()(Image.fromarray(pixels))[None].numpy()
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_preprocessing_of_square_pictures_for_segmentation_is_torchvisions() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    recipe = spec("fcn_resnet50").preprocess
    ours = normalize(resize_picture(pixels, recipe).transpose(2, 0, 1)[np.newaxis], recipe)
    theirs = get_model_weights("fcn_resnet50").DEFAULT.transforms()(Image.fromarray(pixels))[None].numpy()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [
        ("resnet18", {"num_classes": 7}, (2, 3, 64, 96)),
        ("vgg11", {"num_classes": 7, "height": 64, "width": 96}, (2, 3, 64, 96)),
        ("vit_b_16", {"num_classes": 7, "image_size": 32}, (2, 3, 32, 32)),
        ("googlenet", {"num_classes": 7, "height": 64, "width": 64}, (2, 3, 64, 64)),
        ("quantized_shufflenet_v2_x0_5", {"num_classes": 7, "height": 64, "width": 64}, (2, 3, 64, 64)),
        ("lraspp_mobilenet_v3_large", {"num_classes": 7}, (2, 3, 64, 96)),
        ("r3d_18", {"num_classes": 7, "frames": 4, "height": 32, "width": 32}, (2, 3, 4, 32, 32)),
    ],
)
def test_what_is_built_gives_what_is_declared(name: str, options: dict[str, int], shape: tuple[int, ...]) -> None:
    found, module = built(name, **options)
    result = module(noise(*shape))
    if found.read_outputs is not None:
        (result,) = found.read_outputs(result).values()
    (declared,) = found.outputs.values()
    assert tuple(result.shape) == declared.shape({"N": 2, "H": 64, "W": 96, **options})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet18", {"height": 0}, "pictures are at least 1x1, but height=0"),
        ("inception_v3", {"width": 64}, "pictures are at least 75x75, but width=64"),
        ("vgg11", {"height": 31}, "pictures are at least 32x32, but height=31"),
        ("vit_b_16", {"image_size": 100}, "image_size must be a multiple of the patch of 16 pixels, not 100"),
        ("s3d", {"frames": 3}, "clips have at least 14 frames, not 3"),
        ("fasterrcnn_resnet50_fpn", {"height": 8}, "pictures are at least 32x32, but height=8"),
        ("fcos_resnet50_fpn", {"detections": 0}, "detections and proposals are at least 1, not 0 and None"),
    ],
)
def test_sizes_that_a_net_cannot_take(name: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        open_zoo().model(f"torchvision/{name}").build(**options)


def options_for(name: str, *, height: int) -> dict[str, Any]:
    """What `zoo train` builds the model with, on pictures of that height, 128 wide, in five classes."""
    pictures = {"image": TensorSpec("N", 3, height, 128)}
    model = open_zoo().model(f"torchvision/{name}")
    return match_options(model, {}, dataset="some", inputs=pictures, num_classes=5)


@pytest.mark.parametrize(
    ("name", "height", "fixed"), [("resnet18", 28, None), ("convnext_tiny", 64, None), ("convnext_tiny", 32, 32)]
)
def test_training_leaves_the_size_free_from_the_smallest_on(name: str, height: int, fixed: int | None) -> None:
    assert options_for(name, height=height) == {"num_classes": 5, "height": fixed, "width": None}


def test_a_net_is_not_trained_on_pictures_that_are_too_small_for_it() -> None:
    options = options_for("densenet121", height=28)
    with pytest.raises(ZooError, match="pictures are at least 29x29, but height=28"):
        open_zoo().model("torchvision/densenet121").build(**options)


def test_a_name_that_torchvision_does_not_have() -> None:
    with pytest.raises(ValueError, match="torchvision has no model 'resnet19'"):
        spec("resnet19")


def test_old_names_in_the_weights_of_densenets_are_understood() -> None:
    _, module = built("densenet121", num_classes=2)
    state = module.state_dict()
    old = {key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value for key, value in state.items()}
    assert old.keys() != state.keys()
    module.load_state_dict(old, strict=True)


def test_frozen_statistics_are_those_of_the_published_weights() -> None:
    _, module = built("fasterrcnn_resnet50_fpn", height=64, width=64)
    names = module.state_dict().keys()
    assert "backbone.body.bn1.running_mean" in names
    assert not [name for name in names if "num_batches_tracked" in name]
    assert module.get_submodule("backbone.body.bn1").eps == 0.0


def settled(name: str) -> tuple[ModelSpec, nn.Module]:
    found, module = built(name, **DETECTORS[name])
    _learn_statistics(module)
    assert found.settle is not None
    found.settle(module)
    return found, module


def _learn_statistics(module: Any) -> None:
    """What healthy parameters are for nets with BatchNorm: without, nothing reaches the heads of a fresh net."""
    parts = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for part in parts:
        part.train()
        part.momentum = None
    if parts:
        module(noise(4, 3, *module.transform.size, seed=2))
    module.eval()


def run_stages(found: ModelSpec, module: nn.Module, image: Tensor) -> Mapping[str, Tensor]:
    assert found.stages is not None
    known = {"image": image}
    for stage in found.stages(module):
        result = stage.run(*(known[name] for name in stage.inputs))
        known.update(zip(stage.outputs, [result] if isinstance(result, Tensor) else result, strict=True))
    return known


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name == "keypointrcnn_resnet50_fpn" else ()) for name in DETECTORS],
)
def test_stages_of_a_detector_are_its_forward(name: str) -> None:
    found, module = settled(name)
    image = noise(1, 3, *module.transform.size)
    assert found.read_outputs is not None
    whole = found.read_outputs(module(image))
    parts = run_stages(found, module, image)
    assert len(whole["boxes"]) >= 10
    for output in found.outputs:
        assert parts[output].shape == whole[output].shape
        assert parts[output].dtype == whole[output].dtype
        torch.testing.assert_close(parts[output], whole[output], rtol=1e-4, atol=1e-3)


def test_settling_is_the_same_every_time() -> None:
    states = [settled("fcos_resnet50_fpn")[1].state_dict() for _ in range(2)]
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


def test_settled_heads_give_logits_of_a_few_units() -> None:
    _, module = settled("fcos_resnet50_fpn")
    seen: list[float] = []
    module.get_submodule("head.classification_head.cls_logits").register_forward_hook(
        lambda layer, inputs, output: seen.append(float(output.abs().max()))
    )
    module(noise(1, 3, *module.transform.size))
    assert 1 < max(seen) < 20


def test_settled_frozen_norms_shift_by_more_than_rounding_or_not_at_all() -> None:
    # Behind a layer that is centred the mean is 0 but for rounding, and no output would show anything of it.
    _, module = settled("fasterrcnn_mobilenet_v3_large_fpn")
    norms = [part for part in module.modules() if isinstance(part, FrozenBatchNorm2d)]
    shifts = [float((part.running_mean.abs() / part.running_var.sqrt()).max()) for part in norms]
    assert len(shifts) > 40
    assert min(shifts) == 0 < 1e-3 < min(shift for shift in shifts if shift)
