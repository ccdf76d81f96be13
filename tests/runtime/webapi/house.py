"""A session without a worker: the real engine, the real way out, and an application behind a real HTTP server."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from tests.runtime.session.scripts import TestLine, facts
from twinline.model.transcript import HttpExchange, Logged, Outcome, SessionEnded, SessionStarted, Transcript
from twinline.runtime.outbound import Live, OutboundProxy, Recorded
from twinline.runtime.session import RealClock, RecordedLine, Session, VirtualClock
from twinline.runtime.webapi import WebScript, WebSettings, web_cassette

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Application:
    """An application: what it answers by path, and what it was told there."""

    url: str = ""
    answers: dict[str, object] = field(default_factory=dict)
    told: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if body := await request.read():
            document = json.loads(body)
            self.told.append((request.path, document.get("result") or document["session"]))
        answer = self.answers.get(request.path)
        if answer is None:
            return web.Response(status=404)
        if callable(answer):
            given: web.StreamResponse = await answer(request)
            return given
        return web.json_response({"tropo": answer})

    @property
    def authority(self) -> str:
        return self.url.removeprefix("http://")


@dataclass
class House:
    """Holds sessions with an application."""

    proxy: OutboundProxy
    application: Application
    settings: WebSettings = field(default_factory=WebSettings)
    checkpoints: list[Transcript] = field(default_factory=list)

    def script(self, session: Session, url: str) -> WebScript:
        return WebScript(
            url,
            application=session.started.application,
            clock=session.clock,
            warn=session.warn,
            ask=self.proxy.ask,
            settings=self.settings,
        )

    async def hold(
        self, *texts: str, initial: str | None = "Hello.", path: str = "/", recorded: Transcript = ()
    ) -> tuple[list[str], Transcript]:
        """A live session: what the caller gets to read, and the transcript. The caller writes `texts` when asked."""
        line = TestLine(*texts)

        async def checkpoint(session: Session) -> None:
            self.checkpoints.append(tuple(session.events))

        session = Session(
            facts(initial), line, RealClock(0.0), checkpoint=checkpoint, line_over=_nothing, time_limit=20.0,
            recorded=recorded,
        )  # fmt: skip
        way_out = Live(session.exchange, web_cassette(recorded), lambda: session.rebuilding, keep_cookies=True)
        credentials = self.proxy.register("live", way_out)
        try:
            transcript = await session.run(self.script(session, self.application.url + path), credentials)
        finally:
            self.proxy.unregister("live")
        return line.texts, transcript

    async def rehearse(self, recorded: Transcript, path: str = "/") -> Transcript:
        """The session again with the recorded caller and the recorded answers."""
        clock, started = VirtualClock(), recorded[0]
        assert isinstance(started, SessionStarted)
        session = Session(
            started, RecordedLine(recorded, clock), clock, checkpoint=_nothing, line_over=_nothing, time_limit=20.0,
            rehearsal=True,
        )  # fmt: skip
        credentials = self.proxy.register("lane", Recorded(web_cassette(recorded), session.exchange))
        try:
            return await session.run(self.script(session, self.application.url + path), credentials)
        finally:
            self.proxy.unregister("lane")


def outcome(transcript: Transcript) -> tuple[Outcome, str]:
    """How a session ended, and why."""
    end = transcript[-1]
    assert isinstance(end, SessionEnded)
    return end.outcome, end.reason


def log(transcript: Transcript) -> list[str]:
    """What the platform wrote into the session's log."""
    return [event.text for event in transcript if isinstance(event, Logged) and event.source == "platform"]


def exchanges(transcript: Transcript) -> list[HttpExchange]:
    return [event for event in transcript if isinstance(event, HttpExchange)]


async def slowly(_request: web.Request) -> web.StreamResponse:
    """An answer that does not come while anybody waits for it."""
    await asyncio.sleep(5)
    return web.Response()


async def _nothing(_session: Session) -> None:
    """Nobody is told."""
