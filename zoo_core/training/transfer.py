"""Weights to begin with: those of a run, of a file, or published ones; a head for other classes stays fresh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from zoo_core.errors import ZooError
from zoo_core.registry import Model

from .checkpoint import load_strictly
from .fitting import fitting_part
from .pickled import choosing
from .pretrained import fetch_weights, find_weights, load_published
from .run import load_run
from .weight_files import is_weight_file, read_weight_file

PUBLISHED = "weights:"


@dataclass(frozen=True, kw_only=True)
class InitialWeights:
    """Tensors by name, and what they are called in messages. `file`: where they come from a file of somebody's own."""

    source: str
    tensors: Mapping[str, Tensor]
    file: Path | None = None


def initial_weights(text: str, *, model: Model) -> InitialWeights:
    """What `--init-from RUN|FILE|weights:NAME` means for a model.

    Raises UsageError for an unknown name, ZooError for a file that is missing or damaged, or cannot be fetched,
    RefusedFileError for one that would run code.
    """
    if text.startswith(PUBLISHED):
        published = find_weights(model.spec.weights, text.removeprefix(PUBLISHED), model=model.name)
        fetched = fetch_weights(published, model=model.name)
        source = f"{published.name} of {model.name}"
        # Through a module of the size that they were made for: it knows the names that its older versions had.
        return InitialWeights(source=source, tensors=load_published(model.build(), fetched, source=source).tensors)
    if is_weight_file(text):
        path = Path(text)
        return InitialWeights(source=text, tensors=read_weight_file(path, option="--init-from"), file=path)
    return InitialWeights(source=f"run {text!r}", tensors=load_run(text).state_dict())


def begin_with(module: nn.Module, weights: InitialWeights) -> tuple[str, ...]:
    """Put the weights into the module; the names that it did not take, because it tells other classes apart.

    Raises ZooError for names that are missing or left over, and for tensors of another shape than in their first axis,
    or where nothing at all would be taken.
    """
    own = module.state_dict()
    tensors = weights.tensors
    if weights.file is not None:
        choose = partial(choosing, weights.file)
        tensors = fitting_part(tensors, module, source=f"in {weights.source}", choose=choose).tensors
    skipped = tuple(name for name, tensor in tensors.items() if name in own and _is_other_head(tensor, own[name]))
    if skipped and len({(len(tensors[name]), len(own[name])) for name in skipped}) > 1:
        skipped = ()  # not one number of classes for another, but a model of other sizes
    if len(skipped) == len(own):
        raise ZooError(
            f"none of the weights of {weights.source} fit the model", hint="choose weights of the same model"
        )
    kept = {name: own[name] for name in skipped}
    load_strictly(module, {**tensors, **kept}, source=weights.source)
    return skipped


def _is_other_head(tensor: Tensor, own: Tensor) -> bool:
    """Whether they differ in their first axis alone, which counts the classes."""
    return tensor.ndim > 0 and tensor.shape != own.shape and tensor.shape[1:] == own.shape[1:]
