"""What the export of a run repeats of it: how far it came, and what its numbers do not say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from warm import Result


def changed(workplace: Path, **changes: Any) -> dict[str, Any]:
    """The record of the run with some changes, as it was before them."""
    record = workplace / "runs" / "lenet5-digits" / "run.json"
    info: dict[str, Any] = json.loads(record.read_text())
    record.write_text(json.dumps(info | changes))
    return info


def card_of(workplace: Path) -> str:
    return " ".join((workplace / "exported" / "lenet5-digits" / "README.md").read_text().split())


@pytest.mark.parametrize("finished", [True, False])
def test_the_card_says_how_far_an_unfinished_run_came(
    finished: bool, workplace: Path, zoo_here: Callable[..., Result]
) -> None:
    info = changed(workplace, **({} if finished else {"status": "unfinished", "epochs": 9}))
    assert zoo_here("export", "lenet5-digits").code == 0
    told = f"its run has done 4 of 9 epochs; the weights are those of epoch {info['best_epoch']}, the best so far."
    assert (f"**Unfinished**: {told}" in card_of(workplace)) is not finished
    assert ("Unfinished" in card_of(workplace)) is not finished


def test_a_run_that_was_stopped_after_its_last_epoch_lacks_no_epoch(
    workplace: Path, zoo_here: Callable[..., Result]
) -> None:
    changed(workplace, status="unfinished")
    assert zoo_here("export", "lenet5-digits").code == 0
    told = "all of 4 epochs of its run are done, but it was stopped before it was measured and closed."
    assert f"**Unfinished**: {told}" in card_of(workplace)


def test_the_remarks_of_a_run_are_in_the_card_of_its_export(workplace: Path, zoo_here: Callable[..., Result]) -> None:
    remark = "The validation part also chose the best of 4 epochs: its numbers <flatter> a little."
    changed(workplace, remarks=[remark])
    assert zoo_here("export", "lenet5-digits").code == 0
    assert f"**Note:** {remark.replace('<flatter>', '&lt;flatter&gt;')}" in card_of(workplace).replace("\\", "")
