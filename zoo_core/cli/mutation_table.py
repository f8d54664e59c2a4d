"""How a mutation score is shown to people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zoo_core.commands.common import say
from zoo_core.records import counted
from zoo_core.verification.mutants import Judged, MutationScore

Progress = Callable[[Judged], None]


@contextmanager
def mutation_progress() -> Iterator[Progress]:
    """A callback that counts the mutants on a terminal, and says nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda judged: None
        return
    from rich.console import Console

    done = 0
    with Console(stderr=True).status("planting faults") as status:

        def count(judged: Judged) -> None:
            nonlocal done
            done += 1
            status.update(f"{counted(done, 'fault')} planted: {judged.kind}", spinner="dots")

        yield count


def show_mutants(score: MutationScore) -> None:
    """One line a kind of fault, one line a rule, and every survivor by name."""
    data = score.to_json()
    say()
    say(f"  {'fault':<30} {'made':>4} {'equivalent':>10} {'killed':>6} {'survived':>8}")
    for kind, row in data["kinds"].items():
        say(f"  {kind:<30} {row['made']:>4} {row['equivalent']:>10} {row['killed']:>6} {row['survived']:>8}")
    say(f"  {'all':<30} {data['made']:>4} {data['equivalent']:>10} {data['killed']:>6} {data['survived']:>8}")
    say()
    say(f"  {'rule':<30} {'killed':>6} {'no other rule does':>18}")
    for rule, row in data["rules"].items():
        say(f"  {rule:<30} {row['killed']:>6} {row['alone']:>18}")
    survivors = score.with_verdict("survived")
    if survivors:
        say()
        say("Survivors, and how far their outputs are from those of this file (in bounds of the self-test):")
        for mutant in survivors:
            far = "not run" if mutant.difference is None else f"{mutant.difference:.3g}"
            say(f"  {far:>8}  {mutant.name}")
        say("What changes no output is seen by the check at export time, which has the weights and the plan.")
