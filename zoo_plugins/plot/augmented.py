"""What training sees of a few samples: each as it is stored, and what augmentation makes of it in the first epochs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import UsageError
from zoo_core.commands import counted
from zoo_core.data import Samples

from .figures import QUIET, frame, grid, heading, new_figure, short_names
from .samples import choose_evenly, figure_size, size_of, take
from .tiles import draw_line, draw_picture, is_line, name_classes, overlay, picture_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo_core import Preprocess

SEED = 0
"""That of `zoo train` without --seed."""
EPOCHS, ROWS = 5, 6
LINE_EPOCHS, LINE_ROWS = 3, 6


def draw_augmented(samples: Samples, *, asked: str, usual: Sequence[str], title: str) -> Figure:
    """A row for each sample: itself, framed, and then the sample in epoch 1, 2 and so on of `zoo train --seed 0`.

    `asked` is what `-t augment=` takes, `usual` what the dataset declares. Raises UsageError when nothing is changed,
    ZooError for a change that such samples have no place for.
    """
    from zoo_core.training import choose_augmentations

    names = choose_augmentations(asked, usual)
    if not names:
        why = "" if usual else "; the dataset declares no usual one"
        raise UsageError(f"augmentation {asked!r} changes no sample{why}", hint="--augment flip,crop")
    line = is_line(samples.main[0])
    epochs, rows = (LINE_EPOCHS, LINE_ROWS) if line else (EPOCHS, ROWS)
    chosen = choose_evenly(samples.targets, rows)
    few = take(samples, chosen)
    shown = [(few.main, few.targets), *(_changed(few, chosen, names, epoch + 1) for epoch in range(epochs))]

    columns = len(shown)
    figure = new_figure(**figure_size(samples, columns * len(chosen), columns=columns))
    cells = grid(figure, columns * len(chosen), columns=columns)
    drawn = f"{counted(len(chosen), 'sample')} of {len(samples):,}, {size_of(samples)}"
    heading(figure, f"{title}: {', '.join(names)}", f"left: {drawn}; then what each is in an epoch")
    masks = samples.is_masked
    called_by = short_names(samples.classes)
    for number, axes in enumerate(cells):
        row, column = divmod(number, columns)
        inputs, targets = shown[column]
        _draw(axes, inputs[row], targets[row] if masks else None, samples.preprocess)
        if column:
            axes.set_title(f"epoch {column}", fontsize=8, pad=3, color=QUIET)
        else:
            called = f"sample {chosen[row]}" if masks else called_by[few.targets[row]]
            axes.set_title(called, fontsize=8, pad=3)
            frame(axes, "black")
    if masks:
        name_classes(figure, np.unique(few.targets).tolist(), samples.classes)
    return figure


def _changed(few: Samples, index: NDArray[np.int64], names: tuple[str, ...], epoch: int) -> tuple[Any, Any]:
    """Inputs, as they are stored, and targets in this epoch: by (seed, epoch, index), as in a training."""
    import torch

    from zoo_core.training import Augment, normalize_tensor

    inputs = torch.from_numpy(few.main)
    if few.preprocess is not None:
        inputs = normalize_tensor(inputs, dataclasses.replace(few.preprocess, layout="NCHW"))
    targets = torch.from_numpy(few.targets)
    inputs, targets = Augment(names=names, seed=SEED)(inputs, targets, index=torch.from_numpy(index), epoch=epoch)
    return _stored(inputs.numpy(), few.preprocess), targets.numpy()


def _stored(inputs: NDArray[np.float32], preprocess: Preprocess | None) -> NDArray[Any]:
    """What a recipe's arithmetic makes `inputs` (N, C, h, w) of: whole numbers from 0 to 255."""
    if preprocess is None:
        return inputs
    mean, std = (np.reshape(values, (1, -1, 1, 1)) for values in (preprocess.mean, preprocess.std))
    whole: NDArray[np.uint8] = np.clip(np.rint((inputs * std + mean) / preprocess.scale), 0, 255).astype(np.uint8)
    return whole


def _draw(axes: Axes, stored: NDArray[Any], mask: NDArray[np.uint8] | None, preprocess: Preprocess | None) -> None:
    if is_line(stored):
        draw_line(axes, stored, [] if mask is None else [mask])
        return
    picture = picture_of(stored, preprocess)
    draw_picture(axes, picture if mask is None else overlay(picture, mask))
