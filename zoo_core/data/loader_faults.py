"""Whose fault it is when what a loader gives cannot be used: that of the plugin, or of the files that it has read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from zoo_core.errors import RefusedFileError, UsageError, ZooError, in_words
from zoo_core.installation import CORE
from zoo_core.plugin_faults import PluginFaultError, code_of, given_by, who_mends
from zoo_core.specs import DatasetSpec

from .shards import NoRoomError
from .unreadable import UnreadableFilesError

_TOLD_ALREADY = (UsageError, RefusedFileError, PluginFaultError, UnreadableFilesError, NoRoomError)
"""What was typed, single files, the code of another plugin, and a disk that is full."""
_OF_ITS_FORM = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
"""What numpy and Python raise over things of another form than was promised."""


@contextlib.contextmanager
def given_by_loader(spec: DatasetSpec, *, plugin: str, where: str) -> Iterator[None]:
    """What is wrong with the samples that `spec.load` has given is told with its plugin and its line.

    The zoo's own loaders read files that others have made, and are not blamed for them.
    """
    try:
        yield
    except _TOLD_ALREADY:
        raise
    except ZooError as error:
        if is_bundled(plugin):
            raise
        whole = error.message if where in error.message else f"{where}: {error.message}"
        code = code_of(spec.load)
        hint = "; or ".join(filter(None, (error.hint, who_mends(plugin, code=code))))
        raise ZooError(given_by(whole, plugin=plugin, code=code), hint=hint) from error
    except _OF_ITS_FORM as error:
        if is_bundled(plugin):
            raise
        code = code_of(spec.load)
        what = given_by(f"{where}: the samples cannot be used: {in_words(error)}", plugin=plugin, code=code)
        raise ZooError(what, hint=f"{who_mends(plugin, code=code)}; ZOO_DEBUG=1 shows the traceback") from error


def is_bundled(plugin: str) -> bool:
    """Whether the zoo itself brings a plugin, by its id."""
    return plugin.partition(":")[0] == CORE
