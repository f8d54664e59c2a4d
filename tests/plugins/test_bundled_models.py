"""The bundled architectures: parameter counts, sizes, filters against a reference of our own, and exports."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from zoo_core import ZooError, open_zoo
from zoo_core.export.plan.plan import DEFAULT_OPSET
from zoo_core.matching import bound_tensors, full_options
from zoo_core.workflows.exports.export_source import export_plan, plan_source

Picture = NDArray[np.float64]

ZOO = open_zoo()
COLOUR = {"in_channels": 3, "height": 32, "width": 32}
COUNTS: list[tuple[str, dict[str, Any], int]] = [
    ("mlp", {"hidden": (128, 64)}, 109_386),
    ("mlp", {**COLOUR, "hidden": (1024, 512, 128), "activation": "tanh"}, 3_738_506),
    ("cnn-bn", {}, 601_002),
    ("cnn-tanh", {}, 18_354),
    ("cnn-tanh", {"num_classes": 3}, 18_354 - 7 * 33),
    ("largenet", {}, 9_705),
    ("lenet5", {}, 61_706),
    ("lenet5", COLOUR, 83_126),
    ("minivgg", {}, 123_502),
    ("minivgg", COLOUR, 166_030),
    ("resnet-cifar", {}, 195_738),
    ("resnet9", {}, 6_573_120),
    ("unet1d", {}, 3_281),
    ("unet", {}, 31_031_745),
]

TOP = [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]
RIGHT = [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]
ONES = [[1, 1, 1], [1, 1, 1], [1, 1, 1]]
SOBEL = [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
LINE = [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]]
BANKS: dict[str, Any] = {
    "filter-box-blur": np.full((1, 1, 5, 5), 0.04),
    "filter-line-horizontal": [[LINE]],
    "filter-line-vertical": [[np.transpose(LINE)]],
    "filter-edge": [[[[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]]],
    "filter-vertical-edge": [[RIGHT, RIGHT, RIGHT]],
    "filter-top-edge": [[TOP]],
    "filter-right-edge": [[RIGHT]],
    "filter-sum": [[ONES]],
}
"""One layer each, (out, in, rows, columns)."""
FILTERS = sorted([*BANKS, "filter-sobel", "filter-corner", "filter-random"])

SMALL = {"height": "8", "width": "8"}
EXPORTS: dict[str, dict[str, str]] = {
    "cnn-bn": SMALL,
    "cnn-tanh": SMALL,
    "largenet": {"height": "16", "width": "16"},
    "minivgg": {"height": "12", "width": "12"},
    "resnet-cifar": SMALL,
    "resnet9": SMALL,
    "unet": {"base_channels": "4"},
    "unet1d": {},
    **{name: {} for name in FILTERS},
}


def build(name: str, **options: Any) -> nn.Module:
    module: nn.Module = ZOO.model(name).build(**options)
    return module.eval()


def run(name: str, pictures: Picture, **options: Any) -> Picture:
    with torch.no_grad():
        return build(name, **options)(torch.from_numpy(pictures.astype(np.float32))).numpy().astype(np.float64)


def correlated(pictures: Picture, bank: Any, *, padding: int = 0) -> Picture:
    """Pictures (N, in, H, W) and kernels (out, in, rows, columns): each kernel laid over each place, and summed up."""
    kernels = np.asarray(bank, dtype=np.float64)
    around = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(pictures, around), kernels.shape[2:], axis=(2, 3))
    return np.einsum("nihwrc,oirc->nohw", windows, kernels)


def pictures(channels: int, height: int = 9, width: int = 12) -> Picture:
    return np.random.default_rng(0).random((2, channels, height, width)).astype(np.float32).astype(np.float64)


@pytest.mark.parametrize(("name", "options", "parameters"), COUNTS)
def test_parameters(name: str, options: dict[str, Any], parameters: int) -> None:
    with torch.device("meta"):
        module = ZOO.model(name).build(**options)
    assert sum(parameter.numel() for parameter in module.parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "smallest"),
    [("cnn-bn", 6), ("cnn-tanh", 4), ("largenet", 16), ("lenet5", 12), ("minivgg", 12), ("resnet9", 8)],
)
def test_an_image_that_is_too_small(name: str, smallest: int) -> None:
    zeros = np.zeros((2, 3, smallest, smallest + 1))
    assert len(run(name, zeros, in_channels=3, height=smallest, width=smallest + 1)) == 2
    with pytest.raises(ZooError, match=f"images are at least {smallest}x{smallest} for .*, not 40x{smallest - 1}"):
        build(name, height=40, width=smallest - 1)


@pytest.mark.parametrize("name", ["cnn-bn", "cnn-tanh", "largenet", "minivgg", "resnet-cifar", "resnet9", "unet1d"])
def test_no_channels(name: str) -> None:
    with pytest.raises(ZooError, match=r"in_channels.* at least 1, not 0"):
        build(name, in_channels=0)


def test_other_options_that_are_refused() -> None:
    with pytest.raises(ZooError, match="images are at least 1x1 for resnet-cifar, not 0x32"):
        build("resnet-cifar", height=0)
    for blocks in ((), (2, 0)):
        with pytest.raises(ZooError, match="blocks are at least one group of at least 1 block"):
            build("resnet-cifar", blocks=blocks)
    with pytest.raises(ZooError, match="base_channels are at least 1, not 3, 1 and 0"):
        build("unet", base_channels=0)


@pytest.mark.parametrize(
    ("name", "options", "sizes"),
    [
        ("cnn-bn", {"height": 9, "width": 14, "num_classes": 4}, {}),
        ("cnn-tanh", {"height": 9, "width": 14, "num_classes": 4}, {}),
        ("largenet", {"height": 17, "width": 22}, {}),
        ("minivgg", {"height": 13, "width": 18, "in_channels": 2}, {}),
        ("resnet-cifar", {"height": 9, "width": 1, "num_classes": 4}, {}),
        ("resnet-cifar", {"height": 32, "width": 32, "blocks": (1,)}, {}),
        ("resnet9", {"height": 9, "width": 14, "num_classes": 4}, {}),
        ("unet1d", {"num_classes": 3, "in_channels": 2}, {"L": 7}),
        ("unet", {"base_channels": 2, "num_classes": 3, "in_channels": 1}, {"H": 1, "W": 3}),
        *((name, {"padding": padding}, {"H": 9, "W": 12}) for name in FILTERS for padding in (False, True)),
    ],
)
def test_outputs_have_the_declared_shape(name: str, options: dict[str, Any], sizes: dict[str, int]) -> None:
    model = ZOO.model(name)
    inputs, outputs = bound_tensors(model, full_options(model, options))
    (given,), (wanted,) = inputs.values(), outputs.values()
    found = run(name, np.zeros(given.shape({"N": 2, **sizes})), **options)
    assert found.shape == wanted.shape({"N": 2, **sizes})


def test_dropout_only_while_training() -> None:
    torch.manual_seed(0)
    module, images = build("cnn-bn"), torch.rand(2, 1, 28, 28)
    assert torch.equal(module(images), module(images))
    module.train()
    assert not torch.equal(module(images), module(images))


def test_a_skip_connection_carries_the_image() -> None:
    torch.manual_seed(0)
    for name, options, shape in (("unet", {"base_channels": 2}, (1, 3, 16, 16)), ("unet1d", {}, (1, 1, 16))):
        module = build(name, **options)
        with torch.no_grad():
            for part in (getattr(module, "bottleneck", None), getattr(module, "down2", None)):
                for parameter in part.parameters() if part is not None else ():
                    parameter.zero_()
        assert not torch.equal(module(torch.rand(shape)), module(torch.rand(shape)))


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_has_nothing_to_train_and_takes_photos_as_they_are(name: str) -> None:
    assert not list(build(name).parameters())
    spec = ZOO.model(name).spec
    assert spec.preprocess is not None
    assert spec.preprocess.size is None
    assert spec.preprocess.channels == spec.inputs["image"].axes[1]
    assert spec.license == "Apache-2.0"
    assert spec.source.startswith("https://")


@pytest.mark.parametrize("padding", [False, True])
@pytest.mark.parametrize("name", BANKS)
def test_a_filter_against_the_reference(name: str, padding: bool) -> None:
    bank = np.asarray(BANKS[name])
    given = pictures(bank.shape[1])
    wanted = correlated(given, bank, padding=bank.shape[-1] // 2 if padding else 0)
    np.testing.assert_allclose(run(name, given, padding=padding), wanted, atol=1e-5)


@pytest.mark.parametrize("padding", [0, 1])
def test_filters_of_several_steps_against_the_reference(padding: int) -> None:
    given = pictures(1)
    corner = correlated(correlated(given, [[TOP], [RIGHT]], padding=padding), [[ONES, ONES]], padding=padding)
    np.testing.assert_allclose(run("filter-corner", given, padding=bool(padding)), corner, atol=1e-5)
    down, right = (correlated(given, [[kernel]], padding=padding) for kernel in (SOBEL, np.transpose(SOBEL)))
    found = run("filter-sobel", given, padding=bool(padding))
    np.testing.assert_allclose(found, np.sqrt(down**2 + right**2), atol=1e-5)


def test_sobel_sees_steps_of_both_directions_alike_and_has_a_gradient_where_it_is_flat() -> None:
    step = np.zeros((1, 1, 8, 8))
    step[..., 4:] = 1
    assert run("filter-sobel", step).max() == run("filter-sobel", step.transpose(0, 1, 3, 2)).max() == 4
    flat = torch.full((1, 1, 8, 8), 0.5, requires_grad=True)
    build("filter-sobel")(flat).sum().backward()
    assert torch.equal(flat.grad, torch.zeros_like(flat))


def test_the_random_kernels_are_the_same_everywhere() -> None:
    first, second = (build("filter-random").state_dict() for _ in range(2))
    (kernels,) = first.values()
    assert torch.equal(kernels, *second.values())
    assert kernels.shape == (7, 3, 5, 5)
    numbers = kernels.numpy().astype("<f4")
    digest = hashlib.sha256(numbers.tobytes()).hexdigest()
    assert digest == "3304f1e5cf5b35408fdaac848a34a998d3e92f1a6fb3dfba3e9ef0bd61e3bfe9"
    assert np.abs(numbers).max() < 75**-0.5
    assert abs(numbers.mean()) < 0.01
    assert abs(numbers.std() - (75 * 3) ** -0.5) < 0.003
    given = pictures(3)
    np.testing.assert_allclose(run("filter-random", given), correlated(given, kernels), atol=1e-5)


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_verified(name: str, tmp_path: Path) -> None:
    plan = plan_source(ZOO, name, options=EXPORTS[name], opset=DEFAULT_OPSET)
    report = export_plan(plan, tmp_path / "export", ZOO)
    assert report.outcome == "verified"
    assert report.reference == "float64"
    assert report.untrained == (name not in FILTERS)
    assert not [check for check in report.checks if check.outcome != "passed"]
    free = {axis for spec in plan.inputs.values() for axis in spec.free_axes} - {"N"}
    assert free == ({"L"} if name == "unet1d" else {"H", "W"} if name in {"unet", *FILTERS} else set())
