"""A folder that `docker build` makes a container of: the zoo, an export, and its self-test as the health check."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from zoo_core import UsageError

from .contents import Contents
from .folders import new_folder, pieces_of, write
from .pins import pinned, without_core

USER = 10001
"""Who runs in the container; a number, so that Kubernetes' `runAsNonRoot` can see that it is not root."""
_WHEEL = re.compile(r"zoo_core-[0-9][A-Za-z0-9.+!]*-py3-none-any\.whl")
_MOST_BYTES = 1 << 30


def write_docker(contents: Contents, target: Path, *, port: int | None, wheel: Path | None) -> Path:
    """Write Dockerfile, requirements.txt and the export into a new folder; that folder.

    With a `port` the container answers HTTP there, and has what `zoo serve` needs besides the base install. `wheel`:
    a file of the zoo itself, where it is not to come from the package index. Raises UsageError and ZooError.
    """
    if wheel is not None and not _WHEEL.fullmatch(wheel.name):
        raise UsageError(f"{wheel} is no wheel of the zoo", hint="zoo_core-VERSION-py3-none-any.whl, as pip makes it")
    requirements = pinned(None if port is None else "serve")
    with new_folder(target) as folder:
        for name in contents.files:
            write(folder / "models" / contents.name / contents.stored_name(name), contents.pieces(name))
        if wheel is not None:
            write(folder / "wheels" / wheel.name, pieces_of(wheel, most=_MOST_BYTES))
            requirements = [f"./wheels/{wheel.name}", *without_core(requirements)]
        write(folder / "requirements.txt", _lines(requirements))
        write(folder / ".dockerignore", _lines(["**", "!requirements.txt", "!models", "!wheels"]))
        write(folder / "Dockerfile", _lines(_dockerfile(contents.name, port=port, has_wheel=wheel is not None)))
    return target


def _dockerfile(name: str, *, port: int | None, has_wheel: bool) -> Iterator[str]:
    """Nothing in the lines is a stranger's: the name is of few characters, and was looked at."""
    model = f"/models/{name}"
    yield f"# {name}: made by zoo package; its self-test has passed where it was made."
    yield f"FROM python:{sys.version_info.major}.{sys.version_info.minor}-slim-bookworm"
    yield f"RUN useradd --no-log-init --uid {USER} --user-group --create-home --home-dir /zoo zoo"
    yield "WORKDIR /opt/zoo"
    yield "COPY requirements.txt ./"
    if has_wheel:
        yield "COPY wheels ./wheels/"
    yield "RUN python -m pip install --no-cache-dir --no-deps --requirement requirements.txt"
    yield "COPY models /models/"
    yield f"USER {USER}:{USER}"
    yield "WORKDIR /zoo"
    if port is None:
        yield f"HEALTHCHECK --interval=5m --timeout=2m --start-period=1m CMD {_words('zoo', 'verify', model)}"
        yield f"ENTRYPOINT {_words('zoo')}"
        yield f"CMD {_words('verify', model)}"
        return
    ready = f"from urllib.request import urlopen; urlopen('http://127.0.0.1:{port}/v2/health/ready', timeout=5)"
    yield f"EXPOSE {port}"
    yield "# Ready is a model whose self-test has passed in the session that answers."
    yield f"HEALTHCHECK --interval=30s --timeout=10s --start-period=1m CMD {_words('python', '-c', ready)}"
    yield f"ENTRYPOINT {_words('zoo', 'serve', model, '--host', '0.0.0.0', '--port', str(port))}"  # noqa: S104


def _words(*words: str) -> str:
    return json.dumps(words)


def _lines(lines: Iterable[str]) -> list[bytes]:
    return [f"{line}\n".encode() for line in lines]
