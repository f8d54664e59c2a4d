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
import ast
import fnmatch
import functools
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from zoo_core import open_zoo
from zoo_core.environment import machine_kind

ROOT = Path(__file__).parents[1]
ROWS = ROOT / "benchmarks" / "coverage.jsonl"
PAGE = ROOT / "docs" / "coverage.md"

LISTING = ("__init__.py", "names.py")
CHECKED = ("zoo_core/export", "zoo_core/verification", "zoo_core/tasks")
PACKAGES = ("torch", "torchvision", "onnx", "onnxscript", "onnxruntime")
FAMILY_PACKAGES = {"timm": ("timm",)}
"""Libraries that only rows of one family depend on."""

# The first pattern that fits a name gives the options of a small export; a family without a line has its defaults.
SIZES: tuple[tuple[str, dict[str, int]], ...] = (
    ("torchvision/vit_*_14", {"image_size": 28}),
    ("torchvision/vit_*_16", {"image_size": 32}),
    ("torchvision/vit_*_32", {"image_size": 64}),
    ("torchvision/maxvit_t", {}),
    ("torchvision/*inception_v3", {"height": 80, "width": 96}),
    ("torchvision/*rcnn_mobilenet*", {"height": 128, "width": 160, "detections": 20, "proposals": 50}),
    ("torchvision/*rcnn_*", {"height": 96, "width": 128, "detections": 20, "proposals": 50}),
    ("torchvision/retinanet_*", {"height": 96, "width": 128, "detections": 50}),
    ("torchvision/fcos_*", {"height": 96, "width": 128, "detections": 50}),
    ("torchvision/ssd*", {"detections": 50}),
    ("torchvision/fcn_*", {}),
    ("torchvision/deeplab*", {}),
    ("torchvision/lraspp_*", {}),
    ("torchvision/raft_*", {}),
    ("torchvision/mvit_*", {}),
    ("torchvision/s3d", {"frames": 14}),
    ("torchvision/swin3d_*", {"frames": 4, "height": 32, "width": 64}),
    ("torchvision/r[23]*", {"frames": 4, "height": 32, "width": 48}),
    ("torchvision/mc3_18", {"frames": 4, "height": 32, "width": 48}),
    ("torchvision/*", {"height": 64, "width": 96}),
    ("timm/convnext_*", {}),  # any size
    ("timm/densenet*", {}),
    ("timm/efficientnet_b?", {}),
    ("timm/mobilenetv3_*", {}),
    ("timm/regnety_*", {}),
    ("timm/resnet*", {}),
    ("timm/botnet*", {}),
    ("timm/crossvit*", {}),
    ("timm/eva02_*_patch14_*", {"height": 56, "width": 84}),
    ("timm/*", {"height": 64, "width": 96}),
)

# timm has over 1,300 architectures: one small member of each important kind.
TIMM = (
    "beit_base_patch16_224",
    "botnet26t_256",
    "cait_xxs24_224",
    "coat_tiny",
    "coatnet_nano_rw_224",
    "convmixer_768_32",
    "convnext_atto",
    "crossvit_tiny_240",
    "cspdarknet53",
    "davit_tiny",
    "deit_tiny_patch16_224",
    "densenet121",
    "dla34",
    "edgenext_xx_small",
    "efficientformerv2_s0",
    "efficientnet_b0",
    "eva02_tiny_patch14_224",
    "fastvit_t8",
    "focalnet_tiny_srf",
    "ghostnet_100",
    "hiera_tiny_224",
    "hrnet_w18_small",
    "inception_next_tiny",
    "levit_128s",
    "maxvit_pico_rw_256",
    "mixer_s16_224",
    "mobilenetv3_small_100",
    "mobilevit_xxs",
    "nf_resnet50",
    "pit_ti_224",
    "poolformer_s12",
    "pvt_v2_b0",
    "regnety_002",
    "repvgg_a0",
    "resnet18",
    "rexnet_100",
    "swin_tiny_patch4_window7_224",
    "tf_efficientnetv2_b0",
    "vit_tiny_patch16_224",
    "xcit_nano_12_p16_224",
)

Row = dict[str, Any]


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


def members() -> list[str]:
    """Every member of every family; of timm, the TIMM."""
    names = [entry.shown for entry in open_zoo().entries("model") if "family" in entry.data]
    return [name for name in names if not name.startswith("timm/") or name.removeprefix("timm/") in TIMM]


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(name == pattern or fnmatch.fnmatch(name, pattern) for pattern in patterns)


def options_of(name: str) -> dict[str, int]:
    """Builder options of a small export."""
    return next((options for pattern, options in SIZES if fnmatch.fnmatch(name, pattern)), {})


def check_of(name: str) -> str:
    """A hash of everything that a row depends on; how a family lists its members decides none."""
    digest = hashlib.sha256()
    family = name.partition("/")[0]
    for folder in (*CHECKED, f"zoo_plugins/{family}"):
        for path in sorted(ROOT.joinpath(folder).rglob("*.py")):
            if path.parent.name == family and path.name in LISTING:
                continue
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + _code_of(path).encode())
    digest.update(json.dumps([options_of(name), versions(family)], sort_keys=True).encode())
    return digest.hexdigest()[:16]


