"""`zoo plot RUN RUN...`: curves of several runs over each other; and the legs of a run in its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo_core import ZooError
from zoo_core.training import load_run
from zoo_plugins.plot.curves import curves_of
from zoo_plugins.plot.overlaid import overlaid_curves

Zoo = Callable[..., Any]


def write_run(folder: Path, name: str, *, epochs: int = 4, metric: str = "accuracy", **record: Any) -> Path:
    """A run as it is on the disk, as far as drawing needs it."""
    run = folder / "runs" / name
    run.mkdir(parents=True)
    data = {
        "schema": 1,
        **dict.fromkeys(("model_plugin", "trainer", "trainer_plugin", "dataset_plugin", "device"), "zoo-core:x"),
        "name": name,
        "model": "lenet5",
        "dataset": "digits",
        "dataset_fingerprint": "0",
        "options": {"num_classes": 10},
        "dataset_options": {},
        "config": {"epochs": epochs, "lr": 0.1, "augment": "usual"},
        "classes": [],
        "epochs": max(epochs, 1),
        "seed": 0,
        "best_epoch": 2,
        "selection": metric,
    }
    run.joinpath("run.json").write_text(json.dumps(data | record))
    rows = [
        {
            "epoch": epoch,
            "train": {"loss": 1 / epoch, metric: 0.9},
            "validation": {"loss": 2 / epoch, metric: 0.1 * epoch},
            "learning_rate": 0.1,
            "seconds": 1.0,
        }
        for epoch in range(1, epochs + 1)
    ]
    run.joinpath("metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run


def test_runs_are_drawn_over_each_other_each_in_its_colour(run_zoo: Zoo, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_run(tmp_path, name)
    done = run_zoo("plot", "one", "runs/two", "--json")
    assert done.json == {"files": ["plots/one-two-curves.png"], "remarks": []}
    with Image.open(tmp_path / "plots" / "one-two-curves.png") as picture:
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 24)}
    assert {(31, 119, 180), (255, 127, 14)} <= colors


def test_each_run_has_a_line_of_train_and_of_validation_by_epoch(tmp_path: Path) -> None:
    runs = [load_run(write_run(tmp_path, "short", epochs=3)), load_run(write_run(tmp_path, "long", epochs=5))]
    for axes, metric in zip(overlaid_curves(runs).axes, ("loss", "accuracy"), strict=True):
        assert axes.get_title() == metric
        drawn = [(line.get_linestyle(), list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
        for run in runs:
            epochs = [row.epoch for row in run.rows]
            assert ("--", epochs, [row.train[metric] for row in run.rows]) in drawn
            assert ("-", epochs, [row.validation[metric] for row in run.rows]) in drawn
            assert ("None", [2], [run.rows[1].validation[metric]]) in drawn
        assert len({line.get_color() for line in axes.lines}) == 2


def legend(figure: Any) -> list[str]:
    (drawn,) = figure.legends
    return [text.get_text() for text in drawn.get_texts()]


def test_the_legend_says_what_differs_and_nothing_else(tmp_path: Path) -> None:
    fast = {"epochs": 4, "lr": 0.5, "augment": "usual", "new": 1}
    runs = [write_run(tmp_path, "a"), write_run(tmp_path, "b", config=fast, seed=3)]
    assert legend(overlaid_curves(list(map(load_run, runs)))) == ["a: lr=0.1, seed=0", "b: lr=0.5, seed=3"]
    runs.append(write_run(tmp_path, "c", model="unet", dataset="oxford-pet", options={"base": 8}, metric="iou_mean"))
    figure = overlaid_curves(list(map(load_run, runs)))
    assert legend(figure)[2] == "c: unet, oxford-pet, lr=0.1, seed=0"
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy", "mean IoU"]
    assert [len(axes.lines) for axes in figure.axes] == [9, 6, 3]


def test_runs_that_do_not_differ_are_told_apart_by_their_names(tmp_path: Path) -> None:
    runs = [load_run(write_run(tmp_path, name)) for name in ("a", "b")]
    assert legend(overlaid_curves(runs)) == ["a", "b"]


def test_many_runs_have_a_colour_each(tmp_path: Path) -> None:
    runs = [load_run(write_run(tmp_path, f"run{number}", epochs=2)) for number in range(14)]
    figure = overlaid_curves(runs)
    assert len({line.get_color() for line in figure.axes[0].lines}) == 14
    assert len(legend(figure)) == 14


def test_a_run_without_an_epoch_is_named(tmp_path: Path) -> None:
    runs = [load_run(write_run(tmp_path, "a")), load_run(write_run(tmp_path, "none", epochs=0))]
    with pytest.raises(ZooError, match="run 'none' has no epoch to draw yet") as caught:
        overlaid_curves(runs)
    assert "leave it out" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "b", "--what", "errors"), "several runs are drawn as curves, not as errors"),
        (("a", "digits"), "unknown run 'digits'"),
        (("a", "export:b"), "an export is not possible here"),
        (("a", "b", "--split", "test"), "--split is not for curves"),
    ],
)
def test_what_cannot_be_drawn_together_is_said(
    zoo_here: Zoo, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    for name in ("a", "b"):
        write_run(tmp_path, name)
    refused = zoo_here("plot", *arguments)
    assert refused.code == 2
    assert message in refused.stderr
    assert not (tmp_path / "plots").exists()


def test_many_names_make_a_short_file_name(zoo_here: Zoo, tmp_path: Path) -> None:
    names = [f"run{number}" for number in range(5)]
    for name in names:
        write_run(tmp_path, name)
    done = zoo_here("plot", *names)
    assert done.stdout.splitlines() == ["plots/run0-run1-run2-and-2-more-curves.png", "Next: zoo list runs --sort best"]


def test_the_legs_of_a_run_are_marked_in_its_curves(tmp_path: Path) -> None:
    legs = [
        {"why": why, "after": after, "epochs": 4} for why, after in (("started", 0), ("changed", 1), ("extended", 2))
    ]
    run = load_run(write_run(tmp_path, "a", legs=legs))
    for axes in curves_of(run).axes:
        words = [text.get_text() for text in axes.get_legend().get_texts()]
        assert words[2:4] == ["plugins changed after epoch 1", "extended after epoch 2"]
        places = [line.get_xdata()[0] for line in axes.lines if line.get_label() in words[2:4]]
        assert places == [1.5, 2.5]


def test_a_name_too_long_for_a_line_of_the_legend_is_told_whole(tmp_path: Path) -> None:
    names = [f"{'long-' * 25}{end}" for end in ("one", "two")]
    runs = [load_run(write_run(tmp_path, name, metric="accuracy", seed=n)) for n, name in enumerate(names)]
    figure = overlaid_curves(runs)
    (legend,) = figure.legends
    told = ["".join(text.get_text().split()) for text in legend.get_texts()]
    assert told == [f"{name}:seed={number}" for number, name in enumerate(names)]
    figure.canvas.draw()
    box = legend.get_window_extent()
    assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert box.y0 >= figure.bbox.y0
    assert box.y1 <= min(axes.get_tightbbox().y0 for axes in figure.axes)


def test_the_file_of_several_runs_has_their_names_in_any_writing(run_zoo: Zoo, tmp_path: Path) -> None:
    long = [f"{letter * 80}-{number}" for number, letter in enumerate("äöü")]
    for name in ("学習", "übung 1", *long):
        write_run(tmp_path, name)
    assert run_zoo("plot", "学習", "übung 1", "--json").json["files"] == ["plots/学習-übung-1-curves.png"]
    drawn = [run_zoo("plot", *names, "--json").json["files"][0] for names in (long, long[::-1], [*long[:2], "学習"])]
    assert len(set(drawn)) == 3
    assert all((tmp_path / file).is_file() for file in drawn)
