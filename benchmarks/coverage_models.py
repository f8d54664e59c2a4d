"""The models that docs/coverage.md is about, the options of a small export of each, and the check that a row is of."""

from __future__ import annotations

import ast
import fnmatch
import functools
import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

from zoo_core import open_zoo

ROOT = Path(__file__).parents[1]

LISTING = ("__init__.py", "names.py")
CHECKED = ("zoo_core/export", "zoo_core/verification", "zoo_core/tasks")
PACKAGES = ("torch", "torchvision", "onnx", "onnxscript", "onnxruntime")
FAMILY_PACKAGES = {"timm": ("timm",)}
"""Libraries that only rows of one family depend on."""
ONLY_OF = {"zoo_plugins/torchvision/keypoints_net.py": "torchvision/keypointrcnn_*"}
"""Modules of a family that decide only rows of these members."""

# The first pattern that fits a name gives the options of a small export; a family without a line has its defaults.
SIZES: tuple[tuple[str, dict[str, int]], ...] = (
    ("torchvision/vit_*_14", {"image_size": 28}),
    ("torchvision/vit_*_16", {"image_size": 32}),
    ("torchvision/vit_*_32", {"image_size": 64}),
    ("torchvision/*rcnn_mobilenet*", {"height": 128, "width": 160, "detections": 20, "proposals": 50}),
    ("torchvision/*rcnn_*", {"height": 96, "width": 128, "detections": 20, "proposals": 50}),
    ("torchvision/retinanet_*", {"height": 96, "width": 128, "detections": 50}),
    ("torchvision/fcos_*", {"height": 96, "width": 128, "detections": 50}),
    ("torchvision/ssd*", {"detections": 50}),
    ("torchvision/s3d", {"frames": 14}),
    ("torchvision/swin3d_*", {"frames": 4, "height": 32, "width": 64}),
    ("torchvision/r[23]*", {"frames": 4, "height": 32, "width": 48}),
    ("torchvision/mc3_18", {"frames": 4, "height": 32, "width": 48}),
    ("torchvision/alexnet", {"height": 64, "width": 96}),
    ("torchvision/vgg*", {"height": 64, "width": 96}),
    ("torchvision/swin_*", {"height": 64, "width": 96}),
    ("timm/convnext_*", {}),  # any size
    ("timm/densenet*", {}),
    ("timm/efficientnet_b?", {}),
    ("timm/mobilenetv3_*", {}),
    ("timm/regnety_*", {}),
    ("timm/resnet*", {}),
    ("timm/botnet*", {}),
    ("timm/crossvit*", {}),
    ("timm/eva02_*_patch14_*", {"height": 56, "width": 84}),
    ("timm/*", {"height": 64, "width": 96}),
)

# timm has over 1,300 architectures: one small member of each important kind.
TIMM = (
    "beit_base_patch16_224",
    "botnet26t_256",
    "cait_xxs24_224",
    "coat_tiny",
    "coatnet_nano_rw_224",
    "convmixer_768_32",
    "convnext_atto",
    "crossvit_tiny_240",
    "cspdarknet53",
    "davit_tiny",
    "deit_tiny_patch16_224",
    "densenet121",
    "dla34",
    "edgenext_xx_small",
    "efficientformerv2_s0",
    "efficientnet_b0",
    "eva02_tiny_patch14_224",
    "fastvit_t8",
    "focalnet_tiny_srf",
    "ghostnet_100",
    "hiera_tiny_224",
    "hrnet_w18_small",
    "inception_next_tiny",
    "levit_128s",
    "maxvit_pico_rw_256",
    "mixer_s16_224",
    "mobilenetv3_small_100",
    "mobilevit_xxs",
    "nf_resnet50",
    "pit_ti_224",
    "poolformer_s12",
    "pvt_v2_b0",
    "regnety_002",
    "repvgg_a0",
    "resnet18",
    "rexnet_100",
    "swin_tiny_patch4_window7_224",
    "tf_efficientnetv2_b0",
    "vit_tiny_patch16_224",
    "xcit_nano_12_p16_224",
)


def members() -> list[str]:
    """Every member of every family; of timm, the TIMM."""
    names = [entry.shown for entry in open_zoo().entries("model") if "family" in entry.data]
    return [name for name in names if not name.startswith("timm/") or name.removeprefix("timm/") in TIMM]


def options_of(name: str) -> dict[str, int]:
    """Builder options of a small export."""
    return next((options for pattern, options in SIZES if fnmatch.fnmatch(name, pattern)), {})


def check_of(name: str) -> str:
    """A hash of everything that a row depends on; how a family lists its members decides none."""
    digest = hashlib.sha256()
    family = name.partition("/")[0]
    for folder in (*CHECKED, f"zoo_plugins/{family}"):
        for path in sorted(ROOT.joinpath(folder).rglob("*.py")):
            if path.parent.name == family and path.name in LISTING:
                continue
            if not fnmatch.fnmatch(name, ONLY_OF.get(path.relative_to(ROOT).as_posix(), "*")):
                continue
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + _code_of(path).encode())
    digest.update(json.dumps([options_of(name), versions(family)], sort_keys=True).encode())
    return digest.hexdigest()[:16]


@functools.cache
def _code_of(path: Path) -> str:
    """What a source file does: without comments and docstrings, which decide nothing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        match node:
            case ast.Module(body=body) | ast.ClassDef(body=body) | ast.FunctionDef(body=body):
                body[:] = [each for each in body if not _is_text(each)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def versions(family: str) -> dict[str, str]:
    """The libraries that take part."""
    packages = (*PACKAGES, *FAMILY_PACKAGES.get(family, ()))
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}
