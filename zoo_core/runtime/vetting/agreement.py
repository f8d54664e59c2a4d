"""What the file says about itself must be what its graph is."""

from __future__ import annotations

from collections.abc import Mapping

from zoo_core.records import counted
from zoo_core.runtime.reading.graph import Value
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.runtime.reading.wire import OnnxFile, refused
from zoo_core.shapes import TensorSpec
from zoo_core.task_lookup import bundled_task


def check_agreement(file: OnnxFile, metadata: Metadata) -> None:
    """Names, dtypes, shapes and labels in the metadata are those of the graph, or RefusedFileError."""
    _check_tensors(file, "inputs", file.inputs, metadata.inputs)
    _check_tensors(file, "outputs", file.outputs, metadata.outputs)
    _check_labels(file, metadata)


def _check_tensors(file: OnnxFile, what: str, values: tuple[Value, ...], specs: Mapping[str, TensorSpec]) -> None:
    names = [value.name for value in values]
    if names != list(specs):
        detail = f"its metadata name the {what} {', '.join(specs)}, its graph {', '.join(names)}"
        raise refused(file.path, "metadata", detail)
    for value in values:
        spec = specs[value.name]
        if value.dtype != spec.dtype:
            detail = f"its metadata call {value.name!r} {spec.dtype}, its graph {value.dtype or value.kind}"
            raise refused(file.path, "metadata", detail)
        if value.dims is not None and not _same_shape(value.dims, spec):
            shown = ", ".join(map(str, value.dims))
            raise refused(
                file.path,
                "metadata",
                f"its metadata give {value.name!r} the shape {spec}, its graph ({shown})",
            )


def _same_shape(dims: tuple[int | str | None, ...], spec: TensorSpec) -> bool:
    """Ranks are equal, and so are sizes that both fix."""
    if len(dims) != len(spec.axes):
        return False
    return all(
        not isinstance(dim, int) or axis.size in {None, dim} for dim, axis in zip(dims, spec.parsed, strict=True)
    )


def _check_labels(file: OnnxFile, metadata: Metadata) -> None:
    task = bundled_task(metadata.task)
    if task is None or task.targets != "classes" or task.compared or not metadata.labels:
        return
    dims = {value.name: value.dims for value in file.outputs}
    for name, spec in metadata.outputs.items():
        size = spec.parsed[1].size if len(spec.axes) == 2 else None
        declared = dims[name]
        if declared is not None and len(declared) == 2 and isinstance(declared[1], int):
            size = declared[1]
        count = len(metadata.labels)
        # One logit stands for two classes.
        if size is not None and size != count and (size, count) != (1, 2):
            detail = f"it has {counted(count, 'label')} for the {counted(size, 'class')} of its output {name!r}"
            raise refused(file.path, "metadata", detail)
