"""A hub that speaks the protocol of Hugging Face's, by `huggingface_hub`, which knows how to log in."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from zoo_core.errors import MissingExtraError, ZooError, in_words

from .address import Address


@contextlib.contextmanager
def open_hub(address: Address) -> Iterator[Any]:
    """An `HfApi`, whose errors are told in words: ZooError, for a repository that is not there, that lets us not in, or
    a hub that does not answer. Raises MissingExtraError without `huggingface_hub`."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when it is imported
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
        from huggingface_hub.errors import RevisionNotFoundError as NoRevisionError
        from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]
    except ImportError:
        raise MissingExtraError(needed_for=f"{address}", extra="hub", missing="huggingface_hub") from None
    disable_progress_bars()
    hub = HfApi(library_name="zoo-core")
    try:
        yield hub
    except NoRevisionError as error:
        raise ZooError(f"{hub.endpoint} has no revision {address.tag!r} of {address.name}") from error
    except RepositoryNotFoundError as error:
        raise ZooError(
            f"{hub.endpoint} has no {address.name}, or does not show it to us",
            hint="hf auth login, where it is a private one or your own",
        ) from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        hint = "hf auth login, with an account that may do this" if status in {401, 403} else None
        raise ZooError(f"{hub.endpoint} refuses ({status}): {in_words(error)}", hint=hint) from error
    except ZooError:
        raise
    except Exception as error:  # no connection, or an answer that is none: of the library for HTTP, and of many classes
        raise ZooError(
            f"{hub.endpoint} does not answer as a hub does: {in_words(error)}",
            hint="is the network there? HF_ENDPOINT names another hub",
        ) from error
