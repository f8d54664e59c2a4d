"""The tests for `make quick`: of what changed since BASE, and of what needs no PyTorch.

The tests of `zoo_core/export/plan/cut.py` are the modules `tests/export/test_*cut*.py`; those of `zoo_plugins/unet/`
are `tests/plugins/test_*unet*.py`; a helper's are those that import it, and so are those of a file whose name no test
bears. Where that gives none either, the file is listed, so that somebody can choose. A test needs PyTorch when its
module, or a helper that it imports, imports torch, when it asks for a run or an export that the suite has made, or
when it is marked `heavy`, as those are that take seconds.

    python .ci/quick.py [BASE]      the merge base with main unless given
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIGHT = ("discovery", "runtime", "cli", "data", "project", "tasks")
"""Folders of `tests/` where much needs no PyTorch; so do the modules that lie in none."""
IGNORED = (".md", ".yml", ".toml", ".json", ".png", ".onnx")


def merge_base() -> str:
    """The commit where this branch has left main; the last one where there is no main."""
    for main in ("main", "origin/main"):
        if _git("rev-parse", "--verify", "--quiet", main, check=False):
            return _git("merge-base", "HEAD", main)
    return "HEAD"


def changed_files(base: str) -> list[str]:
    """What is not as it was in the commit `base`, committed or not, with new files, by path from the root."""
    told = [_git("diff", "--name-only", "--diff-filter=d", base), _git("ls-files", "--others", "--exclude-standard")]
    return sorted({line for text in told for line in text.splitlines()})


def chosen_for(changed: Iterable[str], root: Path) -> tuple[list[str], list[str]]:
    """The test modules for the changed files, and those of the files for which there is none."""
    found: set[str] = set()
    without: list[str] = []
    for name in changed:
        path = Path(name)
        if path.suffix in IGNORED or path.name == "conftest.py":
            continue
        own = {each.relative_to(root).as_posix() for each in _tests_of(path, root)}
        found |= own
        if not own and path.suffix == ".py":
            without.append(name)
    return sorted(found), without


def light_tests(root: Path = ROOT) -> list[str]:
    """The test modules, of those folders, that do not load torch."""
    tests = root / "tests"
    modules = [*tests.glob("test_*.py"), *(path for folder in LIGHT for path in tests.glob(f"{folder}/**/test_*.py"))]
    return sorted(path.relative_to(root).as_posix() for path in modules if not _loads_torch(path, tests / "helpers"))


def _tests_of(path: Path, root: Path) -> list[Path]:
    tests, first = root / "tests", path.parts[0]
    if first == "tests" and path.name.startswith("test_"):
        return [root / path]
    if path.parts[:2] == ("tests", "helpers"):
        helper = Path(path.parts[2]).stem  # a module, or the package that it is in
        return [each for each in tests.rglob("test_*.py") if helper in _imported(each)]
    if first == "zoo_plugins" and len(path.parts) > 2:
        return [each for each in tests.glob("plugins/test_*.py") if _bears(each, path.parts[1])]
    if first == "zoo_core":
        room = path.parts[1] if len(path.parts) > 2 else ""
        word = path.parent.name if path.stem == "__init__" else path.stem
        near = [each for each in tests.glob(f"{room}/**/test_*.py" if room else "test_*.py") if _bears(each, word)]
        dotted = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        return near or [each for each in tests.rglob("test_*.py") if dotted in _imported(each, whole=True)]
    return []


def _bears(test: Path, word: str) -> bool:
    """Whether all words of the name are in that of the test, in their order."""
    return f"_{word.strip('_')}_" in f"{test.stem}_" or f"_{word.strip('_')}s_" in f"{test.stem}_"


def _loads_torch(module: Path, helpers: Path) -> bool:
    names = _imported(module)
    inside = [helpers / f"{name}.py" for name in names if (helpers / f"{name}.py").exists()]
    inside += [path for name in names for path in helpers.glob(f"{name}/*.py")]
    return bool(names & {"torch", "torchvision"}) or any(_loads_torch(each, helpers) for each in inside)


def _imported(module: Path, *, whole: bool = False) -> set[str]:
    """What a module imports at its top: the whole dotted names, or the first name of each."""
    names: set[str] = set()
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names if whole else {name.partition(".")[0] for name in names}


def _git(*arguments: str, check: bool = True) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=check).stdout.strip()


def _pytest(*arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", *arguments]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    return 0 if code == 5 else code  # 5: nothing was left to run


def main(base: str) -> int:
    """Run both, and give the exit code."""
    own, without = chosen_for(changed_files(base or merge_base()), ROOT)
    print(f"Tests of what changed: {' '.join(own) or 'none'}", flush=True)
    if without:
        print(f"Without tests of their name: {' '.join(without)}", flush=True)
    code = _pytest(*own) if own else 0
    rest = [name for name in light_tests() if name not in own]
    print("Tests of what needs no PyTorch:", flush=True)
    return _pytest("-m", "not slow and not heavy", *rest) or code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
