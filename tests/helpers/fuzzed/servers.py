"""What comes over a network, lies beside an export or in the state folder: manifests, requests, measurements."""

from __future__ import annotations

import json

import server_files
from hypothesis import strategies as st
from mutations import changed_bytes, changed_protobuf

from .reader import Reader, damaged, damaged_json


def readers() -> dict[str, Reader]:
    """Every reader of this kind by its name."""
    report = {"files": {"model.onnx": "0" * 64, "test_data_set_0/input_0.pb": "1" * 64}}
    bodies = [json.dumps(server_files.INFER).encode(), server_files.binary_body()]
    messages = [server_files.grpc_request()]
    manifest = damaged_json(server_files.MANIFEST)
    settings = st.deferred(lambda: damaged_json(server_files.tuned_record()))  # once there is a state folder
    return {
        "OCI manifest": Reader(file="manifest.json", content=manifest, read=server_files.read_manifest_file),
        "report of what is pulled": Reader(
            file="pulled/report.json", content=damaged_json(report), read=server_files.read_report
        ),
        "body of a request": Reader(file="body", content=damaged_json(server_files.INFER), read=server_files.read_body),
        "body with bytes": Reader(file="body", content=damaged(bodies, changed_bytes), read=server_files.read_body),
        "form of files": Reader(file="body", content=changed_bytes(server_files.FORM), read=server_files.read_form),
        "gRPC, bytes": Reader(
            file="body", content=damaged(messages, changed_bytes), read=server_files.read_grpc_request
        ),
        "gRPC, fields": Reader(
            file="body", content=damaged(messages, changed_protobuf), read=server_files.read_grpc_request
        ),
        "bench.json": Reader(
            file="measured/bench.json", content=damaged_json(server_files.BENCH), read=server_files.read_measured
        ),
        "mutants.json": Reader(
            file="counted/mutants.json", content=damaged_json(server_files.MUTANTS), read=server_files.read_measured
        ),
        "tuned settings": Reader(file="tuned.json", content=settings, read=server_files.read_tuned),
    }
