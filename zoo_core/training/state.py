"""What a resumed run starts from: one file, so that a kill at any moment leaves a whole one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo_core.bounded_json import is_plain_number
from zoo_core.errors import ZooError
from zoo_core.records import EpochRow, to_plain

from .checkpoint import SEAL, read_tensors, save_tensors
from .distributed.shard_files import Shards
from .epoch_rows import best_row, read_row
from .part_of_epoch import PartOfEpoch

SCHEMA = 2
_PART = ("batches", "steps", "seconds", "sums")
_AVERAGED = 3
"""The schema of a checkpoint with an average of the weights, which older versions would take no notice of."""
_WITHIN = 4
"""The schema of a checkpoint within an epoch."""
_SHARDED = 5
"""The schema of a checkpoint whose tensors lie in files beside it, a file for each process that wrote it."""
_UNSEALED = 1
"""The schema of older versions, whose checkpoints have no hash."""

OptimizerState = dict[int, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class TrainState:
    """The state after the epochs in `rows`, and after `part` of the next one where that had begun. `best` are the
    weights of the best of them, empty where there is none yet; `average`: the average of the weights, which is what is
    measured and kept, empty where there is none. `scaler`: what half precision scales its loss by, empty for none.
    `shards`: files that have module, average and optimizer, but for plain numbers of the latter, where several
    processes have parts of them; None where they are here.

    `plugins`: version and sha256 of the code of those that brought it here, by their ids. `record`: hashes of what the
    run's record said then. `sealed`: whether it was read with a hash that says that nothing of it has changed; an older
    version wrote none.

    Random generators are in a part of an epoch alone: each epoch seeds them anew. A schedule is never in it: it is a
    function of the step.
    """

    rows: tuple[EpochRow, ...]
    module: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    optimizer: OptimizerState
    average: Mapping[str, Tensor] = field(default_factory=dict)
    part: PartOfEpoch | None = None
    scaler: Mapping[str, Any] = field(default_factory=dict)
    shards: Shards | None = None
    plugins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    record: Mapping[str, str] = field(default_factory=dict)
    sealed: bool = True

    @property
    def epoch(self) -> int:
        """Epochs that are done."""
        return len(self.rows)

    @property
    def measured(self) -> Mapping[str, Tensor]:
        """The weights that are measured and kept."""
        return self.average or self.module

    def with_tensors(self, tensors: Mapping[str, Tensor]) -> TrainState:
        """The state with what its shards have, by the names there."""
        parts, optimizer = _parted(tensors, self.optimizer)
        return dataclasses.replace(self, module=parts["module"], average=parts["average"], optimizer=optimizer)

    @property
    def where(self) -> str:
        """How far it is, in words: `epoch 2`, or `step 31 of 63 of epoch 3`."""
        if self.part is None:
            return f"epoch {self.epoch}"
        return f"step {self.part.batches:,} of {self.part.steps:,} of epoch {self.epoch + 1}"


def optimizer_state(optimizer: torch.optim.Optimizer) -> OptimizerState:
    """What the optimizer remembers of each parameter, by the parameter's number; without its options."""
    state: OptimizerState = optimizer.state_dict()["state"]
    return state


def restore_optimizer(optimizer: torch.optim.Optimizer, state: OptimizerState) -> None:
    """Put it back into an optimizer made with the same options."""
    fresh = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": fresh["param_groups"]})


def named_tensors(state: TrainState) -> dict[str, Tensor]:
    """The tensors of module, average and optimizer, by the names that they have in files."""
    tensors = {f"module.{name}": tensor for name, tensor in state.module.items()}
    tensors |= {f"average.{name}": tensor for name, tensor in state.average.items()}
    for number, values in state.optimizer.items():
        tensors |= {f"optimizer.{number}.{name}": each for name, each in values.items() if isinstance(each, Tensor)}
    return tensors


def plain_values(optimizer: OptimizerState) -> OptimizerState:
    """What an optimizer keeps beside tensors. Raises ZooError for what only pickle could save."""
    found: OptimizerState = {}
    for number, values in optimizer.items():
        for name, value in values.items():
            if value is None or isinstance(value, bool | int | float | str):
                found.setdefault(number, {})[name] = value
            elif not isinstance(value, Tensor):
                kind = type(value).__name__
                raise ZooError(f"the optimizer keeps {name!r} as a {kind}, which cannot be saved without pickle")
    return found


