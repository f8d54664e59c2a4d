"""What was loaded is held against what the dataset declares: shapes, dtypes, names of axes, and finite numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo_core.errors import ZooError, did_you_mean
from zoo_core.plugin_faults import PluginFaultError
from zoo_core.recipe_spec import Recipe
from zoo_core.shapes import TensorSpec

from .samples import Samples

_STEP = 1 << 22
"""Values that are looked at in one go."""


def check_samples(
    samples: Samples, inputs: Mapping[str, TensorSpec], *, options: Mapping[str, object], where: str
) -> None:
    """Raise ZooError for samples that are not as their dataset declares them, and for one that is no number."""
    if not len(samples):
        return
    for name, first in samples.arrays(slice(0, 1)).items():
        spec, what = inputs[name], "the samples have" if len(inputs) == 1 else f"{name!r} has"
        maker, declared = _maker(samples, name), spec.dtype
        if not TensorSpec("N", *spec.axes[1:]).fits(first.shape):
            found = ", ".join(map(str, ("N", *first.shape[1:])))
            raise ZooError(f"{where}: {what} the shape ({found}), but the dataset declares {spec}")
        if spec.option_axes:
            axis = spec.option_axes[0]
            hint = did_you_mean(axis, options) or "a capital letter for one that is free"
            raise PluginFaultError(
                f"{where}: the axis {axis!r} of {name!r} is no option of the dataset, and has no size", hint=hint
            )
        if first.dtype != spec.dtype:
            raise ZooError(
                f"{where}: {maker} makes {first.dtype} for {name!r}, but the dataset declares {declared}",
                hint=f"one of the two has to be mended: .astype(np.{declared}), or dtype={first.dtype.name!r}",
            )
    check_finite(samples, where=where)


def check_finite(samples: Samples, *, where: str) -> None:
    """Raise ZooError that names the first sample with NaN or infinity in what a model would get of it."""
    for name, stored in samples.inputs.items():
        if stored.dtype.kind != "f":
            continue
        step = max(1, _STEP // max(1, stored[0].size))
        for start in range(0, len(stored), step):
            part = stored[start : start + step].reshape(len(stored[start : start + step]), -1)
            suspects = start + np.flatnonzero(~np.isfinite(part).all(axis=1))
            # A recipe may keep NaN for what is missing, and fill it in.
            if not suspects.size:
                continue
            made = samples.arrays(suspects)[name]
            bad = suspects[~np.isfinite(made).reshape(len(made), -1).all(axis=1)]
            if bad.size:
                raise _no_number(samples, name, int(bad[0]), where=where)


def _no_number(samples: Samples, name: str, first: int, *, where: str) -> ZooError:
    called = samples.files[first] if samples.files else f"sample {first}"
    what = "" if len(samples.inputs) == 1 else f" in {name!r}"
    return ZooError(f"{where}: {called} has NaN or infinity{what}", hint="mend or leave out what is no number")


def _maker(samples: Samples, name: str) -> str:
    recipe = getattr(samples.recipes.get(name), "recipe", None)
    return f"recipe {recipe.name}" if isinstance(recipe, Recipe) else "its loader"
