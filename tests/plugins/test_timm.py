"""The timm family: its names without the library, specs as timm itself says, weights, and exports of a small sample."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo_core import ModelSpec, ZooError, open_zoo
from zoo_core.discovery.offers import PluginError, contained
from zoo_core.installation import extra_with
from zoo_core.preprocess import normalize, resize_picture
from zoo_plugins.timm.names import installed_names

Zoo = Callable[..., Any]

needs_library = pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def _spec(name: str) -> ModelSpec:
    from zoo_plugins.timm import spec

    return spec(name)


def test_without_the_library_the_plugin_is_unavailable_and_tells_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    installed_names.cache_clear()
    with pytest.raises(PluginError) as caught:
        contained(lambda: list(installed_names()), module="zoo_plugins.timm", doing="its offers cannot be listed")
    assert caught.value.status == "unavailable"
    assert extra_with(str(caught.value.missing), distribution="zoo-core") == "timm"


@needs_library
def test_listing_loads_neither_torch_nor_the_library() -> None:
    code = (
        "import sys, zoo_plugins.timm as plugin\n"
        "family, = plugin.zoo_families()\n"
        "assert 'resnet18' in family.names()\n"
        "assert family.about('resnet18')['task'] == 'image-classification'\n"
        "print(sorted({'torch', 'timm', 'torchvision'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_library
def test_every_architecture_of_timm_is_in_the_catalogue() -> None:
    timm = pytest.importorskip("timm")
    known = [entry.shown for entry in open_zoo().entries("model") if entry.name.startswith("timm/")]
    assert known == [f"timm/{name}" for name in sorted(timm.list_models())]
    assert len(known) > 1000


@needs_library
def test_every_spec_is_what_timm_says() -> None:
    models = pytest.importorskip("timm.models")
    for name in installed_names():
        found = _spec(name)
        assert (found.name, found.task, found.license) == (f"timm/{name}", "image-classification", "Apache-2.0")
        assert found.source.startswith("http")
        assert len(found.labels) in {0, 1000}
        cfg = models.get_pretrained_cfg(name)
        options = {option.name: option.default for option in found.options}
        assert (options["in_channels"], options["num_classes"]) == (3, cfg.num_classes or 1000)
        if "height" in options:
            assert (3, options["height"], options["width"]) == cfg.input_size
        else:
            assert not cfg.fixed_input_size
        for weights in found.weights:
            assert weights.url.startswith("https://")
            assert weights.sha256 is None or weights.sha256 in weights.url
            assert weights.url.endswith((".safetensors", ".pth"))
            assert weights.preprocess is not None


@needs_library
def test_tags_are_weights_with_their_own_licence_and_pictures() -> None:
    found = _spec("resnet18")
    first = found.weights[0]
    assert (first.name, first.sha256, first.license) == ("a1_in1k", None, "Apache-2.0")
    assert first.url == "https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/model.safetensors"
    assert len(first.labels) == len(set(first.labels)) == 1000
    assert (first.labels[0], first.labels[134], first.labels[517]) == ("tench, Tinca tinca", "crane", "crane (2)")
    noncommercial = {weights.name: weights.license for weights in found.weights}
    assert noncommercial["fb_swsl_ig1b_ft_in1k"] == "CC-BY-NC-4.0"
    hashed = _spec("gcvit_tiny").weights[0]
    assert (hashed.sha256, hashed.url.rpartition("/")[2]) == ("ac783954", "gcvit_tiny_224_nvidia-ac783954.pth")


@needs_library
def test_what_cannot_be_used_is_not_offered() -> None:
    assert _spec("vit_small_patch14_dinov2").weights == ()  # they have no classifier
    assert not _spec("vit_small_patch14_dinov2").labels
    assert _spec("volo_d5_512").weights == ()  # their pictures are padded
    assert _spec("coatnet_0_224").weights == ()  # nobody trained it
    # ConvNeXts have weights for 1,000 classes and for others; those that fit the net as it is come first.
    classes = [len(weights.labels) for weights in _spec("convnext_nano").weights]
    assert classes == sorted(classes, reverse=True)
    assert classes[0] == 1000


@needs_library
@pytest.mark.parametrize("name", ["resnet18", "vit_base_patch16_clip_224", "inception_v4", "mobilenetv4_conv_small"])
def test_preprocessing_is_timms(name: str) -> None:
    models, data = pytest.importorskip("timm.models"), pytest.importorskip("timm.data")
    pixels = np.random.default_rng(0).integers(0, 256, (301, 400, 3), dtype=np.uint8)
    cfg = models.get_pretrained_cfg(name).to_dict()
    transform = data.create_transform(**data.resolve_data_config(pretrained_cfg=cfg), is_training=False)
    recipe = _spec(name).preprocess
    assert recipe is not None
    ours = normalize(resize_picture(pixels, recipe).transpose(2, 0, 1)[np.newaxis], recipe)
    np.testing.assert_allclose(ours, transform(Image.fromarray(pixels))[None].numpy(), rtol=0, atol=1e-5)


@needs_library
def test_sizes() -> None:
    assert str(_spec("resnet18").inputs["image"]) == "(N, in_channels, H, W)"
    for fixed in ("tf_efficientnetv2_b0", "vgg11", "vit_tiny_patch16_224"):
        assert str(_spec(fixed).inputs["image"]) == "(N, in_channels, height, width)"
        assert "another one with -o height=" in _spec(fixed).fixed_axes["H"]


def _looks_at_its_size(found: ModelSpec) -> bool:
    torch = pytest.importorskip("torch")
    with torch.device("meta"):
        kinds = {type(part).__name__ for part in found.build().modules()}
    return any("Same" in kind or "Attention" in kind for kind in kinds)


OF_ANY_SIZE = (
    "convnext_nano",
    "densenet121",
    "mobilenetv3_small_050",
    "regnetx_002",
    "resnet18",
    "test_convnext",
    "test_efficientnet",
    "test_resnet",
)


@needs_library
@pytest.mark.parametrize("name", OF_ANY_SIZE)
def test_a_net_of_any_size_looks_at_no_size(name: str) -> None:
    found = _spec(name)
    assert found.inputs["image"].free_axes == ("N", "H", "W")
    assert not _looks_at_its_size(found)


@needs_library
@pytest.mark.parametrize("name", ["tf_efficientnetv2_b0", "vit_tiny_patch16_224"])
def test_a_net_that_looks_at_its_size_has_one(name: str) -> None:
    found = _spec(name)
    assert found.inputs["image"].free_axes == ("N",)
    assert _looks_at_its_size(found)


@pytest.mark.slow
@needs_library
def test_no_net_of_any_size_looks_at_its_size() -> None:
    for name in installed_names():
        found = _spec(name)
        if found.inputs["image"].free_axes == ("N", "H", "W"):
            assert not _looks_at_its_size(found), name


@needs_library
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet18", {"num_classes": 0}, "in_channels and num_classes are at least 1, not 3 and 0"),
        ("botnet26t_256", {"height": 64, "width": 64}, "pictures are at least 224x224, not 64x64"),
    ],
)
def test_what_cannot_be_built_is_told(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError) as caught:
        open_zoo().model(f"timm/{name}").build(**options)
    assert message in caught.value.message


@needs_library
def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="timm has no architecture 'resnet19'"):
        _spec("resnet19")


@needs_library
def test_options_of_the_net() -> None:
    torch = pytest.importorskip("torch")
    build = open_zoo().model("timm/test_vit").build
    module = build(in_channels=1, num_classes=7, height=48, width=64).eval()
    assert module(torch.zeros(2, 1, 48, 64)).shape == (2, 7)


@needs_library
@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        pytest.param("test_resnet", (), ["H", "W"], marks=pytest.mark.slow),
        pytest.param("test_convnext", ("in_channels=1", "num_classes=10"), ["H", "W"], marks=pytest.mark.slow),
        pytest.param("test_efficientnet", (), ["H", "W"], marks=pytest.mark.slow),
        ("test_vit", ("height=64", "width=96"), [64, 96]),
        # Fresh, its rounding errors grow from block to block, so that other biases are drawn.
        pytest.param("convmixer_768_32", ("height=28", "width=28"), [28, 28], marks=pytest.mark.slow),
    ],
)
def test_an_architecture_is_exported_and_verified(
    name: str, options: tuple[str, ...], size: list[int | str], zoo_here: Zoo
) -> None:
    done = zoo_here("export", f"timm/{name}", *[part for option in options for part in ("-o", option)], "--json")
    assert done.code == 0, done.stderr
    assert (done.json["outcome"], done.json["untrained"]) == ("verified", True)
    assert done.json["axes"]["image"][2:] == size
    assert bool(done.json["fixed_axes"]) == (size != ["H", "W"])


@needs_library
def test_published_weights_that_lie_in_the_cache_and_without_a_network(
    run_zoo: Zoo, tmp_path: Path, site: Path
) -> None:
    timm, torch = pytest.importorskip("timm"), pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    env = {"ZOO_CACHE": str(tmp_path / "cache"), "HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": None}
    command = ("export", "timm/test_vit", "--weights", "DEFAULT", "--json")
    away = run_zoo(*command, env=env)
    assert away.code == 1, away.stderr
    assert (
        "cannot fetch the weights r160_in1k of timm/test_vit from https://huggingface.co/timm/test_vit" in away.stderr
    )
    assert "put the file there yourself: " in away.stderr
    torch.manual_seed(1)
    weights = _spec("test_vit").weights[0]
    folder = tmp_path / "cache" / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(weights.url.encode()).hexdigest()[:8]}-model.safetensors"
    assert str(path) in away.stderr
    save_file(timm.create_model("test_vit").state_dict(), path)
    done = run_zoo(*command, env=env)
    assert done.code == 0, done.stderr
    assert (done.json["outcome"], done.json["untrained"]) == ("verified", False)
    assert "Warning: no sha256 is published for the weights r160_in1k of timm/test_vit" in done.stderr
