"""Child processes in which the heavy packages cannot be imported."""

from __future__ import annotations

HEAVY = ("torch", "torchvision", "onnx", "onnxscript", "safetensors", "matplotlib")


BLOCKER = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY!r}:
            raise ImportError(f"blocked: {{name}}")

sys.meta_path.insert(0, Blocker())
"""
