"""Every way in which a plugin can fail: it is contained, said in words, and no other plugin suffers."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import run_program, write_distribution

GOOD = """
from zoo_core import ModelSpec, TensorSpec, hookimpl

def build(*, num_classes: int = 10):
    from torch import nn
    return nn.Sequential(nn.Flatten(), nn.Linear(784, num_classes))

def spec(name, **more):
    return ModelSpec(
        name=name, build=build, task="image-classification", summary="A model for tests",
        inputs={"image": TensorSpec("N", 1, 28, 28)}, outputs={"logits": TensorSpec("N", "num_classes")}, **more,
    )
"""
OFFER = """
@hookimpl
def zoo_models():
    return [spec("good-model")]
"""

FAULTS = {
    "raises": ("1 / 0", "broken", "when it is imported: ZeroDivisionError: division by zero (zoo_bad/__init__.py:1)"),
    "sys-exit": ("import sys\nsys.exit(3)", "broken", "it calls sys.exit(3) (zoo_bad/__init__.py:2)"),
    "keyboard-interrupt": ("raise KeyboardInterrupt", "broken", "it raises KeyboardInterrupt"),
    "os-exit": (
        "import os\nos._exit(0)",
        "broken",
        "it ends the process that loads it, with exit code 0",
    ),
    "segfault": (
        "import ctypes\nctypes.string_at(0)",
        "broken",
        "it crashes the process that loads it: SIGSEGV (zoo_bad/__init__.py:2)",
    ),
    "killed": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "broken",
        "it crashes the process that loads it: SIGKILL",
    ),
    "endless-import": (
        "while True:\n    pass",
        "broken",
        "it is not loaded after 5 s (ZOO_PLUGIN_TIMEOUT) (zoo_bad/__init__.py:",
    ),
    "closes-every-file": ("import os\nos.closerange(0, 64)", "broken", "it ends the process that loads it"),
    "syntax-error": ("def broken(:\n", "broken", "(zoo_bad/__init__.py:1)"),
    "evil-message": (
        "class Evil(Exception):\n    def __str__(self): raise ValueError\nraise Evil",
        "broken",
        "Evil: (its message cannot be shown)",
    ),
    "long-message": ("raise ValueError('x' * 5000)", "broken", "xxx... (zoo_bad/__init__.py:1)"),
    "missing-dependency": (
        "import no_such_library",
        "unavailable",
        "it needs the package 'no_such_library', which is not installed (zoo_bad/__init__.py:1)",
    ),
    "missing-name-in-library": (
        "from click import no_such_thing",
        "unavailable",
        "ImportError: cannot import name 'no_such_thing' from 'click'",
    ),
    "own-module-missing": (
        "import zoo_bad.no_such_part",
        "broken",
        "ModuleNotFoundError: No module named 'zoo_bad.no_such_part' (zoo_bad/__init__.py:1)",
    ),
    "reads-stdin": ("input('who are you? ')", "broken", "EOFError"),
    "no-hook": ("x = 1", "broken", "it implements no hook, for example zoo_models or zoo_datasets"),
    "not-decorated": ("def zoo_models():\n    return []", "broken", "zoo_models is not decorated with @hookimpl"),
    "misspelt-hook": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_modles():\n    return []",
        "broken",
        "unknown hook 'zoo_modles' at zoo_bad/__init__.py:2. Did you mean 'zoo_models'",
    ),
    "wrong-hook-arguments": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_models(register):\n    return []",
        "broken",
        "zoo_models(register) at zoo_bad/__init__.py:2: it takes no arguments",
    ),
    "returns-none": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_models():\n    []",
        "broken",
        "zoo_models at zoo_bad/__init__.py:2 returns nothing, not an iterable of ModelSpec",
    ),
    "returns-number": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_datasets():\n    return 3",
        "broken",
        "zoo_datasets at zoo_bad/__init__.py:2 returns a int, not an iterable of DatasetSpec",
    ),
    "returns-one-spec": (
        GOOD + "@hookimpl\ndef zoo_models():\n    return spec('alone')",
        "broken",
        "returns a ModelSpec, not an iterable of ModelSpec",
    ),
    "returns-text": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_models():\n    return 'lenet'",
        "broken",
        "returns a str, not an iterable of ModelSpec",
    ),
    "offers-dictionary": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_models():\n    yield {'name': 'x'}",
        "broken",
        "zoo_models at zoo_bad/__init__.py:2 offers a dict, not a ModelSpec",
    ),
    "offers-wrong-kind": (
        GOOD + "@hookimpl\ndef zoo_datasets():\n    yield spec('x')",
        "broken",
        "offers a ModelSpec, not a DatasetSpec",
    ),
    "offers-class": (
        "from zoo_core import ModelSpec, hookimpl\n@hookimpl\ndef zoo_models():\n    yield ModelSpec",
        "broken",
        "offers the class ModelSpec, not a ModelSpec",
    ),
    "half-failing-generator": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('first')\n    raise OSError('the rest is gone')",
        "broken",
        "in zoo_models: OSError: the rest is gone (zoo_bad/__init__.py:",
    ),
    "endless-generator": (
        GOOD + "@hookimpl\ndef zoo_models():\n    while True:\n        yield spec('again')",
        "broken",
        "offers 'again' twice",
    ),
    "hook-exits": (
        "import sys\nfrom zoo_core import hookimpl\n@hookimpl\ndef zoo_models():\n    sys.exit('bye')",
        "broken",
        "in zoo_models, it calls sys.exit('bye') (zoo_bad/__init__.py:5)",
    ),
    "bad-spec": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('Bad Name')",
        "broken",
        "in zoo_models: ModelSpec: 'Bad Name' is not a name",
    ),
    "positional-options": (
        GOOD.replace("*, num_classes", "num_classes") + OFFER,
        "broken",
        "parameter 'num_classes' of build must be keyword-only",
    ),
    "unlistable": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', source=object())",
        "broken",
        "its offers cannot be listed: 'x': source is text, not <object",
    ),
    "core-too-old": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', requires_core='>=99.1')",
        "unavailable",
        "'x' needs zoo-core >=99.1, this is",
    ),
    "unreadable-requirement": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', requires_core='soon')",
        "broken",
        "cannot read requires_core='soon'",
    ),
    "opens-the-zoo": (
        "from zoo_core import open_zoo\nopen_zoo()",
        "broken",
        "a plugin cannot open the zoo while it is being loaded",
    ),
    "family-of-garbage": (
        "from zoo_core import ModelFamily, hookimpl\n@hookimpl\ndef zoo_families():\n"
        "    yield ModelFamily(prefix='fam', names=lambda: ['a', 7], spec=print)",
        "broken",
        "family 'fam' lists 7, which is not a name",
    ),
    "family-of-twins": (
        "from zoo_core import ModelFamily, hookimpl\n@hookimpl\ndef zoo_families():\n"
        "    yield ModelFamily(prefix='fam', names=lambda: ['a', 'a'], spec=print)",
        "broken",
        "family 'fam' lists a name twice",
    ),
    "renamed-to-nothing": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', renamed=['old'])",
        "broken",
        "'x': renamed maps old option names to new ones, not ['old']",
    ),
    "size-in-words": (
        "from zoo_core import DatasetSpec, TensorSpec, hookimpl\n@hookimpl\ndef zoo_datasets():\n"
        "    yield DatasetSpec(name='x', load=lambda root, *, split, download: None, task='image-classification',\n"
        "        summary='x', inputs={'image': TensorSpec('N', 1)}, download_bytes='much')",
        "broken",
        "'x': download_bytes is a whole number, not 'much'",
    ),
}


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows}


@pytest.fixture(scope="module")
def faulty_plugins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """All faulty plugins installed at once, each followed by a good one, and what `zoo plugins` says of them."""
    folder = tmp_path_factory.mktemp("faults")
    for fault, (code, _, _) in FAULTS.items():
        name = f"zoo-{fault}"
        package = name.replace("-", "_")
        write_distribution(folder / "site", name, code.replace("zoo_bad", package))
        write_distribution(folder / "site", f"{name}-later", GOOD + OFFER.replace("good-model", f"{fault}-later"))
    result = run_program(
        "plugins", "--json", cwd=folder, site=folder / "site", env={"ZOO_PLUGIN_TIMEOUT": "5"}, timeout=280
    )
    assert result.code == 0, result.stderr
    assert result.stderr == ""
    return by_id(result.json)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_plugin_is_contained_and_explained(fault: str, faulty_plugins: dict[str, dict[str, Any]]) -> None:
    _, status, problem = FAULTS[fault]
    name = f"zoo-{fault}"
    bad, later = faulty_plugins[f"{name}:{name}"], faulty_plugins[f"{name}-later:{name}-later"]
    assert bad["status"] == status, bad
    assert problem.replace("zoo_bad", name.replace("-", "_")) in bad["problem"], bad["problem"]
    assert "\n" not in bad["problem"]
    assert bad["offers"] == []
    assert later == {
        "id": f"{name}-later:{name}-later",
        "distribution": f"{name}-later",
        "version": "1.0",
        "status": "ok",
        "offers": [f"model:{fault}-later"],
        "problem": None,
    }


def test_every_bundled_plugin_is_ok(run_zoo: Any) -> None:
    rows = [row for row in run_zoo("plugins", "--json").json if row["distribution"] == "zoo-core"]
    assert rows == sorted(rows, key=lambda row: row["id"])
    assert {row["id"] for row in rows} >= {"zoo-core:lenet5", "zoo-core:mlp", "zoo-core:digits", "zoo-core:mnist"}
    assert [(row["status"], row["problem"]) for row in rows] == [("ok", None)] * len(rows)


def test_what_a_plugin_prints_stays_out_of_the_answer(run_zoo: Any, fake_distribution: Any) -> None:
    # The last words have no newline: on the same line as an answer they would spoil it.
    noise = "import os, sys\nprint('hello')\nsys.stderr.write('noise')\nos.system('echo child; echo child >&2')\n"
    noise += "os.write(1, b'{raw}')\n"
    fake_distribution("zoo-noisy", noise + GOOD + OFFER)
    result = run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-noisy"})
    assert by_id(result.json)["zoo-noisy:zoo-noisy"]["status"] == "ok"
    assert result.stderr == ""


def test_a_plugin_loaded_in_the_command_itself_cannot_spoil_its_json(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-noisy", "print('hello')\n" + GOOD + OFFER)
    result = run_zoo("info", "good-model", "--json", env={"ZOO_PLUGINS": "zoo-noisy"})
    assert result.json["parameters"] == 7850
    assert "hello" in result.stderr


def test_a_slow_plugin_offers_but_is_marked(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-slow", "import time\ntime.sleep(1.3)\n" + GOOD + OFFER)
    row = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-slow"}).json)["zoo-slow:zoo-slow"]
    assert row["status"] == "slow"
    assert row["problem"].startswith("loading it takes 1.")
    assert row["offers"] == ["model:good-model"]


def test_only_twice_slow_is_slow(run_zoo: Any, fake_distribution: Any, tmp_path: Path) -> None:
    once = f"import os, time\nif not os.path.exists({str(tmp_path / 'seen')!r}):\n    time.sleep(1.3)\n"
    fake_distribution("zoo-slow", f"{once}open({str(tmp_path / 'seen')!r}, 'w').close()\n" + GOOD + OFFER)
    row = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-slow"}).json)["zoo-slow:zoo-slow"]
    assert (row["status"], row["problem"]) == ("ok", None)


def test_an_entry_point_that_names_nothing(run_zoo: Any, fake_distribution: Any) -> None:
    entries = {"gone": "no_such_package", "attribute": "zoo_half:nothing", "empty": "", "part": "zoo_half.gone"}
    fake_distribution("zoo-half", GOOD + OFFER, entries=entries)
    rows = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "gone,attribute,empty,part"}).json)
    assert "'no_such_package' cannot be found" in rows["zoo-half:gone"]["problem"]
    assert "zoo_half has no 'nothing'" in rows["zoo-half:attribute"]["problem"]
    assert "'zoo_half.gone' cannot be found" in rows["zoo-half:part"]["problem"]
    assert rows["zoo-half:empty"]["status"] == "broken"


def test_damaged_metadata_hides_no_other_plugin(run_zoo: Any, fake_distribution: Any, site: Path) -> None:
    fake_distribution("zoo-good", GOOD + OFFER)
    damaged = site / "zoo_damaged-1.0.dist-info"
    damaged.mkdir()
    damaged.joinpath("METADATA").write_bytes(b"\xff\xfe\x00garbage")
    damaged.joinpath("entry_points.txt").write_text("[zoo.plugins]\nno equals sign\n[other\nx = y\n")
    rows = run_zoo("plugins", "--json").json
    assert "zoo-good:zoo-good" in by_id(rows)
    assert any(row["status"] == "broken" and "no equals sign" in row["id"] for row in rows)


def test_the_same_entry_point_name_in_two_distributions(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-one", GOOD + OFFER, entries={"nets": "zoo_one"})
    fake_distribution("zoo-two", GOOD + OFFER.replace("good-model", "other"), entries={"nets": "zoo_two"})
    rows = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "nets"}).json)
    assert rows["zoo-one:nets"]["offers"] == ["model:good-model"]
    assert rows["zoo-two:nets"]["offers"] == ["model:other"]
    only = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-two:nets"}).json)
    assert (only["zoo-one:nets"]["status"], only["zoo-one:nets"]["problem"]) == ("disabled", None)
    assert only["zoo-two:nets"]["status"] == "ok"


def test_zoo_plugins_none_disables_the_bundled_ones_too(run_zoo: Any) -> None:
    rows = run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "none"}).json
    assert {row["status"] for row in rows} == {"disabled"}
    assert run_zoo("list", "--json", env={"ZOO_PLUGINS": "none"}).json == []


def test_zoo_plugins_misspelt(run_zoo: Any) -> None:
    result = run_zoo("list", env={"ZOO_PLUGINS": "lenet"})
    assert result.code == 2
    assert "Error: ZOO_PLUGINS: there is no plugin 'lenet'" in result.stderr
    assert "Did you mean 'lenet5'" in result.stderr


def test_zoo_strict_raises_the_problem(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-bad", "1 / 0")
    result = run_zoo("list", env={"ZOO_STRICT": "1"})
    assert result.code == 1
    assert "Error: plugin zoo-bad:zoo-bad: when it is imported: ZeroDivisionError" in result.stderr


def test_a_timeout_that_is_no_number(run_zoo: Any) -> None:
    result = run_zoo("list", env={"ZOO_PLUGIN_TIMEOUT": "soon"})
    assert result.code == 2
    assert "ZOO_PLUGIN_TIMEOUT is a number of seconds above 0, not 'soon'" in result.stderr


@pytest.fixture
def counted(fake_distribution: Any, tmp_path: Path) -> Callable[..., Path]:
    """A plugin that notes every load of its module in a file."""

    def write(name: str, code: str = GOOD + OFFER, **more: Any) -> Path:
        log = str(tmp_path / f"{name}.log")
        folder: Path = fake_distribution(name, f"with open({log!r}, 'a') as log:\n    log.write('x')\n{code}", **more)
        return folder

    return write


def loads(tmp_path: Path, name: str) -> int:
    log = tmp_path / f"{name}.log"
    return len(log.read_text()) if log.exists() else 0


def test_a_warm_list_imports_no_plugin(run_zoo: Any, counted: Any, tmp_path: Path) -> None:
    counted("zoo-a")
    first = run_zoo("list", "--json").json
    assert loads(tmp_path, "zoo-a") == 1
    for command in (("list", "--json"), ("plugins",), ("--help",), ("list", "models")):
        assert run_zoo(*command).code == 0
    assert run_zoo("list", "--json").json == first
    assert loads(tmp_path, "zoo-a") == 1


@pytest.mark.parametrize("change", ["module", "data", "version", "new-file", "helper"])
def test_only_what_changed_is_read_again(change: str, run_zoo: Any, counted: Any, tmp_path: Path, site: Path) -> None:
    code = (
        GOOD + "from .helper import NAME\nfrom pathlib import Path\n"
        "EXTRA = Path(__file__).with_name('extra.txt').read_text().split()\n"
        "@hookimpl\ndef zoo_models():\n    return [spec(name) for name in (NAME, *EXTRA)]\n"
    )
    folder = counted("zoo-a", code, files={"helper.py": "NAME = 'first'\n", "extra.txt": "more"})
    counted("zoo-b")
    names = {row["name"] for row in run_zoo("list", "models", "--json").json}
    assert names >= {"first", "more", "good-model"}
    before = loads(tmp_path, "zoo-a"), loads(tmp_path, "zoo-b")

    expected = {"first", "more"}
    if change == "module":
        init = folder / "__init__.py"
        init.write_text(init.read_text().replace("(NAME,", "(NAME, 'added',"))
        expected = {"first", "more", "added"}
    elif change == "data":
        (folder / "extra.txt").write_text("another")
        expected = {"first", "another"}
    elif change == "helper":
        (folder / "helper.py").write_text("NAME = 'second'\n")
        expected = {"second", "more"}
    elif change == "new-file":
        (folder / "unused.py").write_text("")
    else:
        info = site / "zoo_a-1.0.dist-info" / "METADATA"
        info.write_text(info.read_text().replace("Version: 1.0", "Version: 1.1"))

    rows = [row for row in run_zoo("list", "models", "--json").json if row["plugin"] == "zoo-a:zoo-a"]
    assert {row["name"] for row in rows} == expected
    assert loads(tmp_path, "zoo-a") == before[0] + 1
    assert loads(tmp_path, "zoo-b") == before[1]


def test_a_library_that_another_plugin_loaded_first_counts_too(run_zoo: Any, counted: Any, site: Path) -> None:
    shared = site / "shared_names.py"
    shared.parent.mkdir(exist_ok=True)
    shared.write_text("NAMES = ['one']\n")
    offer = "@hookimpl\ndef zoo_models():\n    return [spec(f'{PREFIX}-{name}') for name in shared_names.NAMES]\n"
    code = GOOD + "import shared_names\n" + offer

    counted("zoo-a", "PREFIX = 'a'\n" + code)
    counted("zoo-b", "PREFIX = 'b'\n" + code)
    assert {"a-one", "b-one"} <= {row["name"] for row in run_zoo("list", "--json").json}
    shared.write_text("NAMES = ['second']\n")
    assert {"a-second", "b-second"} <= {row["name"] for row in run_zoo("list", "--json").json}


def test_a_family_is_listed_anew_when_its_library_is_installed_anew(
    run_zoo: Any, counted: Any, fake_distribution: Any, site: Path
) -> None:
    names = fake_distribution("famlib", files={"names.txt": "one"}, entries={}) / "names.txt"
    (site / "famlib-1.0.dist-info" / "RECORD").write_text("famlib-1.0.dist-info/METADATA,,\n")
    listed = f"[*open({str(names)!r}).read().split()]"
    code = "from zoo_core import ModelFamily, hookimpl\n@hookimpl\ndef zoo_families():\n"
    counted(
        "zoo-fam", f"{code}    yield ModelFamily(prefix='fam', library='famlib', names=lambda: {listed}, spec=print)"
    )
    assert "fam/one" in {row["name"] for row in run_zoo("list", "--json").json}
    names.write_text("two")
    info = site / "famlib-1.0.dist-info" / "METADATA"
    info.write_text(info.read_text().replace("Version: 1.0", "Version: 1.10"))
    assert "fam/two" in {row["name"] for row in run_zoo("list", "--json").json}


def test_a_plugin_that_comes_and_goes(run_zoo: Any, fake_distribution: Any, site: Path) -> None:
    assert not [row for row in run_zoo("list", "--json").json if row["name"] == "good-model"]
    fake_distribution("zoo-a", GOOD + OFFER)
    assert [row for row in run_zoo("list", "--json").json if row["name"] == "good-model"]
    (site / "zoo_a-1.0.dist-info" / "entry_points.txt").write_text("[console_scripts]\n")
    assert not [row for row in run_zoo("list", "--json").json if row["name"] == "good-model"]


def test_a_missing_dependency_that_is_installed_later(run_zoo: Any, fake_distribution: Any, site: Path) -> None:
    fake_distribution("zoo-a", "import late_library\n" + GOOD + OFFER)
    optional = "try:\n    import late_library\nexcept ImportError:\n    late_library = None\n"
    offer = "@hookimpl\ndef zoo_models():\n    yield spec('always')\n    if late_library: yield spec('with-library')\n"
    fake_distribution("zoo-b", optional + GOOD + offer)
    rows = by_id(run_zoo("plugins", "--json").json)
    assert rows["zoo-a:zoo-a"]["status"] == "unavailable"
    assert rows["zoo-b:zoo-b"]["offers"] == ["model:always"]
    (site / "late_library.py").write_text("")
    rows = by_id(run_zoo("plugins", "--json").json)
    assert rows["zoo-a:zoo-a"]["status"] == "ok"
    assert rows["zoo-b:zoo-b"]["offers"] == ["model:always", "model:with-library"]


def test_a_failure_is_remembered_and_mended(run_zoo: Any, counted: Any, tmp_path: Path) -> None:
    folder = counted("zoo-a", "1 / 0")
    for _ in range(3):
        assert by_id(run_zoo("plugins", "--json").json)["zoo-a:zoo-a"]["status"] == "broken"
    # The first load left a __pycache__ folder behind, so at most one more is due.
    assert loads(tmp_path, "zoo-a") <= 2
    (folder / "__init__.py").write_text(GOOD + OFFER)
    assert by_id(run_zoo("plugins", "--json").json)["zoo-a:zoo-a"]["status"] == "ok"


def test_a_killer_is_remembered_and_mended(run_zoo: Any, counted: Any, tmp_path: Path) -> None:
    folder = counted("zoo-a", "import os\nos._exit(5)", files={"other.py": ""})
    for _ in range(3):
        row = by_id(run_zoo("plugins", "--json").json)["zoo-a:zoo-a"]
        assert "exit code 5" in row["problem"]
    assert loads(tmp_path, "zoo-a") == 1
    (folder / "__init__.py").write_text(GOOD + OFFER)
    assert by_id(run_zoo("plugins", "--json").json)["zoo-a:zoo-a"]["status"] == "ok"


def _flip(data: bytes) -> bytes:
    place = data.index(b"good-model")
    return data[:place] + b"evil" + data[place + 4 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "not-json": lambda data: b"{{{{",
    "flipped": _flip,
    "other-json": lambda data: b"[]",
    "binary": lambda data: bytes(range(256)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_changes_no_answer(damage: str, run_zoo: Any, fake_distribution: Any, tmp_path: Path) -> None:
    fake_distribution("zoo-a", GOOD + OFFER)
    env = {"ZOO_CACHE": str(tmp_path / "cache")}
    answer = run_zoo("list", "--json", env=env).json
    (file,) = (tmp_path / "cache").glob("catalogue-*.json")
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    result = run_zoo("list", "--json", env=env)
    assert (result.code, result.json, result.stderr) == (0, answer, "")


def test_a_cache_of_another_core_is_not_used(run_zoo: Any, fake_distribution: Any, tmp_path: Path) -> None:
    import zlib

    fake_distribution("zoo-a", GOOD + OFFER)
    env = {"ZOO_CACHE": str(tmp_path / "cache")}
    answer = run_zoo("list", "--json", env=env).json
    (file,) = (tmp_path / "cache").glob("catalogue-*.json")
    data = json.loads(file.read_bytes().partition(b"\n")[2])
    data["core"][0] = "0.0.1"
    for record in data["records"].values():
        record["entries"] = []
    body = json.dumps(data).encode()
    file.write_bytes(f"1 {zlib.crc32(body):08x}\n".encode() + body)
    assert run_zoo("list", "--json", env=env).json == answer


@pytest.mark.parametrize("place", ["file", "below-a-file", "read-only"])
def test_a_cache_folder_that_cannot_be_used(place: str, run_zoo: Any, fake_distribution: Any, tmp_path: Path) -> None:
    fake_distribution("zoo-a", GOOD + OFFER)
    (tmp_path / "file").write_text("x")
    (tmp_path / "read-only").mkdir(mode=0o555)
    folder = {"file": tmp_path / "file", "below-a-file": tmp_path / "file" / "x", "read-only": tmp_path / "read-only"}
    for _ in range(2):
        result = run_zoo("list", "--json", env={"ZOO_CACHE": str(folder[place])})
        assert (result.code, result.stderr) == (0, "")
        assert "good-model" in {row["name"] for row in result.json}


def test_a_plugin_of_another_environment_is_not_remembered(
    run_zoo: Any, fake_distribution: Any, tmp_path: Path
) -> None:
    fake_distribution("zoo-a", GOOD + OFFER)
    assert "good-model" in {row["name"] for row in run_zoo("list", "--json").json}
    (tmp_path / "site").rename(tmp_path / "elsewhere")
    assert "good-model" not in {row["name"] for row in run_zoo("list", "--json").json}


def test_a_hanging_plugin_leaves_no_process_behind(run_zoo: Any, fake_distribution: Any, tmp_path: Path) -> None:
    code = f"""
    import os, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
    time.sleep(600)
    """
    fake_distribution("zoo-bad", code)
    start = time.monotonic()
    row = run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-bad", "ZOO_PLUGIN_TIMEOUT": "2"}).json
    assert time.monotonic() - start < 60
    assert "it is not loaded after 2 s" in by_id(row)["zoo-bad:zoo-bad"]["problem"]
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert not _alive(pid)


def _alive(pid: int) -> bool:
    for _ in range(50):
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return False
        if state == "Z":
            return False  # dead, and waiting for its parent to notice
        time.sleep(0.1)
    return True
