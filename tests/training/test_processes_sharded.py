"""Processes that each keep a part of every parameter: the same steps, checkpoints in parts, for any number of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from test_processes import TRAIN, furthest
from together import zoo_together
from warm import run_program, run_to_success

from zoo_core import load_run
from zoo_core.training import RunDirectory

SHARDED = (*TRAIN, "-t", "shard=true")
MORE = ("-t", "accumulate=2", "-t", "clip=1", "-t", "ema=0.9")


@pytest.mark.slow  # four trainings in processes; a whole module in each is tried in test_processes.py
def test_parts_take_the_steps_of_the_whole_and_go_on_in_any_number(tmp_path: Path) -> None:
    run_to_success(*TRAIN, *MORE, "--run", "one", cwd=tmp_path)
    straight = zoo_together(*SHARDED, *MORE, "--run", "two", count=2, cwd=tmp_path)
    assert [each.code for each in straight] == [0, 0], straight
    assert furthest(tmp_path / "runs/two", tmp_path / "runs/one") < 1e-6
    info = load_run(tmp_path / "runs/two").info
    assert (info.processes, info.config["shard"]) == (2, True)
    # Two epochs more, begun by two processes: in three, and in one.
    folder = tmp_path / "runs"
    (parts,) = (folder / "two/last").glob("shards-*")
    assert len(list(parts.glob("*.safetensors"))) == 2
    for name in ("three", "alone"):
        shutil.copytree(folder / "two", folder / name)
    longer = ("train", "--resume", "--epochs", "6")
    done = zoo_together(*longer, "--run", "three", count=3, cwd=tmp_path)
    assert [each.code for each in done] == [0, 0, 0], done
    alone = run_to_success(*longer, "--run", "alone", cwd=tmp_path)
    assert "Processes: 1 process now, 2 before." in alone.stderr
    assert "UserWarning" not in alone.stderr
    assert furthest(folder / "three", folder / "alone") < 1e-5
    state = RunDirectory(folder / "alone").read_state()
    assert state is not None
    assert state.shards is None
    assert not list((folder / "alone/last").glob("shards-*"))
    # A part that is another one is no checkpoint.
    (file, _) = sorted(parts.glob("*.safetensors"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    refused = run_program(*longer, "--run", "two", cwd=tmp_path)
    assert (refused.code, "is damaged: its content is not what was written" in refused.stderr) == (1, True), refused
