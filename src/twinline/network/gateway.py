"""The message gateway: carriers hand messages over by HTTP.

Comes in: webhooks of every dialect. Goes out: `InboundMessage` on the bus, and an answer to the carrier that is only
given when the message is on disk there. The bus drops repetitions of a message by the carrier's own identifier.
"""

import asyncio
import hashlib
import math
import time
from collections.abc import Awaitable, Callable

import msgspec
import nats.errors
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from twinline.bus import Bus, names
from twinline.model.messages import TEXT_LIMIT, InboundMessage
from twinline.network.carriers import KINDS, Arrival, Dialect, Received, dialect
from twinline.network.directory import Directory
from twinline.network.problems import Rejection, problem
from twinline.network.settings import EdgeSettings
from twinline.network.throttle import Throttle

BODY_LIMIT = 64 * 1024
"""Bytes of a request. A text of `TEXT_LIMIT` characters, percent-encoded in UTF-8, mostly stays below."""

RETRY_AFTER = 1
"""Seconds after which a carrier should try again when the bus is away."""

log = structlog.get_logger()


class Gateway:
    """The webhooks of all dialects, and `/healthz`."""

    def __init__(self, bus: Bus, directory: Directory, settings: EdgeSettings) -> None:
        self._bus = bus
        self._directory = directory
        self._settings = settings
        self._throttle = Throttle(settings.sender_rate, settings.sender_burst)

    def application(self) -> web.Application:
        """The web application, to be served by its owner."""
        application = web.Application(client_max_size=BODY_LIMIT, middlewares=[_problems])
        for kind in KINDS:
            spoken = dialect(kind)
            application.router.add_post(spoken.path, self._handler(spoken))
        application.router.add_get("/healthz", self._health)
        return application

    def _handler(self, spoken: Dialect) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def accept(request: web.Request) -> web.Response:
            return await self._accept(request, spoken)

        return accept

    async def _accept(self, request: web.Request, spoken: Dialect) -> web.Response:
        arrival = Arrival(
            url=self._settings.public + request.path_qs,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        received = spoken.read(arrival)
        message = self._check(spoken, arrival, received)
        await self._keep(spoken, message)
        answer = spoken.accepted(message.id)
        return web.Response(status=answer.status, content_type=answer.content_type, body=answer.body)

    def _check(self, spoken: Dialect, arrival: Arrival, received: Received) -> InboundMessage:
        entry = self._directory.address(received.to)
        if entry is None:
            raise Rejection(404, f"no application has the address {received.to}", where="to", mend="add it first")
        if entry.carrier.kind != spoken.kind:
            raise Rejection(
                403,
                f"the carrier of {received.to} speaks {entry.carrier.kind}, not {spoken.kind}",
                where="to",
                mend=f"use the webhook of {entry.carrier.kind}",
            )
        now = time.time()
        spoken.verify(arrival, entry.carrier, now, self._settings.signature_tolerance)
        if len(received.text) > TEXT_LIMIT:
            raise Rejection(
                413, f"{len(received.text)} characters", where="text", mend=f"at most {TEXT_LIMIT} in one message"
            )
        if wait := self._throttle.wait(f"{received.to}\n{received.sender}", now):
            raise Rejection(
                429, f"too many messages from {received.sender}", where="from", mend="send more slowly",
                retry_after=math.ceil(wait),
            )  # fmt: skip
        return InboundMessage(
            id=message_id(spoken.kind, received.to, received.id),
            address=received.to,
            sender=received.sender,
            text=received.text,
            network=received.network,
            carrier_id=received.id,
            received_at=now,
        )

    async def _keep(self, spoken: Dialect, message: InboundMessage) -> None:
        """Put the message on disk. Raises Rejection 503 when the bus does not confirm it."""
        try:
            if not self._bus.client.is_connected:
                raise nats.errors.ConnectionReconnectingError
            async with asyncio.timeout(self._settings.accept_timeout):
                await self._bus.publish(names.INBOUND_SUBJECT, message, once=f"{spoken.kind}:{message.id}")
        except (nats.errors.Error, OSError) as error:
            log.warning("gateway.refused", message=message.id, reason=str(error) or repr(error))
            raise Rejection(
                503, "the message cannot be kept now", where="bus", mend="send it again, with the same identifier",
                retry_after=RETRY_AFTER,
            ) from error  # fmt: skip

    async def _health(self, _request: web.Request) -> web.Response:
        connected = self._bus.client.is_connected
        healthy = connected and self._directory.complete.is_set()
        return web.json_response(
            {"healthy": healthy, "bus": connected, "directory": self._directory.complete.is_set()},
            status=200 if healthy else 503,
        )


def message_id(kind: str, address: str, carrier_id: str) -> str:
    """Our identifier of a carrier's message: the same for a repetition, never the same for another address."""
    return hashlib.sha256(f"{kind}\n{address}\n{carrier_id}".encode()).hexdigest()[:32]


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error in one shape."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        rejection = Rejection(400, "too large", where="body", mend=f"at most {BODY_LIMIT} bytes")
    except web.HTTPNotFound:
        rejection = Rejection(404, f"there is no {request.path}", where="path", mend="see docs/messages.md")
    except web.HTTPMethodNotAllowed as error:
        rejection = Rejection(
            405, f"{error.method} is not allowed", where="method", mend=" ".join(error.allowed_methods)
        )
    except Rejection as error:
        rejection = error
    log.info("gateway.rejected", path=request.path, status=rejection.status, reason=str(rejection))
    headers = {"Retry-After": str(rejection.retry_after)} if rejection.retry_after is not None else None
    return web.Response(
        status=rejection.status,
        content_type="application/problem+json",
        body=msgspec.json.encode(problem(rejection)),
        headers=headers,
    )
