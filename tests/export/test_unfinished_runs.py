"""The export of a run that was stopped says so in its card."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from warm import Result


@pytest.mark.parametrize("finished", [True, False])
def test_the_card_says_how_far_an_unfinished_run_came(
    finished: bool, workplace: Path, zoo_here: Callable[..., Result]
) -> None:
    record = workplace / "runs" / "lenet5-digits" / "run.json"
    info = json.loads(record.read_text())
    if not finished:
        info.update(status="unfinished", epochs=9)
        record.write_text(json.dumps(info))
    assert zoo_here("export", "lenet5-digits").code == 0
    card = " ".join((workplace / "exported" / "lenet5-digits" / "README.md").read_text().split())
    told = f"**Unfinished**: its run has done 4 of 9 epochs; the weights are those of epoch {info['best_epoch']}."
    assert (told in card) is not finished
    assert ("Unfinished" in card) is not finished
