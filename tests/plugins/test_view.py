"""`zoo view`: the real program, its real page, and the graph in a real browser."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from warm import PROGRAM, Result

from zoo_core.errors import UsageError
from zoo_core.export.publish.attachment import NodeFacts, netron_attachment
from zoo_core.installation import install_command
from zoo_plugins.view.server import open_graph

FACTS = (
    NodeFacts(name="node_conv", op_type="Conv", module="features.conv", parameters=36, error=1.5e-7, floors=1.25),
    NodeFacts(name="node_gemm", op_type="Gemm", module="head.fc", parameters=1450, error=None),
)


def write_model(path: Path) -> None:
    """Conv, Relu, Flatten, Gemm: 8 by 8 grey pictures to ten numbers."""
    numbers = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["image", "conv.weight"], ["c"], name="node_conv"),
        helper.make_node("Relu", ["c"], ["r"], name="node_relu"),
        helper.make_node("Flatten", ["r"], ["f"], name="node_flatten"),
        helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["logits"], name="node_gemm", transB=1),
    ]
    weights = {"conv.weight": (4, 1, 3, 3), "fc.weight": (10, 144), "fc.bias": (10,)}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(numbers.random(s, dtype=np.float32), n) for n, s in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A folder with a model and other files, under the name `tiny` in `exported/`."""
    folder = tmp_path / "exported" / "tiny"
    folder.mkdir(parents=True)
    write_model(folder / "model.onnx")
    folder.joinpath("netron.json").write_text(json.dumps(netron_attachment(FACTS)))
    folder.joinpath("report.json").write_text("{}")
    folder.parent.joinpath("private.txt").write_text("private")
    return folder


Viewing = Callable[..., AbstractContextManager[tuple[str, "subprocess.Popen[str]"]]]


@pytest.fixture
def viewing(tmp_path: Path) -> Viewing:
    """`with viewing("tiny") as (url, process)`: `zoo view ... --json` in the test's folder, killed at the end."""

    @contextmanager
    def view(*arguments: str | Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
        command = [PROGRAM, "view", *map(str, arguments), "--json"]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True) as process:
            try:
                assert process.stdout is not None
                text = ""
                while not text.endswith("}\n"):
                    line = process.stdout.readline()
                    assert line, process.communicate()
                    text += line
                yield json.loads(text)["url"], process
            finally:
                process.kill()

    return view


def get(url: str, path: str, *, host: str | None = None, method: str = "GET") -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers; the path is sent as it is, dots and all."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request(method, path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def test_serves_netrons_page_the_model_and_its_attachment(bundle: Path, viewing: Viewing) -> None:
    with viewing("tiny") as (url, _):
        status, page, headers = get(url, "/")
        assert status == 200
        assert '<meta name="file" content="/data/model.onnx">' in page.decode()
        assert '<meta name="name" content="tiny">' in page.decode()
        assert headers["Content-Security-Policy"] == "connect-src 'self'"
        assert get(url, "/data/model.onnx")[1] == bundle.joinpath("model.onnx").read_bytes()
        assert json.loads(get(url, "/data/netron.json")[1]) == netron_attachment(FACTS)
        assert get(url, "/view.js")[0] == 200
        assert get(url, "/data/model.onnx", method="HEAD")[:2] == (200, b"")


def test_the_page_keeps_working_when_it_is_old(bundle: Path, viewing: Viewing) -> None:
    # Netron's script shows only "Please update" when this tag is more than 180 days old.
    with viewing("tiny") as (url, _):
        assert 'name="date"' not in get(url, "/")[1].decode()


@pytest.mark.parametrize(
    "path",
    [
        "/data/report.json",
        "/data/../private.txt",
        "/data/..%2fprivate.txt",
        "/data//etc/passwd",
        "/data/",
        "/server.py",
        "/__init__.py",
        "/../../etc/passwd",
        "/%2e%2e/RECORD",
        "/__pycache__/server.cpython-311.pyc",
    ],
)
def test_nothing_else_can_be_read(bundle: Path, viewing: Viewing, path: str) -> None:
    with viewing("tiny") as (url, _):
        assert get(url, path)[0] == 404


