"""The model card of a run: what was trained, on what, how, how well, and what to do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from zoo_core.discovery.entry_points import has_verb
from zoo_core.foreign_text import markdown_code, markdown_text, shell_word
from zoo_core.options import write_list
from zoo_core.records import BestExport, ResumeCertificate, RunInfo, changes_between, counted
from zoo_core.specs import DatasetSpec, ModelSpec

from .choices import loss_in_words
from .epoch_rows import metrics_text

_MOST_NAMED = 20
"""Classes and files that a card lists."""


def model_card(
    info: RunInfo,
    *,
    called: str,
    epochs: int,
    model: ModelSpec,
    dataset: DatasetSpec,
    pictures: Sequence[str] = (),
    older: Mapping[int, Sequence[str]] = MappingProxyType({}),
) -> str:
    """The run's README.md. `called`: the word for the run in commands; `epochs`: those that were run; `pictures`:
    files in the run's folder that are shown, by their paths in it; `older`: those that were drawn of it before it went
    on, by the number of epochs that were done."""
    word = shell_word(called)
    lines = [
        f"# {markdown_text(info.name)}",
        "",
        f"{markdown_code(info.model)} ({markdown_text(model.summary)}) trained on {markdown_code(info.dataset)} for "
        + counted(epochs, "epoch")
        + (f" of {info.epochs}, stopped early" if epochs < info.epochs else "")
        + f"; the weights are those of epoch {info.best_epoch}, the best on the validation part.",
        "",
        *_metrics(info),
        "",
    ]
    for remark in info.remarks:
        lines += [f"**Note:** {remark}", ""]
    for picture in pictures:
        lines += [f"![{markdown_text(PurePosixPath(picture).stem)}]({quote(picture)})", ""]
    for done, drawn in older.items():
        links = ", ".join(f"[{markdown_text(PurePosixPath(each).stem)}]({quote(each)})" for each in drawn)
        lines += [f"Drawn after epoch {done}, of the run as it was then: {links}", ""] if drawn else []
    lines += [*_facts(info, model, dataset), "", "## Next", "", "```sh"]
    lines += [_next(info, word), *([f"zoo plot {word}"] if has_verb("plot") else [])]
    lines += ["```", "", "## The same again", "", *_not_quite(info), "```sh"]
    lines += [*commands(info), "```", ""]
    return "\n".join(lines)


def _next(info: RunInfo, word: str) -> str:
    """What is worth doing with the run: more epochs where it is no better than chance, else its export."""
    if info.beats_chance is not False:
        return f"zoo export {word}"
    more = f"--run {shell_word(info.name)} --resume --epochs {2 * info.epochs}"
    return f"zoo train {info.model} --dataset {info.dataset} {more}"


def _metrics(info: RunInfo) -> list[str]:
    columns = {"validation": info.validation} | ({"test": info.test} if info.test else {})
    names = list(dict.fromkeys(name for metrics in columns.values() for name in metrics))
    rows = [f"| metric | {' | '.join(columns)} |", f"| --- |{' --- |' * len(columns)}"]
    for name in names:
        values = (f"{metrics[name]:.4f}" if name in metrics else "" for metrics in columns.values())
        rows.append(f"| {markdown_text(name)} | {' | '.join(values)} |")
    return rows


def _loss(info: RunInfo, model: ModelSpec) -> str:
    """What was minimised, where the trainer's options or the model say so."""
    if "loss" not in info.config and model.loss is None:
        return ""
    return loss_in_words(model.task, model.loss, name=str(info.config.get("loss", "usual")))


def _facts(info: RunInfo, model: ModelSpec, dataset: DatasetSpec) -> list[str]:
    classes = ", ".join(info.classes[:_MOST_NAMED])
    if len(info.classes) > _MOST_NAMED:
        classes += f" and {len(info.classes) - _MOST_NAMED} more"
    facts = {
        "Model": f"{info.model} ({info.model_plugin})",
        "Model options": _pairs(info.options),
        "Model source": model.source,
        "Model license": model.license,
        "Dataset": f"{info.dataset} ({info.dataset_plugin})",
        "Dataset options": _pairs(info.dataset_options),
        "Dataset source": dataset.source,
        "Dataset license": dataset.license,
        "Dataset fingerprint": info.dataset_fingerprint,
        "Left out": _left_out(info.skipped),
        "Classes": classes,
        "Trainer": f"{info.trainer} ({info.trainer_plugin})",
        "Trainer options": _pairs(info.config),
        "Loss": _loss(info, model),
        "Begins with": info.init_from or "",
        "Frozen": ", ".join(info.freeze),
        "Legs": "; ".join(_leg(info, number) for number in range(1, len(info.legs))),
        "Resume certificate": _certificate(info.resume_certificate),
        "Export": _export(info.best_export),
        "Seed": str(info.seed),
        "Device": info.device,
        "Processes": f"{info.processes}, which talked by {info.backend}" if info.processes > 1 else "",
        "Time": f"{info.seconds:.1f} s" if info.seconds is not None else "",
        "Machine": info.machine,
        "Commit": info.commit or "",
        "Versions": ", ".join(f"{name} {version}" for name, version in info.versions.items()),
    }
    return [
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {markdown_text(text)} |" for name, text in facts.items() if text),
    ]


