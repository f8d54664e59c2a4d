"""Open, vet and run an exported file: numpy, onnxruntime and Pillow only.

`reading/` gets data out of a file that nobody trusts, `vetting/` refuses what would harm, `running/` puts the rest to
work. Open `running/model.py` first: `open_model`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.lazy import lazy_names

if TYPE_CHECKING:
    from zoo_core.errors import UnverifiedWarning

    from .reading.graph import Node
    from .reading.metadata import Metadata, read_metadata
    from .reading.metadata_seal import SEAL, seal_of
    from .reading.outside import stored_array
    from .reading.protobuf import bytes_field
    from .reading.wire import OnnxFile, read_onnx
    from .running.array_pipe import private_pipes, receive_arrays, send_arrays
    from .running.compared import Agreement, agreement, worst
    from .running.given_rows import Rows
    from .running.inputs import check_inputs
    from .running.isolated import Isolated, Limits
    from .running.model import ExportedModel, open_model
    from .running.outcomes import Prediction
    from .running.providers import PROVIDERS
    from .running.sequences import read_sequence, sequence_input
    from .running.session import Optimization, SessionSettings, Timing, has_external_data, timed_runs
    from .running.sources import Source
    from .running.tiling import Tiling
    from .running.tuned import keep_tuned
    from .vetting.for_use import metadata_for_use
    from .vetting.vet import vet

__all__ = [
    "PROVIDERS",
    "SEAL",
    "Agreement",
    "ExportedModel",
    "Isolated",
    "Limits",
    "Metadata",
    "Node",
    "OnnxFile",
    "Optimization",
    "Prediction",
    "Rows",
    "SessionSettings",
    "Source",
    "Tiling",
    "Timing",
    "UnverifiedWarning",
    "agreement",
    "bytes_field",
    "check_inputs",
    "has_external_data",
    "keep_tuned",
    "metadata_for_use",
    "open_model",
    "private_pipes",
    "read_metadata",
    "read_onnx",
    "read_sequence",
    "receive_arrays",
    "seal_of",
    "send_arrays",
    "sequence_input",
    "stored_array",
    "timed_runs",
    "vet",
    "worst",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zoo_core.errors": ("UnverifiedWarning",),
        ".reading.graph": ("Node",),
        ".reading.metadata": (
            "Metadata",
            "read_metadata",
        ),
        ".reading.outside": ("stored_array",),
        ".reading.protobuf": ("bytes_field",),
        ".reading.wire": (
            "OnnxFile",
            "read_onnx",
        ),
        ".running.array_pipe": ("private_pipes", "receive_arrays", "send_arrays"),
        ".running.compared": ("Agreement", "agreement", "worst"),
        ".running.given_rows": ("Rows",),
        ".running.inputs": ("check_inputs",),
        ".running.isolated": (
            "Isolated",
            "Limits",
        ),
        ".running.model": (
            "ExportedModel",
            "open_model",
        ),
        ".running.outcomes": ("Prediction",),
        ".running.providers": ("PROVIDERS",),
        ".running.sequences": (
            "read_sequence",
            "sequence_input",
        ),
        ".running.session": (
            "Optimization",
            "SessionSettings",
            "Timing",
            "has_external_data",
            "timed_runs",
        ),
        ".running.sources": ("Source",),
        ".running.tiling": ("Tiling",),
        ".running.tuned": ("keep_tuned",),
        ".vetting.for_use": ("metadata_for_use",),
        ".reading.metadata_seal": ("SEAL", "seal_of"),
        ".vetting.vet": ("vet",),
    },
)
