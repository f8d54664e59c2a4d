"""An onnxruntime session, with our defaults and with errors that say what to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from zoo_core.children.memory import memory_of
from zoo_core.environment import load_onnxruntime, usable_processors
from zoo_core.errors import UsageError, ZooError
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.utf8_paths import in_utf8

from .providers import USUAL, asked_of, check_runs_on, provider_of

Optimization: TypeAlias = Literal["all", "extended", "basic", "none"]
"""onnxruntime's own optimisation of the graph: all of it, less and less of it, or none."""

Arrays = dict[str, NDArray[Any]]

_LEVELS: Mapping[Optimization, str] = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "none": "ORT_DISABLE_ALL",
}
_FATAL_ONLY = 4
"""What onnxruntime has to say comes as an exception; its own lines are not for the terminal."""


@dataclass(frozen=True, kw_only=True)
class SessionSettings:
    """How onnxruntime runs a file; `threads` None: as many as there are processors that this process may use.

    `spinning`: threads that have nothing to do wait busily, so that the next run begins sooner; whatever else wants the
    processors, such as what reads the next inputs, waits then. `provider`: what computes; "cpu" is the processor.
    """

    optimization: Optimization = "all"
    threads: int | None = None
    spinning: bool = False
    provider: str = USUAL

    def __post_init__(self) -> None:
        if self.optimization not in get_args(Optimization):
            raise UsageError(f"optimization is one of {', '.join(get_args(Optimization))}, not {self.optimization!r}")
        if self.threads is not None and not (isinstance(self.threads, int) and self.threads >= 1):
            raise UsageError(f"threads are a whole number of at least 1, or None, not {self.threads!r}")
        provider_of(self.provider)


def settings_from(
    *, optimization: Optimization | None, threads: int | None, spinning: bool | None, provider: str | None = None
) -> SessionSettings | None:
    """The settings that are asked for, with the usual ones in place of what is None; None where all of them are."""
    given = {"optimization": optimization, "threads": threads, "spinning": spinning, "provider": provider}
    asked: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return SessionSettings(**asked) if asked else None


@dataclass(frozen=True, kw_only=True)
class SessionFile:
    """A vetted file as onnxruntime gets it: its bytes, or its path where they are many or some lie beside it.

    `one_size`: all inputs always have the same shape but for the batch.
    """

    path: str
    content: bytes | None
    one_size: bool

    @classmethod
    def of(cls, file: OnnxFile) -> SessionFile:
        """The bytes that were vetted are the bytes that are run, where they are in one piece."""
        in_one_piece = isinstance(file.content, bytes) and not has_external_data(file)
        return cls(
            path=str(file.path),
            content=bytes(file.content) if in_one_piece else None,
            one_size=not any(isinstance(dim, str) for value in file.inputs for dim in (value.dims or ())[1:]),
        )


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The same inputs run several times: the seconds of each run, where the file runs, and the outputs of the last.

    `peak_bytes` is the most memory that the process which runs it ever held; None where the system does not tell.
    """

    seconds: tuple[float, ...]
    outputs: Arrays
    peak_bytes: int | None


def timed_runs(
    run: Callable[[Mapping[str, NDArray[Any]]], Arrays], inputs: Mapping[str, NDArray[Any]], *, times: int
) -> Timing:
    """Call `run` so many times, at least once, in this process."""
    seconds: list[float] = []
    outputs: Arrays = {}
    while len(seconds) < max(1, times):
        start = time.perf_counter()
        outputs = run(inputs)
        seconds.append(time.perf_counter() - start)
    return Timing(seconds=tuple(seconds), outputs=outputs, peak_bytes=memory_of("self", peak=True))


class Session(Protocol):
    """A file that is ready to run, until it is closed."""

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """All outputs by name. Raises ZooError with onnxruntime's reason."""

    def timed(self, inputs: Mapping[str, NDArray[Any]], *, times: int) -> Timing:
        """As `run`, so many times, at least once."""

    def close(self) -> None:
        """Give back memory and processes; nothing can be run any more."""


class LocalSession:
    """An onnxruntime session in this process. Raises ZooError with onnxruntime's reason, and without its provider."""

    def __init__(self, source: SessionFile, settings: SessionSettings) -> None:
        self._path = source.path
        ort = load_onnxruntime()
        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, _LEVELS[settings.optimization])
        options.intra_op_num_threads = settings.threads or usable_processors()
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(settings.spinning)))
        options.log_severity_level = _FATAL_ONLY
        options.add_session_config_entry("session.load_model_format", "ONNX")
        # The memory pattern is planned for one shape: with pictures of many sizes it only grows.
        options.enable_mem_pattern = source.one_size
        providers = asked_of(ort, settings.provider)
        try:
            with in_utf8(Path(source.path)) as path:
                given: Any = str(path) if source.content is None else source.content
                self._session = ort.InferenceSession(given, sess_options=options, providers=providers)
        except ZooError:
            raise
        except Exception as error:
            raise ZooError(
                f"onnxruntime {ort.__version__} cannot load {source.path}: {_reason(error)}",
                hint="the file is damaged, or needs another version of onnxruntime",
            ) from error
        check_runs_on(self._session, settings.provider, path=source.path)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """All outputs by name. Raises ZooError with onnxruntime's reason."""
        names = [output.name for output in self._session.get_outputs()]
        try:
            values = self._session.run(names, dict(inputs))
        except Exception as error:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in inputs.items())
            raise ZooError(
                f"onnxruntime could not run {self._path} on {shapes}: {_reason(error)}",
                hint="check the file with `zoo verify`; too little memory is another cause",
            ) from error
        return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}

    def timed(self, inputs: Mapping[str, NDArray[Any]], *, times: int) -> Timing:
        """As `run`, so many times, at least once."""
        return timed_runs(self.run, inputs, times=times)

    def close(self) -> None:
        """Give back the memory."""
        del self._session


def has_external_data(file: OnnxFile) -> bool:
    """True if a tensor of any graph of the file has its data in another file."""
    return any(tensor.external is not None for graph in file.graph.walk() for tensor in graph.all_tensors())


def _reason(error: Exception) -> str:
    """onnxruntime's message in one line, without its own source paths."""
    text = " ".join(str(error).split())
    for marker in ("Status Message: ", "[ONNXRuntimeError] : "):
        text = text.partition(marker)[2] or text
    return text[:400]
