"""What the bound of the check rests on: errors of healthy files and of planted faults, and what other constants do.

Each model is converted and run once, row by row, and the raw numbers are kept (`bound_evidence.py`); every line of the
page follows from them by the rule of the check itself (`row_limits`), with one constant changed at a time.

    OMP_NUM_THREADS=1 python benchmarks/bound_constants.py [--only NAME] [--page]

Rows belong to a model and to the check: what is there already is kept, so that a run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from bound_evidence import Evidence, collect
from bound_models import models
from bound_page import PACKAGES, page
from mutations import check_key

from zoo_core.environment import package_versions

ROWS = Path(__file__).with_suffix(".jsonl")
PAGE = Path(__file__).parents[1] / "docs" / "bound-constants.md"


def key_of(name: str) -> str:
    """Changes with the check, the faults, what is recorded, the versions, and the model."""
    digest = hashlib.sha256(f"{check_key()} {package_versions(PACKAGES)} {name}".encode())
    for file in ("bound_evidence.py", "bound_models.py", "mutation_models.py"):
        digest.update(Path(__file__).with_name(file).read_bytes())
    return digest.hexdigest()[:16]


def kept() -> tuple[dict[str, Evidence], set[str]]:
    """The newest evidence of each model, and the models of which it is that of this check."""
    if not ROWS.exists():
        return {}, set()
    lines = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    newest = {line["model"]: line for line in lines}
    current = {name for name, line in newest.items() if line["key"] == key_of(name)}
    return {name: Evidence.from_json(line["evidence"]) for name, line in newest.items()}, current


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="NAME", help="models whose name has this in it")
    parser.add_argument("--page", action="store_true", help="only write the page from what is there")
    arguments = parser.parse_args()
    known, current = kept()
    with tempfile.TemporaryDirectory(prefix="zoo-bounds-") as name:
        catalogue = list(models(Path(name)))
        for model in catalogue:
            if arguments.page or arguments.only not in model.name or model.name in current:
                continue
            known[model.name] = collect(model, Path(name))
            line = {"model": model.name, "key": key_of(model.name), "evidence": known[model.name].to_json()}
            current.add(model.name)
            with ROWS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(f"{model.name}: {known[model.name].seconds:.0f} s", file=sys.stderr, flush=True)
    found = [known[model.name] for model in catalogue if model.name in known]
    older = [each.name for each in found if each.name not in current]
    missing = [model.name for model in catalogue if model.name not in known]
    text = "\n\n".join(page(found, older=older, missing=missing)) + "\n"
    print(text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
