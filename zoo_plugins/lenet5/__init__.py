"""LeNet-5 (LeCun et al., 1998), for images of any size from 12 by 12 and any number of channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import LeNet5


def lenet5(*, in_channels: int = 1, height: int = 28, width: int = 28, num_classes: int = 10) -> LeNet5:
    """Two conv-pool pairs, then three linear layers; returns logits, shape (N, num_classes).

    Raises ValueError for images below 12 by 12.
    """
    from .net import LeNet5  # torch lives there, and is needed only when a model is built

    return LeNet5(in_channels, height, width, num_classes)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="lenet5",
        build=lenet5,
        task="image-classification",
        summary="LeNet-5, the 1998 digit reader",
        inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
        outputs={"logits": TensorSpec("N", "num_classes")},
        source="https://doi.org/10.1109/5.726791",
        license="Apache-2.0",
        recipe={"lr": 0.004, "weight_decay": 0.05},
    )
