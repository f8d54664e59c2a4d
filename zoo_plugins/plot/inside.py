"""Pictures of what is inside a run or an export: kernels of a convolution, and what a layer gives for an input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core import Preprocess, TensorSpec, Zoo
from zoo_core.commands import Located

from .activations import draw_activations
from .filters import draw_filters
from .layers import Given, Kernels, Maps, read_input
from .places import title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """A run or an export: what it takes, its kernels, and what its layers give."""

    preprocess: Preprocess | None
    inputs: Mapping[str, TensorSpec]
    kernels: Callable[[], Kernels]
    maps: Callable[[Given], Maps]


def draw_inside(zoo: Zoo, *, source: Located, layer: str | None, read: Path | None) -> Figure:
    """The kernels of a layer; where an input is given to `read`, what the layer makes of it."""
    opened = _export(source, layer) if source.kind == "export" else _run(zoo, source, layer)
    title = title_of(source)
    if read is None:
        return draw_filters(opened.kernels(), preprocess=opened.preprocess, title=title)
    given = read_input(read, preprocess=opened.preprocess, inputs=opened.inputs)
    return draw_activations(opened.maps(given), given, preprocess=opened.preprocess, title=title)


def _export(source: Located, layer: str | None) -> _Opened:
    from zoo_core.runtime import open_model

    from .file_layers import file_kernels, file_maps

    model = open_model(source.path or Path(source.name))
    return _Opened(
        preprocess=model.preprocess,
        inputs=model.metadata.inputs,
        kernels=partial(file_kernels, model, name=source.name, layer=layer),
        maps=lambda given: file_maps(model, name=source.name, layer=layer, given=given),
    )


def _run(zoo: Zoo, source: Located, layer: str | None) -> _Opened:
    from zoo_core.training import load_run, need_torch

    need_torch("the weights of a run")
    from .run_layers import run_kernels, run_maps

    run = load_run(source.path or Path(source.name))
    bound = run.dataset(zoo)
    return _Opened(
        preprocess=bound.preprocess,
        inputs=bound.inputs,
        kernels=partial(run_kernels, run, zoo, layer=layer),
        maps=lambda given: run_maps(run, zoo, layer=layer, given=given),
    )
