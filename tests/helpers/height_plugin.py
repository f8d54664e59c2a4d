"""A small task of a third party as plugins: HEIGHT offers it with a recipe, and RULER a model and a dataset that need
both; ALONE offers task, model and a dataset of plain arrays in one."""

from __future__ import annotations

from collections.abc import Mapping

TASK = """
    import numpy as np

    from zoo_core import ZooError
    from zoo_core.tasks import Task


    class Largest:
        def __init__(self):
            self.errors = []

        def add(self, outputs, targets):
            self.errors.append(np.abs(outputs["height"] - targets).astype(np.float64))

        def metrics(self):
            if not self.errors:
                raise ZooError("there are no samples to measure")
            errors = np.concatenate(self.errors)
            return {"loss": float(errors.mean()), "largest": float(errors.max())}

        def details(self, labels):
            return {}


    class Height(Task):
        def tally(self):
            return Largest()

        def decode(self, outputs, *, labels):
            return [{"metres": float(value)} for value in outputs["height"][:, 0]]

        def columns(self, *, labels, outputs):
            return ("metres",)

        def cells(self, answer):
            return {"metres": answer["metres"]}

        def in_words(self, answer):
            return f"{answer['metres']:.2f} m"

        def loss(self, *, name=None, label_smoothing=0.0):
            return lambda outputs, targets: (outputs["height"] - targets).abs().mean()
"""
RECIPE = """
    import numpy as np

    from zoo_core.recipes import InputRecipe


    class Numbers(InputRecipe):
        takes_text, shape = True, (3,)

        def read(self, source, *, name):
            text = source.decode() if isinstance(source, bytes) else source
            return np.array([float(word) for word in text.split()], np.float32)

        def stack(self, samples):
            return np.stack(samples)

        def examples(self, count, *, random):
            return [" ".join(map(str, row)) for row in random.normal(size=(count, 3)).round(3)]
"""
OFFERS_TASK = """
    from zoo_core import TaskSpec, hookimpl


    def load_task(spec):
        from .task import Height

        return Height(spec)


    @hookimpl
    def zoo_tasks():
        yield TaskSpec(
            name="height", summary="how high something is", load=load_task, targets="numbers",
            metrics={"loss": "less", "largest": "less"}, selection="largest", loss="mean absolute error",
        )
"""
OFFERS_RECIPE = """
    from zoo_core import RecipeSpec, hookimpl


    def load_recipe():
        from .recipe import Numbers

        return Numbers()


    @hookimpl
    def zoo_recipes():
        yield RecipeSpec(name="numbers", summary="numbers in a line", load=load_recipe, suffixes=(".txt",))
"""
RULER = """
    from zoo_core import DatasetSpec, ModelSpec, Recipe, TensorSpec, hookimpl

    INPUTS = {"values": TensorSpec("N", 3)}


    def build():
        from torch import nn

        class Ruler(nn.Linear):
            def forward(self, values):
                return super().forward(values)

        return Ruler(3, 1)


    def load_data(root, *, split, download):
        import numpy as np

        from zoo_core.data import ArraySplit

        values = np.random.default_rng(["train", "test"].index(split)).normal(size=(60, 3))
        lines = [" ".join(map(str, row)) for row in values]
        targets = (values @ np.array([[1], [2], [-1]])).astype(np.float32)
        return ArraySplit(inputs={"values": np.array(lines, object)}, targets=targets)


    @hookimpl
    def zoo_models():
        yield ModelSpec(
            name="ruler", build=build, task="height", summary="a ruler", inputs=INPUTS,
            outputs={"height": TensorSpec("N", 1)},
        )


    @hookimpl
    def zoo_datasets():
        yield DatasetSpec(
            name="heights", load=load_data, task="height", summary="heights", inputs=INPUTS,
            recipes={"values": Recipe("numbers")},
        )
"""
TRAIN = ("train", "ruler", "--dataset", "heights", "--run", "heights", "--epochs", "2", "-t", "lr=0.1")


def changed(files: Mapping[str, str], *changes: tuple[str, str, str]) -> dict[str, str]:
    """The files with each change, `(file, old, new)`: what it replaces is there once."""
    found = dict(files)
    for name, old, new in changes:
        assert found[name].count(old) == 1, (name, old)
        found[name] = found[name].replace(old, new)
    return found


HEIGHT = {"__init__.py": OFFERS_TASK + OFFERS_RECIPE, "task.py": TASK, "recipe.py": RECIPE}
ALONE = changed(
    {"__init__.py": OFFERS_TASK + RULER, "task.py": TASK},
    ("__init__.py", 'inputs={"values": np.array(lines, object)}', "inputs=values.astype(np.float32)"),
    ("__init__.py", 'recipes={"values": Recipe("numbers")},', ""),
)
