"""What is for people: a page, the card of a model, and predictions as `zoo predict --json` gives them."""

from __future__ import annotations

import importlib.resources
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from zoo_core import did_you_mean
from zoo_core.runtime import ExportedModel
from zoo_core.workflows.answers import rows_in_memory

from .refusals import RefusedError
from .repository import Repository
from .served import ServedModel
from .settings import ServeSettings
from .uploads import Upload, uploads_of
from .waiting import Bodies, answer_of

PAGE = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_KNOWN = ("drawn", "name", "top")
"""What may stand behind the question mark."""
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'"
_HEADERS = {
    # Nothing from elsewhere, and nobody else's page around it.
    "Content-Security-Policy": f"{_POLICY}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class People:
    """One method for each address that is not the protocol's."""

    def __init__(self, models: Repository, settings: ServeSettings, *, bodies: Bodies) -> None:
        self._models = models
        self._bodies = bodies
        self._settings = settings

    def routes(self, places: tuple[str, ...]) -> list[Route]:
        """The addresses; `places` are those of a model, with and without its version."""
        pages = [Route(path, self.page) for path in PAGE]
        predict = [Route(f"{place}/predict", self.predict, methods=["POST"]) for place in places]
        return [*predict, *(Route(f"{place}/card", self.card) for place in places), *pages]

    async def page(self, request: Request) -> Response:
        """The page, and what it is made of."""
        name, kind = PAGE[request.url.path]
        content = importlib.resources.files(__package__).joinpath("page", name).read_bytes()
        return Response(content, media_type=kind, headers=_HEADERS)

    async def card(self, request: Request) -> Response:
        """What a model is, and how its self-test went in the session that serves it."""
        return JSONResponse(card_of(self._model(request)))

    async def predict(self, request: Request) -> Response:
        """A row for each sample of the files in the body."""
        served = self._model(request)
        _check_names(request)
        top = _number(request, "top")
        if top is not None and served.model.meaning.gives != "labels":
            raise RefusedError(400, f"{served.model.task} gives no labels, and top says how many of them")
        drawn = request.query_params.get("drawn", "") not in {"", "0", "false"}
        async with self._bodies.read(request) as body:
            work = partial(_rows, served.model, await uploads_of(request, body), top=top, drawn=drawn)
            rows = await answer_of(served.beside(work), request.receive, seconds=self._settings.seconds)
        return JSONResponse(rows, 200 if any("error" not in row for row in rows) else 400)

    def _model(self, request: Request) -> ServedModel:
        return self._models.find(request.path_params["name"], request.path_params.get("version"))


def card_of(served: ServedModel) -> dict[str, Any]:
    """What a page shows of a model."""
    about = served.metadata
    return {
        "name": served.name,
        "version": served.version,
        "task": about.task,
        "model": about.model,
        "dataset": (about.dataset or {}).get("name"),
        "labels": list(about.labels),
        "metrics": dict(about.metrics),
        "license": about.license,
        "source": about.source,
        "untrained": about.untrained,
        "takes": "pictures" if about.preprocess is not None else "files",
        "inputs": {name: str(spec) for name, spec in about.inputs.items()},
        "self_test": [
            {"rule": check.rule, "outcome": check.outcome, "detail": check.detail} for check in served.checks
        ],
    }


def _rows(model: ExportedModel, sources: list[Upload], *, top: int | None, drawn: bool) -> list[dict[str, Any]]:
    contents = [source.getvalue() for source in sources] if drawn else []
    return [
        row
        for prediction in model.predictions(sources)
        for row in rows_in_memory(model, prediction, top=top, picture=contents[prediction.index] if drawn else None)
    ]


def _check_names(request: Request) -> None:
    """A name that is not known was mistyped: to answer as if it were not there would be an answer to something else."""
    for name in request.query_params:
        if name not in _KNOWN:
            hint = did_you_mean(name[:100], _KNOWN) or f"known: {', '.join(_KNOWN)}"
            raise RefusedError(400, f"there is no parameter {name[:100]!r}", hint=hint)


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0):
        raise RefusedError(400, f"{name} is a whole number of at least 1, not {text[:30]!r}")
    return int(text)
