"""The protocol over gRPC: the same models, queues and limits, asked in another language."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from zoo_core import ZooError, __version__
from zoo_core.runtime import Metadata

from .app import tensors_of
from .datatypes import NAMES, from_bytes, from_json, shape_of, to_bytes
from .gate import Done
from .grpc_messages import MESSAGES, SERVICE
from .infer import unknown
from .refusals import ClosedError, QueueFullError, RefusedError, in_one_line
from .repository import Repository
from .served import ServedModel
from .settings import ServeSettings

_CONTENTS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "INT8": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
}
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
_OPEN = {"ServerLive", "ServerReady"}


class GrpcService:
    """A server for gRPC beside the one for HTTP, in the same event loop. `place` is HOST:PORT once it has started."""

    def __init__(self, models: Repository, settings: ServeSettings, *, on_done: Callable[[Done], None]) -> None:
        self._models = models
        self._settings = settings
        self._on_done = on_done
        self._server: Any = None
        self.place = ""

    async def start(self) -> None:
        """Listen. Raises ZooError where the port is taken."""
        options = [
            ("grpc.max_receive_message_length", self._settings.body),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
        ]
        self._server = grpc.aio.server(options=options)
        methods = {
            "ServerLive": self.live,
            "ServerReady": self.ready,
            "ServerMetadata": self.server_metadata,
            "ModelReady": self.model_ready,
            "ModelMetadata": self.model_metadata,
            "ModelInfer": self.infer,
        }
        handlers = {name: self._handler(name, method) for name, method in methods.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        host, port = self._settings.host, self._settings.grpc_port
        host = f"[{host}]" if ":" in host else host
        try:
            bound = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            hint = "choose another --grpc-port; 0 takes a free one"
            raise ZooError(f"cannot listen on port {port} of {host} for gRPC", hint=hint) from error
        await self._server.start()
        self.place = f"{host}:{bound}"

    async def stop(self) -> None:
        """Take no more requests, and answer those that are there, within the grace."""
        await self._server.stop(self._settings.grace)

    async def live(self, request: Any) -> Any:
        """The server answers."""
        return MESSAGES["ServerLiveResponse"](live=True)

    async def ready(self, request: Any) -> Any:
        """Whether all models that are wanted can be asked."""
        return MESSAGES["ServerReadyResponse"](ready=self._models.is_ready)

    async def server_metadata(self, request: Any) -> Any:
        """Who answers."""
        return MESSAGES["ServerMetadataResponse"](name="zoo", version=__version__)

    async def model_ready(self, request: Any) -> Any:
        """Whether one model can be asked."""
        model = self._models.find(request.name, request.version or None)
        return MESSAGES["ModelReadyResponse"](ready=model.state == "READY")

    async def model_metadata(self, request: Any) -> Any:
        """What a model takes and gives."""
        model = self._models.find(request.name, request.version or None)
        versions = list(self._models.versions(model.name))
        told = tensors_of(model.metadata)
        return MESSAGES["ModelMetadataResponse"](name=model.name, versions=versions, platform="onnx_onnxv1", **told)

    async def infer(self, request: Any) -> Any:
        """The outputs for some inputs, as bytes."""
        model = self._models.find(request.model_name, request.model_version or None)
        metadata = model.metadata
        inputs = arrays_of(request, metadata)
        wanted = [each.name for each in request.outputs] or list(metadata.outputs)
        for name in wanted:
            if name not in metadata.outputs:
                unknown("output", name, metadata.outputs)
        try:
            async with asyncio.timeout(self._settings.seconds):
                outputs = await model.answer(inputs)
        except TimeoutError:
            raise RefusedError(504, f"there was no answer within {self._settings.seconds:g} seconds") from None
        return _response(request, model, {name: outputs[name] for name in wanted})

    def _handler(self, name: str, method: Callable[[Any], Awaitable[Any]]) -> Any:
        async def handle(request: Any, context: Any) -> Any:
            began, status = time.perf_counter(), 200
            problem: Exception | None = None
            try:
                self._check_token(name, context)
                return await method(request)
            except Exception as error:  # noqa: BLE001 the last line of defence
                problem = error
                status, text = _told(error)
                await context.abort(_CODES.get(status, grpc.StatusCode.INTERNAL), text)
            finally:
                known = getattr(request, "model_name", "") or getattr(request, "name", "")
                seconds = time.perf_counter() - began
                done = Done(method="gRPC", path=f"/{SERVICE}/{name}", status=status, seconds=seconds, error=problem)
                self._on_done(done.about(operation=method.__name__, model=known))

        asked, answered = MESSAGES[f"{name}Request"], MESSAGES[f"{name}Response"]
        return grpc.unary_unary_rpc_method_handler(
            handle, request_deserializer=asked.FromString, response_serializer=answered.SerializeToString
        )

    def _check_token(self, name: str, context: Any) -> None:
        token = self._settings.token
        if token is None or name in _OPEN:
            return
        given = dict(context.invocation_metadata()).get("authorization", "")
        if not hmac.compare_digest(str(given).removeprefix("Bearer ").encode(), token.encode()):
            raise RefusedError(401, "a token is needed", hint="the metadata authorization: Bearer TOKEN")


def _told(error: Exception) -> tuple[int, str]:
    """The status that HTTP has for an error, and the words."""
    if isinstance(error, RefusedError):
        return error.status, in_one_line(error)
    if isinstance(error, QueueFullError):
        return 429, in_one_line(error)
    if isinstance(error, ClosedError):
        return 503, in_one_line(error)
    return 500, in_one_line(error) if isinstance(error, ZooError) else f"a bug in the server: {type(error).__name__}"


def arrays_of(request: Any, metadata: Metadata) -> dict[str, Any]:
    """The inputs of a request, of raw bytes or of typed contents. Raises RefusedError."""
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise RefusedError(400, f"{len(request.inputs)} inputs are told, and the contents of {len(raw)} are there")
    inputs: dict[str, Any] = {}
    for place, told in enumerate(request.inputs):
        name = told.name
        if name not in metadata.inputs:
            unknown("input", name, metadata.inputs)
        if name in inputs:
            raise RefusedError(400, f"input {name!r} is given twice")
        dtype = metadata.inputs[name].dtype
        if told.datatype != NAMES[dtype]:
            raise RefusedError(400, f"input {name!r} is {NAMES[dtype]}, not {told.datatype[:30]}")
        shape = shape_of(list(told.shape), name=name)
        if raw:
            inputs[name] = from_bytes(memoryview(raw[place]), dtype=dtype, shape=shape, name=name)
        elif (field := _CONTENTS.get(told.datatype)) is not None:
            values = list(getattr(told.contents, field))
            inputs[name] = from_json(values, dtype=dtype, shape=shape, name=name)
        else:
            raise RefusedError(400, f"input {name!r} is {told.datatype}, which comes in raw_input_contents only")
    return inputs


def _response(request: Any, model: ServedModel, outputs: dict[str, Any]) -> Any:
    told = [
        {"name": name, "datatype": NAMES[value.dtype.name], "shape": list(value.shape)}
        for name, value in outputs.items()
    ]
    return MESSAGES["ModelInferResponse"](
        model_name=model.name,
        model_version=model.version,
        id=request.id,
        outputs=told,
        raw_output_contents=[to_bytes(value) for value in outputs.values()],
    )
