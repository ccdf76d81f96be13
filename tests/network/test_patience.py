"""Trying again, and stopping when told to."""

import asyncio

import nats.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.js.errors import NotFoundError

from twinline.model.errors import Trouble
from twinline.network.patience import Patience, heed, insist, pause

QUICK = Patience(attempts=3, total=5.0, first=0.001, longest=0.01)


class Flaky:
    """Fails so many times before it gives its answer."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.calls = 0
        self._failures = failures
        self._error = error

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return "done"


async def test_what_fails_for_a_while_succeeds_in_the_end() -> None:
    assert await insist(QUICK, "a test", Flaky(2, nats.errors.TimeoutError())) == "done"


async def test_patience_ends_with_the_reason() -> None:
    with pytest.raises(Trouble, match="a test: the bus did not take it after 3 attempts"):
        await insist(QUICK, "a test", Flaky(3, nats.errors.TimeoutError()))


async def test_what_is_not_there_is_not_waited_for() -> None:
    flaky = Flaky(1, NotFoundError())
    with pytest.raises(NotFoundError):
        await insist(QUICK, "a test", flaky)
    assert flaky.calls == 1


async def test_a_cancellation_that_comes_with_the_result_is_heeded() -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(_wait(answer))
    await asyncio.sleep(0.01)
    answer.set_result("there")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _wait(answer: asyncio.Future[str]) -> str:
    return await heed(asyncio.wait_for(answer, 5))


@given(st.integers(1, 10_000), st.floats(0.001, 10), st.floats(0.001, 100))
def test_pauses_grow_and_stay_under_the_longest(attempt: int, first: float, longest: float) -> None:
    patience = Patience(attempts=1, total=1.0, first=first, longest=longest)
    whole = min(longest, first * 2.0 ** min(attempt - 1, 30))
    assert whole / 2 <= pause(patience, attempt) <= whole
