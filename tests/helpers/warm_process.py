"""A process that has loaded libraries and forks for each command, for tests that start the program very often.

`warm.py` starts it with a socket as its first argument, and its kind: `heavy`, with PyTorch, or `light`. A byte `+`
there with four descriptors is one command: stdin, stdout and stderr of its process, and a socket of its own, on which
comes what to run, as a line of JSON, and goes its number, then how it ended. To close that socket ends the process and
what is in its group. A fifth one is the line of the command's process to the light process. A byte `l` with one
descriptor is a further line of this sort, from somebody else.

It has loaded modules that are no business of ours, has run no operator and has no second thread: that is what makes
a fork as good as a fresh process. No module of the zoo is in its table, so one that misses an import is found out;
nor is onnxruntime, which starts a thread when it is imported, and is imported quickly.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import random
import runpy
import select
import signal
import socket
import sys
import threading
import time
import types
import warnings
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import warm

DESCRIPTORS = 4
AND_LIGHT = 5
OPSET = 20
OPERATOR_TABLE = Path(__file__).parents[2] / "zoo_core" / "export" / "convert" / "operator_table.py"
LIGHT = (
    "numpy.random",
    "numpy.ma",
    "importlib.metadata",
    "inspect",
    "json",
    "logging",
    "zipfile",
    "difflib",
    "csv",
    "subprocess",
    "concurrent.futures",
    "concurrent.futures.thread",
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
)
LOADED = {
    "light": LIGHT,
    "heavy": (
        *LIGHT,
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
        "matplotlib.figure",
        "matplotlib.backends.backend_agg",
    ),
}


def load(kind: str) -> None:
    """Import what the commands would import; a module that is not there is the commands' own business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LOADED[kind]:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        if kind == "heavy":
            with contextlib.suppress(ImportError, AttributeError):
                _tables.enter_context(_operator_tables())
    # What is there now is never collected, so that a fork does not copy all pages to look at it.
    gc.collect()
    gc.freeze()
    # Nor is it taken apart one by one when a fork ends: PyTorch would do so with each of its two hundred libraries.
    for finalizer in weakref.finalize._registry:
        finalizer.atexit = False


_tables = contextlib.ExitStack()
"""Never left: what it holds is for all forks."""


