"""The rules by which other projects compare an exported file with PyTorch, each told again in a few lines.

Every rule is given what it would be given at its own project: the traced example, a fresh draw, or a stored sample,
the tolerances that are its defaults, and the runtime and optimisation level that it uses. `True` means that the rule
complains: it raises, or warns, or reports a failure. Where a rule is off by default it is counted as if it were on.
Sources: timm/utils/onnx.py, optimum's convert.py, monai/networks/utils.py, bioimageio.core's _resource_tests.py, and
torch/onnx/_internal/exporter/_verification.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx.reference import ReferenceEvaluator

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Question:
    """Inputs by name and what PyTorch gives for them in float32, in the order of the declared outputs."""

    inputs: Arrays = field(repr=False)
    expected: Arrays = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Questions:
    """`traced`: the example that the exporter saw. `fresh`: another draw, batch 2. `sample`: one stored real row."""

    traced: Question
    fresh: Question
    sample: Question


def _run(content: bytes, inputs: Arrays, *, basic: bool = False) -> Arrays:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    if basic:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def timm(content: bytes, questions: Questions) -> bool:
    """onnx.checker, then the first output on the traced example, to 3 decimals (1.5e-3); NaN equals NaN."""
    onnx.checker.check_model(content, full_check=True)
    found = next(iter(_run(content, questions.traced.inputs).values()))
    expected = next(iter(questions.traced.expected.values()))
    np.testing.assert_almost_equal(expected, found, decimal=3)
    return False


def optimum(content: bytes, questions: Questions) -> bool:
    """A fresh draw, basic optimisation, rtol 1e-5 and atol 1e-5; names may be a part of the expected. It only warns."""
    found = _run(content, questions.fresh.inputs, basic=True)
    expected = questions.fresh.expected
    if not set(found) <= set(expected):
        return True
    return any(
        value.shape != expected[name].shape or not np.allclose(expected[name], value, rtol=1e-5, atol=1e-5)
        for name, value in found.items()
    )


def monai(content: bytes, questions: Questions) -> bool:
    """onnx.checker, then onnx's own reference evaluator on the traced example: rtol 1e-4, atol 0."""
    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model)
    found = ReferenceEvaluator(model).run(None, questions.traced.inputs)
    for expected, value in zip(questions.traced.expected.values(), found, strict=False):
        torch.testing.assert_close(torch.from_numpy(expected), torch.as_tensor(value), rtol=1e-4, atol=0)
    return False


def bioimageio(content: bytes, questions: Questions) -> bool:
    """One stored sample: |difference| > 1e-3 + 1e-3 |expected| in at most 100 elements of a million; then shapes only.

    A NaN is not larger than anything, so it passes. The shapes are those of batches of 1 and 2.
    """
    found = _run(content, questions.sample.inputs)
    if len(found) != len(questions.sample.expected):
        return True
    for name, expected in questions.sample.expected.items():
        if found[name].shape != expected.shape:
            return True
        with np.errstate(invalid="ignore"):
            mismatched = np.abs(found[name] - expected) > 1e-3 + 1e-3 * np.abs(expected)
        if mismatched.sum() / expected.size * 1e6 > 100:
            return True
    pair = _run(content, questions.fresh.inputs)
    return any(pair[name].shape != expected.shape for name, expected in questions.fresh.expected.items())


def torch_verify(content: bytes, questions: Questions) -> bool:
    """onnx.checker, then the traced example: warns from 5e-3 absolute or 0.1 relative on; what cannot run is not told.

    Outputs that only one side has are dropped, shapes broadcast, and a NaN is not larger than anything.
    """
    try:
        onnx.checker.check_model(content, full_check=True)
    except Exception:
        return True
    try:
        found = _run(content, questions.traced.inputs)
        for expected, value in zip(questions.traced.expected.values(), found.values(), strict=False):
            gap = np.abs(expected - value)
            if gap.max() >= 5e-3 or (gap / (np.abs(expected) + 1e-7)).max() >= 1e-1:
                return True
    except Exception:
        return False
    return False


PEERS: Mapping[str, Callable[[bytes, Questions], bool]] = {
    "timm": timm,
    "optimum": optimum,
    "MONAI": monai,
    "BioImage.IO": bioimageio,
    "torch verify": torch_verify,
}


def complaints(content: bytes, questions: Questions, *, names: Sequence[str] = tuple(PEERS)) -> set[str]:
    """The peers whose rule complains of this file; a rule that raises complains."""
    found = set()
    for name in names:
        try:
            if PEERS[name](content, questions):
                found.add(name)
        except Exception:
            found.add(name)
    return found
