"""A session's time."""

import asyncio
import time

from twinline.runtime.session import RealClock, VirtualClock


async def test_virtual_waiting_takes_no_real_time() -> None:
    clock = VirtualClock()
    began = time.monotonic()
    await clock.sleep(7 * 24 * 3600.0)
    assert clock.now() == 7 * 24 * 3600.0
    assert time.monotonic() - began < 1.0


async def test_threads_that_wait_at_once_end_in_the_order_of_their_ends() -> None:
    clock = VirtualClock()
    ended: list[tuple[float, float]] = []

    async def wait(seconds: float) -> None:
        await clock.sleep(seconds)
        ended.append((seconds, clock.now()))

    await asyncio.gather(wait(60.0), wait(5.0), wait(20.0))
    assert ended == [(5.0, 5.0), (20.0, 20.0), (60.0, 60.0)]


async def test_virtual_time_never_runs_backwards() -> None:
    clock = VirtualClock()
    clock.advance(10.0)
    clock.advance(-3.0)
    assert clock.now() == 10.0


def test_a_rebuilt_session_keeps_its_first_start() -> None:
    assert RealClock(time.time() - 3600.0).now() >= 3600.0
