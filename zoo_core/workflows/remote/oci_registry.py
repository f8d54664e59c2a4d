"""A registry of the Open Container Initiative, by `oras`, which knows how to log in; every answer is bounded."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from zoo_core.errors import MissingExtraError, RefusedFileError, ZooError, in_words
from zoo_core.files import plain_file

from .address import Address
from .manifest import MANIFEST, MOST_MANIFEST_BYTES, Descriptor, Manifest, digest_of, read_manifest

_SECONDS = 60
"""How long a registry may be silent."""
_PIECE = 1 << 20
_MOST_BYTES = 1 << 40


class Registry:
    """What is under one name of a registry. Every method raises ZooError where the registry is not there, refuses, or
    answers what it may not. Raises MissingExtraError without `oras`."""

    def __init__(self, address: Address) -> None:
        self.address = address
        # Plain HTTP with this machine alone, as docker has it.
        scheme = "http" if address.is_loopback else "https"
        self._base = f"{scheme}://{address.place}/v2/{address.name}/"
        self._session, self._login = _session_with_logins(address)

    def manifest(self) -> Manifest | None:
        """What is under the tag or the digest of the address; None where nothing is.

        Raises RefusedFileError for what is no manifest, or has another digest than the address.
        """
        wanted = self.address.digest
        reply = self._ask("GET", f"manifests/{wanted or self.address.tag}", headers={"Accept": MANIFEST}, absent=True)
        if reply is None:
            return None
        content = b"".join(self._pieces(reply, most=MOST_MANIFEST_BYTES))
        if wanted is not None and (found := digest_of(content)) != wanted:
            raise RefusedFileError(f"{self.address} was refused (digest): its content has {found}")
        return read_manifest(content, where=str(self.address))

    def has(self, blob: Descriptor) -> bool:
        """Whether the registry has this content already."""
        return self._ask("HEAD", f"blobs/{blob.digest}", absent=True) is not None

    def pieces(self, blob: Descriptor) -> Iterator[bytes]:
        """The content, some of it at a time. Raises RefusedFileError, at the end, where it is another one."""
        reply = self._ask("GET", f"blobs/{blob.digest}")
        digest, size = hashlib.sha256(), 0
        for piece in self._pieces(reply, most=blob.size):
            digest.update(piece)
            size += len(piece)
            yield piece
        if size != blob.size or f"sha256:{digest.hexdigest()}" != blob.digest:
            name = blob.annotations.get("org.opencontainers.image.title", "a layer")[:200]
            raise RefusedFileError(
                f"{name} of {self.address} was refused (digest): {size:,} bytes came, whose sha256 is "
                f"{digest.hexdigest()}, and the manifest says {blob.digest}",
                hint="what the registry has was altered or is damaged: do not use it",
            )

    def put(self, blob: Descriptor, content: Path | bytes) -> None:
        """Upload a content that the registry does not have."""
        begun = self._ask("POST", "blobs/uploads/")
        place = urljoin(self._base, begun.headers.get("Location", ""))
        if urlsplit(place)[:2] != urlsplit(self._base)[:2]:  # a password goes with it
            raise ZooError(f"{self.address.place} wants uploads to go to {urlsplit(place).netloc}: they do not")
        place += f"{'&' if urlsplit(place).query else '?'}digest={blob.digest}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
        with contextlib.ExitStack() as stack:
            data: Any = content
            if isinstance(content, Path):
                data = stack.enter_context(plain_file(content, most=_MOST_BYTES))
            self._ask("PUT", place, headers=headers, data=data if blob.size else b"")

    def put_manifest(self, manifest: Manifest) -> None:
        """Put it under the tag of the address, once all that it names is there."""
        self._ask("PUT", f"manifests/{self.address.tag}", headers={"Content-Type": MANIFEST}, data=manifest.content)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        absent: bool = False,
    ) -> Any:
        """The response, whose body is not yet read; None for what is not there, where `absent` says that it may be."""
        with self._in_words():
            reply = self._answered(method, urljoin(self._base, path), dict(headers or {}), data)
        if reply.status_code == 404 and absent:
            return None
        if reply.status_code >= 300:
            raise self._refused(reply.status_code)
        return reply

    def _answered(self, method: str, url: str, headers: dict[str, str], data: Any) -> Any:
        """The response, after a login where one is asked for and known."""
        login = self._login
        token = {"Authorization": f"Bearer {login.token}"} if login.token else {}
        reply = self._session.request(method, url, headers={**headers, **token}, data=data, stream=True)
        if reply.status_code not in {401, 403}:
            return reply
        given, basic = None, getattr(login, "_basic_auth", None)
        if reply.headers.get("Www-Authenticate", "").lower().startswith("basic"):
            given = {"Authorization": f"Basic {basic}"} if basic else None
        else:
            with contextlib.suppress(
                AttributeError, KeyError, TypeError, ValueError
            ):  # a challenge that oras cannot read
                found, knows = login.authenticate_request(reply, {}, refresh=bool(login.token))
                given = found if knows else None
        if given is None:
            return reply
        if hasattr(data, "seek"):
            data.seek(0)
        reply.close()
        return self._session.request(method, url, headers={**headers, **given}, data=data, stream=True)

    def _refused(self, status: int) -> ZooError:
        if status in {401, 403}:
            return ZooError(
                f"{self.address.place} does not let us in ({status}): {self.address.name}",
                hint=f"docker login {self.address.place}, or another account: its logins are used",
            )
        if status == 404:
            return ZooError(f"{self.address.place} has no {self.address.name}, or takes none of that name")
        return ZooError(f"{self.address.place} answers {status} where {self.address.name} was asked for")

    def _pieces(self, reply: Any, *, most: int) -> Iterator[bytes]:
        size = 0
        with self._in_words(), contextlib.closing(reply):
            for piece in reply.iter_content(_PIECE):
                size += len(piece)
                if size > most:
                    raise RefusedFileError(f"{self.address} was refused (size): more comes than {most:,} bytes")
                yield piece

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        import requests

        place = self.address.place
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise ZooError(f"{place} cannot prove who it is: {in_words(error)}") from error
        except requests.exceptions.RequestException as error:
            raise ZooError(
                f"there is no registry that answers at {place}: {_why_silent(error)}",
                hint="is the address right, and the registry running?",
            ) from error


def _why_silent(error: BaseException) -> str:
    """The last cause, which the system gives: `requests` tells of its own objects."""
    import requests

    if isinstance(error, requests.exceptions.Timeout):
        return f"nothing came within {_SECONDS} seconds"
    said = str(error)
    for word in ("Connection refused", "Name or service not known", "No route to host", "Network is unreachable"):
        if word in said:
            return word.lower()
    return "the connection failed" if isinstance(error, requests.exceptions.ConnectionError) else in_words(error)


def _session_with_logins(address: Address) -> tuple[Any, Any]:
    """A session of `requests` whose requests end, and what knows docker's logins for the address.

    Not oras' own requests: it asks a registry that is not there for four minutes.
    """
    try:
        import requests
        from oras.auth import get_auth_backend
        from oras.container import Container
        from oras.logger import setup_logger
    except ImportError:
        raise MissingExtraError(needed_for=f"{address}", extra="registry", missing="oras") from None
    setup_logger(quiet=True)
    session = requests.Session()
    for prefix in ("http://", "https://"):
        session.mount(prefix, _adapter())
    login = get_auth_backend("token", session, address.is_loopback, tls_verify=True)
    with contextlib.suppress(OSError, ValueError, AttributeError, KeyError, TypeError):  # a damaged config of docker's
        login.load_configs(Container(f"{address.place}/{address.name}"))
    return session, login


def _adapter() -> Any:
    """Requests that end: by itself a silent registry would be waited for for ever."""
    from requests.adapters import HTTPAdapter

    class WithLimit(HTTPAdapter):
        def send(self, *arguments: Any, **more: Any) -> Any:
            return super().send(*arguments, **{**more, "timeout": more.get("timeout") or _SECONDS})

    return WithLimit()
