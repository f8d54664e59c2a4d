"""An ONNX file behind MLServer, as its manual has it for a runtime of one's own; its batches are set in the settings.

Runs in an environment that holds `mlserver` and `onnxruntime`; `model-settings.json` names `mlserver_model.Model`.
"""

from __future__ import annotations

import asyncio

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Model(MLModel):  # type: ignore[misc]
    """Its session runs beside the event loop."""

    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.settings.parameters.uri, options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (given,) = payload.inputs
        rows = NumpyCodec.decode_input(given).astype(np.float32)
        names = [output.name for output in self.session.get_outputs()]
        answers = await asyncio.to_thread(self.session.run, names, {given.name: rows})
        outputs = [NumpyCodec.encode_output(name, answer) for name, answer in zip(names, answers, strict=True)]
        return InferenceResponse(model_name=self.name, outputs=outputs)
