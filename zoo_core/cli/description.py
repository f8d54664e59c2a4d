"""How one entry of the catalogue is shown to people."""

from __future__ import annotations

from typing import Any

from zoo_core.options import typed_value
from zoo_core.records import counted

_MOST_CLASSES = 12


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
    lines += [f"{'preprocess':<12}{'; '.join(steps_of(found['preprocess']))}"] if found.get("preprocess") else []
    lines += [f"{'recipe':<12}{name}: {recipe_in_words(recipe)}" for name, recipe in found.get("recipes", {}).items()]
    lines += [f"{'labels':<12}{found['label_count']:,}"] if found.get("label_count") else []
    lists = ("classes", "splits", "aliases", "needs", "augment")
    lines += [f"{key:<12}{listed(found[key])}" for key in lists if found.get(key)]
    lines += [f"{'loss':<12}{found['loss']}"] if found.get("loss") else []
    lines += _task(found) if found["kind"] == "task" else []
    lines += _samples(found["samples"]) if found.get("samples") else []
    if found.get("recipe"):
        options = [f"-t {key}={typed_value(value)}" for key, value in found["recipe"].items()]
        lines.append(f"{'recipe':<12}{' '.join(options)}")
    lines += _measured(found["statistics"]) if "statistics" in found else []
    if found.get("weights_details"):
        lines += ["", "weights"]
        lines += [f"  {_weights(weights, found['preprocess'])}" for weights in found["weights_details"]]
    if found["options"]:
        lines += ["", "options", *_options(found["options"])]
    return lines


def _task(found: dict[str, Any]) -> list[str]:
    """What the truth looks like, what is measured, and what there is to use."""
    metrics = [f"{name} ({better} is better)" for name, better in found["metrics"].items()]
    facts = {
        "targets": found["targets"],
        "metrics": ", ".join(metrics) or "none: it cannot be trained",
        "best epoch": found["selection"] and f"by {found['selection']}",
        "also takes": found["takes"] and f"datasets of {', '.join(found['takes'])}",
        "predict": "" if found["answers"] else "has no answers for it yet",
        "offered": f"{counted(found['models'], 'model')}, {counted(found['datasets'], 'dataset')}",
    }
    return [f"{name:<12}{text}" for name, text in facts.items() if text]


def _samples(splits: dict[str, Any]) -> list[str]:
    """A line a split: how many, and how many of each class; of many classes the fewest and the most."""
    width = max(map(len, splits))
    lines = []
    for number, (split, counts) in enumerate(splits.items()):
        key = "" if number else "samples"
        lines.append(f"{key:<12}{split:<{width}}  {counts['total']:>7,}{_of_classes(counts['classes'])}")
    return lines


def _of_classes(counts: dict[str, int] | None) -> str:
    if not counts:
        return ""
    if len(counts) > _MOST_CLASSES:
        return f"  in {counted(len(counts), 'class')}, {min(counts.values()):,} to {max(counts.values()):,} each"
    return "  " + ", ".join(f"{name}={count:,}" for name, count in counts.items())


def _measured(statistics: dict[str, Any]) -> list[str]:
    """What `Preprocess(mean=..., std=...)` would be given."""
    rows = [f"{key:<12}{', '.join(f'{value:.6g}' for value in statistics[key])}" for key in ("mean", "std")]
    return [
        f"{'statistics':<12}of {counted(statistics['n'], 'sample')} of the {statistics['split']} split, by channel",
        *rows,
    ]


def steps_of(recipe: dict[str, Any]) -> list[str]:
    """How a picture becomes an input, in the order in which it happens."""
    steps = [recipe["color"]]
    if (resize := recipe["resize"]) is not None:
        size = f"shorter side to {resize}" if isinstance(resize, int) else f"to {_sides(resize)}"
        steps.append(f"resized {size} ({recipe['interpolation']})")
    if recipe["crop"] is not None:
        steps.append(f"cropped to {_sides(recipe['crop'])}")
    steps += [f"{key} {', '.join(f'{value:.4g}' for value in recipe[key])}" for key in ("mean", "std")]
    return steps


def recipe_in_words(recipe: dict[str, Any]) -> str:
    """How an input that is no picture is made: the kind, its fields, and what it is made of."""
    if "recipe" not in recipe:
        return "; ".join(steps_of(recipe))
    fields = [f"{key}={typed_value(value)}" for key, value in recipe["fields"].items() if value not in ("", [])]
    source = [f"(of {recipe['source']})"] if recipe.get("source") else []
    return " ".join([recipe["recipe"], *fields, *source])


def _sides(sides: list[int]) -> str:
    return "x".join(map(str, sides))


def _weights(weights: dict[str, Any], usual: dict[str, Any] | None) -> str:
    """Name, place, size, license and metrics of trained parameters, as known, and how their preprocessing differs."""
    parts = [weights["name"]]
    parts += [f"in the package: {weights['file']}"] if weights["file"] else []
    if weights["size"] is not None:
        parts.append(f"{weights['size'] / 1e6:,.1f} MB")
    parts += [f"license {weights['license']}"] if weights["license"] else []
    parts += [f"{key} {value:g}" for key, value in weights["metrics"].items()]
    if weights["preprocess"]:
        known = steps_of(usual) if usual else []
        parts.append("but " + "; ".join(step for step in steps_of(weights["preprocess"]) if step not in known))
    return ", ".join(parts)


def listed(values: list[str]) -> str:
    """The first ten of them, and how many there are where there are more."""
    return ", ".join(values[:10]) + (f", ... ({len(values)})" if len(values) > 10 else "")


def _options(options: list[dict[str, Any]]) -> list[str]:
    """A line an option: its name and value, what it does where its author says so, and what it takes."""
    words = {option["name"]: _name_and_value(option) for option in options}
    explained = any(option.get("help") for option in options)
    width = max(map(len, words.values())) if explained else 0
    parts = [(words[option["name"]].ljust(width), option.get("help", ""), f"[{_takes(option)}]") for option in options]
    return ["  " + "  ".join(part for part in each if part) for each in parts]


def _name_and_value(option: dict[str, Any]) -> str:
    value = option.get("value", option["default"])
    needed = " (required)" if option.get("required") and value is None else f"={typed_value(value)}"
    return f"{option['name']}{needed}"


def _takes(option: dict[str, Any]) -> str:
    kind = f"a list of {option['type'][:-3]}" if option["type"].endswith("...") else option["type"]
    choices = f", one of {', '.join(map(str, option['choices']))}" if "choices" in option else ""
    none = " or none" if option.get("optional") else ""
    return f"{kind}{choices}{none}"
