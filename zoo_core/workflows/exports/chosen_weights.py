"""A model with the weights that were asked for: published ones, those of a file, or seeded fresh ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.errors import UsageError

from .picture_sizes import fitting_recipe

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo_core.registry import Model
    from zoo_core.shapes import TensorSpec
    from zoo_core.specs import Preprocess, Weights
    from zoo_core.training.fitting import FittingPart

FRESH_SEED, OTHER_SEED = 0, 77_001


@dataclass(frozen=True, kw_only=True)
class ChosenWeights:
    """A built module, and the state that it is to have.

    `published`: what the model says of these weights, where they are its own. `untrained`: they are fresh, at least in
    part. `own`: names of those that the builder brings itself. `other`: the same model once more with another seed,
    where it was built to tell. `renamed`: how the names in their file became the
    model's, empty where they are the same.
    """

    module: nn.Module = field(repr=False)
    checkpoint: Mapping[str, Tensor] = field(repr=False)
    published: Weights | None = None
    untrained: bool = False
    own: frozenset[str] = frozenset()
    other: nn.Module | None = field(default=None, repr=False)
    renamed: str = ""


def choose_weights(model: Model, options: Mapping[str, Any], weights: str | None) -> ChosenWeights:
    """The module for these options, and the weights of that name, of that file, or fresh ones.

    Raises UsageError for an unknown name, ZooError for a file that is missing or does not fit, RefusedFileError for one
    that would run code.
    """
    from zoo_core.export.plan.exportable import require_dense_weights

    module = _built(model, options, seed=FRESH_SEED)
    require_dense_weights(module, model=model.name)
    if weights is None:
        from .own_weights import own_tensors

        other = _built(model, options, seed=OTHER_SEED)
        own = own_tensors(module, other)
        untrained = any(parameter.numel() for name, parameter in module.named_parameters() if name not in own)
        return ChosenWeights(
            module=module, checkpoint=dict(module.state_dict()), untrained=untrained, own=own, other=other
        )
    part, published = _weights_from(weights, model, module)
    return ChosenWeights(module=module, checkpoint=part.tensors, published=published, renamed=part.told)


def _built(model: Model, options: Mapping[str, Any], *, seed: int) -> nn.Module:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model.build(**options)  # type: ignore[no-any-return]


def published_weights(model: Model, weights: str | None) -> Weights | None:
    """What the model says of the weights of that name; None for a file, and where none are asked for.

    Nothing is fetched. Raises UsageError for an unknown name.
    """
    from zoo_core.training.weight_files import is_weight_file

    if weights is None or is_weight_file(weights):
        return None
    from zoo_core.training.pretrained import find_weights

    return find_weights(model.spec.weights, weights, model=model.name)


def refuse_for_run(source: str, *, weights: str | None, options: Mapping[str, Any]) -> None:
    """Raises UsageError where weights or options of a MODEL are given for a RUN."""
    if weights is not None or options:
        raise UsageError(
            f"{source} is a run: it brings its own weights and options",
            hint=f"leave out {'--weights' if weights else '-o'}",
        )


def recipe_for(model: Model, published: Weights | None, inputs: Mapping[str, TensorSpec]) -> Preprocess | None:
    """The recipe of published weights, or of the model, for the size of picture that its options ask for."""
    return fitting_recipe((published.preprocess if published else None) or model.spec.preprocess, inputs)


def _as_built(tensors: Mapping[str, Tensor], built: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights that are stored in half or double precision, in the precision that the model computes in."""
    return {
        name: tensor.to(built[name].dtype) if name in built and tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }


def _weights_from(text: str, model: Model, module: nn.Module) -> tuple[FittingPart, Weights | None]:
    """The tensors that `--weights` names, and what they are where the model publishes them."""
    published = published_weights(model, text)
    if published is None:
        return _weights_of_file(Path(text), module), None
    from zoo_core.training.pretrained import fetch_weights, load_published

    tensors = fetch_weights(published, model=model.name)
    return load_published(module, tensors, source=f"{published.name} of {model.name}"), published


def _weights_of_file(path: Path, module: nn.Module) -> FittingPart:
    from zoo_core.training.checkpoint import load_as_it_knows
    from zoo_core.training.fitting import FittingPart, fitting_part
    from zoo_core.training.pickled import choosing
    from zoo_core.training.weight_files import read_weight_file

    found = read_weight_file(path, option="--weights")
    part = fitting_part(found, module, source=f"in {path}", choose=partial(choosing, path))
    checkpoint = _as_built(part.tensors, module.state_dict())
    # The module takes them later, too; here the file is known, and what to do.
    hint = "they belong to another model, or to one with other options: give those with -o"
    load_as_it_knows(module, checkpoint, source=f"in {path}", hint=hint)
    return FittingPart(tensors=checkpoint, told=part.told)
