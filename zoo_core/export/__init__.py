"""Export to ONNX: plan -> write -> clean -> verify -> publish, one file a step; needs torch and onnx."""

from __future__ import annotations
