"""The only place where Twinline's runtime talks HTTP to the world.

Comes in: a request of a live session. Goes out: the answer, or a `Failure` that says why there was none.

Each exchange has a connection of its own, as `urllib` makes them: one kept for the next exchange may have been logged
in by another session (NTLM does that to connections), and closes at moments of its own choosing, which would show in
scripts as failures that the network never had.
"""

import asyncio
import socket
import ssl
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from twinline.runtime.outbound.destinations import refusal
from twinline.runtime.outbound.failures import Failure, Kind
from twinline.runtime.outbound.settings import OutboundSettings
from twinline.runtime.outbound.wire import Headers, Request, Response, header

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "expect"}
)
"""Fields that belong to one connection (RFC 9110, 7.6.1), and those that aiohttp writes by what it sends."""

_ADDED_BY_AIOHTTP = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_CHUNK = 64 * 1024


class Upstream:
    """Fetches for live sessions. Must be made in a running event loop; closed once by its owner."""

    def __init__(self, settings: OutboundSettings) -> None:
        """Raises OSError or ssl.SSLError when the settings' authorities cannot be read."""
        self._settings = settings
        trust = ssl.create_default_context()
        if settings.authorities is not None:
            trust.load_verify_locations(settings.authorities)
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_CheckedNames(settings), use_dns_cache=False, force_close=True, limit=0, ssl=trust
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_ADDED_BY_AIOHTTP,
            timeout=aiohttp.ClientTimeout(
                total=settings.timeout, connect=settings.connect_timeout, sock_connect=settings.connect_timeout
            ),
        )

    async def close(self) -> None:
        """Close what is open; exchanges under way fail."""
        await self._client.close()

    async def fetch(self, request: Request) -> Response:
        """Ask the world. Redirects are the script's to follow. Raises Failure."""
        try:
            url = URL(request.url, encoded=True)
            where = _place(url.host or "", url.port or 0)
        except ValueError as broken:
            raise Failure(Kind.REFUSED, f"{request.url} is no URL ({broken})") from broken
        self._check_literal(url, where)
        try:
            async with self._client.request(
                request.method,
                url,
                headers=_passed_on(request.headers),
                data=request.body if request.body or header(request.headers, "content-length") else None,
                allow_redirects=False,
            ) as answer:
                return await self._read(answer, where)
        except aiohttp.ClientConnectorDNSError as unknown:
            if isinstance(unknown.os_error, _Refused):
                raise Failure(Kind.REFUSED, str(unknown.os_error)) from unknown
            raise Failure(Kind.UNREACHABLE, f"{where}: the name is not known") from unknown
        except TimeoutError as late:
            limit = self._settings.timeout
            if isinstance(late, aiohttp.ConnectionTimeoutError):
                limit = self._settings.connect_timeout
            raise Failure(Kind.TIMED_OUT, f"{where} did not answer within {limit:g} s") from late
        except aiohttp.InvalidURL as odd:  # such as 127.1, a loopback address to some and a name to others
            raise Failure(Kind.REFUSED, f"{where} is no place that can be asked ({odd})") from odd
        except (aiohttp.ClientError, OSError, ValueError) as broken:
            raise Failure(Kind.UNREACHABLE, f"{where}: {_sentence(broken)}") from broken

    def _check_literal(self, url: URL, where: str) -> None:
        """aiohttp asks no resolver for an address, so it is judged here. Raises Failure."""
        try:
            address = str(ip_address(url.host or ""))
        except ValueError:
            return
        if forbidden := _forbidden(address, where, self._settings):
            raise Failure(Kind.REFUSED, forbidden)

    async def _read(self, answer: aiohttp.ClientResponse, where: str) -> Response:
        body = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > self._settings.response_limit:
                limit = self._settings.response_limit
                raise Failure(Kind.TOO_LARGE, f"the answer of {where} is over {limit:,} bytes")
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw_headers)
        return Response(
            status=answer.status,
            headers=_with_length(headers, answer, bytes(body)),
            body=bytes(body),
            reason=answer.reason or "",
        )


class _Refused(OSError):
    """A name stands for an address that scripts may not reach. An OSError, as resolvers must raise."""


class _CheckedNames(AbstractResolver):
    """Looks names up and gives only addresses that may be reached: aiohttp connects to these and looks no further."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._settings = settings

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        addresses = [str(info[4][0]) for info in found]
        reasons = [_forbidden(address, _place(host, port), self._settings) for address in addresses]
        allowed = [info for info, reason in zip(found, reasons, strict=True) if not reason]
        if not allowed:
            raise _Refused(reasons[0] if reasons else f"{host} has no address")
        return [
            ResolveResult(
                hostname=host,
                host=str(info[4][0]),
                port=port,
                family=info[0],
                proto=info[2],
                flags=socket.AI_NUMERICHOST,
            )
            for info in allowed
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _forbidden(address: str, where: str, settings: OutboundSettings) -> str:
    if where.lower() in settings.allow:
        return ""
    reason = refusal(address, private=settings.private)
    return f"{where} leads to {reason} ({address})" if reason else ""


def _passed_on(headers: Headers) -> list[tuple[str, str]]:
    own = {name.strip().lower() for name in header(headers, "connection").split(",")}
    return [
        (name, value)
        for name, value in headers
        if (low := name.lower()) not in _HOP_BY_HOP and low not in own and not low.startswith("proxy-")
    ]


def _with_length(headers: Headers, answer: aiohttp.ClientResponse, body: bytes) -> Headers:
    """The fields for the script's own connection: a whole body has a known length."""
    length = header(headers, "content-length")
    kept = tuple(_passed_on(headers))
    if answer.method == "HEAD":  # its length is that of the body that a GET would get
        return (*kept, ("Content-Length", length)) if length else kept
    bodiless = answer.status < 200 or answer.status in (204, 304)
    return kept if bodiless else (*kept, ("Content-Length", str(len(body))))


def _sentence(error: Exception) -> str:
    """What went wrong, without the library's way of putting it."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message})"
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    if isinstance(cause, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return "the connection was closed before the answer was complete"
    if isinstance(cause, aiohttp.ClientPayloadError):
        return "the answer ended before it was complete"
    return str(cause) or type(cause).__name__
