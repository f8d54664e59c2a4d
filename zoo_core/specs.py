"""What plugins declare: models, datasets, trainers and families, as frozen data that is validated when it is made."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .declared_options import options_of_dataclass, options_of_signature
from .errors import ZooError
from .options import Option
from .picture_recipe import Preprocess as Preprocess
from .recipe_spec import Recipe as Recipe
from .recipe_spec import RecipeSpec as RecipeSpec
from .recipe_spec import check_recipes, source_of, sources_of
from .sample_options import AUGMENTATIONS as AUGMENTATIONS
from .sample_options import CORE_DATA_OPTIONS as CORE_DATA_OPTIONS
from .shapes import TensorSpec
from .spec_axes import check_axes
from .spec_names import check_common
from .spec_names import check_name as check_name
from .stages import Stage
from .task_spec import TaskSpec as TaskSpec

IGNORED = 255
"""In a mask: a place that belongs to no class and is not counted, neither by a loss nor by a metric."""

_HASH = re.compile(r"[0-9A-Fa-f]{8,64}")
_PACKAGED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:(?!/)(?!(?:.*/)?\.\.?/)[^\\:]+\.(?:safetensors|pth)")


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Trained parameters that are brought along or fetched: safetensors, or a .pth read with `weights_only=True`.

    Either `file`, in a Python package, as "package.subpackage:folder/net.safetensors"; or `url`. `sha256`: 64
    hexadecimal digits, or the first 8 or more of them, which is enough for a file and for an https address. None where
    the publisher says none: then only safetensors are taken, from a package or, as they first come, over https. An
    address says it, be it None; of a file in a package it may be left out.
    """

    name: str
    url: str = ""
    file: str = ""
    sha256: str | None = ""
    size: int | None = None
    license: str = ""
    labels: tuple[str, ...] = ()
    preprocess: Preprocess | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.file):
            raise ZooError(f"Weights {self.name!r}: either url or file is given, and not both")
        if self.file and not _PACKAGED.fullmatch(self.file):
            raise ZooError(
                f"Weights {self.name!r}: file is 'package:path.safetensors' or 'package:path.pth', not {self.file!r}",
                hint="the package is written as it is imported, and the path below it with slashes",
            )
        if self.sha256 is None or (self.file and not self.sha256):
            object.__setattr__(self, "sha256", None)
            if self.file.endswith(".pth"):
                raise ZooError(
                    f"Weights {self.name!r}: a .pth needs its sha256", hint=f"sha256sum gives that of {self.file}"
                )
            return
        if not _HASH.fullmatch(self.sha256):
            raise ZooError(
                f"Weights {self.name!r}: sha256 is 64 hexadecimal digits, the first 8 or more of them, or None, "
                f"not {self.sha256!r}"
            )
        object.__setattr__(self, "sha256", self.sha256.lower())


