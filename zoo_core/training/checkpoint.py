"""Tensors on the disk: safetensors only, written whole or not at all, read strictly. No pickle anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from zoo_core.bounded_json import load_json
from zoo_core.errors import ZooError
from zoo_core.files import clear_io_errors, write_atomic
from zoo_core.plugin_faults import ModelFaultError

from .safetensors_header import KEY, check_header

SEAL = "sha256"
"""The fact that holds the hash of all others and of the tensors."""

_SHOWN = 4
"""Names of a kind that a message shows."""


def save_tensors(path: Path, tensors: Mapping[str, Tensor], *, facts: Mapping[str, Any]) -> None:
    """Write tensors, and `facts` (plain JSON) in the same file, with a hash of both. Shared tensors are written once a
    name.
    """
    alone = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    unsealed = {name: value for name, value in facts.items() if name != SEAL}
    seal = content_hash(alone, json.dumps(unsealed, allow_nan=False))
    sealed = json.dumps({**unsealed, SEAL: seal}, allow_nan=False)
    write_atomic(path, safetensors.torch.save(alone, {KEY: sealed}))


def read_tensors(path: Path, *, what: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, copied to memory, and the facts.

    Raises ZooError when the file is missing or damaged; where the facts have a hash of the content, a single bit that
    is another one counts.
    """
    try:
        with clear_io_errors(f"cannot read {what}", path):
            check_header(path)
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 no mapping
            text = (file.metadata() or {}).get(KEY, "{}")
        facts = load_json(text)
    except ZooError:
        raise
    except Exception as error:  # noqa: BLE001 a tensor of an odd type or size makes torch raise many kinds of errors
        text = " ".join(str(error).split())[:300]
        raise ZooError(f"{what} {path} is damaged: {text}", hint="replace the file") from None
    if not isinstance(facts, dict):
        raise ZooError(f"{what} {path} is damaged: its facts are a {type(facts).__name__}, not an object")
    if SEAL in facts and facts[SEAL] not in _hashes(tensors, text, facts):
        raise ZooError(f"{what} {path} is damaged: its content is not what was written", hint="replace the file")
    return tensors, facts


def _hashes(tensors: Mapping[str, Tensor], text: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """What the seal of a file may be: the hash of the facts as they are written, or, as it once was, of their values.

    Two numbers may be written apart and be read as the same.
    """
    unsealed = {name: value for name, value in facts.items() if name != SEAL}
    ending = f', "{SEAL}": {json.dumps(facts[SEAL])}' if unsealed else f'"{SEAL}": {json.dumps(facts[SEAL])}'
    written = f"{text.removesuffix('}').removesuffix(ending)}}}"
    return content_hash(tensors, written), content_hash(tensors, _json(unsealed))


def content_hash(tensors: Mapping[str, Tensor], facts: str) -> str:
    """The sha256 of everything that is read of a file: names, types, shapes and bytes of tensors, and the facts as
    JSON."""
    digest = hashlib.sha256(facts.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(_json([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)


def copy_state(module: nn.Module) -> dict[str, Tensor]:
    """The module's state on the CPU, detached from it. Raises ZooError if it holds anything but tensors."""
    return {name: value.detach().cpu().clone() for name, value in module_state(module).items()}


def module_state(module: nn.Module) -> dict[str, Tensor]:
    """The module's state. Raises ZooError if it holds anything but tensors."""
    state: dict[str, Tensor] = module.state_dict()
    if odd := [name for name, value in state.items() if not isinstance(value, Tensor)]:
        raise ModelFaultError(f"the model's state holds things that are not tensors: {', '.join(odd)}")
    return state


def load_strictly(module: nn.Module, tensors: Mapping[str, Tensor], *, source: str) -> None:
    """Put `tensors` into the module. Raises ZooError that names what is missing, unexpected or misshapen."""
    if problems := misfit(module.state_dict(), tensors):
        raise ZooError(
            f"the weights in {source} do not fit the model: {problems}",
            hint="they belong to a model with other options, or to another version of its plugin",
        )
    module.load_state_dict(dict(tensors), strict=True)


def load_as_it_knows(module: nn.Module, tensors: Mapping[str, Tensor], *, source: str, hint: str) -> None:
    """Put `tensors` into the module, which decides itself what fits: it knows the names of its older versions.

    Raises ZooError when anything is missing, unexpected or of another shape; `source` says whose weights they are.
    """
    try:
        module.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        # What it says itself holds every name, thousands of characters of them.
        problems = misfit(module.state_dict(), tensors) or " ".join(str(error).split())[:600]
        raise ZooError(f"the weights {source} do not fit the model: {problems}", hint=hint) from error


def misfit(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> str:
    """Which names are missing, unexpected or of another shape: the first few of each, and how many more."""
    shapes = [
        f"{name} is {tuple(tensors[name].shape)}, the model needs {tuple(expected[name].shape)}"
        for name in expected.keys() & tensors.keys()
        if tensors[name].shape != expected[name].shape
    ]
    problems = [
        *_listed("missing", expected.keys() - tensors.keys()),
        *_listed("unexpected", tensors.keys() - expected.keys()),
        *_listed("of another shape", shapes),
    ]
    return "; ".join(problems)


def _listed(what: str, names: Iterable[str]) -> list[str]:
    ordered = sorted(names)
    more = len(ordered) - _SHOWN
    shown = ", ".join(ordered[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return [f"{what}: {shown}"] if ordered else []
