"""How one entry of the catalogue is shown to people."""

from __future__ import annotations

from typing import Any


def description(found: dict[str, Any]) -> list[str]:
    """One line a fact, then one line an option."""
    lines = [f"{found['name']}: {found['summary']}", ""]
    lines += [f"{key:<12}{found[key]}" for key in ("kind", "task", "plugin", "source", "license") if found[key]]
    if "parameters" in found:
        count = "unknown" if found["parameters"] is None else f"{found['parameters']:,}"
        lines.append(f"{'parameters':<12}{count}")
    lines += [
        f"{key[:-1]:<12}{name} ({', '.join(map(str, tensor['axes']))}) {tensor['dtype']}"
        for key in ("inputs", "outputs")
        for name, tensor in found.get(key, {}).items()
    ]
    fixed: dict[str, str] = found.get("fixed_axes", {})
    for reason in dict.fromkeys(fixed.values()):
        lines.append(f"{'fixed':<12}{', '.join(axis for axis in fixed if fixed[axis] == reason)}: {reason}")
    listed = ("classes", "splits", "weights", "aliases", "needs", "augment")
    lines += [f"{key:<12}{_listed(found[key])}" for key in listed if found.get(key)]
    lines += _measured(found["statistics"]) if "statistics" in found else []
    if found["options"]:
        lines += ["", "options"]
        lines += [f"  {_option(option)}" for option in found["options"]]
    return lines


def _measured(statistics: dict[str, Any]) -> list[str]:
    """What `Preprocess(mean=..., std=...)` would be given."""
    rows = [f"{key:<12}{', '.join(f'{value:.6g}' for value in statistics[key])}" for key in ("mean", "std")]
    return [f"{'statistics':<12}of {statistics['n']:,} samples of the {statistics['split']} split, by channel", *rows]


def _listed(values: list[str]) -> str:
    return ", ".join(values[:10]) + (f", ... ({len(values)})" if len(values) > 10 else "")


def _option(option: dict[str, Any]) -> str:
    value = option.get("value", option["default"])
    shown = (
        ",".join(map(str, value)) if isinstance(value, list) else str(value).lower() if value is None else str(value)
    )
    kind = f"a list of {option['type'][:-3]}" if option["type"].endswith("...") else option["type"]
    choices = f", one of {', '.join(map(str, option['choices']))}" if "choices" in option else ""
    needed = " (required)" if option.get("required") and value is None else f"={shown}"
    return f"{option['name']}{needed}  [{kind}{choices}]"
