"""Whether data and model mean the same by the number of a class."""

from __future__ import annotations

from collections.abc import Sequence

from zoo_core.errors import ZooError

CHOOSE = "choose the classes, in the order of the model, with -d classes=A,B,..."


def check_classes(
    classes: Sequence[str], *, dataset: str, labels: Sequence[str], shown: str, hint: str = CHOOSE
) -> None:
    """Raises ZooError unless the names and their order are equal: targets are numbers of classes.

    `classes` are those of the dataset, `labels` those of the model, none where it has no names; `shown` is what
    messages call it.
    """
    if not labels or tuple(labels) == tuple(classes):
        return
    only_data = [name for name in classes if name not in labels]
    only_model = [name for name in labels if name not in classes]
    parts = []
    if only_data:
        parts.append(f"only in the dataset: {_listed(only_data)}")
    if only_model:
        parts.append(f"only in the model: {_listed(only_model)}")
    if not parts:
        parts.append(f"the order differs: {_listed(classes)} and {_listed(labels)}")
    raise ZooError(f"the classes of dataset {dataset} are not those of {shown}; {'; '.join(parts)}", hint=hint)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f", ... ({len(names)})" if len(names) > 8 else "")
