"""The call of a dataset's loader, and what is said when it fails."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo_core.errors import UsageError, ZooError
from zoo_core.plugin_faults import who_mends
from zoo_core.specs import DatasetSpec

from .needs import absent_package, check_needs
from .splits import Split, checked_split
from .targets import targets_of


class RootNeededError(UsageError):
    """A dataset of the user's own files is asked for without saying where they are."""


def call_loader(
    spec: DatasetSpec,
    split: str,
    *,
    root: Path,
    options: Mapping[str, Any],
    download: bool,
    where: str,
    plugin: str,
) -> tuple[Split, tuple[str, ...]] | None:
    """What the loader returns for a split, checked; None when this root has no such split.

    `options` are the dataset's own and the core's. Raises ZooError that says whose fault it is.
    """
    own_files = spec.classes is None and targets_of(spec.task).needs_names and not spec.download_bytes
    if own_files and options["root"] is None and not root.exists():
        raise RootNeededError(
            f"{where} needs the folder of your data, or their file", hint=f"-d root=PATH; see zoo info {spec.name}"
        )
    check_needs(spec.needs, where=where)
    own = {option.name: options[option.name] for option in spec.own_options}
    try:
        loaded = spec.load(root, split=split, download=download, **own)
    except ZooError:
        raise
    except OSError as error:
        raise ZooError(f"{where} could not be loaded: {error}", hint="check -d root=DIR") from error
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and (absent := absent_package(error, where=where)):
            raise absent from error
        raise ZooError(
            f"{where} (plugin {plugin}) could not be loaded: {type(error).__name__}: {error}",
            hint=f"{who_mends(plugin, error)}; ZOO_DEBUG=1 shows where",
        ) from error
    if loaded is None and split != "train":
        return None
    return checked_split(loaded, spec, where=f"{where}, split {split}")
