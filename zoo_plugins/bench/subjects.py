"""What is measured: an export, a run or a model, its inputs, and the engines that can run it here."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from zoo_core import MissingExtraError, UsageError, Zoo, ZooError, bound_tensors, builder_options, load_run
from zoo_core.commands import Located, install_command, locate
from zoo_core.runtime import Isolated, Metadata, open_model
from zoo_core.verification import self_test_cases
from zoo_core.workflows.exports import refuse_for_run

from .batches import Batches, drawn, of_export
from .engines import COMPILED, LEVELS, OPENVINO, TORCH, Contender, in_torch, onnxruntime, openvino

USUAL = "onnxruntime"
REFERENCE = "onnxruntime:none"
"""What the answers of an export are held against: no optimisation, one thread."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was typed beside the names: engines (none: all that can be had), providers of onnxruntime beside them, sizes
    of free axes, weights and options."""

    engines: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    threads: tuple[int, ...] = ()
    isolated: Isolated = None
    weights: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def wants(self, engine: str) -> bool:
        """Whether an engine is to be measured."""
        return not self.engines or engine in self.engines


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One of the things that are measured side by side.

    `reference` gives the answers that all others are held against, within `bounds`, None where nobody proved any.
    `left_out`: which engines are not measured, and why. `path`: of an export, its folder or file.
    """

    typed: str
    batches: Batches = field(repr=False)
    contenders: tuple[Contender, ...]
    reference: Contender
    bounds: Mapping[str, float] | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None


def open_subject(typed: str, zoo: Zoo, asked: Asked) -> Subject:
    """The export, run or model of that name, with the engines that can run it.

    Raises UsageError for unknown names, for engines that cannot run it, and for options that do not belong to it.
    """
    found = locate(typed, kinds=("run", "export", "model"), zoo=zoo)
    if found.kind != "export" and asked.providers:
        raise UsageError(
            f"a provider is onnxruntime's, and {typed} is a {found.kind}, which PyTorch computes",
            hint=f"export:{found.name} is its export, once there is one"
            if found.kind == "run"
            else "zoo export makes one",
        )
    if found.kind != "model":
        refuse_for_run(typed, weights=asked.weights, options=asked.options)
    subject = _export(typed, found, zoo, asked) if found.kind == "export" else _in_torch(typed, found, zoo, asked)
    if not subject.contenders:
        why = "; ".join(f"{engine}: {reason}" for engine, reason in subject.left_out.items())
        raise UsageError(f"nothing can be measured of {typed}: {why}")
    return subject


def _export(typed: str, found: Located, zoo: Zoo, asked: Asked) -> Subject:
    path = found.path or Path(found.name)
    with open_model(path, isolated=asked.isolated) as model:
        batches, metadata, known = of_export(model, asked.sizes), model.metadata, model.isolated is False
    start = partial(onnxruntime, path, subject=typed, isolated=asked.isolated)
    contenders = [start(engine=engine, threads=n) for engine in LEVELS if asked.wants(engine) for n in asked.threads]
    contenders += [start(engine=USUAL, threads=n, provider=name) for name in asked.providers for n in asked.threads]
    left_out = {}
    if reason := _no_openvino(metadata, known):
        left_out[OPENVINO] = reason
    elif asked.wants(OPENVINO):
        contenders += [
            openvino(path / "model.onnx" if path.is_dir() else path, subject=typed, threads=n) for n in asked.threads
        ]
    source = _source_of(metadata, zoo)
    if isinstance(source, str):
        left_out |= {TORCH: source, COMPILED: source}
    else:
        contenders += _torch_contenders(typed, source, asked, left_out)
    cases = self_test_cases(metadata)
    return Subject(
        typed=typed,
        batches=batches,
        contenders=tuple(contenders),
        reference=start(engine=REFERENCE, threads=1),
        bounds=dict(cases[0].bounds) if cases else None,
        left_out=_asked_alone(left_out, asked),
        path=path,
    )


