"""Rules for tasks: the bundled ones keep them all, and each rule sees its fault."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from zoo_core.checks import CheckOptions, Finding, checks_of
from zoo_core.checks.candidates.task_candidate import TaskCandidate
from zoo_core.checks.rules.task_rules import RULES
from zoo_core.checks.runner import Check
from zoo_core.discovery.entry_points import bundled_offers
from zoo_core.registry import open_zoo
from zoo_core.task_lookup import task_spec
from zoo_core.tasks import Answer, Outputs, Task, get_task

Classification = type(get_task("image-classification"))
Regression = type(get_task("regression"))
Detection = type(get_task("detection"))


def findings(task: type[Task], like: str, **changed: Any) -> dict[str, Finding]:
    """What each rule, but for the one in another process, says of a task with a fault."""
    spec = dataclasses.replace(task_spec(like), load=task, **changed)
    candidate = TaskCandidate(spec=spec, plugin="test:task", module="test")
    found = [Check(rule=rule, candidate=candidate).run() for rule in RULES if rule.name != "runs-without-torch"]
    return {finding.rule: finding for finding in found}


@pytest.mark.parametrize(
    "name",
    sorted(
        set(bundled_offers("task"))
        & {
            "image-classification",
            "binary-classification",
            "semantic-segmentation",
            "sequence-segmentation",
            "regression",
            "multilabel-classification",
            "features",
            "detection",
        }
    ),
)
def test_bundled_tasks_keep_every_rule(name: str) -> None:
    for check in checks_of(open_zoo(), f"task:{name}", CheckOptions()):
        finding = check.run()
        assert finding.outcome in {"passed", "skipped"}, finding
        needed = {"metrics-add-up", "right-answers-are-the-best", "gradients-reach-the-model", "runs-without-torch"}
        if not get_task(name).has_loss:
            needed -= {"gradients-reach-the-model"}
        if task_spec(name).is_trained and finding.rule in needed:
            assert finding.outcome == "passed", finding


class WrongNames(Classification):
    def tally(self) -> Any:
        tally = super().tally()
        whole = tally.metrics
        tally.metrics = lambda: {"cost" if name == "loss" else name: value for name, value in whole().items()}
        return tally


class OfTheLastBatch(Classification):
    def tally(self) -> Any:
        outer = super()

        class Last:
            def add(self, outputs: Outputs, targets: Any) -> None:
                self.tally = outer.tally()
                self.tally.add(outputs, targets)

            def metrics(self) -> dict[str, float]:
                return self.tally.metrics()

        return Last()


def telling(changed: Callable[[dict[str, Any]], Any]) -> type[Classification]:
    """A task whose tally gives other details."""

    class Telling(Classification):
        def tally(self) -> Any:
            tally = super().tally()
            whole = tally.details
            tally.details = lambda labels: changed(whole(labels))
            return tally

    return Telling


def without(name: str) -> Callable[[dict[str, Any]], Any]:
    """Details in which a row of the classes lacks something."""
    return lambda told: {"classes": [{key: row[key] for key in row if key != name} for row in told["classes"]]}


class OfItsNeighbours(Classification):
    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        mixed = {name: value + value.mean(axis=0) for name, value in outputs.items()}
        return super().decode(mixed, labels=labels)


class TooFew(Classification):
    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        return super().decode(outputs, labels=labels)[:-1]


class NoPlainData(Regression):
    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        return [{"values": {"a": value}} for value in outputs["values"][:, 0]]


class NoNumber(Regression):
    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        return [{"values": {"a": float("nan")}} for value in outputs["values"]]


class LosesCells(Regression):
    def columns(self, **_: Any) -> tuple[str, ...]:
        return ("a", "b")

    def cells(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        return {"a": 1.0}


class HasNoSuchCell(Regression):
    def cells(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        return {"a": answer["none"]}


class WideMargins(Classification):
    @property
    def deciding(self) -> Any:
        deciding = super().deciding

        class Wide:
            output = staticmethod(deciding.output)
            decisions = staticmethod(deciding.decisions)
            finite_logits = staticmethod(deciding.finite_logits)
            places = deciding.places

            @staticmethod
            def margins(outputs: Outputs) -> Any:
                return 8 * deciding.margins(outputs) + 8

        return Wide()


class CountsDecisions(Classification):
    def loss(self, *, name: str | None = None, label_smoothing: float = 0.0) -> Any:
        return lambda outputs, targets: (outputs["logits"].argmax(1) != targets).float().mean()


class OneLossEach(Classification):
    def loss(self, *, name: str | None = None, label_smoothing: float = 0.0) -> Any:
        return lambda outputs, targets: outputs["logits"].sum(1)


class Refuses(Classification):
    def check_fit(self, outputs: Mapping[str, Any], targets: Any, *, count: int, model: str) -> None:
        raise ValueError("nothing fits")


class BoxesOfNeighbours(Detection):
    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        mixed = {**outputs, "boxes": outputs["boxes"] + outputs["boxes"].mean(axis=0)}
        return super().decode(mixed, labels=labels)


class CountsBoxes(Detection):
    has_loss = True

    def loss(self, *, name: str | None = None, label_smoothing: float = 0.0) -> Any:
        return lambda outputs, targets: (targets[..., 4] >= 0).sum() - (outputs["logits"] > 0).float().sum()


class RefusesBoxes(Detection):
    def check_fit(self, outputs: Mapping[str, Any], targets: Any, *, count: int, model: str) -> None:
        super().check_fit({**outputs, "logits": (count, 1, 2, 2)}, targets, count=count, model=model)


@pytest.mark.parametrize(
    ("task", "like", "changed", "rule", "words"),
    [
        (WrongNames, "image-classification", {}, "measures-what-it-says", "it measures 'cost', which its spec does"),
        *(
            (telling(changed), "image-classification", {}, "measures-what-it-says", words)
            for changed, words in (
                (without("label"), "row 0 of 'classes' has no text as 'label'"),
                (without("n"), "row 0 of 'classes' has no whole number as 'n'"),
                (lambda told: {"classes": {"a": 1}}, "'classes' is no list with a dict for each class"),
                (lambda told: {"confusion": told["confusion"][:-1]}, "'confusion' is no square of counts"),
                (lambda told: {"confusion": [[1.5]]}, "'confusion' has 1 row for 3 classes"),
                (lambda told: {"each": np.zeros(3)}, "what details gives is no plain JSON"),
            )
        ),
        (OfTheLastBatch, "image-classification", {}, "metrics-add-up", "in batches of 1, and"),
        (
            Classification,
            "image-classification",
            {"metrics": {**task_spec("image-classification").metrics, "accuracy": "less"}},
            "right-answers-are-the-best",
            "accuracy, of which less is better, is 1 for right answers",
        ),
        (OfItsNeighbours, "image-classification", {}, "answers-are-told", "another one when it is alone in its batch"),
        (TooFew, "image-classification", {}, "answers-are-told", "23 answers for 24 samples"),
        (NoPlainData, "regression", {}, "answers-are-told", "an answer is no plain JSON"),
        (NoNumber, "regression", {}, "answers-are-told", "an answer holds NaN or infinity in 'values'"),
        (LosesCells, "regression", {}, "answers-are-told", "nothing for the column 'b' that columns names"),
        (HasNoSuchCell, "regression", {}, "answers-are-told", "KeyError: 'none'"),
        (WideMargins, "image-classification", {}, "decisions-have-margins", "moves by less than half of its margin"),
        (
            CountsDecisions,
            "image-classification",
            {},
            "gradients-reach-the-model",
            "in a way that PyTorch could follow",
        ),
        (OneLossEach, "image-classification", {}, "gradients-reach-the-model", "not one finite number"),
        (Refuses, "image-classification", {}, "takes-what-fits", "nothing fits"),
        (
            Detection,
            "detection",
            {"metrics": {**task_spec("detection").metrics, "map": "less"}},
            "right-answers-are-the-best",
            "map, of which less is better, is 1 for right answers",
        ),
        (BoxesOfNeighbours, "detection", {}, "answers-are-told", "another one when it is alone in its batch"),
        (CountsBoxes, "detection", {}, "gradients-reach-the-model", "in a way that PyTorch could follow"),
        (RefusesBoxes, "detection", {}, "takes-what-fits", "of 3 classes"),
    ],
)
def test_each_rule_sees_its_fault(task: type[Task], like: str, changed: Any, rule: str, words: str) -> None:
    found = findings(task, like, **changed)
    assert found[rule].outcome == "failed", found[rule]
    assert words in found[rule].detail
    others = {name for name, finding in found.items() if finding.outcome == "failed"} - {rule}
    assert not others - {"metrics-add-up", "measures-what-it-says", "right-answers-are-the-best"}


def test_a_task_that_reaches_for_torch_is_seen(fake_distribution: Any, run_zoo: Any) -> None:
    fake_distribution(
        "zoo-heavy",
        """
        from zoo_core import TaskSpec, hookimpl

        def load(spec):
            import torch
            from zoo_core.tasks import get_task

            regression = type(get_task("regression"))

            class Heavy(regression):
                pass

            return Heavy(spec)

        @hookimpl
        def zoo_tasks():
            yield TaskSpec(
                name="heavy", summary="with torch", load=load, targets="numbers",
                metrics={"loss": "less", "mae": "less", "rmse": "less", "r2": "more"}, selection="rmse",
            )
        """,
    )
    result = run_zoo("check", "task:heavy", "--rule", "runs-without-torch", "--json")
    assert result.code == 3, result.stderr
    assert "measuring and answering import torch" in result.stdout


def test_the_example_is_partly_wrong() -> None:
    random = np.random.Generator(np.random.Philox(5))
    task = get_task("multilabel-classification")
    example = task.example(24, random=random)
    assert 0 < task.metrics(example.outputs, example.targets)["map"] < 1
    assert task.metrics(example.right, example.targets)["map"] == 1
