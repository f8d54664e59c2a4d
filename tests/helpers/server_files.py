"""What comes over a network, lies beside an export or in the state folder, read as the zoo reads it: bodies of HTTP and
gRPC, manifests, settings, measurements."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onnx_files import brightness_metadata, brightness_model, write_model
from starlette.requests import Request

from zoo_core.errors import ZooError
from zoo_core.runtime import read_onnx
from zoo_core.runtime.running.tuned import keep_tuned, tuned_settings
from zoo_core.workflows.remote import published_files, read_manifest
from zoo_plugins.pull.from_registry import files_of
from zoo_plugins.serve.infer import read_infer
from zoo_plugins.serve.uploads import uploads_of
from zoo_plugins.site.exhibits import open_exhibit
from zoo_plugins.site.facts import row_of

LAYER = {
    "mediaType": "application/octet-stream",
    "digest": f"sha256:{'0' * 64}",
    "size": 3,
    "annotations": {"org.opencontainers.image.title": "model.onnx"},
}
MANIFEST: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "artifactType": "application/vnd.zoo.export.v1",
    "config": LAYER,
    "layers": [LAYER],
    "annotations": {"zoo.task": "image-classification"},
}
INFER: dict[str, Any] = {
    "id": "one",
    "inputs": [{"name": "image", "shape": [1, 1, 4, 4], "datatype": "FP32", "data": [0.5] * 16}],
    "outputs": [{"name": "logits", "parameters": {"binary_data": True}}],
}
TUNED = {"optimization": "basic", "threads": 1, "spinning": True}


def read_manifest_file(path: Path) -> None:
    """As `zoo pull` does."""
    files_of(read_manifest(path.read_bytes(), where="oci://here/a:1"), where="oci://here/a:1")


def read_report(path: Path) -> None:
    """The list of files in a report, as `zoo pull` from a hub reads it."""
    published_files(path.parent)


def read_body(path: Path) -> None:
    """As `zoo serve` does. A line by itself in front of the body is the header that says how long its JSON is."""
    first, newline, rest = path.read_bytes().partition(b"\n")
    binary = newline and first.isdigit()
    header = first.decode() if binary else None
    read_infer(rest if binary else path.read_bytes(), header=header, metadata=brightness_metadata())


def binary_body() -> bytes:
    """A body whose numbers lie behind its JSON."""
    (one,) = INFER["inputs"]
    told = {key: value for key, value in one.items() if key != "data"}
    text = json.dumps({"inputs": [{**told, "parameters": {"binary_data_size": 64}}]}).encode()
    return b"%d\n" % len(text) + text + bytes(64)


_BOUNDARY = b"limit"
FORM = (
    b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n' % (_BOUNDARY, name, content)
        for name, content in ((b"a.png", b"12345"), (b"b.png", b"\r\n--limi"))
    )
    + b"--%s--\r\n" % _BOUNDARY
)


def read_form(path: Path) -> None:
    """As `zoo serve` does with files that come in a form."""
    told = f"multipart/form-data; boundary={_BOUNDARY.decode()}".encode()
    request = Request({"type": "http", "method": "POST", "headers": [(b"content-type", told)]})
    asyncio.run(uploads_of(request, path.read_bytes()))


def grpc_request() -> bytes:
    """A request of gRPC, as its bytes."""
    from zoo_plugins.serve.grpc_messages import MESSAGES

    tensor = {"name": "image", "datatype": "FP32", "shape": [1, 1, 4, 4]}
    asked = MESSAGES["ModelInferRequest"](model_name="a", id="one", inputs=[tensor], raw_input_contents=[bytes(64)])
    content: bytes = asked.SerializeToString()
    return content


def read_grpc_request(path: Path) -> None:
    """As `zoo serve` does; what is no message at all is refused by gRPC itself."""
    from google.protobuf.message import DecodeError

    from zoo_plugins.serve.grpc_messages import MESSAGES
    from zoo_plugins.serve.grpc_service import arrays_of

    try:
        request = MESSAGES["ModelInferRequest"].FromString(path.read_bytes())
    except DecodeError as error:
        raise ZooError("it is no message") from error
    arrays_of(request, brightness_metadata())


BENCH = {
    "machine": "a machine",
    "rows": [{"engine": "e", "threads": 1, "batch": 1, "p50_s": 0.1, "answers": {"right": True}}],
}
MUTANTS = {"mutants": {"killed": 9, "survived": 1}}


def read_measured(path: Path) -> None:
    """As `zoo site` does, which shows nothing of what it cannot read: that is told here as a refusal."""
    path.with_name("model.onnx").write_bytes(_model().read_bytes())
    row = row_of(open_exhibit("a", path.parent))
    if row["latency"] is None and row["mutation_score"] is None:
        raise ZooError("nothing of it is shown")


def tuned_record() -> dict[str, Any]:
    """What is noted of a file that was tuned here."""
    place = _noted()
    found: dict[str, Any] = json.loads(place.read_text())
    return found


def read_tuned(path: Path) -> None:
    """As `open_model` does, which goes on without what it cannot read: that is told here as a refusal."""
    place = _noted()
    shutil.copy(path, place)
    if tuned_settings(read_onnx(_model())) is None:
        raise ZooError("nothing was tuned")


def _model() -> Path:
    path = Path(os.environ["ZOO_STATE"], "tuned.onnx")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_model(path, brightness_model(), brightness_metadata())
    return path


def _noted() -> Path:
    file = read_onnx(_model())
    folder = Path(os.environ["ZOO_STATE"], "tuned")
    places = list(folder.glob(f"{file.size}-*.json"))
    if not places:
        assert keep_tuned(file, TUNED, batch=1)
        places = list(folder.glob(f"{file.size}-*.json"))
    (place,) = places
    return place


def manifest_of_layers(size: int) -> bytes:
    """At most a thousand are taken."""
    titles = ({"org.opencontainers.image.title": f"file{number}"} for number in range(size))
    return json.dumps({**MANIFEST, "layers": [{**LAYER, "annotations": title} for title in titles]}).encode()


def manifest_of_annotations(size: int) -> bytes:
    """So many texts that nobody asked for."""
    return json.dumps({**MANIFEST, "annotations": {f"key {number}": "a text" for number in range(size)}}).encode()


def body_of_numbers(size: int) -> bytes:
    """One input of so many rows."""
    (one,) = INFER["inputs"]
    told = {**one, "shape": [size, 1, 4, 4], "data": [0.5] * 16 * size}
    return json.dumps({"inputs": [told]}).encode()


def body_of_inputs(size: int) -> bytes:
    """So many inputs that the model does not have, after the one that it has."""
    return json.dumps({"inputs": [*INFER["inputs"], *({"name": f"{number}"} for number in range(size))]}).encode()


def body_of_brackets(size: int) -> bytes:
    """JSON that goes deep."""
    return b'{"inputs": ' + b"[" * size


def form_of_files(size: int) -> bytes:
    """More files than are taken."""
    head = b'Content-Disposition: form-data; name="f"; filename="a"'
    return b"".join(b"--%s\r\n%s\r\n\r\n\r\n" % (_BOUNDARY, head) for _ in range(size)) + b"--%s--\r\n" % _BOUNDARY


def form_of_headers(size: int) -> bytes:
    """One file with so many headers."""
    return b"--%s\r\n%s\r\n\r\n--%s--\r\n" % (_BOUNDARY, b"X-A: b\r\n" * size, _BOUNDARY)


def form_of_near_boundaries(size: int) -> bytes:
    """One file that is full of what a boundary begins with."""
    head = b'Content-Disposition: form-data; name="f"; filename="a"'
    return b"--%s\r\n%s\r\n\r\n%s\r\n--%s--\r\n" % (_BOUNDARY, head, b"\r\n--limi" * size, _BOUNDARY)


def grpc_request_of_contents(size: int) -> bytes:
    """So many contents of no bytes, for one input."""
    return grpc_request() + b"\x3a\x00" * size


def settings_of_keys(size: int) -> bytes:
    """Settings beside so many keys that nobody asked for."""
    return json.dumps({**tuned_record(), **{f"key {number}": 1 for number in range(size)}}).encode()


def measurements_of_rows(size: int) -> bytes:
    """A bench of so many rows."""
    return json.dumps({**BENCH, "rows": BENCH["rows"] * size}).encode()


def report_of_names(size: int) -> bytes:
    """A report of files, of which a thousand are taken."""
    return json.dumps({"files": {"model.onnx": "0" * 64, **{f"{number}": "0" * 64 for number in range(size)}}}).encode()


GROWING: dict[str, tuple[Callable[[int], bytes], Callable[[Path], None], int]] = {
    "form of many files": (form_of_files, read_form, 2_000),
    "form of many headers": (form_of_headers, read_form, 20_000),
    "form of near boundaries": (form_of_near_boundaries, read_form, 20_000),
    "gRPC of many contents": (grpc_request_of_contents, read_grpc_request, 50_000),
    "settings of many keys": (settings_of_keys, read_tuned, 200),
    "manifest of many layers": (manifest_of_layers, read_manifest_file, 250),
    "manifest of annotations": (manifest_of_annotations, read_manifest_file, 20_000),
    "body of numbers": (body_of_numbers, read_body, 2_000),
    "body of inputs": (body_of_inputs, read_body, 20_000),
    "body of brackets": (body_of_brackets, read_body, 50_000),
    "report of many names": (report_of_names, read_report, 250),
}
"""What is written in which size, and who reads it: cases of `growth_cases.py`."""
