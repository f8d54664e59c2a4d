"""Installed distributions, any of which may be damaged: one file of one of them, and its version."""

from __future__ import annotations

import importlib.util
import re
import stat
import sys
from importlib import metadata
from pathlib import Path

_MOST_BYTES = 10_000_000
_METADATA = ("METADATA", "PKG-INFO", "")
"""Where name and version stand: in a wheel, in an egg, and in an egg that is a single file."""


class DamagedDistributionError(Exception):
    """A file of a distribution's metadata cannot be read; the message says why, without naming the distribution."""


def read_part(distribution: metadata.Distribution, name: str) -> str:
    """The text of one file of its metadata; empty if it has none. Raises DamagedDistributionError."""
    # importlib.metadata has no public word for the folder.
    folder = getattr(distribution, "_path", None)
    if not isinstance(folder, Path):  # in an archive
        try:
            return distribution.read_text(name) or ""
        except Exception as error:
            raise DamagedDistributionError(f"its {name} cannot be read: {error}") from error
    try:
        return _read(folder / name, name)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        raise DamagedDistributionError(f"its {name} cannot be read: {error}") from error


def name_and_version(distribution: metadata.Distribution) -> tuple[str, str]:
    """As its metadata say; where these are damaged, as its folder is called, `name_with_underscores-1.0.dist-info`."""
    said: dict[str, str] = {}
    for part in _METADATA:
        try:
            head = read_part(distribution, part).partition("\n\n")[0]
        except DamagedDistributionError:
            continue
        said = dict(re.findall(r"^(Name|Version):[ \t]*(\S+)[ \t]*$", head, re.MULTILINE))
        if said:
            break
    told, _, rest = str(getattr(getattr(distribution, "_path", None), "name", "")).partition("-")
    folder_version = rest.removesuffix(".dist-info") if rest.endswith(".dist-info") else ""
    return said.get("Name") or told.replace("_", "-") or "unknown", said.get("Version") or folder_version


def requirements_of(distribution: metadata.Distribution) -> list[str]:
    """What it requires, one requirement a text, those of extras too. Raises DamagedDistributionError."""
    return re.findall(r"^Requires-Dist: *(.+)$", read_part(distribution, "METADATA"), re.MULTILINE)


def license_of(name: str) -> str:
    """The license that an installed distribution gives: as an expression, in its own words, or as its classifiers.

    Empty for one that gives none, is not installed, or is damaged.
    """
    try:
        head = read_part(metadata.distribution(name), "METADATA").partition("\n\n")[0]
    except (metadata.PackageNotFoundError, DamagedDistributionError, ValueError):
        return ""
    for field in ("License-Expression", "License"):
        if told := re.findall(rf"^{field}: *(\S.*?) *$", head, re.MULTILINE):
            return str(told[0])
    return ", ".join(re.findall(r"^Classifier: License :: (?:.* :: )?(\S.*?) *$", head, re.MULTILINE))


def direct_requirements(name: str, *, extra: str | None = None) -> set[str]:
    """The names of what an installed distribution requires, those of other extras than `extra` left out.

    Empty for one that is not installed, or damaged.
    """
    try:
        texts = requirements_of(metadata.distribution(name))
    except (metadata.PackageNotFoundError, DamagedDistributionError, ValueError):
        return set()
    found = set()
    for text in texts:
        required, _, condition = text.partition(";")
        of_extra = re.search(r"""extra *== *['"]([\w.-]+)['"]""", condition)
        if (of_extra[1] if of_extra else None) == extra and (word := re.match(r"[\w.-]+", required)):
            found.add(word[0])
    return found


def is_installed(name: str) -> bool:
    """Whether there is a module of that name, or a distribution: scikit-learn brings the module sklearn."""
    try:
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            return True
    except ValueError:  # empty, or a module without a spec
        return name in sys.modules
    return version_of(name) is not None


def damaged_distributions() -> list[tuple[str, str]]:
    """The names of those whose entry points cannot be read, and why not."""
    found = []
    for distribution in metadata.distributions():
        try:
            read_part(distribution, "entry_points.txt")
        except DamagedDistributionError as error:
            found.append((name_and_version(distribution)[0], str(error)))
    return found


def version_of(name: str) -> str | None:
    """The version of an installed distribution, empty if it is too damaged to say; None if it is not installed."""
    try:
        return name_and_version(metadata.distribution(name))[1]
    except (metadata.PackageNotFoundError, ValueError):
        return None


def _read(path: Path, name: str) -> str:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no plain file"
        if not name:
            return ""
        raise DamagedDistributionError(f"its {name} is {kind}")
    if status.st_size > _MOST_BYTES:
        raise DamagedDistributionError(f"its {name} has {status.st_size:,} bytes, {_MOST_BYTES:,} are read at most")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise DamagedDistributionError(f"its {name} is no UTF-8, from byte {error.start} on") from error
