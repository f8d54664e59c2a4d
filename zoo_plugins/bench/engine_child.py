"""The process of its own that runs an engine: what it is to do comes on stdin, answers go to stdout.

Called as `python -m` with the name of this module.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.training import need_torch

from .engines import TORCH
from .own_process import Failure

Arrays = dict[str, NDArray[Any]]


def main() -> None:
    """Load what is told, answer every request, and end when nobody asks any more."""
    requests, answers = _pipes()
    run: Callable[[Arrays], Arrays] | None = None
    while (message := _received(requests)) is not None:
        try:
            if run is None:
                run = _loaded(message)
                answer: Any = "ready"
            else:
                answer = _timed(run, *message)
        except ZooError as error:
            answer = Failure(message=error.message, hint=error.hint)
        except Exception as error:  # noqa: BLE001 whatever an engine raises is a row of the table
            words = str(error).strip().partition("\n")[0][:400]
            answer = Failure(message=f"{type(error).__name__}: {words}")
        pickle.dump(answer, answers)
        answers.flush()


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Where requests come from and answers go; whatever else writes to stdout reaches nobody."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b", buffering=0) as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    return requests, answers


def _received(requests: IO[bytes]) -> Any:
    try:
        return pickle.load(requests)  # noqa: S301 of the process that started this one
    except EOFError:
        return None


def _timed(run: Callable[[Arrays], Arrays], inputs: Arrays, times: int) -> tuple[list[float], Arrays, int | None]:
    seconds: list[float] = []
    outputs: Arrays = {}
    while len(seconds) < max(1, times):
        begin = time.perf_counter()
        outputs = run(inputs)
        seconds.append(time.perf_counter() - begin)
    return seconds, outputs, _peak_bytes()


def _peak_bytes() -> int | None:
    """The most memory that this process ever held; None on a system that does not tell (other than Linux)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)


def _loaded(task: Mapping[str, Any]) -> Callable[[Arrays], Arrays]:
    return _in_torch(task) if task["engine"] == TORCH else _in_openvino(task)


def _in_torch(task: Mapping[str, Any]) -> Callable[[Arrays], Arrays]:
    need_torch("zoo bench")
    import torch

    from zoo_core.training import named_outputs

    from .torch_source import built

    torch.set_num_threads(task["threads"])
    module, spec = built(task["source"])
    names, read = tuple(spec.outputs), spec.read_outputs
    called = torch.compile(module) if task["compiled"] else module

    def run(inputs: Arrays) -> Arrays:
        with torch.inference_mode():
            outputs = named_outputs(called(*map(torch.from_numpy, inputs.values())), names, read)
        return {name: value.numpy() for name, value in outputs.items()}

    return run


def _in_openvino(task: Mapping[str, Any]) -> Callable[[Arrays], Arrays]:
    import openvino

    settings = {"INFERENCE_NUM_THREADS": task["threads"], "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(task["path"], "CPU", settings)
    names = [port.get_any_name() for port in compiled.outputs]

    def run(inputs: Arrays) -> Arrays:
        found = compiled(inputs)
        return {name: found[place] for place, name in enumerate(names)}

    return run


if __name__ == "__main__":
    main()
