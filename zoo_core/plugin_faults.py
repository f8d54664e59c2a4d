"""Whose fault an exception is: what comes out of a plugin's code is the plugin's, whatever its class."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from .errors import NotVerifiedError, Terminated, ZooError, in_words
from .installation import editable_folder

if TYPE_CHECKING:
    from .registry import Model

NOT_A_PLUGINS = {
    "click",
    "ml_dtypes",
    "numpy",
    "onnx",
    "onnx_ir",
    "onnxruntime",
    "onnxscript",
    "rich",
    "safetensors",
    "sympy",
    "torch",
    "zoo_core",
    *sys.stdlib_module_names,
}
"""What the zoo itself calls; any other code runs only because a plugin has brought it."""

_FRAME = re.compile(r'File "([^"]+)", line (\d+) in ')


@contextlib.contextmanager
def blamed_on(model: Model) -> Iterator[None]:
    """Raises ZooError, with model, plugin and line, in place of an exception that has come out of the plugin's code.

    The zoo's own errors and Ctrl-C pass as they are, and so does what no line of a plugin was on the way of.
    """
    try:
        yield
    except (ZooError, KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:
        place = plugin_line(error)
        if not place and isinstance(error, Exception):
            raise
        raise plugin_fault(_shown(model), error, plugin=model.plugin, place=place) from error


@contextlib.contextmanager
def naming(model: Model) -> Iterator[None]:
    """What is said of a model that cannot be exported says of which model, and of which plugin."""
    try:
        yield
    except ZooError as error:
        raise NotVerifiedError(f"{_shown(model)}: {error.message}", hint=error.hint) from error


def _shown(model: Model) -> str:
    return f"model {model.name} of plugin {model.plugin}"


class PluginFaultError(ZooError):
    """Something that the code of a plugin did wrongly: no other data and no other option helps."""


class ModelFaultError(ZooError):
    """What a model or its own loss gives is not what it is to give. `code`: that of what gave it, where it is known."""

    def __init__(self, message: str, *, hint: str | None = None, code: CodeType | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


def faulty_model(error: ModelFaultError, model: Model) -> ZooError:
    """The same error, which names the plugin of the model, and the line that is to be mended."""
    raised = error.__cause__
    if raised is not None and plugin_line(raised):
        mend, message = who_mends(model.plugin, raised), f"{error.message} (plugin {model.plugin})"
    else:
        code = error.code or code_of(model.spec.build)
        mend, message = who_mends(model.plugin, code=code), given_by(error.message, plugin=model.plugin, code=code)
    return PluginFaultError(message, hint="; ".join(filter(None, (error.hint, mend))))


def plugin_fault(where: str, error: BaseException, *, plugin: str, place: str = "") -> ZooError:
    """The error for something that the code of `plugin` has raised; `where` says what it was asked for."""
    at = f", at {place}" if place else ""
    hint = f"{who_mends(plugin, error)}; ZOO_DEBUG=1 shows the traceback"
    return PluginFaultError(f"{where}: {in_words(error)}{at}", hint=hint)


def wrong_result(where: str, what: str, *, plugin: str, code: CodeType | None = None) -> ZooError:
    """The error for something that `code` of a plugin has given, and should not have."""
    at = "" if code is None else f", by {_shortened(Path(code.co_filename))}:{code.co_firstlineno}"
    return PluginFaultError(f"{where}: {what}{at}", hint=who_mends(plugin, code=code))


def code_of(function: Any) -> CodeType | None:
    """Where what a plugin has given to be called begins, whatever it is wrapped in; None where no code can be seen."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    if not hasattr(function, "__code__") and not isinstance(function, type):
        function = type(function).__call__  # an object that can be called
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None


def given_by(what: str, *, plugin: str, code: CodeType | None) -> str:
    """`what` the code of a plugin has given, and by which line, in words."""
    at = "" if code is None else f", {_shortened(Path(code.co_filename))}:{code.co_firstlineno}"
    return f"{what}, given by plugin {plugin}{at}"


def who_mends(plugin: str, error: BaseException | None = None, *, code: CodeType | None = None) -> str:
    """What to do about a fault of a plugin, by its id: "plugin ... must fix it"; where it is installed from a folder in
    which it can be edited, "edit FILE:LINE" for the line that the exception has come through, else where `code` begins.
    """
    folder = editable_folder(plugin.partition(":")[0])
    if folder is None:
        return f"plugin {plugin} must fix it"
    own = folder.resolve()
    files = [
        f"{file}:{number}"
        for frame, number in traceback.walk_tb(error.__traceback__ if error is not None else None)
        if is_plugins(frame) and own in (file := Path(frame.f_code.co_filename).resolve()).parents
    ]
    if code is not None and not files and own in (file := Path(code.co_filename).resolve()).parents:
        files.append(f"{file}:{code.co_firstlineno}")
    return f"edit {files[-1] if files else folder}"


def plugin_line(error: BaseException) -> str:
    """The innermost line of a plugin that an exception has come through, "package/net.py:31"; empty for none."""
    lines = [line_of(frame, number) for frame, number in traceback.walk_tb(error.__traceback__) if is_plugins(frame)]
    return lines[-1] if lines else ""


def plugin_module(error: BaseException) -> str:
    """The module of that line; empty for none."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if is_plugins(frame)]
    return str(frames[-1].f_globals.get("__name__", "")) if frames else ""


def crash_line(report: str) -> str:
    """As `plugin_line`, from what `faulthandler` writes of a crash."""
    for file, number in _FRAME.findall(report):
        own = _shortened(Path(file))
        if own.parts[0].removesuffix(".py") not in NOT_A_PLUGINS:
            return f"{own.as_posix()}:{number}"
    return ""


def _shortened(path: Path) -> Path:
    """The path of a file of code from its package on."""
    folders = {each for folder in filter(None, sys.path) for each in (Path(folder), Path(folder).resolve())}
    return path.relative_to(next((each for each in path.parents if each in folders), path.parent.parent))


def is_plugins(frame: FrameType) -> bool:
    """Whether a frame runs code that is there only because a plugin has brought it."""
    module = str(frame.f_globals.get("__name__", ""))
    return not frame.f_code.co_filename.startswith("<") and module.partition(".")[0] not in NOT_A_PLUGINS


def is_plugins_code(function: Any) -> bool:
    """Whether a function is there only because a plugin has brought it."""
    return str(getattr(function, "__module__", "")).partition(".")[0] not in {*NOT_A_PLUGINS, ""}


def line_of(frame: FrameType, number: int) -> str:
    """A line of code, named from its package on: never an absolute path."""
    module, file = str(frame.f_globals.get("__name__", "")), Path(frame.f_code.co_filename)
    folders = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    return "/".join((*folders, f"{file.name}:{number}"))
