"""Export to ONNX, the heart of the zoo: plan -> convert -> reference -> check -> blame -> publish.

Each room uses only those before it. Open `bundle.py` first, which walks the road once and writes the report;
`attempts.py` walks from convert to blame again where a file fails: optimised, not optimised, by the other exporter.
Needs torch and onnx; what can be checked without them is in `zoo_core.verification`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.lazy import lazy_names

if TYPE_CHECKING:
    from zoo_core.torch_modules import plain_attention

    from .plan.layer import layer_names, layer_output, require_layer
    from .publish.publish import remove_export

__all__ = ["layer_names", "layer_output", "plain_attention", "remove_export", "require_layer"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zoo_core.torch_modules": ("plain_attention",),
        ".plan.layer": (
            "layer_names",
            "layer_output",
            "require_layer",
        ),
        ".publish.publish": ("remove_export",),
    },
)
