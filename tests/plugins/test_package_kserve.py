"""`zoo package --for kserve`: a service that KServe's own definitions take, and what its storage is to hold."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from other_environment import TREE, environment_with, run_in
from warm import Result

Zoo = Callable[..., Result]
SAMPLE = TREE / "exported" / "lenet5-digits"
STORAGE = "oci://registry.example/models/lenet5:1"

READ_SERVICE = """
import json, sys
import kserve

def made(kind, told):
    attributes = {key: name for name, key in kind.attribute_map.items()}
    values = {}
    for key, value in told.items():
        inner = getattr(kserve, kind.openapi_types[attributes[key]], None)
        values[attributes[key]] = value if inner is None else made(inner, value)
    return kind(**values)

print(made(kserve.V1beta1InferenceService, json.load(open(sys.argv[1], encoding="utf-8"))).spec.predictor.model)
"""
"""What KServe's own package makes of the service; it ends with an error for a field that it does not have."""


def service_in(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "inference-service.yaml").read_text())
    return found


def test_a_service_and_the_image_that_it_pulls(zoo_here: Zoo, tmp_path: Path) -> None:
    done = zoo_here("package", SAMPLE, "--for", "kserve", "--storage", STORAGE, "--to", "made", "--name", "My_Digits.1")
    assert done.code == 0, done.stderr
    assert "made: my-digits-1 for kserve" in done.stdout
    assert f"zoo push made/image {STORAGE}, then kubectl apply -f made/inference-service.yaml" in done.stdout
    service = service_in(tmp_path / "made")
    assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert service["metadata"]["name"] == "my-digits-1"
    assert service["spec"]["predictor"]["model"]["storageUri"] == STORAGE
    models = tmp_path / "made" / "repository"
    assert (models / "my-digits-1" / "config.pbtxt").is_file()
    image = tmp_path / "made" / "image"
    (listed,) = json.loads((image / "index.json").read_text())["manifests"]
    manifest = json.loads((image / "blobs" / listed["digest"].replace(":", "/")).read_text())
    with tarfile.open(image / "blobs" / manifest["layers"][0]["digest"].replace(":", "/")) as tar:
        tar.extractall(tmp_path / "pulled", filter="data")
    assert files_of(tmp_path / "pulled" / "models") == files_of(models)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_copied_elsewhere_needs_no_image(zoo_here: Zoo, tmp_path: Path) -> None:
    done = zoo_here("package", SAMPLE, "--for", "kserve", "--storage", 's3://bucket/"a\\b"', "--to", "made", "--json")
    assert done.code == 0, done.stderr
    assert not [name for name in done.json["files"] if name.startswith("image/")]
    service = service_in(tmp_path / "made")
    assert service["spec"]["predictor"]["model"]["storageUri"] == 's3://bucket/"a\\b"'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "KServe has to know where the models will lie"),
        (("--storage", "ftp://a"), "is no address of KServe's"),
        (("--storage", "s3://a\nkind: Pod"), "is no address of KServe's"),
        (("--storage", STORAGE, "--name", "7digits"), "cannot be the name of a service of Kubernetes"),
        (("--storage", STORAGE, "--name", "a" * 64), "cannot be the name of a service of Kubernetes"),
        (("--storage", STORAGE, "--port", "8080"), "--port is of no use with --for kserve"),
    ],
)
def test_what_is_no_service(words: tuple[str, ...], said: str, zoo_here: Zoo, tmp_path: Path) -> None:
    done = zoo_here("package", SAMPLE, "--for", "kserve", "--to", "made", *words)
    assert (done.code, (tmp_path / "made").exists()) == (2, False)
    assert said in done.stderr


@pytest.mark.slow  # it makes an environment of its own for KServe's package
@pytest.mark.timeout(1500)  # pip on a busy machine
def test_the_package_of_kserve_reads_every_field(zoo_here: Zoo, tmp_path: Path) -> None:
    assert zoo_here("package", SAMPLE, "--for", "kserve", "--storage", STORAGE, "--to", "made").code == 0
    written = service_in(tmp_path / "made")
    (tmp_path / "service.json").write_text(json.dumps(written))
    python = environment_with("kserve>=0.15")
    assert f"'storage_uri': '{STORAGE}'" in run_in(python, READ_SERVICE, tmp_path / "service.json")
    written["spec"]["predictor"]["model"]["storageURI"] = STORAGE
    (tmp_path / "wrong.json").write_text(json.dumps(written))
    with pytest.raises(AssertionError, match="storageURI"):
        run_in(python, READ_SERVICE, tmp_path / "wrong.json")
