"""Asking an application over HTTP: a post, its redirects, the session's cookies, and a document in the end.

Comes in: an address and a JSON body. Goes out: the document and the address that it came from, or `Unanswered`, which
says why there is none. All of it passes the session's way out, which records it and, in a rehearsal, answers by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin

import msgspec

from twinline.model.webapi import is_web_address
from twinline.runtime.outbound.failures import HEADER
from twinline.runtime.outbound.wire import Request, Response, header
from twinline.runtime.webapi.document import Document, DocumentError, read_document

if TYPE_CHECKING:
    from aiohttp import CookieJar

Ask = Callable[[Request], Awaitable[Response]]
"""The session's way out: always gives an answer, if only one that says why there is none."""

KIB = 1024

_AS_GET = frozenset({301, 302, 303})
_AS_BEFORE = frozenset({307, 308})
_NOT_POSTED_TO = frozenset({405, 501})
"""What servers of files say to a post."""


class WebSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits on what an application may do to a session of its own."""

    timeout: float = 15.0
    """Seconds from a post to the end of its answer, redirects included. Twilio waits 15 s for its webhooks."""

    redirects: int = 5
    """In one exchange. Browsers follow 20, but nobody waits at their other end."""

    document_limit: int = 256 * KIB
    """Bytes of an answer: as many as a transcript keeps, so that every session can be rehearsed."""


class Unanswered(Exception):
    """There was no usable answer from `url`."""

    def __init__(self, reason: str, url: str) -> None:
        self.reason = reason
        self.url = url
        super().__init__(f"{reason} [url={url}]")


class Answered(msgspec.Struct, frozen=True):
    """What the application wants done, and from where it said so."""

    url: str
    document: Document


class Fetching:
    """One session's exchanges with its application; they share their cookies."""

    def __init__(self, ask: Ask, settings: WebSettings) -> None:
        self._ask = ask
        self._settings = settings
        self._cookies: CookieJar | None = None

    async def post(self, url: str, body: bytes) -> Answered:
        """Post JSON and read the document that comes back. Raises Unanswered."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await self._exchange(url, body)
        except TimeoutError as late:
            raise Unanswered(f"no answer within {self._settings.timeout:g} s", url) from late

    async def _exchange(self, url: str, body: bytes) -> Answered:
        """A file's server takes no posts, but a file may be an application: it is then asked for the file."""
        method, place = "POST", url
        for _ in range(self._settings.redirects + 1):
            response = await self._send(method, place, body if method == "POST" else b"")
            if response.status in _NOT_POSTED_TO and method == "POST":
                method = "GET"
                response = await self._send(method, place, b"")
            if response.status not in _AS_GET | _AS_BEFORE:
                return self._read(response, place)
            if response.status in _AS_GET:
                method = "GET"
            place = _following(response, place)
        raise Unanswered(f"more than {self._settings.redirects} redirects, the last of them to {place}", url)

    async def _send(self, method: str, url: str, body: bytes) -> Response:
        cookies = _cookies_for(self._cookies, url)
        headers = (
            ("Accept", "application/json"),
            ("User-Agent", "Twinline"),
            *((("Content-Type", "application/json; charset=UTF-8"),) if method == "POST" else ()),
            *((("Cookie", cookies),) if cookies else ()),
        )
        response = await self._ask(Request(method, url, headers, body))
        if header(response.headers, HEADER.lower()):
            raise Unanswered(response.body.decode(errors="replace").strip(), url)
        self._cookies = _taken(self._cookies, response, url)
        return response

    def _read(self, response: Response, url: str) -> Answered:
        if not 200 <= response.status < 300:
            raise Unanswered(f"received non-2XX status code {response.status}", url)
        if len(response.body) > self._settings.document_limit:
            limit = self._settings.document_limit
            raise Unanswered(f"the answer has {len(response.body):,} bytes; at most {limit:,} are read", url)
        try:
            document = read_document(response.body, header(response.headers, "content-type"))
        except DocumentError as error:
            raise Unanswered(f"{error} [code={response.status}]", url) from error
        return Answered(url, document)


def _following(response: Response, url: str) -> str:
    """Where a redirect leads. Raises Unanswered."""
    location = header(response.headers, "location")
    try:
        following = urldefrag(urljoin(url, location)).url
    except ValueError:
        following = ""
    if not location or not is_web_address(following):
        raise Unanswered(f"received status code {response.status} with nowhere to go: {location[:200]!r}", url)
    return following


def _cookies_for(jar: "CookieJar | None", url: str) -> str:
    if jar is None:
        return ""
    from yarl import URL  # noqa: PLC0415  # see `_taken`

    return "; ".join(f"{cookie.key}={cookie.value}" for cookie in jar.filter_cookies(URL(url)).values())


def _taken(jar: "CookieJar | None", response: Response, url: str) -> "CookieJar | None":
    """The jar with an answer's cookies, made for the first of them. Hosts without a name may give cookies too."""
    given = [value for name, value in response.headers if name.lower() == "set-cookie"]
    if not given:
        return jar
    from aiohttp import CookieJar  # noqa: PLC0415  # heavy; whoever has asked the world has loaded it elsewhere
    from yarl import URL  # noqa: PLC0415

    jar = CookieJar(unsafe=True, quote_cookie=False) if jar is None else jar
    jar.update_cookies_from_headers(given, URL(url))
    return jar
