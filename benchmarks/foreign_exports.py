"""Which readers of ONNX load what the zoo exports, and how far they are from onnxruntime.

Each file of `tests/helpers/foreign_readers.py` is exported anew and given to every reader, as
`tests/export/test_foreign_readers.py` does; all of them have to be installed (`make foreign-readers`). What comes out
is written to `foreign_exports.json`, from which `docs/make_format.py` prints the table of docs/format.md.

    python benchmarks/foreign_exports.py
"""

from __future__ import annotations

import datetime
import json
import os
import runpy
import sys
import tempfile
from pathlib import Path

from zoo_core.environment import machine_kind, package_versions

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from foreign_models import cases_of, export_for_readers
from foreign_readers import FILES, READERS, judge, missing, version

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "foreign_exports.json"
OURS = ("zoo-core", "torch", "onnx", "onnxruntime", "numpy")


def main() -> None:
    if absent := [why for reader in READERS if (why := missing(reader))]:
        sys.exit("\n".join(absent))
    errors: dict[str, dict[str, float | None]] = {reader: {} for reader in READERS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ZOO_CACHE"] = str(Path(folder) / "cache")
        for name in FILES:
            print(f"exporting the {name} ...", file=sys.stderr)
            export_for_readers(name, Path(folder))
            bundle = Path(folder) / name
            cases = cases_of(name, bundle)
            for reader in READERS:
                errors[reader][name] = error = judge(reader, name, bundle / "model.onnx", cases)
                print(f"  {reader}: {'a known limit' if error is None else f'{error:.2g}'}", file=sys.stderr)
    results = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine_kind(),
        "ours": package_versions(OURS),
        "readers": {reader: version(reader) for reader in READERS},
        "errors": errors,
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    runpy.run_path(str(ROOT / "docs" / "make_format.py"), run_name="__main__")


if __name__ == "__main__":
    main()
