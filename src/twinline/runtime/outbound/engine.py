"""The scripts' side of the proxy: mitmproxy's protocol layers on the connections of our own socket.

Comes in: streams of scripts' connections. Goes out: whole requests, each with the session that its credentials name,
to that session, which answers them. mitmproxy parses HTTP and takes TLS apart; it is never let near the network: what
goes out is `upstream.py`'s alone, so a rehearsal sends nothing whatever a script says to the proxy.
"""

import asyncio
import binascii
import logging
import time
from base64 import b64decode
from collections.abc import Callable
from types import TracebackType
from typing import Literal

import structlog
from mitmproxy import http
from mitmproxy.net.http import status_codes
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events, layer, layers, mode_specs, server
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.proxy.layers.http._hooks import HttpConnectHook, HttpErrorHook, HttpRequestHook
from mitmproxy.proxy.layers.tls import TlsStartClientHook
from OpenSSL import SSL

from twinline.runtime.outbound.authority import Authority
from twinline.runtime.outbound.exchange import Session
from twinline.runtime.outbound.settings import KIB, OutboundSettings
from twinline.runtime.outbound.wire import Request, Response

log = structlog.get_logger()

FindSession = Callable[[str], Session | None]
"""The session whose credentials (`user:password`) these are."""

_HEAD_LIMIT = 64 * KIB
"""Bytes of a request beside its body, with what TLS adds. nginx takes heads of 32 KiB."""

_PEER = ("sandbox", 0)
"""What mitmproxy calls the other end: a unix socket's has no address."""

_TLS_HANDSHAKE = 0x16
_MODE = mode_specs.ProxyMode.parse("regular")


class Engine:
    """Serves connections. `find` says whose the credentials are."""

    def __init__(self, settings: OutboundSettings, authority: Authority, find: FindSession) -> None:
        self.settings = settings
        self.authority = authority
        self.find = find
        self.options = _options(settings)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side has had enough. Cancelled, it closes it and leaves nothing behind."""
        await _Connection(self, reader, writer).serve()


def _options(settings: OutboundSettings) -> Options:
    """mitmproxy's own options, and those that its layers read though addons of its program define them."""
    options = Options()
    options.add_option("connection_strategy", str, "lazy", "")
    options.add_option("body_size_limit", str | None, str(settings.request_limit), "")
    options.add_option("stream_large_bodies", str | None, None, "")
    options.add_option("validate_inbound_headers", bool, True, "")
    options.add_option("proxy_debug", bool, False, "")
    return options


class _MeteredReader:
    """A reader that ends the connection when a script sends more than a request may hold before it is answered:
    mitmproxy has no limit on heads, nor on what comes after a request that is being answered."""

    def __init__(self, reader: asyncio.StreamReader, limit: int) -> None:
        self._reader = reader
        self._limit = limit
        self._left = limit

    def refill(self) -> None:
        """A request has been taken."""
        self._left = self._limit

    async def read(self, size: int) -> bytes:
        """The next bytes; none at the end."""
        data = await self._reader.read(size)
        self._left -= len(data)
        return data if self._left >= 0 else b""


