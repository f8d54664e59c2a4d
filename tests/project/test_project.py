"""What must stay in step: plugins and entry points, commands and docs, hooks and docs, sizes, dependencies."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from warm import Result

from zoo_core import DatasetSpec, ModelFamily, ModelSpec, Preprocess, TrainerSpec, Weights, hookspecs
from zoo_core.cli import COMMANDS
from zoo_core.cli.bundled import bundled_verbs
from zoo_core.discovery.entry_points import bundled_offers
from zoo_core.specs import CORE_DATA_OPTIONS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())
PLUGIN_PAGE = ROOT.joinpath("docs", "plugins.md").read_text()
PRODUCT = sorted([*ROOT.glob("zoo_core/**/*.py"), *ROOT.glob("zoo_plugins/**/*.py")])
TESTS = sorted(ROOT.glob("tests/**/*.py"))

# Distributions whose imports have another name, and those that come with a declared one.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "google": "protobuf",
    "grpc": "grpcio",
    "importlinter": "import-linter",
    "markdown_it": "rich",
    "model_signing": "model-signing",
    "onnx_ir": "onnxscript",
    "prometheus_client": "prometheus-client",
    "requests": "pooch",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def requirements(*extras: str) -> set[str]:
    """Distributions that the base install and these extras bring, by name."""
    listed = list(PROJECT["project"]["dependencies"])
    for extra in extras:
        listed += PROJECT["project"]["optional-dependencies"][extra]
    return {re.split(r"[\[<>=!~;\s]", text)[0] for text in listed} - {"zoo-core"}


def modules(path: Path) -> Iterator[str]:
    """Modules that a file imports by absolute name, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def imported(path: Path) -> set[str]:
    """Distributions that a file imports from, other than this one and Python's own library."""
    own = {"zoo_core", "zoo_plugins", *(test.stem for test in TESTS), *(test.parent.name for test in TESTS)}
    packages = {name.partition(".")[0] for name in modules(path)}
    return {DISTRIBUTIONS.get(name, name) for name in packages - own - sys.stdlib_module_names}


def test_every_plugin_folder_has_its_entry_point_and_the_reverse() -> None:
    folders = {path.parent.name for path in ROOT.glob("zoo_plugins/*/__init__.py")}
    points = PROJECT["project"]["entry-points"]["zoo.plugins"]
    assert points == {folder.replace("_", "-"): f"zoo_plugins.{folder}" for folder in folders}


def test_the_installed_entry_points_are_those_of_the_project() -> None:
    found = importlib.import_module("importlib.metadata").entry_points(group="zoo.plugins")
    ours = {point.name: point.value for point in found if point.dist.name == "zoo-core"}
    assert ours == PROJECT["project"]["entry-points"]["zoo.plugins"]


def test_the_verbs_of_the_zoo_are_plugins_found_by_their_entry_points() -> None:
    points = PROJECT["project"]["entry-points"]
    assert set(points["zoo.commands"].items()) <= set(points["zoo.plugins"].items())
    offering = {
        path.parent.name.replace("_", "-")
        for path in ROOT.glob("zoo_plugins/*/__init__.py")
        if any(isinstance(node, ast.FunctionDef) and node.name == "zoo_commands" for node in tree(path).body)
    }
    assert set(points["zoo.commands"]) == offering == set(bundled_verbs())


def test_every_command_module_is_listed() -> None:
    modules = {path.stem.removesuffix("_command") for path in ROOT.glob("zoo_core/cli/*_command.py")}
    assert modules == set(COMMANDS)


@pytest.mark.parametrize("name", [*COMMANDS, *bundled_verbs()])
def test_each_command_shows_an_example_and_is_small(name: str) -> None:
    core = name in COMMANDS
    module = importlib.import_module(f"zoo_core.cli.{name}_command" if core else f"zoo_plugins.{name}.command")
    command = module.command
    assert command.name == name
    listed = COMMANDS[name] if core else bundled_verbs()[name].get_short_help_str(limit=80)
    assert listed.endswith(".")
    shown = command.get_help(click.Context(command, info_name=f"zoo {name}"))
    _, heading, examples = shown.rpartition("Examples:\n")
    assert heading, f"zoo {name} --help has no examples"
    lines = [line for line in examples.splitlines() if line.strip()]
    assert lines
    assert all(re.match(rf"  .*\bzoo {name}\b|    ", line) for line in lines), examples
    source = inspect.getsource(module)
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert len(source.splitlines()) - sum((n.end_lineno or n.lineno) - n.lineno + 1 for n in imports) < 80


