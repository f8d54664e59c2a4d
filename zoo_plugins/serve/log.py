"""What happens, a line of JSON each, on stderr."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import Any, Literal

from .gate import Done
from .settings import Wanted

_BAD = 500


class Log:
    """Writes lines with `time` (UTC), `level` and `event`; what would steer a terminal is written out."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted

    def tell(self, event: str, *, level: Literal["info", "warning", "error"] = "info", **more: Any) -> None:
        """One line, where such are wanted."""
        if self._wanted == "nothing" or (self._wanted == "problems" and level == "info"):
            return
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        line = json.dumps({"time": stamp, "level": level, "event": event, **more}, default=str)
        sys.stderr.write(f"{line}\n")

    def take_over(self) -> None:
        """Write what libraries log and warn of, their problems alone, as lines of ours."""
        logging.captureWarnings(True)
        logger = logging.getLogger()
        logger.handlers = [_Handler(self)]
        logger.setLevel(logging.WARNING)
        # Of a form that cannot be read its client is told; it is no problem of the server's.
        logging.getLogger("python_multipart").setLevel(logging.ERROR)

    def request(self, done: Done) -> None:
        """One request that was answered, or whose client has left."""
        bad = done.status >= _BAD
        if self._wanted != "all" and not bad:
            return
        more: dict[str, Any] = {"seconds": round(done.seconds, 6)}
        if done.error is not None:
            more["error"] = str(done.error)
            if done.is_bug:
                more["traceback"] = "".join(traceback.format_exception(done.error))
        told = {"method": done.method, "path": done.path, "status": done.status, "model": done.model, **more}
        self.tell("request", level="error" if bad else "info", **told)


class _Handler(logging.Handler):
    """Takes what a library logs into our log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        more = {"traceback": "".join(traceback.format_exception(*record.exc_info))} if record.exc_info else {}
        level: Literal["warning", "error"] = "error" if record.levelno >= logging.ERROR else "warning"
        self._log.tell(record.name, level=level, message=record.getMessage(), **more)
