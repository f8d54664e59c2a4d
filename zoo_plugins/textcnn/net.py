"""The network for texts."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TextCNN(nn.Module):
    """Tokens (N, L), int64, and which of them are the text's own, bool (N, L), to logits (N, num_classes).

    A convolution over three tokens finds what is said somewhere, after Kim, "Convolutional neural networks for sentence
    classification", 2014. Beside it the tokens are averaged, `heads` times with learnt weights of their own, after Lin
    et al., "A structured self-attentive sentence embedding", 2017: what the whole text is about.
    """

    def __init__(self, vocabulary: int, num_classes: int, *, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if min(width, heads) < 1:
            raise ValueError(f"width and heads are at least 1, not {width} and {heads}")
        self.vectors = nn.Embedding(vocabulary, width)
        self.weights = nn.Embedding(vocabulary, heads)
        nn.init.normal_(self.vectors.weight, std=0.1)  # tokens that are hardly ever seen shall not outshout the others
        nn.init.normal_(self.weights.weight, std=0.01)
        self.convolution = nn.Conv1d(width, width, 3, padding="same")
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear((1 + heads) * width, num_classes)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        vectors = self.vectors(tokens)
        own = mask.unsqueeze(1).to(vectors.dtype)
        # After a ReLU nothing is below 0, so that places of the padding are never the largest.
        largest = (self.convolution(vectors.transpose(1, 2) * own).relu() * own).amax(dim=2)
        # Weights are cut off, so that a sum of their exponentials is never infinite; a row without tokens has mean 0.
        shares = self.weights(tokens).clamp(-20, 20).exp() * mask.unsqueeze(2)
        shares = shares / shares.sum(dim=1, keepdim=True).clamp(min=1e-9)
        means = torch.einsum("nlw,nlh->nhw", vectors, shares).flatten(1)
        logits: Tensor = self.head(self.dropout(torch.cat([largest, means], dim=1)))
        return logits
