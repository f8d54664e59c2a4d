"""Processes as people start them: by `zoo train --processes`, by torchrun, and by the scripts of the documentation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from together import free_port

from zoo_core import load_run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
SMALL = ("mlp", "--dataset", "digits", "-d", "train_size=67", "-t", "batch_size=16")
QUIET = {**os.environ, "OMP_NUM_THREADS": "1"}


def block(language: str) -> str:
    """The part of the page in that language, under its heading."""
    section = PAGE.split("## Several processes and machines")[1]
    return section.split(f"```{language}\n")[1].split("```")[0]


@pytest.mark.slow
@pytest.mark.timeout(600)  # three whole processes with PyTorch
def test_ctrl_c_stops_all_processes_of_a_command(tmp_path: Path) -> None:
    words = ("train", *SMALL, "--epochs", "500", "--run", "run", "--processes", "2")
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "zoo_core", *words], cwd=tmp_path, env=QUIET, text=True, stdout=pipe, stderr=pipe
    ) as started:
        rows = tmp_path / "runs/run/metrics.jsonl"
        while not rows.exists() and started.poll() is None:
            time.sleep(0.02)
        started.send_signal(signal.SIGINT)
        stdout, stderr = started.communicate(timeout=200)
    assert (started.returncode, stdout) == (130, ""), stderr
    assert stderr.count("Stopped. ") == 1
    assert "To continue: zoo train mlp --dataset digits --run run --resume --processes 2" in stderr
    assert "Error" not in stderr
    refused = subprocess.run(
        [sys.executable, "-P", "-m", "zoo_core", *words], cwd=tmp_path, env=QUIET, text=True, capture_output=True
    )
    assert (refused.returncode, refused.stderr.count("Error: ")) == (2, 1), refused.stderr
    assert "Error: run 'run' exists" in refused.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)  # torchrun, and the same once more by itself
def test_torchrun_starts_a_killed_process_anew_and_the_bits_are_the_same() -> None:
    command = [sys.executable, "benchmarks/distributed.py", "kill-2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| a process is killed | 2 | 0: the same bits as without |" in done.stdout


def torchrun_in(folder: Path) -> dict[str, str]:
    """The environment of a machine that has `torchrun`."""
    program = folder / "bin" / "torchrun"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m torch.distributed.run --local-addr 127.0.0.1 "$@"\n')
    program.chmod(0o755)
    return {**QUIET, "PATH": f"{program.parent}:{os.environ['PATH']}"}


def small(text: str) -> str:
    """The same training of something small, and where nobody else listens."""
    shown = ("resnet-cifar", "cifar10", "batch_size=1024", "29500")
    assert all(word in text for word in shown)
    data = "digits -d train_size=67 --epochs 2" if "srun" in text else "digits, -d, train_size=67, --epochs, '2'"
    for word, other in zip(shown, ("mlp", data, "batch_size=16", str(free_port())), strict=True):
        text = text.replace(word, other)
    return text


@pytest.mark.slow
@pytest.mark.timeout(600)  # two torchruns, each with a process
def test_the_script_for_slurm_trains_on_two_machines(tmp_path: Path) -> None:
    environment = torchrun_in(tmp_path)
    for name, code in (
        ("scontrol", "echo 127.0.0.1; echo other"),
        ("srun", '"$@" & first=$!; "$@" & second=$!; wait $first && wait $second'),
    ):
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/bash\n{code}\n")
        program.chmod(0o755)
    job = {"SLURM_NNODES": "2", "SLURM_GPUS_ON_NODE": "1", "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "node[1-2]"}
    script = tmp_path / "train.sh"
    script.write_text(small(block("bash")))
    done = subprocess.run(["bash", script], cwd=tmp_path, env={**environment, **job}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cifar: 2 epochs in ") == 1
    assert load_run(tmp_path / "runs/cifar").info.processes == 2


@pytest.mark.slow
@pytest.mark.timeout(600)  # two torchruns, each with a process
def test_the_job_for_kubernetes_trains_on_two_machines(tmp_path: Path) -> None:
    service, job = yaml.safe_load_all(small(block("yaml")))
    assert job["spec"]["template"]["spec"]["subdomain"] == service["metadata"]["name"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    words = [word.replace("training-0.training", "127.0.0.1") for word in container["command"]]
    words = [word.replace("--nproc-per-node=4", "--nproc-per-node=1") for word in words]
    environment = torchrun_in(tmp_path)
    program = environment["PATH"].split(":")[0] + "/torchrun"
    pods = [
        subprocess.Popen([program, *words[1:]], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(job["spec"]["completions"])
    ]
    told = [pod.communicate(timeout=500)[1] for pod in pods]
    assert [pod.returncode for pod in pods] == [0, 0], told
    assert load_run(tmp_path / "runs/cifar").info.processes == 2
