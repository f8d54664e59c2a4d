"""How many processors the container of this process may use: what control groups say, of Linux alone."""

from __future__ import annotations

from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def processors_of_container(root: Path = _CGROUPS, own: Path = _OWN) -> float | None:
    """Processors that the control groups of this process let it use, 1.5 is one and a half; None where nothing limits.

    The smallest limit counts, be it of its own group or of one above. `root`: where the groups are mounted; `own`: the
    file that says which are its own.
    """
    limits = [
        limit
        for folder in _groups(root, _text(own))
        if (limit := _second_version(folder)) is not None or (limit := _first_version(folder)) is not None
    ]
    return min(limits, default=None)


def _groups(root: Path, own: str) -> list[Path]:
    """The folders of its groups and of those above. In a container, the path is often that of the machine outside, and
    the root is the group itself."""
    found = []
    for line in own.splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        bases = [root / controllers, root / "cpu"] if controllers else [root]
        inside = [part for part in path.split("/") if part not in {"", "."}]
        depths = range(1 if ".." in inside else len(inside) + 1)
        found += [base.joinpath(*inside[:depth]) for base in bases for depth in depths]
    return found


def _second_version(folder: Path) -> float | None:
    quota, _, period = _text(folder / "cpu.max").strip().partition(" ")
    return _ratio(quota, period)


def _first_version(folder: Path) -> float | None:
    return _ratio(_text(folder / "cpu.cfs_quota_us").strip(), _text(folder / "cpu.cfs_period_us").strip())


def _ratio(quota: str, period: str) -> float | None:
    """None for "max" and "-1", which are no limit, and for what is no number."""
    if not (quota.isdecimal() and period.isdecimal()) or not int(quota) or not int(period):
        return None
    return int(quota) / int(period)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
