"""What "Try it" puts into a site, and where the program comes from that runs models in browsers."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
from pathlib import Path

import pytest
from javascript_reader import READER
from site_modules import FOLDER

from zoo_core import ZooError
from zoo_plugins.site.trying.assets import BACKENDS, write_try_assets
from zoo_plugins.site.trying.runtime import PACKAGE, VERSION, fetched_runtime


def packaged(folder: Path, *backends: str) -> Path:
    """The folder `dist` as npm makes it, with files of these back-ends, and a few others."""
    dist = folder / PACKAGE / "dist"
    dist.mkdir(parents=True)
    dist.parent.joinpath("package.json").write_text(json.dumps({"version": VERSION}))
    for name in [*(file for backend in backends for file in BACKENDS[backend]), "ort.all.js"]:
        dist.joinpath(name).write_text(name)
    return dist


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_site_gets_our_modules_and_what_each_backend_needs(tmp_path: Path) -> None:
    write_try_assets(tmp_path / "site", packaged(tmp_path, "wasm", "webgpu"))
    found = files_in(tmp_path / "site" / "assets")
    ours = {name for name in found if name.startswith("try/")}
    assert {"try/page.js", "try/try.css", "try/reader/picture.js"} <= ours
    assert not any(name.endswith(".py") for name in ours)
    told = json.loads(found["runtime/runtime.json"])
    assert told["version"] == VERSION
    assert list(told["backends"]) == ["wasm", "webgpu"]
    for name, listed in told["files"].items():
        assert listed == {
            "bytes": len(found[f"runtime/{name}"]),
            "sha256": hashlib.sha256(found[f"runtime/{name}"]).hexdigest(),
        }
    assert {f"runtime/{name}" for name in told["files"]} == set(found) - ours - {"runtime/runtime.json"}
    assert all(not name.endswith(".mjs") for name in found)  # which many hosts serve as no JavaScript
    write_try_assets(tmp_path / "again", packaged(tmp_path / "b", "wasm", "webgpu"))
    assert files_in(tmp_path / "again" / "assets") == found


def test_webgpu_may_be_missing_and_so_may_all_of_it(tmp_path: Path) -> None:
    write_try_assets(tmp_path / "site", packaged(tmp_path, "wasm"))
    told = json.loads(tmp_path.joinpath("site", "assets", "runtime", "runtime.json").read_text())
    assert list(told["backends"]) == ["wasm"]
    write_try_assets(tmp_path / "bare", None)
    assert sorted(path.name for path in tmp_path.joinpath("bare", "assets").iterdir()) == ["try"]


def test_another_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"it has no ort\.wasm\.bundle\.min\.mjs and no ort-wasm") as raised:
        write_try_assets(tmp_path / "site", packaged(tmp_path))
    assert "node_modules/onnxruntime-web/dist" in (raised.value.hint or "")


def test_a_damaged_description_of_the_package_is_told(tmp_path: Path) -> None:
    dist = packaged(tmp_path, "wasm")
    dist.parent.joinpath("package.json").write_text("[]")
    with pytest.raises(ZooError, match=r"package\.json is not the description of a package of npm"):
        write_try_assets(tmp_path / "site", dist)


def test_our_modules_load_nothing_from_elsewhere() -> None:
    for path in FOLDER.rglob("*.js"):
        assert "://" not in path.read_text(encoding="utf-8"), path.name


def test_the_program_is_that_of_the_example() -> None:
    assert json.loads(READER.joinpath("package.json").read_text())["dependencies"][PACKAGE] == VERSION


def npm_that(folder: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    """An npm on the PATH, in front of others, that runs these lines of Python; `folder` is where it packs."""
    program = folder / "npm"
    target = "sys.argv[sys.argv.index('--pack-destination') + 1]"
    program.write_text(f"#!{sys.executable}\nimport pathlib, sys\nfolder = pathlib.Path({target})\n{does}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.skipif(os.name == "nt", reason="a program of this system")
def test_npm_that_is_offline_is_told_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "npm error request to the registry failed, reason: getaddrinfo ENOTFOUND"
    npm_that(tmp_path, monkeypatch, f"sys.exit({words!r})")
    with (
        pytest.raises(ZooError, match=r"npm cannot fetch onnxruntime-web [0-9.]+: npm error request") as raised,
        fetched_runtime(),
    ):
        pass
    assert raised.value.hint == (
        "try it online; or name a folder that npm has made elsewhere: --with-runtime=node_modules/onnxruntime-web/dist"
    )


@pytest.mark.skipif(os.name == "nt", reason="a program of this system")
def test_another_archive_than_the_known_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as packed:
        packed.addfile(tarfile.TarInfo("package/dist/ort.wasm.bundle.min.mjs"))
    npm_that(tmp_path, monkeypatch, f"(folder / 'a.tgz').write_bytes({content.getvalue()!r})")
    with (
        pytest.raises(ZooError, match=r"npm gave another onnxruntime-web [0-9.]+ than the known one: sha512-"),
        fetched_runtime(),
    ):
        pass


def test_without_npm_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ZooError, match="is fetched by npm, which is not installed") as raised, fetched_runtime():
        pass
    assert (raised.value.hint or "").startswith("install Node.js; or name a folder")
