"""A client that nobody here wrote, in a process of its own: `python triton_child.py HOST:PORT`; JSON on stdout.

It brings gevent, which is not for the process of the tests.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton


def infer(client: Any, model: str, rows: np.ndarray, *, binary: bool, version: str = "") -> list[Any]:
    given = triton.InferInput("image", list(rows.shape), "FP32")
    given.set_data_from_numpy(rows, binary_data=binary)
    wanted = [triton.InferRequestedOutput("logits", binary_data=binary)]
    result = client.infer(model, [given], model_version=version, outputs=wanted, request_id="7")
    assert result.get_response()["id"] == "7"
    return result.as_numpy("logits").tolist()


def refused(call: Any, *arguments: Any, **more: Any) -> str:
    try:
        call(*arguments, **more)
    except triton.InferenceServerException as error:
        return error.message()
    raise AssertionError("it was not refused")


def main(place: str) -> dict[str, Any]:
    client = triton.InferenceServerClient(place)
    rows = np.random.default_rng(0).random((3, 1, 28, 28), dtype=np.float32)
    told: dict[str, Any] = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "server": client.get_server_metadata(),
        "model": client.get_model_metadata("digits"),
        "answers": [
            infer(client, "digits", rows, binary=binary, version=version)
            for binary in (True, False)
            for version in ("", "1", "new")
        ],
        "no such": refused(client.get_model_metadata, "digit"),
        "wrong": refused(infer, client, "digits", rows[:, :, :27], binary=True),
    }
    client.unload_model("digits")
    told["unloaded"] = client.get_model_repository_index()
    told["still ready"] = (client.is_server_ready(), client.is_model_ready("digits"), client.is_model_ready("other"))
    told["not ready"] = refused(infer, client, "digits", rows, binary=True)
    client.load_model("digits")
    told["loaded"] = client.get_model_repository_index()
    told["again"] = infer(client, "digits", rows, binary=True)
    told["no files"] = refused(client.load_model, "digits", config="{}")
    return told


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
