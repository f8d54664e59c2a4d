"""The batcher of `zoo serve` by itself: answers are never mixed, whoever leaves, fails or waits."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zoo_plugins.serve.batch import kind_of
from zoo_plugins.serve.batcher import Batcher, BatchLimits, BatchSeen
from zoo_plugins.serve.refusals import ClosedError, QueueFullError

Arrays = Mapping[str, NDArray[Any]]


class Machine:
    """What a batcher runs: rows that hold their own number, which it doubles; a row of -1 fails.

    `open` lets runs go on; they wait while it is clear.
    """

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = threading.Event()
        self.open.set()
        self.seen: list[BatchSeen] = []
        self.at_a_time = self.most_at_a_time = 0
        self._lock = threading.Lock()

    def run(self, inputs: Arrays) -> Arrays:
        with self._lock:
            self.at_a_time += 1
            self.most_at_a_time = max(self.most_at_a_time, self.at_a_time)
        assert self.open.wait(30)
        rows = inputs["x"].reshape(len(inputs["x"]), -1)[:, 0]
        self.batches.append(rows.tolist())
        with self._lock:
            self.at_a_time -= 1
        if (rows < 0).any():
            raise ValueError(f"{int((rows < 0).sum())} bad")
        return {"y": inputs["x"] * 2, "rows": np.arange(len(rows))}


def rows_of(*numbers: int, width: int = 1) -> Arrays:
    return {"x": np.repeat(np.array(numbers, np.int64)[:, None], width, axis=1)}


def in_loop(work: Callable[[Callable[..., Batcher], Machine], Coroutine[Any, Any, None]]) -> Machine:
    """Run in an event loop, with what makes a batcher for a machine; the batcher is closed at the end."""
    machine = Machine()

    faults: list[Any] = []

    async def main() -> None:
        made: list[Batcher] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, fault: faults.append(fault))

        def make(**limits: Any) -> Batcher:
            made.append(Batcher(machine.run, limits=BatchLimits(**limits), on_batch=machine.seen.append))
            return made[-1]

        await work(make, machine)
        machine.open.set()
        for batcher in made:
            await batcher.close()

    asyncio.run(main())
    assert faults == []
    return machine


async def ask(batcher: Batcher, *numbers: int, width: int = 1) -> list[int]:
    answer = await batcher.put(rows_of(*numbers, width=width), rows=len(numbers))
    assert answer["y"].shape == (len(numbers), width)
    return answer["y"][:, 0].tolist()


@pytest.mark.parametrize("seed", range(12))
def test_each_gets_its_own_answer_whatever_the_others_do(seed: int) -> None:
    draw = random.Random(seed)
    limits = {"rows": draw.choice([1, 2, 7, 64]), "delay": draw.choice([0.0, 0.002]), "workers": draw.choice([1, 3])}
    numbers = iter(range(1, 100_000))
    outcomes: dict[str, int] = {"right": 0, "failed": 0, "left": 0, "full": 0}

    async def one(batcher: Batcher, number: int) -> None:
        chosen = random.Random(seed * 1000 + number)
        await asyncio.sleep(chosen.random() * 0.03)
        width = chosen.choice([1, 2])
        mine = [next(numbers) for _ in range(chosen.choice([1, 1, 2, 5]))]
        bad = chosen.random() < 0.05
        try:
            future = batcher.put(rows_of(*([-1] if bad else mine), width=width), rows=1 if bad else len(mine))
        except QueueFullError:
            outcomes["full"] += 1
            return
        if chosen.random() < 0.1:
            await asyncio.sleep(chosen.random() * 0.003)
            if future.cancel():
                outcomes["left"] += 1
                return
        if bad:
            with pytest.raises(ValueError, match=r"^1 bad$"):  # run by itself in the end: nobody else is to blame
                await future
            outcomes["failed"] += 1
            return
        answer = await future
        assert answer["y"].tolist() == [[2 * each] * width for each in mine]
        outcomes["right"] += 1

    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        batcher = make(waiting=150, **limits)
        await asyncio.gather(*(one(batcher, number) for number in range(400)))
        assert batcher.waiting == 0

    machine = in_loop(work)
    assert sum(outcomes.values()) == 400
    assert outcomes["right"] > 100
    assert machine.most_at_a_time <= limits["workers"]
    assert all(seen.requests == 1 or seen.rows <= limits["rows"] for seen in machine.seen)


def test_batches_form_while_the_worker_is_busy() -> None:
    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        batcher = make(rows=4)
        machine.open.clear()
        first = asyncio.ensure_future(ask(batcher, 1))
        await asyncio.sleep(0.05)
        others = [asyncio.ensure_future(ask(batcher, number)) for number in range(2, 8)]
        await asyncio.sleep(0.05)
        assert batcher.waiting == 6
        machine.open.set()
        assert await asyncio.gather(first, *others) == [[2 * number] for number in range(1, 8)]

    machine = in_loop(work)
    assert machine.batches == [[1], [2, 3, 4, 5], [6, 7]]
    assert [(seen.requests, seen.rows) for seen in machine.seen] == [(1, 1), (4, 4), (2, 2)]
    assert machine.seen[1].waited >= 0.04


def test_who_comes_in_the_same_turn_runs_together() -> None:
    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        batcher = make()
        assert await asyncio.gather(*(ask(batcher, number) for number in range(5))) == [[2 * n] for n in range(5)]

    assert in_loop(work).batches == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("delay", [0.0, 60.0])
def test_workers_that_are_free_share_what_waits(delay: float) -> None:
    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        batcher = make(rows=6, delay=delay, workers=2)
        machine.open.clear()
        asked = [asyncio.ensure_future(ask(batcher, number)) for number in range(6)]
        while machine.at_a_time < 2:
            await asyncio.sleep(0.001)
        machine.open.set()
        assert await asyncio.gather(*asked) == [[2 * number] for number in range(6)]

    assert sorted(in_loop(work).batches) == [[0, 1, 2], [3, 4, 5]]


def test_workers_that_are_free_run_different_kinds_rather_than_share_one() -> None:
    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        batcher = make(workers=2)
        await asyncio.gather(*(ask(batcher, number, width=1 + number % 2) for number in range(6)))

    assert sorted(in_loop(work).batches) == [[0, 2, 4], [1, 3, 5]]


def test_a_request_waits_for_company_until_its_time_or_until_there_is_enough() -> None:
    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        alone = make(rows=3, delay=0.2)
        began = time.monotonic()
        first = asyncio.ensure_future(ask(alone, 1))
        await asyncio.sleep(0.05)
        assert (await asyncio.gather(first, ask(alone, 2))) == [[2], [4]]
        assert time.monotonic() - began >= 0.2
        patient = make(rows=3, delay=1000)
        assert await asyncio.gather(*(ask(patient, number) for number in (3, 4, 5))) == [[6], [8], [10]]
        left = asyncio.ensure_future(ask(patient, 6))
        await asyncio.sleep(0.01)
        closing = asyncio.ensure_future(patient.close())
        assert await left == [12]  # nobody waits for company that cannot come any more
        await closing

    assert in_loop(work).batches == [[1, 2], [3, 4, 5], [6]]


def test_only_the_same_kind_runs_together() -> None:
    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        batcher = make()
        await asyncio.gather(*(ask(batcher, number, width=number % 2 + 1) for number in range(4)))
        alone = make(joined=False)
        await asyncio.gather(*(ask(alone, number) for number in range(4, 7)))

    assert sorted(in_loop(work).batches) == [[0, 2], [1, 3], [4], [5], [6]]
    assert kind_of(rows_of(1)) == kind_of(rows_of(2, 3))
    assert kind_of(rows_of(1)) != kind_of({"x": np.ones((1, 1), np.int32)})
    assert kind_of(rows_of(1)) != kind_of({"z": rows_of(1)["x"]})


def test_a_full_queue_refuses_and_is_free_again_when_somebody_leaves() -> None:
    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        machine.open.clear()
        batcher = make(waiting=2)
        running = asyncio.ensure_future(ask(batcher, 1))
        await asyncio.sleep(0.05)
        waiting = [batcher.put(rows_of(number), rows=1) for number in (2, 3)]
        with pytest.raises(QueueFullError, match="2 requests wait already"):
            batcher.put(rows_of(4), rows=1)
        waiting[0].cancel()
        await asyncio.sleep(0)
        waiting.append(batcher.put(rows_of(5), rows=1))
        machine.open.set()
        assert await running == [2]
        assert [(await future)["y"].tolist() for future in waiting[1:]] == [[[6]], [[10]]]
        heavy = make(waiting_bytes=16)
        machine.open.clear()
        first = asyncio.ensure_future(ask(heavy, 6))
        await asyncio.sleep(0.05)
        second = asyncio.ensure_future(ask(heavy, 7, 8, 9))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            heavy.put(rows_of(10), rows=1)
        machine.open.set()
        assert await asyncio.gather(first, second) == [[12], [14, 16, 18]]

    assert in_loop(work).batches == [[1], [3, 5], [6], [7, 8, 9]]


def test_who_leaves_at_once_was_never_there() -> None:
    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        batcher = make()
        for _ in range(3):
            assert batcher.put(rows_of(1), rows=1).cancel()
        await asyncio.sleep(0.01)
        assert batcher.waiting == 0
        batcher.put(rows_of(2), rows=1).cancel()
        assert await ask(batcher, 3) == [6]

    assert in_loop(work).batches == [[3]]


def test_an_abandoned_batcher_fails_what_it_has_and_can_be_closed() -> None:
    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        machine.open.clear()
        batcher = make(rows=1)
        asked = [asyncio.ensure_future(ask(batcher, number)) for number in (1, 2)]
        await asyncio.sleep(0.02)
        batcher.abandon(TimeoutError("it took too long"))
        for each in asked:
            with pytest.raises(TimeoutError, match="it took too long"):
                await each
        await batcher.close()  # though its thread is still busy
        machine.open.set()

    assert in_loop(work).batches in ([], [[1]])  # what the thread was at may be done by now


def test_one_that_fails_takes_nobody_with_it() -> None:
    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        batcher = make()
        answers = await asyncio.gather(*(ask(batcher, number) for number in (1, -1, 3)), return_exceptions=True)
        assert answers[0] == [2]
        assert isinstance(answers[1], ValueError)
        assert answers[2] == [6]

    assert in_loop(work).batches == [[1, -1, 3], [1], [-1], [3]]


@pytest.mark.parametrize("wrong", [lambda y: y[:-1], lambda y: y[0], lambda y: np.concatenate([y, y])])
def test_outputs_of_another_number_of_rows_reach_nobody(wrong: Callable[[Any], Any]) -> None:
    async def main() -> list[Any]:
        def run(inputs: Arrays) -> Arrays:
            return {"y": wrong(inputs["x"])} if len(inputs["x"]) > 1 else {"y": inputs["x"]}

        batcher = Batcher(run, limits=BatchLimits())
        answers = await asyncio.gather(*(batcher.put(rows_of(number), rows=1) for number in (5, 6)))
        await batcher.close()
        return [answer["y"].tolist() for answer in answers]

    assert asyncio.run(main()) == [[[5]], [[6]]]  # each was asked again by itself


def test_a_closed_batcher_answers_what_it_has_and_takes_no_more() -> None:
    async def work(make: Callable[..., Batcher], machine: Machine) -> None:
        machine.open.clear()
        batcher = make(rows=1)
        asked = [asyncio.ensure_future(ask(batcher, number)) for number in (1, 2, 3)]
        await asyncio.sleep(0.02)
        asked[2].cancel()
        closing = asyncio.ensure_future(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(ClosedError, match="the model takes no requests any more"):
            batcher.put(rows_of(4), rows=1)
        assert not closing.done()
        machine.open.set()
        await closing
        assert await asyncio.gather(*asked[:2]) == [[2], [4]]

    assert in_loop(work).batches == [[1], [2]]


def test_it_works_in_uvloop_too() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> list[list[int]]:
        machine = Machine()
        batcher = Batcher(machine.run, limits=BatchLimits(rows=3, delay=0.01))
        answers = await asyncio.gather(*(ask(batcher, number) for number in range(8)))
        await batcher.close()
        return answers

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) == [[2 * number] for number in range(8)]
