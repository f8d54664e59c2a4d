"""A model's module from its spec and options, with the builder's refusals put in words."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .errors import UsageError, ZooError, missing_package
from .options import Option, check_options

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
    shown = ", ".join(f"{name}={value}" for name, value in options.items())
    where = f"model {spec.name} with {shown}" if shown else f"model {spec.name}"
    try:
        with contextlib.redirect_stdout(sys.stderr):
            module = spec.build(**options)
    except ZooError as error:
        raise ZooError(f"{where}: {error.message}", hint=error.hint) from error
    except ValueError as error:
        raise ZooError(
            f"{where}: {error}", hint="other values with -o NAME=VALUE; where the data give the sizes, with -d size=N"
        ) from error
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        raise missing_package(name, needed_for=f"{where}: its builder") from error
    except Exception as error:
        raise ZooError(
            f"{where}: its builder fails: {type(error).__name__}: {error}",
            hint=f"plugin {plugin} must fix it; ZOO_DEBUG=1 shows the traceback",
        ) from error
    _check_module(module, where)
    return module


def _check_module(module: Any, where: str) -> None:
    if not (hasattr(module, "forward") and hasattr(module, "parameters") and hasattr(module, "state_dict")):
        raise ZooError(f"{where}: its builder returns a {type(module).__name__}, not an nn.Module")
    lazy = [name for name, each in module.named_parameters() if type(each).__name__ == "UninitializedParameter"]
    if lazy:
        raise ZooError(
            f"{where}: its builder returns lazy layers, which have no size yet: {', '.join(lazy[:3])}",
            hint="give them their sizes (nn.Linear in place of nn.LazyLinear), or call the module once in the builder",
        )
