"""The confusion matrix: shares, counts, titles, and what cannot be read any more."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_samples import numbered, predictor_of

from zoo_core.errors import ZooError
from zoo_core.workflows.answers.predictor import Part
from zoo_plugins.plot.confusion import draw_confusion, most_confused, row_shares, short_count
from zoo_plugins.plot.figures import heading, new_figure
from zoo_plugins.plot.samples import draw_samples


def test_rows_are_shares_of_their_true_class() -> None:
    matrix = np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]])
    assert row_shares(matrix).tolist() == [[0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0, 0]]
    assert most_confused(matrix, "abc", count=3) == [("a", "b", 2), ("b", "a", 1)]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (9_999, "9999"), (12_345, "12k"), (3_400_000, "3.4M"), (9_960_000, "10M"), (5_000_000_000, "5.0G")],
)
def test_counts_are_short(count: int, text: str) -> None:
    assert short_count(count) == text


def test_the_numbers_in_the_cells_are_those_of_the_split() -> None:
    targets = np.array([0, 0, 0, 1, 1, 2])
    decided = np.array([0, 0, 1, 1, 1, 0])
    samples = numbered(targets, 3)
    predictor = predictor_of("image-classification", 5 * np.eye(3, dtype=np.float32)[decided])
    part = Part(dataset="d", split="test", samples=samples, labels=samples.classes)
    figure = draw_confusion(predictor, part, title="run r on d, split test")
    assert figure.get_suptitle().splitlines()[0].replace("\xa0", " ") == (
        "run r on d, split test: accuracy 0.6667, 6 samples"
    )
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["2\n66.7%", "1\n33.3%", "0", "0", "2\n100.0%", "0", "1\n100.0%", "0", "0"]
    assert figure.axes[0].get_xlabel() == "decision"
    assert figure.axes[0].get_ylabel() == "true class"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["class 0", "class 1", "class 2"]


def test_a_title_that_is_too_long_is_broken_where_it_says_what_was_measured() -> None:
    figure = new_figure(width=7.5, height=3)
    heading(
        figure, "run mm on mask-folder, split validation: mean IoU 0.1124, pixel accuracy 0.2247, 2 samples", "note"
    )
    assert figure.get_suptitle().splitlines() == [
        "run mm on mask-folder, split validation",
        "mean IoU 0.1124, pixel accuracy 0.2247, 2 samples",
        "note",
    ]


@pytest.mark.parametrize(("count", "width"), [(1, 6), (2, 6), (3, 9), (4, 12), (40, 12)])
def test_a_few_samples_have_a_narrow_figure(count: int, width: float) -> None:
    samples = numbered(np.zeros(count, np.int64), 1)
    figure = draw_samples(samples, labels=samples.classes, title="d, split s")
    assert figure.get_figwidth() == width


def test_many_classes_are_colours_and_the_most_confused_are_told() -> None:
    targets = np.repeat(np.arange(30), 2)
    decided = targets.copy()
    decided[:2] = 7
    samples = numbered(targets, 30)
    predictor = predictor_of("image-classification", 5 * np.eye(30, dtype=np.float32)[decided])
    figure = draw_confusion(predictor, Part(dataset="d", split="s", samples=samples, labels=samples.classes), title="r")
    assert list(figure.axes[0].texts) == []
    assert figure.get_suptitle().splitlines()[-1] == "most often: class 0 taken for class 7 (2)"


def test_over_a_thousand_classes_cannot_be_read() -> None:
    samples = numbered(np.array([0]), 1001)
    predictor = predictor_of("image-classification", np.zeros((1, 1001), np.float32))
    part = Part(dataset="d", split="test", samples=samples, labels=samples.classes)
    with pytest.raises(ZooError, match="a confusion matrix of 1,001 classes cannot be read"):
        draw_confusion(predictor, part, title="r")
