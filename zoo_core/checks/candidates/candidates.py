"""What rules are applied to, where it needs no torch: a plugin as a whole, and a dataset."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo_core.checks.apart.own_process import in_child
from zoo_core.data import BoundDataset, bind_dataset
from zoo_core.files import temporary_folder

if TYPE_CHECKING:
    from zoo_core.discovery import Plugin
    from zoo_core.registry import Dataset, Zoo

IMPORT_SECONDS = 0.05
"""An import that takes less is quick."""
_MOST_LOOKS = 3


@dataclass(frozen=True, kw_only=True)
class PluginCandidate:
    """A plugin as a whole: what importing it does, and what it says of itself."""

    zoo: Zoo
    plugin: Plugin
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """What findings call it."""
        return f"plugin {self.plugin.id}"

    @property
    def module(self) -> str:
        """The module that its entry point names."""
        return self.plugin.module

    @property
    def is_unusable(self) -> bool:
        """Whether it offers nothing, because it cannot be loaded."""
        return self.plugin.status in {"broken", "unavailable"}

    @functools.cached_property
    def watched(self) -> dict[str, Any]:
        """What importing the module does, in a fresh process (see `plugin_child`); the fewest seconds of several, which
        are looked at only where the first are too many."""
        with temporary_folder("zoo-check-") as folder:
            call = "zoo_core.checks.apart.plugin_child:watch_import"
            seen: list[dict[str, Any]] = []
            while len(seen) < _MOST_LOOKS and not (seen and seen[-1]["seconds"] < IMPORT_SECONDS):
                seen.append(in_child(call, self.plugin.value, own_files=str(folder)))
        return {**seen[0], "seconds": min(each["seconds"] for each in seen)}


@dataclass(frozen=True, kw_only=True)
class DatasetCandidate:
    """A dataset with the options that were given for it."""

    dataset: Dataset
    module: str
    options: Mapping[str, Any] = field(default_factory=dict)
    download: bool = False

    @property
    def shown(self) -> str:
        """What findings call it."""
        return f"dataset {self.dataset.name}"

    @property
    def expected_failures(self) -> Mapping[str, str]:
        """Rules that the plugin says it breaks, and why."""
        return self.dataset.spec.expected_failures

    @functools.cached_property
    def bound(self) -> BoundDataset:
        """The dataset with its options; it keeps what was read, so that several rules read it once."""
        return bind_dataset(self.dataset, self.options)
