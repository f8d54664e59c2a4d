"""Which package is made for whom, and what comes next."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path

from zoo_core.commands import shell_word
from zoo_core.runtime import Isolated

from .contents import Contents, open_contents
from .docker import write_docker
from .image import write_modelcar
from .kserve import next_steps, service_name, write_kserve
from .mlserver import write_mlserver
from .options import Asked
from .triton import write_triton


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """What was made: a folder, the files in it, and the command that goes on from there."""

    path: Path
    name: str
    files: list[str]
    then: str


def packaged(export: str, asked: Asked, *, isolated: Isolated) -> Packaged:
    """Make the package that is asked for. Raises UsageError and ZooError, and leaves nothing behind then."""
    contents = open_contents(export, name=asked.name, isolated=isolated)
    if asked.target == "kserve":
        contents = dataclasses.replace(contents, name=service_name(contents.name))
    made, then = _WRITERS[asked.target](contents, asked)
    files = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    return Packaged(path=made, name=contents.name, files=files, then=then)


def _triton(contents: Contents, asked: Asked) -> tuple[Path, str]:
    made = write_triton(contents, asked.to, version=asked.version, batch=asked.batch, delay=asked.delay)
    return made, f"tritonserver --model-repository={shell_word(str(asked.to))}"


def _kserve(contents: Contents, asked: Asked) -> tuple[Path, str]:
    made = write_kserve(
        contents,
        asked.to,
        storage=asked.storage,
        version=asked.version,
        batch=asked.batch,
        delay=asked.delay,
        architecture=asked.architecture,
    )
    return made, next_steps(made, asked.storage or "")


def _mlserver(contents: Contents, asked: Asked) -> tuple[Path, str]:
    made = write_mlserver(contents, asked.to, version=asked.version, batch=asked.batch, delay=asked.delay)
    return made, f"mlserver start {shell_word(str(asked.to))}"


def _docker(contents: Contents, asked: Asked) -> tuple[Path, str]:
    made = write_docker(contents, asked.to, port=asked.port, wheel=asked.wheel)
    return made, f"docker build --tag {_image_name(contents.name)} {shell_word(str(made))}"


def _modelcar(contents: Contents, asked: Asked) -> tuple[Path, str]:
    made = write_modelcar(contents, asked.to, architecture=asked.architecture)
    return made, f"zoo push {shell_word(str(made))} oci://REGISTRY/{_image_name(contents.name)}:1"


def _image_name(name: str) -> str:
    """As registries take it: small letters, digits, and between them marks."""
    return re.sub(r"[._-]+", lambda found: found[0][0], name.lower()).strip("._-") or "model"


_WRITERS = {"triton": _triton, "kserve": _kserve, "mlserver": _mlserver, "docker": _docker, "modelcar": _modelcar}