def _certificate(certificate: ResumeCertificate | None) -> str:
    """What came of a second training that was killed and resumed."""
    if certificate is None:
        return ""
    moments = "; ".join(certificate.resumed_after)
    killed = f"trained once more, killed {counted(len(certificate.resumed_after), 'time')} and resumed after {moments}"
    if certificate.differs:
        return f"none: {killed}, it ended with other values of {' and '.join(certificate.differs)}"
    return f"{killed}: weights (sha256 {certificate.sha256[:16]}) and metrics are equal to the bit"


def _export(export: BestExport | None) -> str:
    """What came of the file that the training made of its best weights."""
    if export is None:
        return ""
    if export.outcome != "verified":
        return f"none of epoch {export.epoch} in {export.folder}: {export.detail}"
    scores = metrics_text(export.validation or {})
    measured = f"; the file itself scores on the validation part: {scores}" if scores else ""
    return f"{export.folder}, of epoch {export.epoch}, verified{measured}"


def _left_out(skipped: Sequence[str]) -> str:
    """Which files of the dataset are in no part of it."""
    if not skipped:
        return ""
    names = sorted(skipped)
    more = f" and {len(skipped) - _MOST_NAMED:,} more, which run.json names" if len(skipped) > _MOST_NAMED else ""
    return f"{counted(len(skipped), 'file')} that cannot be read: {', '.join(names[:_MOST_NAMED])}{more}"


def _leg(info: RunInfo, number: int) -> str:
    """What began a leg after the first one."""
    leg, before = info.legs[number], info.legs[number - 1]
    told = {
        "extended": [f"extended to {leg.epochs} epochs, with a schedule of their own"],
        "stretched": [f"stretched to {leg.epochs} epochs, the schedule over all of them"],
        "resumed": ["resumed; with which plugins it was begun is not known"],
    }
    return f"after epoch {leg.after}: " + ", ".join([*told.get(leg.why, []), *changes_between(before, leg)])


def commands(info: RunInfo) -> list[str]:
    """The commands that train the same again: the first one, and one for each time that the run was extended.

    Where there are several, their run is called NAME-again: its own name is taken.
    """
    first, *longer = lengths(info)
    name = f"{info.name}-again" if longer else None
    run = ["zoo", "train", info.model, "--dataset", info.dataset, "--run", shell_word(str(name)), "--resume"]
    extensions = [" ".join([*run, "--epochs", str(length)]) for length in longer]
    return [_first_command(info, epochs=first, run=name), *extensions]


def lengths(info: RunInfo) -> list[int]:
    """How many epochs the run was to have, at first and each time that it was extended."""
    found: list[int] = []
    for leg in info.legs:
        if leg.why == "extended" or not found:
            found.append(leg.epochs)
        elif leg.why == "stretched":
            found[-1] = leg.epochs
    return found or [info.epochs]


def _not_quite(info: RunInfo) -> list[str]:
    """What the commands cannot repeat."""
    after = [str(leg.after) for leg in info.legs if leg.why == "stretched"]
    if not after:
        return []
    text = f"The schedule was stretched after epoch {' and '.join(after)}; these commands have the longer one from the"
    return [f"{text} start, and so end with other weights.", ""]


def _first_command(info: RunInfo, *, epochs: int, run: str | None) -> str:
    words = ["zoo", "train", info.model, "--dataset", info.dataset, "--epochs", str(epochs)]
    words += [] if run is None else ["--run", shell_word(run)]
    words += ["--seed", str(info.seed), "--device", info.device]
    words += ["--processes", str(info.processes)] if info.processes > 1 else []
    if info.trainer != "supervised":
        words += ["--trainer", info.trainer]
    if info.init_from is not None:
        words += ["--init-from", shell_word(info.init_from)]
    for pattern in info.freeze:
        words += ["--freeze", shell_word(pattern)]
    data = dict(info.dataset_options)
    if info.overfit is not None:
        words += ["--overfit", str(data.pop("train_size", info.overfit))]
    config = {name: value for name, value in info.config.items() if name != "epochs"}
    for flag, values in (("-o", info.options), ("-d", data), ("-t", config)):
        for name, value in values.items():
            if value is not None and value != () and value != []:
                words += [flag, shell_word(f"{name}={_text(value)}")]
    return " ".join(words)


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_text(value)}" for name, value in values.items())


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return write_list(value)
    return (
        {True: "true", False: "false", None: "none"}[value] if value is None or isinstance(value, bool) else str(value)
    )
