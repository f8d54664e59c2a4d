"""A checkpoint into a module, strictly."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from torch import Tensor, nn

from zoo_core.errors import ZooError


def load_strictly(module: nn.Module, checkpoint: Mapping[str, Tensor]) -> None:
    """Load a state dictionary in place: every tensor has its place and its shape, and none is left over.

    Raises ZooError that says what does not fit.
    """
    tensors = OrderedDict(checkpoint)
    own = module.state_dict()
    # Modules ask for the version of the layout that the tensors have (MNASNet refuses to load without), which a file
    # of tensors cannot say. Where the names are the module's own, it is the module's own version.
    metadata = getattr(checkpoint, "_metadata", None)
    if metadata is None and set(own) == set(tensors):
        metadata = getattr(own, "_metadata", None)
    if metadata is not None:
        tensors._metadata = metadata  # type: ignore[attr-defined]
    try:
        module.load_state_dict(tensors, strict=True)
    except (RuntimeError, ValueError) as error:
        raise ZooError(f"the weights do not fit the model: {str(error).strip()}") from None
