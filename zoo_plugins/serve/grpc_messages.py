"""The messages of the Open Inference Protocol, version 2, for gRPC: their fields and numbers, made into classes.

A table of our own of what the specification fixes (`open_inference_grpc.proto` of
https://github.com/kserve/open-inference-protocol), so that no generated code depends on one version of protobuf. They
live in a pool of their own: a client of the same protocol in this process has the same names.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"

_PARAMETERS = "map<string,InferParameter> parameters"
_TENSOR = ("string name = 1", "string datatype = 2", "repeated int64 shape = 3")
_WITH_CONTENTS = (*_TENSOR, f"{_PARAMETERS} = 4", "InferTensorContents contents = 5")

FIELDS: dict[str, tuple[str, ...]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": ("bool live = 1",),
    "ServerReadyRequest": (),
    "ServerReadyResponse": ("bool ready = 1",),
    "ModelReadyRequest": ("string name = 1", "string version = 2"),
    "ModelReadyResponse": ("bool ready = 1",),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": ("string name = 1", "string version = 2", "repeated string extensions = 3"),
    "ModelMetadataRequest": ("string name = 1", "string version = 2"),
    "ModelMetadataResponse.TensorMetadata": _TENSOR,
    "ModelMetadataResponse": (
        "string name = 1",
        "repeated string versions = 2",
        "string platform = 3",
        "repeated ModelMetadataResponse.TensorMetadata inputs = 4",
        "repeated ModelMetadataResponse.TensorMetadata outputs = 5",
    ),
    "ModelInferRequest.InferInputTensor": _WITH_CONTENTS,
    "ModelInferRequest.InferRequestedOutputTensor": ("string name = 1", f"{_PARAMETERS} = 2"),
    "ModelInferRequest": (
        "string model_name = 1",
        "string model_version = 2",
        "string id = 3",
        f"{_PARAMETERS} = 4",
        "repeated ModelInferRequest.InferInputTensor inputs = 5",
        "repeated ModelInferRequest.InferRequestedOutputTensor outputs = 6",
        "repeated bytes raw_input_contents = 7",
    ),
    "ModelInferResponse.InferOutputTensor": _WITH_CONTENTS,
    "ModelInferResponse": (
        "string model_name = 1",
        "string model_version = 2",
        "string id = 3",
        f"{_PARAMETERS} = 4",
        "repeated ModelInferResponse.InferOutputTensor outputs = 5",
        "repeated bytes raw_output_contents = 6",
    ),
    "InferParameter": (
        "oneof parameter_choice bool bool_param = 1",
        "oneof parameter_choice int64 int64_param = 2",
        "oneof parameter_choice string string_param = 3",
        "oneof parameter_choice double double_param = 4",
        "oneof parameter_choice uint64 uint64_param = 5",
    ),
    "InferTensorContents": (
        "repeated bool bool_contents = 1",
        "repeated int32 int_contents = 2",
        "repeated int64 int64_contents = 3",
        "repeated uint32 uint_contents = 4",
        "repeated uint64 uint64_contents = 5",
        "repeated float fp32_contents = 6",
        "repeated double fp64_contents = 7",
        "repeated bytes bytes_contents = 8",
    ),
}
"""The fields of each message, as the language of protobuf has them; `oneof NAME` stands before those of one."""

_Field = descriptor_pb2.FieldDescriptorProto


def _add_field(message: Any, text: str) -> None:
    kind, _, number = text.partition(" = ")
    *labels, type_name, name = kind.split(" ")
    field = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
    if labels[:1] == ["oneof"]:
        if not message.oneof_decl:
            message.oneof_decl.add(name=labels[1])
        field.oneof_index = 0
    if type_name.startswith("map<"):
        key, value = type_name[4:-1].split(",")
        entry = message.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        _add_field(entry, f"{key} key = 1")
        _add_field(entry, f"{value} value = 2")
        labels, type_name = ["repeated"], f"{message.name}.{entry.name}"
        type_name = f"{_OUTER.get(message.name, '')}{type_name}"
    if labels == ["repeated"]:
        field.label = _Field.LABEL_REPEATED
    if (scalar := getattr(_Field, f"TYPE_{type_name.upper()}", None)) is not None:
        field.type = scalar
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{type_name}"


_OUTER = {name.rpartition(".")[2]: f"{name.rpartition('.')[0]}." for name in FIELDS if "." in name}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="zoo_serve.proto", package=PACKAGE, syntax="proto3")
    made: dict[str, Any] = {}
    for name in sorted(FIELDS, key=lambda name: name.count(".")):
        outer, _, own = name.rpartition(".")
        made[name] = made[outer].nested_type.add(name=own) if outer else file.message_type.add(name=own)
    for name, fields in FIELDS.items():
        for text in fields:
            _add_field(made[name], text)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"{PACKAGE}.{name}") for name in FIELDS}
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}


MESSAGES = _classes()
"""The class of each message, by its name."""
