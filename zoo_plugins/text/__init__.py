"""The recipe of texts: tokens by the `tokenizers` library, of a vocabulary that is learnt or given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from zoo_core import RecipeSpec, hookimpl

if TYPE_CHECKING:
    from .tokens import TextRecipe


def text(
    *,
    gives: Annotated[Literal["tokens", "mask"], "the tokens, or which of them are the text's own"] = "tokens",
    text: Annotated[str, "the column of a table that holds it"] = "",
    length: Annotated[int, "tokens that are read of a text, at most"] = 64,
    most: Annotated[int, "words that are known, the most frequent ones"] = 5000,
    least: Annotated[int, "how often a word is there to be known"] = 2,
    lower: Annotated[bool, "capitals count as small letters"] = True,
    tokenizer: Annotated[str, "path of a tokenizer.json; none: words are learnt"] = "",
) -> TextRecipe:
    """One input of a text: its tokens, int64 (N, length), or which of them are its own, bool (N, length).

    A longer text is cut at its end, a shorter one padded there; one without a single token is one unknown token.
    `text`: the column of a table that holds it. `tokenizer`: the path of a tokenizer.json, which goes into the run and
    the file. Without one, the training part gives the words: the `most` frequent ones that are there `least` times,
    in small letters if `lower`; what is none of them is the unknown token, 1, and padding is 0.
    """
    from .tokens import TextRecipe, Words

    words = Words(most=most, least=least, lower=lower)
    return TextRecipe(gives=gives, column=text, length=length, words=words, tokenizer=tokenizer)


@hookimpl
def zoo_recipes() -> Iterator[RecipeSpec]:
    yield RecipeSpec(name="text", summary="the tokens of a text, or their mask", load=text, suffixes=(".txt",))
