"""From bytes to words of the transcript and back.

Comes in: requests and answers as they passed. Goes out: the structs that a transcript keeps (secrets taken out, bodies
as text where they are text, large ones left out and told of), and the answer to give when one is played back.
"""

import base64
import hashlib
import zlib

from twinline.model.transcript import HttpRequest, HttpResponse
from twinline.runtime.outbound.normal import normal_body
from twinline.runtime.outbound.wire import Headers, Request, Response, header

REDACTED = "[redacted]"

BODY_DIGEST = "x-twinline-body-sha256"
"""In place of a request's body that is too large to keep: the SHA-256 of its normal form, which is enough to know it
again."""

_KEPT_OF_REQUESTS = frozenset(
    {
        "accept",
        "content-type",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "idempotency-key",
        "range",
        "soapaction",
    }
)
_KEPT_OF_ANSWERS = frozenset(
    {
        "allow", "cache-control", "content-disposition", "content-language", "content-range", "content-type", "etag",
        "expires", "last-modified", "link", "location", "retry-after", "vary", "www-authenticate",
    }
)  # fmt: skip
"""What scripts read of an answer. Dates, servers and connection matters are left out: they differ each time."""

_COOKIES = ("cookie", "set-cookie")
_SECRET_WORDS = ("auth", "key", "password", "secret", "session", "signature", "token")


def record_request(request: Request, kept_limit: int) -> HttpRequest:
    """The request as a transcript keeps it."""
    headers = _kept(request.headers, _KEPT_OF_REQUESTS)
    if len(request.body) > kept_limit:
        normal = normal_body(request.body, header(request.headers, "content-type"))
        return HttpRequest(
            method=request.method, url=request.url, headers=headers | {BODY_DIGEST: hashlib.sha256(normal).hexdigest()}
        )
    body, encoded = _as_text(request.body)
    return HttpRequest(method=request.method, url=request.url, headers=headers, body=body, encoded=encoded)


def record_response(response: Response, kept_limit: int, *, keep_cookies: bool = False) -> tuple[HttpResponse, str]:
    """The answer as a transcript keeps it, and an error when its body was too large to be kept (else empty).

    The content coding is undone where it can be, so that the transcript can be read. `keep_cookies` keeps their values.
    """
    headers = _kept(response.headers, _KEPT_OF_ANSWERS, keep_cookies=keep_cookies)
    coding = header(response.headers, "content-encoding").strip().lower()
    body = response.body
    if coding:
        plain = _decoded(body, coding, kept_limit)
        if plain is None:
            headers["content-encoding"] = coding
        else:
            body = plain
    if len(body) > kept_limit:
        error = f"{NOT_KEPT}the answer's body is over the {kept_limit:,} bytes that a transcript keeps"
        return HttpResponse(status=response.status, headers=headers), error
    text, encoded = _as_text(body)
    return HttpResponse(status=response.status, headers=headers, body=text, encoded=encoded), ""


NOT_KEPT = "not kept: "
"""How the error of an exchange begins that was answered but cannot be played back."""


def played_back(recorded: HttpResponse, method: str) -> Response:
    """The recorded answer as bytes again, for a request by `method`."""
    body = body_of(recorded)
    headers = tuple(
        (name, line) for name, value in recorded.headers.items() for line in value.split("\n")
    )  # several cookies are kept one a line: a comma may stand inside one
    bodiless = recorded.status < 200 or recorded.status in (204, 304)
    if not bodiless and method != "HEAD":
        headers += (("content-length", str(len(body))),)
    return Response(status=recorded.status, headers=headers, body=b"" if bodiless else body)


def body_of(recorded: HttpRequest | HttpResponse) -> bytes:
    """A kept body as the bytes that it was. Raises binascii.Error when a transcript's base64 is broken."""
    return base64.b64decode(recorded.body, validate=True) if recorded.encoded else recorded.body.encode()


def _kept(headers: Headers, names: frozenset[str], *, keep_cookies: bool = False) -> dict[str, str]:
    kept: dict[str, str] = {}
    for raw, value in headers:
        name = raw.lower()
        if name in _COOKIES:
            line, joint = value if keep_cookies else _redacted_cookie(name, value), "\n"
        elif name.startswith("proxy-"):
            continue
        elif name in names:
            line, joint = value, ", "
        elif any(word in name for word in _SECRET_WORDS):
            line, joint = REDACTED, ", "
        elif name.startswith("x-"):
            line, joint = value, ", "
        else:
            continue
        kept[name] = f"{kept[name]}{joint}{line}" if name in kept else line
    return kept


def _redacted_cookie(name: str, value: str) -> str:
    """Names stay, so that a script that looks for a cookie finds it in a rehearsal too; values go."""
    if name == "set-cookie":
        pair, semicolon, attributes = value.partition(";")
        return f"{pair.partition('=')[0]}={REDACTED}{semicolon}{attributes}"
    return "; ".join(f"{pair.partition('=')[0].strip()}={REDACTED}" for pair in value.split(";"))


def _as_text(body: bytes) -> tuple[str, bool]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True
    return (base64.b64encode(body).decode(), True) if "\0" in text else (text, False)


def _decoded(body: bytes, coding: str, limit: int) -> bytes | None:
    """The body without its content coding, at most one byte over `limit`; None when that is not possible here."""
    if coding not in ("gzip", "x-gzip", "deflate"):
        return None
    try:
        # 32 + 15: gzip and zlib are told apart by their headers.
        return zlib.decompressobj(32 + 15).decompress(body, limit + 1)
    except zlib.error:
        return None