def test_the_page_of_commands_is_up_to_date() -> None:
    # In a process of its own: click remembers on a command how its first caller wanted help to be asked for.
    code = "import runpy, sys; sys.stdout.write(runpy.run_path('docs/make_commands.py')['make_page']())"
    made = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    written = ROOT.joinpath("docs", "commands.md").read_text(encoding="utf-8")
    assert written == made.stdout, "run: python docs/make_commands.py"


@pytest.mark.parametrize("name", [*hookspecs.OFFERS, *hookspecs.EVENTS])
def test_each_hook_is_documented_with_its_arguments_and_tested(name: str) -> None:
    hook = getattr(hookspecs, name)
    arguments = ", ".join(inspect.signature(hook).parameters)
    shown = f"`{arguments}`" if arguments else "none"
    assert f"| `{name}` | {shown} | " in PLUGIN_PAGE
    assert hook.__doc__
    uses = [short(path) for path in TESTS if path != Path(__file__) and f"def {name}(" in path.read_text()]
    assert uses, f"no test implements {name}"


def test_every_hook_is_either_an_offer_or_an_event() -> None:
    marked = {name for name, value in vars(hookspecs).items() if hasattr(value, "zoo_spec")}
    assert marked == {*hookspecs.OFFERS, *hookspecs.EVENTS}


@pytest.mark.parametrize("spec", [ModelSpec, DatasetSpec, TrainerSpec, ModelFamily, Weights, Preprocess])
def test_each_field_of_a_spec_is_documented(spec: type) -> None:
    for field in dataclasses.fields(spec):
        assert re.search(rf"[`(, ]{field.name}[`,)(=]", PLUGIN_PAGE), f"{spec.__name__}.{field.name}"


def test_tasks_and_options_of_the_core_are_documented() -> None:
    for task in bundled_offers("task"):
        assert f"`{task}`" in PLUGIN_PAGE
    assert f"`{' '.join(option.name for option in CORE_DATA_OPTIONS)}`" in PLUGIN_PAGE


@pytest.mark.heavy
def test_the_plugin_of_the_docs_works(fake_distribution: Callable[..., Path], run_zoo: Callable[..., Result]) -> None:
    files = dict(re.findall(r"<!-- test: zoo_twolayer/(\S+) -->\n```python\n(.*?)```", PLUGIN_PAGE, re.DOTALL))
    assert set(files) == {"__init__.py", "net.py"}
    code = files.pop("__init__.py")
    fake_distribution("zoo-twolayer", code, files=files, entries={"twolayer": "zoo_twolayer"})
    plugins = {plugin["id"]: plugin for plugin in run_zoo("plugins", "--json").json}
    assert plugins["zoo-twolayer:twolayer"]["problem"] is None
    info = run_zoo("info", "twolayer", "--dataset", "digits", "-o", "hidden=64", "--json")
    assert info.json["parameters"] == 784 * 64 + 64 + 64 * 10 + 10
    assert run_zoo("train", "twolayer", "--dataset", "digits", "--dry-run").code == 0


def test_modules_and_functions_are_short() -> None:
    found = []
    for path in PRODUCT:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        found += [f"{short(path)} has {lines} lines"] if lines >= 300 else []
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                found += [f"{short(path)}: {node.name} has {lines} lines"] if lines >= 40 else []
    assert not found


def test_user_input_is_never_checked_by_assert() -> None:
    found = [f"{short(p)}:{node.lineno}" for p in PRODUCT for node in ast.walk(tree(p)) if isinstance(node, ast.Assert)]
    assert not found


def test_no_line_for_people_begins_with_a_line_break() -> None:
    """`say("", text)` says the same, and `say` can tell the breaks of ours from those of somebody else's text."""
    found = [
        f"{short(path)}:{node.lineno}"
        for path in PRODUCT
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in {"say", "note"}
        and any(re.match(r"""f?["']\\n|["']\\n["']\.join""", ast.unparse(argument)) for argument in node.args)
    ]
    assert found == []


