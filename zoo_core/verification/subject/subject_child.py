"""The child of `subject`: numpy and onnxruntime only, which it loads before it asks for its job.

Called as `python -m` with the name of this module; the folder of the job comes, in JSON, on its standard input.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from zoo_core.children.memory import NO_ROOM, memory_of
from zoo_core.environment import load_onnxruntime


def _session(ort: Any, model: str, level: str, threads: int) -> Any:
    levels = {
        "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
        "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "none": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    }
    options = ort.SessionOptions()
    options.graph_optimization_level = levels[level]
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    # Threads that wait must not take the processor from the process that computes beside this one.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(ort: Any, folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())
    session = None
    for s, setting in enumerate(job["settings"]):
        del session  # before the next one is made: each holds all weights
        session = _session(ort, job["model"], setting["level"], setting["threads"])
        names = [output.name for output in session.get_outputs()]
        (folder / "names.json").write_text(json.dumps(names))
        for g, group in enumerate(job["groups"]):
            if s not in group["settings"]:
                continue
            # Mapped, not read: a validation split may be larger than the model.
            rows = {
                name: np.load(folder / f"in-{g}-{place}.npy", mmap_mode="r", allow_pickle=False)
                for place, name in enumerate(group["inputs"])
            }
            for b, batch in enumerate(group["batches"]):
                found = session.run(names, {name: np.asarray(value[batch]) for name, value in rows.items()})
                for place, value in enumerate(found):
                    np.save(folder / f"out-{s}-{g}-{b}-{place}.npy", value, allow_pickle=False)
    (folder / "usage.json").write_text(json.dumps({"peak_memory": memory_of("self", peak=True)}))
    if "torch" in sys.modules:
        raise SystemExit("the checking process must never import torch, but something did")


def main() -> None:
    """Run the job that is told; any problem ends with exit code 1 and one line on stderr."""
    # When memory runs out, the system takes this process first, and the one that waits for it lives to tell.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    try:
        ort = load_onnxruntime()
        if told := sys.stdin.read():
            _run(ort, Path(json.loads(told)))
    except OSError as error:
        # Only writing raises it: onnxruntime has exceptions of its own.
        sys.stderr.write(f"{error.strerror or error}\n")
        raise SystemExit(NO_ROOM) from None
    except Exception as error:  # noqa: BLE001 whatever onnxruntime raises, the parent wants it in one line
        text = " ".join(str(error).split())
        raise SystemExit(f"{type(error).__name__}: {text[:600]}") from None


if __name__ == "__main__":
    main()
