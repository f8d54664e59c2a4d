"""Fetching a dataset's files: known sha256, mirrors, whole or not at all, and a clear word when there is no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.files import clear_io_errors, sha256_of

_SECONDS = 30
_PLAIN = {"Accept-Encoding": "identity"}  # the file as it is: a server that packs it once more would change its hash


class UnprotectedError(Exception):
    """A file came by a way on which anybody could have changed it."""


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file that can be fetched: its name, the sha256 of its bytes, and its size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class RemoteFiles:
    """The files that a dataset consists of: `(sha256, size in bytes)` by name, and the mirrors that have them all."""

    dataset: str
    files: Mapping[str, tuple[str, int]]
    mirrors: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(size for _, size in self.files.values())

    def find(self, name: str, *, root: Path, download: bool) -> Path:
        """One of the files: as it is in `root`, unchecked, because it is the user's; or else fetched and checked.

        Raises ZooError that says what to do when it is not there and `download` is not allowed, or fails.
        """
        if (root / name).exists():
            return root / name
        if not download:
            raise ZooError(
                f"dataset {self.dataset} is not in {root}: {name} is missing",
                hint=f"add --download to fetch it ({self.size / 1e6:.1f} MB), "
                "or give the folder that has it: -d root=DIR",
            )
        sha256, size = self.files[name]
        file = RemoteFile(name=name, sha256=sha256, size=size)
        return fetch(file, mirrors=self.mirrors, folder=root, dataset=self.dataset)


def fetch(file: RemoteFile, *, mirrors: Sequence[str], folder: Path, dataset: str) -> Path:
    """The path of `file` in `folder`; if it is not there, it is fetched from the first mirror that has it.

    `mirrors` are URLs that end in "/". Raises ZooError that names the file, the places and what to do, when no mirror
    gives the right bytes, or when another file of that name is in the way.
    """
    path = folder / file.name
    if path.exists():
        if sha256_of(path) != file.sha256:
            raise ZooError(
                f"{path} is not the file that dataset {dataset} needs: its sha256 differs",
                hint="remove it to fetch it again, or say where the right files are: -d root=DIR",
            )
        return path
    with clear_io_errors("cannot write", folder):
        folder.mkdir(parents=True, exist_ok=True)
    problems = []
    for mirror in mirrors:
        problem = _retrieve(mirror + file.name, file, folder)
        if problem is None:
            return path
        problems.append(f"  {mirror + file.name}: {problem}")
    raise ZooError(
        f"cannot download {file.name} of dataset {dataset}:\n" + "\n".join(problems),
        hint=f"check the network; or put {file.name} into a folder yourself and give it: -d root=DIR",
    )


def _retrieve(url: str, file: RemoteFile, folder: Path) -> str | None:
    """Fetch one URL; what went wrong in one line, or None. Disk trouble is raised: no mirror helps against it."""
    from pooch.core import retrieve

    def stream(fname: str, action: Any, pooch: object, *, check_only: bool | None = None) -> None:
        stream_to(fname, Path(action), most_bytes=file.size)

    def from_there() -> None:
        # pooch writes to a temporary file beside the final one, checks the hash, and renames.
        retrieve(url, known_hash=f"sha256:{file.sha256}", fname=file.name, path=folder, downloader=stream)

    return problem_of(from_there, path=folder / file.name)


def stream_to(url: str, path: Path, *, most_bytes: int, protected: bool = False) -> None:
    """Write what a URL sends to a file. Raises ValueError as soon as it is more than `most_bytes`.

    `protected`: what comes is believed because of the way it comes, so that no step of it may be without https; raises
    UnprotectedError before anything is read.
    """
    import requests

    with requests.get(url, timeout=_SECONDS, stream=True, headers=_PLAIN) as response, path.open("wb") as out:
        response.raise_for_status()
        plain = [step.url for step in (*response.history, response) if not step.url.startswith("https://")]
        if protected and plain:
            raise UnprotectedError(f"it redirects to {plain[0]}, which is not https")
        for piece in response.iter_content(1 << 20):
            out.write(piece)
            if out.tell() > most_bytes:
                raise ValueError("longer than the file")


def problem_of(fetch: Callable[[], None], *, path: Path) -> str | None:
    """What went wrong while `fetch` fetched the file at `path`, in one line, or None; disk trouble is a ZooError.

    A ValueError means that other bytes came than those that were wanted.
    """
    import requests

    try:
        fetch()
    except requests.HTTPError as error:
        return f"the server answered {error.response.status_code if error.response is not None else error}"
    except requests.Timeout:
        return f"no answer within {_SECONDS} seconds"
    except requests.ConnectionError:
        return "no connection"
    except requests.RequestException as error:
        return str(error)
    except UnprotectedError as error:
        return str(error)
    except ValueError:
        return "what came is not the file: its size or sha256 differs"
    except OSError as error:
        with clear_io_errors("cannot write", path):
            raise error
    return None
