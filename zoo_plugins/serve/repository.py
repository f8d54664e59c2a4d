"""The models that are served, by name and version: those of the command line, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo_core import UsageError, did_you_mean
from zoo_core.commands import find_export

from .refusals import RefusedError
from .served import ServedModel
from .settings import ServeSettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_GIVEN = re.compile(rf"(?P<name>{_NAME.pattern})(?:/(?P<version>{_NAME.pattern}))?=(?P<export>.+)")


@dataclass(frozen=True, kw_only=True)
class Given:
    """An export as it was given on the command line; `version` is empty where none was."""

    path: Path
    name: str
    version: str = ""


def read_given(text: str) -> Given:
    """`EXPORT`, `NAME=EXPORT` or `NAME/VERSION=EXPORT`. Raises UsageError for what is none of them, or not there."""
    found = _GIVEN.fullmatch(text)
    if found is not None and not Path(text).exists():
        return Given(path=find_export(found["export"]), name=found["name"], version=found["version"] or "")
    path = find_export(text)
    name = path.stem if path.suffix == ".onnx" and not path.is_dir() else path.resolve().name
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{text} has a name that cannot be a part of an address: {name!r}",
            hint="give it another one: NAME=EXPORT, of letters, digits, dots, dashes and underscores",
        )
    return Given(path=path, name=name)


class Repository:
    """Finds a model by name and version; without a version, the one that was given last."""

    def __init__(self, given: Sequence[Given], *, settings: ServeSettings) -> None:
        self._models: dict[str, dict[str, ServedModel]] = {}
        for each in given:
            versions = self._models.setdefault(each.name, {})
            if not each.version and any(model.path.resolve() == each.path.resolve() for model in versions.values()):
                raise UsageError(
                    f"{each.name} is given twice: {each.path}", hint="leave one out, or NAME/VERSION=EXPORT for another"
                )
            version = each.version or next(str(n) for n in range(1, len(given) + 2) if str(n) not in versions)
            if version in versions:
                raise UsageError(f"{each.name} is given twice in version {version}", hint="NAME/VERSION=EXPORT")
            versions[version] = ServedModel(each.path, name=each.name, version=version, settings=settings)

    def __iter__(self) -> Iterator[ServedModel]:
        return (model for versions in self._models.values() for model in versions.values())

    @property
    def is_ready(self) -> bool:
        """Whether every model that was not unloaded is ready."""
        return all(model.state == "READY" or not model.is_wanted for model in self)

    def versions(self, name: str) -> Mapping[str, ServedModel]:
        """All versions of a model, the newest last. Raises RefusedError for a name that is not served."""
        if name not in self._models:
            raise RefusedError(
                404, f"there is no model {name[:100]!r}", hint=did_you_mean(name[:100], self._models) or None
            )
        return self._models[name]

    def find(self, name: str, version: str | None = None) -> ServedModel:
        """A model; without a version, the newest that is ready, or else the newest. Raises RefusedError."""
        versions = self.versions(name)
        if version is None:
            newest = list(versions.values())[::-1]
            return next((model for model in newest if model.state == "READY"), newest[0])
        if version not in versions:
            raise RefusedError(
                404, f"model {name!r} has no version {version[:100]!r}", hint=f"it has {', '.join(versions)}"
            )
        return versions[version]

    def open(self) -> None:
        """Open all, one after the other. Raises as `ServedModel.open`; then none is left open."""
        try:
            for model in self:
                model.open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give back memory and processes."""
        for model in self:
            model.close()

    def in_words(self) -> str:
        """All models, for people."""
        several = {name for name, versions in self._models.items() if len(versions) > 1}
        return ", ".join(f"{each.name}/{each.version}" if each.name in several else each.name for each in self)

    def index(self) -> list[dict[str, str]]:
        """The state of every model, as the protocol tells it."""
        return [
            {"name": each.name, "version": each.version, "state": each.state, "reason": each.reason} for each in self
        ]

    def to_json(self) -> list[dict[str, str]]:
        """All models as plain data."""
        return [{"name": each.name, "version": each.version, "export": str(each.path)} for each in self]
