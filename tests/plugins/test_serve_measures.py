"""What `zoo serve` counts, times and writes down."""

from __future__ import annotations

import json
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from serving import SAMPLE, Serving, pictures, request_for, serving

INFER = "/v2/models/lenet5-digits/infer"


def measured(server: Serving) -> dict[str, float]:
    """Every sample by its name and labels, as Prometheus's own reader finds it."""
    reply = server.ask("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=")
    return {
        f"{sample.name}{{{','.join(f'{key}={value}' for key, value in sorted(sample.labels.items()))}}}": sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


def test_requests_rows_and_batches_are_counted(tmp_path: Path) -> None:
    with serving(SAMPLE, "--trusted", "--log", "all", cwd=tmp_path) as running:
        for rows in (1, 3):
            assert running.ask(INFER, request_for(pictures(rows))).status == 200
        assert running.ask(INFER, {}).status == 400
        assert running.ask("/v2/models/secret\x1b[2J".replace("\x1b", "%1b")).status == 404
        found = measured(running)
        model = "model=lenet5-digits"
        assert found[f"zoo_requests_total{{{model},operation=infer,status=200}}"] == 2
        assert found[f"zoo_requests_total{{{model},operation=infer,status=400}}"] == 1
        assert found["zoo_requests_total{model=,operation=model_metadata,status=404}"] == 1
        assert found[f"zoo_request_seconds_count{{{model},operation=infer}}"] == 3
        assert found[f"zoo_rows_total{{{model},version=1}}"] == 4
        assert found[f"zoo_batch_rows_bucket{{le=1.0,{model},version=1}}"] == 1
        assert found[f"zoo_batch_rows_sum{{{model},version=1}}"] == 4
        assert found[f"zoo_run_seconds_count{{{model},version=1}}"] == 2
        assert found[f"zoo_waiting_requests{{{model},version=1}}"] == 0
        assert found[f"zoo_model_ready{{{model},version=1}}"] == 1
        assert found["process_resident_memory_bytes{}"] > 1e7
        assert running.ask("/v2/repository/models/lenet5-digits/unload", b"").status == 200
        assert measured(running)[f"zoo_model_ready{{{model},version=1}}"] == 0
        code, _, stderr = running.end()
    assert code == 0
    lines = [json.loads(line) for line in stderr.splitlines()]
    assert [line["event"] for line in lines if line["event"] != "request"] == ["started", "unloaded", "ended"]
    assert {line["time"][-1] for line in lines} == {"Z"}
    asked = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in asked] == [200, 200, 400, 404, 200, 200, 200]
    assert asked[0] | {"time": "", "seconds": 0} == {
        "time": "",
        "level": "info",
        "event": "request",
        "method": "POST",
        "path": INFER,
        "status": 200,
        "model": "lenet5-digits",
        "seconds": 0,
    }
    assert asked[2]["error"] == "the request has no list of inputs"
    assert "\x1b" not in stderr


def test_only_problems_are_written_down_unless_more_is_asked_for(tmp_path: Path) -> None:
    export = tmp_path / "mine.onnx"
    export.write_bytes(SAMPLE.joinpath("model.onnx").read_bytes())
    with serving("mine.onnx", cwd=tmp_path) as running:
        assert running.ask("/v2").status == 200
        export.write_bytes(b"<html>")
        assert running.ask("/v2/repository/models/mine/load", b"").status == 400
        code, _, stderr = running.end()
    assert code == 0
    (line,) = map(json.loads, stderr.splitlines())
    assert (line["event"], line["level"], line["model"]) == ("not loaded", "error", "mine")
    assert "mine.onnx" in line["error"]
