"""The network for texts."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TextCNN(nn.Module):
    """Tokens (N, L), int64, and which of them are the text's own, bool (N, L), to logits (N, num_classes).

    Source: Kim, "Convolutional neural networks for sentence classification", 2014; here over 1, 3 and 5 tokens.
    """

    def __init__(self, vocabulary: int, num_classes: int, *, width: int, dropout: float) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width is at least 1, not {width}")
        self.vectors = nn.Embedding(vocabulary, width)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, size, padding="same") for size in (1, 3, 5))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(3 * width, num_classes)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        own = mask.unsqueeze(1).to(self.vectors.weight.dtype)
        vectors = self.vectors(tokens).transpose(1, 2) * own
        # After a ReLU nothing is below 0, so that places of the padding are never the largest.
        largest = [(convolution(vectors).relu() * own).amax(dim=2) for convolution in self.convolutions]
        logits: Tensor = self.head(self.dropout(torch.cat(largest, dim=1)))
        return logits
