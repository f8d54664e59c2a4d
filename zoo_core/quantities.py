"""Numbers of things and times, in words."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things in words: 1 epoch, 2,000 epochs, 3 classes, 2 axes."""
    if number == 1:
        return f"1 {noun}"
    ending = "es" if noun.endswith(("s", "x")) else "s"
    several = noun.removesuffix("is") + "es" if noun.endswith("is") else f"{noun}{ending}"
    return f"{number:,} {several}"


def lasting(seconds: float) -> str:
    """A time for people, in its two largest units: 45 s, 3 min 20 s, 1 h 5 min, 2 d 3 h."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [f"{days} d", f"{hours} h", f"{minutes} min", f"{left} s"]
    largest = next((place for place, unit in enumerate(units) if not unit.startswith("0 ")), 3)
    shown = units[largest : largest + 2]
    return " ".join(unit for unit in shown if not unit.startswith("0 ")) or "0 s"
