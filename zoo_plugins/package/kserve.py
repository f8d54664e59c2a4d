"""An InferenceService of KServe that has its Triton runtime serve an export, and what is to be put into its storage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from zoo_core import UsageError
from zoo_core.commands import shell_word

from .contents import Contents
from .folders import new_folder, pieces_of, write
from .image import ImageFile, annotations_of, write_image
from .triton import write_triton

SERVICE = "inference-service.yaml"
REPOSITORY = "repository"
IMAGE = "image"
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
"""What Kubernetes takes as the name of a service."""
_SCHEMES = ("oci", "s3", "gs", "pvc", "hf", "http", "https", "hdfs", "webhdfs", "abfs")
_STORAGE = re.compile(rf"({'|'.join(_SCHEMES)})://[!-~]{{1,1000}}")


def write_kserve(
    contents: Contents, target: Path, *, storage: str | None, version: int, batch: int, delay: float, architecture: str
) -> Path:
    """Write the service and what its storage is to hold into a new folder; that folder.

    The name is one of `service_name`. `storage`: where KServe will find the models; for `oci://` an image is written
    besides. Raises UsageError for a storage that cannot be.
    """
    storage = _checked_storage(storage)
    with new_folder(target) as folder:
        models = folder / REPOSITORY
        write_triton(contents, models, version=version, batch=batch, delay=delay)
        if storage.startswith("oci://"):
            image = folder / IMAGE
            image.mkdir()
            write_image(image, _files(models), annotations=annotations_of(contents), architecture=architecture)
        text = "\n".join(_service(contents.name, storage, sha256=contents.sha256(contents.files[0]))) + "\n"
        write(folder / SERVICE, [text.encode()])
    return target


def next_steps(target: Path, storage: str) -> str:
    """The commands that put it to work."""
    apply = f"kubectl apply -f {shell_word(str(target / SERVICE))}"
    if storage.startswith("oci://"):
        return f"zoo push {shell_word(str(target / IMAGE))} {shell_word(storage)}, then {apply}"
    return f"copy what is in {shell_word(str(target / REPOSITORY))} to {shell_word(storage)}, then {apply}"


def service_name(name: str) -> str:
    """The name as Kubernetes takes it: small letters, digits and '-'. Raises UsageError where there is none."""
    found = re.sub(r"[._]+", "-", name.lower()).strip("-")
    if not _NAME.fullmatch(found):
        raise UsageError(
            f"{name!r} cannot be the name of a service of Kubernetes",
            hint="--name with at most 63 small letters, digits and '-', a letter first",
        )
    return found


def _checked_storage(storage: str | None) -> str:
    if storage is None:
        raise UsageError(
            "KServe has to know where the models will lie",
            hint="--storage oci://REGISTRY/NAME:TAG, s3://..., pvc://...",
        )
    if not _STORAGE.fullmatch(storage):
        raise UsageError(f"--storage {storage!r} is no address of KServe's", hint=f"one of {'://, '.join(_SCHEMES)}://")
    return storage


def _files(models: Path) -> Iterator[ImageFile]:
    for path in sorted(each for each in models.rglob("*") if each.is_file()):
        name = path.relative_to(models).as_posix()
        yield ImageFile(name=name, size=path.stat().st_size, pieces=pieces_of(path))


def _service(name: str, storage: str, *, sha256: str) -> Iterator[str]:
    """Lines of YAML. Nothing in them is a stranger's: the name and the storage are of few characters, and looked at."""
    yield f"# {name}: made by zoo package; its self-test has passed where it was made."
    yield "apiVersion: serving.kserve.io/v1beta1"
    yield "kind: InferenceService"
    yield "metadata:"
    yield f'  name: "{name}"'
    yield "  annotations:"
    yield f'    zoo/model-sha256: "{sha256}"'
    yield "spec:"
    yield "  predictor:"
    yield "    model:"
    yield "      modelFormat:"
    yield "        name: triton"
    yield "      runtime: kserve-tritonserver"
    yield "      protocolVersion: v2"
    yield f"      storageUri: {_text(storage)}"


def _text(value: str) -> str:
    """A string of YAML, of printable ASCII."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
