"""A plugin whose model is what a test makes of it: `ODD_PLUGIN.format(forward="return ...")`."""

from __future__ import annotations

ODD_PLUGIN = """
    from zoo_core import ModelSpec, TensorSpec, hookimpl

    def build(*, in_channels: int = 1, height: int = 4, width: int = 4, num_classes: int = 3):
        import torch

        class Odd(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = torch.nn.Linear(in_channels * height * width, num_classes)

            def forward(self, x):
                {forward}

        return Odd()

    @hookimpl
    def zoo_models():
        yield ModelSpec(
            name="odd", build=build, task="image-classification", summary="odd",
            inputs={{"image": TensorSpec("N", "in_channels", "height", "width")}},
            outputs={{"logits": TensorSpec("N", "num_classes")}},
        )
"""
