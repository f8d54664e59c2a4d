"""What `zoo sweep` tells: its trials, the best first, what mattered, and how to train the best again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo_core.commands import counted, shell_word, table, terminal_width

from .sweeping import EPOCHS, METRIC, SECONDS, VALUE, WHY, finished

if TYPE_CHECKING:
    from optuna.study import Study

_SHOWN = 10


def importance(study: Study) -> dict[str, float]:
    """How much of the differences in score each option explains, from 0 to 1 together; empty where it is not known,
    and without those that had the same value in all trials."""
    from optuna.importance import get_param_importances

    done = finished(study)
    if len(done) < 4 or len({each.value for each in done}) < 2:
        return {}
    differing = {name for name in done[0].params if len({each.params.get(name) for each in done}) > 1}
    return {name: float(share) for name, share in get_param_importances(study).items() if name in differing}


def sweep_report(
    study: Study, *, runs: Sequence[str], command: str, folder: str, picture: str | None
) -> dict[str, Any]:
    """The sweep as plain data. `runs`: the name of each trial's run; `command`: trains the best again."""
    done = finished(study)
    rows = [
        {
            "trial": each.number,
            "run": runs[each.number],
            "state": each.state.name.lower(),
            "value": each.user_attrs.get(VALUE),
            "epochs": each.user_attrs.get(EPOCHS, 0),
            "seconds": each.user_attrs.get(SECONDS, 0.0),
            "options": dict(each.params),
            "why": each.user_attrs.get(WHY, ""),
        }
        for each in study.get_trials(deepcopy=False)
    ]
    return {
        "sweep": folder,
        "metric": done[0].user_attrs[METRIC] if done else None,
        "best": None if not done else rows[done[0].number],
        "trials": rows,
        "importance": importance(study),
        "command": command,
        "picture": picture,
    }


def lines_of(report: Mapping[str, Any]) -> Iterator[str]:
    """The table of the best, what became of the others, and what mattered."""
    rows = report["trials"]
    done = [row for row in rows if row["state"] == "complete"]
    best = report["best"]
    ordered = (
        sorted(done, key=lambda row: (row is not best, abs(row["value"] - best["value"]), row["trial"])) if best else []
    )
    names = list(dict.fromkeys(name for row in ordered for name in row["options"]))
    header = ("trial", report["metric"] or "", "epochs", "seconds", *names)
    cells = [
        (
            str(row["trial"]),
            f"{row['value']:.4f}",
            str(row["epochs"]),
            f"{row['seconds']:.1f}",
            *(_value(row["options"].get(name, "")) for name in names),
        )
        for row in ordered[:_SHOWN]
    ]
    if cells:
        yield from table(header, cells, width=terminal_width())
        yield ""
    others = {state: sum(row["state"] == state for row in rows) for state in ("pruned", "fail", "running")}
    words = {"pruned": "ended early", "fail": "failed", "running": "unfinished"}
    told = [counted(len(done), "trial"), *(f"{count} {words[state]}" for state, count in others.items() if count)]
    yield f"{', '.join(told)}: {report['sweep']}"
    if report["importance"]:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in report["importance"].items())
        yield f"Of the differences, by optuna's estimate: {shares}"


def command_of(common: Sequence[str], arguments: Sequence[str]) -> str:
    """`zoo train` with all that a trial was told, as it is typed."""
    return " ".join(["zoo", "train", *map(shell_word, [*common, *arguments])])


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value).strip('"')
