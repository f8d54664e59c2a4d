"""How much memory there is, and how much of it a process uses; Linux tells, other systems are not asked."""

from __future__ import annotations

from pathlib import Path

NO_ROOM = 74
"""The exit code of a child that could not write what it has computed, as `EX_IOERR` of sysexits.h."""

SHARE = 0.9
"""Of the memory that is available: what is left keeps the parent and the rest of the machine alive."""


def default_memory_limit() -> int | None:
    """Most of what is available to this process now, in bytes; None where that is not known, and nothing is limited."""
    found = [amount for amount in (_available_on_machine(), _available_in_group()) if amount is not None]
    return int(SHARE * min(found)) if found else None


def memory_of(process: int | str, *, peak: bool = False) -> int | None:
    """Bytes that a process holds for itself now, also on the swap; or with `peak` the most that it ever held at once,
    with the files it reads.

    None where that is not known, and for a process that has ended.
    """
    found = _amounts(Path(f"/proc/{process}/status"))
    if peak:
        return found.get("VmHWM")
    return found["RssAnon"] + found.get("VmSwap", 0) if "RssAnon" in found else None


def _available_on_machine() -> int | None:
    return _amounts(Path("/proc/meminfo")).get("MemAvailable")


def _available_in_group() -> int | None:
    """What a container (control group, version 2) may still use: files that it has read can be dropped."""
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
        held = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return max(0, int(limit) - int(used) + int(held.get("file", 0)))
    except (OSError, ValueError):  # no such group, or no limit: "max"
        return None


def _amounts(path: Path) -> dict[str, int]:
    """The lines `Name:   123 kB` of a file of the kernel, in bytes."""
    found = {}
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    for line in lines:
        name, _, rest = line.partition(":")
        amount, _, unit = rest.strip().partition(" ")
        if unit == "kB" and amount.isdigit():
            found[name] = 1024 * int(amount)
    return found
