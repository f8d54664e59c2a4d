"""Export every model of a family, and say what came of each: docs/coverage.md, printed from benchmarks/coverage.jsonl.

Each model is exported by `zoo export --json` in a process of its own, with fresh weights, at a small legal size of its
inputs, within a limit of time and of memory. A row belongs to the model and to the check: to the code of the export,
of the verification and of the family's plugin, to the options, and to the versions of the libraries. Rows that are
there already are kept, so that a sweep goes on where it stopped; it begins with the models that were
never measured, and then those that took the least time.

    python benchmarks/coverage.py [NAME...] [--jobs N] [--seconds S] [--gigabytes G] [--again] [--page]
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from coverage_models import check_of, members, options_of, versions
from coverage_page import ROWS, Row, read_rows, write_page

from zoo_core.environment import machine_kind


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", help="models or patterns; default: every member of every family, of timm the TIMM"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1800, help="limit for one model")
    parser.add_argument("--gigabytes", type=float, default=14, help="limit for one model and its children")
    parser.add_argument("--again", action="store_true", help="also models that have a row for this check")
    parser.add_argument("--page", action="store_true", help="only write the page from the rows that there are")
    arguments = parser.parse_args()
    catalogue = members()
    if arguments.page:
        write_page(catalogue)
        return 0
    chosen = [name for name in catalogue if not arguments.names or _fits(name, arguments.names)]
    if not chosen:
        parser.error(f"no model of a family is called {' or '.join(arguments.names)}")
    known = {(row["model"], row["check"]) for row in read_rows()}
    took = {row["model"]: row["seconds"] for row in read_rows()}
    waiting = [name for name in chosen if arguments.again or (name, check_of(name)) not in known]
    waiting.sort(key=lambda name: took.get(name, 0.0))
    print(f"{len(chosen)} models, {len(chosen) - len(waiting)} have a row already", flush=True)
    lock = threading.Lock()

    def one(name: str) -> None:
        row = measure(name, seconds=arguments.seconds, most_bytes=int(arguments.gigabytes * 1e9))
        with lock:
            with ROWS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, sort_keys=True) + "\n")
            print(f"{name:<50} {row['outcome']:<15} {row['seconds']:6.0f} s  {row.get('reason', '')[:100]}", flush=True)

    with ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(one, waiting))
    write_page(catalogue)
    return 0


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(name == pattern or fnmatch.fnmatch(name, pattern) for pattern in patterns)


def measure(name: str, *, seconds: float, most_bytes: int) -> Row:
    """Export one model in a process of its own; what came of it, as a row."""
    row: Row = {"model": name, "check": check_of(name), "options": options_of(name)}
    row["versions"] = versions(name.partition("/")[0])
    row["machine"] = machine_kind()
    with tempfile.TemporaryDirectory(prefix="zoo-coverage-") as folder:
        command = [sys.executable, "-m", "zoo_core", "export", name, "--to", str(Path(folder, "export")), "--json"]
        for option, value in options_of(name).items():
            command += ["-o", f"{option}={value}"]
        start = time.perf_counter()
        stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
        with stdout.open("wb") as out, stderr.open("wb") as err:
            child = subprocess.Popen(
                command,
                cwd=folder,
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
            )
            stopped, peak = _watched(child, until=start + seconds, most_bytes=most_bytes)
        row["seconds"] = round(time.perf_counter() - start, 1)
        row["peak_bytes"] = peak
        errors = stderr.read_text(encoding="utf-8", errors="replace").replace(folder, "...")
        row.update(_judged(stdout.read_bytes(), errors, code=child.returncode, stopped=stopped))
    return row


def _watched(child: subprocess.Popen[bytes], *, until: float, most_bytes: int) -> tuple[str | None, int]:
    """Wait for a process; why it had to be stopped, and the most memory that it and its children had at one time."""
    peak = 0
    stopped = None
    while child.poll() is None:
        peak = max(peak, _resident(child.pid))
        if time.perf_counter() > until:
            stopped = "it takes longer than the limit"
        elif peak > most_bytes:
            stopped = f"it needs more than {most_bytes / 1e9:.0f} GB"
        if stopped:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            break
        time.sleep(0.2)
    return stopped, peak


def _resident(session: int) -> int:
    """Resident bytes of all processes of a session; 0 where there is no /proc."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name in brackets: state, parent, group, session, ...; resident pages are the 22nd of them.
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(fields[3]) == session:
            total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return total


def _judged(stdout: bytes, stderr: str, *, code: int, stopped: str | None) -> Row:
    """What a finished process says: the report that it printed, or why there is none."""
    if stopped:
        return {"outcome": "stopped", "reason": stopped}
    try:
        report = json.loads(stdout)
    except ValueError:
        lines = [line for line in stderr.splitlines() if line.startswith(("Error:", "Hint:"))]
        reason = " ".join(lines) or " ".join(stderr.split())[-300:] or f"exit code {code}"
        return {"outcome": "failed" if code == 3 else "error", "reason": reason.removeprefix("Error: ")[:600]}
    bad = [check for check in report["checks"] if check["outcome"] not in {"passed", "skipped"}]
    row: Row = {
        "outcome": report["outcome"],
        "axes": report["axes"],
        "fixed_axes": report.get("fixed_axes", {}),
        "reference": report["reference"],
        "untrained": report["untrained"],
        "floors": {output["name"]: output["floors"] for output in report["outputs"]},
        "how": [check["detail"] for check in report["checks"] if check["rule"] == "exporter"],
    }
    if bad:
        row["reason"] = "; ".join(f"{check['rule']}: {check['detail']}" for check in bad)[:600]
    return row


if __name__ == "__main__":
    raise SystemExit(main())
