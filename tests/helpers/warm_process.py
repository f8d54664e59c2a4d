"""A process that has PyTorch loaded and forks for each command, for tests that start the program very often.

`warm.py` starts it with a socket as its first argument. One byte there with four descriptors is one command: stdin,
stdout and stderr of its process, and a socket of its own, on which comes what to run, as a line of JSON, and goes its
number, then how it ended. To close that socket ends the process and what is in its group.

It has loaded modules that are no business of ours, has run no operator and has no second thread: that is what makes
a fork as good as a fresh process. No module of the zoo is loaded, so one that misses an import is still found out;
nor is onnxruntime, which starts a thread when it is imported, and is imported quickly.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import threading
import time
import types
import warnings
from typing import Any

DESCRIPTORS = 4
LOADED = (
    "numpy.random",
    "numpy.ma",
    "torch",
    "torchvision",
    "torchvision.models.detection",
    "torch.utils.data",
    "torch.utils.flop_counter",
    "torch.onnx._internal.exporter._compat",
    "torch.onnx._internal.torchscript_exporter.utils",
    "torch.onnx._internal.exporter._torchlib.ops",
    "torch.export._trace",
    "torch._export.passes._node_metadata_hook",
    "torch._export.passes.replace_autocast_with_hop_pass",
    "torch._export.passes.replace_set_grad_with_hop_pass",
    "torch._dynamo.eval_frame",
    "torch._inductor.sizevars",
    "torch._inductor.compiler_bisector",
    "torch._inductor.fx_passes.dedupe_symint_uses",
    "torch._subclasses.schema_check_mode",
    "torch._functorch.aot_autograd",
    "torch.fx.experimental.validator",
    "sympy.tensor.tensor",
    "onnx.checker",
    "onnx.external_data_helper",
    "onnxscript.optimizer",
    "onnxscript.rewriter.onnx_fusions",
    "onnxscript.rewriter.rules.fusion",
    "onnxscript.function_libs.torch_lib.ops",
    "safetensors.torch",
    "multiprocessing.popen_fork",
    "multiprocessing.synchronize",
    "concurrent.futures",
    "click.shell_completion",
    "pluggy",
    "platformdirs.unix",
    "rich.progress",
    "rich.table",
    "PIL.Image",
    "PIL.ImageDraw",
    "PIL.PngImagePlugin",
    "PIL.JpegImagePlugin",
    "PIL.BmpImagePlugin",
    "PIL.GifImagePlugin",
    "PIL.PpmImagePlugin",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
)


def load() -> None:
    """Import what the commands would import; a module that is not there is the commands' own business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LOADED:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    # What is there now is never collected, so that a fork does not copy all pages to look at it.
    gc.collect()
    gc.freeze()


def serve(control: socket.socket) -> socket.socket | None:
    """Fork for each command until nobody can send one. Returns twice: in a fork with its socket, and at the end."""
    running: dict[int, tuple[int, socket.socket]] = {}  # by the descriptor that tells of the end
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in running:
                _tell_end(poll, descriptor, *running.pop(descriptor))
            elif descriptor == control.fileno():
                given, descriptors, _, _ = socket.recv_fds(control, 1, DESCRIPTORS)
                if not given:
                    for number, _ in running.values():
                        _end_group(number)
                    return None
                child = socket.socket(fileno=descriptors.pop())
                if (number := os.fork()) == 0:
                    control.close()
                    for each, (_, other) in running.items():
                        os.close(each)
                        other.close()
                    return _take(child, descriptors)
                for each in descriptors:
                    os.close(each)
                _tell(child, {"pid": number})
                ended = os.pidfd_open(number)
                running[ended] = (number, child)
                poll.register(ended, select.POLLIN)
                poll.register(child, select.POLLHUP)
            else:  # whoever has asked is gone
                poll.unregister(descriptor)
                for number, child in running.values():
                    if child.fileno() == descriptor:
                        _end_group(number)


def _tell_end(poll: select.poll, ended: int, number: int, child: socket.socket) -> None:
    poll.unregister(ended)
    with contextlib.suppress(KeyError):
        poll.unregister(child)
    os.close(ended)
    _, status = os.waitpid(number, 0)
    _tell(child, {"code": os.waitstatus_to_exitcode(status)})
    child.close()


def _tell(child: socket.socket, message: dict[str, int]) -> None:
    with contextlib.suppress(OSError):
        child.sendall(json.dumps(message).encode() + b"\n")


def _end_group(number: int) -> None:
    for end in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            end(number, signal.SIGKILL)


def _take(child: socket.socket, descriptors: list[int]) -> socket.socket:
    os.setpgid(0, 0)
    for own, given in enumerate(descriptors):
        os.dup2(given, own)
        os.close(given)
    return child


def become(child: socket.socket) -> None:
    """Make this fork what a fresh process is: its folder, variables, streams, module paths, names and chance."""
    with child, child.makefile("r", encoding="utf-8") as lines:
        job: dict[str, Any] = json.loads(lines.readline())
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    time.tzset()
    sys.argv[:] = sys.orig_argv[1:] = job["argv"]
    sys.path[:1] = [os.path.dirname(job["argv"][0]), *filter(None, job["env"].get("PYTHONPATH", "").split(os.pathsep))]
    sys.path_importer_cache.clear()
    _open_streams()
    random.seed()
    sys.modules["numpy"].random.seed()
    if (threads := int(job["env"].get("OMP_NUM_THREADS", os.cpu_count()))) != 1:
        sys.modules["torch"].set_num_threads(threads)
    main = types.ModuleType("__main__")
    main.__file__ = job["argv"][0]
    sys.modules["__main__"] = main


def _open_streams() -> None:
    """As the interpreter opens them; what was known about the descriptors of the warm process holds no more."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, name)
        opened = open(  # noqa: SIM115 until the process ends
            descriptor,
            "w" if descriptor else "r",
            buffering=1 if descriptor == 2 else -1,
            encoding=before.encoding,
            errors=before.errors,
            closefd=False,
        )
        setattr(sys, name, opened)
        setattr(sys, f"__{name}__", opened)


def run() -> None:
    """Do what the console script does, and end as Python does, but for taking apart one by one what torch has made."""
    code: Any = 1
    try:
        from zoo_core.cli import main

        main()
    except SystemExit as error:
        code = error.code
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError:
        code = 120
    if not isinstance(code, int | None):
        os.write(2, f"{code}\n".encode())
        code = 1
    os._exit(code or 0)


if __name__ == "__main__":
    load()
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        # A line says that commands may come, and what the other side has to know.
        names = sorted({name.partition(".")[0] for name in sys.modules})
        start = {"threads": len(os.listdir("/proc/self/task")), "loaded": names}
        listening.sendall(json.dumps(start).encode() + b"\n")
        asked = serve(listening)
    if asked is not None:
        become(asked)
        del asked
        run()
