"""`zoo push` and `zoo pull` with a hub: by a server of its protocol on loopback, and not by the real hub."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback_hub import LoopbackHub, loopback_hub
from warm import Result

Zoo = Callable[..., Result]
SAMPLE = Path(__file__).parents[2] / "exported" / "lenet5-digits"


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with loopback_hub() as running:
        yield running


@pytest.fixture
def zoo(hub: LoopbackHub, run_zoo: Zoo, tmp_path: Path) -> Zoo:
    """The program as a child, for which the hub is where HF_ENDPOINT says."""
    env = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": "ours", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return lambda *words: run_zoo(*words, env=env)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_comes_is_what_went(hub: LoopbackHub, zoo: Zoo, tmp_path: Path) -> None:
    sent = zoo("push", SAMPLE, "hf://somebody/lenet5", "--private", "--json")
    assert sent.code == 0, sent.stderr
    assert hub.repositories["somebody/lenet5"] == files_of(SAMPLE)
    assert hub.private == {"somebody/lenet5": True}
    again = zoo("push", SAMPLE, "hf://somebody/lenet5")
    assert (again.code, "hf://somebody/lenet5@main holds an export already" in again.stderr) == (2, True), again.stderr
    hub.repositories["somebody/lenet5"][".gitattributes"] = b"the hub's own"
    pulled = zoo("pull", "hf://somebody/lenet5", "--json")
    assert pulled.code == 0, pulled.stderr
    assert pulled.json["digest"] == hub.commit("somebody/lenet5")
    assert files_of(tmp_path / "exported" / "lenet5") == files_of(SAMPLE)


def test_what_is_not_as_it_should_be(hub: LoopbackHub, zoo: Zoo, tmp_path: Path) -> None:
    sample = files_of(SAMPLE)

    def pull(files: dict[str, bytes] | None, address: str = "hf://somebody/lenet5") -> Result:
        if files is not None:
            hub.repositories["somebody/lenet5"] = files
        done = zoo("pull", address)
        assert not list(tmp_path.glob("exported/*"))
        return done

    done = pull(None)
    assert (done.code, f"{hub.url} has no somebody/lenet5" in done.stderr) == (1, True), done.stderr
    done = pull({"config.json": b"{}"})
    assert (done.code, "holds no export of the zoo: it has no report.json" in done.stderr) == (1, True), done.stderr
    done = pull({**sample, "model.onnx": sample["model.onnx"][:-1]})
    assert (done.code, "model.onnx in" in done.stderr, "has changed" in done.stderr) == (3, True, True), done.stderr
    outside = json.loads(sample["report.json"])
    outside["files"]["../up"] = "0" * 64
    done = pull({**sample, "report.json": json.dumps(outside).encode()})
    assert (done.code, "was refused (name): '../up'" in done.stderr) == (4, True), done.stderr
    done = pull(sample, "hf://somebody/lenet5@v2")
    assert (done.code, "has no revision 'v2' of somebody/lenet5" in done.stderr) == (1, True), done.stderr


def test_a_hub_that_lets_us_not_in(hub: LoopbackHub, zoo: Zoo) -> None:
    hub.token = "another"
    done = zoo("push", SAMPLE, "hf://somebody/lenet5")
    assert (done.code, f"{hub.url} refuses (401)" in done.stderr, "hf auth login" in done.stderr) == (1, True, True)


def test_a_hub_that_is_not_there(run_zoo: Zoo, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    done = run_zoo("pull", "hf://somebody/lenet5", env={"HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "hf")})
    assert (done.code, f"{url} does not answer as a hub does" in done.stderr) == (1, True), done.stderr
