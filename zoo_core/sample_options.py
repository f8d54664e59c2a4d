"""What can be asked of the samples of every dataset: the options of the core, and names of augmentations."""

from __future__ import annotations

from .options import Option

AUGMENTATIONS = ("resized-crop", "flip", "crop", "affine", "color", "rand", "erase")
"""What may be done to a training sample: take a part of it, mirror it, shift it, turn and scale it a little, change its
colours, two things out of many, cut a hole into it."""

CORE_DATA_OPTIONS = (
    Option(name="root", type="str", optional=True, help="folder of the data; none: in $ZOO_DATA, else in the cache"),
    Option(name="classes", type="str...", default=(), help="only samples of these, two or more; none named: all"),
    Option(name="train_size", type="int", optional=True, help="so many training samples, to try something quickly"),
    Option(name="val_size", type="int", optional=True, help="so many for validation; none: a tenth, or its own part"),
    Option(
        name="val_fold", type="str", optional=True, help="2/5: second of five folds, for validation; none: no folds"
    ),
    Option(name="test_size", type="int", optional=True, help="so many for the test; none: its own part, if it has one"),
    Option(name="stratified", type="bool", default=True, help="each class gives its share to every part"),
    Option(name="size", type="int", optional=True, help="side of the pictures in pixels: smaller is faster"),
    Option(name="skip_bad", type="bool", default=False, help="leave out files that cannot be read; the run names them"),
)
"""Dataset options that belong to the core and work for every dataset."""
