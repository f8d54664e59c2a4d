"""A process of its own in which a recipe makes inputs: the same ones as elsewhere, and without torch?"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo_core.recipe_spec import Recipe
from zoo_core.recipes import load_recipe

_HEAVY = ("torch", "torchvision", "onnx", "onnxruntime")


def digest_of(array: Any) -> str:
    """What an array is, in one word."""
    told = f"{array.dtype} {array.shape} ".encode()
    return hashlib.sha256(told + np.ascontiguousarray(array).tobytes()).hexdigest()


def made_by(name: str, plugin: str, learnt: Mapping[str, Any], *, count: int, seed: int, source: str) -> dict[str, Any]:
    """What the recipe makes of its examples, `{digest, learnt, heavy}`.

    `learnt` is used to read them; in the answer is what it learns of them by itself here. `heavy`: a package that it
    has loaded, empty for none.
    """
    untaught = load_recipe(Recipe(name, plugin=plugin))
    sources = untaught.examples(count, random=np.random.Generator(np.random.Philox(seed)))
    found = {} if untaught.is_ready else untaught.learn([untaught.read(each, name=source) for each in sources])
    recipe = load_recipe(Recipe(name, plugin=plugin, learnt=learnt))
    made = recipe.prepare(recipe.stack([recipe.read(each, name=source) for each in sources]))
    return {
        "digest": digest_of(made),
        "learnt": json.loads(json.dumps(found)),
        "heavy": next((package for package in _HEAVY if package in sys.modules), ""),
    }
