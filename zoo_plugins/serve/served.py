"""One model that is served: opened, tested by itself, and only then ready."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.runtime import ExportedModel, Metadata, check_inputs, open_model
from zoo_core.workflows.answers import self_test

from .batcher import Arrays, Batcher, BatchSeen
from .refusals import RETRY, RefusedError, SelfTestFailedError, in_one_line
from .settings import ServeSettings

State: TypeAlias = Literal["LOADING", "READY", "UNLOADING", "UNAVAILABLE"]

BATCH = "N"
"""The free axis that every batch of an export has first."""


class ServedModel:
    """An export under a name and a version.

    `state` is one of the protocol's, `reason` why it is not ready. `is_wanted`: nobody has unloaded it.
    """

    def __init__(self, path: Path, *, name: str, version: str, settings: ServeSettings) -> None:
        self.path = path
        self.name = name
        self.version = version
        self.state: State = "UNAVAILABLE"
        self.reason = "not loaded"
        self.is_wanted = True
        self._settings = settings
        self._model: ExportedModel | None = None
        self._batcher: Batcher | None = None

    @property
    def metadata(self) -> Metadata:
        """What the file says of itself. Raises RefusedError where it is not ready."""
        return self.model.metadata

    @property
    def model(self) -> ExportedModel:
        """The open model. Raises RefusedError where it is not ready."""
        if self._model is None or self.state != "READY":
            raise RefusedError(503, f"model {self.name!r} is not ready: {self.reason}", headers=RETRY)
        return self._model

    @property
    def waiting(self) -> int:
        """Requests in its queue."""
        return self._batcher.waiting if self._batcher is not None else 0

    def open(self) -> None:
        """Open the file, and have it test itself in the very session that will serve.

        Blocks. Raises ZooError, SelfTestFailedError among them; then it is not ready, and says why.
        """
        self.state, self.reason = "LOADING", "it is being loaded"
        try:
            self._model = self._tested()
        except ZooError as error:
            self.state, self.reason = "UNAVAILABLE", in_one_line(error)
            raise

    def start(self) -> None:
        """Take requests; in the event loop, once it is open."""
        if self._model is not None:
            limits = dataclasses.replace(self._settings.batch, joined=joins_rows(self._model.metadata))
            run = self._model.run_rows if limits.joined else self._model.run
            self._batcher = Batcher(run, limits=limits, on_batch=self._seen)
            self.state, self.reason = "READY", ""

    async def load(self) -> None:
        """Open it beside the event loop, and take requests. Raises as `open`."""
        self.is_wanted = True
        await asyncio.to_thread(self.open)
        self.start()

    async def unload(self) -> None:
        """Answer what is waiting, then give back memory and processes."""
        self.is_wanted = False
        if self.state != "READY":
            return
        self.state, self.reason = "UNLOADING", "it is being unloaded"
        if self._batcher is not None:
            await self._batcher.close()
        self.close()

    def close(self) -> None:
        """Give back memory and processes."""
        if self._model is not None:
            self._model.close()
        self._model = self._batcher = None
        self.state, self.reason = "UNAVAILABLE", "unloaded"

    def answer(self, inputs: Mapping[str, NDArray[Any]]) -> asyncio.Future[Arrays]:
        """All outputs by name, to come. Raises RefusedError for inputs that do not fit, and QueueFullError."""
        model = self.model
        try:
            check_inputs(inputs, model.metadata.inputs, where=self.name)
        except ZooError as error:
            raise RefusedError(400, error.message, hint=error.hint) from None
        if self._batcher is None:
            raise RefusedError(503, f"model {self.name!r} is not ready", headers=RETRY)
        ordered = {name: inputs[name] for name in model.metadata.inputs}
        return self._batcher.put(ordered, rows=len(next(iter(ordered.values()))))

    def _tested(self) -> ExportedModel:
        settings = self._settings
        model = open_model(self.path, threads=settings.threads, isolated=settings.isolated)
        try:
            bad = next((check for check in self_test(model) if check.outcome != "passed"), None)
        except BaseException:
            model.close()
            raise
        if bad is None:
            return model
        model.close()
        raise SelfTestFailedError(
            f"{self.path} is not served: its self-test says {bad.outcome}: {bad.detail}",
            hint="zoo verify says more; do not use this file, or export it again",
        )

    def _seen(self, seen: BatchSeen) -> None:
        """Nothing is counted yet."""


def joins_rows(metadata: Metadata) -> bool:
    """Whether rows of several requests may run together: what the check proved for an axis N, which every input and
    output has first and nowhere else."""
    return all(
        spec.axes[:1] == (BATCH,) and all(axis.name != BATCH for axis in spec.parsed[1:])
        for spec in (*metadata.inputs.values(), *metadata.outputs.values())
    )
