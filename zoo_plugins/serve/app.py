"""The addresses of the Open Inference Protocol, version 2, and what each answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from zoo_core import TensorSpec, ZooError, __version__
from zoo_core.runtime import Metadata

from .datatypes import NAMES
from .infer import HEADER, parameters_of, read_infer, read_object, write_infer
from .log import Log
from .measures import CONTENT_TYPE, Measures
from .people import People
from .refusals import RefusedError
from .repository import Repository
from .served import ServedModel
from .settings import ServeSettings
from .waiting import Bodies, answer_of

EXTENSIONS = ("binary_tensor_data", "model_repository", "model_repository(unload_dependents)")
_MODEL = "/v2/models/{name}"
_VERSION = _MODEL + "/versions/{version}"


class App:
    """The application: one method for each address."""

    def __init__(self, models: Repository, settings: ServeSettings, *, log: Log) -> None:
        self._models = models
        self._settings = settings
        self._log = log
        self._bodies = Bodies(most=settings.body, seconds=settings.seconds)
        self.measures = Measures(models)
        for model in models:
            model.on_trouble = self._tell_of(model)

    def _tell_of(self, model: ServedModel) -> Callable[[str], None]:
        return lambda text: self._log.tell("trouble", level="error", model=model.name, version=model.version, text=text)

    def router(self) -> Router:
        """All addresses; those that are asked most come first."""
        routes = []
        for place in (_MODEL, _VERSION):
            routes += [
                Route(f"{place}/infer", self.infer, methods=["POST"]),
                Route(f"{place}/ready", self.model_ready),
                Route(place, self.model_metadata),
            ]
        routes += [
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.ready),
            *(Route(path, self.server_metadata) for path in ("/v2", "/v2/")),
            Route("/v2/repository/index", self.index, methods=["POST"]),
            Route("/v2/repository/models/{name}/load", self.load, methods=["POST"]),
            Route("/v2/repository/models/{name}/unload", self.unload, methods=["POST"]),
            Route("/metrics", self.metrics),
            *People(self._models, self._settings, bodies=self._bodies).routes((_MODEL, _VERSION)),
        ]
        return Router(routes, redirect_slashes=False)

    async def live(self, request: Request) -> Response:
        """The server answers."""
        return JSONResponse({"live": True})

    async def ready(self, request: Request) -> Response:
        """Whether all models that are wanted can be asked; 400 says no, as the protocol has it."""
        ready = self._models.is_ready
        return JSONResponse({"ready": ready}, 200 if ready else 400)

    async def server_metadata(self, request: Request) -> Response:
        """Who answers."""
        return JSONResponse({"name": "zoo", "version": __version__, "extensions": list(EXTENSIONS)})

    async def model_ready(self, request: Request) -> Response:
        """Whether one model can be asked."""
        model = self._model(request)
        ready = model.state == "READY"
        told = {"name": model.name, "ready": ready} | ({} if ready else {"reason": model.reason})
        return JSONResponse(told, 200 if ready else 400)

    async def model_metadata(self, request: Request) -> Response:
        """What a model takes and gives."""
        model = self._model(request)
        told = tensors_of(model.metadata)
        versions = list(self._models.versions(model.name))
        return JSONResponse({"name": model.name, "versions": versions, "platform": "onnx_onnxv1", **told})

    async def infer(self, request: Request) -> Response:
        """The outputs for some inputs."""
        model = self._model(request)
        async with self._bodies.read(request) as body:
            asked = read_infer(body, header=request.headers.get(HEADER), metadata=model.metadata)
            outputs = await answer_of(model.answer(asked.inputs), request.receive, seconds=self._settings.seconds)
        content, headers = write_infer(outputs, asked, model=model.name, version=model.version)
        return Response(content, headers=headers)

    async def index(self, request: Request) -> Response:
        """The models of the command line, and the state of each."""
        asked = await self._small(request)
        rows = self._models.index()
        return JSONResponse([row for row in rows if row["state"] == "READY" or asked.get("ready") is not True])

    async def load(self, request: Request) -> Response:
        """Open all versions of a model, also those that are open: their files may be new."""
        asked = await self._small(request)
        if parameters_of(asked):
            raise RefusedError(
                400, "a model is loaded as it was given on the command line", hint="leave out parameters"
            )
        for model in self._models.versions(request.path_params["name"]).values():
            about: dict[str, Any] = {"model": model.name, "version": model.version, "export": model.path}
            try:
                await model.load()
            except ZooError as error:
                self._log.tell("not loaded", level="error", **about, error=error.message)
                raise RefusedError(400, error.message, hint=error.hint) from error
            self._log.tell("loaded", **about)
        return JSONResponse({})

    async def unload(self, request: Request) -> Response:
        """Take no more requests for a model, answer those that wait, and give its memory back."""
        await self._small(request)
        for model in self._models.versions(request.path_params["name"]).values():
            await model.unload()
            self._log.tell("unloaded", model=model.name, version=model.version)
        return JSONResponse({})

    async def metrics(self, request: Request) -> Response:
        """What was counted and timed, for Prometheus."""
        return Response(self.measures.text(), headers={"content-type": CONTENT_TYPE})

    async def _small(self, request: Request) -> dict[str, Any]:
        """The JSON object of a body that holds no arrays."""
        async with self._bodies.read(request) as body:
            return read_object(body)

    def _model(self, request: Request) -> ServedModel:
        return self._models.find(request.path_params["name"], request.path_params.get("version"))


def tensors_of(metadata: Metadata) -> dict[str, list[dict[str, Any]]]:
    """Inputs and outputs as the protocol describes them: an axis that is free is -1."""
    return {
        "inputs": [_tensor(name, spec) for name, spec in metadata.inputs.items()],
        "outputs": [_tensor(name, spec) for name, spec in metadata.outputs.items()],
    }


def _tensor(name: str, spec: TensorSpec) -> dict[str, Any]:
    shape = [axis if isinstance(axis, int) else -1 for axis in spec.axes]
    return {"name": name, "datatype": NAMES[spec.dtype], "shape": shape}
