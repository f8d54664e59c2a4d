"""Names and circles: a name of a module says which one is meant, and no module needs itself by a roundabout way."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from import_graph import Graph, find_circles, module_name, read_graph

ROOT = Path(__file__).parents[2]
PACKAGES = ["zoo_core", *sorted(f"zoo_plugins.{path.parent.name}" for path in ROOT.glob("zoo_plugins/*/__init__.py"))]

# Modules and packages that have one name by design, and why. A room and its first file (check/check.py) need no reason.
SIBLINGS = {
    "feed": "training/feed.py gives a network its batches, verification/feed/ a file its inputs: the same idea",
}


def names(root: Path) -> dict[str, list[str]]:
    """Modules and packages of zoo_core by the last part of their name, without a room's first file."""
    found = defaultdict(list)
    for path in sorted(root.glob("zoo_core/**/*.py")):
        name = module_name(path, root)
        *home, last = name.split(".")
        if last not in {"__main__", *home[-1:]}:
            found[last].append(name)
    return found


def test_no_two_modules_of_the_core_share_a_name() -> None:
    shared = {name: where for name, where in names(ROOT).items() if len(where) > 1}
    assert {name: where for name, where in shared.items() if name not in SIBLINGS} == {}
    assert sorted(SIBLINGS) == sorted(shared), "a reason for what is no more"


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_imports_itself_by_a_roundabout_way(package: str) -> None:
    assert [" -> ".join(circle) for circle in find_circles(read_graph(ROOT, package))] == []


@pytest.mark.parametrize(
    ("files", "circles"),
    [
        ({"a": "from . import b", "b": "import c"}, []),
        ({"a": "from . import b", "b": "from .a import x"}, ["p.a p.b p.a"]),
        ({"a": "def f():\n    import p.b", "b": "from p import c", "c": "from .a import x"}, ["p.a p.b p.c p.a"]),
        ({"a": "if TYPE_CHECKING:\n    from . import b", "b": "from .a import x"}, []),
        ({"a": "if TYPE_CHECKING:\n    pass\nelse:\n    from . import b", "b": "from .a import x"}, ["p.a p.b p.a"]),
        ({"__init__": "from .a import x", "a": "import p.b", "b": ""}, []),
        ({"__init__": "from .a import x", "a": "from . import y"}, ["p p.a p"]),
        (
            {
                "__init__": "if TYPE_CHECKING:\n    from .a import x\ndef __getattr__(name): ...",
                "a": "def f():\n    from p import y",
            },
            ["p p.a p"],
        ),
        (
            {"a": "from . import b", "b": "from .a import x", "c": "from . import d", "d": "from .c import x"},
            ["p.a p.b p.a", "p.c p.d p.c"],
        ),
    ],
)
def test_circles_are_found(files: dict[str, str], circles: list[str], tmp_path: Path) -> None:
    tmp_path.joinpath("p").mkdir()
    for name, text in {"__init__": "", **files}.items():
        tmp_path.joinpath("p", f"{name}.py").write_text(text)
    graph: Graph = read_graph(tmp_path, "p")
    assert [" ".join(circle) for circle in find_circles(graph)] == circles
