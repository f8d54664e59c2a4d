"""What the files of an export are called."""

from __future__ import annotations

MODEL_FILE = "model.onnx"
DATA_FILE = f"{MODEL_FILE}.data"
"""The weights of a model that one file cannot hold."""
REPORT_FILE = "report.json"
NETRON_FILE = "netron.json"
VECTORS_FOLDER = "test_data_set_0"
