"""A session's exchanges: each request answered from the world or from a cassette, and told to the session.

Comes in: whole requests. Goes out: whole answers, always: a failure is an answer too. What was exchanged is told to
the session's `on_exchange` when it is complete.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from twinline.model.transcript import HttpExchange, HttpRequest, HttpResponse
from twinline.runtime.outbound.failures import Failure, Kind, failure_of
from twinline.runtime.outbound.policy import Live, Policy, Recorded
from twinline.runtime.outbound.recording import played_back, record_request, record_response
from twinline.runtime.outbound.settings import OutboundSettings
from twinline.runtime.outbound.wire import Request, Response

Fetch = Callable[[Request], Awaitable[Response]]
"""Asks the world. Raises Failure."""


class _UnderWay(msgspec.Struct, frozen=True, eq=False):
    request: HttpRequest
    since: float


class Session:
    """What the proxy knows of a session. Closed once; after that nothing is told and nothing is fetched."""

    def __init__(self, policy: Policy, settings: OutboundSettings, fetch: Fetch) -> None:
        self._policy = policy
        self._settings = settings
        self._fetch = fetch
        self._turns = asyncio.Semaphore(settings.concurrency)
        self._under_way: dict[asyncio.Task[object], _UnderWay] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the session is over, so that its credentials are worth nothing."""
        return self._closed

    def close(self) -> None:
        """Give up what is under way: it is told as abandoned before this returns."""
        under_way, self._under_way = self._under_way, {}
        for task, exchange in under_way.items():
            self._tell_abandoned(exchange)
            task.cancel()
        self._closed = True

    async def answer(self, request: Request) -> Response:
        """The answer to `request`. Cancelled when the script has closed the connection."""
        recorded = record_request(request, self._settings.kept_limit)
        task = asyncio.current_task()
        assert task is not None
        under_way = _UnderWay(recorded, time.monotonic())
        self._under_way[task] = under_way
        try:
            async with self._turns:
                response, error, answer = await self._exchange(request, recorded)
        except asyncio.CancelledError:
            if self._under_way.pop(task, None) is not None:
                self._tell_abandoned(under_way)
            raise
        del self._under_way[task]
        self._tell(recorded, response, error)
        return answer

    def note_broken(self, request: Request, reason: str) -> None:
        """A request that could not be read to its end."""
        self._tell(record_request(request, self._settings.kept_limit), None, f"{Kind.REFUSED.label}: {reason}")

    async def _exchange(self, request: Request, recorded: HttpRequest) -> tuple[HttpResponse | None, str, Response]:
        try:
            if (played := self._played(recorded)) is not None:
                if played.error.startswith(f"{Kind.ABANDONED.label}:"):
                    await self._wait_for_the_script_to_give_up()
                if played.response is None:
                    raise failure_of(played.error)
                return played.response, played.error, played_back(played.response, request.method)
            answer = await self._fetch(request)
        except Failure as failure:
            return None, str(failure), failure.response()
        keep_cookies = isinstance(self._policy, Live) and self._policy.keep_cookies
        response, error = record_response(answer, self._settings.kept_limit, keep_cookies=keep_cookies)
        return response, error, answer

    def _played(self, request: HttpRequest) -> HttpExchange | None:
        """The recorded exchange for this request; None when the world is to be asked. Raises Failure."""
        if isinstance(self._policy, Recorded):
            return self._policy.cassette.play(request)
        if self._policy.recorded is None or not self._policy.rebuilding():
            return None
        try:
            return self._policy.recorded.play(request)
        except Failure:  # what was under way when the process died has no answer yet
            return None

    async def _wait_for_the_script_to_give_up(self) -> None:
        """A recorded script that ran out of patience does so again, by its own clock."""
        await asyncio.sleep(self._settings.timeout)

    def _tell_abandoned(self, exchange: _UnderWay) -> None:
        waited = time.monotonic() - exchange.since
        self._tell(exchange.request, None, f"{Kind.ABANDONED.label}: the script gave up after {waited:.1f} s")

    def _tell(self, request: HttpRequest, response: HttpResponse | None, error: str) -> None:
        if not self._closed:
            self._policy.on_exchange(request, response, error)
