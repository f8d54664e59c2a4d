"""Whether a file gives on another provider what it gives on the processor, and what this machine notes of that."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zoo_core.bounded_json import load_json
from zoo_core.environment import load_onnxruntime, machine_kind, package_versions
from zoo_core.errors import ZooError
from zoo_core.files import json_text, read_plain, write_atomic
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.runtime.vetting.known import name_of, state_folder

from .providers import PROVIDERS, USUAL, asked_of
from .session import SessionFile

_SCHEMA = 1
_MOST_BYTES = 10_000


@dataclass(frozen=True, kw_only=True)
class ProviderVerdict:
    """What was found when a file was verified on a provider; `detail` is a sentence."""

    provider: str
    is_right: bool
    detail: str


def keep_verdict(file: OnnxFile, verdict: ProviderVerdict) -> bool:
    """Note the verdict for this very file, machine and onnxruntime. Whether it could be noted."""
    try:
        place = _place(file, verdict.provider)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, json_text({"schema": _SCHEMA, **_here(), **asdict(verdict)}))
    except (OSError, ZooError):
        return False
    return True


def forget_verdict(file: OnnxFile, provider: str) -> None:
    """Know nothing of a file on a provider any more."""
    with contextlib.suppress(OSError, ZooError):
        _place(file, provider).unlink(missing_ok=True)


def verdict_on(file: OnnxFile, provider: str) -> ProviderVerdict | None:
    """What this machine noted of a vetted file on a provider; None where it noted nothing, or that is damaged."""
    with contextlib.suppress(OSError, ValueError, ZooError):
        record = load_json(read_plain(_place(file, provider), most=_MOST_BYTES))
        if not isinstance(record, dict) or record.get("schema") != _SCHEMA:
            return None
        if any(record.get(name) != value for name, value in _here().items()) or record.get("provider") != provider:
            return None  # of another machine, or of another onnxruntime
        right, detail = record.get("is_right"), record.get("detail")
        if isinstance(right, bool) and isinstance(detail, str):
            return ProviderVerdict(provider=provider, is_right=right, detail=detail)
    return None


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


def _place(file: OnnxFile, provider: str) -> Path:
    return state_folder() / "providers" / f"{name_of(file, {})}-{provider}.json"


def _here() -> dict[str, str]:
    return {"machine": machine_kind(), "onnxruntime": package_versions(["onnxruntime"]).get("onnxruntime", "")}
