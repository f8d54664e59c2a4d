"""What answers: onnxruntime at some level or on some provider, PyTorch or OpenVINO, each in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from zoo_core.runtime import PROVIDERS, ExportedModel, Isolated, Limits, Optimization, Timing, open_model

from .own_process import EngineProcess

LEVELS: Mapping[str, Optimization] = {
    "onnxruntime": "all",
    "onnxruntime:extended": "extended",
    "onnxruntime:basic": "basic",
    "onnxruntime:none": "none",
}
"""Engines by onnxruntime's levels of optimisation; the first is what the zoo uses."""

TORCH, COMPILED, OPENVINO = "torch", "torch:compiled", "openvino"
ENGINES = (*LEVELS, TORCH, COMPILED, OPENVINO)

_NO_LIMITS = Limits(memory=10**14, seconds=86_400)
"""For a file that is trusted: it still has a process of its own, whose memory is measured."""


class Running(Protocol):
    """An engine that is ready to answer, until it is closed."""

    def timed(self, inputs: Mapping[str, NDArray[Any]], *, times: int) -> Timing:
        """Answer so many times. Raises ZooError where it cannot."""

    def close(self) -> None:
        """End its process."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A subject in an engine, with so many threads. `start` begins its process; it raises ZooError where that fails.

    `loss`: how many times coarser than float32 it declares to round.
    """

    subject: str
    engine: str
    threads: int
    start: Callable[[], Running] = field(repr=False)
    spinning: bool = False
    loss: float = 1.0

    def started(self) -> tuple[Running, float]:
        """Ready to answer, and the seconds that this took: from no process at all to a loaded model."""
        begin = time.perf_counter()
        running = self.start()
        return running, time.perf_counter() - begin

    def __str__(self) -> str:
        return f"{self.subject}, {self.setting}"

    @property
    def setting(self) -> str:
        """The engine and how it is set up, in words."""
        rest = ", spinning" if self.spinning else ""
        return f"{self.engine}, {self.threads} thread{'s' if self.threads > 1 else ''}{rest}"


def onnxruntime(
    path: Path,
    *,
    subject: str,
    engine: str,
    threads: int,
    isolated: Isolated,
    spinning: bool = False,
    provider: str | None = None,
) -> Contender:
    """An exported file in onnxruntime; always in a process of its own, so that its memory can be told."""
    limits = isolated if isinstance(isolated, Limits) else _NO_LIMITS if isolated is False else True

    def start() -> ExportedModel:
        level = LEVELS[engine]
        return open_model(
            path, optimization=level, threads=threads, spinning=spinning, provider=provider, isolated=limits
        )

    if provider is None:
        return Contender(subject=subject, engine=engine, threads=threads, start=start, spinning=spinning)
    shown, loss = f"{engine}@{provider}", PROVIDERS[provider].loss
    return Contender(subject=subject, engine=shown, threads=threads, start=start, spinning=spinning, loss=loss)


def in_torch(source: Mapping[str, Any], *, subject: str, engine: str, threads: int) -> Contender:
    """A run, or a model with its options and weights, in PyTorch: as it is, or by `torch.compile`."""
    task = {"engine": TORCH, "source": dict(source), "threads": threads, "compiled": engine == COMPILED}
    return Contender(subject=subject, engine=engine, threads=threads, start=lambda: EngineProcess(engine, task))


def openvino(path: Path, *, subject: str, threads: int) -> Contender:
    """An exported file in OpenVINO's own reader, in float32."""
    task = {"engine": OPENVINO, "path": str(path), "threads": threads}
    return Contender(subject=subject, engine=OPENVINO, threads=threads, start=lambda: EngineProcess(OPENVINO, task))
