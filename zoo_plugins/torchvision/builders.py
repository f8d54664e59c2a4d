"""Builders: each makes a function whose keyword-only signature is the option schema of one model.

Every net is built without weights, so that nothing is fetched; and with the parts that its published weights have
(auxiliary heads, frozen normalisation), so that these fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Builder = Callable[..., Any]

_OLD_DENSE_LAYER = re.compile(r"(\.denselayer\d+\.(?:norm|conv))\.([12]\.)")


def any_size(name: str, *, classes: int, smallest: int, extra: tuple[str, ...] = ()) -> Builder:
    """A net for pictures of any size from `smallest` up; `extra` names further arguments, all False."""

    def build(*, num_classes: int = classes, height: int | None = None, width: int | None = None) -> Any:
        """Returns logits, shape (N, num_classes).

        `height`, `width`: of the pictures that a file is made for; none means any.
        """
        _require_size(height, width, smallest)
        module = _plain(name, num_classes=num_classes, **dict.fromkeys(extra, False))
        if name.startswith("densenet"):
            module.register_load_state_dict_pre_hook(_rename_dense_layers)
        return module

    return build


def _rename_dense_layers(_: Any, state: dict[str, Any], *__: Any) -> None:
    """The published weights of DenseNets have the names that their layers had before `norm.1` became `norm1`."""
    for old in list(state):
        if match := _OLD_DENSE_LAYER.search(old):
            state[old[: match.start()] + "".join(match.groups()) + old[match.end() :]] = state.pop(old)


def inception(name: str, *, classes: int, smallest: int, extra: tuple[str, ...] = ()) -> Builder:
    """Inception v1 and v3: auxiliary heads for training, and weights that expect another scale of the pictures."""

    def build(
        *,
        num_classes: int = classes,
        height: int | None = None,
        width: int | None = None,
        aux_logits: bool = True,
        transform_input: bool = True,
    ) -> Any:
        """Returns logits, shape (N, num_classes).

        `height`, `width`: of the pictures that a file is made for; none means any.
        `aux_logits`: the heads that training needs; the published weights have them, and they do not run in eval mode.
        `transform_input`: pictures in ImageNet's usual normalisation are brought to -1 to 1, as those weights want.
        """
        _require_size(height, width, smallest)
        return _plain(
            name,
            num_classes=num_classes,
            aux_logits=aux_logits,
            transform_input=transform_input,
            init_weights=True,  # said, because torchvision warns when it is left out
            **dict.fromkeys(extra, False),
        )

    return build


def one_size(name: str, *, classes: int, side: int, smallest: int) -> Builder:
    """A net whose file is made for pictures of one size, from `smallest` up."""

    def build(*, num_classes: int = classes, height: int = side, width: int = side) -> Any:
        """Returns logits, shape (N, num_classes), for pictures of one size."""
        _require_size(height, width, smallest)
        return _plain(name, num_classes=num_classes)

    return build


def vision_transformer(name: str, *, classes: int, side: int) -> Builder:
    """A net with one position embedding for each patch: the size is part of it."""

    def build(*, num_classes: int = classes, image_size: int = side) -> Any:
        """Returns logits, shape (N, num_classes), for square pictures of one size, a multiple of the patch."""
        patch = int(name.rsplit("_", maxsplit=1)[1])
        if image_size < 1 or image_size % patch:
            raise ValueError(f"image_size must be a multiple of the patch of {patch} pixels, not {image_size}")
        return _plain(name, num_classes=num_classes, image_size=image_size)

    return build


def fixed_size(name: str, *, classes: int) -> Builder:
    """A net that is made for one size of pictures."""

    def build(*, num_classes: int = classes) -> Any:
        """Returns logits, shape (N, num_classes)."""
        return _plain(name, num_classes=num_classes)

    return build


def segmenter(name: str, *, classes: int, auxiliary: bool) -> Builder:
    """A fully convolutional net; `auxiliary`: it has a second head for training."""
    if not auxiliary:

        def build_plain(*, num_classes: int = classes) -> Any:
            """Returns {"out": logits}, shape (N, num_classes, H, W)."""
            return _plain(name, num_classes=num_classes, weights_backbone=None)

        return build_plain

    def build(*, num_classes: int = classes, aux_loss: bool = True) -> Any:
        """Returns {"out": logits}, shape (N, num_classes, H, W).

        `aux_loss`: the second head that training needs; the published weights have it, an exported file has not.
        """
        return _plain(name, num_classes=num_classes, aux_loss=aux_loss, weights_backbone=None)

    return build


def detector(name: str, *, classes: int, side: int, trained: bool = True) -> Builder:
    """A detector for one picture of any size, which is never resized inside: preprocessing has done that.

    `trained`: it can be, on other classes.
    """

    def build(
        *, num_classes: int = classes, height: int = side, width: int = side, detections: int | None = None
    ) -> Any:
        """Returns [{"boxes": ..., "scores": ..., "labels": ..., ...}] for a batch of one picture, values 0 to 1.

        `num_classes`: that of the published weights, which may count a background; any other number is that of things
        alone, for a net that is to be trained.
        `detections`: the most boxes that are given; none means the net's own number.
        """
        from .net import build_detector

        _require_size(height, width, 32)
        fresh = trained and num_classes != classes
        return build_detector(name, num_classes=num_classes, fresh=fresh, size=(height, width), detections=detections)

    return build


def proposing_detector(name: str, *, classes: int, side: int, trained: bool) -> Builder:
    """As `detector`; it first proposes regions, and then looks at each of them."""

    def build(
        *,
        num_classes: int = classes,
        height: int = side,
        width: int = side,
        detections: int | None = None,
        proposals: int | None = None,
    ) -> Any:
        """Returns [{"boxes": ..., "scores": ..., "labels": ..., ...}] for a batch of one picture, values 0 to 1.

        `num_classes`: that of the published weights, which count a background where they are for boxes alone; any other
        number is that of things alone, for a net that is to be trained.
        `detections`: the most boxes that are given, `proposals`: the most regions that are looked at, in training too;
        none means the net's own number.
        """
        from .net import build_detector

        _require_size(height, width, 32)
        fresh, most = trained and num_classes != classes, {"detections": detections, "proposals": proposals}
        return build_detector(name, num_classes=num_classes, fresh=fresh, size=(height, width), **most)

    return build


def fixed_detector(name: str, *, classes: int, side: int) -> Builder:
    """An SSD: its default boxes belong to one size of pictures."""

    def build(*, num_classes: int = classes, detections: int | None = None) -> Any:
        """Returns [{"boxes": ..., "scores": ..., "labels": ...}] for a batch of one picture, values 0 to 1.

        `num_classes`: that of the published weights, which may count a background; any other number is that of things
        alone, for a net that is to be trained.
        `detections`: the most boxes that are given; none means the net's own number.
        """
        from .net import build_detector

        fresh = num_classes != classes
        return build_detector(name, num_classes=num_classes, fresh=fresh, size=(side, side), detections=detections)

    return build


def optical_flow(name: str) -> Builder:
    """RAFT."""

    def build() -> Any:
        """Returns the flow after each of its 12 updates, a list of (N, 2, height, width)."""
        return _plain(name)

    return build


def video_classifier(name: str, *, classes: int, length: int, shortest: int, side: int, smallest: int) -> Builder:
    """A net for clips of any length and size."""

    def build(*, num_classes: int = classes, frames: int = length, height: int = side, width: int = side) -> Any:
        """Returns logits, shape (N, num_classes), for clips of one length and size."""
        _require_size(height, width, smallest)
        if frames < shortest:
            raise ValueError(f"clips have at least {shortest} frames, not {frames}")
        return _plain(name, num_classes=num_classes)

    return build


def _plain(name: str, **arguments: Any) -> Any:
    from torchvision.models import get_model_builder

    return get_model_builder(name)(weights=None, **arguments)


def _require_size(height: int | None, width: int | None, smallest: int) -> None:
    for name, side in (("height", height), ("width", width)):
        if side is not None and side < smallest:
            raise ValueError(f"pictures are at least {smallest}x{smallest}, but {name}={side}")
