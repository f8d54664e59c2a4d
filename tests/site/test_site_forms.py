"""Other forms in which `zoo site` describes an export: bioimage.io's, and the card that hubs read."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Result
from onnx_files import write_brightness
from serving import SAMPLE

VALIDATED = """
import sys

from bioimageio.spec import ValidationContext, load_description

with ValidationContext(perform_io_checks=True):
    found = load_description(sys.argv[1], format_version="discover")
print(found.validation_summary)
print(found.validation_summary.status)
"""
Zoo = Callable[..., Result]
NAME = "lenet5-digits"


def test_what_fits_is_described_for_bioimageio(run_zoo: Zoo, tmp_path: Path) -> None:
    write_brightness(tmp_path)
    done = run_zoo("site", SAMPLE, "brightness", "--to", "gallery", "--format", "bioimageio", "--json")
    assert done.code == 0, done.stderr
    assert done.json["unfit"] == {"brightness": "it is unknown, and not verified"}
    assert "brightness is not described for bioimageio: it is unknown" in done.stderr
    assert sorted(done.json["pages"]) == ["brightness", NAME]
    place = tmp_path / "gallery" / "models" / NAME
    said = json.loads((place / "rdf.yaml").read_text())  # JSON is YAML, too
    assert (said["format_version"], said["type"], said["license"]) == ("0.5.4", "model", "Apache-2.0")
    assert said["cite"] == [{"text": "lenet5", "doi": "10.1109/5.726791"}]
    (image,), (logits,) = said["inputs"], said["outputs"]
    assert image["axes"] == [
        {"type": "batch"},
        {"type": "channel", "channel_names": ["channel0"]},
        {"type": "space", "id": "y", "size": 28},
        {"type": "space", "id": "x", "size": 28},
    ]
    assert logits["axes"][1]["channel_names"][3] == "class 3"
    tensors = [np.load(place / each["test_tensor"]["source"], allow_pickle=False) for each in (image, logits)]
    assert [each.shape for each in tensors] == [(4, 1, 28, 28), (4, 10)]
    from zoo_core.runtime import open_model

    with open_model(place, isolated=False) as model:
        assert np.allclose(model.run({"image": tensors[0]})["logits"], tensors[1], atol=1e-5)


def test_the_card_for_a_hub_has_its_metadata_before_it(run_zoo: Zoo, tmp_path: Path) -> None:
    huggingface_hub = pytest.importorskip("huggingface_hub")
    assert run_zoo("site", SAMPLE, "--to", "gallery").code == 0
    path = tmp_path / "gallery" / "models" / NAME / "README.hub.md"
    card = huggingface_hub.ModelCard.load(path)
    assert card.data.license == "apache-2.0"
    assert (card.data.library_name, card.data.pipeline_tag) == ("onnx", "image-classification")
    results = {(each.dataset_split, each.metric_type): each.metric_value for each in card.data.eval_results}
    assert round(results["test", "accuracy"], 4) == 0.9972
    assert card.text.lstrip("\n") == (SAMPLE / "README.md").read_text()


@pytest.mark.slow
def test_the_validator_of_bioimageio_finds_nothing_wrong(run_zoo: Zoo, tmp_path: Path) -> None:
    if importlib.util.find_spec("bioimageio") is None:
        pytest.skip("bioimageio.spec is not installed: make foreign-readers")
    assert run_zoo("site", SAMPLE, "--to", "gallery", "--format", "bioimageio").code == 0
    path = tmp_path / "gallery" / "models" / NAME / "rdf.yaml"
    env = {**os.environ, "BIOIMAGEIO_CACHE_PATH": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", VALIDATED, path], env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines()[-1:] in (["valid-format"], ["passed"]), done.stdout + done.stderr
