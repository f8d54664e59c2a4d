"""A model's module from its spec and options, with the builder's refusals put in words."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .distributions import is_installed
from .errors import Terminated, UsageError, ZooError, missing_package
from .options import Option, check_options, typed_value
from .plugin_faults import code_of, plugin_fault, plugin_line, who_mends

if TYPE_CHECKING:
    from .specs import ModelSpec


def builder_options(
    spec: ModelSpec, given: Mapping[str, Any], *, warn: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Every option of the builder: the given ones checked, the others at their defaults; required ones may miss."""
    where = f"model {spec.name}"
    checked = check_options(given, spec.options, where=where, renamed=spec.renamed, warn=warn)
    return {
        option.name: checked.get(option.name, option.default)
        for option in spec.options
        if option.name in checked or not option.required
    }


def missing_options(spec: ModelSpec, options: Mapping[str, Any]) -> tuple[Option, ...]:
    """The required options that have no value yet."""
    return tuple(option for option in spec.options if option.required and option.name not in options)


def check_complete(spec: ModelSpec, options: Mapping[str, Any]) -> None:
    """Raises UsageError when a required option has no value."""
    if missing := missing_options(spec, options):
        names = ", ".join(option.name for option in missing)
        raise UsageError(f"model {spec.name} needs {names}", hint=f"-o {missing[0].name}={missing[0].type_text}")


def build_model(
    spec: ModelSpec, given: Mapping[str, Any], *, plugin: str, warn: Callable[[str], None] | None = None
) -> Any:
    """The `nn.Module`. Raises UsageError for wrong options, ZooError when the builder refuses them or fails."""
    options = builder_options(spec, given, warn=warn)
    check_complete(spec, options)
    shown = ", ".join(f"{name}={typed_value(value)}" for name, value in options.items())
    where = f"model {spec.name} with {shown}" if shown else f"model {spec.name}"
    with _torch_unchanged(where, plugin):
        module = _built(spec, options, where, plugin)
    _check_sizes(spec, options, where)
    _check_module(module, where, who_mends(plugin, code=code_of(spec.build)))
    return module


def _built(spec: ModelSpec, options: Mapping[str, Any], where: str, plugin: str) -> Any:
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return spec.build(**options)
    except ZooError as error:
        raise ZooError(f"{where}: {error.message}", hint=error.hint) from error
    except ValueError as error:
        raise ZooError(
            f"{where}: {error}", hint="other values with -o NAME=VALUE; where the data give the sizes, with -d size=N"
        ) from error
    except (KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:
        name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
        # One that is there and has no such module is not to be installed: it may be the plugin itself.
        if name and not is_installed(name):
            raise missing_package(name, needed_for=f"{where}: its builder") from error
        _check_sizes(spec, options, where)
        fails = f"{where}: its builder fails"
        raise plugin_fault(fails, error, plugin=plugin, place=plugin_line(error)) from error


def _check_sizes(spec: ModelSpec, options: Mapping[str, Any], where: str) -> None:
    """Raises ZooError for an axis without a place: PyTorch builds layers of no channels, and nobody means them."""
    for name in spec.axis_options:
        if isinstance(size := options.get(name), int) and size < 1:
            raise ZooError(
                f"{where}: {name} is the size of an axis, which is at least 1, not {size}", hint=f"-o {name}=1 or more"
            )


@contextlib.contextmanager
def _torch_unchanged(where: str, plugin: str) -> Iterator[None]:
    """Raises ZooError when a builder leaves another default behind, with which every later model would be made."""
    before = _torch_defaults()
    yield
    after = _torch_defaults()
    if after == before:
        return
    torch = sys.modules["torch"]
    torch.set_default_dtype(getattr(torch, before["dtype"]))
    torch.set_default_device(None if before["device"] == "cpu" else before["device"])
    name = next(name for name, value in after.items() if before[name] != value)
    raise ZooError(
        f"{where}: its builder changes torch's default {name} to {after[name]} for the whole process",
        hint=f"{who_mends(plugin)}: pass dtype= and device= to what is built, or use a context manager",
    )


def _torch_defaults() -> dict[str, str]:
    """What a builder finds, or leaves behind; torch is not imported for it, a builder does that."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {"dtype": "float32", "device": "cpu"}
    dtype = str(torch.get_default_dtype()).removeprefix("torch.")
    return {"dtype": dtype, "device": str(torch.get_default_device())}


def _check_module(module: Any, where: str, hint: str) -> None:
    if isinstance(module, type):
        raise ZooError(
            f"{where}: its builder returns the class {module.__name__}, not an nn.Module made of it", hint=hint
        )
    if not (hasattr(module, "forward") and hasattr(module, "parameters") and hasattr(module, "state_dict")):
        raise ZooError(f"{where}: its builder returns a {type(module).__name__}, not an nn.Module", hint=hint)
    if not hasattr(module, "_parameters"):
        raise ZooError(f"{where}: {type(module).__name__}.__init__ does not call super().__init__()", hint=hint)
    lazy = [name for name, each in module.named_parameters() if type(each).__name__ == "UninitializedParameter"]
    if lazy:
        raise ZooError(
            f"{where}: its builder returns lazy layers, which have no size yet: {', '.join(lazy[:3])}",
            hint="give them their sizes (nn.Linear in place of nn.LazyLinear), or call the module once in the builder",
        )
