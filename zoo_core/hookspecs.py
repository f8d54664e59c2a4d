"""The contract between the zoo and its plugins: offers return data, events are told.

The docstrings have one shape, from which `docs/make_hooks.py` makes docs/hooks.md; tests run the examples.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from .hook_events import EVENTS as EVENTS
from .hook_events import PROJECT as PROJECT
from .hook_events import hookspec
from .hook_events import zoo_epoch_ended as zoo_epoch_ended
from .hook_events import zoo_exported as zoo_exported
from .hook_events import zoo_trained as zoo_trained

if TYPE_CHECKING:
    import click

    from .specs import DatasetSpec, ModelFamily, ModelSpec, RecipeSpec, TaskSpec, TrainerSpec

hookimpl = pluggy.HookimplMarker(PROJECT)
"""The decorator of a function that implements a hook."""

OFFERS = ("zoo_models", "zoo_datasets", "zoo_trainers", "zoo_families", "zoo_tasks", "zoo_recipes", "zoo_commands")


@hookspec
def zoo_models() -> Iterable[ModelSpec]:  # type: ignore[empty-body]
    """Offer models.

    When: once for each install or edit of the plugin, in a child process; the answer is kept on the disk. In a process
    that builds one of the models, once more.

    Returns: an iterable of `ModelSpec`; a generator will do. Build nothing here, and import no torch.

    On error: a hook that raises, exits, hangs, or returns anything else makes the plugin `broken`: nothing of it is
    offered, `zoo plugins` says why, and other plugins are not disturbed.

    Example:

        from zoo_core import ModelSpec, TensorSpec, hookimpl


        def build(*, inputs: int = 4, num_classes: int = 3):
            from torch import nn

            return nn.Linear(inputs, num_classes)


        @hookimpl
        def zoo_models():
            yield ModelSpec(
                name="linear",
                build=build,
                task="image-classification",
                summary="One linear layer",
                inputs={"values": TensorSpec("N", "inputs")},
                outputs={"logits": TensorSpec("N", "num_classes")},
            )
    """


@hookspec
def zoo_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Offer datasets.

    When: as `zoo_models`.

    Returns: an iterable of `DatasetSpec`. Nothing is read or fetched here; that is what its `load` is for.

    On error: as `zoo_models`.

    Example:

        from zoo_core import DatasetSpec, TensorSpec, hookimpl


        def load(root, *, split, download, count: int = 100):
            import numpy as np
            from zoo_core.data import ArraySplit

            random = np.random.default_rng(["train", "test"].index(split))
            targets = random.integers(0, 2, count)
            values = random.normal(targets[:, np.newaxis], 0.5, (count, 4))
            return ArraySplit(inputs=values.astype(np.float32), targets=targets)


        @hookimpl
        def zoo_datasets():
            yield DatasetSpec(
                name="two-clouds",
                load=load,
                task="image-classification",
                summary="Points of two clouds",
                inputs={"values": TensorSpec("N", 4)},
                classes=("left", "right"),
            )
    """


@hookspec
def zoo_trainers() -> Iterable[TrainerSpec]:  # type: ignore[empty-body]
    """Offer trainers, for `zoo train --trainer NAME`.

    When: as `zoo_models`.

    Returns: an iterable of `TrainerSpec`.

    On error: as `zoo_models`. What `fit` itself raises ends the training with one line; the run keeps its last epoch.

    Example:

        from dataclasses import dataclass
        from zoo_core import TrainerSpec, hookimpl


        @dataclass(frozen=True, kw_only=True)
        class Config:
            epochs: int = 10
            lr: float = 0.001


        def fit(job, *, on_epoch):
            import torch
            from zoo_core.training import Feed, Loop, loss_for

            loop = Loop(
                job,
                optimizer=torch.optim.Adam(job.module.parameters(), lr=job.config.lr),
                loss=loss_for(job.task.name, own=job.loss),
                learning_rate=lambda step: job.config.lr,
                feed=Feed(job.train, batch_size=32, device=job.device),
            )
            return loop.fit(on_epoch=on_epoch)


        @hookimpl
        def zoo_trainers():
            yield TrainerSpec(name="plain-adam", fit=fit, summary="Adam, nothing else", config=Config)
    """


