"""The process of its own that runs an engine: what it is to do comes on stdin, answers go to stdout.

Called as `python -m` with the name of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.runtime import private_pipes, receive_arrays, send_arrays, timed_runs
from zoo_core.training import need_torch

from .engines import TORCH

Arrays = dict[str, NDArray[Any]]
Run = Callable[[Mapping[str, NDArray[Any]]], Arrays]


def main() -> None:
    """Load what is told, answer every request, and end when nobody asks any more."""
    requests, answers = private_pipes()
    run: Run | None = None
    while (request := receive_arrays(requests)) is not None:
        message, inputs = request
        try:
            if run is None:
                run = _loaded(message)
                send_arrays(answers, {})
            else:
                timing = timed_runs(run, inputs, times=message["times"])
                send_arrays(answers, {"seconds": timing.seconds, "peak": timing.peak_bytes}, timing.outputs)
        except ZooError as error:
            send_arrays(answers, {"error": error.message, "hint": error.hint})
        except Exception as error:  # noqa: BLE001 whatever an engine raises is a row of the table
            words = str(error).strip().partition("\n")[0][:400]
            send_arrays(answers, {"error": f"{type(error).__name__}: {words}", "hint": None})


def _loaded(task: Mapping[str, Any]) -> Run:
    return _in_torch(task) if task["engine"] == TORCH else _in_openvino(task)


def _in_torch(task: Mapping[str, Any]) -> Run:
    need_torch("zoo bench")
    import torch

    from zoo_core.training import named_outputs

    from .torch_source import built

    torch.set_num_threads(task["threads"])
    module, spec = built(task["source"])
    names, read = tuple(spec.outputs), spec.read_outputs
    called = torch.compile(module) if task["compiled"] else module

    def run(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        with torch.inference_mode():
            outputs = named_outputs(called(*map(torch.from_numpy, inputs.values())), names, read)
        return {name: value.numpy() for name, value in outputs.items()}

    return run


def _in_openvino(task: Mapping[str, Any]) -> Run:
    import openvino

    settings = {"INFERENCE_NUM_THREADS": task["threads"], "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(task["path"], "CPU", settings)
    names = [port.get_any_name() for port in compiled.outputs]

    def run(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        found = compiled(inputs)
        return {name: found[place] for place, name in enumerate(names)}

    return run


if __name__ == "__main__":
    main()
