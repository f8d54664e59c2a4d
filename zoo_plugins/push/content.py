"""What may be sent: an export that is what its report says and passes its self-test here, or the layout of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo_core import UsageError, ZooError
from zoo_core.commands import find_export, model_file
from zoo_core.data import load_json, read_plain
from zoo_core.runtime import Isolated, open_model
from zoo_core.workflows.answers import require_self_test
from zoo_core.workflows.remote import Address, Manifest, check_published_files, checked_names, read_manifest

REPORT = "report.json"
MODEL = "model.onnx"
_MOST_INDEX = 4 << 20


@dataclass(frozen=True, kw_only=True)
class Content:
    """Files below `folder`, by the names that they are to have; `about` is told with them. `left_out`: other
    files of the folder, which the report does not list. `image` is set where it is
    the layout of an image, whose files are its blobs."""

    folder: Path
    files: list[str]
    about: Mapping[str, str]
    left_out: tuple[str, ...] = ()
    image: Manifest | None = None

    @property
    def is_export(self) -> bool:
        """Whether `zoo pull` can fetch it."""
        return self.image is None


@dataclass(frozen=True, kw_only=True)
class Sent:
    """Where it is now: `digest` names the content, `was_there` says that it was there before."""

    address: str
    digest: str
    was_there: bool = False


def content_of(typed: str, address: Address, *, isolated: Isolated) -> Content:
    """What is to be sent. Raises UsageError where there is no such export, NotVerifiedError where a file of it has
    changed or its self-test does not pass."""
    folder = Path(typed)
    if (folder / "oci-layout").is_file():
        if address.kind != "oci":
            raise UsageError(f"{typed} is an image, which a registry takes: {address} is none", hint="oci://HOST/NAME")
        return _layout(folder)
    folder = find_export(typed)
    if not folder.is_dir():
        raise UsageError(
            f"{typed} is a bare file, and an export that is sent has its report beside it",
            hint="name the folder of the export",
        )
    files = check_published_files(folder)
    with open_model(folder, isolated=isolated) as model:
        metadata = model.metadata
        require_self_test(model, otherwise=f"{typed} is not pushed")
    about = {
        "org.opencontainers.image.title": metadata.name,
        "org.opencontainers.image.licenses": metadata.license,
        "zoo.task": metadata.task,
        "zoo.model.sha256": files[model_file(folder).name],
    }
    sent = sorted([*files, REPORT])
    there = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return Content(
        folder=folder,
        files=sent,
        about={key: text for key, text in about.items() if text},
        left_out=tuple(sorted(set(there) - set(sent))),
    )


def _layout(folder: Path) -> Content:
    """An image in the layout of the specification, with one manifest. Raises ZooError."""
    try:
        index = load_json(read_plain(folder / "index.json", most=_MOST_INDEX, within=folder))
        (listed,) = index["manifests"]
        algorithm, _, digest = listed["digest"].partition(":")
        path = Path("blobs", *checked_names([algorithm, digest], where=str(folder)))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ZooError(f"{folder} is no layout of one image", hint="zoo package makes it anew") from None
    manifest = read_manifest(read_plain(folder / path, most=_MOST_INDEX, within=folder), where=str(folder))
    return Content(folder=folder, files=[], about=manifest.annotations, image=manifest)
