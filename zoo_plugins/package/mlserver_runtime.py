"""A runtime of MLServer for exports of the zoo: `"implementation": "zoo_plugins.package.mlserver_runtime.ZooRuntime"`.

MLServer loads it by that name, in an environment with `zoo-core[mlserver]`; nothing else imports it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.errors import InferenceError, MLServerError
from mlserver.types import InferenceRequest, InferenceResponse, RequestInput
from mlserver.utils import get_model_uri
from numpy.typing import NDArray

from zoo_core import ZooError, did_you_mean
from zoo_core.runtime import ExportedModel, check_inputs, open_model
from zoo_core.workflows.answers import self_test

from .datatypes import NAMES


class ZooRuntime(MLModel):  # type: ignore[misc]
    """An export that is ready once the self-test that it carries has passed in the session that serves.

    A file that was not exported or verified on this machine runs in a process of its own, with a limit of memory.
    """

    async def load(self) -> bool:
        """Open the file and have it test itself. Raises MLServerError that says why it is not served."""
        # one run at a time: onnxruntime has a thread for each processor by itself
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="zoo")
        path = await get_model_uri(self.settings, wellknown_filenames=["model.onnx"])
        try:
            self._model = await self._run(_tested, path)
        except ZooError as error:
            raise MLServerError(_told(error)) from error
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """All outputs, or those that are asked for. Raises InferenceError for inputs that do not fit."""
        inputs = self._inputs(payload)
        try:
            outputs = await self._run(self._answered, inputs)
        except ZooError as error:
            raise InferenceError(_told(error)) from error
        wanted = [each.name for each in payload.outputs or []] or list(outputs)
        if unknown := [name for name in wanted if name not in outputs]:
            raise InferenceError(f"there is no output {unknown[0][:60]!r}. {did_you_mean(unknown[0][:60], outputs)}")
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[NumpyCodec.encode_output(name, outputs[name]) for name in wanted],
        )

    async def unload(self) -> bool:
        """Give back memory and processes."""
        if (model := getattr(self, "_model", None)) is not None:
            await self._run(model.close)
        self._beside.shutdown()
        return True

    async def _run(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._beside, work, *arguments)

    def _answered(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        model = self._model
        check_inputs(inputs, model.metadata.inputs, where=self.name)
        return dict(model.run_rows(inputs) if model.metadata.rows_are_independent else model.run(inputs))

    def _inputs(self, payload: InferenceRequest) -> dict[str, NDArray[Any]]:
        specs = self._model.metadata.inputs
        given = {each.name: each for each in payload.inputs}
        if unknown := [name for name in given if name not in specs]:
            raise InferenceError(f"there is no input {unknown[0][:60]!r}. {did_you_mean(unknown[0][:60], specs)}")
        return {name: _array(given[name], NAMES[spec.dtype]) for name, spec in specs.items() if name in given}


def _array(given: RequestInput, datatype: str) -> NDArray[Any]:
    if given.datatype != datatype:
        raise InferenceError(f"input {given.name!r} is {datatype}, not {str(given.datatype)[:30]}")
    try:
        array: NDArray[Any] = NumpyCodec.decode_input(given)
    except (ValueError, TypeError, OverflowError) as error:
        raise InferenceError(f"input {given.name!r} cannot be read: {str(error)[:200]}") from error
    return array


def _tested(path: str) -> ExportedModel:
    """The open model, once its self-test has passed. Raises ZooError."""
    model = open_model(path)
    try:
        bad = next((check for check in self_test(model) if check.outcome != "passed"), None)
        if bad is not None:
            raise ZooError(
                f"{path} is not served: its self-test says {bad.outcome}: {bad.detail}",
                hint="zoo verify says more; do not use this file, or export it again",
            )
    except BaseException:
        model.close()
        raise
    return model


def _told(error: ZooError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
