"""The network: a bag of vectors with learnt weights, and the form of the text beside it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WordBag(nn.Module):
    """Tokens (N, L) with their mask (N, L), and the form of a text (N, F), to logits (N, num_classes).

    After Joulin et al., "Bag of tricks for efficient text classification", 2016, with a weight of each word, several
    times, as in Lin et al., "A structured self-attentive sentence embedding", 2017.
    """

    def __init__(
        self, vocabulary: int, features: int, num_classes: int, *, width: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.weights = nn.Embedding(vocabulary, heads)
        nn.init.normal_(self.words.weight, std=0.1)
        nn.init.normal_(self.weights.weight, std=0.01)
        # Counts of letters are larger than counts of marks.
        self.form = nn.Sequential(nn.BatchNorm1d(features, affine=False), nn.Linear(features, width), nn.ReLU())
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(heads * width + width, num_classes)

    def forward(self, tokens: Tensor, mask: Tensor, form: Tensor) -> Tensor:
        # Scores are cut off, so that a sum of their exponentials is never infinite.
        shares = self.weights(tokens).clamp(-20, 20).exp() * mask.unsqueeze(2)
        # A text has at least one token; a row that has none is answered by its form alone.
        shares = shares / shares.sum(dim=1, keepdim=True).clamp(min=1e-9)
        words = torch.einsum("nlw,nlh->nhw", self.words(tokens), shares).flatten(1)
        logits: Tensor = self.head(self.dropout(torch.cat([words, self.form(form)], dim=1)))
        return logits
