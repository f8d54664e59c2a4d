"""The smp family: its names without the library, its options, and exports of a small sample."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo_core import ModelSpec, open_zoo
from zoo_core.discovery.offers import PluginError, contained
from zoo_core.errors import ZooError
from zoo_core.installation import extra_with
from zoo_plugins.smp.names import installed_names

Zoo = Callable[..., Any]

HAS_LIBRARY = importlib.util.find_spec("segmentation_models_pytorch") is not None
needs_library = pytest.mark.skipif(not HAS_LIBRARY, reason="segmentation_models_pytorch is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

NAMES = installed_names() if HAS_LIBRARY else ()
SMALL = "mobilenet_v2"


def _spec(name: str) -> ModelSpec:
    from zoo_plugins.smp import spec

    return spec(name)


def test_without_the_library_the_plugin_is_unavailable_and_tells_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PluginError) as caught:
        contained(lambda: list(installed_names()), module="zoo_plugins.smp", doing="its offers cannot be listed")
    assert caught.value.status == "unavailable"
    assert extra_with(str(caught.value.missing), distribution="zoo-core") == "smp"


@needs_library
def test_listing_loads_neither_torch_nor_the_library() -> None:
    code = (
        "import sys, zoo_plugins.smp as plugin\n"
        "family, = plugin.zoo_families()\n"
        "assert 'unet' in family.names()\n"
        "print(sorted({'torch', 'timm', 'segmentation_models_pytorch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_library
def test_every_architecture_of_the_library_is_in_the_catalogue() -> None:
    library = pytest.importorskip("segmentation_models_pytorch")
    known = [entry.shown for entry in open_zoo().entries("model") if entry.name.startswith("smp/")]
    assert known == [f"smp/{name}" for name in sorted(library.MODEL_ARCHITECTURES_MAPPING)]


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_says_everything(name: str) -> None:
    found = _spec(name)
    assert (found.name, found.task, found.license) == (f"smp/{name}", "semantic-segmentation", "MIT")
    assert found.source.startswith("http")
    assert {"encoder_name", "in_channels", "num_classes"} <= {option.name for option in found.options}
    assert not found.weights
    free = found.inputs["image"].free_axes
    assert free == ("N", "H", "W") or (free == ("N",) and "another size" in found.fixed_axes["H"])


@needs_library
def test_the_unet_of_the_tutorial_and_its_source() -> None:
    module = open_zoo().model("smp/unet").build()
    assert sum(parameter.numel() for parameter in module.parameters()) == 24_436_369
    assert _spec("unet").source == "https://arxiv.org/abs/1505.04597"


@needs_library
def test_encoders_of_the_library_and_of_timm() -> None:
    build = open_zoo().model("smp/unet").build
    own = build(encoder_name=SMALL, in_channels=1, num_classes=3)
    timm = build(encoder_name="tu-mobilenetv3_small_050", in_channels=2)
    assert own.encoder.output_stride == timm.encoder.output_stride == 32
    assert own.segmentation_head[0].out_channels == 3


@needs_library
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("unet", {"encoder_name": "resnet35"}, "there is no encoder 'resnet35'. Did you mean 'resnet"),
        ("unet", {"encoder_name": "tu-resnet19"}, "there is no encoder 'tu-resnet19'. Did you mean 'tu-resnet"),
        ("unet", {"num_classes": 0}, "in_channels and num_classes are at least 1, not 3 and 0"),
        ("linknet", {"encoder_name": "mit_b0"}, "not supported for Linknet"),
        ("pspnet", {"height": 100}, "pictures must have a multiple of 32 pixels along each side, not 100x224"),
        ("dpt", {"encoder_name": "resnet34"}, "encoder_name is 'tu-' and a vision transformer of timm"),
    ],
)
def test_what_cannot_be_built_is_told(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError) as caught:
        open_zoo().model(f"smp/{name}").build(**options)
    assert message in caught.value.message


@needs_library
def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="has no architecture 'unett'"):
        _spec("unett")


@needs_library
@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("unet", (), marks=pytest.mark.slow),
        pytest.param("fpn", (), marks=pytest.mark.slow),
        ("pspnet", ("height=64", "width=96")),
    ],
)
def test_a_model_of_the_library_is_exported_and_verified(
    name: str, options: tuple[str, ...], tmp_path: Path, zoo_here: Zoo
) -> None:
    given = [part for option in (f"encoder_name={SMALL}", *options) for part in ("-o", option)]
    done = zoo_here("export", f"smp/{name}", *given, "--json")
    assert done.code == 0, done.stderr
    assert (done.json["outcome"], done.json["untrained"]) == ("verified", True)
    free = done.json["axes"]["image"][2:]
    assert free == (["32*H", "32*W"] if not options else [64, 96])
    assert bool(done.json["fixed_axes"]) == bool(options)