def test_only_this_machine_is_answered(bundle: Path, viewing: Viewing) -> None:
    with viewing("tiny") as (url, _):
        address = urlsplit(url)
        assert address.hostname == "127.0.0.1"
        assert get(url, "/data/model.onnx", host=f"localhost:{address.port}")[0] == 200
        # A stranger's name that leads here (DNS rebinding).
        assert get(url, "/data/model.onnx", host=f"evil.example:{address.port}")[0] == 403
        # A server on every address would answer on this one too.
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", address.port or 0), timeout=5)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_leaves_nothing(
    bundle: Path, viewing: Viewing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, code: int
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    before = sorted(bundle.parent.rglob("*"))
    with viewing("tiny") as (url, process):
        get(url, "/")
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    assert stdout == ""
    assert "Traceback" not in stderr
    assert list(temporary.iterdir()) == []
    assert sorted(bundle.parent.rglob("*")) == before
    with pytest.raises(OSError, match="refused"):
        get(url, "/")


def test_a_bare_file_has_no_attachment(bundle: Path, viewing: Viewing) -> None:
    with viewing(bundle / "model.onnx") as (url, _):
        assert get(url, "/data/model.onnx")[0] == 200
        assert get(url, "/data/netron.json")[0] == 404
        assert "zoo-attach" not in get(url, "/")[1].decode()


@pytest.mark.parametrize(
    ("name", "shown"),
    [('"><script>x', "&quot;&gt;&lt;script&gt;x"), ("no UTF-8: \udcff", "no UTF-8: \\udcff"), ("a\x1b\nb", "a\\x1b b")],
)
def test_a_name_cannot_break_the_page(bundle: Path, viewing: Viewing, name: str, shown: str) -> None:
    odd = bundle.parent / name
    bundle.rename(odd)
    with viewing(odd) as (url, _):
        assert f'<meta name="name" content="{shown}">' in get(url, "/")[1].decode()


def test_for_people_it_prints_the_address(bundle: Path, tmp_path: Path) -> None:
    command = [PROGRAM, "view", "tiny", "--no-browser"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert re.fullmatch(r"The graph of tiny: http://127\.0\.0\.1:\d+/\n", process.stdout.readline())
            assert process.stdout.readline() == (
                "Netron's page asks for consent to reports of its use; whatever you answer, this one sends nothing.\n"
            )
            assert process.stdout.readline().startswith("Next: ")
        finally:
            process.kill()


def test_who_leaves_in_the_middle_is_no_fault(bundle: Path, viewing: Viewing) -> None:
    model = onnx.load(bundle / "model.onnx")
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(8_000_000, np.float32), "more"))
    onnx.save(model, bundle / "model.onnx")
    with viewing("tiny") as (url, process):
        address = urlsplit(url)
        for _ in range(3):
            with socket.create_connection((address.hostname or "", address.port or 0)) as leaving:
                leaving.sendall(f"GET /data/model.onnx HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
                assert leaving.recv(1000)
                leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # hangs up
        assert get(url, "/view.js")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=30) == ("", "")


def test_an_unknown_name_is_a_usage_error(bundle: Path, run_zoo: Callable[..., Result]) -> None:
    done = run_zoo("view", "tinny", "--no-browser")
    assert done.code == 2
    assert "tinny" in done.stderr
    assert "tiny" in done.stderr.replace("tinny", "")
    assert done.stdout == ""


@pytest.mark.parametrize(
    "content", [b"<html>not found</html>", b"version https://git-lfs.github.com/spec/v1\n", b"", b"\x00" * 64]
)
def test_what_is_no_onnx_file_is_refused(bundle: Path, run_zoo: Callable[..., Result], content: bytes) -> None:
    bundle.joinpath("model.onnx").write_bytes(content)
    done = run_zoo("view", "tiny", "--no-browser", "--json")
    assert done.code == 4
    assert "model.onnx" in done.stderr
    assert done.stdout == ""


