"""A clean model: no path, no trace of a machine, the module of each node, denotations, and our metadata."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import onnx

from zoo_core.errors import NotVerifiedError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.runtime.reading.metadata import KEY as METADATA_KEY
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.shapes import TensorSpec
from zoo_core.verification.feed.rows import BATCH
from zoo_core.version import __version__

from .centred import centre_instances
from .masked_attention import let_nothing_through
from .module import ORIGINAL
from .small_values import keep_small_values
from .split_means import split_means

PRODUCER = "zoo-core"
SCOPES = "pkg.torch.onnx.name_scopes"
CLASSES = "pkg.torch.onnx.class_hierarchy"
MODULE_KEY = "module"
CLASS_KEY = "module_class"
ROOTS = ("", "_empty_nn_module_stack_from_metadata_hook")

IMAGE_DENOTATIONS = {
    "NCHW": ("DATA_BATCH", "DATA_CHANNEL", "DATA_FEATURE", "DATA_FEATURE"),
    "NHWC": ("DATA_BATCH", "DATA_FEATURE", "DATA_FEATURE", "DATA_CHANNEL"),
}


def clean(model: onnx.ModelProto, plan: ExportPlan) -> None:
    """Strip and stabilise `model` in place: what is left depends on the checkpoint and the plan only."""
    model.producer_name = PRODUCER
    model.producer_version = __version__
    model.doc_string = plan.model.spec.summary
    model.graph.name = plan.model.name
    model.graph.doc_string = ""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    keep_small_values(model, opset=plan.opset)
    let_nothing_through(model, opset=plan.opset)
    centre_instances(model, opset=plan.opset)
    split_means(model, opset=plan.opset)
    _keep_declared_outputs(model, plan)
    for nodes in _all_nodes(model):
        _keep_module_paths(nodes)
    doubtful = _name_axes(model, {**plan.inputs, **plan.outputs})
    if plan.model.spec.stages is None:  # whose cuts are inner values that have to have a type
        _leave_out_derived_shapes(model, plan.inputs, all_of_them=doubtful)
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        value.doc_string = ""
        del value.metadata_props[:]
    _denote(model, plan)


def _keep_declared_outputs(model: onnx.ModelProto, plan: ExportPlan) -> None:
    """The cuts of a model in stages become inner values again."""
    outputs = list(model.graph.output)
    del model.graph.output[:]
    model.graph.output.extend(value for value in outputs if value.name in plan.outputs)
    cuts = {value.name: value for value in outputs if value.name not in plan.outputs}
    known = [value for value in model.graph.value_info if value.name not in cuts]
    del model.graph.value_info[:]
    model.graph.value_info.extend([*known, *cuts.values()])


def _all_nodes(model: onnx.ModelProto) -> Iterator[Iterable[onnx.NodeProto]]:
    """The nodes of the graph, of every graph inside its nodes, and of the functions."""
    for function in model.functions:
        function.doc_string = ""
        del function.metadata_props[:]
    waiting: list[Any] = [model.graph, *model.functions]
    while waiting:
        graph = waiting.pop()
        yield graph.node
        for node in graph.node:
            for attribute in node.attribute:
                inner = [attribute.g, *attribute.graphs] if attribute.HasField("g") else list(attribute.graphs)
                for each in inner:
                    each.doc_string = ""
                    del each.metadata_props[:]
                    for value in (*each.value_info, *each.input, *each.output, *each.initializer):
                        value.doc_string = ""
                        del value.metadata_props[:]
                waiting += inner


def _keep_module_paths(nodes: Iterable[onnx.NodeProto]) -> None:
    for node in nodes:
        path, kind = module_of(node)
        node.doc_string = ""
        del node.metadata_props[:]
        for key, value in ((MODULE_KEY, path), (CLASS_KEY, kind)):
            if value:
                node.metadata_props.add(key=key, value=value)


def module_of(node: onnx.NodeProto) -> tuple[str, str]:
    """The path of the module that a node came from ("features.0") and its class; empty where it is unknown."""
    props = {prop.key: prop.value for prop in node.metadata_props}
    if MODULE_KEY in props:
        return props[MODULE_KEY], props.get(CLASS_KEY, "")
    scopes, classes = _literal(props.get(SCOPES)), _literal(props.get(CLASSES))
    # The last scope is the operation itself, the one before it the module that calls it.
    path = scopes[-2] if len(scopes) > 1 else ""
    if path == ORIGINAL or path.startswith(f"{ORIGINAL}."):
        path = path.removeprefix(ORIGINAL).removeprefix(".")
    if path in ROOTS:
        return "", ""
    return path, classes[-2] if len(classes) == len(scopes) else ""


def _name_axes(model: onnx.ModelProto, specs: Mapping[str, TensorSpec]) -> bool:
    """Free axes as they are declared ("8*H").

    A size of an output that the exporter took for a constant is free again where it is declared so: whether it is, the
    runs at other sizes tell. True where what is said of inner values is doubtful: then, and where an input takes
    multiples only, because the symbols of inner shapes mean the whole size, and the declared one a part of it.
    """
    inputs = {value.name for value in model.graph.input}
    doubtful = any(
        axis.factor != 1 or axis.offset for name in inputs & set(specs) for axis in specs[name].parsed if axis.name
    )
    for value in (*model.graph.input, *model.graph.output):
        spec = specs.get(value.name)
        dims = value.type.tensor_type.shape.dim
        if spec is None or len(dims) != len(spec.axes):
            continue
        for dim, axis in zip(dims, spec.axes, strict=True):
            told = dim.HasField("dim_value")
            if isinstance(axis, str) and told and axis != BATCH and value.name not in inputs:
                doubtful = True
                dim.dim_param = axis
            elif isinstance(axis, str) and not told:
                dim.dim_param = axis
            elif isinstance(axis, int) and not dim.HasField("dim_value"):
                dim.dim_value = axis  # an exporter may not see that a size is fixed: whether it is, the runs tell
    return doubtful


def _leave_out_derived_shapes(model: onnx.ModelProto, inputs: Mapping[str, TensorSpec], *, all_of_them: bool) -> None:
    """Keep what is said of inner values only where their sizes are numbers, or the free axes themselves.

    "H//2 + 1" is no symbol that another reader can set, and stops some from taking any size.
    """
    symbols = {axis for spec in inputs.values() for axis in spec.free_axes}
    known = [] if all_of_them else list(model.graph.value_info)
    del model.graph.value_info[:]
    for value in known:
        dims = value.type.tensor_type.shape.dim
        if all(dim.HasField("dim_value") or dim.dim_param in symbols for dim in dims):
            model.graph.value_info.append(value)


def _literal(text: str | None) -> list[str]:
    try:
        value = ast.literal_eval(text or "[]")
    except (ValueError, SyntaxError):
        return []
    return [str(item) for item in value] if isinstance(value, list) else []


def _denote(model: onnx.ModelProto, plan: ExportPlan) -> None:
    """ONNX's own denotations, where an input is a batch of pictures."""
    if plan.preprocess is None:
        return
    names = IMAGE_DENOTATIONS[plan.preprocess.layout]
    for value in model.graph.input:
        spec: TensorSpec | None = plan.inputs.get(value.name)
        if spec is None or len(spec.axes) != len(names):
            continue
        value.type.denotation = "IMAGE"
        for dim, name in zip(value.type.tensor_type.shape.dim, names, strict=True):
            dim.denotation = name


def set_metadata(model: onnx.ModelProto, metadata: Metadata) -> None:
    """Write the key `zoo` (one JSON object), and `license`, which Netron shows, in place of what was there."""
    del model.metadata_props[:]
    model.metadata_props.add(key=METADATA_KEY, value=metadata.to_json())
    if metadata.license:
        model.metadata_props.add(key="license", value=metadata.license)


def serialized(model: onnx.ModelProto) -> bytes:
    """The bytes of the file, the same for the same model in every process.

    Raises NotVerifiedError for 2 GB and more, which one protobuf file cannot hold.
    """
    try:
        content: bytes = model.SerializeToString(deterministic=True)
    except ValueError:
        content = b""
    if not content or len(content) >= 2**31:
        raise NotVerifiedError("the model is larger than 2 GB, which does not fit in one ONNX file")
    return content
