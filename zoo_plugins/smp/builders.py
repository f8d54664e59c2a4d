"""Builders: functions whose keyword-only signature is the option schema of an architecture.

Nothing is ever fetched: every net has fresh weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo_core import did_you_mean

Builder = Callable[..., Any]

STEP = 32
"""What the deepest maps are smaller by: pictures have multiples of it along each side."""
TIMM = "tu-"
"""How the library marks an encoder of timm."""


def any_size(name: str) -> Builder:
    """A fully convolutional net, for pictures of any multiple of 32 pixels."""

    def build(*, encoder_name: str = "resnet34", in_channels: int = 3, num_classes: int = 1) -> Any:
        """Returns logits, shape (N, num_classes, height, width).

        `encoder_name`: any of `segmentation_models_pytorch.encoders`, or "tu-" and a name of timm.
        """
        return _created(name, encoder_name, in_channels, num_classes)

    return build


def one_size(name: str) -> Builder:
    """A net that pools to fixed grids, whose windows depend on the size of the pictures."""

    def build(
        *,
        encoder_name: str = "resnet34",
        in_channels: int = 3,
        num_classes: int = 1,
        height: int = 224,
        width: int = 224,
    ) -> Any:
        """Returns logits, shape (N, num_classes, height, width), for pictures of one size, a multiple of 32.

        `encoder_name`: any of `segmentation_models_pytorch.encoders`, or "tu-" and a name of timm.
        """
        _require_multiple(height, width, STEP)
        return _created(name, encoder_name, in_channels, num_classes)

    return build


def transformer(name: str) -> Builder:
    """A net with a vision transformer, which has one position embedding for each patch."""

    def build(
        *,
        encoder_name: str = "tu-vit_base_patch16_224.augreg_in21k",
        in_channels: int = 3,
        num_classes: int = 1,
        height: int = 224,
        width: int = 224,
    ) -> Any:
        """Returns logits, shape (N, num_classes, height, width), for pictures of one size, a multiple of the patch.

        `encoder_name`: "tu-" and the name of a vision transformer of timm.
        """
        if not encoder_name.startswith(TIMM):
            raise ValueError(f"encoder_name is 'tu-' and a vision transformer of timm, not {encoder_name!r}")
        _require_multiple(height, width, STEP)
        return _created(name, encoder_name, in_channels, num_classes, img_size=(height, width))

    return build


def _created(name: str, encoder_name: str, in_channels: int, num_classes: int, **more: Any) -> Any:
    from segmentation_models_pytorch import create_model

    _require_encoder(encoder_name)
    if in_channels < 1 or num_classes < 1:
        raise ValueError(f"in_channels and num_classes are at least 1, not {in_channels} and {num_classes}")
    return create_model(
        name, encoder_name=encoder_name, encoder_weights=None, in_channels=in_channels, classes=num_classes, **more
    )


def _require_encoder(name: str) -> None:
    """Raise ValueError for an encoder that neither the library nor timm has."""
    from segmentation_models_pytorch import encoders

    if name.startswith(TIMM):
        import timm

        known = [TIMM + each for each in timm.list_models()]
        # A name of timm may go on with the weights' own, which are not fetched.
        if name.partition(".")[0] in known:
            return
    else:
        listed: Any = encoders.get_encoder_names  # the library declares no types
        known = listed()
        if name in known:
            return
    raise ValueError(f"there is no encoder {name!r}. {did_you_mean(name, known)}".rstrip())


def _require_multiple(height: int, width: int, step: int) -> None:
    if height < step or width < step or height % step or width % step:
        raise ValueError(f"pictures must have a multiple of {step} pixels along each side, not {height}x{width}")
