"""Train torchvision's detectors on scenes of digits, export them, count right and wrong boxes; docs/tasks.md tells it.

    python benchmarks/detectors.py [NAME ...] [--pictures DIR]    train these, or all; rows go to detectors.jsonl
    python benchmarks/detectors.py --run DIR NAME                 measure a run of NAME that is there, in DIR/runs
    python benchmarks/detectors.py --steps 4 [NAME ...]           try the whole way in a few steps; no row is kept
    python benchmarks/detectors.py --page                         only write the page from the rows that there are

NAME is a key of RECIPES.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zoo_core import open_zoo
from zoo_core.data import bind_dataset
from zoo_core.environment import machine_kind
from zoo_core.tasks import get_task
from zoo_core.training import load_run

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from task_training import zoo  # noqa: E402 it lies beside this file

ROWS = HERE / "detectors.jsonl"
PAGE = HERE.parent / "docs" / "tasks.md"
BEGIN, END = "<!-- made: python benchmarks/detectors.py -->", "<!-- end -->"
RUN = "scenes"
PICTURES = 10
"""Scenes of the test part whose boxes are counted: the first that have a digit."""
LOSS_SCENES = 40
SCENE_COUNT = "480"
"""Of the dataset, so that its test part has the 60 scenes that are the first of any larger one."""

SCENES = ("-d", "size=320", "-d", "color=RGB", "-d", "val_size=40", "-d", "test_size=60")
BATCH = 4


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one of them is trained, beside SCENES; `extended`: to how many epochs the run is extended afterwards, with a
    schedule of their own."""

    count: int
    epochs: int
    lr: str
    options: tuple[str, ...] = ()
    extended: int | None = None

    def shortened(self, steps: int) -> Recipe:
        """As many trainings, of two epochs each with so many steps: one of them warms up."""
        options = (*self.options, "-d", f"train_size={steps * BATCH}")
        return dataclasses.replace(self, options=options, epochs=2, extended=None if self.extended is None else 4)


RECIPES: dict[str, Recipe] = {
    "fasterrcnn_mobilenet_v3_large_320_fpn": Recipe(
        options=("-o", "proposals=32"), count=800, epochs=5, lr="0.0003", extended=9
    ),
    "ssdlite320_mobilenet_v3_large": Recipe(count=480, epochs=4, lr="0.0005"),
}

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: {', '.join(RECIPES)}")
    parser.add_argument("--pictures", type=Path, help="where pictures with boxes are kept")
    parser.add_argument("--run", type=Path, help=f"a folder in which runs/{RUN} is trained already, for one NAME")
    parser.add_argument("--steps", type=int, help="a trial with so many steps an epoch, of which nothing is kept")
    parser.add_argument("--page", action="store_true", help="only write the page from the rows that there are")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in RECIPES]:
        parser.error(f"no recipe for {unknown[0]}; there are {', '.join(RECIPES)}")
    if arguments.run is not None and len(arguments.names) != 1:
        parser.error("--run takes one NAME")
    for name in [] if arguments.page else arguments.names or RECIPES:
        with tempfile.TemporaryDirectory() as folder:
            kept = None if arguments.pictures is None else arguments.pictures / name
            recipe = RECIPES[name] if arguments.steps is None else RECIPES[name].shortened(arguments.steps)
            cwd = arguments.run or Path(folder)
            row = measured(name, recipe, cwd, trained=arguments.run is not None, pictures=kept)
        if arguments.steps is None:
            keep(row)
        print(line(row), flush=True)
    if arguments.steps is not None:
        return
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), read_rows()), encoding="utf-8")


def measured(name: str, recipe: Recipe, cwd: Path, *, trained: bool, pictures: Path | None) -> Row:
    """Train the model in `cwd`, or take its run; export it, measure run and file, and count boxes in ten scenes."""
    model = f"torchvision/{name}"
    if not trained:
        for words in commands(recipe):
            zoo("train", model, *words, "--run", RUN, cwd=cwd)
    folder = cwd / "runs" / RUN
    info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    epochs = [json.loads(text) for text in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    report = zoo("export", f"run:{RUN}", cwd=cwd)
    by_run, by_file = (zoo("eval", f"{kind}:{RUN}", cwd=cwd)["metrics"]["map50"] for kind in ("run", "export"))
    return {
        "model": model,
        "dataset": info["dataset"],
        "commands": [f"zoo train {model} {' '.join(words)}" for words in commands(recipe)],
        "steps": len(epochs) * -(-_scenes(info["dataset_options"]) // info["config"]["batch_size"]),
        "batch": info["config"]["batch_size"],
        "seconds": sum(row["seconds"] for row in epochs),
        "loss_by_epoch": [row["train"]["loss"] for row in epochs],
        **before_and_after(folder),
        "map50_of_the_run": by_run,
        "map50_of_the_file": by_file,
        "map50_by_epoch": [row["validation"]["map50"] for row in epochs],
        "outcome": report["outcome"],
        "checks": [each["detail"] for each in report["checks"] if each["rule"] == "dataset"],
        "threshold": info["task_settings"].get("threshold"),
        "boxes": counted_boxes(cwd, pictures),
        "n": 1,
        "machine": machine_kind(),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("torch", "torchvision", "onnxruntime")},
        },
    }


def _scenes(options: Mapping[str, Any]) -> int:
    """How many a model was trained on."""
    return int(options["train_size"] or options["count"])


