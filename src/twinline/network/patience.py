"""Trying again: how long, how often, and when to give up.

Comes in: limits. Goes out: pauses between attempts, and the patience that the bus is given when it is away.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import nats.errors
import structlog
from nats.js.errors import NotFoundError

from twinline.bus import heed
from twinline.model.errors import Trouble

T = TypeVar("T")

ATTEMPT = 3.0
"""Seconds that one attempt at the bus may take. An answer that got lost with a connection never comes."""

log = structlog.get_logger()


class Patience(msgspec.Struct, frozen=True):
    """Limits of trying again: attempts at most, seconds in all, and the first and longest pause in seconds."""

    attempts: int
    total: float
    first: float
    longest: float


def pause(patience: Patience, attempt: int) -> float:
    """Seconds to wait after the given attempt (from 1): doubling, with the upper half drawn by lot."""
    whole = min(patience.longest, patience.first * 2.0 ** min(attempt - 1, 30))
    return whole * random.uniform(0.5, 1.0)


async def insist(patience: Patience, what: str, make: Callable[[], Awaitable[T]]) -> T:
    """Do something to the bus until it succeeds. It must be harmless to repeat.

    Raises NotFoundError at once, as what is not there will not come by waiting, and Trouble when patience is at an end:
    whoever accepted the work then has to find it again after a restart.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience.total
    attempt = 0
    while True:
        attempt += 1
        try:
            async with asyncio.timeout(ATTEMPT):
                return await heed(make())
        except NotFoundError:
            raise
        except (nats.errors.Error, OSError) as error:
            wait = pause(patience, attempt)
            if attempt >= patience.attempts or loop.time() + wait > deadline:
                raise Trouble(
                    f"the bus did not take it after {attempt} attempts: {str(error) or repr(error)}", where=what
                ) from error
            log.warning("bus.again", what=what, attempt=attempt, reason=str(error) or repr(error))
            await asyncio.sleep(wait)