def _in_torch(typed: str, found: Located, zoo: Zoo, asked: Asked) -> Subject:
    if not _has_torch():
        raise MissingExtraError(needed_for="zoo bench of a run or a model", extra="train", missing="torch")
    left_out = dict.fromkeys((*LEVELS, OPENVINO), "it is no exported file: zoo export makes one")
    if found.kind == "run":
        run = load_run(found.path or found.name)
        model, options = run.model(zoo), dict(run.info.options)
        source: dict[str, Any] = {"run": str(run.path)}
    else:
        model = zoo.model(found.name)
        options = dict(builder_options(model.spec, asked.options))
        source = {"model": f"{model.plugin}/{model.name}", "options": options, "weights": asked.weights}
    inputs, _ = bound_tensors(model, options)
    batches = drawn(inputs, asked.sizes, largest=model.spec.largest, shown=typed)
    contenders = _torch_contenders(typed, source, asked, left_out)
    return Subject(
        typed=typed,
        batches=batches,
        contenders=tuple(contenders),
        reference=in_torch(source, subject=typed, engine=TORCH, threads=1),
        left_out=_asked_alone(left_out, asked),
    )


def _torch_contenders(typed: str, source: Mapping[str, Any], asked: Asked, left_out: dict[str, str]) -> list[Contender]:
    """PyTorch as it is, and compiled where there is a compiler; what cannot be is added to `left_out`."""
    found = []
    for engine in filter(asked.wants, (TORCH, COMPILED)):
        if engine == COMPILED and not any(map(shutil.which, ("g++", "clang++", "c++"))):
            left_out[engine] = "there is no C++ compiler"
        else:
            found += [in_torch(source, subject=typed, engine=engine, threads=n) for n in asked.threads]
    return found


def _source_of(metadata: Metadata, zoo: Zoo) -> dict[str, Any] | str:
    """The run or the published weights that a file was made of, or why they cannot be had."""
    if not _has_torch():
        return "PyTorch is not installed"
    if metadata.layer is not None:
        return "the file is a part of its model"
    if metadata.baked:
        return "the file prepares its pictures itself, and PyTorch takes prepared ones"
    try:
        if metadata.run is not None:
            path = locate(f"run:{metadata.run}", kinds=("run",), zoo=zoo).path
            return {"run": str(path)}
        if metadata.weights is None:
            return "the file has fresh weights of its own"
        name = f"{metadata.model_plugin}/{metadata.model}"
        zoo.model(name)
        return {"model": name, "options": dict(metadata.options), "weights": metadata.weights}
    except ZooError as error:
        return f"what it was made of is not here: {error.message}"


def _has_torch() -> bool:
    """Whether PyTorch is installed; it is only loaded where it runs."""
    try:
        return importlib.util.find_spec("torch") is not None
    except ImportError:
        return False


def _no_openvino(metadata: Metadata, known: bool) -> str:
    """Why OpenVINO is not measured; empty where it can be."""
    if importlib.util.find_spec("openvino") is None:
        return f"it is not installed: {install_command('openvino')}"
    if not known:
        return "it runs without limits, and this machine does not know the file: zoo verify, or --trusted"
    return ""


def _asked_alone(left_out: Mapping[str, str], asked: Asked) -> dict[str, str]:
    return {engine: why for engine, why in left_out.items() if asked.wants(engine)}


def check_engines(engines: Sequence[str], known: Sequence[str]) -> None:
    """Raise UsageError for an engine that nobody knows."""
    for engine in engines:
        if engine not in known:
            raise UsageError(f"unknown engine {engine!r}", hint=f"one of {', '.join(known)}")


def contenders_of(subjects: Sequence[Subject]) -> Iterator[tuple[Subject, Contender]]:
    """Every contender of every subject."""
    for subject in subjects:
        for contender in subject.contenders:
            yield subject, contender
