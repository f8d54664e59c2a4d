"""Writes docs/python.md from the docstrings of the public names: `python docs/make_python.py`.

Public is what the `__all__` of a package or module of `zoo_core` says; the packages are those that are there.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_name("python.md")
WIDTH = 100
HEAD = """\
# The zoo from Python

Made by `python docs/make_python.py` from docstrings. **Public is what the `__all__` of a package says**, which is what
this page lists: it changes only as [contracts.md](contracts.md) says. Everything else may change without a word. A name
that needs torch loads it when it is used.

## Examples

Tests run them.

The catalogue: what is installed, and a model from it. Only the last line needs PyTorch.

```python
from zoo_core import open_zoo

zoo = open_zoo()
print(sorted(entry.shown for entry in zoo.entries("trainer")))
print(zoo.find("model", "lenet5").summary)
module = zoo.model("lenet5").build(num_classes=3)
```

A run, by its name in `runs/` or by its folder:

```python
from zoo_core import load_run

run = load_run("lenet5-digits")
print(run.info.model, run.info.dataset, len(run.rows))
print(run.rows[-1].validation["accuracy"])
module = run.build()  # with its best weights; needs PyTorch
```

An exported file, where there is no PyTorch; pictures are prepared by the recipe that is stored in it:

```python
from zoo_core.runtime import open_model

model = open_model("exported/lenet5-digits/model.onnx")
for answer in model(["pictures/seven.png", "pictures/two.png"]):
    print(answer["label"], answer["probability"])
```

Many files, of which one may be damaged: an answer or an error for each, in their order. Threads read the pictures, one
for each processor, and of a list a few more than are run; few are in memory at a time, whatever their number.

```python
for prediction in model.predictions(["pictures/seven.png", "pictures/absent.png"]):
    print(prediction.name, prediction.error or prediction.answer["label"])
```

```
pictures/seven.png 7
pictures/absent.png cannot read picture pictures/absent.png: No such file or directory
```