class _Connection(server.LiveConnectionHandler):
    """One connection of a script."""

    def __init__(self, engine: Engine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Chunked coding is what makes a body longer on its way: twice is generous but for chunks of a few bytes.
        self._metered = _MeteredReader(reader, 2 * engine.settings.request_limit + _HEAD_LIMIT)
        super().__init__(self._metered, writer, engine.options, _MODE)  # type: ignore[arg-type]  # it only reads
        self.client.peername = self.client.sockname = _PEER
        self.timeout_watchdog.timeout = engine.settings.idle_timeout  # type: ignore[assignment]  # seconds, of any kind
        self._engine = engine
        self._session: Session | None = None

    async def serve(self) -> None:
        serving = asyncio.create_task(self.handle_client())
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self.stop()
            await serving
            raise
        finally:
            tasks = [*self.hook_tasks, *self.wakeup_timer]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        """End the connection; `serve` returns soon after."""
        client = self.transports.get(self.client)
        if client is not None and client.handler is not None:
            client.handler.cancel()
        else:
            self.client.error = "stopped before it was served"

    async def open_connection(self, command: commands.OpenConnection) -> None:
        """mitmproxy wants to go out by itself: never."""
        await self.server_event(events.OpenConnectionCompleted(command, "the proxy opens no connections of this kind"))
        self.transports.pop(command.connection, None)

    async def hook_task(self, hook: commands.StartHook) -> None:
        """A fault of ours in answering a hook would leave the script waiting: end the connection instead."""
        try:
            await super().hook_task(hook)
        except Exception:
            log.exception("outbound.connection_failed", hook=hook.name)
            self.stop()

    async def handle_hook(self, hook: commands.StartHook) -> None:
        """mitmproxy's layers tell what they have read, and ask what to do."""
        with self.timeout_watchdog.disarm():
            match hook:
                case layer.NextLayerHook(data=next_layer):
                    next_layer.layer = self._next_layer(next_layer)
                case TlsStartClientHook(data=start):
                    host = self.client.sni or (start.context.server.address or ("",))[0]
                    start.ssl_conn = SSL.Connection(self._engine.authority.context(host))
                    start.ssl_conn.set_accept_state()
                case HttpConnectHook(flow=flow):
                    self._session = self._session_of(flow.request)
                    if self._session is None:
                        flow.response = _who_are_you()
                case HttpRequestHook(flow=flow):
                    self._metered.refill()
                    flow.response = await self._answer(flow.request)
                case HttpErrorHook(flow=flow) if self._session is not None and flow.error is not None:
                    self._session.note_broken(_request(flow.request), flow.error.msg)

    def _next_layer(self, next_layer: layer.NextLayer) -> layer.Layer | None:
        """The layers as a proxy has them: HTTP, and within a tunnel HTTP again or TLS with HTTP in it."""
        context = next_layer.context
        if not context.layers:
            return layers.HttpLayer(context, HTTPMode.regular)
        start: bytes = next_layer.data_client()  # type: ignore[no-untyped-call]
        if not start:
            return None
        if start[0] == _TLS_HANDSHAKE and not context.client.tls:
            context.server.tls = True
            tls = layers.ClientTLSLayer(context)
            tls.child_layer = layers.HttpLayer(context, HTTPMode.transparent)
            return tls
        return layers.HttpLayer(context, HTTPMode.transparent)

    async def _answer(self, request: http.Request) -> http.Response:
        session = self._session_of(request) if "proxy-authorization" in request.headers else self._session
        if session is None or session.closed:
            return _who_are_you()
        self._session = session
        return _response(await session.answer(_request(request)))

    def _session_of(self, request: http.Request) -> Session | None:
        scheme, _, encoded = request.headers.get("proxy-authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            return self._engine.find(b64decode(encoded.strip(), validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            return None

    def log(
        self,
        message: str,
        level: int = logging.INFO,
        exc_info: Literal[True] | tuple[type[BaseException], BaseException, TracebackType | None] | None = None,
    ) -> None:
        """What mitmproxy has to say is about what scripts send, which is theirs to know; its own faults end the
        connection."""
        if exc_info:
            log.warning("outbound.connection_failed", reason=message, exc_info=exc_info)
            self.stop()


def _who_are_you() -> http.Response:
    body = b"The outbound proxy does not know these credentials.\n"
    return http.Response.make(status_codes.PROXY_AUTH_REQUIRED, body, {"Proxy-Authenticate": 'Basic realm="twinline"'})


def _request(request: http.Request) -> Request:
    fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.fields)
    return Request(method=request.method, url=_url(request), headers=fields, body=request.raw_content or b"")


def _url(request: http.Request) -> str:
    """The absolute URL. mitmproxy's own leaves the brackets of IPv6 addresses out."""
    host = f"[{request.host}]" if ":" in request.host else request.host
    default = {"http": 80, "https": 443}.get(request.scheme)
    port = "" if request.port == default else f":{request.port}"
    return f"{request.scheme}://{host}{port}{request.path}"


def _response(response: Response) -> http.Response:
    fields = tuple(
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in response.headers
    )
    now = time.time()
    return http.Response(
        http_version=b"HTTP/1.1",
        status_code=response.status,
        reason=(response.reason or status_codes.RESPONSES.get(response.status, "")).encode("latin-1", "replace"),
        headers=http.Headers(fields),
        content=response.body,
        trailers=None,
        timestamp_start=now,
        timestamp_end=now,
    )
