"""One model that is served: opened, tested by itself, and only then ready."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

from numpy.typing import NDArray

from zoo_core import CheckResult, ZooError
from zoo_core.runtime import ExportedModel, Metadata, check_inputs, open_model
from zoo_core.workflows.answers import self_test

from .batch import Arrays
from .batcher import Batcher, BatchSeen
from .refusals import RETRY, RefusedError, SelfTestFailedError, in_one_line
from .settings import ServeSettings
from .threads import BoundedWork

T = TypeVar("T")
State: TypeAlias = Literal["LOADING", "READY", "UNLOADING", "UNAVAILABLE"]


class ServedModel:
    """An export under a name and a version.

    `state` is one of the protocol's, `reason` why it is not ready. `is_wanted`: nobody has unloaded it.
    `on_batch` is called with every batch that has run, `on_trouble` with what becomes of a model that fails.
    """

    def __init__(self, path: Path, *, name: str, version: str, settings: ServeSettings) -> None:
        self.path = path
        self.name = name
        self.version = version
        self.state: State = "UNAVAILABLE"
        self.reason = "not loaded"
        self.is_wanted = True
        self.on_batch: Callable[[BatchSeen], None] = lambda seen: None
        self.on_trouble: Callable[[str], None] = lambda text: None
        self._settings = settings
        self._opened: _Tested | None = None
        self._running: _Running | None = None
        self._one_change_at_a_time = asyncio.Lock()
        self._recovery: asyncio.Task[None] | None = None

    @property
    def model(self) -> ExportedModel:
        """The open model. Raises RefusedError where it is not ready."""
        return self._ready().model

    @property
    def metadata(self) -> Metadata:
        """What the file says of itself. Raises RefusedError where it is not ready."""
        return self.model.metadata

    @property
    def waiting(self) -> int:
        """Requests in its queue."""
        return self._running.batcher.waiting if self._running is not None else 0

    def answer(self, inputs: Mapping[str, NDArray[Any]]) -> asyncio.Future[Arrays]:
        """All outputs by name, to come. Raises RefusedError for inputs that do not fit, and QueueFullError."""
        running = self._ready()
        specs = running.model.metadata.inputs
        try:
            check_inputs(inputs, specs, where=self.name)
        except ZooError as error:
            raise RefusedError(400, error.message, hint=error.hint) from None
        ordered = {name: inputs[name] for name in specs}
        return running.batcher.put(ordered, rows=len(next(iter(ordered.values()))))

    def beside(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Work with the open model, beside the event loop. Raises RefusedError and QueueFullError."""
        running = self._ready()
        future = running.threads.put(work)

        def look(done: asyncio.Future[T]) -> None:
            if not done.cancelled() and done.exception() is not None:
                self._distrust(running, overdue=False)

        future.add_done_callback(look)
        return future

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """How its self-test went in the session that serves. Raises RefusedError where it is not ready."""
        return self._ready().tested.checks

    def open(self) -> None:
        """Open the file, and have it test itself in the very session that will serve; before there is an event loop.

        Raises ZooError, SelfTestFailedError among them.
        """
        self._opened = self._tested()

    def start(self) -> None:
        """Take requests; in the event loop, once it is open."""
        if self._opened is not None:
            self._running = _Running(self._opened, self._settings, on_batch=self._seen, on_overdue=self._overdue)
            self._opened = None
            self.state, self.reason = "READY", ""

    async def load(self) -> None:
        """Open the file, also once more, and take requests as soon as it has passed its self-test.

        A model that is ready answers until then, and goes on where the new file is no good. Raises as `open`.
        """
        async with self._one_change_at_a_time:
            before = self._running
            self.is_wanted = True
            if before is None:
                self.state, self.reason = "LOADING", "it is being loaded"
            try:
                self._opened = await self._beside(self._tested)
            except ZooError as error:
                if before is None:
                    self.state, self.reason = "UNAVAILABLE", in_one_line(error)
                raise
            self.start()
            if before is not None:
                await before.end()

    async def unload(self) -> None:
        """Answer what is waiting, then give back memory and processes."""
        async with self._one_change_at_a_time:
            self.is_wanted = False
            if self._running is not None:
                self.state, self.reason = "UNLOADING", "it is being unloaded"
                await self._running.end()
            self.close()

    def _seen(self, running: _Running, seen: BatchSeen) -> None:
        self.on_batch(seen)
        if seen.failed:
            self._distrust(running, overdue=False)

    def _overdue(self, running: _Running) -> None:
        self._distrust(running, overdue=True)

    def _distrust(self, running: _Running, *, overdue: bool) -> None:
        """See whether it still computes what it should, and open it anew if not; unless that is being done.

        Of one that is overdue nothing can be asked, neither by this nor by one that has begun to ask.
        """
        if self._running is not running or self.state != "READY":
            if overdue:  # it is on its way out, and would never be
                running.abandon(self._failed())
            return
        if self._recovery is not None and overdue:
            self._recovery.cancel()
            self._recovery = None
        if self._recovery is None or self._recovery.done():
            self._recovery = asyncio.get_running_loop().create_task(self._recover(running, overdue=overdue))

    async def _recover(self, running: _Running, *, overdue: bool) -> None:
        async with self._one_change_at_a_time:
            if self._running is not running or (not overdue and await self._is_sound(running)):
                return
            self.state, self.reason = "LOADING", "it is opened anew, for it failed"
            self.on_trouble("a batch took too long" if overdue else "it does not pass its self-test any more")
            self._running = None
            running.abandon(self._failed())
            try:
                self._opened = await self._beside(self._tested)
            except ZooError as error:
                self.state, self.reason = "UNAVAILABLE", in_one_line(error)
                self.on_trouble(f"it cannot be opened anew: {self.reason}")
            else:
                self.start()

    def _failed(self) -> RefusedError:
        return RefusedError(503, f"model {self.name!r} failed, and is opened anew", headers=RETRY)

    async def _is_sound(self, running: _Running) -> bool:
        """Whether it still passes its self-test; a request that fails by itself is no fault of the model."""
        try:
            return all(check.outcome == "passed" for check in await self._beside(lambda: self_test(running.model)))
        except ZooError:
            return False

    async def _beside(self, work: Callable[[], T]) -> T:
        """The result of what would block the event loop."""
        # Not asyncio.to_thread: what this process may not do, a plugin's code, is noted in the context.
        return await asyncio.get_running_loop().run_in_executor(None, work)

    def close(self) -> None:
        """Give back memory and processes at once."""
        for tested in (self._opened, self._running.tested if self._running is not None else None):
            if tested is not None:
                tested.model.close()
        self._opened = self._running = None
        self.state, self.reason = "UNAVAILABLE", "it was unloaded"

    def _ready(self) -> _Running:
        if self._running is None or self.state != "READY":
            raise RefusedError(503, f"model {self.name!r} is not ready: {self.reason}", headers=RETRY)
        return self._running

    def _tested(self) -> _Tested:
        settings = self._settings
        model = open_model(self.path, threads=settings.threads, isolated=settings.isolated)
        try:
            checks = self_test(model)
            bad = next((check for check in checks if check.outcome != "passed"), None)
            if bad is not None:
                raise SelfTestFailedError(
                    f"{self.path} is not served: its self-test says {bad.outcome}: {bad.detail}",
                    hint="zoo verify says more; do not use this file, or export it again",
                )
        except BaseException:
            model.close()
            raise
        return _Tested(model=model, checks=checks)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Tested:
    """An open model that has passed its self-test."""

    model: ExportedModel
    checks: tuple[CheckResult, ...]


class _Running:
    """An open model with its queue, and with threads for what is done beside it."""

    def __init__(
        self,
        tested: _Tested,
        settings: ServeSettings,
        *,
        on_batch: Callable[[_Running, BatchSeen], None],
        on_overdue: Callable[[_Running], None],
    ) -> None:
        self.tested = tested
        self.model = model = tested.model
        joined = settings.batch.joined and model.metadata.rows_are_independent
        limits = dataclasses.replace(settings.batch, joined=joined, seconds=settings.seconds)
        run = model.run_rows if joined else model.run
        self.batcher = Batcher(
            run, limits=limits, on_batch=partial(on_batch, self), on_overdue=partial(on_overdue, self)
        )
        self.threads = BoundedWork(
            limits.workers, waiting=limits.waiting, seconds=limits.seconds, on_overdue=partial(on_overdue, self)
        )

    async def end(self) -> None:
        """Answer what is waiting, then give back memory and processes."""
        await self.batcher.close()
        await self.threads.close()
        self.model.close()

    def abandon(self, error: RefusedError) -> None:
        """Fail all that is waiting or running, and give back memory and processes at once."""
        self.batcher.abandon(error)
        self.threads.abandon(error)
        self.model.close()
