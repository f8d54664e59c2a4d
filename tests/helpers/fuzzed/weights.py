"""Weights and checkpoints: safetensors, and what PyTorch saves."""

from __future__ import annotations

import io
import json
from functools import cache, partial

import hostile_files as hostile
import torch
from hypothesis import strategies as st
from mutations import changed_bytes, changed_json

from zoo_core.training.checkpoint import read_tensors, save_tensors
from zoo_core.training.directory import RunDirectory
from zoo_core.training.pickled import read_pth
from zoo_core.training.state import TrainState, save_state

from .reader import Reader, saved
from .records import ROW


@cache
def _weights() -> bytes:
    tensors = {"fc.weight": torch.zeros(2, 3), "fc.bias": torch.zeros(2), "n": torch.zeros((), dtype=torch.int64)}
    return saved(lambda path: save_tensors(path, tensors, facts={"epoch": 1}))


@cache
def _state() -> bytes:
    module = {"fc.weight": torch.zeros(2, 3)}
    optimizer = {0: {"step": torch.zeros(()), "exp_avg": torch.zeros(2, 3), "name": "x"}}
    state = TrainState(rows=(ROW, ROW), module=module, best=module, optimizer=optimizer)
    return saved(lambda path: save_state(path, state, selection="accuracy"))


@cache
def _pth() -> bytes:
    content = io.BytesIO()
    torch.save({"fc.weight": torch.zeros(2, 3)}, content)
    return content.getvalue()


@st.composite
def _safetensors(draw: st.DrawFn, content: bytes) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    if draw(st.booleans()):
        facts = draw(changed_json(json.loads(header["__metadata__"]["zoo"])))
        return hostile.safetensors(json.dumps({**header, "__metadata__": {"zoo": facts}}).encode(), data)
    return hostile.safetensors(draw(changed_json(header)).encode("utf-8", "replace"), data)


def readers() -> dict[str, Reader]:
    """Every reader of this kind by its name."""
    return {
        "safetensors, header": Reader(
            file="w.safetensors",
            content=_safetensors(_weights()),
            read=partial(read_tensors, what="the weights"),
        ),
        "safetensors, bytes": Reader(
            file="w.safetensors",
            content=changed_bytes(_weights()),
            read=partial(read_tensors, what="the weights"),
        ),
        "checkpoint": Reader(
            file="runs/a/last/state.safetensors",
            content=_safetensors(_state()),
            read=lambda path: RunDirectory(path.parents[1]).read_state(),
        ),
        ".pth": Reader(file="w.pth", content=changed_bytes(_pth()), read=partial(read_pth, mend="fetch it again")),
    }
