"""A dataset and what was typed for it: names, types and values are checked, and nothing is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo_core.errors import UsageError
from zoo_core.options import check_options
from zoo_core.specs import Recipe

from .bound import BoundDataset
from .recipe_options import check_recipe_options
from .selection import check_classes, read_fold
from .targets import targets_of

if TYPE_CHECKING:
    from zoo_core.registry import Dataset


def bind_dataset(
    dataset: Dataset,
    given: Mapping[str, Any],
    *,
    recipes: Mapping[str, Recipe] | None = None,
    left_out: Sequence[str] = (),
) -> BoundDataset:
    """The dataset with its options: text is parsed, values are checked, nothing is read yet.

    `recipes`: those of its inputs that take the place of its own, with what was learnt before. `left_out`: files, from
    the dataset's root on, that were left out before because they could not be read (`skip_bad`); they keep their place
    where they are gone by now, so that everything else is divided as it was.

    Raises UsageError for unknown or missing options, wrong types and impossible values.
    """
    spec = dataset.spec
    where = f"dataset {dataset.name}"
    if not isinstance(given, Mapping):
        raise UsageError(f"{where}: options are values by name, not {given!r}", hint='for example {"val_size": 100}')
    checked = check_options(given, spec.options, where=where)
    missing = [option.name for option in spec.options if option.required and option.name not in checked]
    if missing:
        hint = " ".join(f"-d {name}=..." for name in missing)
        raise UsageError(f"{where} needs {', '.join(missing)}", hint=hint)
    options = {option.name: checked.get(option.name, option.default) for option in spec.options}
    for name in ("train_size", "val_size", "test_size", "size"):
        if options[name] is not None and options[name] < 1:
            raise UsageError(f"{where}: {name} is at least 1, not {options[name]}", hint=f"for example -d {name}=32")
    if options["val_fold"] is not None:
        read_fold(options["val_fold"], where=where)
        if options["val_size"] is not None:
            raise UsageError(f"{where}: a fold has its size by itself", hint="leave out val_size or val_fold")
    check_recipe_options(spec, options, where=where)
    if unchosen := targets_of(spec.task).unchosen:
        _check_chosen(options, unchosen, typed=checked, where=where)
        options["stratified"] = False
    if options["classes"] and spec.classes is not None:
        check_classes(options["classes"], spec.classes, where=where)
    return BoundDataset(dataset.name, dataset.plugin, spec, options, recipes or {}, left_out)


def _check_chosen(options: Mapping[str, Any], why: str, *, typed: Mapping[str, Any], where: str) -> None:
    """Raise UsageError for options that choose samples by their class, where a sample has no class."""
    if options["classes"]:
        raise UsageError(f"{where} has no samples of one class: {why}", hint="leave out -d classes")
    if typed.get("stratified"):
        raise UsageError(f"{where} cannot be stratified: {why}", hint="leave out -d stratified")
