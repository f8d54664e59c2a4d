"""Published weights by name: the right bytes or a clear word, read without running anything, loaded strictly."""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
import ssl
import subprocess
import threading
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from conftest import QuietHandler
from torch import Tensor, nn

from zoo_core import Weights, ZooError
from zoo_core.errors import RefusedFileError, UsageError
from zoo_core.training.pretrained import fetch_weights, find_weights, load_published

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.tensor([1.0, 2.0])}
NOBODY = "http://127.0.0.1:9/tensors.pth"


class Runs:
    """An object that a pickle cannot hold without naming code to run."""


def pickled(what: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(what, buffer)
    return buffer.getvalue()


def weights_for(content: bytes, url: str, **more: Any) -> Weights:
    return Weights(name="V1", url=url, sha256=hashlib.sha256(content).hexdigest(), **more)


@pytest.mark.parametrize("file", ["tensors.pth", "tensors.safetensors"])
def test_they_are_fetched_once(served: tuple[Path, str], tmp_path: Path, file: str) -> None:
    folder, address = served
    content = pickled(TENSORS) if file.endswith("pth") else safetensors.torch.save(TENSORS)
    (folder / file).write_bytes(content)
    weights = weights_for(content, address + file, size=len(content))
    found = fetch_weights(weights, model="some", folder=tmp_path / "cache")
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)
    (folder / file).unlink()
    again = fetch_weights(weights, model="some", folder=tmp_path / "cache")
    assert torch.equal(again["bias"], TENSORS["bias"])
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [f"{weights.sha256[:8]}-{file}"]


def test_the_users_cache_is_the_default(served: tuple[Path, str], tmp_path: Path, monkeypatch: Any) -> None:
    folder, address = served
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "own"))
    (folder / "a.pth").write_bytes(pickled(TENSORS))
    fetch_weights(weights_for(pickled(TENSORS), f"{address}a.pth"), model="some")
    assert len(list((tmp_path / "own" / "weights").glob("*-a.pth"))) == 1


@pytest.mark.parametrize("sent", [b"", pickled(TENSORS)[:-5], pickled(TENSORS) + bytes(3_000_000)])
def test_other_bytes_are_an_error_and_leave_nothing(served: tuple[Path, str], tmp_path: Path, sent: bytes) -> None:
    folder, address = served
    (folder / "a.pth").write_bytes(sent)
    weights = weights_for(pickled(TENSORS), f"{address}a.pth", size=len(pickled(TENSORS)))
    with pytest.raises(ZooError, match=r"cannot fetch the weights V1 of some from .*a.pth: what came is not the file"):
        fetch_weights(weights, model="some", folder=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_a_network(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"cannot fetch the weights V1 of some from .*: no connection") as caught:
        fetch_weights(weights_for(b"", NOBODY), model="some", folder=tmp_path)
    assert "put the file there yourself: " in str(caught.value.hint)
    assert caught.value.exit_code == 1


def test_the_server_does_not_have_them(served: tuple[Path, str], tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="the server answered 404"):
        fetch_weights(weights_for(b"", f"{served[1]}a.pth"), model="some", folder=tmp_path)


def test_a_prefix_of_the_hash_is_enough_only_for_a_protected_address(tmp_path: Path) -> None:
    content = pickled(TENSORS)
    prefix = hashlib.sha256(content).hexdigest()[:8]
    with pytest.raises(ZooError, match="the weights V1 of some would come unprotected from http:"):
        fetch_weights(Weights(name="V1", url=NOBODY, sha256=prefix), model="some", folder=tmp_path)
    for too_little in ("", prefix[:7], "not-a-hash", prefix * 9):
        with pytest.raises(ZooError, match="Weights 'V1': sha256 is 64 hexadecimal digits, the first 8 or more"):
            Weights(name="V1", url="https://127.0.0.1:9/a.pth", sha256=too_little)
    assert Weights(name="V1", url=NOBODY, sha256=prefix.upper()).sha256 == prefix  # as other tools print it
    (tmp_path / f"{prefix}-a.pth").write_bytes(content)  # put there by hand
    found = fetch_weights(
        Weights(name="V1", url="https://127.0.0.1:9/a.pth", sha256=prefix), model="some", folder=tmp_path
    )
    assert found.keys() == TENSORS.keys()


def test_another_file_in_the_cache(tmp_path: Path) -> None:
    weights = weights_for(pickled(TENSORS), NOBODY)
    path = tmp_path / f"{weights.sha256[:8]}-tensors.pth"
    path.write_bytes(b"mine")
    with pytest.raises(ZooError, match=r"is not the weights V1 of some: its sha256 differs"):
        fetch_weights(weights, model="some", folder=tmp_path)
    assert path.read_bytes() == b"mine"


def put(folder: Path, content: bytes) -> Weights:
    weights = weights_for(content, NOBODY)
    (folder / f"{weights.sha256[:8]}-tensors.pth").write_bytes(content)
    return weights


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match="holds more than tensors, and reading it would run code"):
        fetch_weights(put(tmp_path, pickled({"weight": Runs()})), model="some", folder=tmp_path)


def test_a_damaged_file(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"the weights .*tensors.pth are damaged"):
        fetch_weights(put(tmp_path, pickled(TENSORS)[:200]), model="some", folder=tmp_path)


def test_a_file_that_is_no_state(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="holds no table of tensors by name"):
        fetch_weights(put(tmp_path, pickled([torch.ones(1)])), model="some", folder=tmp_path)