def save_state(path: Path, state: TrainState, *, selection: str) -> None:
    """Write the state, whole or not at all. Right after an epoch that is the best, its weights are written once."""
    tensors = named_tensors(state)
    is_best = state.part is None and best_row(state.rows, selection=selection).epoch == state.epoch
    if not is_best or state.shards is not None:
        tensors |= {f"best.{name}": tensor for name, tensor in state.best.items()}
    plain = {str(number): values for number, values in plain_values(state.optimizer).items()}
    rows = [row.to_json() for row in state.rows]
    facts: dict[str, Any] = {
        "schema": _AVERAGED if state.average else SCHEMA,
        "rows": rows,
        "optimizer": plain,
        "plugins": to_plain(state.plugins),
    }
    facts["record"] = dict(state.record)
    if state.scaler:
        facts["scaler"] = dict(state.scaler)
    if (part := state.part) is not None:
        facts["schema"] = _WITHIN
        facts["part"] = {name: getattr(part, name) for name in _PART}
        tensors |= part.tensors
    if (shards := state.shards) is not None:
        facts["schema"] = _SHARDED
        facts["shards"] = {"folder": shards.folder.name, "sha256": dict(shards.sha256)}
    save_tensors(path, tensors, facts=facts)


def read_state(path: Path) -> TrainState:
    """The inverse of `save_state`. Raises ZooError when the file is missing, damaged or of another schema."""
    tensors, facts = read_tensors(path, what="checkpoint")
    if facts.get("schema") not in {_UNSEALED, SCHEMA, _AVERAGED, _WITHIN, _SHARDED}:
        raise ZooError(f"checkpoint {path} has schema {facts.get('schema')!r}; this version reads up to {_SHARDED}")
    if facts["schema"] != _UNSEALED and SEAL not in facts:
        raise ZooError(f"checkpoint {path} is damaged: it has lost the hash of its content")
    try:
        rows = tuple(read_row(row) for row in facts["rows"])
        optimizer: OptimizerState = {int(n): dict(values) for n, values in facts["optimizer"].items()}
        parts, optimizer = _parted(tensors, optimizer)
        part = _read_part(facts["part"], parts["part"]) if "part" in facts else None
        shards = _read_shards(facts["shards"], path) if facts["schema"] == _SHARDED else None
        if not rows and part is None:
            raise ValueError("it holds no epoch")
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ZooError(f"checkpoint {path} is damaged: {type(error).__name__}: {error}") from None
    if shards is not None:
        shards.check()
    return TrainState(
        rows=rows,
        shards=shards,
        module=parts["module"],
        best=parts["best"] or ((parts["average"] or parts["module"]) if rows else {}),
        average=parts["average"],
        part=part,
        optimizer=optimizer,
        plugins=facts.get("plugins", {}),
        record=facts.get("record", {}),
        scaler=facts.get("scaler", {}),
        sealed=SEAL in facts,
    )


def _parted(
    tensors: Mapping[str, Tensor], optimizer: OptimizerState
) -> tuple[dict[str, dict[str, Tensor]], OptimizerState]:
    """Tensors by what they are of, and those of an optimizer beside what it keeps already."""
    parts: dict[str, dict[str, Tensor]] = {"module": {}, "best": {}, "average": {}, "part": {}}
    kept = {number: dict(values) for number, values in optimizer.items()}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "optimizer":
            number, _, rest = rest.partition(".")
            kept.setdefault(int(number), {})[rest] = tensor
        else:
            parts[kind][name if kind == "part" else rest] = tensor
    return parts, kept


def _read_shards(facts: Mapping[str, Any], path: Path) -> Shards:
    folder, hashes = facts["folder"], dict(facts["sha256"])
    names = [folder, *hashes, *hashes.values()]
    if not all(isinstance(name, str) and name and name == Path(name).name for name in names):
        raise ValueError(f"its parts are in {folder!r}")
    return Shards(folder=path.parent / folder, sha256=hashes)


def _read_part(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> PartOfEpoch:
    part = PartOfEpoch(**{name: facts[name] for name in _PART}, tensors=tensors)
    numbers = (part.batches, part.steps, part.seconds)
    if not all(map(is_plain_number, numbers)) or not 0 < part.batches <= part.steps or part.seconds < 0:
        raise ValueError(f"of an epoch it holds {numbers}")
    return part
