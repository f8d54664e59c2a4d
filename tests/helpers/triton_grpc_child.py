"""Triton's client for gRPC, in a process of its own: `python triton_grpc_child.py HOST:PORT [TOKEN]`; prints JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as triton


def infer(client: Any, rows: np.ndarray, *, version: str = "", name: str = "image", **more: Any) -> list[Any]:
    given = triton.InferInput(name, list(rows.shape), "FP32")
    given.set_data_from_numpy(rows)
    result = client.infer("digits", [given], model_version=version, request_id="7", **more)
    assert result.get_response().id == "7"
    return result.as_numpy("logits").tolist()


def refused(call: Any, *arguments: Any, **more: Any) -> list[str]:
    try:
        call(*arguments, **more)
    except triton.InferenceServerException as error:
        return [str(error.status()), error.message()]
    raise AssertionError("it was not refused")


def typed_contents(client: Any, rows: np.ndarray) -> list[Any]:
    """As another client may ask: numbers instead of bytes."""
    from tritonclient.grpc import service_pb2

    one = service_pb2.ModelInferRequest.InferInputTensor(name="image", datatype="FP32", shape=rows.shape)
    one.contents.fp32_contents.extend(rows.reshape(-1).tolist())
    request = service_pb2.ModelInferRequest(model_name="digits", inputs=[one])
    response = client._client_stub.ModelInfer(request)
    return np.frombuffer(response.raw_output_contents[0], np.float32).reshape(response.outputs[0].shape).tolist()


def main(place: str, *token: str) -> dict[str, Any]:
    client = triton.InferenceServerClient(place)
    rows = np.random.default_rng(0).random((3, 1, 28, 28), dtype=np.float32)
    if token:
        headers = {"authorization": f"Bearer {token[0]}"}
        return {
            "live": client.is_server_live(),
            "no token": refused(infer, client, rows),
            "answer": infer(client, rows, headers=headers),
        }
    about = client.get_model_metadata("digits", as_json=True)
    return {
        "live": client.is_server_live(),
        "ready": [client.is_server_ready(), client.is_model_ready("digits"), client.is_model_ready("digits", "1")],
        "server": client.get_server_metadata(as_json=True),
        "model": about,
        "answers": [infer(client, rows), infer(client, rows, version="1"), typed_contents(client, rows)],
        "wanted": infer(client, rows, outputs=[triton.InferRequestedOutput("logits")]),
        "no such": refused(client.get_model_metadata, "digit"),
        "no input": refused(infer, client, rows, name="imag"),
        "wrong": refused(infer, client, rows[:, :, :27]),
        "no number": refused(infer, client, np.full_like(rows, np.nan)),
        "too large": refused(infer, client, np.zeros((400, 1, 28, 28), np.float32)),
        "no output": refused(infer, client, rows, outputs=[triton.InferRequestedOutput("logit")]),
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
