"""What is refused before onnxruntime sees a file: each rule has a name, and a reason in words."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from zoo_core.file_limits import MAX_METADATA_BYTES, MAX_METADATA_KEYS, MAX_NODES
from zoo_core.records import counted
from zoo_core.runtime.reading.graph import Graph, Node, Value
from zoo_core.runtime.reading.metadata import KEY, own_description
from zoo_core.runtime.reading.strict_json import has_control_characters
from zoo_core.runtime.reading.tensors import Tensor
from zoo_core.runtime.reading.wire import OnnxFile, read_onnx, refused

from .cost import check_cost
from .stored import check_data
from .versions import runtime_reads

_RANDOM = (
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
)


def vet(path: str | Path) -> OnnxFile:
    """The file, once every rule has passed. Raises RefusedFileError that names the rule (exit code 4).

    The rules hold off what is known to read other files, to crash onnxruntime, or to make a small file fill the
    memory; run a file of somebody you do not trust in a process with a memory limit all the same.
    """
    file = read_onnx(path)
    for rule in RULES:
        rule(file)
    return file


def check_versions(file: OnnxFile) -> None:
    """The opset and the IR version are those that the installed onnxruntime reads."""
    domains = [domain for domain, _ in file.opset_pairs]
    if len(set(file.opsets)) != len(domains):
        raise refused(file.path, "opset", "a domain has two opset versions")
    if "" not in file.opsets:
        raise refused(file.path, "opset", "it does not say which opset it uses")
    opset = file.opsets[""]
    if opset < 1 or file.ir_version < 3:
        raise refused(file.path, "opset", f"opset {opset} with IR version {file.ir_version} never existed")
    if not runtime_reads(opset=opset, ir_version=file.ir_version):
        raise refused(
            file.path,
            "opset",
            f"opset {opset} with IR version {file.ir_version} is newer than the installed onnxruntime reads",
            hint="pip install --upgrade onnxruntime, or export it with a lower opset",
        )


def check_contents(file: OnnxFile) -> None:
    """Nothing but a graph of ONNX's own operators, for inference."""
    if file.functions:
        hint = "functions can be chained until onnxruntime crashes; inline them with onnx.inliner"
        raise refused(file.path, "functions", f"it holds {counted(file.functions, 'local function')}", hint=hint)
    if file.training_infos:
        raise refused(file.path, "training-info", "it holds training graphs; this is not an inference file")
    graphs = list(file.graph.walk())
    count = sum(len(graph.nodes) for graph in graphs)
    if count > MAX_NODES:
        raise refused(file.path, "too-many-nodes", f"it has {count:,} nodes, and {MAX_NODES:,} is the most")
    outermost = dict(file.initializers)
    for graph in graphs:
        stored = ChainMap(dict(graph.initializers), outermost)
        for node in graph.nodes:
            _check_operator(file, node, stored)


def _check_operator(file: OnnxFile, node: Node, stored: Mapping[str, Tensor]) -> None:
    what = f"the node {_shown(node)}"
    if node.domain:
        raise refused(
            file.path, "domain", f"{what} is of the domain {node.domain!r}: only ONNX's own operators are run"
        )
    if node.op_type in _RANDOM:
        raise refused(file.path, "random", f"{what} gives random numbers: outputs could not be checked")
    training = False
    if node.op_type == "BatchNormalization":
        training = node.attribute("training_mode", 0) != 0
    elif node.op_type == "Dropout":
        training = _trains(file, node, stored)
    if training:
        hint = "call eval() on the model before it is exported"
        raise refused(file.path, "training-mode", f"{what} is in training mode", hint=hint)


def _trains(file: OnnxFile, node: Node, stored: Mapping[str, Tensor]) -> bool:
    if file.opsets[""] < 7:
        return bool(node.attribute("is_test", 0) == 0)
    if len(node.inputs) < 3 or not node.inputs[2]:
        return False
    switch = stored.get(node.inputs[2])
    # One of several values is no switch, and looking through them once a node is work for days.
    return switch is None or switch.external is not None or switch.size != 1 or bool(switch.array().any())


