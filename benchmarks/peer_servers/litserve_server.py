"""An ONNX file behind LitServe, as its manual has it for more than a few requests: batches, and its faster queue.

Runs in an environment that holds `litserve`, `onnxruntime` and numpy; bodies are those of the Open Inference Protocol.

    python litserve_server.py MODEL.onnx INPUT OUTPUT PORT
"""

from __future__ import annotations

import sys
from typing import Any

import litserve
import numpy as np
import onnxruntime

PATH, INPUT, OUTPUT, PORT = sys.argv[1:]


class Model(litserve.LitAPI):  # type: ignore[misc]
    """Requests of several rows: a batch holds the rows of several requests, one after the other."""

    def setup(self, device: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(PATH, options)

    def decode_request(self, request) -> np.ndarray:  # type: ignore[no-untyped-def]  # LitServe looks at its annotation
        (given,) = request["inputs"]
        return np.asarray(given["data"], np.float32).reshape(given["shape"])

    def batch(self, inputs: list[np.ndarray]) -> tuple[np.ndarray, list[int]]:
        return np.concatenate(inputs), [len(rows) for rows in inputs]

    def predict(self, batch: tuple[np.ndarray, list[int]]) -> list[np.ndarray]:
        rows, counts = batch
        (answers,) = self.session.run([OUTPUT], {INPUT: rows})
        return np.split(answers, np.cumsum(counts)[:-1])

    def unbatch(self, output: list[np.ndarray]) -> list[np.ndarray]:
        return output

    def encode_response(self, output: np.ndarray) -> dict[str, Any]:
        told = {"name": OUTPUT, "datatype": "FP32", "shape": list(output.shape), "data": output.reshape(-1).tolist()}
        return {"outputs": [told]}


if __name__ == "__main__":
    api = Model(max_batch_size=32, batch_timeout=0.001, api_path="/infer")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(host="127.0.0.1", port=int(PORT), generate_client_file=False, log_level="warning", access_log=False)
