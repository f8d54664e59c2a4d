"""`zoo serve` beside LitServe and MLServer: one model, the same requests, in turns; part of `serve.py`.

Each peer has an environment of its own, made here by venv and pip: MLServer wants an older FastAPI. Servers whose turn
it is not are stopped by SIGSTOP, so that they take nothing from the one that answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from zoo_core.runtime import open_model

CLIENT = Path(__file__).with_name("serve_client.py")
PEERS = Path(__file__).with_name("peer_servers")
LEAST = 1.0
_SECONDS_TO_START = 120


@dataclass(kw_only=True)
class Contender:
    """A server in a session of processes of its own, and what its clients told in each round."""

    name: str
    process: subprocess.Popen[bytes]
    place: str
    path: str
    told: list[dict[str, Any]] = field(default_factory=list)
    processor: float = 0.0

    def send(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def rates(self) -> list[float]:
        """Requests a second of each round."""
        return [each["requests_a_second"] for each in self.told]


def beside_peers(export: Path, known: Path, *, folder: Path, environments: Path, rounds: int, requests: int) -> bool:
    """A table, and whether the zoo answers at least as many requests a second as each of the peers."""
    with contextlib.ExitStack() as opened:
        made = (zoo_serve, litserve, mlserver)
        contenders = [opened.enter_context(make(export, folder, environments)) for make in made]
        for each in contenders:
            _ask(each, known, max(1, requests // 4))
            each.send(signal.SIGSTOP)
        for number in range(rounds):
            for each in (*contenders[number % 3 :], *contenders[: number % 3]):
                each.send(signal.SIGCONT)
                before = _processor_seconds(each.process.pid)
                each.told.append(_ask(each, known, requests))
                each.processor += _processor_seconds(each.process.pid) - before
                each.send(signal.SIGSTOP)
    return _shown(contenders, rounds * requests)


def _shown(contenders: Sequence[Contender], requests: int) -> bool:
    print("\nbeside peers, requests a second of 1 to 8 rows in JSON, all answers right")
    for each in contenders:
        p50, p99 = (statistics.median(told[key] for told in each.told) * 1000 for key in ("p50", "p99"))
        clients = sum(told["client_processor_seconds"] for told in each.told) / requests * 1e6
        own = each.processor / requests * 1e6
        rates = each.rates()
        print(
            f"{each.name:18} median {statistics.median(rates):5.0f}  from {min(rates):.0f} to {max(rates):.0f}", end=""
        )
        print(f"  p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  processor a request: server {own:5.0f} us,", end="")
        print(f" clients {clients:4.0f} us")
    ours, *peers = contenders
    good = True
    for peer in peers:
        ratios = [one / other for one, other in zip(ours.rates(), peer.rates(), strict=True)]
        ratio = statistics.median(ratios)
        good &= ratio >= LEAST
        print(f"{ours.name} / {peer.name}: median {ratio:.2f}, from {min(ratios):.2f} to {max(ratios):.2f}", end="")
        print(f"  (at least {LEAST:g}: {'yes' if ratio >= LEAST else 'NO'})")
    return good


@contextlib.contextmanager
def zoo_serve(export: Path, folder: Path, environments: Path) -> Iterator[Contender]:
    """Ours, with its usual settings."""
    (port,) = _free_ports(1)
    command = [sys.executable, "-P", "-m", "zoo_core", "serve", f"model={export}", "--trusted", "--port", port]
    with _started(
        "zoo serve", command, folder, port=port, ready="/v2/health/ready", asked="/v2/models/model/infer"
    ) as it:
        yield it


@contextlib.contextmanager
def litserve(export: Path, folder: Path, environments: Path) -> Iterator[Contender]:
    """Batches of up to 32 requests, its faster queue, one worker."""
    python = environment(environments / "litserve", "litserve", "onnxruntime", "pyzmq")
    with open_model(export, isolated=False) as model:
        names = (model.input_name, *model.metadata.outputs)
    (port,) = _free_ports(1)
    command = [python, PEERS / "litserve_server.py", export / "model.onnx", *names, port]
    name = f"LitServe {version_in(python, 'litserve')}"
    with _started(name, command, folder, port=port, ready="/health", asked="/infer") as contender:
        yield contender


@contextlib.contextmanager
def mlserver(export: Path, folder: Path, environments: Path) -> Iterator[Contender]:
    """Batches of up to 32 requests, in one process, without its logs of each request."""
    python = environment(environments / "mlserver", "mlserver", "onnxruntime")
    port, grpc_port, metrics_port = _free_ports(3)
    models = folder / "mlserver-models"
    models.mkdir()
    own = {
        "name": "model",
        "implementation": "mlserver_model.Model",
        "parameters": {"uri": str((export / "model.onnx").absolute())},
        "max_batch_size": 32,
        "max_batch_time": 0.001,
    }
    server = {"host": "127.0.0.1", "parallel_workers": 0, "debug": False, "http_port": int(port)}
    server |= {"grpc_port": int(grpc_port), "metrics_port": int(metrics_port)}
    models.joinpath("model-settings.json").write_text(json.dumps(own))
    models.joinpath("settings.json").write_text(json.dumps(server))
    command = [python.with_name("mlserver"), "start", models]
    name = f"MLServer {version_in(python, 'mlserver')}"
    asked = "/v2/models/model/infer"
    with _started(name, command, folder, port=port, ready="/v2/health/ready", asked=asked) as contender:
        yield contender


@contextlib.contextmanager
def _started(
    name: str, command: Sequence[Path | str], folder: Path, *, port: str, ready: str, asked: str
) -> Iterator[Contender]:
    """The server of that command, once it is ready, until the block is done."""
    environment = os.environ | {"PYTHONPATH": str(PEERS)} if "zoo" not in name else None
    log = folder / f"{name.partition(' ')[0]}.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdout=written,
            stderr=written,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}{ready}", log)
        yield Contender(name=name, process=process, place=f"127.0.0.1:{port}", path=asked)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urlopen(address, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise SystemExit(f"not ready: {address}\n{log.read_text(errors='replace')[-2000:]}")


def _ask(contender: Contender, known: Path, requests: int) -> dict[str, Any]:
    """What the clients tell. Ends the program where a request has no right answer."""
    command = [sys.executable, CLIENT, contender.place, known, "--path", contender.path, "--json"]
    done = subprocess.run([*command, "--requests", str(requests)], capture_output=True, text=True, check=False)
    told: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    if told.get("right") != requests:
        raise SystemExit(f"{contender.name}: wrong answers, or none: {done.stdout}{done.stderr}")
    return told


def _processor_seconds(session: int) -> float:
    """Of all processes of a session, and of those of their children that have ended."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def environment(folder: Path, *packages: str) -> Path:
    """The Python of an environment with these packages; made where it is not there."""
    python = folder.absolute() / "bin" / "python"
    done = folder / "done"
    if not done.exists():
        print(f"making {folder.name}'s environment ...", file=sys.stderr)
        venv.create(folder, with_pip=True, symlinks=True, clear=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q", *packages]
        told = subprocess.run(pip, capture_output=True, text=True, check=False)
        if told.returncode != 0:
            raise SystemExit(f"pip cannot bring {', '.join(packages)}: {told.stderr[-1000:]}")
        done.touch()
    return python


def version_in(python: Path, package: str) -> str:
    """Of a package in another environment."""
    code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    return subprocess.run([python, "-c", code, package], capture_output=True, text=True, check=True).stdout.strip()


def _free_ports(count: int) -> list[str]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return ports