@contextlib.contextmanager
def _operator_tables() -> Iterator[None]:
    """PyTorch's exporter works out at each conversion what operators become: here once, as the zoo itself keeps it.

    Its module needs no other of the zoo, and is loaded by its path.
    """
    spec = importlib.util.spec_from_file_location("operator_table", OPERATOR_TABLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["torch._export.utils"]._collect_all_valid_cia_ops()
    with module.operator_table_kept():
        sys.modules["torch.onnx._internal.exporter._registration"].ONNXRegistry.from_torchlib(opset_version=OPSET)
        yield


class Fork(NamedTuple):
    """What a fork has to begin with: where its job comes, a line to its kind, and one to the light process."""

    job: socket.socket
    line: socket.socket
    light: socket.socket | None


class Server:
    """Forks a process for each command that comes, and tells whoever has asked how it ended.

    A fork has a line of its own for the processes that it starts in its turn.
    """

    def __init__(self, control: socket.socket) -> None:
        self._first = control
        self._asking = {control.fileno(): control}
        self._running: dict[int, tuple[int, socket.socket]] = {}  # by the descriptor that tells of the end
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> Fork | None:
        """Fork until nobody can ask. Returns in each fork, and at the end with None."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._running:
                    self._end(descriptor)
                elif descriptor in self._asking:
                    given, descriptors, _, _ = socket.recv_fds(self._asking[descriptor], 1, AND_LIGHT)
                    if given == b"+":
                        if (own := self._fork(descriptors)) is not None:
                            return own
                    elif given == b"l":
                        self._listen_to(socket.socket(fileno=descriptors[0]))
                    elif self._hung_up(descriptor):
                        return None
                else:
                    self._forgotten(descriptor)

    def _listen_to(self, line: socket.socket) -> None:
        self._asking[line.fileno()] = line
        self._poll.register(line, select.POLLIN)

    def _fork(self, descriptors: list[int]) -> Fork | None:
        light = socket.socket(fileno=descriptors.pop()) if len(descriptors) == AND_LIGHT else None
        job = socket.socket(fileno=descriptors.pop())
        line, theirs = socket.socketpair()
        if (number := os.fork()) == 0:
            os.setpgid(0, 0)
            for own, given in enumerate(descriptors):
                os.dup2(given, own)
            for each in (line, *self._asking.values(), *(waiting for _, waiting in self._running.values())):
                each.close()
            for each in (*descriptors, *self._running):
                os.close(each)
            return Fork(job, theirs, light)
        for each in descriptors:
            os.close(each)
        for each in filter(None, (theirs, light)):
            each.close()
        ended = os.pidfd_open(number)
        self._running[ended] = (number, job)
        self._listen_to(line)
        for each, events in ((ended, select.POLLIN), (job, select.POLLHUP)):
            self._poll.register(each, events)
        _tell(job, {"pid": number})
        return None

    def _end(self, ended: int) -> None:
        number, job = self._running.pop(ended)
        self._poll.unregister(ended)
        with contextlib.suppress(KeyError):
            self._poll.unregister(job)
        os.close(ended)
        _, status = os.waitpid(number, 0)
        _tell(job, {"code": os.waitstatus_to_exitcode(status)})
        job.close()

    def _hung_up(self, descriptor: int) -> bool:
        """Forget the line; whether it was the first one, and all is over."""
        self._poll.unregister(descriptor)
        line = self._asking.pop(descriptor)
        if line is self._first:
            for number, _ in self._running.values():
                _end_group(number)
        line.close()
        return line is self._first

    def _forgotten(self, descriptor: int) -> None:
        """End what was started by somebody who is gone."""
        self._poll.unregister(descriptor)
        for number, job in self._running.values():
            if job.fileno() == descriptor:
                _end_group(number)


def _tell(child: socket.socket, message: dict[str, int]) -> None:
    with contextlib.suppress(OSError):
        child.sendall(json.dumps(message).encode() + b"\n")


def _end_group(number: int) -> None:
    for end in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            end(number, signal.SIGKILL)


def become(job: dict[str, Any]) -> None:
    """Make this fork what a fresh process is: its folder, variables, streams, module paths, names and chance."""
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    time.tzset()
    sys.argv[:] = sys.orig_argv[1:] = job["argv"]
    own_folder = [] if job["module"] else [os.path.dirname(job["argv"][0])]
    sys.path[:1] = [*own_folder, *filter(None, job["env"].get("PYTHONPATH", "").split(os.pathsep))]
    sys.path_importer_cache.clear()
    _open_streams()
    random.seed()
    sys.modules["numpy"].random.seed()
    if "torch" in sys.modules and (threads := int(job["env"].get("OMP_NUM_THREADS", os.cpu_count()))) != 1:
        sys.modules["torch"].set_num_threads(threads)
    if job["env"].get("PYTHONWARNINGS") == "ignore":
        warnings.simplefilter("ignore")
    main = types.ModuleType("__main__")
    if job["code"] is None:
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


def run(code: str | None, module: str | None) -> None:
    """Do what the console script does, or the code or the module, and end as Python does.

    But for taking apart one by one what torch has made, which is slow, and which the cold starts show to be sound.
    """
    status: Any = 1
    try:
        if code is not None:
            exec(code, sys.modules["__main__"].__dict__)
            status = None
        elif module is not None:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            status = None
        else:
            from zoo_core.cli import main

            main()
    except SystemExit as error:
        status = error.code
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError:
        status = 120
    if not isinstance(status, int | None):
        os.write(2, f"{status}\n".encode())
        status = 1
    os._exit(status or 0)


def _serve_and_run(descriptor: str, kind: Literal["heavy", "light"]) -> None:
    environment = dict(os.environ)  # packages add to it when they are imported
    load(kind)
    first = socket.socket(fileno=int(descriptor))
    # A line says that commands may come, and what the other side has to know.
    start = {
        "threads": len(os.listdir("/proc/self/task")),
        "loaded": sorted({name.partition(".")[0] for name in sys.modules}),
        "environment": environment,
        "limits": warm.own_limits(),
    }
    first.sendall(json.dumps(start).encode() + b"\n")
    own = Server(first).serve()
    if own is None:
        return
    with own.job, own.job.makefile("r", encoding="utf-8") as lines:
        job = json.loads(lines.readline())
    become(job)
    lines_of = {"light": warm.Warm(own.light, job["light"])} if own.light is not None else {}
    warm.use({**lines_of, kind: warm.Warm(own.line, start)})
    warm.start_children_warm()
    run(job["code"], job["module"])


if __name__ == "__main__":
    _serve_and_run(*sys.argv[1:])
