"""Ordinary small architectures that the check must not reject."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d


def settled(module: nn.Module) -> nn.Module:
    """BatchNorm statistics as after a training, so that folds change the weights."""
    for part in module.modules():
        if isinstance(getattr(part, "running_mean", None), Tensor):
            nn.init.normal_(part.running_mean, 0, 0.3)
            nn.init.uniform_(part.running_var, 0.5, 2.0)
            if isinstance(part.weight, nn.Parameter):
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.normal_(part.bias, 0, 0.2)
    return module


def head(channels: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5)]


class SharedNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.bn, self.fc = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.bn(self.a(x)) + self.bn(self.b(x))).mean((2, 3)))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.Linear(768, 16, bias=False), nn.Linear(768, 16, bias=False), nn.Linear(16, 5)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return self.fc(F.relu(self.a(x)) + torch.tanh(self.b(x)))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], **options: bool) -> None:
        super().__init__()
        self.rnn = kind(16, 12, batch_first=True, **options)
        self.fc = nn.Linear(24 if options else 12, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x.mean(1))[0][:, -1])


class Tagger(nn.Module):
    """A recurrent net of free length, of which the exporter says that it has one."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.last = nn.LSTM(4, 6, batch_first=True, bidirectional=True), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.rnn(x)[0])


class VisionTransformer(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.5)
        self.position = nn.Parameter(torch.randn(1, 17, width) * 0.5)
        layer = nn.TransformerEncoderLayer(width, 2, 32, batch_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.fc = nn.Linear(width, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        return self.fc(self.encoder(x)[:, 0])


class Temperature(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.scale = nn.Linear(768, 5), nn.Parameter(torch.tensor(1.3))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1)) * self.scale.exp()


class Filters(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, torch.arange(135.0).reshape(5, 3, 3, 3).sin()).relu().mean((2, 3))


HEALTHY: dict[str, Callable[[], nn.Module]] = {
    "conv bn": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), *head(8)
    ),
    "two bn after a conv": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.BatchNorm2d(8), nn.ReLU(), *head(8)
    ),
    "one bn for two convs": SharedNorm,
    "grouped transposed conv bn": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.ConvTranspose2d(8, 8, 3, groups=2), nn.BatchNorm2d(8), nn.ReLU(), *head(8)
    ),
    "depthwise": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.ReLU6(), nn.Conv2d(8, 8, 3, groups=8), nn.BatchNorm2d(8), nn.Hardswish(), *head(8)
    ),
    "frozen bn": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), FrozenBatchNorm2d(8), nn.ReLU(), *head(8)),
    "group norm": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(4, 8), nn.GELU(), *head(8)),
    "instance norm": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.InstanceNorm2d(8, affine=True), nn.SiLU(), *head(8)),
    "layer norm": lambda: nn.Sequential(nn.Flatten(), nn.LayerNorm(768), nn.Linear(768, 5)),
    "tied weights": Tied,
    "lstm": lambda: Recurrent(nn.LSTM),
    "bidirectional gru": lambda: Recurrent(nn.GRU, bidirectional=True),
    "vision transformer": VisionTransformer,
    "learned temperature": Temperature,
    "dropout": lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 16), nn.Dropout(), nn.Linear(16, 5)),
    "fixed filters": Filters,
}
