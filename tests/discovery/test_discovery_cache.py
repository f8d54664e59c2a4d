"""The catalogue on the disk: it notices every change, reads only what changed, and never gives a wrong answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plugin_code import GOOD, OFFER, by_id
from warm import PROGRAM


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


@pytest.mark.parametrize("place", ["zoo_a/nets", "beside"])
@pytest.mark.parametrize("change", ["new", "edited", "removed"])
def test_files_that_a_plugin_looks_for_and_reads(
    place: str, change: str, run_zoo: Any, counted: Any, tmp_path: Path, site: Path
) -> None:
    # Its own package, or a folder of the project of an editable install that is in no package.
    folder = site / "zoo_a" / "nets" if place == "zoo_a/nets" else tmp_path / "project" / "nets"
    folder.mkdir(parents=True)
    (folder / "one.txt").write_text("one")
    (folder / "two.txt").write_text("two")
    read = f"from pathlib import Path\nNAMES = [p.read_text() for p in sorted(Path({str(folder)!r}).glob('*.txt'))]\n"
    counted("zoo-a", GOOD + read + "@hookimpl\ndef zoo_models():\n    return [spec(name) for name in NAMES]\n")
    counted("zoo-b")

    def names() -> set[str]:
        rows = run_zoo("list", "models", "--json").json
        return {row["name"] for row in rows if row["plugin"] == "zoo-a:zoo-a"}

    assert names() == {"one", "two"}
    before = loads(tmp_path, "zoo-a"), loads(tmp_path, "zoo-b")
    if change == "new":
        (folder / "three.txt").write_text("three")
    elif change == "edited":
        (folder / "two.txt").write_text("second")
    else:
        (folder / "two.txt").unlink()
    assert names() == {"new": {"one", "two", "three"}, "edited": {"one", "second"}, "removed": {"one"}}[change]
    assert (loads(tmp_path, "zoo-a"), loads(tmp_path, "zoo-b")) == (before[0] + 1, before[1])
    assert names()
    assert loads(tmp_path, "zoo-a") == before[0] + 1


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


FULL_DISK = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_plugins_are_listed_where_no_file_can_be_written(fake_distribution: Any, site: Path, tmp_path: Path) -> None:
    pytest.importorskip("resource")
    fake_distribution("zoo-a", GOOD + OFFER)
    fake_distribution("zoo-b", "import ctypes\nctypes.string_at(0)")
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "ZOO_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-c", FULL_DISK, PROGRAM, "plugins", "--json"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    rows = by_id(json.loads(done.stdout))
    assert rows["zoo-a:zoo-a"]["offers"] == ["model:good-model"]
    assert "SIGSEGV while it is being loaded (zoo_b/__init__.py:2)" in rows["zoo-b:zoo-b"]["problem"]


def test_a_plugin_of_another_environment_is_not_remembered(
    run_zoo: Any, fake_distribution: Any, tmp_path: Path
) -> None:
    fake_distribution("zoo-a", GOOD + OFFER)
    assert "good-model" in {row["name"] for row in run_zoo("list", "--json").json}
    (tmp_path / "site").rename(tmp_path / "elsewhere")
    assert "good-model" not in {row["name"] for row in run_zoo("list", "--json").json}
