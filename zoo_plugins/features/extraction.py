"""What a layer of a model gives for the samples of a dataset, written to a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import Model, UsageError, Zoo, ZooError, bound_tensors, builder_options, match_options
from zoo_core.commands import Located, counted, locate, warn
from zoo_core.data import BoundDataset, Samples
from zoo_core.training import need_torch
from zoo_core.workflows.answers import bind_prepared, choose_split, compare_part, require_data
from zoo_core.workflows.exports import choose_weights, published_weights, recipe_for, refuse_for_run

from .feature_file import check_target, write_features_file

if TYPE_CHECKING:
    from torch import nn

DEFAULT_SPLIT = "train"


@dataclass(frozen=True, kw_only=True)
class Features:
    """What was written: the file, the shape of the features, and of which layer, dataset and split they are.

    `untrained`: the weights were fresh. `labelled`: the file tells the class of each sample, so that a classifier can
    learn from it.
    """

    file: Path
    shape: tuple[int, ...]
    layer: str
    dataset: str
    split: str
    untrained: bool
    labelled: bool

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: `{file, shape}`."""
        return {"file": str(self.file), "shape": list(self.shape)}


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A module in evaluation mode, what messages call it and its inputs, and the dataset as it needs it.

    `trained_on`: fingerprints of the parts of this dataset, where it was trained on them.
    """

    shown: str
    module: nn.Module = field(repr=False)
    inputs: tuple[str, ...]
    dataset: BoundDataset = field(repr=False)
    untrained: bool = False
    trained_on: Mapping[str, str] = field(default_factory=dict)


def write_features(
    zoo: Zoo,
    *,
    source: str,
    layer: str | None,
    out: str | Path,
    dataset: str | None = None,
    data: Mapping[str, Any] | None = None,
    split: str | None = None,
    weights: str | None = None,
    options: Mapping[str, Any] | None = None,
    pool: bool = False,
    download: bool = False,
) -> Features:
    """Write what a layer of MODEL|RUN gives for a split (default: train), one row for each sample, in its order.

    `layer`: the path of a part of the module that runs once and gives one tensor. `dataset`: of a RUN, its own unless
    another is named. Pictures are prepared by the recipe of the run, the weights or the model, and by the dataset's own
    where these have none. `pool`: maps are averaged over all places. `out`: see `write_features_file`.
    Raises UsageError for anything mistyped, ZooError for the rest.
    """
    need_torch("zoo features")
    target = Path(out)
    check_target(target)
    found = locate(source, kinds=("run", "model"), zoo=zoo)
    if found.kind == "run":
        refuse_for_run(source, weights=weights, options=options or {})
        opened = _open_run(zoo, found, dataset, data or {})
    else:
        opened = _open_model(zoo, found.name, dataset, data or {}, weights=weights, given=options or {})
    return _write(opened, target, layer, split=split, pool=pool, download=download)


def _write(
    opened: _Source, target: Path, layer: str | None, *, split: str | None, pool: bool, download: bool
) -> Features:
    from zoo_core.export import require_layer

    layer = require_layer(opened.module, layer, model=opened.shown)
    chosen = choose_split(opened.dataset, split or DEFAULT_SPLIT)
    samples = opened.dataset.load(chosen, download=download)
    compared = compare_part(
        opened.dataset,
        samples,
        chosen,
        recorded=opened.trained_on,
        shown=opened.shown,
        asked=True,
        download=download,
    )
    if compared.remark:
        warn(compared.remark)
    rows = _rows(opened, samples.for_model(opened.inputs), layer, pool=pool)
    shape = write_features_file(target, rows, count=len(samples), targets=samples.targets, classes=samples.classes)
    return Features(
        file=target,
        shape=shape,
        layer=layer,
        dataset=opened.dataset.name,
        split=chosen,
        untrained=opened.untrained,
        labelled=target.suffix == ".npz" and samples.form == "classes",
    )


def _open_run(zoo: Zoo, found: Located, dataset: str | None, data: Mapping[str, Any]) -> _Source:
    from zoo_core.training import load_run

    run = load_run(found.path or found.name)
    own = run.dataset(zoo)
    chosen = zoo.dataset(dataset.removeprefix("dataset:") if dataset else f"{own.plugin}/{own.name}")
    same = (chosen.plugin, chosen.name) == (own.plugin, own.name)
    known: dict[str, Any] = {"recorded": own.options, "left_out": own.left_out} if same else {}
    # Without a recipe the data themselves would be asked, which may lie elsewhere by now.
    inputs = own.inputs if own.preprocess is not None or run.recipes else {}
    bound = bind_prepared(chosen, data, recipe=own.preprocess, inputs=inputs, recipes=run.recipes, **known)
    require_data(bound, shown=f"run {run.name!r}", again="the same command with -d root=DIR")
    trained_on = run.info.fingerprints if same else {}
    names = tuple(run.model(zoo).spec.inputs)
    return _Source(shown=f"run {run.name!r}", module=run.build(zoo), inputs=names, dataset=bound, trained_on=trained_on)


def _open_model(
    zoo: Zoo,
    name: str,
    dataset: str | None,
    data: Mapping[str, Any],
    *,
    weights: str | None,
    given: Mapping[str, Any],
) -> _Source:
    from zoo_core.training import load_strictly

    model = zoo.model(name)
    if dataset is None:
        raise UsageError(f"features of model {name} need a dataset", hint="--dataset D, see zoo list datasets")
    options = builder_options(model.spec, given)
    inputs = bound_tensors(model, options)[0]
    recipe = recipe_for(model, published_weights(model, weights), inputs)
    bound = bind_prepared(zoo.dataset(dataset.removeprefix("dataset:")), data, recipe=recipe, inputs=inputs)
    chosen = choose_weights(model, _sized(model, given, bound), weights)
    load_strictly(chosen.module, dict(chosen.checkpoint), source=str(weights or name))
    return _Source(
        shown=f"model {name}",
        module=chosen.module.eval(),
        inputs=tuple(inputs),
        dataset=bound,
        untrained=chosen.untrained,
    )


def _sized(model: Model, given: Mapping[str, Any], bound: BoundDataset) -> dict[str, Any]:
    # The classes are those of the weights: what the dataset's are is up to whoever trains on the features.
    return match_options(model, given, dataset=bound.name, inputs=bound.inputs, num_classes=None)


def _rows(source: _Source, samples: Samples, layer: str, *, pool: bool) -> Iterator[NDArray[np.float32]]:
    """The features, batch by batch."""
    import torch

    from zoo_core.export import layer_output, plain_attention
    from zoo_core.training import evaluation_batch

    step = evaluation_batch(samples)
    for start in range(0, len(samples), step):
        batch = samples.arrays(slice(start, start + step))
        inputs = [torch.from_numpy(np.ascontiguousarray(values)) for values in batch.values()]
        try:
            with torch.inference_mode(), plain_attention():
                found = layer_output(source.module, inputs, layer=layer)
        except (RuntimeError, TypeError, ValueError) as error:
            shape = ", ".join(str(values.shape) for values in batch.values())
            raise ZooError(
                f"{source.shown} fails on samples of {source.dataset.name} of the shape {shape}: {error}",
                hint="another size with -d size=N, or another dataset",
            ) from error
        yield _checked(found.numpy(), layer, rows=len(inputs[0]), start=start, pool=pool)


def _checked(features: NDArray[Any], layer: str, *, rows: int, start: int, pool: bool) -> NDArray[np.float32]:
    if features.dtype != np.float32 or not features.ndim or len(features) != rows:
        raise UsageError(
            f"the layer {layer!r} gives {features.dtype} numbers of the shape {features.shape} "
            f"for {counted(rows, 'sample')}",
            hint="choose a layer that gives float32 numbers, a row for each sample",
        )
    if pool:
        if features.ndim < 4:
            raise UsageError(
                f"--pool is for maps (N, C, H, W), but the layer {layer!r} gives the shape {features.shape}",
                hint="leave out --pool",
            )
        features = features.mean(axis=tuple(range(2, features.ndim)), dtype=np.float64).astype(np.float32)
    finite = np.isfinite(features.reshape(rows, -1)).all(axis=1)
    if not finite.all():
        raise ZooError(
            f"the features of sample {start + int(np.argmin(finite))} are not finite",
            hint="check the weights and the samples",
        )
    return features
