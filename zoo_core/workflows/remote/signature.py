"""Who says that an export is theirs: signatures in the format of the OpenSSF, by `model-signing`, with keys at hand.

A signature lies beside the export, not in it: `exported/NAME.sig`, or `FILE.onnx.sig` of a bare file.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

from zoo_core.errors import MissingExtraError, NotVerifiedError, UsageError, ZooError, in_words
from zoo_core.files import clear_io_errors, plain_file, written_whole

from .signing_faults import MOST_KEY_BYTES, new_private_key, new_public_key, no_private_key, why_not_signed

_MOST_SIGNATURE = 16 << 20


def signature_of(export: Path) -> Path:
    """Where the signature of an export lies by itself."""
    whole = export.resolve()
    return export.with_name(f"{export.name}.sig") if export.name else whole.with_name(f"{whole.name}.sig")


def sign_export(export: Path, *, key: Path, to: Path, password: str | None = None) -> None:
    """Write the signature of all files of an export, by a private key: PEM, of an elliptic curve (P-256, P-384, P-521).

    Raises UsageError where the signature is there already, or would be a part of what it signs; ZooError for a key that
    is none, MissingExtraError without `model-signing`.
    """
    signing = _library("signing")
    _require_plain(key, what="private key", most=MOST_KEY_BYTES, hint=new_private_key())
    if to.exists():
        raise UsageError(f"{to} is there already", hint="--to with another name, or remove it")
    if export.is_dir() and export.resolve() in to.resolve().parents:
        raise UsageError(f"{to} would be a file of the export that it signs", hint="put it beside the folder")
    try:
        secret = password.encode() if password else None
        config = signing.Config().use_elliptic_key_signer(private_key=key, password=secret)
    except Exception as error:  # noqa: BLE001 cryptography's own, of many classes
        raise no_private_key(key, error, password=bool(password)) from None
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "signature")
        with clear_io_errors("cannot read", export):
            config.sign(export, made)
        with written_whole(to) as file:
            file.write(made.read_bytes())


def check_signature(export: Path, *, key: Path, signature: Path) -> None:
    """Raise NotVerifiedError unless the signature is by this key's owner, and of exactly these files.

    Raises ZooError where there is no key, MissingExtraError without `model-signing`.
    """
    verifying = _library("verifying")
    _require_plain(key, what="public key", most=MOST_KEY_BYTES, hint=new_public_key())
    if not signature.exists():
        raise NotVerifiedError(
            f"{export} is not signed: there is no signature {signature}",
            hint="--signature FILE where it lies elsewhere; who made the export makes one with zoo sign",
        )
    _require_plain(signature, what="signature", most=_MOST_SIGNATURE)
    try:
        config = verifying.Config().use_elliptic_key_verifier(public_key=key)
    except Exception as error:  # noqa: BLE001 cryptography's own, of many classes
        raise ZooError(
            f"{key} is no public key, in PEM, of an elliptic curve: {type(error).__name__}", hint=new_public_key()
        ) from None
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it has words of its own for old signatures
            config.verify(export, signature)
    except OSError as error:
        raise ZooError(f"cannot read {export}: {in_words(error)}") from error
    except Exception as error:  # noqa: BLE001 a stranger's file, and whatever the parsers of its parts make of it
        raise NotVerifiedError(
            f"{signature} is not the signature of {export} by the owner of {key}: {why_not_signed(error)}",
            hint="do not use this export, or ask who signed it",
        ) from None


def require_signed(export: Path, *, key: Path | None, signature: Path | None) -> None:
    """As `check_signature`, where a key is given; the signature is beside the export where none is named.

    Raises UsageError for a signature without a key.
    """
    if key is None and signature is None:
        return
    if key is None:
        raise UsageError("--signature needs --key, the public key of who has signed")
    check_signature(export, key=key, signature=signature or signature_of(export))


def _require_plain(path: Path, *, what: str, most: int, hint: str | None = None) -> None:
    if not path.exists():
        raise ZooError(f"there is no {what} {path}", hint=hint)
    with plain_file(path, most=most):
        pass  # it is one, of a size that a stranger cannot choose


def _library(part: str) -> Any:
    try:
        import model_signing
    except ImportError as error:
        missing = "model-signing" if error.name == "model_signing" else str(error.name)
        raise MissingExtraError(needed_for="a signature", extra="sign", missing=missing) from None
    return getattr(model_signing, part)
