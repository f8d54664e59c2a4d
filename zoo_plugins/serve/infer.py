"""Inference requests and responses of the protocol: JSON, and JSON with arrays behind it as bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from numpy.typing import NDArray

from zoo_core import TensorSpec, did_you_mean
from zoo_core.commands import counted
from zoo_core.runtime import Metadata

from .datatypes import NAMES, from_bytes, from_json, shape_of, to_bytes
from .refusals import RefusedError

HEADER = "inference-header-content-length"
"""How many bytes of a body are its JSON; the arrays lie behind it."""
_MOST_ID = 200


@dataclass(frozen=True, kw_only=True)
class InferRequest:
    """What is asked: arrays by name, and which outputs are wanted, each as bytes or as JSON."""

    id: str
    inputs: Mapping[str, NDArray[Any]]
    outputs: Mapping[str, bool] = field(default_factory=dict)


def read_infer(body: bytes, *, header: str | None, metadata: Metadata) -> InferRequest:
    """The request in a body; `header` is the value of HEADER. Raises RefusedError that says what is wrong with it."""
    length = _json_length(header, len(body))
    told = read_object(body[:length])
    rest = memoryview(body)[length:]
    inputs: dict[str, NDArray[Any]] = {}
    given = told.get("inputs")
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise RefusedError(400, "the request has no list of inputs", hint="an input is {name, shape, datatype, data}")
    for each in given:
        name = each.get("name")
        if not isinstance(name, str) or name not in metadata.inputs:
            unknown("input", name, metadata.inputs)
        if name in inputs:
            raise RefusedError(400, f"input {name!r} is given twice")
        inputs[name], rest = _array(name, each, metadata.inputs[name], rest)
    if rest:
        raise RefusedError(400, f"the body has {counted(len(rest), 'byte')} more than its inputs need")
    request_id = told.get("id", "")
    if not isinstance(request_id, str) or len(request_id) > _MOST_ID:
        raise RefusedError(400, f"an id is a text of at most {_MOST_ID} letters")
    return InferRequest(id=request_id, inputs=inputs, outputs=_wanted(told, metadata))


def _json_length(header: str | None, body: int) -> int:
    if header is None:
        return body
    if not (header.isascii() and header.isdigit() and len(header) < 19 and int(header) <= body):
        raise RefusedError(400, f"the header {HEADER} is the length of the JSON, at most {body:,}, not {header[:30]!r}")
    return int(header)


def read_object(content: bytes) -> dict[str, Any]:
    """The JSON object of a body; an empty one where the body is. Raises RefusedError."""
    try:
        told = json.loads(content or b"{}", parse_constant=_no_number)
    except RecursionError:
        raise RefusedError(400, "the body is JSON that is nested too deep") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise RefusedError(400, f"the body is not JSON: {str(error)[:200]}") from None
    if not isinstance(told, dict):
        raise RefusedError(400, "the body is JSON, and no object", hint='it is {"inputs": [...]}')
    return told


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _array(name: str, told: Mapping[str, Any], spec: TensorSpec, rest: memoryview) -> tuple[NDArray[Any], memoryview]:
    """An input, and the bytes that belong to those after it."""
    if told.get("datatype") != NAMES[spec.dtype]:
        raise RefusedError(400, f"input {name!r} is {NAMES[spec.dtype]}, not {str(told.get('datatype'))[:30]}")
    shape = shape_of(told.get("shape"), name=name)
    size = parameters_of(told).get("binary_data_size")
    if size is None:
        return from_json(told.get("data"), dtype=spec.dtype, shape=shape, name=name), rest
    if type(size) is not int or not 0 <= size <= len(rest):
        raise RefusedError(400, f"input {name!r}: binary_data_size is {size!r}, and {counted(len(rest), 'byte')} left")
    if "data" in told:
        raise RefusedError(400, f"input {name!r} has data in JSON and as bytes")
    return from_bytes(rest[:size], dtype=spec.dtype, shape=shape, name=name), rest[size:]


def parameters_of(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of a part of a request. Raises RefusedError where they are no object."""
    parameters = told.get("parameters", {})
    if not isinstance(parameters, dict):
        raise RefusedError(400, f"parameters are an object, not {str(parameters)[:60]}")
    return parameters


def _wanted(told: Mapping[str, Any], metadata: Metadata) -> dict[str, bool]:
    """The outputs that are asked for, all where none is named; True for those that are to come as bytes."""
    usual = parameters_of(told).get("binary_data_output") is True
    asked = told.get("outputs") or [{"name": name} for name in metadata.outputs]
    if not isinstance(asked, list) or not all(isinstance(each, dict) for each in asked):
        raise RefusedError(400, "outputs are a list of {name}")
    wanted: dict[str, bool] = {}
    for each in asked:
        name, parameters = each.get("name"), parameters_of(each)
        if not isinstance(name, str) or name not in metadata.outputs:
            unknown("output", name, metadata.outputs)
        if "classification" in parameters:
            raise RefusedError(
                400, "classification is not offered here", hint="/predict gives labels and probabilities"
            )
        wanted[name] = parameters.get("binary_data", usual) is True
    return wanted


def unknown(what: str, name: Any, known: Mapping[str, Any]) -> NoReturn:
    """Raise RefusedError for a name that the model does not have."""
    raise RefusedError(400, f"there is no {what} {str(name)[:60]!r}", hint=did_you_mean(str(name)[:60], known) or None)


def write_infer(
    outputs: Mapping[str, NDArray[Any]], request: InferRequest, *, model: str, version: str
) -> tuple[bytes, dict[str, str]]:
    """The body of the response, and its headers. Raises RefusedError for a number that JSON has not."""
    told: list[dict[str, Any]] = []
    behind: list[bytes] = []
    for name, binary in request.outputs.items():
        value = outputs[name]
        one: dict[str, Any] = {"name": name, "datatype": NAMES[value.dtype.name], "shape": list(value.shape)}
        if binary:
            behind.append(to_bytes(value))
            one["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            one["data"] = value.reshape(-1).tolist()
        told.append(one)
    response = {"model_name": model, "model_version": version, "outputs": told}
    if request.id:
        response["id"] = request.id
    try:
        text = json.dumps(response, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        hint = 'ask for it as bytes: {"binary_data": true} among the parameters of the output'
        raise RefusedError(422, "an output holds NaN or infinity, which JSON has not", hint=hint) from None
    if not behind:
        return text, {"content-type": "application/json"}
    return b"".join([text, *behind]), {"content-type": "application/octet-stream", HEADER: str(len(text))}