@functools.cache
def _code_of(path: Path) -> str:
    """What a source file does: without comments and docstrings, which decide nothing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        match node:
            case ast.Module(body=body) | ast.ClassDef(body=body) | ast.FunctionDef(body=body):
                body[:] = [each for each in body if not _is_text(each)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def versions(family: str) -> dict[str, str]:
    """The libraries that take part."""
    packages = (*PACKAGES, *FAMILY_PACKAGES.get(family, ()))
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}


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


def read_rows() -> list[Row]:
    """Every row that was ever written, oldest first."""
    if not ROWS.exists():
        return []
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line.strip()]


def write_page(catalogue: Sequence[str]) -> None:
    """Print docs/coverage.md from the newest row of each model of the catalogue."""
    newest = {row["model"]: row for row in read_rows()}
    rows = [newest[name] for name in catalogue if name in newest]
    if not rows:
        print("no rows: no page")
        return
    stale = [row["model"] for row in rows if row["check"] != check_of(row["model"])]
    missing = [name for name in catalogue if name not in newest]
    PAGE.write_text("\n".join(_page(rows, total=len(catalogue), stale=stale, missing=missing)) + "\n", encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(rows)} models, {len(stale)} of an older check, {len(missing)} missing")


def _page(rows: Sequence[Row], *, total: int, stale: Sequence[str], missing: Sequence[str]) -> Iterable[str]:
    counts = Counter(row["outcome"] for row in rows)
    hours = sum(row["seconds"] for row in rows) / 3600
    yield "# Coverage: every model of the families, exported and checked"
    yield ""
    yield "Printed by `python benchmarks/coverage.py`; not written by hand. Each model with fresh weights, by"
    yield "`zoo export`, in a process of its own, at a small legal size of its inputs."
    yield ""
    others = [f"{count} {outcome}" for outcome, count in counts.most_common() if outcome != "verified"]
    yield f"**{counts['verified']} of {total} verified**{'; ' if others else ''}{', '.join(others)}."
    yield ""
    yield f"{hours:.1f} hours of one processor; at most {max(row['peak_bytes'] for row in rows) / 1e9:.1f} GB."
    for machine, found in sorted({(row["machine"], json.dumps(row["versions"])) for row in rows}):
        yield f"{machine}; {', '.join(f'{name} {number}' for name, number in json.loads(found).items())}."
    if stale:
        yield ""
        yield f"`*`: {len(stale)} of them were measured with an earlier state of the check, or of the libraries."
    if missing:
        yield ""
        yield f"Not measured yet: {', '.join(missing)}."
    yield ""
    yield "Error: the largest error of any output, in multiples of the distance between PyTorch's float32 and float64."
    yield ""
    yield "| model | outcome | error | free axes | inputs | seconds | GB | remarks |"
    yield "| --- | --- | ---: | --- | --- | ---: | ---: | --- |"
    notes = _Notes()
    for row in rows:
        yield _line(row, notes, mark="*" if row["model"] in stale else "")
    yield from notes.section("Not verified", [row for row in rows if row["outcome"] != "verified"])
    yield from _fixed(rows)


def _line(row: Row, notes: _Notes, *, mark: str) -> str:
    floors = [value for value in row.get("floors", {}).values() if value is not None]
    axes: Mapping[str, Sequence[int | str]] = row.get("axes", {})
    free = list(dict.fromkeys(axis for shape in axes.values() for axis in shape if isinstance(axis, str)))
    shapes = dict.fromkeys(" × ".join(map(str, shape)) for name, shape in axes.items() if name in _inputs(row))
    cells = (
        row["model"],
        row["outcome"] + mark,
        f"{max(floors):.1f}" if floors else "",
        " ".join(free),
        "; ".join(shapes) or ", ".join(f"{name} {value}" for name, value in row["options"].items()),
        f"{row['seconds']:.0f}",
        f"{row['peak_bytes'] / 1e9:.1f}",
        notes.of(row),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _inputs(row: Row) -> list[str]:
    """Names of the inputs: axes are listed inputs first, and outputs are those that have an error."""
    return [name for name in row.get("axes", {}) if name not in row.get("floors", {})]


class _Notes:
    """Remarks on how a file was made, numbered in the order in which they come up."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def of(self, row: Row) -> str:
        texts = [*row.get("how", ()), *(["compared with float32 only"] if row.get("reference") == "relative" else [])]
        return " ".join(f"[{self.known.setdefault(text, len(self.known) + 1)}]" for text in texts)

    def section(self, title: str, rows: Sequence[Row]) -> Iterable[str]:
        if self.known:
            yield ""
            yield "Remarks:"
            yield ""
            yield from (f"{number}. {text}" for text, number in self.known.items())
        if rows:
            yield ""
            yield f"## {title}"
            yield ""
            yield from (f"- `{row['model']}`, {row['outcome']}: {row.get('reason', 'no reason given')}" for row in rows)


def _fixed(rows: Sequence[Row]) -> Iterable[str]:
    """Why axes are fixed, each reason once, with the models that give it."""
    reasons: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for axis, reason in row.get("fixed_axes", {}).items():
            reasons[reason][row["model"].partition("/")[2]].append(axis)
    if not reasons:
        return
    yield ""
    yield "## Fixed axes, and why"
    yield ""
    for reason, models in reasons.items():
        axes = sorted({axis for found in models.values() for axis in found})
        yield f"- {', '.join(axes)}: {reason} ({len(models)} models: {', '.join(models)})."


if __name__ == "__main__":
    raise SystemExit(main())
