"""What lists and helps stays light: proved in the very process that prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zoo_core.installation import install_command

PLUGINS = sorted(path.parent.name for path in Path(__file__).parents[2].glob("zoo_plugins/*/__init__.py"))
HEAVY = ("torch", "torchvision", "numpy", "onnx", "onnxruntime", "onnxscript", "PIL", "rich", "matplotlib", "pooch")

PROBE = """
import atexit, sys
sys.argv = ["zoo", *sys.argv[1:]]
HEAVY = {heavy!r}
atexit.register(lambda: sys.stderr.write("LOADED " + ",".join(n for n in HEAVY if n in sys.modules) + "."))
from zoo_core.cli import main
main(watched=False)
"""


def loaded_by(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(heavy=HEAVY), *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stderr.rpartition("LOADED ")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("list",),
        ("list", "--json"),
        ("list", "runs"),
        ("list", "exports", "--task", "image-classification"),
        ("plugins",),
        ("plugins", "--json"),
        ("train", "--help"),
        ("info", "supervised"),
        ("no-such-command",),
    ],
)
def test_nothing_heavy_is_loaded(arguments: tuple[str, ...]) -> None:
    code, loaded = loaded_by(*arguments)
    assert code == (2 if arguments == ("no-such-command",) else 0)
    assert loaded == "."


@pytest.mark.heavy
def test_torch_is_not_loaded_twice_to_check_a_model() -> None:
    code, loaded = loaded_by("check", "lenet5", "--rule", "stays-finite")
    assert code == 0
    assert not {"torch", "torchvision", "onnx", "onnxruntime", "onnxscript"} & set(loaded.rstrip(".").split(","))


@pytest.mark.heavy
def test_the_probe_sees_what_is_loaded() -> None:
    code, loaded = loaded_by("info", "lenet5", "--json")
    assert code == 0
    assert "torch" in loaded


def test_importing_the_public_names_loads_nothing_heavy() -> None:
    names = "import sys, zoo_core; [getattr(zoo_core, n) for n in zoo_core.__all__ if n != 'load_run']; "
    check = f"print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", names + check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_bundled_plugin_imports_no_torch(plugin: str) -> None:
    code = f"import sys, zoo_plugins.{plugin}; print([n for n in ('torch', 'onnx', 'PIL') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_is_listed_where_torch_is_absent(run_zoo: Any, site: Any) -> None:
    # A module of that name that cannot be imported, before the real one on the path.
    site.mkdir()
    (site / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    result = run_zoo("info", "lenet5", "--json")
    assert result.code == 0, result.stderr
    assert result.json["parameters"] is None
    assert result.json["hint"] == f"counting parameters needs torch: {install_command('train')}"
    assert "lenet5" in {row["name"] for row in run_zoo("list", "--json").json}
