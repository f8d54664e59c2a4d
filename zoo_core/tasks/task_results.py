"""What a task of a plugin gives is held against its interface before anybody reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo_core.answerable import Check, WrongResultError
from zoo_core.records import counted

from .details import fault_of_details

_OF_THE_ZOO = ("picture", "unknown")
"""Columns that have no cell of the task: the file of a drawing, and what training has not seen."""
_JUDGED = ("decided", "value", "badness", "wrong")


def one_answer_each(answers: Any, task: Any, outputs: Mapping[str, Any], *_: Any, **__: Any) -> Any:
    """An answer for each sample; one that is told, in plain data alone."""
    samples, told = len(next(iter(outputs.values()))), task.is_told
    if not isinstance(answers, Sequence) or isinstance(answers, str | bytes):
        raise WrongResultError(f"it gives a {type(answers).__name__}, not a list of answers")
    if len(answers) != samples:
        raise WrongResultError(f"it gives {counted(len(answers), 'answer')} for {counted(samples, 'sample')}")
    for answer in answers:
        if not isinstance(answer, Mapping):
            raise WrongResultError(f"an answer is a {type(answer).__name__}, not a dict")
        _require_plain({name: part for name, part in answer.items() if told or not _is_array(part)}, "an answer")
        if told and (fault := fault_of_told(answer)):
            raise WrongResultError(fault)
    return answers


def fault_of_told(answer: Mapping[str, Any]) -> str:
    """Why an answer cannot be told as JSON; empty where it can. NaN and infinity are no numbers there."""
    for name, part in answer.items():
        try:
            json.dumps(part, allow_nan=False)
        except ValueError:
            return f"an answer holds NaN or infinity in {name!r}, which JSON does not have: give None"
        except TypeError as error:
            return f"an answer is no plain JSON, in {name!r}: {error}"
    return ""


def fault_of_cells(cells: Any, columns: Sequence[str], *, answer: Mapping[str, Any]) -> str:
    """Why a table with these columns loses something of an answer; empty where it loses nothing."""
    if not isinstance(cells, Mapping):
        return f"it gives a {type(cells).__name__}, not a dict of cells"
    if missing := [name for name in columns if name not in {*cells, *answer, *_OF_THE_ZOO}]:
        there = ", ".join(map(repr, cells)) or "nothing"
        return f"cells gives {there}, and nothing for the column {missing[0]!r} that columns names"
    return ""


def a_number_each(metrics: Any, *_: Any, **__: Any) -> Any:
    """Metrics as Python's own floats, by name."""
    if not isinstance(metrics, Mapping):
        raise WrongResultError(f"it gives a {type(metrics).__name__}, not a dict of metrics")
    try:
        return {str(name): float(value) for name, value in metrics.items()}
    except (TypeError, ValueError) as error:
        raise WrongResultError(f"a metric is no number: {error}") from None


def plain_details(details: Any, tally: Any, labels: Sequence[str], *_: Any, **__: Any) -> Any:
    """What is told beside the metrics, in plain data and in the form in which it is read."""
    if not isinstance(details, Mapping):
        raise WrongResultError(f"it gives a {type(details).__name__}, not a dict")
    _require_plain(details, "the details")
    if fault := fault_of_details(details, labels):
        raise WrongResultError(fault)
    return details


def judged_each(judged: Any, task: Any, outputs: Mapping[str, Any], *_: Any, **__: Any) -> Any:
    """A judgement of every sample."""
    samples = len(next(iter(outputs.values())))
    if missing := [name for name in _JUDGED if not hasattr(judged, name)]:
        raise WrongResultError(f"it gives a {type(judged).__name__} without {missing[0]!r}, not a Judged")
    for name in _JUDGED:
        if len(found := getattr(judged, name)) != samples:
            raise WrongResultError(f"its {name!r} has {len(found)} values for {counted(samples, 'sample')}")
    return judged


def one_line(text: Any, *_: Any, **__: Any) -> Any:
    """An answer in words."""
    if not isinstance(text, str):
        raise WrongResultError(f"it gives a {type(text).__name__}, not a text")
    return text


def a_scalar(value: Any, *_: Any, **__: Any) -> Any:
    """One number, as a tensor of torch, which is not imported for it."""
    if not hasattr(value, "backward"):
        raise WrongResultError(f"its result is a {type(value).__name__}, not a tensor")
    if value.ndim:
        raise WrongResultError(f"its result has the shape {tuple(value.shape)}, and is no single number: .mean()?")
    return value


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _require_plain(data: Mapping[str, Any], what: str) -> None:
    for name, value in data.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise WrongResultError(f"{what} holds no plain data in {name!r}: {error}") from None


CHECKS: Mapping[str, Check] = {
    "decode": one_answer_each,
    "metrics": a_number_each,
    "details": plain_details,
    "judge": judged_each,
    "in_words": one_line,
    "loss()": a_scalar,
}
