"""Numbers in few letters, as pages show them."""

from __future__ import annotations

import math


def short(value: float) -> str:
    """Four digits that say something, without an exponent where that can be."""
    if not math.isfinite(value):
        return "-" if math.isnan(value) else "infinite"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return f"{value:.4g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.2e}"


def tiny(value: float) -> str:
    """An error or a bound: two digits, 6.2e-07."""
    return f"{value:.2g}" if math.isfinite(value) else short(value)


def size(count: float) -> str:
    """Bytes as people say them: 253 kB, 1.2 GB."""
    for limit, unit in ((1e3, "B"), (1e6, "kB"), (1e9, "MB")):
        if count < limit:
            return f"{_three(count * 1e3 / limit)} {unit}"
    return f"{_three(count / 1e9)} GB"


def amount(count: float) -> str:
    """A number of things as people say it: 61.7 k, 25.6 M."""
    for limit, unit in ((1e3, ""), (1e6, " k"), (1e9, " M")):
        if count < limit:
            return f"{_three(count * 1e3 / limit)}{unit}"
    return f"{_three(count / 1e9)} G"


def duration(seconds: float) -> str:
    """Three digits: 12.3 µs, 4.56 ms, 7.89 s."""
    for limit, unit in ((1e-3, "µs"), (1.0, "ms")):
        if seconds < limit:
            return f"{_three(seconds * 1e3 / limit)} {unit}"
    return f"{_three(seconds)} s"


def percent(part: float) -> str:
    """A part in hundredths, 99.4; only all is 100."""
    return "100" if part == 1 else f"{min(part * 100, 99.9):.1f}"


def _three(value: float) -> str:
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"
