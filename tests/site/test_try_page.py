""" "Try it, proved" in Chromium: a file is compared with its hash, tests itself, and only then answers as in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tried_site import Visitor, runtime_folder, write_site

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "exported" / "lenet5-digits" / "model.onnx"
DIGITS = sorted(ROOT.glob("zoo_plugins/digits/samples/*.png"))

pytestmark = pytest.mark.slow


@pytest.fixture
def visitor(served: tuple[Path, str], browser: Any) -> Visitor:
    folder, address = served
    write_site(folder, [SAMPLE], runtime_folder())
    return Visitor(browser, address)


def test_the_digits_prove_themselves_before_they_take_a_picture(visitor: Visitor) -> None:
    visitor.opens("lenet5-digits")
    assert visitor.texts("input") == []
    visitor.tests()
    print(visitor.find("#try").text, visitor.complaints())
    assert visitor.state == "proven"
    answers = visitor.chooses(*DIGITS)
    print(answers)
    assert visitor.complaints() == []
