"""A dataset with its options: what it looks like before anything is read, and its samples when they are asked for."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo_core.data_root import default_root
from zoo_core.errors import UsageError, ZooError, did_you_mean
from zoo_core.plugin_faults import PluginFaultError
from zoo_core.recipes import InputRecipe
from zoo_core.shapes import TensorSpec
from zoo_core.specs import DatasetSpec, Preprocess, Recipe
from zoo_core.task_lookup import task_spec

from .feeding import Feeding
from .left_out import with_left_out
from .loader_call import call_loader, lacks_root
from .loader_faults import given_by_loader
from .part_choice import fewer, of_classes
from .recipe_inputs import as_declared, learnt_from, named_recipes
from .recipe_options import inputs_of, recipe_of, tiles_of
from .sample_checks import check_samples
from .samples import Samples, make_samples
from .selection import check_classes, check_enough, divide, fold, part_off
from .splits import Split, numbers_to_choose_by, sizes_in, take
from .targets import TargetKind, targets_of
from .unreadable import told_at_once


class BoundDataset:
    """A dataset with its options.

    `options` holds every option, defaults filled in. `inputs`, `preprocess` and `recipes` are those in force, with the
    options applied; `left_out` as in `bind_dataset`. What the loader returns is kept, so that a split is read once.
    """

    def __init__(
        self,
        name: str,
        plugin: str,
        spec: DatasetSpec,
        options: Mapping[str, Any],
        recorded: Mapping[str, Recipe],
        left_out: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.plugin = plugin
        self.spec = spec
        self.options = dict(options)
        self.left_out = tuple(left_out) if options["skip_bad"] else ()
        self.input_name = next(iter(spec.inputs))
        self.preprocess: Preprocess | None = recipe_of(spec, options)
        self._named = named_recipes(spec, self.options, self.preprocess, recorded)
        self._read_splits: dict[str, tuple[Split, tuple[str, ...]] | None] = {}

    @functools.cached_property
    def inputs(self) -> dict[str, TensorSpec]:
        """What an item looks like; where sizes are declared as free axes, the data are read if there are any."""
        declared = inputs_of(self.spec, self.options, self.preprocess)
        try:
            made = self.recipes
            declared |= {name: as_declared(declared[name], made[name]) for name in self.spec.recipes}
        except PluginFaultError:
            raise
        except ZooError:
            pass  # what is wrong with the data is said when they are loaded
        unknown = [name for name in declared if name not in self._named and len(declared[name].free_axes) > 1]
        if not unknown or (self.options["root"] is None and not self.root.exists()):
            return declared
        return declared | sizes_in(self._existing("train", download=False)[0], {key: declared[key] for key in unknown})

    @functools.cached_property
    def recipes(self) -> dict[str, InputRecipe]:
        """How each input is made that is not given as it is; what recipes learn, they learn of the training part.

        Raises ZooError where something is to be learnt, and the data cannot be read.
        """
        if all(recipe.is_ready for recipe in self._named.values()):
            return self._named
        return learnt_from(self.part("train", download=False)[0], self._named, self.spec)

    def read_to_learn(self, *, download: bool) -> None:
        """Read the training part where recipes learn of it: what their inputs look like is known only then."""
        if any(not recipe.is_ready for recipe in self._named.values()):
            self.part("train", download=download)

    @property
    def recorded_recipes(self) -> dict[str, Recipe]:
        """The recipes of all inputs but a picture that `preprocess` tells of, as data, with what they have learnt."""
        return {name: self.recipes[name].recipe for name in self.spec.recipes}

    @property
    def root(self) -> Path:
        """The folder of the data: the one given, or the default."""
        given = self.options["root"]
        return Path(given).expanduser() if given is not None else default_root(self.name)

    @property
    def lacks_root(self) -> bool:
        """Whether its samples are the user's own files, and nobody has said where they are."""
        return lacks_root(self.spec, self.options["root"], default=self.root)

    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes in use; the data are read if only they know, and None if there are none."""
        chosen: tuple[str, ...] = self.options["classes"]
        if self.spec.classes is not None:
            return chosen or self.spec.classes
        if self.options["root"] is None and not self.root.exists():
            return None
        names = self._existing("train", download=False)[1]
        if chosen:
            check_classes(chosen, names, where=self._where)
        return chosen or names

    @property
    def num_classes(self) -> int | None:
        """What a model's `num_classes` has to be: 1, one logit, where only yes or no is asked; else how many classes.

        None as for `class_names`.
        """
        names = self.class_names()
        if not names or self._kind.counts_numbers:
            return None
        return 1 if len(names) == 2 and task_spec(self.spec.task).one_logit else len(names)

    @property
    def num_targets(self) -> int | None:
        """How many numbers the truth about a sample is; the data are read. None for other truths, and without data."""
        if not self._kind.counts_numbers:
            return None
        try:
            split = self._existing("train", download=False)[0]
        except ZooError:
            return None  # what is wrong with them is said when they are loaded
        return int(split.targets.shape[1]) if isinstance(split.targets, np.ndarray) else None

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that can be loaded: train, validation, and test where there is one."""
        if self.options["test_size"] is not None:
            return ("train", "validation", "test")
        try:
            exists = self._own("test", download=False) is not None
        except ZooError:
            exists = True  # it is declared; what is wrong with it is said when it is loaded
        return ("train", "validation", "test") if exists else ("train", "validation")

    def load(self, split: str, *, download: bool = False, feeding: Feeding | None = None) -> Samples:
        """The samples of "train", "validation" or "test"; `download` allows to fetch what is missing; `feeding` says
        where they shall lie, by itself where there is room for them.

        Where the disk has no test split, `test_size` samples of train are set aside for it, if that is given. Where it
        has no validation split, a fixed part of what is left is: `val_size` samples, or a tenth. Tiles are cut
        afterwards, so that no picture is in two splits, and files that cannot be read are left out afterwards
        (`skip_bad`), so that they change no split. Raises UsageError for an unknown split, ZooError for data that are
        missing or damaged.
        """
        part, names = self.part(split, download=download)
        self.read_to_learn(download=download)
        where = f"{self._where}, split {split}"
        tiles = tiles_of(self.spec, self.options)
        skip_bad: bool = self.options["skip_bad"]
        recipes = self.recipes
        with given_by_loader(self.spec, plugin=self.plugin, where=where):
            told: dict[str, Any] = {"tiles": tiles, "where": where, "skip_bad": skip_bad, "feeding": feeding}
            samples = make_samples(part, names, recipes, spec=self.spec, **told)
            check_samples(samples, self.inputs, options=self.options, where=where)
        return samples

    def load_all(self, *, download: bool = False, feeding: Feeding | None = None) -> dict[str, Samples]:
        """Every split as `load` gives it. Files that cannot be read are told of for all splits at once."""
        names, asked = self.split_names, feeding or Feeding()

        def count(split: str) -> int:
            return len(self.part(split, download=download)[0])

        def load(split: str) -> Samples:
            together = sum(map(count, names))
            return self.load(split, download=download, feeding=dataclasses.replace(asked, count=together))

        return told_at_once(names, load, count=count, where=self._where)

    def skipped(self, samples: Samples) -> tuple[str, ...]:
        """The files that were left out because they cannot be read, from the dataset's root on where they are in it."""
        return tuple(
            (path.relative_to(self.root) if path.is_relative_to(self.root) else path).as_posix()
            for path in samples.skipped
        )

    @property
    def is_read(self) -> bool:
        """Whether the loader has given a split: what fails then is no matter of absent data."""
        return any(found is not None for found in self._read_splits.values())

    def count(self, split: str, *, download: bool = False) -> tuple[int, dict[str, int] | None]:
        """How many samples a split has, and how many of each class; None where a sample is a mask. As `load`, but
        pictures in files are not read, and tiles not cut."""
        part, names = self.part(split, download=download)
        if self._kind.unchosen:
            return len(part), None
        counts = np.bincount(numbers_to_choose_by(part), minlength=len(names))
        return len(part), dict(zip(names, map(int, counts), strict=True))

    def part(self, split: str, *, download: bool) -> tuple[Split, tuple[str, ...]]:
        """The samples of a split, and the names of their classes."""
        if split not in {"train", "validation", "test"}:
            known = ("train", "validation", "test")
            raise UsageError(f"there is no split {split!r}", hint=did_you_mean(split, known) or ", ".join(known))
        if split == "test":
            return self._test(download=download)
        return self._train_or_validation(split, download=download)

    def _test(self, *, download: bool) -> tuple[Split, tuple[str, ...]]:
        if self.options["test_size"] is None or self._own("test", download=download) is not None:
            part, names = self._chosen(*self._existing("test", download=download), "test")
            return self._fewer(part, "test", option="test_size"), names
        parts, names = self._train_and_test(download=download)
        return parts[1], names

    def _train_and_test(self, *, download: bool) -> tuple[tuple[Split, Split], tuple[str, ...]]:
        """What is there to train on, without the test part that is set aside of it."""
        whole, names = self._chosen(*self._existing("train", download=download), "train")
        size, none = self.options["test_size"], np.empty(0, np.int64)
        if size is None or self._own("test", download=download) is not None:
            return (whole, take(whole, none)), names
        numbers, stratified = numbers_to_choose_by(whole), self.options["stratified"]
        left, test = part_off(
            numbers, size, stratified=stratified, purpose="test", option="test_size", where=self._where
        )
        return (take(whole, left), take(whole, test)), names

    def _train_or_validation(self, split: str, *, download: bool) -> tuple[Split, tuple[str, ...]]:
        folded = self.options["val_fold"]
        own = None if folded else self._own("validation", download=download)
        if own is None:
            (whole, _), names = self._train_and_test(download=download)
            numbers, val_size = numbers_to_choose_by(whole), self.options["val_size"]
            divided = functools.partial(fold, text=folded) if folded else functools.partial(divide, val_size=val_size)
            parts = divided(numbers, stratified=self.options["stratified"], where=self._where)
            part = take(whole, parts[split == "validation"])
            return (self._fewer(part, split, option="train_size") if split == "train" else part), names
        if (wanted := self.options["val_size"]) is not None and not self.options["classes"]:
            # Also where only train is asked for: what cannot be is told at once, as where it has no split of its own.
            check_enough(len(own[0]), wanted, where=f"{self._where}, split validation", option="val_size")
        if split == "train":
            (part, _), names = self._train_and_test(download=download)
            return self._fewer(part, split, option="train_size"), names
        part, names = self._chosen(*own, split)
        return self._fewer(part, split, option="val_size"), names

    def _fewer(self, part: Split, split: str, *, option: str) -> Split:
        """As many samples of the part as the option says, where it says something."""
        where, stratified = f"{self._where}, split {split}", self.options["stratified"]
        return fewer(part, self.options[option], stratified=stratified, where=where, option=option)

    def _chosen(self, split: Split, names: tuple[str, ...], split_name: str) -> tuple[Split, tuple[str, ...]]:
        """The samples of the classes in use."""
        return of_classes(split, names, self.options["classes"], where=self._where, split_name=split_name)

    def _own(self, split: str, *, download: bool) -> tuple[Split, tuple[str, ...]] | None:
        """A split that the disk has; None where it has none."""
        return self._read(split, download=download) if split in self.spec.splits else None

    def _existing(self, split: str, *, download: bool) -> tuple[Split, tuple[str, ...]]:
        found = self._own(split, download=download)
        if found is None:
            raise ZooError(f"{self._where} has no {split} split", hint="zoo eval ... --split validation")
        return found

    def _read(self, split: str, *, download: bool) -> tuple[Split, tuple[str, ...]] | None:
        """What the loader returns for a split, checked; None when this root has no such split."""
        if split not in self._read_splits:
            found = call_loader(
                self.spec,
                split,
                root=self.root,
                options=self.options,
                download=download,
                where=self._where,
                plugin=self.plugin,
            )
            if found is not None and self.left_out:
                found = with_left_out(found[0], self.left_out, root=self.root), found[1]
            self._read_splits[split] = found
        return self._read_splits[split]

    @property
    def _kind(self) -> TargetKind:
        return targets_of(self.spec.task)

    @property
    def _where(self) -> str:
        return f"dataset {self.name}"
