"""Whether a file gives on another provider what it gives on the processor, and what this machine notes of that."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zoo_core.environment import load_onnxruntime
from zoo_core.errors import ZooError
from zoo_core.runtime.reading.wire import OnnxFile

from .notes import Notes
from .providers import PROVIDERS, USUAL, asked_of
from .session import SessionFile


@dataclass(frozen=True, kw_only=True)
class ProviderVerdict:
    """What was found when a file was verified on a provider; `detail` is a sentence."""

    provider: str
    is_right: bool
    detail: str


def keep_verdict(file: OnnxFile, verdict: ProviderVerdict) -> bool:
    """Note the verdict for this very file, machine and onnxruntime. Whether it could be noted."""
    return _notes_on(verdict.provider).write(file, asdict(verdict))


def forget_verdict(file: OnnxFile, provider: str) -> None:
    """Know nothing of a file on a provider any more."""
    _notes_on(provider).forget(file)


def verdict_on(file: OnnxFile, provider: str) -> ProviderVerdict | None:
    """What this machine noted of a vetted file on a provider; None where it noted nothing, or that is damaged."""
    record = _notes_on(provider).read(file)
    if record is None or record.get("provider") != provider:
        return None
    right, detail = record.get("is_right"), record.get("detail")
    if not (isinstance(right, bool) and isinstance(detail, str)):
        return None
    return ProviderVerdict(provider=provider, is_right=right, detail=detail)


def remark_on_provider(file: OnnxFile, provider: str | None) -> str | None:
    """What is to be known before the answers of a provider are trusted; None where it has been verified here.

    Raises ZooError where it was found to be wrong.
    """
    if provider is None or provider == USUAL:
        return None
    verdict = verdict_on(file, provider)
    if verdict is None:
        return f"{file.path} was never verified on {provider} here; see `zoo verify --provider {provider}`"
    if not verdict.is_right:
        raise ZooError(
            f"{file.path} is wrong on {provider} here: {verdict.detail}",
            hint=f"run it on the processor; `zoo verify --provider {provider}` looks again",
        )
    return None


def nodes_by_provider(file: OnnxFile, provider: str, inputs: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """How many nodes of the optimised graph each provider computes, as onnxruntime's own profile of one run tells."""
    ort = load_onnxruntime()
    source = SessionFile.of(file)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.enable_profiling = True
    with tempfile.TemporaryDirectory(prefix="zoo-profile-") as folder:
        options.profile_file_prefix = str(Path(folder, "profile"))
        given: Any = source.path if source.content is None else source.content
        try:
            session = ort.InferenceSession(given, sess_options=options, providers=asked_of(ort, provider))
            session.run(None, dict(inputs))
            profile = Path(session.end_profiling()).read_text(encoding="utf-8")
        except Exception as error:
            raise ZooError(
                f"{file.path} could not be run on {provider}: {' '.join(str(error).split())[:400]}"
            ) from error
    return _counted(json.loads(profile))


def _counted(events: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    names = {each.registered: name for name, each in PROVIDERS.items()}
    placed = {
        str(event["name"]).removesuffix("_kernel_time"): str(event["args"]["provider"])
        for event in events
        if event.get("cat") == "Node" and event.get("args", {}).get("provider")
    }
    return dict(Counter(names.get(registered, registered) for registered in placed.values()))


def _notes_on(provider: str) -> Notes:
    return Notes("providers", about=provider)