def test_a_taken_port_is_said(bundle: Path, run_zoo: Callable[..., Result]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_zoo("view", "tiny", "--no-browser", "--port", str(port))
    assert done.code == 1
    assert done.stderr.startswith(f"Error: cannot listen on port {port} of 127.0.0.1: Address already in use\nHint: ")
    assert run_zoo("view", "tiny", "--port", "70000").code == 2
    with pytest.raises(UsageError, match="a port is a number from 0 to 65535, not 70000"):
        open_graph(bundle, port=70000)


def test_without_netron_the_extra_is_named(bundle: Path, site: Path, run_zoo: Callable[..., Result]) -> None:
    site.mkdir()
    site.joinpath("sitecustomize.py").write_text("import sys\nsys.modules['netron'] = None\n")
    done = run_zoo("view", "tiny", "--no-browser")
    assert done.code == 1
    assert done.stderr == (
        f"Error: zoo view needs the package 'netron', which is not installed\nHint: {install_command('view')}\n"
    )


def test_a_page_that_netron_never_had_is_said(bundle: Path, site: Path, run_zoo: Callable[..., Result]) -> None:
    package = site / "netron"
    package.mkdir(parents=True)
    package.joinpath("__init__.py").write_text("")
    no_page = run_zoo("view", "tiny", "--no-browser")
    assert no_page.code == 1
    assert "cannot read Netron's page" in no_page.stderr
    package.joinpath("index.html").write_text("<html><head></head></html>")
    other_page = run_zoo("view", "tiny", "--no-browser")
    assert other_page.code == 1
    assert "has a page that zoo view does not know" in other_page.stderr


def test_attachment_names_every_node_that_netron_can_tell_apart() -> None:
    def facts(name: str, **changes: Any) -> NodeFacts:
        return NodeFacts(**{"name": name, "op_type": "Relu", "module": "", "parameters": 0, "error": None, **changes})

    nodes = [*FACTS, facts("twice"), facts("twice"), facts(""), facts("relu\nsecond line", error=0.0)]
    assert netron_attachment(nodes) == {
        "signature": "netron:attachment",
        "metadata": [
            {"kind": "node", "target": "node_conv", "name": "module", "value": "features.conv", "type": "string"},
            {"kind": "node", "target": "node_gemm", "name": "module", "value": "head.fc", "type": "string"},
        ],
        "metrics": [
            {"kind": "node", "target": "node_conv", "name": "parameters", "value": 36, "type": "int64"},
            {"kind": "node", "target": "node_conv", "name": "error", "value": "1.5e-07", "type": "string"},
            {"kind": "node", "target": "node_conv", "name": "error in floors", "value": "1.2", "type": "string"},
            {"kind": "node", "target": "node_gemm", "name": "parameters", "value": 1450, "type": "int64"},
            {"kind": "node", "target": "relu", "name": "parameters", "value": 0, "type": "int64"},
            {"kind": "node", "target": "relu", "name": "error", "value": "0", "type": "string"},
        ],
    }


def test_the_graph_is_drawn_in_chromium(bundle: Path, viewing: Viewing, browser: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    def labels() -> list[str]:
        return [element.text for element in browser.find_elements(By.CSS_SELECTOR, "g.node text")]

    def wait(condition: Callable[[], Any]) -> Any:
        return WebDriverWait(browser, 60).until(lambda _: condition())

    with viewing("tiny") as (url, _):
        browser.get(url)
        button = browser.find_element(By.ID, "message-button")
        wait(lambda: button.is_displayed() and button.text == "Accept")
        button.click()
        wait(lambda: "Gemm" in labels())
        assert {"image", "Conv", "Relu", "Flatten", "Gemm", "logits"} <= set(labels())
        assert browser.title == "tiny"

        wait(lambda: browser.execute_script("return window.__view__.model.attachment.metrics._entries.size") == 2)
        next(e for e in browser.find_elements(By.CSS_SELECTOR, "g.node text") if e.text == "Conv").click()
        sidebar = browser.find_element(By.ID, "sidebar")
        wait(lambda: "METRICS" in sidebar.text)
        assert "features.conv" in sidebar.text
        assert "1.5e-07" in sidebar.text
        labels_of = "return Array.from(arguments[0].querySelectorAll('.sidebar-item-name input'))"
        shown = browser.execute_script(f"{labels_of}.map((label) => label.value)", sidebar)
        assert {"module", "parameters", "error", "error in floors"} <= set(shown)
        cut = browser.execute_script(f"{labels_of}.filter((label) => label.scrollWidth > label.clientWidth)", sidebar)
        assert [label.get_attribute("value") for label in cut] == []

        # The page may load nothing from anywhere else, so it can tell nobody about the model.
        browser.set_script_timeout(30)
        blocked = browser.execute_async_script(
            "const done = arguments[0];"
            "document.addEventListener('securitypolicyviolation', (event) => done(event.blockedURI));"
            "navigator.sendBeacon('https://analytics.google.com/g/collect', 'x');"
        )
        assert blocked.startswith("https://analytics.google.com/")
