"""Telling an event to one plugin: nothing that a listener does reaches what it is told of."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

from .fault import PluginError
from .offers import Offers, contained, hook_place
from .process_facts import changed_facts, process_facts, put_back, same_random_numbers

_STREAMS = {"standard streams": (0, 1, 2)}


def tell_one(offers: Offers, event: str, arguments: Mapping[str, Any], *, module: str) -> None:
    """Call the hook `event` of a plugin with copies of the arguments.

    Raises PluginError for whatever the plugin raises, and where it has changed a setting of the process, which is as it
    was before then.
    """
    hook = partial(getattr(offers.manager.hook, event), **{name: as_told(value) for name, value in arguments.items()})
    before, changed = process_facts(_STREAMS), list[str]()
    try:
        with same_random_numbers():
            contained(hook, module=module, doing=f"in {event}")
    finally:
        changed = changed_facts(before, process_facts(_STREAMS))
        put_back(before, changed)
    if changed:
        place = hook_place(offers.manager, event)
        raise PluginError(f"{event} at {place} changes {' and '.join(changed)} of the whole program")


def as_told(value: Any) -> Any:
    """A copy of a record: its mappings cannot be changed, and what can be is of no consequence."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {each.name: as_told(getattr(value, each.name)) for each in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    if isinstance(value, Mapping):
        return ToldMapping({key: as_told(each) for key, each in value.items()})
    if isinstance(value, list | tuple):
        return type(value)(map(as_told, value))
    return copy.deepcopy(value)


class ToldMapping(dict[Any, Any]):
    """A dict, so that it can be written as JSON as ever, of which nothing can be changed."""

    def _refuse(self, *arguments: Any, **more: Any) -> NoReturn:
        raise TypeError("what a listener is told cannot be changed; dict(...) makes a copy that can")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)
