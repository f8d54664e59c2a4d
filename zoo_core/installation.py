"""How a distribution came here, as pip has noted it: what installs its extras, and whether its source can be edited."""

from __future__ import annotations

import functools
import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from .distributions import DamagedDistributionError, name_and_version, read_part, requirements_of

if TYPE_CHECKING:
    from importlib.metadata import Distribution

CORE = "zoo-core"
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w.-]+)['\"]")
_FOR_DEVELOPERS = ("dev", "test", "tests")


@functools.cache
def own_distribution() -> Distribution | None:
    """The distribution that this code belongs to; None for the source without an installation.

    A name alone proves nothing: `Zoo.Core` is the same one for pip, and may stand earlier on the search path.
    """
    from importlib import metadata

    candidates = list(metadata.distributions(name=CORE))
    for found in candidates:
        if _holds_this_code(found) and (len(candidates) == 1 or _name(found) == CORE):
            return found
    return next((found for found in candidates if _name(found) == CORE), None)


def is_own(distribution: Distribution) -> bool:
    """Whether it is the one that this code belongs to."""
    own = own_distribution()
    places = [str(each.locate_file("")) for each in (own, distribution) if each is not None]
    return places[:1] == places[1:] and _name(distribution) == CORE


def install_command(extra: str = "", *, distribution: str = CORE) -> str:
    """What installs a distribution with an extra, from where it came: its folder, file, repository or the index."""
    wanted = f"[{extra}]" if extra else ""
    origin = _origin(_distribution(distribution))
    path = _local_path(origin)
    if path is not None and path.exists():
        editable = "-e " if _part(origin, "dir_info").get("editable") else ""
        return f"pip install {editable}{shlex.quote(f'{path}{wanted}')}"
    if path is None and (url := origin.get("url")):
        vcs = _part(origin, "vcs_info")
        revision = vcs.get("requested_revision") or vcs.get("commit_id")
        place = f"{vcs.get('vcs')}+{url}@{revision}" if vcs else url
        return f"pip install {shlex.quote(f'{distribution}{wanted} @ {place}')}"
    return f"pip install {shlex.quote(f'{distribution}{wanted}')}"


def update_command(wanted: str = "") -> str:
    """What brings another version of the zoo, such as ">=0.3" or the newest, from where this one came."""
    path = _local_path(_origin(own_distribution()))
    if path is not None:
        return f"bring {path} up to date, which {CORE} is installed from"
    return f"{install_command()} --upgrade" if not wanted else f"pip install {shlex.quote(f'{CORE}{wanted}')}"


def editable_folder(distribution: str) -> Path | None:
    """The project's folder of a distribution that was installed with `pip install -e`; None for all others."""
    origin = _origin(_distribution(distribution))
    return _local_path(origin) if _part(origin, "dir_info").get("editable") else None


def extra_with(package: str, *, distribution: str) -> str | None:
    """The extra of a distribution that brings a package, which may have the name of its module; None if none does.

    Of several, the one that brings the least.
    """
    found = _distribution(distribution)
    brought: dict[str, set[str]] = {}
    for text in _requirements(found):
        if match := _EXTRA.search(text):
            brought.setdefault(match[1], set()).add(_normalised(re.split(r"[^\w.-]", text)[0]))
    having = [extra for extra, packages in brought.items() if _normalised(package) in packages]
    return min(
        having, key=lambda extra: (extra in _FOR_DEVELOPERS, len(brought[extra]), len(extra), extra), default=None
    )


def _requirements(distribution: Distribution | None) -> list[str]:
    try:
        return [] if distribution is None else requirements_of(distribution)
    except DamagedDistributionError:
        return []


def _origin(distribution: Distribution | None) -> dict[str, Any]:
    """What pip has written into `direct_url.json`; empty for a distribution that came from an index."""
    try:
        origin = json.loads((distribution and read_part(distribution, "direct_url.json")) or "{}")
    except (DamagedDistributionError, ValueError, RecursionError):
        return {}
    return origin if isinstance(origin, dict) else {}


def _part(origin: dict[str, Any], key: str) -> dict[str, Any]:
    part = origin.get(key)
    return part if isinstance(part, dict) else {}


def _distribution(name: str) -> Distribution | None:
    if name == CORE:
        return own_distribution()
    from importlib import metadata

    try:
        return metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return None


def _holds_this_code(distribution: Distribution) -> bool:
    here = Path(__file__)
    folders = (Path(str(distribution.locate_file(""))), _local_path(_origin(distribution)))
    return any(folder is not None and _same(folder / here.parent.name / here.name, here) for folder in folders)


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def _local_path(origin: dict[str, Any]) -> Path | None:
    parts = urlsplit(str(origin.get("url", "")))
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _name(distribution: Distribution) -> str:
    return name_and_version(distribution)[0]


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
