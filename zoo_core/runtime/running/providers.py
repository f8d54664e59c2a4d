"""Where onnxruntime computes: on the processor, or on what another build of it knows how to use.

onnxruntime itself falls back to the processor, and says nothing, when a provider cannot be had. Here that is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo_core.errors import UsageError, ZooError

USUAL = "cpu"

ROUNDING: Mapping[str, float] = {"float32": 2.0**-24, "tf32": 2.0**-11, "float16": 2.0**-11}
"""The unit roundoff of products in each precision."""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One of onnxruntime's execution providers.

    `registered`: its name there. `precision`: the least that it declares to compute in, with the `options` that it is
    given. `package`: what brings it, to be installed in place of `onnxruntime`.
    """

    registered: str
    package: str
    precision: str = "float32"
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def loss(self) -> float:
        """How many times coarser than float32 it rounds."""
        return ROUNDING[self.precision] / ROUNDING["float32"]


PROVIDERS: Mapping[str, Provider] = {
    USUAL: Provider(registered="CPUExecutionProvider", package="onnxruntime"),
    "cuda": Provider(registered="CUDAExecutionProvider", package="onnxruntime-gpu", precision="tf32"),
    "tensorrt": Provider(registered="TensorrtExecutionProvider", package="onnxruntime-gpu", precision="tf32"),
    "openvino": Provider(
        registered="OpenVINOExecutionProvider",
        package="onnxruntime-openvino",
        options={"device_type": "CPU", "precision": "FP32"},
    ),
    "coreml": Provider(
        registered="CoreMLExecutionProvider",
        package="onnxruntime",
        precision="float16",
        options={"ModelFormat": "MLProgram"},
    ),
    "directml": Provider(registered="DmlExecutionProvider", package="onnxruntime-directml"),
    "migraphx": Provider(registered="MIGraphXExecutionProvider", package="onnxruntime-migraphx"),
    "webgpu": Provider(registered="WebGpuExecutionProvider", package="onnxruntime-webgpu"),
}


def provider_of(name: str) -> Provider:
    """The provider of that name. Raises UsageError."""
    if not isinstance(name, str) or name not in PROVIDERS:
        raise UsageError(f"a provider is one of {', '.join(PROVIDERS)}, not {str(name)[:40]!r}")
    return PROVIDERS[name]


def offered_providers(ort: Any) -> list[str]:
    """Those that this onnxruntime was built with, by our names."""
    there = set(ort.get_available_providers())
    return [name for name, provider in PROVIDERS.items() if provider.registered in there]


def asked_of(ort: Any, name: str) -> list[tuple[str, dict[str, str]]]:
    """What `InferenceSession` takes as `providers`. Raises ZooError where this onnxruntime was built without it."""
    provider, offered = PROVIDERS[name], offered_providers(ort)
    if name not in offered:
        raise ZooError(
            f"onnxruntime {ort.__version__} here cannot run on {name}: it was built for {', '.join(offered)}",
            hint=f"pip uninstall onnxruntime && pip install {provider.package}, where there is one for this machine",
        )
    return [(provider.registered, dict(provider.options))]


def check_runs_on(session: Any, name: str, *, path: str) -> None:
    """Raises ZooError where a session has quietly gone back to the processor, as it does without a driver."""
    if PROVIDERS[name].registered not in session.get_providers():
        raise ZooError(
            f"{path} cannot run on {name} here: onnxruntime was built for it, and finds no device or driver",
            hint=f"without --provider, or with provider={USUAL!r}, the processor computes",
        )