def _check_tensors(kind: str, tensors: Mapping[str, TensorSpec]) -> None:
    if not tensors or not isinstance(tensors, Mapping):
        what = "no tensor" if not tensors else f"a {type(tensors).__name__}, not names with a TensorSpec each"
        raise ZooError(f"{kind} declares {what}")
    for name, tensor in tensors.items():
        if not isinstance(tensor, TensorSpec):
            raise ZooError(f"{kind}: {name!r} is a {type(tensor).__name__}, not a TensorSpec")


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One architecture. `build` takes keyword-only options, and its signature is the option schema.

    `build` must import torch inside; it returns an `nn.Module` whose outputs are those declared: a mapping by name,
    tensors in order. `read_outputs(result)` picks them from what `forward` returns, where it returns more or others.
    `renamed` maps old option names to present ones; `aliases` are old names of the model itself.

    For the export: `export_wrapper(module)` may return a module that is exported in its place, gives the
    declared outputs, and is verified against the original. `stages(module)` cuts a model whose outputs are chosen on
    the way into parts; they are exported in its place. `smallest`: the smallest legal value of a free axis (default 1);
    `largest`: the largest, where there is one: a table of positions ends somewhere.
    `size_options`: the option that fixes a free axis, `{"H": "height"}`; its default, None, leaves the axis free.
    `fixed_axes`: why an axis that others leave free is not, `{"N": "..."}`. `settle(module)` changes fresh weights in
    place so that an untrained model gives outputs worth checking. `examples(**options)` gives real inputs, arrays
    (rows, ...) by name, for a model whose outputs hardly vary with noise; a dataset's samples come before them.

    For training: `recipe` are trainer options that suit this model better than the trainer's own defaults.
    `loss(outputs, targets)` takes the place of the task's: tensors by name, and a scalar tensor. Where a model computes
    its losses itself, `losses(module, inputs, targets)` takes the place of forward and loss: scalar tensors by name,
    whose sum is minimised; `inputs` are those of a batch, a tensor or tensors by name, and the module is in training
    mode. `targets` of boxes are padded, see `zoo_core.data.BoxTargets`.

    `preprocess` and `recipes`: how its inputs are made, where it is exported without a dataset; as in DatasetSpec.
    """

    name: str
    build: Callable[..., Any]
    task: str
    summary: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    source: str = ""
    license: str = ""
    preprocess: Preprocess | None = None
    labels: tuple[str, ...] = ()
    weights: tuple[Weights, ...] = ()
    aliases: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    requires_core: str = ""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    read_outputs: Callable[[Any], Any] | None = None
    export_wrapper: Callable[[Any], Any] | None = None
    stages: Callable[[Any], Sequence[Stage]] | None = None
    smallest: Mapping[str, int] = field(default_factory=dict)
    largest: Mapping[str, int] = field(default_factory=dict)
    size_options: Mapping[str, str] = field(default_factory=dict)
    fixed_axes: Mapping[str, str] = field(default_factory=dict)
    settle: Callable[[Any], None] | None = None
    examples: Callable[..., Mapping[str, Any]] | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    loss: Callable[[Mapping[str, Any], Any], Any] | None = None
    losses: Callable[[Any, Any, Any], Mapping[str, Any]] | None = None
    recipes: Mapping[str, Recipe | Preprocess] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_common(self)
        check_name(self.task, where=f"{type(self).__name__} {self.name!r}, task")
        _check_tensors(f"ModelSpec {self.name!r}, inputs", self.inputs)
        _check_tensors(f"ModelSpec {self.name!r}, outputs", self.outputs)
        if both := [name for name in self.inputs if name in self.outputs]:
            raise ZooError(
                f"ModelSpec {self.name!r}: {both[0]!r} is an input and an output",
                hint="in the file each value has a name of its own",
            )
        if not callable(self.build):
            raise ZooError(f"ModelSpec {self.name!r}: build is not callable")
        check_axes(self)
        check_recipes(f"ModelSpec {self.name!r}", self.inputs, self.recipes, self.preprocess)
        if self.stages is not None and self.export_wrapper is not None:
            raise ZooError(f"ModelSpec {self.name!r}: stages and export_wrapper cannot both be given")
        if self.loss is not None and self.losses is not None:
            raise ZooError(f"ModelSpec {self.name!r}: loss and losses cannot both be given")

    @property
    def options(self) -> tuple[Option, ...]:
        """The builder's keyword-only parameters."""
        return options_of_signature(self.build, where=f"model {self.name}")

    @property
    def axis_options(self) -> tuple[str, ...]:
        """Options that are the size of an axis, or fix that of a free one."""
        tensors = (*self.inputs.values(), *self.outputs.values())
        bound = (str(axis.name) for tensor in tensors for axis in tensor.parsed if axis.is_option)
        return tuple(dict.fromkeys((*bound, *self.size_options.values())))


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """One dataset. `load(root, *, split, download, ...)` returns an ArraySplit, a FileSplit or a StreamSplit
    (`zoo_core.data`).

    Further keyword-only parameters of `load` are the dataset's own options. `inputs` describe an item after
    preprocessing. `classes` is None when only the data know them. `splits` are those that exist on the disk: a dataset
    without "validation" gives a part of its "train". `needs` names packages beyond numpy and Pillow. `samples` are
    pictures shipped with the plugin, to try a trained model on. `augment`: which of the AUGMENTATIONS leave a sample
    what it is, for training; digits are not mirrored. `preprocess`: how the first input is made of a picture;
    `recipes`: how others are made, by their names, of files, texts or rows that `load` gives. An option of the dataset
    with the name of a field of a recipe fills it in. `own_files`: samples are files of the user's, which `-d root=PATH`
    names; None: where nothing is fetched and only the data know the names of the classes that they need.
    """

    name: str
    load: Callable[..., Any]
    task: str
    summary: str
    inputs: Mapping[str, TensorSpec]
    classes: tuple[str, ...] | None = None
    preprocess: Preprocess | None = None
    splits: tuple[str, ...] = ("train", "test")
    license: str = ""
    source: str = ""
    download_bytes: int = 0
    needs: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    augment: tuple[str, ...] = ()
    recipes: Mapping[str, Recipe | Preprocess] = field(default_factory=dict)
    own_files: bool | None = None
    requires_core: str = ""
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_common(self)
        check_name(self.task, where=f"{type(self).__name__} {self.name!r}, task")
        _check_tensors(f"DatasetSpec {self.name!r}, inputs", self.inputs)
        check_recipes(f"DatasetSpec {self.name!r}", self.inputs, self.recipes, self.preprocess)
        if "train" not in self.splits:
            raise ZooError(f"DatasetSpec {self.name!r}: splits must have 'train', not {self.splits}")
        if unknown := [name for name in self.augment if name not in AUGMENTATIONS]:
            raise ZooError(
                f"DatasetSpec {self.name!r}: unknown augmentation {', '.join(unknown)}",
                hint=f"one of {', '.join(AUGMENTATIONS)}",
            )
        core = {option.name for option in CORE_DATA_OPTIONS}
        if taken := core & {option.name for option in self.own_options}:
            raise ZooError(f"DatasetSpec {self.name!r}: option {', '.join(sorted(taken))} belongs to the core")

    @property
    def sources(self) -> tuple[str, ...]:
        """What is read for a sample, by name: of each input its own, or what it shares with others."""
        return sources_of(self.inputs, self.recipes)

    def source_of(self, name: str) -> str:
        """What is read for one input."""
        return source_of(name, self.recipes)

    @property
    def own_options(self) -> tuple[Option, ...]:
        """Options that only this dataset has."""
        return options_of_signature(self.load, where=f"dataset {self.name}", skip=("root", "split", "download"))

    @property
    def options(self) -> tuple[Option, ...]:
        """Every option: the core's and its own."""
        return (*CORE_DATA_OPTIONS, *self.own_options)


