"""What `zoo diff` tells people: the verdict, a line for each thing that was compared, and tables of what differs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from zoo_core.commands import counted, look_at, table, terminal_width, typed

from .behaviour import Behaviour
from .comparison import IN_WORDS, Comparison
from .graphs import GraphDifference
from .shown import cut
from .sides import MODEL
from .weights import Weight, by_module
from .words import FieldDifference

_FEW = 5
"""Names in a line of the summary."""
_MOST_ROWS = 8
_MOST_LINES = 37
"""Rows of a table, and lines of all of it, which with what follows are 40; unless everything is asked for."""
_WIDEST_CELL = 72
"""Letters: a name of a stranger's file may be as long as it likes."""


def lines_of(found: Comparison, *, everything: bool) -> list[str]:
    """The verdict first, then what was compared, then tables of what differs; `everything`: all their rows."""
    sides = [("A", found.a), ("B", found.b)]
    width = max(len(str(side.file.path)) for _, side in sides)
    lines = [_verdict(found), ""]
    lines += [f"{name}  {side.file.path!s:<{width}}  sha256 {side.model_digests[MODEL][:12]}" for name, side in sides]
    if found.graph is None:
        return [*lines, *_other_files(found)]
    rows = [
        ("signature", _few_fields(found.signature, "the same inputs and outputs")),
        ("meaning", _few_fields(found.meaning, "equal")),
        ("graph", _graph(found.graph)),
        ("weights", _weights(found.weights)),
        ("answers", _answers(found.behaviour)),
        ("words", _few_fields(found.words, "equal" if found.verdict != "words" else "equal; only the bytes differ")),
    ]
    lines += ["", *(f"{name:<9}  {text}" for name, text in rows), *_other_files(found)]
    return [*lines, *_tables(found, None if everything else _MOST_LINES - len(lines))]


def _tables(found: Comparison, room: int | None) -> list[str]:
    """What differs, in as many rows as there is room for; at least one of each kind."""
    for most in [None] if room is None else range(_MOST_ROWS, 0, -1):
        tables = [*_graph_tables(found.graph, most), *_weight_tables(found.weights, most)]
        tables = [
            *_field_tables(found.signature, "signature", most),
            *_field_tables(found.meaning, "meaning", most),
            *tables,
            *_field_tables(found.words, "words", most),
        ]
        lines = [line for each in tables for line in ("", *each)]
        if room is None or len(lines) <= room:
            break
    return lines


def next_after(found: Comparison, drawn: bool) -> str:
    """The command that comes next."""
    a, b = found.a.typed, found.b.typed
    if found.is_equal:
        return typed("verify", b) if found.b.describes_itself else look_at(b)
    if found.verdict == "weights" and not drawn:
        return typed("diff", a, b, "--picture", "diff.png")
    return look_at(b) if found.verdict == "graph" or not found.b.describes_itself else typed("verify", b)


def number(value: float) -> str:
    """Three digits, or a word for what is none."""
    return f"{value:.3g}" if math.isfinite(value) else "-" if math.isnan(value) else "infinite"


def _verdict(found: Comparison) -> str:
    text = IN_WORDS[found.verdict]
    if found.verdict in {"weights", "graph"} and (found.meaning or found.signature):
        text += ", and another meaning"
    behaviour = found.behaviour
    if behaviour is None or behaviour.why_not:
        return f"{text}."
    if behaviour.is_equal:
        return f"{text}; the answers to the self-test are the same." if found.verdict != "words" else f"{text}."
    within = "are within A's bound" if behaviour.is_within else "differ"
    return f"{text}; the answers to the self-test {within}."


def _other_files(found: Comparison) -> list[str]:
    """The files beside the models that differ."""
    models = {*found.a.model_digests, *found.b.model_digests}
    differing = [each.file for each in found.files if not each.is_equal and each.file not in models]
    if not differing:
        return []
    shown = ", ".join(differing[:_FEW]) + (f" and {len(differing) - _FEW} more" if len(differing) > _FEW else "")
    return [f"{'beside':<9}  {counted(len(differing), 'file')} with other bytes: {shown}"]


def _few_fields(fields: Sequence[FieldDifference], otherwise: str) -> str:
    if not fields:
        return otherwise
    names = ", ".join(cut(each.field) for each in fields[:_FEW])
    return f"{counted(len(fields), 'difference')}: {names}" + (", ..." if len(fields) > _FEW else "")


