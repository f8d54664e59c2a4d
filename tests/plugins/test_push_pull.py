"""`zoo push` and `zoo pull` with registries: what comes is what went, and nothing else is taken in."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from loopback_registry import LoopbackRegistry, digest_of, loopback_registry
from warm import Result

Zoo = Callable[..., Result]
SAMPLE = Path(__file__).parents[2] / "exported" / "lenet5-digits"
TITLE = "org.opencontainers.image.title"


@pytest.fixture(scope="module")
def running() -> Iterator[LoopbackRegistry]:
    with loopback_registry() as registry:
        yield registry


@pytest.fixture
def registry(running: LoopbackRegistry) -> LoopbackRegistry:
    running.blobs.clear()
    running.manifests.clear()
    running.refuse, running.challenge, running.password, running.uploads, running.instead = 0, "", "", "", b""
    return running


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put_by_hand(registry: LoopbackRegistry, *, files: dict[str, bytes] | None = None, **changes: Any) -> None:
    """The sample under the tag `a/lenet5:1`, without the zoo; `changes` are those of the manifest."""
    layers = []
    for name, content in (files_of(SAMPLE) if files is None else files).items():
        registry.blobs[digest_of(content)] = content
        described = {"mediaType": "application/octet-stream", "digest": digest_of(content), "size": len(content)}
        layers.append({**described, "annotations": {TITLE: name}})
    registry.blobs[digest_of(b"{}")] = b"{}"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.zoo.export.v1",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2},
        "layers": layers,
    }
    registry.put_manifest("1", json.dumps({**manifest, **changes}).encode())


def goes_there_and_back(run_zoo: Zoo, folder: Path, place: str) -> None:
    """What everybody does, with any registry."""
    address = f"oci://{place}/models/lenet5:1"
    sent = run_zoo("push", SAMPLE, address, "--json")
    assert sent.code == 0, sent.stderr
    assert (sent.json["address"], sent.json["files"]) == (address, sorted(files_of(SAMPLE)))
    again = run_zoo("push", SAMPLE, address)
    assert (again.code, f"{address}: is there already, {sent.json['digest']}" in again.stdout) == (0, True), (
        again.stderr
    )
    pulled = run_zoo("pull", address)
    assert pulled.code == 0, pulled.stderr
    assert "Next: zoo verify lenet5\n" in pulled.stdout
    assert files_of(folder / "exported" / "lenet5") == files_of(SAMPLE)
    assert run_zoo("verify", "lenet5").code == 0
    by_digest = run_zoo("pull", f"oci://{place}/models/lenet5@{sent.json['digest']}", "--to", "again", "--json")
    assert by_digest.code == 0, by_digest.stderr
    assert (by_digest.json["digest"], by_digest.json["path"]) == (sent.json["digest"], "again")
    absent = run_zoo("pull", f"oci://{place}/models/lenet5:2", "--to", "absent")
    assert (absent.code, "has nothing at" in absent.stderr) == (1, True), absent.stderr
    assert not (folder / "absent").exists()


def test_what_comes_is_what_went(registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path) -> None:
    goes_there_and_back(zoo_here, tmp_path, registry.place)


def test_another_content_is_not_replaced_unasked(registry: LoopbackRegistry, zoo_here: Zoo) -> None:
    put_by_hand(registry)
    before = dict(registry.manifests)
    address = f"oci://{registry.place}/a/lenet5:1"
    done = zoo_here("push", SAMPLE, address)
    assert (done.code, "is there already, with another content" in done.stderr) == (2, True), done.stderr
    assert registry.manifests == before
    assert zoo_here("push", SAMPLE, address, "--replace").code == 0
    assert registry.manifests["1"] != before["1"]


def test_an_image_is_put_there_as_it_is(registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path) -> None:
    assert zoo_here("package", SAMPLE, "--for", "modelcar", "--to", "image").code == 0
    done = zoo_here("push", "image", f"oci://{registry.place}/a/image:1")
    assert done.code == 0, done.stderr
    stored = {path.name: path.read_bytes() for path in (tmp_path / "image" / "blobs" / "sha256").iterdir()}
    (manifest,) = {content for tag, content in registry.manifests.items() if tag == "1"}
    assert stored == {digest.removeprefix("sha256:"): blob for digest, blob in registry.blobs.items()} | {
        digest_of(manifest).removeprefix("sha256:"): manifest
    }
    for content in (b"", b"[]", b'{"manifests": []}', b'{"manifests": [{"digest": 7}]}'):
        (tmp_path / "image" / "index.json").write_bytes(content)
        done = zoo_here("push", "image", f"oci://{registry.place}/a/image:2")
        assert (done.code, "image is no layout of one image" in done.stderr) == (1, True), done.stderr
    done = zoo_here("push", "image", "hf://a/b")
    assert (done.code, "is an image, which a registry takes" in done.stderr) == (2, True), done.stderr
    done = zoo_here("push", "image", f"oci://{registry.place}/a/b", "--private")
    assert (done.code, "--private is for a hub" in done.stderr) == (2, True), done.stderr
    pulled = zoo_here("pull", f"oci://{registry.place}/a/image:1")
    assert (pulled.code, "is no export of the zoo" in pulled.stderr) == (1, True), pulled.stderr


def refused_pull(registry: LoopbackRegistry, zoo_here: Zoo, folder: Path) -> Result:
    """A pull that leaves nothing behind."""
    done = zoo_here("pull", f"oci://{registry.place}/a/lenet5:1")
    assert done.code != 0, done.stdout
    assert not list(folder.glob("exported/*"))
    return done


def test_a_content_that_was_altered(registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path) -> None:
    put_by_hand(registry)
    model = (SAMPLE / "model.onnx").read_bytes()
    registry.blobs[digest_of(model)] = model[:-1] + bytes([model[-1] ^ 1])
    done = refused_pull(registry, zoo_here, tmp_path)
    assert (done.code, "model.onnx of" in done.stderr, "was refused (digest)" in done.stderr) == (4, True, True)
    registry.blobs[digest_of(model)] = model + b"more"
    assert "was refused (size): more comes than" in refused_pull(registry, zoo_here, tmp_path).stderr


def test_a_file_that_is_not_that_of_the_report(registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path) -> None:
    files = files_of(SAMPLE)
    put_by_hand(registry, files={**files, "README.md": b"another"})
    done = refused_pull(registry, zoo_here, tmp_path)
    assert (done.code, "README.md" in done.stderr, "has changed" in done.stderr) == (3, True, True), done.stderr
    put_by_hand(registry, files={name: content for name, content in files.items() if name != "README.md"})
    assert "README.md is missing in " in refused_pull(registry, zoo_here, tmp_path).stderr


def test_a_file_that_the_report_does_not_list(registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path) -> None:
    put_by_hand(registry, files={**files_of(SAMPLE), "more.py": b"print()"})
    done = refused_pull(registry, zoo_here, tmp_path)
    assert (done.code, "more.py is not in the report" in done.stderr) == (3, True), done.stderr


@pytest.mark.parametrize("name", ["../up", "/abs", "a/../b", "C:x", "a\\b", "", ".hidden", "x\n", "MODEL.onnx", None])
def test_names_that_lead_elsewhere(name: Any, registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path) -> None:
    put_by_hand(registry, files={**files_of(SAMPLE), name: b"x"})
    done = refused_pull(registry, zoo_here, tmp_path)
    assert (done.code, "was refused (" in done.stderr) == (4, True), done.stderr


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"artifactType": "application/vnd.oci.helm"}, 1, "is no export of the zoo: its kind is"),
        ({"artifactType": "application/vnd.zoo.export.v9"}, 1, "a newer version of the zoo may read it"),
        ({"layers": [{"digest": "md5:0"}]}, 4, "was refused (manifest): a layer has no mediaType"),
        ({"layers": 7}, 4, "was refused (manifest): it has no list"),
        ({"layers": []}, 1, "report.json"),
        ({"schemaVersion": 1}, 4, "was refused (manifest)"),
    ],
)
def test_manifests_of_something_else(
    changes: dict[str, Any], code: int, said: str, registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path
) -> None:
    put_by_hand(registry, **changes)
    done = refused_pull(registry, zoo_here, tmp_path)
    assert (done.code, said in done.stderr) == (code, True), done.stderr


def test_a_digest_that_the_content_does_not_have(registry: LoopbackRegistry, zoo_here: Zoo) -> None:
    put_by_hand(registry)
    other = digest_of(b"other")
    registry.manifests[other] = registry.manifests["1"]
    done = zoo_here("pull", f"oci://{registry.place}/a/lenet5@{other}")
    assert (done.code, "was refused (digest): its content has" in done.stderr) == (4, True), done.stderr


def test_a_registry_that_is_not_there_or_lets_us_not_in(
    registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = zoo_here("pull", f"oci://127.0.0.1:{port}/a/b:1")
    assert (done.code, f"there is no registry that answers at 127.0.0.1:{port}" in done.stderr) == (1, True), (
        done.stderr
    )
    registry.refuse = 401
    for challenge in ("", "Bearer", "Bearer realm", 'Bearer realm="nowhere"', "Basic", "\xe9"):
        registry.challenge = challenge
        done = refused_pull(registry, zoo_here, tmp_path)
        assert (done.code, f"docker login {registry.place}" in done.stderr) == (1, True), done.stderr
    place = registry.place.replace("127.0.0.1", "127.1")  # which nobody takes for this machine
    done = zoo_here("pull", f"oci://{place}/a/b:1")
    assert (done.code, f"{place} cannot prove who it is" in done.stderr) == (1, True), done.stderr
    registry.refuse = 500
    assert "answers 500" in refused_pull(registry, zoo_here, tmp_path).stderr


def test_a_registry_that_is_not_honest(registry: LoopbackRegistry, zoo_here: Zoo) -> None:
    address = f"oci://{registry.place}/a/lenet5:1"
    registry.uploads = "http://localhost:1/elsewhere"
    done = zoo_here("push", SAMPLE, address)
    assert (done.code, "wants uploads to go to localhost:1: they do not" in done.stderr) == (1, True), done.stderr
    registry.uploads = ""
    put_by_hand(registry)
    registry.instead = registry.manifests["1"]
    registry.manifests.clear()
    done = zoo_here("push", SAMPLE, address)
    assert (done.code, "has another content than was pushed" in done.stderr) == (1, True), done.stderr


def test_a_login_of_docker_is_used(
    registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_by_hand(registry)
    login = base64.b64encode(b"somebody:secret").decode()
    registry.refuse, registry.challenge, registry.password = 401, 'Basic realm="here"', f"Basic {login}"
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"auths": {registry.place: {"auth": login}}}))
    monkeypatch.setenv("HOME", str(tmp_path))
    done = zoo_here("pull", f"oci://{registry.place}/a/lenet5:1")
    assert done.code == 0, done.stderr


def test_nothing_is_written_over(registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path) -> None:
    put_by_hand(registry)
    (tmp_path / "exported" / "lenet5").mkdir(parents=True)
    done = zoo_here("pull", f"oci://{registry.place}/a/lenet5:1")
    assert (done.code, "exported/lenet5 is there already" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    "address",
    ["lenet5", "oci://", "oci://host", "oci://host/Name", "oci://host/a:b c", "http://a/b", "hf://a", "hf://a/b@../c"],
)
def test_what_is_no_address(address: str, zoo_here: Zoo) -> None:
    done = zoo_here("pull", address)
    assert (done.code, "is no address of an export" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("words", "package", "extra"),
    [
        (("pull", "oci://127.0.0.1:1/a/b"), "oras", "registry"),
        (("push", SAMPLE, "oci://127.0.0.1:1/a/b"), "oras", "registry"),
        (("pull", "hf://a/b"), "huggingface_hub", "hub"),
        (("verify", SAMPLE, "--key", "k", "--signature", "k"), "model_signing", "sign"),
    ],
)
def test_what_an_extra_brings(
    words: tuple[str | Path, ...], package: str, extra: str, zoo_here: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    done = zoo_here(*words)
    assert (done.code, "which is not installed" in done.stderr, f"[{extra}]" in done.stderr) == (1, True, True), (
        done.stderr
    )


def test_what_is_not_pushed(registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "changed")
    (tmp_path / "changed" / "README.md").write_text("changed")
    address = f"oci://{registry.place}/a/b:1"
    done = zoo_here("push", "changed", address)
    assert (done.code, "README.md in changed has changed" in done.stderr) == (3, True), done.stderr
    done = zoo_here("push", SAMPLE / "model.onnx", address)
    assert (done.code, "is a bare file" in done.stderr) == (2, True), done.stderr
    assert not registry.blobs


@contextmanager
def real_registry(folder: Path) -> Iterator[str]:
    """Debian's docker-registry, with its own folder."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed: apt-get install docker-registry")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
    told = {"version": "0.1", "storage": {"filesystem": {"rootdirectory": str(folder / "stored")}}}
    (folder / "registry.yml").write_text(json.dumps({**told, "http": {"addr": place}, "log": {"level": "error"}}))
    log = (folder / "log").open("w")
    process = subprocess.Popen([program, "serve", folder / "registry.yml"], stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://{place}/v2/", timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
        yield place
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


@pytest.mark.slow  # needs a program that `.ci/run` does not install
def test_a_real_registry(run_zoo: Zoo, tmp_path: Path) -> None:
    with real_registry(tmp_path) as place:
        goes_there_and_back(run_zoo, tmp_path, place)
        assert run_zoo("package", SAMPLE, "--for", "modelcar", "--to", "image").code == 0
        done = run_zoo("push", "image", f"oci://{place}/models/image:1")
        assert done.code == 0, done.stderr


def test_files_that_are_not_sent_are_told(registry: LoopbackRegistry, zoo_here: Zoo, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "own")
    (tmp_path / "own" / "notes.txt").write_text("mine")
    done = zoo_here("push", "own", f"oci://{registry.place}/a/lenet5:1")
    assert done.code == 0, done.stderr
    assert "Not sent, because the report of the export does not list it: notes.txt" in done.stderr


def test_why_there_is_no_connection_is_said_in_a_few_words(zoo_here: Zoo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = zoo_here("pull", f"oci://127.0.0.1:{port}/a/b:1")
    said = f"Error: there is no registry that answers at 127.0.0.1:{port}: connection refused"
    assert done.stderr.splitlines()[0] == said