def commands(recipe: Recipe) -> list[tuple[str, ...]]:
    """The words behind `zoo train MODEL`, one command after the other."""
    trainer = [f"batch_size={BATCH}", f"lr={recipe.lr}", "warmup=1", "augment=none"]
    begun = (
        *("--dataset", "digit-scenes", *SCENES, *recipe.options, "-d", f"count={recipe.count}"),
        *("--epochs", str(recipe.epochs), *itertools.chain.from_iterable(("-t", each) for each in trainer)),
    )
    if recipe.extended is None:
        return [begun]
    return [begun, ("--dataset", "digit-scenes", "--resume", "--epochs", str(recipe.extended))]


def before_and_after(folder: Path) -> dict[str, list[float]]:
    """The loss of the first scenes of the test part, in training mode, and mAP50 of all: with fresh weights, and with
    those of the run."""
    import torch

    from zoo_core.training import Feed, evaluate, seed_everything
    from zoo_core.training.losses import sum_of
    from zoo_core.training.one_at_a_time import reader_of

    run = load_run(folder)
    spec = run.model().spec
    seed_everything(run.info.seed)
    modules: dict[str, Any] = {"fresh": run.model().build(**run.info.options), "trained": run.build()}
    samples = run.dataset().load("test")
    found: dict[str, list[float]] = {"loss": [], "map50": []}
    for module in modules.values():
        measured = evaluate(
            module.eval(), samples, task=get_task(spec.task), outputs=tuple(spec.outputs), read=reader_of(spec)
        )
        found["map50"].append(measured["map50"])
        feed = Feed(samples.first(LOSS_SCENES), batch_size=int(run.info.config["batch_size"]))
        seed_everything(0)  # a detector draws the regions that it looks at
        module.train()
        assert spec.losses is not None
        with torch.no_grad():
            values = [float(sum_of(spec.losses(module, inputs, targets))) for inputs, targets in feed.in_order()]
        found["loss"].append(float(np.mean(values)))
    return found


def counted_boxes(cwd: Path, pictures: Path | None) -> dict[str, int]:
    """`{right, wrong, there}`: what `zoo predict` draws in the scenes, at the threshold of the file."""
    # The scenes as they are, not as the model has them.
    scenes = bind_dataset(open_zoo().dataset("digit-scenes"), {"count": SCENE_COUNT}).load("test")
    chosen = np.flatnonzero(scenes.targets.counts)[:PICTURES]
    folder = cwd / "pictures"
    folder.mkdir(exist_ok=True)
    for place in chosen:
        Image.fromarray(scenes.main[place, 0]).save(folder / f"{place:03}.png")
    answers = zoo("predict", f"export:{RUN}", str(folder), "--out", str(folder / "boxes"), cwd=cwd)
    tally: Any = get_task("detection").tally()
    for place, answer in zip(chosen, sorted(answers, key=lambda each: each["input"]), strict=True):
        tally.add(as_outputs(answer["detections"]), scenes.targets[place : place + 1])
    right, wrong, there = tally.counts()
    if pictures is not None:
        shutil.copytree(folder / "boxes", pictures, dirs_exist_ok=True)
    return {"scenes": len(chosen), "right": right, "wrong": wrong, "there": there}


def as_outputs(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What was told of one picture, as outputs of a detector; the classes are the digits."""
    return {
        "boxes": np.array([each["box"] for each in found]).reshape(1, -1, 4),
        "scores": np.array([[each["probability"] for each in found]]),
        "labels": np.array([[int(each["label"]) for each in found]], np.int64).reshape(1, -1),
    }


def read_rows() -> list[Row]:
    """Every row that is kept."""
    return [json.loads(text) for text in ROWS.read_text(encoding="utf-8").splitlines()] if ROWS.exists() else []


def keep(row: Row) -> None:
    """Write the row in place of an older one of the same model."""
    rows = sorted([*(old for old in read_rows() if old["model"] != row["model"]), row], key=lambda each: each["model"])
    ROWS.write_text("".join(json.dumps(each, sort_keys=True) + "\n" for each in rows), encoding="utf-8")


def line(row: Row) -> str:
    """A row of the table."""
    boxes = row["boxes"]
    cells = (
        f"`{row['model']}`",
        f"{row['steps']:,} of {row['batch']}",
        f"{row['seconds']:,.0f}",
        " to ".join(f"{value:.3f}" for value in row["loss"]),
        " to ".join(f"{value:.4f}" for value in row["map50"]),
        f"{row['map50_of_the_file']:.4f}",
        row["outcome"],
        f"{boxes['right']} right, {boxes['wrong']} wrong, of {boxes['there']}",
    )
    return f"| {' | '.join(cells)} |"


def with_table(page: str, rows: Sequence[Row]) -> str:
    """The page with the table between its marks."""
    head = [
        "| model | steps | seconds | loss, fresh to trained | map50, fresh to trained | of the file | export | boxes |",
        "| --- | ---: | ---: | --- | --- | --- | --- | --- |",
    ]
    how = [", then ".join(f"`{command}`" for command in row["commands"]) for row in rows]
    machines = sorted({row["machine"] for row in rows})
    versions = sorted({", ".join(f"{name} {text}" for name, text in row["versions"].items()) for row in rows})
    told = [f"n: 1 seed. {'; '.join(machines + versions)}.", "", *(f"- {text}" for text in how)]
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return "\n".join([before + BEGIN, "", *head, *map(line, rows), "", *told, "", END]) + after


if __name__ == "__main__":
    main()
