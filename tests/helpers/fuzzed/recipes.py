"""Files that recipes read: sounds, tables, texts and tokenizers."""

from __future__ import annotations

import recipe_files
from mutations import changed_bytes

from .numbers import csv_content
from .reader import Reader, damaged, damaged_json


def readers() -> dict[str, Reader]:
    """Every reader of this kind by its name."""
    sounds = [recipe_files.short_flac(), recipe_files.float_wav()]
    tokenizer = damaged_json(recipe_files.tokenizer())
    table = b"age,city\n1,oslo\n,rome\n"
    return {
        "WAV": Reader(file="x.wav", content=changed_bytes(recipe_files.short_wav()), read=recipe_files.read_sound),
        "FLAC and WAV of floats": Reader(
            file="x.flac", content=damaged(sounds, changed_bytes), read=recipe_files.read_sound
        ),
        "CSV table": Reader(file="t.csv", content=csv_content(), read=recipe_files.read_rows),
        "CSV table, bytes": Reader(file="t.csv", content=changed_bytes(table), read=recipe_files.read_rows),
        "Parquet": Reader(file="t.parquet", content=changed_bytes(recipe_files.parquet()), read=recipe_files.read_rows),
        "texts": Reader(file="t.txt", content=changed_bytes(b"the cat\nsat\n"), read=recipe_files.read_texts),
        "example of a recipe": Reader(
            file="e.json", content=damaged_json(recipe_files.example()), read=recipe_files.read_example
        ),
        "tokenizer": Reader(file="t.json", content=tokenizer, read=recipe_files.read_tokenizer),
    }
