"""The process of its own that runs an engine: what it is to do comes on stdin, answers go to stdout.

Called as `python -m` with the name of this module.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.runtime import receive_arrays, send_arrays
from zoo_core.training import need_torch

from .engines import TORCH

Arrays = dict[str, NDArray[Any]]


def main() -> None:
    """Load what is told, answer every request, and end when nobody asks any more."""
    requests, answers = _pipes()
    run: Callable[[Arrays], Arrays] | None = None
    while (request := receive_arrays(requests)) is not None:
        message, inputs = request
        try:
            if run is None:
                run = _loaded(message)
                send_arrays(answers, {})
            else:
                send_arrays(answers, *_timed(run, inputs, message["times"]))
        except ZooError as error:
            send_arrays(answers, {"error": error.message, "hint": error.hint})
        except Exception as error:  # noqa: BLE001 whatever an engine raises is a row of the table
            words = str(error).strip().partition("\n")[0][:400]
            send_arrays(answers, {"error": f"{type(error).__name__}: {words}", "hint": None})


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Where requests come from and answers go; whatever else writes to stdout reaches nobody."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b", buffering=0) as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    return requests, answers


def _timed(run: Callable[[Arrays], Arrays], inputs: Arrays, times: int) -> tuple[dict[str, Any], Arrays]:
    seconds: list[float] = []
    outputs: Arrays = {}
    while len(seconds) < max(1, times):
        begin = time.perf_counter()
        outputs = run(inputs)
        seconds.append(time.perf_counter() - begin)
    return {"seconds": seconds, "peak": _peak_bytes()}, outputs


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
