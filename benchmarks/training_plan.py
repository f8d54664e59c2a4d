"""What a plan does to scores and to time: the same training by each, with several seeds, in turns.

Every training is one of `zoo train`'s own, in a temporary folder. The score is that of the test part, by weights that
the validation part has chosen. Columns: mean and standard deviation of the scores, the mean difference to `as ever`
seed by seed, the median of the seconds of an epoch after the first one, and the seconds of the first.

    python benchmarks/training_plan.py [--model lenet5] [--dataset digits] [--epochs 10] [--seeds 3] [-d K=V]...
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from zoo_core import load_run, open_zoo
from zoo_core.environment import machine_kind
from zoo_core.training.capabilities import native_half, why_no_compiler
from zoo_core.workflows.trainings.train import train

EVER = {"precision": "fp32", "channels_last": "true", "compile": "false"}
PLANS: Mapping[str, Mapping[str, str]] = {
    "as ever": {},
    "precision=bf16": {"precision": "bf16"},
    "channels_last=false": {"channels_last": "false"},
    "compile=true": {"compile": "true"},
}


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The score of one training, and the seconds of its first epoch and of the others."""

    score: float
    first: float
    others: float


def one(asked: argparse.Namespace, plan: str, seed: int) -> Trained:
    """One training."""
    name = f"{plan.replace('=', '-').replace(' ', '-')}-{seed}"
    words = {"model": asked.model, "dataset": asked.dataset, "run": name, "epochs": asked.epochs, "seed": seed}
    info = train(open_zoo(), **words, data=dict(asked.data), config={**EVER, **PLANS[plan]}, device=asked.device)
    first, *others = [row.seconds for row in load_run(name).rows]
    metrics = info.test or info.validation
    return Trained(score=metrics[info.metric], first=first, others=statistics.median(others))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lenet5")
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plans", default=",".join(PLANS))
    parser.add_argument("-d", dest="data", action="append", default=[], type=lambda text: text.split("=", 1))
    asked = parser.parse_args()
    plans = [plan for plan in asked.plans.split(",") if plan != "compile=true" or not why_no_compiler(asked.device)]
    with tempfile.TemporaryDirectory(prefix="zoo-plan-") as folder:
        os.chdir(folder)
        found: dict[str, list[Trained]] = {plan: [] for plan in plans}
        for seed in range(asked.seeds):
            for plan in plans:
                found[plan].append(one(asked, plan, seed))
        os.chdir("/")
    print(f"{asked.model} on {asked.dataset}, {asked.epochs} epochs, n = {asked.seeds} seeds, device {asked.device}")
    print(f"{machine_kind()}, Python {platform.python_version()}, torch {torch.__version__}", end=", ")
    print(f"native half precision: {native_half(asked.device) or 'none'}")
    usual = found[plans[0]]
    for plan, each in found.items():
        scores = [trained.score for trained in each]
        spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
        apart = statistics.fmean(own.score - ever.score for own, ever in zip(each, usual, strict=True))
        later, first = (statistics.median(getattr(own, part) for own in each) for part in ("others", "first"))
        row = f"{plan:<20} {statistics.fmean(scores):.4f} ± {spread:.4f}  {apart:+.4f}"
        print(f"{row}  {later:6.2f} s an epoch, the first {first:6.2f} s")


if __name__ == "__main__":
    main()
