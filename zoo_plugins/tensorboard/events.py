"""TensorBoard's event file: records of a length, a checksum, a message and its checksum. No thread, no open file."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from zoo_core import ZooError
from zoo_core.commands import install_command

_LENGTH = struct.Struct("<Q")
_CHECKSUM = 4


def start_file(path: Path, *, texts: Mapping[str, str]) -> None:
    """A new file with its version and texts by name, in the place of what is there. Raises ZooError if it cannot."""
    messages = _messages()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    _append(path, messages.Event(wall_time=time.time(), file_version="brain.Event:2"))
    event = messages.Event(wall_time=time.time(), step=0)
    for name, text in texts.items():
        value = event.summary.value.add(tag=f"{name}/text_summary")
        value.metadata.plugin_data.plugin_name = "text"
        value.tensor.dtype = 7  # a string
        value.tensor.tensor_shape.dim.add(size=1)
        value.tensor.string_val.append(text.encode())
    _append(path, event)


def append_scalars(path: Path, *, step: int, scalars: Mapping[str, float]) -> None:
    """One record with values by name. Raises ZooError where the file cannot be written."""
    event = _messages().Event(wall_time=time.time(), step=step)
    for name, number in scalars.items():
        event.summary.value.add(tag=name, simple_value=number)
    _append(path, event)


def last_step(path: Path) -> int | None:
    """The step of the last record; None where there is no file, or no record in it.

    What a killed process left behind the last whole record is cut off.
    """
    messages = _messages()
    if not path.exists():
        return None
    end, last = 0, b""
    with path.open("rb") as file:
        for data in _records(file):
            end, last = file.tell(), data
    if end < path.stat().st_size:
        os.truncate(path, end)
    return int(messages.Event.FromString(last).step) if end else None


def _records(file: IO[bytes]) -> Iterator[bytes]:
    while len(header := file.read(_LENGTH.size + _CHECKSUM)) == _LENGTH.size + _CHECKSUM:
        (length,) = _LENGTH.unpack_from(header)
        data = file.read(length)
        if len(data) < length or len(file.read(_CHECKSUM)) < _CHECKSUM:
            return
        yield data


def _append(path: Path, event: Any) -> None:
    from tensorboard.summary.writer import record_writer

    writer: Any = record_writer.RecordWriter  # the library declares no types
    with path.open("ab") as file:
        writer(file).write(event.SerializeToString())


def _messages() -> Any:
    """TensorBoard's messages, which it has without TensorFlow. Raises ZooError without the package."""
    try:
        from tensorboard.compat.proto import event_pb2
    except ImportError as error:
        raise ZooError(
            f"curves for TensorBoard need the package tensorboard: {error}",
            hint=f"{install_command('tensorboard')}, or unset ZOO_TENSORBOARD",
        ) from None
    return event_pb2
