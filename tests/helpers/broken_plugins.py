"""Small healthy plugins, and a way to break one of them in a single place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MODEL = {
    "__init__.py": """
        from zoo_core import ModelSpec, TensorSpec, hookimpl


        def build(*, in_channels: int = 1, height: int = 6, width: int = 6, num_classes: int = 3):
            from .net import Net

            return Net(in_channels, height, width, num_classes)


        @hookimpl
        def zoo_models():
            yield ModelSpec(
                name="tried",
                build=build,
                task="image-classification",
                summary="tried",
                inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
                outputs={"logits": TensorSpec("N", "num_classes")},
                source="https://example.org",
                license="MIT",
            )
        """,
    "net.py": """
        import torch
        from torch import nn


        class Net(nn.Module):
            def __init__(self, in_channels, height, width, num_classes):
                super().__init__()
                if min(in_channels, height, width, num_classes) < 1:
                    raise ValueError("every size is 1 or more")
                self.first = nn.Linear(in_channels * height * width, 8)
                self.last = nn.Linear(8, num_classes)

            def forward(self, image):
                logits = self.last(torch.relu(self.first(image.flatten(1))))
                return logits
        """,
}

ANY_SIZE = {
    "__init__.py": """
        from zoo_core import ModelSpec, TensorSpec, hookimpl


        def build(*, height: int | None = None, width: int | None = None, num_classes: int = 3):
            from .net import Net

            if 0 in (height, width, num_classes):
                raise ValueError("every size is 1 or more")
            return Net(num_classes)


        @hookimpl
        def zoo_models():
            yield ModelSpec(
                name="tried",
                build=build,
                task="image-classification",
                summary="tried",
                inputs={"image": TensorSpec("N", 1, "H", "W")},
                outputs={"logits": TensorSpec("N", "num_classes")},
                size_options={"H": "height", "W": "width"},
                source="https://example.org",
                license="MIT",
            )
        """,
    "net.py": """
        import torch
        from torch import nn


        class Net(nn.Module):
            def __init__(self, num_classes):
                super().__init__()
                self.first = nn.Conv2d(1, 8, 3, padding=1)
                self.last = nn.Linear(8, num_classes)

            def forward(self, image):
                return self.last(torch.relu(self.first(image)).mean((2, 3)))
        """,
}
"""A model that is free in height and width until an option fixes them."""

DATASET = {
    "__init__.py": """
        from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl


        def load(root, *, split, download):
            import numpy as np

            from zoo_core.data import ArraySplit

            drawn = np.random.default_rng(0 if split == "train" else 1)
            inputs = drawn.random((60, 1, 6, 6), dtype=np.float32)
            targets = np.arange(60) % 3
            return ArraySplit(inputs=inputs, targets=targets)


        @hookimpl
        def zoo_datasets():
            yield DatasetSpec(
                name="tried",
                load=load,
                task="image-classification",
                summary="tried",
                inputs={"image": TensorSpec("N", 1, 6, 6)},
                classes=("a", "b", "c"),
                source="https://example.org",
                license="MIT",
            )
        """,
}

TRAINER = {
    "__init__.py": """
        from dataclasses import dataclass

        from zoo_core import TrainerSpec, hookimpl


        @dataclass(frozen=True, kw_only=True)
        class Config:
            epochs: int = 5
            lr: float = 0.1


        def train(job, *, on_epoch):
            from .loop import fit_job

            return fit_job(job, on_epoch=on_epoch)


        @hookimpl
        def zoo_trainers():
            yield TrainerSpec(name="tried", fit=train, summary="tried", config=Config)
        """,
    "loop.py": """
        import dataclasses

        import torch

        from zoo_core.training import Feed, Loop, loss_for

        CALLS = []


        def fit_job(job, *, on_epoch):
            CALLS.append(job)
            optimizer = torch.optim.SGD(job.module.parameters(), lr=job.config.lr, momentum=0.9)
            feed = Feed(job.train, batch_size=32, device=job.device)
            loss = loss_for(job.task.name, own=job.loss)
            loop = Loop(job, optimizer=optimizer, loss=loss, learning_rate=lambda step: job.config.lr, feed=feed)
            result = loop.fit(on_epoch=on_epoch)
            return result
        """,
}


@dataclass(frozen=True, kw_only=True)
class Break:
    """One edit of a healthy plugin: `old` becomes `new` in `file`; `more` are further files."""

    old: str
    new: str
    file: str = "__init__.py"
    more: Mapping[str, str] | None = None


def broken(files: Mapping[str, str], fault: Break) -> dict[str, str]:
    """The plugin's files with the fault in it."""
    text = files[fault.file]
    assert text.count(fault.old) == 1, (fault.old, text.count(fault.old))
    return {**files, fault.file: text.replace(fault.old, fault.new), **(fault.more or {})}
