"""Reading a run back: its record, its epochs, its best weights, its model and its data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zoo_core.errors import UsageError, ZooError
from zoo_core.foreign_text import shell_word
from zoo_core.offer_lookup import recorded_entry
from zoo_core.recipe_spec import Recipe
from zoo_core.records import EpochRow, RunInfo
from zoo_core.registry import Dataset, Entry, Model, Zoo, open_zoo
from zoo_core.shelf import find_run
from zoo_core.task_lookup import task_spec

from .directory import RUN_FILE, WEIGHTS_FILE, RunDirectory, read_info, read_rows
from .extras import need_torch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo_core.data import BoundDataset


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run on the disk. Opening it needs no torch; its weights do."""

    path: Path
    info: RunInfo
    rows: tuple[EpochRow, ...]

    @property
    def name(self) -> str:
        """The run's name: that of its folder."""
        return self.path.resolve().name

    def state_dict(self) -> dict[str, Tensor]:
        """The best weights.

        Raises ZooError when there are none yet, when the file is damaged, or when the run's record was edited.
        """
        need_torch("the weights of a run")
        from .checkpoint import read_tensors
        from .record_seal import check_record

        path = self.path / WEIGHTS_FILE
        if not path.exists():
            raise ZooError(f"run {self.name!r} has no weights: {path} is missing", hint=self._weights_again())
        try:
            tensors, facts = read_tensors(path, what="the run's weights")
        except ZooError as error:
            raise ZooError(error.message, hint=self._weights_again()) from None
        check_record(self.info, facts.get("record"), file=self.path / RUN_FILE)
        return tensors

    def _weights_again(self) -> str:
        """What brings a file of weights back that is missing or damaged."""
        resume = f"zoo train {self.info.model} --dataset {self.info.dataset} --run {shell_word(self.name)} --resume"
        if self.info.status == "unfinished":
            return resume
        if RunDirectory(self.path).has_state:
            longer = f"{resume} --epochs {self.info.epochs + 1}"
            return f"bring the file back from a copy; or {longer} takes them from the run's checkpoint, and trains on"
        return "bring the file back from a copy, or train again"

    def model(self, zoo: Zoo | None = None) -> Model:
        """The model that was trained. Raises ZooError where its plugin, or that of its task, is not there."""
        self._check_task(zoo := zoo or open_zoo())
        return zoo.model(self._entry(zoo, "model").qualified)

    def _entry(self, zoo: Zoo, kind: Literal["model", "dataset"]) -> Entry:
        name, plugin = getattr(self.info, kind), getattr(self.info, f"{kind}_plugin")
        return recorded_entry(zoo, kind, name, plugin=plugin)

    def _check_task(self, zoo: Zoo) -> None:
        """A run outlives the plugin of its task, of which its model only knows the name."""
        if self.info.task_plugin:
            task_spec(self._entry(zoo, "model").task, plugin=self.info.task_plugin)

    def build(self, zoo: Zoo | None = None) -> nn.Module:
        """The module with its best weights, in evaluation mode. Raises ZooError when they do not fit it."""
        from .checkpoint import load_strictly

        tensors = self.state_dict()
        module: nn.Module = self.model(zoo).build(**self.info.options)
        load_strictly(module, tensors, source=str(self.path / WEIGHTS_FILE))
        return module.eval()

    def dataset(self, zoo: Zoo | None = None, *, root: str | None = None) -> BoundDataset:
        """The dataset it was trained on, with the same options; nothing is read yet. `root`: where it lies now.

        Raises ZooError where its plugin, or that of its task, is not there.
        """
        from zoo_core.data import bind_dataset

        self._check_task(zoo := zoo or open_zoo())
        dataset: Dataset = zoo.dataset(self._entry(zoo, "dataset").qualified)
        moved = {} if root is None else {"root": root}
        options = {**self.info.dataset_options, **moved}
        return bind_dataset(dataset, options, recipes=self.recipes, left_out=self.info.skipped)

    @property
    def recipes(self) -> dict[str, Recipe]:
        """How the inputs of its dataset are made, with what was learnt for it. Raises ZooError for a damaged record."""
        return recorded_recipes(self.info)


def recorded_recipes(info: RunInfo) -> dict[str, Recipe]:
    """How the inputs of a run are made, as its record says. Raises ZooError for a damaged record."""
    return {name: Recipe.from_json(data) for name, data in info.recipes.items()}


def load_run(name_or_path: str | Path) -> Run:
    """The run of that name, or in that folder.

    Raises UsageError for an unknown name, ZooError when its files are missing or damaged.
    """
    if not isinstance(name_or_path, str | Path):
        raise UsageError(f"load_run takes the name or the path of a run, not a {type(name_or_path).__name__}")
    path = name_or_path if isinstance(name_or_path, Path) else find_run(name_or_path)
    return Run(path=path, info=read_info(path), rows=read_rows(path))
