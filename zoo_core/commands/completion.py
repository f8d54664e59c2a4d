"""Completion of names in the shell: callbacks for click's `shell_complete`, answered from the catalogue."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

from zoo_core.errors import ZooError
from zoo_core.foreign_text import terminal_line
from zoo_core.registry import Kind, open_zoo
from zoo_core.shelf import ShelfEntry, list_exports, list_runs


def complete_models(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of models."""
    return _offered("model", incomplete)


def complete_datasets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of datasets."""
    return _offered("dataset", incomplete)


def complete_trainers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of trainers."""
    return _offered("trainer", incomplete)


def complete_entries(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of models, datasets and trainers."""
    return [item for kind in ("model", "dataset", "trainer") for item in _offered(kind, incomplete)]


def complete_described(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What `zoo info` tells about: the catalogue; exports, and files, where it has no name like it."""
    return complete_entries(ctx, param, incomplete) or complete_exports(ctx, param, incomplete)


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of runs in `runs/`; files when there is none like it."""
    return _kept(incomplete, list_runs) or _files(incomplete)


def complete_exports(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of exports in `exported/`; files when there is none like it."""
    return _kept(incomplete, list_exports) or _files(incomplete)


def complete_runs_and_exports(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of runs and exports; files when there is none like it."""
    return _kept(incomplete, list_runs, list_exports) or _files(incomplete)


def complete_plotted(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of runs, exports and datasets; files when there is none like it."""
    kept = _kept(incomplete, list_runs, list_exports)
    return [*kept, *_offered("dataset", incomplete)] or _files(incomplete)


def complete_models_and_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of runs and models; files when there is none like it."""
    return [*_kept(incomplete, list_runs), *_offered("model", incomplete)] or _files(incomplete)


def _offered(kind: Kind, incomplete: str) -> list[CompletionItem]:
    try:
        entries = open_zoo().entries(kind)
    except ZooError:
        return []  # a message in the middle of somebody's typing helps nobody
    return [CompletionItem(e.shown, help=terminal_line(e.summary)) for e in entries if e.shown.startswith(incomplete)]


def _kept(incomplete: str, *lists: Callable[[], tuple[ShelfEntry, ...]]) -> list[CompletionItem]:
    names: dict[str, None] = {}
    for listed in lists:
        with contextlib.suppress(ZooError):  # the folder cannot be read
            names |= dict.fromkeys(entry.name for entry in listed())
    return [CompletionItem(name) for name in names if name.startswith(incomplete) and name.isprintable()]


def _files(incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="file")]