def _graph(graph: GraphDifference) -> str:
    counts = [sum(pair[side] for pair in graph.operators.values()) for side in (0, 1)]
    if graph.is_equal:
        return f"equal: {counted(counts[0], 'node')}, opset {graph.opsets[0]}"
    told = []
    if graph.opsets[0] != graph.opsets[1]:
        told.append(f"opset {graph.opsets[0]} in A, {graph.opsets[1]} in B")
    told += [f"{counted(len(graph.removed), 'node')} only in A"] if graph.removed else []
    told += [f"{counted(len(graph.added), 'node')} only in B"] if graph.added else []
    told += [f"{counted(len(graph.changed), 'change')} of nodes that both have"] if graph.changed else []
    sizes = (
        f"{counted(counts[0], 'node')} in A, {counts[1]:,} in B"
        if counts[0] != counts[1]
        else (f"{counted(counts[0], 'node')} in both")
    )
    return f"{sizes}; {', '.join(told)}"


def _weights(weights: Sequence[Weight]) -> str:
    if not weights:
        return "neither file has any"
    differ = [weight for weight in weights if weight.state != "equal"]
    size = sum(weight.size for weight in weights)
    if not differ:
        return f"equal, bit for bit: {counted(len(weights), 'tensor')}, {counted(size, 'number')}"
    moves = by_module(tuple(weights))
    most = f"; {moves[0].module} moved most" if moves and moves[0].moved else ""
    return f"{len(differ)} of {counted(len(weights), 'tensor')} differ{most}"


def _answers(behaviour: Behaviour | None) -> str:
    if behaviour is None or behaviour.why_not:
        return f"not compared: {behaviour.why_not if behaviour is not None else 'the files are equal'}"
    told = []
    for output in behaviour.outputs:
        if output.shapes:
            told.append(f"{cut(output.name)} has the shape {output.shapes}")
        else:
            allowed = "" if output.bound is None else f" (A's own bound is {number(output.bound)})"
            apart = f"differs by up to {number(output.largest)}{allowed}" if output.largest else "is equal to the bit"
            if not math.isfinite(output.largest):
                apart = "has places that are NaN or infinite in one file alone"
            told.append(f"{cut(output.name)} {apart}")
    if behaviour.undecided:
        told.append(f"decisions are not compared: {behaviour.undecided}")
    if behaviour.decisions is not None:
        told.append(f"{behaviour.decisions[0]:,} of {counted(behaviour.decisions[1], 'decision')} flip")
    return f"{'; '.join(told)}; {counted(behaviour.rows, 'row')} of the self-test of {behaviour.tests}"


def _field_tables(fields: Sequence[FieldDifference], heading: str, most: int | None) -> Iterator[list[str]]:
    if fields:
        yield _table((heading, "A", "B"), [row for each in fields for row in each.rows()], most)


def _graph_tables(graph: GraphDifference | None, most: int | None) -> Iterator[list[str]]:
    if graph is None:
        return
    counts = [(name, f"{a:,}", f"{b:,}") for name, (a, b) in graph.operators.items() if a != b]
    if counts:
        yield _table(("operator", "A", "B"), counts, most)
    alone = [(each, where) for where, nodes in (("A", graph.removed), ("B", graph.added)) for each in nodes]
    if alone:
        rows = [(each["node"], each["op_type"], where, each["module"]) for each, where in alone]
        yield _table(("node", "operator", "only in", "module"), rows, most)
    if graph.changed:
        changes = [(each.node, each.op_type, each.what, each.a, each.b) for each in graph.changed]
        yield _table(("node", "operator", "differs in", "A", "B"), changes, most)


def _weight_tables(weights: Sequence[Weight], most: int | None) -> Iterator[list[str]]:
    moves = [move for move in by_module(tuple(weights)) if move.differ]
    if moves:
        rows = [
            (move.module, f"{move.differ} of {move.tensors}", number(move.largest), number(move.moved))
            for move in moves
        ]
        yield _table(("module", "tensors", "largest", "moved"), rows, most)
    differ = [weight for weight in weights if weight.state != "equal"]
    if differ:
        yield _table(("weights", "largest", "relative", "moved", "cosine", ""), list(map(_weight_row, differ)), most)


def _weight_row(weight: Weight) -> tuple[str, ...]:
    apart = weight.distance
    numbers = ("-",) * 4
    if apart is not None:
        numbers = (number(apart.largest), number(apart.relative), number(apart.moved), _cosine(apart.cosine))
    form = weight.forms[0] or weight.forms[1]
    if weight.state in {"other shape", "other type"}:
        form = f"{weight.forms[0]} in A, {weight.forms[1]} in B"
    elif weight.state != "other values":
        form = f"{form}, {weight.state}"
    return (weight.name, *numbers, form)


def _cosine(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "-"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], most: int | None) -> list[str]:
    shown = rows if most is None else rows[:most]
    lines = table(header, [[cut(cell, _WIDEST_CELL) for cell in row] for row in shown], width=terminal_width())
    left = len(rows) - len(shown)
    return [*lines, f"... and {left:,} more: --all"] if left else lines
