"""A reader that is given damaged files, and what came of them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from mutations import changed_json

from zoo_core.errors import ZooError

FILES = settings(
    database=None,
    deadline=None,
    phases=[Phase.generate],  # to shrink what a seed gives is work for who looks into it
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A reader that commands use: `content` are damaged files, which `read` opens under the name `file`."""

    file: str
    content: st.SearchStrategy[bytes]
    read: Callable[[Path], Any]


@dataclass(kw_only=True)
class Outcome:
    """What came of the files that one reader was given; `otherwise` are errors that no user should meet."""

    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    otherwise: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        return self.accepted + self.refused + len(self.otherwise)


def fuzz(reader: Reader, folder: Path, *, examples: int, start: int = 0) -> Outcome:
    """Give so many damaged files to a reader, the same ones for the same `start`."""
    outcome = Outcome()
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)

    @seed(start)
    @settings(FILES, max_examples=examples)
    @given(reader.content)
    def give(content: bytes) -> None:
        path.write_bytes(content)
        try:
            reader.read(path)
        except ZooError:  # each of its kinds has an exit code of 1 to 4
            outcome.refused += 1
        except Exception as error:
            outcome.otherwise.append(f"{type(error).__name__}: {str(error)[:200]}")
        else:
            outcome.accepted += 1

    began = time.perf_counter()
    give()
    outcome.seconds = time.perf_counter() - began
    return outcome


def damaged(files: list[bytes], change: Callable[[bytes], st.SearchStrategy[bytes]]) -> st.SearchStrategy[bytes]:
    """One of these files, changed."""
    return st.sampled_from(files).flatmap(change)


def damaged_json(value: Any) -> st.SearchStrategy[bytes]:
    """A record of JSON, changed."""
    return changed_json(value).map(lambda text: text.encode("utf-8", "surrogatepass"))


def saved(write: Callable[[Path], Any]) -> bytes:
    """The bytes of the file that is written."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "file"))
        return Path(folder, "file").read_bytes()
