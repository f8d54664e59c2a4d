"""The rows of `zoo predict --json` where nothing is written to the disk: what would be a file is in the row itself."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.pictures import read_picture
from zoo_core.runtime.running.model import ExportedModel
from zoo_core.runtime.running.outcomes import Prediction

from .contents import Contents, Row, array_contents, bad_row, best_of, sequence_contents
from .predicted import FORMS

_TYPES = {".png": "image/png", ".csv": "text/csv;charset=utf-8", ".npy": "application/octet-stream"}


def rows_in_memory(
    model: ExportedModel, prediction: Prediction, *, top: int | None = None, picture: bytes | None = None
) -> list[Row]:
    """The rows of one sample, as `zoo predict --json` has them; each file is a `data:` URL that a browser shows.

    An answer that was asked for without success is one row with an `error`. `top`: so many labels, all for None.
    `picture`: the content of what was predicted, into which an answer is drawn where its task draws, as `picture`.
    """
    try:
        if prediction.error is not None:
            raise prediction.error
        return _rows(model, prediction, top, picture)
    except ZooError as error:
        return [bad_row(prediction.name, error)]


def _rows(model: ExportedModel, prediction: Prediction, top: int | None, picture: bytes | None) -> list[Row]:
    answer, task = prediction.answer or {}, model.meaning
    row: Row = {"input": prediction.name}
    if task.is_told:
        row |= best_of(answer, top) if task.gives == "labels" else answer
        if picture is not None and task.drawn and model.preprocess is not None:
            pixels = read_picture(picture, color="RGB", name=prediction.name)
            row["picture"] = _url(task.draw(answer, pixels, labels=model.labels), ".png")
        return [row | ({"unknown": list(prediction.unknown)} if prediction.unknown else {})]
    if task.gives == "sequences":
        made = sequence_contents(answer, _target(task.gives), model.labels)
        return [{**row, **_files(made), "shape": list(answer["mask"].shape)}]
    outputs = tuple(model.metadata.outputs) if task.gives in {"arrays", "pictures"} else ("mask",)
    return [
        {
            **row,
            **({"output": output} if len(outputs) > 1 else {}),
            **_files(array_contents(answer[output], _target(task.gives), masks=task.gives == "masks")),
            "shape": list(answer[output].shape),
        }
        for output in outputs
    ]


def _target(gives: str) -> Path:
    return Path(f"answer{FORMS[gives][0]}")


def _files(contents: Contents) -> dict[str, Any]:
    """The file, and the picture of it where there is one."""
    urls = [_url(content, path.suffix) for path, content in contents.items()]
    return dict(zip(("file", "picture"), urls, strict=False))


def _url(content: bytes | str, suffix: str) -> str:
    held = content.encode() if isinstance(content, str) else content
    return f"data:{_TYPES[suffix]};base64,{base64.b64encode(held).decode()}"
