"""A plugin as a newcomer writes one: ordinary small models of PyTorch, that refuse nothing in words of their own."""

from __future__ import annotations

STRANGERS = {
    "__init__.py": """
        from zoo_core import ModelSpec, TensorSpec, hookimpl

        PICTURE = {"image": TensorSpec("N", "in_channels", "height", "width")}
        LOGITS = {"logits": TensorSpec("N", "num_classes")}


        def mlp(*, in_channels: int = 1, height: int = 8, width: int = 8, num_classes: int = 4):
            from .nets import mlp

            return mlp(in_channels * height * width, num_classes)


        def lenet(*, in_channels: int = 1, height: int = 20, width: int = 20, num_classes: int = 4):
            from .nets import LeNet

            return LeNet(in_channels, height, width, num_classes)


        def pooled(*, in_channels: int = 3, num_classes: int = 4):
            from .nets import pooled

            return pooled(in_channels, num_classes)


        def depthwise(*, in_channels: int = 4, num_classes: int = 4):
            from .nets import Depthwise

            return Depthwise(in_channels, num_classes)


        def vit(*, in_channels: int = 3, height: int = 16, width: int = 16, num_classes: int = 4):
            from .nets import Vit

            return Vit(in_channels, height, width, num_classes)


        def signal(*, in_channels: int = 2, length: int = 16, num_classes: int = 4):
            from .nets import signal

            return signal(in_channels, length, num_classes)


        def lstm(*, in_channels: int = 4, num_classes: int = 4):
            from .nets import Lstm

            return Lstm(in_channels, num_classes)


        def words(*, vocabulary: int = 100, num_classes: int = 4):
            from .nets import Words

            return Words(vocabulary, num_classes)


        def masks(*, in_channels: int = 3, num_classes: int = 4):
            from .nets import masks

            return masks(in_channels, num_classes)


        def model(name, build, inputs, outputs=LOGITS, task="image-classification"):
            return ModelSpec(
                name=name, build=build, task=task, summary=name, inputs=inputs, outputs=outputs,
                source="https://example.org", license="MIT",
            )


        @hookimpl
        def zoo_models():
            yield model("own-mlp", mlp, PICTURE)
            yield model("own-lenet", lenet, PICTURE)
            yield model("own-pooled", pooled, {"image": TensorSpec("N", "in_channels", 16, 16)})
            yield model("own-depthwise", depthwise, {"image": TensorSpec("N", "in_channels", 24, 24)})
            yield model("own-vit", vit, PICTURE)
            yield model("own-signal", signal, {"signal": TensorSpec("N", "in_channels", "length")})
            yield model("own-lstm", lstm, {"sequence": TensorSpec("N", 12, "in_channels")})
            yield model("own-words", words, {"tokens": TensorSpec("N", 12, dtype="int64", low=0, high=99)})
            yield model(
                "own-masks", masks, {"image": TensorSpec("N", "in_channels", "4*H", "4*W")},
                {"logits": TensorSpec("N", "num_classes", "4*H", "4*W")}, "semantic-segmentation",
            )
        """,
    "nets.py": """
        import torch
        from torch import nn
        from torch.nn import functional as F


        def mlp(values, num_classes):
            return nn.Sequential(nn.Flatten(), nn.Linear(values, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(),
                                 nn.Linear(16, num_classes))


        def pooled(channels, num_classes):
            return nn.Sequential(
                nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2),
                nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, num_classes),
            )


        def signal(channels, length, num_classes):
            return nn.Sequential(
                nn.Conv1d(channels, 8, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(),
                nn.Linear(8 * (length // 2), num_classes),
            )


        def masks(channels, num_classes):
            return nn.Sequential(
                nn.Conv2d(channels, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2, padding=1),
                nn.ReLU(), nn.ConvTranspose2d(8, 8, 2, 2), nn.ReLU(), nn.ConvTranspose2d(8, num_classes, 2, 2),
            )


        class LeNet(nn.Module):
            def __init__(self, channels, height, width, num_classes):
                super().__init__()
                self.conv1 = nn.Conv2d(channels, 6, 5)
                self.conv2 = nn.Conv2d(6, 16, 5)
                height, width = (((side - 4) // 2 - 4) // 2 for side in (height, width))
                self.fc1 = nn.Linear(16 * height * width, 12)
                self.fc2 = nn.Linear(12, num_classes)

            def forward(self, x):
                x = F.max_pool2d(F.relu(self.conv1(x)), 2)
                x = F.max_pool2d(F.relu(self.conv2(x)), 2)
                return self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))


        class Depthwise(nn.Module):
            def __init__(self, channels, num_classes):
                super().__init__()
                self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
                self.pointwise = nn.Conv2d(channels, 8, 1)
                self.norm = nn.GroupNorm(4, 8)
                self.fc = nn.Linear(8, num_classes)

            def forward(self, x):
                x = F.silu(self.norm(self.pointwise(self.depthwise(x))))
                return self.fc(x.mean(dim=[2, 3]))


        class Vit(nn.Module):
            def __init__(self, channels, height, width, num_classes, patch=8):
                super().__init__()
                self.patches = nn.Conv2d(channels, 16, patch, patch)
                self.cls = nn.Parameter(torch.zeros(1, 1, 16))
                self.places = nn.Parameter(0.02 * torch.randn(1, (height // patch) * (width // patch) + 1, 16))
                layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=True)
                self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
                self.head = nn.Linear(16, num_classes)

            def forward(self, x):
                x = self.patches(x).flatten(2).transpose(1, 2)
                x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.places
                return self.head(self.encoder(x)[:, 0])


        class Lstm(nn.Module):
            def __init__(self, channels, num_classes):
                super().__init__()
                self.lstm = nn.LSTM(channels, 8, batch_first=True)
                self.head = nn.Linear(8, num_classes)

            def forward(self, x):
                steps, _ = self.lstm(x)
                return self.head(steps[:, -1])


        class Words(nn.Module):
            def __init__(self, vocabulary, num_classes):
                super().__init__()
                self.embedding = nn.Embedding(vocabulary, 8)
                self.head = nn.Linear(8, num_classes)

            def forward(self, tokens):
                return self.head(self.embedding(tokens).mean(1))
        """,
}
