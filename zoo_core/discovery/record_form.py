"""The form of what a child process says of a plugin: whatever ran there, the zoo goes on with data that it knows."""

from __future__ import annotations

from typing import Any

_KINDS = {"model", "dataset", "trainer", "task", "recipe"}
_TEXT_FIELDS = ("summary", "task", "source", "license", "family", "targets", "selection", "loss")
_LIST_FIELDS = ("splits", "needs", "aliases", "weights", "takes", "suffixes")


def is_record(value: Any) -> bool:
    """Whether it is the record of a plugin, as `cold_child.py` makes it."""
    if not isinstance(value, dict) or value.get("status") not in {"ok", "broken", "unavailable"}:
        return False
    lists = ("entries", "commands", "events", "absent")
    return (
        all(isinstance(value.get(name), list) for name in lists)
        and isinstance(value.get("problem"), type(None) if value["status"] == "ok" else str)
        and isinstance(value.get("hint"), str | None)
        and isinstance(value.get("seconds"), int | float | None)
        and (value["status"] == "ok" or not (value["entries"] or value["commands"] or value["events"]))
        and all(_is_entry(entry) for entry in value["entries"])
        and all(_is_command(command) for command in value["commands"])
        and _are_texts(value["events"])
        and _are_texts(value["absent"])
        and _are_files(value.get("files"))
    )


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and entry.get("kind") in _KINDS
        and isinstance(entry.get("name"), str)
        and bool(entry["name"])
        and all(isinstance(entry.get(name, ""), str) for name in _TEXT_FIELDS)
        and all(_are_texts(entry.get(name, [])) for name in _LIST_FIELDS)
        and (entry.get("classes") is None or _are_texts(entry["classes"]))
        and isinstance(entry.get("download_bytes", 0), int)
        and isinstance(entry.get("own_files"), bool | None)
        and all(isinstance(entry.get(name, {}), dict) for name in ("inputs", "outputs", "metrics"))
        and isinstance(options := entry.get("options", []), list)
        and all(isinstance(option, dict) and isinstance(option.get("name"), str) for option in options)
    )


def _is_command(command: Any) -> bool:
    return isinstance(command, dict) and set(command) == {"name", "help"} and _are_texts(list(command.values()))


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _are_files(files: Any) -> bool:
    return isinstance(files, dict) and all(
        isinstance(stamp, list) and len(stamp) == 2 and all(type(number) is int for number in stamp)
        for stamp in files.values()
    )
