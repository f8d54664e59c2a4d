"""What a task declares: data about what is right and what an answer is; numpy and torch wait until it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from .errors import ZooError
from .spec_names import check_common

if TYPE_CHECKING:
    from .tasks import Task

TargetForm = Literal["classes", "masks", "flags", "numbers", "pictures", "boxes", "none"]
"""What the truth about a sample looks like.

`classes`: the number of its class, int64 (N,). `masks`: the class of each place, uint8 (N, H, W) or (N, L), IGNORED
where it is not counted. `flags`: for each class whether it is there, uint8 (N, K). `numbers`: float32 (N, K).
`pictures`: what the output shall look like, uint8 (N, C, H, W) with 255 for 1, or float32. `boxes`: for each sample
its own number of rows. `none`: nothing that outputs could be compared with.
"""
TARGET_FORMS: tuple[TargetForm, ...] = get_args(TargetForm)

Better = Literal["more", "less"]
"""Of which values of a metric are better."""


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """One task: what outputs mean, how good they are, and how they are told.

    `load` makes its implementation, a `zoo_core.tasks.Task`; numpy is imported there, and torch in its loss.
    `targets`: what the truth looks like, a TargetForm. `metrics`: their names, and whether "more" or "less" is better;
    none for a task that cannot be measured or trained. `selection`: the one that picks the best epoch.
    `loss`: what training minimises, in words. `takes`: other tasks, whose datasets are right for it too.
    `one_logit`: two classes are told apart by one logit, above and below 0. `answers`: `zoo predict` has some.
    `compared`: the part of an answer that is a vector, looked up among those of other samples; empty where none is, and
    of class numbers an output has a column for each.
    """

    name: str
    summary: str
    load: Callable[[TaskSpec], Task]
    targets: TargetForm
    metrics: Mapping[str, Better] = field(default_factory=dict)
    selection: str = ""
    loss: str = ""
    takes: tuple[str, ...] = ()
    one_logit: bool = False
    answers: bool = True
    compared: str = ""
    requires_core: str = ""
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_common(self)
        where = f"TaskSpec {self.name!r}"
        if self.targets not in TARGET_FORMS:
            raise ZooError(f"{where}: targets cannot be {self.targets!r}", hint=f"one of {', '.join(TARGET_FORMS)}")
        if not callable(self.load):
            raise ZooError(f"{where}: load is not callable")
        if not isinstance(self.metrics, Mapping):
            raise ZooError(f"{where}: metrics are names with 'more' or 'less' each, not {self.metrics!r}")
        if unknown := [name for name, better in self.metrics.items() if better not in get_args(Better)]:
            raise ZooError(f"{where}: metric {unknown[0]!r} is better with 'more' or with 'less'")
        if self.metrics and self.selection not in self.metrics:
            raise ZooError(
                f"{where}: selection {self.selection!r} is none of its metrics",
                hint=f"one of {', '.join(self.metrics)}",
            )

    @property
    def is_trained(self) -> bool:
        """Whether there is something to learn from: a truth, a measure and a loss."""
        return bool(self.metrics) and self.targets != "none"
