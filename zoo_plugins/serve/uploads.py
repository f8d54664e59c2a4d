"""Files that come in a body: one as it is, or several in a form; each a source for `ExportedModel.predictions`."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from .refusals import RefusedError

_MOST_FILES = 64
_LONGEST_NAME = 255


class Upload(io.BytesIO):
    """The content of a file, and the name that rows and messages have for it."""

    def __init__(self, content: bytes, *, name: str) -> None:
        super().__init__(content)
        self.name = name[:_LONGEST_NAME] or "body"


class _Parser(MultiPartParser):
    """One that knows whether a form was complete: a file that is cut off is else left out without a word."""

    has_ended = False

    def on_end(self) -> None:
        self.has_ended = True
        super().on_end()


async def uploads_of(request: Request, body: bytes) -> list[Upload]:
    """The files of a body. Raises RefusedError where there are none, or more than are taken."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        found = await _parts(request, body)
    else:
        found = [Upload(body, name=request.query_params.get("name", ""))] if body else []
    if not found:
        hint = "the body is one, or a form has them: curl -F file=@seven.png"
        raise RefusedError(400, "there is no file to predict", hint=hint)
    return found


async def _parts(request: Request, body: bytes) -> list[Upload]:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield body
        if not parser.has_ended:
            raise MultiPartException("It ends within a file.")

    parser = _Parser(request.headers, whole(), max_files=_MOST_FILES, max_fields=_MOST_FILES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise RefusedError(400, f"the form cannot be read: {error.message}") from None
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    try:
        return [Upload(await file.read(), name=file.filename or "") for file in files]
    finally:
        await form.close()
