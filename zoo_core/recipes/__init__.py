"""How what people have becomes an input, without torch: the interface that recipes implement, and tools for those who
do.

Open `recipe.py` first: the interface, and how a recipe is loaded.
"""

from __future__ import annotations

from zoo_core.file_limits import (
    MAX_AUDIO_BYTES,
    MAX_AUDIO_CHANNELS,
    MAX_AUDIO_SAMPLES,
    MAX_SAMPLE_RATE,
    MAX_TABLE_BYTES,
    MAX_TEXT_BYTES,
    MAX_TOKENIZER_BYTES,
)
from zoo_core.recipe_lookup import recipe_spec
from zoo_core.recipe_spec import Recipe
from zoo_core.table_files import TABLE_SUFFIXES, Row, Table, read_rows, read_table, row_names

from .arrays import ArrayRecipe
from .declared import as_implementation
from .given import Given, bytes_of, lines_of, read_given
from .made_up import made_text
from .padding import mask_of, padded
from .picture import PictureRecipe
from .recipe import InputRecipe, implemented, learning, load_recipe

__all__ = [
    "MAX_AUDIO_BYTES",
    "MAX_AUDIO_CHANNELS",
    "MAX_AUDIO_SAMPLES",
    "MAX_SAMPLE_RATE",
    "MAX_TABLE_BYTES",
    "MAX_TEXT_BYTES",
    "MAX_TOKENIZER_BYTES",
    "TABLE_SUFFIXES",
    "ArrayRecipe",
    "Given",
    "InputRecipe",
    "PictureRecipe",
    "Recipe",
    "Row",
    "Table",
    "as_implementation",
    "bytes_of",
    "implemented",
    "learning",
    "lines_of",
    "load_recipe",
    "made_text",
    "mask_of",
    "padded",
    "read_given",
    "read_rows",
    "read_table",
    "recipe_spec",
    "row_names",
]
