"""The call of a dataset's loader, and what is said when it fails."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo_core.errors import Terminated, UsageError, ZooError, in_words
from zoo_core.plugin_faults import code_of, who_mends
from zoo_core.specs import DatasetSpec

from .loader_faults import given_by_loader, is_bundled
from .needs import absent_package, check_needs
from .splits import Split, checked_split
from .targets import targets_of


class RootNeededError(UsageError):
    """A dataset of the user's own files is asked for without saying where they are."""


def lacks_root(spec: DatasetSpec, given: Any, *, default: Path) -> bool:
    """Whether samples are the user's own files, and nobody has said where they are."""
    own = spec.own_files
    if own is None:
        own = spec.classes is None and targets_of(spec.task).needs_names and not spec.download_bytes
    return own and given is None and not default.exists()


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
    if lacks_root(spec, options["root"], default=root):
        raise RootNeededError(
            f"{where} needs the folder of your data, or their file", hint=f"-d root=PATH; see zoo info {spec.name}"
        )
    check_needs(spec.needs, where=where)
    own = {option.name: options[option.name] for option in spec.own_options}
    try:
        loaded = spec.load(root, split=split, download=download, **own)
    except (ZooError, KeyboardInterrupt, Terminated, MemoryError):
        raise
    except OSError as error:
        mend = "" if is_bundled(plugin) else f", or {who_mends(plugin, error, code=code_of(spec.load))}"
        raise ZooError(f"{where} could not be loaded: {error}", hint=f"check -d root=DIR{mend}") from error
    except BaseException as error:
        if isinstance(error, ModuleNotFoundError) and (absent := absent_package(error, where=where)):
            raise absent from error
        raise ZooError(
            f"{where} (plugin {plugin}) could not be loaded: {in_words(error)}",
            hint=f"{who_mends(plugin, error, code=code_of(spec.load))}; ZOO_DEBUG=1 shows where",
        ) from error
    if loaded is None and split != "train":
        return None
    where = f"{where}, split {split}"
    with given_by_loader(spec, plugin=plugin, where=where):
        return checked_split(loaded, spec, where=where)