def test_nothing_reads_or_writes_a_pickle() -> None:
    unsafe = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    assert [short(path) for path in PRODUCT if unsafe & {name.partition(".")[0] for name in modules(path)}] == []


def test_no_file_names_a_machine() -> None:
    if shutil.which("git") is None or not ROOT.joinpath(".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    # Put together here, so that this file does not hold them.
    places = [b"/" + place + b"/" for place in (b"work", b"root", b"home", b"Users", b"tmp", b"mnt")]
    found = [
        f"{name}: {place.decode()}"
        for name in listed.decode().split("\0")
        if name and ROOT.joinpath(name).is_file()
        for place in places
        if re.search(rb"(?<![\w.\])}])" + place + rb"\w", ROOT.joinpath(name).read_bytes())
    ]
    assert not found


def test_the_base_install_is_what_deployment_needs() -> None:
    base = {"click", "pluggy", "numpy", "onnxruntime", "pillow", "rich", "platformdirs", "pooch"}
    assert requirements() == base
    more = {"torch", "torchvision", "onnx", "onnxscript", "safetensors", "matplotlib"}
    assert requirements("train") - base == more | {"sympy"}  # which torch itself brings
    assert requirements("view") - base == {"netron"}
    assert requirements("plot") - base == {"matplotlib"}
    assert PROJECT["project"]["optional-dependencies"]["features"] == ["zoo-core[train]"]
    extras = PROJECT["project"]["optional-dependencies"]
    apart = {"all", "test", "foreign", "docs", "openvino", "mlserver"}
    more = {"sklearn", "audio", "text", "parquet", "serve", "grpc", "registry", "hub", "sign", "quantize", "site"}
    assert set(extras) == {"train", "features", "plot", "view", "timm", "smp", "tensorboard", "sweep", *more, *apart}
    assert extras["all"] == [f"zoo-core[{','.join(name for name in extras if name not in apart)}]"]


def test_what_is_imported_is_declared() -> None:
    verbs = ("view", "serve", "grpc", "openvino", "registry", "hub", "sign", "site", "mlserver", "sweep")
    declared = requirements("train", *verbs, "timm", "smp", "tensorboard", "sklearn", "audio", "text", "parquet")
    for path in PRODUCT:
        known = declared | {"pytest"} if short(path) == "zoo_core/testing.py" else declared  # pytest itself loads that
        assert imported(path) <= known, short(path)
    declared = requirements("train", *verbs, "test", "foreign", "docs", "audio", "text", "parquet")
    benchmarks = list(ROOT.glob("benchmarks/*.py"))
    beside = {path.stem for path in benchmarks}
    for path in [*TESTS, *benchmarks, *ROOT.glob("docs/*.py")]:
        assert imported(path) - beside <= declared, short(path)


def _raised(path: Path) -> Iterator[tuple[int, str]]:
    """Line and the fixed text of each message that is raised for users, with a mark where values go."""
    for node in ast.walk(tree(path)):
        if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args):
            continue
        name: Any = node.exc.func
        if isinstance(name, ast.Name) and name.id in {"ZooError", "UsageError", "NotVerifiedError", "RefusedFileError"}:
            yield node.lineno, _fixed(node.exc.args[0])


def _fixed(message: ast.expr) -> str:
    if isinstance(message, ast.Constant):
        return str(message.value)
    if isinstance(message, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in message.values)
    return ""


def _is_tested(message: str, tests: str) -> bool:
    """Whether two neighbouring words of the fixed text, or its only word, appear in a test."""
    pieces = [piece.split() for piece in message.split("\0")]
    pairs = [" ".join(piece[i : i + 3]) for piece in pieces for i in range(max(1, len(piece) - 2)) if len(piece) > 1]
    return not pairs or any(pair in tests for pair in pairs)


def untested_messages() -> list[str]:
    """Every message that no test looks for; `python tests/project/test_project.py` prints them."""
    tests = " ".join(re.sub(r"\\(?=\W)", "", path.read_text()) for path in TESTS)
    return [
        f"{short(path)}:{line}: {message.replace(chr(0), '...')}"
        for path in PRODUCT
        for line, message in _raised(path)
        if not _is_tested(message, tests)
    ]


def test_every_error_message_is_looked_for_by_a_test() -> None:
    assert not untested_messages()


if __name__ == "__main__":
    print("\n".join(untested_messages()))