def test_names() -> None:
    offered = [Weights(name=name, url=NOBODY, sha256=None) for name in ("V2", "V1")]
    assert find_weights(offered, "DEFAULT", model="some").name == "V2"
    assert find_weights(offered, "V1", model="some").name == "V1"
    with pytest.raises(UsageError, match="some has no weights called 'V3'") as caught:
        find_weights(offered, "V3", model="some")
    assert "V1" in str(caught.value.hint)
    with pytest.raises(UsageError, match="some has no weights called 'DEFAULT'") as caught:
        find_weights([], "DEFAULT", model="some")
    assert "it has none" in str(caught.value.hint)


class Renamed(nn.Linear):
    """A layer whose tensors had other names in its first version, as several of torchvision's had."""

    _version = 2

    def _load_from_state_dict(self, state: dict[str, Tensor], prefix: str, metadata: Any, *more: Any) -> None:
        if metadata.get("version", 1) < 2:
            state[f"{prefix}weight"] = state.pop(f"{prefix}kernel")
        super()._load_from_state_dict(state, prefix, metadata, *more)


def test_the_module_itself_knows_its_old_names() -> None:
    old: OrderedDict[str, Tensor] = OrderedDict(kernel=TENSORS["weight"].half(), bias=TENSORS["bias"])
    state = load_published(Renamed(3, 2), old, source="V1").tensors
    assert state.keys() == {"weight", "bias"}
    assert state["weight"].dtype is torch.float32
    assert torch.equal(state["weight"], TENSORS["weight"])


def test_weights_of_another_shape() -> None:
    with pytest.raises(ZooError, match=r"the weights V1 do not fit the model: of another shape: weight is \(2, 3\)"):
        load_published(nn.Linear(4, 2), TENSORS, source="V1")


def unhashed(file: str = "model.safetensors", address: str = "https://127.0.0.1:9/") -> Weights:
    return Weights(name="V1", url=f"{address}{file}", sha256=None)


def place_of(weights: Weights, folder: Path) -> Path:
    return folder / f"{hashlib.sha256(weights.url.encode()).hexdigest()[:8]}-model.safetensors"


def test_weights_without_a_published_hash_may_not_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = unhashed()
    path = place_of(weights, tmp_path)
    safetensors.torch.save_file(TENSORS, path)
    assert fetch_weights(weights, model="some", folder=tmp_path).keys() == TENSORS.keys()
    assert (
        "Warning: no sha256 is published for the weights V1 of some: they are taken as they" in capsys.readouterr().err
    )
    note = path.with_name(f"{path.name}.sha256")
    assert note.read_text().strip() == hashlib.sha256(path.read_bytes()).hexdigest()
    fetch_weights(weights, model="some", folder=tmp_path)
    assert not capsys.readouterr().err
    safetensors.torch.save_file({"weight": TENSORS["bias"]}, path)
    with pytest.raises(ZooError, match=r"is not the weights V1 of some: its sha256 differs"):
        fetch_weights(weights, model="some", folder=tmp_path)


@pytest.mark.parametrize(("file", "address"), [("a.pth", "https://127.0.0.1:9/"), ("a.safetensors", NOBODY[:-11])])
def test_without_a_hash_only_safetensors_over_https_are_taken(tmp_path: Path, file: str, address: str) -> None:
    with pytest.raises(ZooError, match=r"have no sha256, and http.* is not \.safetensors over https"):
        fetch_weights(unhashed(file, address), model="some", folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_a_hash_and_a_network(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"cannot fetch the weights V1 of some from .*: no connection") as caught:
        fetch_weights(unhashed(), model="some", folder=tmp_path)
    assert str(place_of(unhashed(), tmp_path)) in str(caught.value.hint)


class Redirecting(QuietHandler):
    """Sends whoever asks for `/elsewhere/...` to an address without https."""

    elsewhere = ""

    def do_GET(self) -> None:
        if not self.path.startswith("/elsewhere/"):
            super().do_GET()
            return
        self.send_response(302)
        self.send_header("Location", f"{self.elsewhere}{self.path.removeprefix('/elsewhere/')}")
        self.end_headers()


@contextlib.contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[int]:
    """The port of a server that answers meanwhile."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def protected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the test's folder over https."""
    if shutil.which("openssl") is None:
        pytest.skip("a server with https needs a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    plain = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path)))
    monkeypatch.setattr(Redirecting, "elsewhere", f"http://127.0.0.1:{plain.server_port}/")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Redirecting, directory=str(tmp_path)))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with running(plain), running(server) as port:
        yield f"https://127.0.0.1:{port}/"


def test_without_a_hash_they_come_over_https(protected: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(safetensors.torch.save(TENSORS))
    found = fetch_weights(unhashed(address=protected), model="some", folder=tmp_path / "cache")
    assert torch.equal(found["weight"], TENSORS["weight"])


@pytest.mark.parametrize("sent", [safetensors.torch.save(TENSORS)[:-3], b"<html>please log in</html>"])
def test_without_a_hash_they_come_whole_or_not_at_all(sent: bytes, protected: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(sent)
    with pytest.raises(ZooError, match=r"cannot fetch the weights V1 of some from https.*: what came is not the file"):
        fetch_weights(unhashed(address=protected), model="some", folder=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("known", [0, 8, 64])
def test_a_way_that_leaves_https_is_believed_only_with_the_whole_hash(
    known: int, protected: str, tmp_path: Path
) -> None:
    sent = safetensors.torch.save(TENSORS)
    (tmp_path / "model.safetensors").write_bytes(sent)
    weights = Weights(
        name="V1",
        url=f"{protected}elsewhere/model.safetensors",
        sha256=hashlib.sha256(sent).hexdigest()[:known] or None,
    )
    if known == 64:
        assert fetch_weights(weights, model="some", folder=tmp_path / "cache").keys() == TENSORS.keys()
        return
    with pytest.raises(ZooError, match=r"it redirects to http://.*/model.safetensors, which is not https"):
        fetch_weights(weights, model="some", folder=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