@hookspec
def zoo_families() -> Iterable[ModelFamily]:  # type: ignore[empty-body]
    """Offer every model of an installed library, as `prefix/name`.

    When: as `zoo_models`; `names` then, and again when the library's version changes; `spec` only when one of the
    models is used.

    Returns: an iterable of `ModelFamily`, whose `names()` best does without importing the library, which takes seconds.

    On error: as `zoo_models`. A `spec` that raises spoils only the command that asked for that model.

    Example:

        from zoo_core import ModelFamily, ModelSpec, TensorSpec, hookimpl

        WIDTHS = {"narrow": 8, "wide": 64}


        def spec(name):
            def build(*, num_classes: int = 10):
                from torch import nn

                width = WIDTHS[name]
                return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, num_classes))

            return ModelSpec(
                name=f"widths/{name}",
                build=build,
                task="image-classification",
                summary=f"{WIDTHS[name]} hidden values",
                inputs={"values": TensorSpec("N", 4)},
                outputs={"logits": TensorSpec("N", "num_classes")},
            )


        @hookimpl
        def zoo_families():
            yield ModelFamily(prefix="widths", names=lambda: WIDTHS, spec=spec)
    """


@hookspec
def zoo_tasks() -> Iterable[TaskSpec]:  # type: ignore[empty-body]
    """Offer tasks: what outputs mean, how good they are, and how answers are told.

    When: as `zoo_models`; `load` only when a model of the task is trained, checked, measured or asked.

    Returns: an iterable of `TaskSpec`. `load` imports numpy, and makes a class derived from `zoo_core.tasks.Task`;
    `zoo new plugin NAME --kind task` writes one with metrics and a loss.

    On error: as `zoo_models`. What the implementation raises, or gives wrongly, ends the command with one line that
    names the plugin and its own line.

    Example:

        from zoo_core import TaskSpec, hookimpl


        def load(spec):
            from zoo_core.tasks import Task

            class Nearest(Task):
                def decode(self, outputs, *, labels):
                    return [{"metres": float(depth.min())} for depth in outputs["depth"]]

            return Nearest(spec)


        @hookimpl
        def zoo_tasks():
            yield TaskSpec(name="nearest", summary="How near the nearest thing is", load=load, targets="none")
    """


@hookspec
def zoo_recipes() -> Iterable[RecipeSpec]:  # type: ignore[empty-body]
    """Offer recipes: how a file, a text or a row of a table becomes the input of a model.

    When: as `zoo_models`; `load` only when a dataset or an exported file that names the recipe is used.

    Returns: an iterable of `RecipeSpec`; `zoo new plugin NAME --kind recipe` writes one. Import no numpy here: the
    implementation, derived from `zoo_core.recipes.InputRecipe`, lies in a module of its own, which `load` imports.

    On error: as `zoo_tasks`. A `ZooError` is shown as the zoo's own are, and of many inputs it is that one's.

    Example:

        from zoo_core import RecipeSpec, hookimpl


        def load(*, length: int = 16):
            import numpy as np
            from zoo_core.recipes import InputRecipe, padded

            class Letters(InputRecipe):
                takes_text, shape, values = True, (max(1, length),), (0, 128)

                def read(self, source, *, name):
                    text = source.decode(errors="replace") if isinstance(source, bytes) else str(source)
                    return np.array([ord(letter) % 128 for letter in text], np.int64)

                def stack(self, samples):
                    return padded(samples, length=max(1, length))

            return Letters()


        @hookimpl
        def zoo_recipes():
            yield RecipeSpec(name="letters", summary="Letters as numbers", load=load, suffixes=(".txt",))
    """


@hookspec
def zoo_commands() -> Iterable[click.Command]:  # type: ignore[empty-body]
    """Offer commands of `zoo` itself.

    When: as `zoo_models`; names and one-line helps are kept on the disk, so that `zoo --help` loads no plugin.

    Returns: an iterable of `click.Command`, best made by `lazy_command`: options and body are then loaded when the
    command is run, and nobody else waits for them. A bundled command cannot be replaced, and a name that two plugins
    offer is nobody's. `zoo_core.commands` has what a command is made of: `json_option` and the options `-o`, `-d`,
    `-t`; `print_json`, `say`, `note` and `table` for what is printed, progress and notes on stderr; `complete_models`
    and so on, for `shell_complete=`; `locate` and `find_export` for names; `typed`, `export_of` and `use_of` for the
    next step, which every command prints; `written_whole` for files.

    On error: as `zoo_models`. A command that raises ends with one line that names the plugin; a `ZooError` is shown as
    the zoo's own are.

    Example:

        import click
        from zoo_core import hookimpl
        from zoo_core.commands import json_option, print_json, say, typed


        @click.command("longest", help="Say which model has the longest name.")
        @json_option
        def longest(as_json):
            from zoo_core import open_zoo

            name = max((entry.name for entry in open_zoo().entries("model")), key=len)
            if as_json:
                print_json({"name": name})
            else:
                say(name)
                say(f"Next: {typed('info', name)}")


        @hookimpl
        def zoo_commands():
            yield longest
    """
