"""What a site needs so that its models can be tried: our JavaScript, and onnxruntime-web from a folder made by npm."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from zoo_core import ZooError
from zoo_core.data import read_plain

OURS = Path(__file__).parent
BACKENDS = {
    "wasm": ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"),
    "webgpu": ("ort.bundle.min.mjs", "ort-wasm-simd-threaded.jsep.wasm"),
}
"""By the name of a back-end: its module, and the program that this loads. WebGPU may be missing.

There is a second WebGPU, `ort.webgpu.bundle.min.mjs`. That of 1.30.0 is off by 3.8 in the digits, where the largest
logit is 4.8, on Chromium's software rendering; this one is not.
"""

_MOST_BYTES = 1 << 28
_HINT = "npm install onnxruntime-web makes node_modules/onnxruntime-web/dist"


def write_try_assets(site: Path, runtime: Path | None) -> None:
    """Write `assets/try`, and of a `runtime`, the folder `dist` of the package onnxruntime-web, `assets/runtime`.

    Raises ZooError where that folder is not such a one.
    """
    for source in sorted([*OURS.rglob("*.js"), *OURS.glob("*.css")]):
        target = site / "assets" / "try" / source.relative_to(OURS)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    if runtime is not None:
        _write_runtime(site / "assets" / "runtime", runtime)


def _write_runtime(target: Path, runtime: Path) -> None:
    found = {name: files for name, files in BACKENDS.items() if all(runtime.joinpath(file).is_file() for file in files)}
    if "wasm" not in found:
        raise ZooError(
            f"{runtime} is not the folder dist of onnxruntime-web: it has no {' and no '.join(BACKENDS['wasm'])}",
            hint=_HINT,
        )
    target.mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = {"version": _version(runtime), "backends": {}, "files": {}}
    for name, files in found.items():
        written = [_copied(runtime / file, target) for file in files]
        told["files"] |= {path.name: _listed(path) for path in written}
        size = sum(told["files"][path.name]["bytes"] for path in written)
        told["backends"][name] = {"module": written[0].name, "program": written[1].name, "bytes": size}
    target.joinpath("runtime.json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _copied(source: Path, folder: Path) -> Path:
    """A copy there. Modules end in .js: many hosts do not know .mjs, and browsers then refuse it."""
    target = folder / source.name.replace(".mjs", ".js")
    target.write_bytes(read_plain(source, most=_MOST_BYTES))
    return target


def _listed(path: Path) -> dict[str, Any]:
    content = read_plain(path, most=_MOST_BYTES)
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _version(runtime: Path) -> str:
    """That of the package around the folder; empty where it is alone."""
    about = runtime.parent / "package.json"
    if not about.is_file():
        return ""
    try:
        return str(json.loads(read_plain(about, most=_MOST_BYTES))["version"])
    except (ValueError, KeyError, TypeError):
        raise ZooError(f"{about} is not the description of a package of npm", hint=_HINT) from None