def check_names(file: OnnxFile) -> None:
    """Every value is made once, and before it is used."""
    _check_scope(file, file.graph, [])


def _check_scope(file: OnnxFile, graph: Graph, outer: list[set[str]]) -> None:
    """`outer`: the names that each graph around this one has made so far."""
    own: set[str] = set()
    scopes = [*outer, own]
    inputs = [value.name for value in graph.inputs]
    stored = [item.name for item in (*graph.tensors, *(sparse.values for sparse in graph.sparse))]
    for group in (inputs, stored, [value.name for value in graph.outputs]):
        if len(set(group)) != len(group):
            twice = Counter(group).most_common(1)[0][0]
            raise refused(file.path, "duplicate-name", f"{twice!r} is declared twice")
    own.update(inputs, stored)
    for node in graph.nodes:
        for name in node.inputs:
            if name and not any(name in scope for scope in scopes):
                detail = f"the node {_shown(node)} uses {name!r} before it is made, or in a circle"
                raise refused(file.path, "undefined-name", detail)
        for inner in node.graphs():
            _check_scope(file, inner, scopes)
        for name in filter(None, node.outputs):
            if name in own:
                raise refused(file.path, "duplicate-name", f"{name!r} is made twice")
            own.add(name)
        names = [attribute.name for attribute in node.attributes]
        if len(set(names)) != len(names):
            raise refused(file.path, "duplicate-name", f"the node {_shown(node)} has an attribute twice")
    for value in graph.outputs:
        if not any(value.name in scope for scope in scopes):
            raise refused(file.path, "undefined-name", f"the output {value.name!r} is never made")


def check_shapes(file: OnnxFile) -> None:
    """Declared inputs and outputs have sizes that can exist."""
    for value in (*file.graph.inputs, *file.graph.outputs):
        if any(isinstance(dim, int) and not 0 <= dim < 1 << 31 for dim in value.dims or ()):
            raise refused(file.path, "shape", f"{value.name!r} is declared with the shape {value.dims}")


def check_texts(file: OnnxFile) -> None:
    """Names that are printed hold no control characters."""
    for text in _names(file):
        if has_control_characters(text):
            raise refused(file.path, "control-characters", f"the name {text[:60]!r} holds control characters")


def _names(file: OnnxFile) -> list[str]:
    found = [file.producer, file.producer_version, file.domain, *(key for key, _ in file.metadata_pairs)]
    found += [domain for domain, _ in file.opset_pairs]
    for graph in file.graph.walk():
        values: list[Value | Tensor] = [*graph.inputs, *graph.outputs, *graph.tensors]
        found += [graph.name, *(value.name for value in values)]
        found += [dim for value in graph.inputs + graph.outputs for dim in value.dims or () if isinstance(dim, str)]
        for node in graph.nodes:
            found += [node.name, node.op_type, node.domain, *node.inputs, *node.outputs]
    return found


def check_metadata(file: OnnxFile) -> None:
    """Metadata are few, small and unambiguous; ours follow their schema."""
    keys = [key for key, _ in file.metadata_pairs]
    size = sum(len(key.encode()) + len(value.encode()) for key, value in file.metadata_pairs)
    if len(keys) > MAX_METADATA_KEYS:
        raise refused(
            file.path, "metadata-keys", f"it has {len(keys)} metadata entries, and {MAX_METADATA_KEYS} is the most"
        )
    if size > MAX_METADATA_BYTES:
        detail = f"its metadata have {size:,} bytes, and {MAX_METADATA_BYTES:,} is the most"
        raise refused(file.path, "metadata-size", detail)
    if len(set(keys)) != len(keys):
        raise refused(file.path, "metadata-keys", "a metadata key appears twice")
    if KEY in keys:
        own_description(file)


def _shown(node: Node) -> str:
    return f"{node.name!r} ({node.op_type})" if node.name else node.op_type


RULES: tuple[Callable[[OnnxFile], None], ...] = (
    check_versions,
    check_texts,
    check_metadata,
    check_contents,
    check_shapes,
    check_names,
    check_data,
    check_cost,
)
