"""What `zoo new plugin` writes: a complete package, green on its first test run, from the texts in `templates/`."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from importlib import metadata
from importlib.machinery import PathFinder
from importlib.resources import files
from pathlib import Path
from string import Template

from zoo_core import KINDS, Kind, UsageError, Zoo, ZooError, __version__, open_zoo
from zoo_core.commands import clear_io_errors

PREFIX = "zoo-"
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST = 50
_TEXTS = {
    "{package}/__init__.py": "{kind}.py.txt",
    "tests/test_{module}.py": "test.py.txt",
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    ".github/workflows/test.yml": "test.yml.txt",
    ".gitignore": "gitignore.txt",
}
_MORE: dict[Kind, dict[str, str]] = {
    "task": {"{package}/direction.py": "task_direction.py.txt"},
    "recipe": {"{package}/letters.py": "recipe_letters.py.txt"},
}
"""Further files of a kind."""
_USE: dict[Kind, str] = {
    "model": "zoo train {name} --dataset digits\nzoo export {name}-digits",
    "dataset": "zoo train lenet5 --dataset {name}",
    "trainer": "zoo train lenet5 --dataset digits --trainer {name}",
    "task": "zoo info task:{name}",
    "recipe": "zoo info recipe:{name}",
}
_WHAT: dict[Kind, str] = {
    "model": "`build` makes the network from its options, and `zoo_models` says what goes in and comes out",
    "dataset": "`load` returns the samples of one split, and `zoo_datasets` says what they look like",
    "trainer": "`Config` holds the options, `fit` trains with them, and `zoo_trainers` names the two",
    "task": "`zoo_tasks` says what is right and what is measured; `direction.py` beside it measures and answers",
    "recipe": "`zoo_recipes` says which files it reads; `letters.py` beside it makes samples and arrays of them",
}
_SOURCE = "`summary`, `source` (where it was published: a paper, a repository) and `license`"
_OWN: dict[Kind, str] = {
    "model": _SOURCE,
    "dataset": _SOURCE,
    **dict.fromkeys(("trainer", "task", "recipe"), "`summary`"),
}


def write_plugin(
    name: str, *, kind: Kind = "model", to: Path | None = None, zoo: Zoo | None = None
) -> tuple[Path, ...]:
    """Write a new package that offers the `kind` called `name` into the folder `to` (default: `zoo-NAME`).

    A leading "zoo-" does not count. Returns the files. Raises UsageError when `name` is no name or is taken, ZooError
    when the folder exists or cannot be written; then nothing is left behind.
    """
    name = name.removeprefix(PREFIX)
    _check_name(name, zoo or open_zoo())
    folder = to if to is not None else Path(PREFIX + name)
    if os.path.lexists(folder):
        raise ZooError(f"{folder} exists, so nothing was written", hint="choose another folder with --to")
    texts = plugin_texts(name, kind=kind)
    with clear_io_errors("cannot write", folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            whole = building / "whole"  # a folder of its own: mkdtemp makes one that only its owner can read
            for path, text in texts.items():
                whole.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
                whole.joinpath(path).write_text(text, encoding="utf-8", newline="\n")
            whole.rename(folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return tuple(folder / path for path in texts)


def plugin_texts(name: str, *, kind: Kind) -> dict[str, str]:
    """The text of each file of such a package, by path; the package's own module comes first."""
    module = name.replace("-", "_")
    values = {
        "name": name,
        "kind": kind,
        "module": module,
        "package": f"zoo_{module}",
        "distribution": PREFIX + name,
        "core": ".".join(__version__.split(".")[:2]),
        "use": _USE[kind].format(name=name),
        "what": _WHAT[kind],
        "own": _OWN[kind],
    }
    templates = files(__package__) / "templates"
    return {
        path.format(**values): Template((templates / text.format(**values)).read_text(encoding="utf-8")).substitute(
            values
        )
        for path, text in {**_TEXTS, **_MORE.get(kind, {})}.items()
    }


def _check_name(name: str, zoo: Zoo) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(
            f"{name!r} is not a valid name for a plugin",
            hint=f"small letters and digits, words joined by '-', at most {_LONGEST} characters: tiny-net",
        )
    other = "choose another name"
    for plugin in zoo.plugins:
        if name == plugin.entry:
            raise UsageError(f"a plugin called {name!r} is installed: {plugin.id}", hint=other)
    for kind in KINDS:
        for entry in zoo.entries(kind):
            if name in {entry.name, *entry.data.get("aliases", ())}:
                raise UsageError(f"the name {name!r} is taken by a {kind} of plugin {entry.plugin}", hint=other)
    distribution, package = PREFIX + name, f"zoo_{name.replace('-', '_')}"
    if _is_installed(distribution) or PathFinder.find_spec(package) is not None:
        raise UsageError(f"a package called {distribution!r} is installed", hint=other)


def _is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