It takes every [`Source`](#source): paths, bytes, open files, pictures of Pillow and arrays. A file that this machine
does not know runs in a process of its own; `isolated=Limits(memory=8_000_000_000, seconds=60)` sets other limits of
bytes and seconds, and `with open_model(...) as model:` ends it early, as `model.close()` does.

A file that has changed since it was verified is opened with an `UnverifiedWarning`, as is one that was never verified,
or the folder of an export whose `report.json` is missing or damaged while this machine has not verified it. To refuse
such files: `warnings.simplefilter("error", UnverifiedWarning)`. A bare `.onnx` file has no report and is opened without
a word: `model.isolated` is False where this machine knows it, and `zoo verify` checks it. A file whose labels,
preprocessing or settings were edited after its export, which [its seal](format.md#the-self-test) tells, is not opened:
`RefusedFileError`.

A dataset with options, the same samples on every machine:

```python
from zoo_core import open_zoo
from zoo_core.data import bind_dataset

digits = bind_dataset(open_zoo().dataset("digits"), {"val_size": 100})
train = digits.load("train")
print(digits.num_classes, train.batch(slice(0, 8)).shape)
```
"""


def public_modules() -> Iterator[str]:
    """The packages and modules of the core that say what is public in them, the shallowest first."""
    paths = ROOT.joinpath("zoo_core").rglob("*.py")
    found = [path for path in paths if _assigned(_tree(path), "__all__") is not None]
    for path in sorted(found, key=lambda path: (len(path.parts) - (path.name == "__init__.py"), path.as_posix())):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _assigned(tree: ast.Module, name: str) -> int | None:
    """Which statement of a module assigns that name."""
    for number, node in enumerate(tree.body):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return number
    return None


def _path(module: str) -> Path:
    place = ROOT.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def home_of(module: str, name: str) -> str:
    """The module that defines what `module` offers under this name; names are followed through their imports."""
    path = _path(module)
    if not path.exists():
        return module
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            source = f"{package}.{node.module}" if node.level else str(node.module)
            original = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
            return home_of(source, original)
    return module


def _note_on(home: str, name: str) -> str:
    """The text that follows an assignment in the source."""
    if not _path(home).exists():
        return ""
    tree = _tree(_path(home))
    if (number := _assigned(tree, name)) is None:
        return ""
    for node in tree.body[number + 1 : number + 2]:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return inspect.cleandoc(node.value.value)
    return ""


def _parameter(parameter: inspect.Parameter) -> str:
    """A parameter as it is written; a default that has no short text is `...`."""
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    text = f"{stars}{parameter.name}"
    typed = parameter.annotation is not parameter.empty
    if typed:
        text += f": {_annotation(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        shown = repr(parameter.default)
        text += f"{' = ' if typed else '='}{'...' if '<' in shown or len(shown) > 60 else shown}"
    return text


def _annotation(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    return inspect.formatannotation(annotation)


def _quoted(text: str) -> str:
    """Texts in it as the source has them, in double quotes."""
    return re.sub(r"'([^'\"]*)'", r'"\1"', text)


def signature_of(name: str, value: Any) -> str:
    """`name(...) -> ...`, on one line where it fits."""
    signature = inspect.signature(value)
    parts: list[str] = []
    star = False
    for parameter in signature.parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
        star |= parameter.kind in {parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL}
        parts.append(_parameter(parameter))
    returned = signature.return_annotation
    end = "" if returned is signature.empty or inspect.isclass(value) else f" -> {_annotation(returned)}"
    parts, end = [_quoted(part) for part in parts], _quoted(end)
    line = f"{name}({', '.join(parts)}){end}"
    if len(line) <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){end}"


def _prose(text: str | None) -> str:
    """A docstring as Markdown: what looks like a tag or an emphasis outside of code is text."""
    pieces = re.split(r"(`[^`]*`|^ {4}.*$)", inspect.cleandoc(text or ""), flags=re.MULTILINE)
    return "".join(
        piece if piece.startswith(("`", "    ")) else piece.replace("<", "&lt;").replace("*", "\\*") for piece in pieces
    )


def _members(value: type) -> Iterator[str]:
    """The public methods and properties that a class itself has, with the first paragraph of what they say."""
    for name, member in vars(value).items():
        if name.startswith("_") and name != "__call__":
            continue
        plain = inspect.unwrap(getattr(member, "__func__", member)) if not isinstance(member, property) else member
        if isinstance(member, property | functools.cached_property):
            shown = name
        elif inspect.isfunction(plain):
            shown = signature_of(name, plain)
        else:
            continue
        words = " ".join(_prose(member.__doc__).partition("\n\n")[0].split())
        yield f"- `{' '.join(shown.split()).replace('( ', '(').replace(', )', ')')}`" + (f": {words}" if words else "")


def _class_line(name: str, value: type) -> str:
    if Protocol in value.__bases__:
        return f"{name}(Protocol)"
    if issubclass(value, Exception) and "__init__" not in vars(value):
        return f"{name}({value.__bases__[0].__name__})"
    return signature_of(name, value)


def entry(module: str, name: str) -> str:
    """One public name: how it is written, and what it promises."""
    value = getattr(importlib.import_module(module), name)
    lines = [f"### `{name}`\n"]
    if inspect.isclass(value):
        shown = f"class {_class_line(name, value)}"
        lines += [f"```python\n{shown}\n```\n", _prose(value.__doc__), ""]
        if members := list(_members(value)):
            lines += [*members, ""]
    elif callable(value) and (inspect.isroutine(value) or inspect.isfunction(inspect.unwrap(value))):
        manager = inspect.isgeneratorfunction(getattr(value, "__wrapped__", None))
        mark = "@contextmanager\n" if manager else ""
        lines += [f"```python\n{mark}{signature_of(name, value)}\n```\n", _prose(value.__doc__), ""]
    else:
        home = home_of(module, name)
        lines += [f"{_alias(home, name) or _constant(value)} {_prose(_note_on(home, name))}".strip(), ""]
    return "\n".join(lines)


def _alias(home: str, name: str) -> str:
    """How a name for other types is written; empty where it is none."""
    if not _path(home).exists() or (number := _assigned(_tree(_path(home)), name)) is None:
        return ""
    node = _tree(_path(home)).body[number]
    if not (isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias" and node.value):
        return ""
    return f"`{_quoted(ast.unparse(node.value).strip(chr(39)))}`."


def _constant(value: Any) -> str:
    shown = repr(value)
    if isinstance(value, str):
        return "A text."
    if isinstance(value, tuple | int | float | frozenset) and "<" not in shown:
        return f"`{shown}`."
    return "" if dataclasses.is_dataclass(value) or "<" in shown or "0x" in shown else f"`{shown}`."


def make_page() -> str:
    """The whole page. A name that two packages offer is explained where it comes first."""
    lines, seen = [HEAD], {}
    for module in public_modules():
        package = importlib.import_module(module)
        lines.append(f"## `{module}`\n\n{_prose(package.__doc__).partition(chr(10) * 2)[0]}\n")
        again = []
        for name in package.__all__:
            if (key := (home_of(module, name), name)) in seen:
                again.append(f"`{name}` ({seen[key]})")
                continue
            seen[key] = f"`{module}`"
            lines.append(entry(module, name))
        if again:
            lines.append(f"Here too, and explained above: {', '.join(again)}.\n")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
