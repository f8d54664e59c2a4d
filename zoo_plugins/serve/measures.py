"""What is counted and timed, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE

from .batcher import BatchSeen
from .gate import Done
from .repository import Repository
from .served import ServedModel

__all__ = ["CONTENT_TYPE", "Measures"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Measures:
    """The numbers of one server, in a registry of its own. Names of models are those of the command line only."""

    def __init__(self, models: Repository) -> None:
        self.registry = CollectorRegistry()
        self._names = {model.name for model in models}
        counter, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry, buckets=_SECONDS)
        of_model, to = ("model", "version"), ("operation", "model")
        ProcessCollector(registry=self.registry)
        self._requests = counter("zoo_requests", "Requests that were answered", (*to, "status"))
        self._seconds = histogram("zoo_request_seconds", "From head to answer", to)
        self._rows = counter("zoo_rows", "Rows that were computed", of_model)
        self._batch = histogram("zoo_batch_rows", "Rows that ran together", of_model, buckets=_ROWS)
        self._queue = histogram("zoo_queue_seconds", "Wait of the oldest request of a batch", of_model)
        self._run = histogram("zoo_run_seconds", "One batch in its thread", of_model)
        waiting = gauge("zoo_waiting_requests", "Requests in the queue", of_model)
        ready = gauge("zoo_model_ready", "1 where the model is ready", of_model)
        for model in models:
            waiting.labels(model.name, model.version).set_function(partial(_waiting, model))
            ready.labels(model.name, model.version).set_function(partial(_ready, model))
            model.on_batch = self._counting(model)

    def count(self, done: Done) -> None:
        """One request more."""
        model = done.model if done.model in self._names else ""
        self._requests.labels(done.operation, model, str(done.status)).inc()
        self._seconds.labels(done.operation, model).observe(done.seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)

    def _counting(self, model: ServedModel) -> Callable[[BatchSeen], None]:
        labels = (model.name, model.version)
        rows, batch = self._rows.labels(*labels), self._batch.labels(*labels)
        queue, run = self._queue.labels(*labels), self._run.labels(*labels)

        def count(seen: BatchSeen) -> None:
            rows.inc(seen.rows)
            batch.observe(seen.rows)
            queue.observe(seen.waited)
            run.observe(seen.ran)

        return count


def _waiting(model: ServedModel) -> float:
    return model.waiting


def _ready(model: ServedModel) -> float:
    return float(model.state == "READY")
