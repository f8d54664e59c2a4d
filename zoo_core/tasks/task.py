"""The interface of a task: what its plugin implements, and what everybody else asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from zoo_core.answerable import Owner, answerable
from zoo_core.errors import UsageError, ZooError
from zoo_core.task_lookup import offered_task
from zoo_core.task_spec import TaskSpec

from .task_results import CHECKS

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.shapes import TensorSpec
    from zoo_core.specs import Preprocess

Outputs = Mapping[str, NDArray[Any]]
"""What a model gives, by name, with the samples along the first axis of each."""

Answer = dict[str, Any]
"""What is told of one sample."""

TrainingLoss = Callable[[Mapping[str, "Tensor"], "Tensor"], "Tensor"]
"""(outputs by name, targets) -> a scalar."""


class Tally(Protocol):
    """Metrics that add up batch by batch, in float64: the outputs themselves are not kept."""

    def add(self, outputs: Outputs, targets: Any) -> None:
        """One batch. Raises ZooError when outputs and targets do not fit the task or each other."""

    def metrics(self) -> dict[str, float]:
        """Mean loss and metrics of everything that was added, by the names of the spec; one that these samples do not
        have is left out, and none is NaN or infinite. Raises ZooError for nothing."""

    def details(self, labels: Sequence[str]) -> dict[str, Any]:
        """What one number cannot say, as plain data; `{}` for nothing.

        Two keys are read by others. `classes`: a row for each class, in their order, `{label, n, ...}`, all with the
        same further keys: scores, None where there is none; `n` samples or places are of the class. `zoo eval` prints
        them. `confusion`: K rows of K counts, the true class down, the decided one across, or None where K is too
        large; `zoo plot` draws them. All other keys are in `zoo eval --json` as they are.
        """


class Deciding(Protocol):
    """What outputs decide, and by how much: an export must decide alike."""

    def output(self, outputs: Mapping[str, Any]) -> str:
        """The name of the output that decides. Raises ZooError when it cannot be told."""

    def decisions(self, outputs: Outputs) -> NDArray[Any]:
        """What is decided for each sample, (N,), or for each of its places, (N, ...). Raises ZooError for outputs that
        do not fit."""

    def margins(self, outputs: Outputs) -> NDArray[Any]:
        """How far each decision is from another one, float64 of the shape of `decisions`: while no value of the output
        moves by more than half of it, the decision stays."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How well N samples are answered.

    `decided`: class numbers (N,), masks or numbers, one for each sample. `value`: what is said of an answer, (N,): the
    probability of the decision, the IoU of a mask, the distance from the truth; NaN where nothing is counted.
    `badness`: the larger, the worse, (N,). `wrong`: which are not right, (N,).
    """

    decided: NDArray[Any]
    value: NDArray[np.float64]
    badness: NDArray[np.float64]
    wrong: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Example:
    """Made-up answers to N samples, for the rules of conformance.

    `outputs` are partly right, and `right` are right in everything; `targets` have the form of the task, and `labels`
    are the names of its classes or numbers.
    """

    outputs: Outputs
    right: Outputs
    targets: NDArray[Any]
    labels: tuple[str, ...] = ()


class Task:
    """What outputs mean. Arrays in, plain data out; a task overrides what it has.

    `outputs` are the model's, by name, with the samples along their first axis; `targets` have the form that the spec
    names. Every method raises ZooError when they do not fit the task, or hold NaN or infinity.

    `gives`: what kind of answers `decode` returns. `labels`: a label with its probability. `masks`, `sequences`: a
    class for each place. `pictures`, `arrays`: `{output: array}`. `values`: plain data, shown as it is.
    `drawn`: what the drawing of an answer is called in the name of its file, such as "boxes" in a.boxes.png; empty
    where answers about pictures are not drawn. `measures_training`: training tells the metrics of the samples that it
    sees; else their loss alone, where metrics cost too much. `has_loss`: outputs have a loss that any model can be
    trained with; else each model brings its own.
    """

    gives: ClassVar[str] = "values"
    drawn: ClassVar[str] = ""
    measures_training: ClassVar[bool] = True
    has_loss: ClassVar[bool] = True

    def __init__(self, spec: TaskSpec, settings: Mapping[str, Any] | None = None) -> None:
        self.spec = spec
        self.settings: Mapping[str, Any] = dict(settings or {})

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """The same task with what was chosen for one model, such as thresholds: plain JSON, kept in its run and file.

        Raises ZooError for settings that the task does not have.
        """
        self.check_settings(settings)
        return type(self)(self.spec, settings)

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Raise ZooError for settings that the task does not have, or for impossible values."""
        if settings:
            raise ZooError(f"{self.name} has no settings, and was given {', '.join(settings)}")

    def choose(self, outputs: Outputs, targets: Any, *, labels: Sequence[str]) -> dict[str, Any]:
        """The settings that are best for a trained model, from its outputs for the whole validation part."""
        return {}

    @property
    def chooses(self) -> bool:
        """Whether there is something to choose."""
        return type(self).choose is not Task.choose

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.spec.name

    @property
    def selection(self) -> str:
        """The metric that picks the best epoch; with a minus before it, less is better."""
        less = self.spec.metrics.get(self.spec.selection) == "less"
        return f"-{self.spec.selection}" if less else self.spec.selection

    @property
    def deciding(self) -> Deciding | None:
        """What outputs decide; None where they decide nothing."""
        return None

    def tally(self) -> Tally:
        """An empty tally of metrics. Raises ZooError for a task that has none."""
        if self.spec.targets == "none":
            raise ZooError(
                f"{self.name} has no metrics: there is no truth that its outputs could be compared with",
                hint="zoo predict gives its outputs",
            )
        self._cannot("measured")

    def metrics(self, outputs: Outputs, targets: Any) -> dict[str, float]:
        """The metrics of one batch that is everything there is."""
        tally = self.tally()
        tally.add(outputs, targets)
        return tally.metrics()

    def judge(self, outputs: Outputs, targets: Any) -> Judged:
        """How well each sample of a batch is answered."""
        self._cannot("judged sample by sample")

    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        """One answer a sample. Where answers are told, all in them is plain data that JSON has: None in place of a
        number that is NaN or infinite."""
        self._cannot("decoded")

    @property
    def is_told(self) -> bool:
        """Whether answers are told, as rows of plain data; those of all other tasks are written to files."""
        return self.gives in {"labels", "values"}

    def columns(self, *, labels: Sequence[str], outputs: Mapping[str, TensorSpec]) -> tuple[str, ...]:
        """The columns of a table of answers, for a model with these labels and outputs; for plain data.

        `cells` gives each of them, but for `picture`, the file of a drawing, which the zoo itself knows.
        """
        return ("answer",)

    def cells(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """An answer by these columns: texts and numbers."""
        return {"answer": self.in_words(answer)}

    def in_words(self, answer: Mapping[str, Any]) -> str:
        """An answer on one line, for people."""
        return ", ".join(f"{name} {value}" for name, value in answer.items())

    def at_threshold(self, value: float) -> Self:
        """The same task, deciding at another probability. Raises UsageError for a task that has no such threshold."""
        raise UsageError(
            f"{self.name} has no threshold to choose", hint="leave it out", command_hint="leave out --threshold"
        )

    def in_picture(self, answer: Mapping[str, Any], *, size: tuple[int, int], recipe: Preprocess) -> Answer:
        """An answer about a prepared picture as one about the picture itself, of `size` (height, width)."""
        return dict(answer)

    def draw(self, answer: Mapping[str, Any], picture: NDArray[np.uint8], *, labels: Sequence[str]) -> bytes:
        """An answer drawn into its picture, RGB (H, W, 3): a PNG. Where `drawn` says that there is a drawing."""
        self._cannot("drawn")

    def loss(self, *, name: str | None = None, label_smoothing: float = 0.0) -> TrainingLoss:
        """What training minimises: the usual loss, or the one of that name. torch is imported here.

        Raises UsageError for a name that is unknown or not for this task, and for `label_smoothing` of a loss that has
        none; ZooError for a task that cannot be trained.
        """
        self._cannot("trained")

    def check_fit(self, outputs: Mapping[str, tuple[int, ...]], targets: Any, *, count: int, model: str) -> None:
        """Raise ZooError where outputs of these shapes, for the first `count` samples, cannot be held against the
        targets of a split; `model` is what messages call it."""

    def trial_targets(self, outputs: Outputs) -> NDArray[Any] | None:
        """Targets for outputs of a batch, to try a model without data; None: what the form of the targets says."""
        return None

    def chance(self, metrics: Mapping[str, float], targets: Any, *, classes: Sequence[str]) -> str:
        """Why metrics are those of a model that has learnt nothing, in words; empty where they are not."""
        return ""

    def example(self, count: int, *, random: np.random.Generator) -> Example:
        """Made-up answers, float32, for the rules of conformance: every task that is trained has some."""
        raise ZooError(
            f"the task {self.name!r} has no made-up answers that it could be tried on",
            hint="its class overrides Task.example; zoo new plugin NAME --kind task writes one",
        )

    def _cannot(self, what: str) -> NoReturn:
        raise ZooError(f"the task {self.name!r} cannot be {what} yet", hint="zoo list tasks shows those that can")


def get_task(name: str, *, plugin: str = "", settings: Mapping[str, Any] | None = None) -> Task:
    """The implementation of the task of that name, with the settings of a model. What the code of a plugin that is not
    bundled raises there, or gives wrongly, is a ZooError that names the plugin.

    Raises as `task_spec`, and ZooError for settings that the task does not have.
    """
    spec, owner = offered_task(name, plugin=plugin)
    task = task_of(spec) if not owner else task_of_plugin(spec, plugin=owner)
    return task.with_settings(settings) if settings else task


def task_of(spec: TaskSpec) -> Task:
    """The implementation that a spec names. Raises ZooError for what is no Task."""
    task = spec.load(spec)
    if not isinstance(task, Task):
        raise ZooError(
            f"the task {spec.name!r} is implemented by a {type(task).__name__}",
            hint="load returns a class derived from zoo_core.tasks.Task",
        )
    return task


def task_of_plugin(spec: TaskSpec, *, plugin: str) -> Task:
    """As `task_of`, and answerable for what its code does."""
    owner = Owner(
        called=f"task {spec.name}", plugin=plugin, checks=CHECKS, hands_out=frozenset({"tally", "deciding", "loss"})
    )
    with owner.answering("load"):
        task = task_of(spec)
    return answerable(task, Task, owner)