@dataclass(frozen=True, kw_only=True)
class TrainerSpec:
    """One way to train: `fit(job, *, on_epoch) -> TrainResult`; `config` is a dataclass, its fields the options.

    `check(job)` raises a ZooError for a job that `fit` could not do, before there is a run; it changes nothing.
    `several_processes`: whether those of `job.world` share each batch, as with the zoo's own feed and loop they do;
    without it, a training of several processes is refused.
    """

    name: str
    fit: Callable[..., Any]
    summary: str
    config: type
    check: Callable[..., None] | None = None
    several_processes: bool = False
    requires_core: str = ""
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_common(self)
        if not dataclasses.is_dataclass(self.config):
            raise ZooError(f"TrainerSpec {self.name!r}: config is a dataclass, not {self.config!r}")
        if not callable(self.fit):
            raise ZooError(f"TrainerSpec {self.name!r}: fit is not callable")
        if self.check is not None and not callable(self.check):
            raise ZooError(f"TrainerSpec {self.name!r}: check is not callable")
        _ = self.options  # an option without a usable type is found now, not when somebody trains

    @property
    def options(self) -> tuple[Option, ...]:
        """The fields of `config`."""
        return options_of_dataclass(self.config, where=f"trainer {self.name}")


@dataclass(frozen=True, kw_only=True)
class ModelFamily:
    """Every model of an installed library: `names()` lists them, `spec(name)` makes the ModelSpec `prefix/name`.

    `library` is the distribution whose installation changes the names; the prefix unless given. `about(name)` is what
    the catalogue says of a member without making its spec: any of `task`, `summary`, `source` and `license`, as texts.
    It is asked for every name whenever the library is new, so it imports nothing heavy.
    """

    prefix: str
    names: Callable[[], Iterable[str]]
    spec: Callable[[str], ModelSpec]
    library: str = ""
    about: Callable[[str], Mapping[str, str]] | None = None
    requires_core: str = ""
