"""What passed is kept so that it can be read, played back and shown to anybody."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinline.runtime.outbound.failures import Failure, Kind, failure_of
from twinline.runtime.outbound.recording import body_of, played_back, record_request, record_response
from twinline.runtime.outbound.wire import Headers, Request, Response

LIMIT = 1000


def request(headers: Headers = (), body: bytes = b"") -> Request:
    return Request("POST", "http://a/b", headers, body)


@given(st.binary(max_size=LIMIT), st.integers(200, 599).filter(lambda status: status not in (204, 304)))
def test_any_answer_that_fits_is_played_back_as_it_was(body: bytes, status: int) -> None:
    recorded, error = record_response(Response(status, (("Content-Type", "x/y"), ("X-A", "b")), body), LIMIT)
    again = played_back(recorded, "GET")
    assert (again.status, again.body, error) == (status, body, "")
    assert again.headers == (("content-type", "x/y"), ("x-a", "b"), ("content-length", str(len(body))))


@given(st.binary(max_size=LIMIT))
def test_any_requests_body_that_fits_is_kept(body: bytes) -> None:
    assert body_of(record_request(request(body=body), LIMIT)) == body


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_answers_are_kept_readable(coding: str, compress: object) -> None:
    body = compress(b"hello")  # type: ignore[operator]
    recorded, _ = record_response(Response(200, (("Content-Encoding", coding),), body), LIMIT)
    assert (recorded.body, recorded.headers) == ("hello", {})


@pytest.mark.parametrize(("coding", "body"), [("br", b"\x0b\x02\x80hello\x03"), ("gzip", b"this is not gzip \xff")])
def test_what_cannot_be_decompressed_is_kept_as_it_was(coding: str, body: bytes) -> None:
    recorded, _ = record_response(Response(200, (("Content-Encoding", coding),), body), LIMIT)
    assert body_of(recorded) == body
    assert ("content-encoding", coding) in played_back(recorded, "GET").headers


def test_a_small_answer_that_unpacks_to_a_large_one_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000), compresslevel=9)
    recorded, error = record_response(Response(200, (("Content-Encoding", "gzip"),), bomb), len(bomb))
    assert recorded.body == ""
    assert error.startswith("not kept: ")


def test_a_large_answer_is_not_kept_and_that_is_said() -> None:
    recorded, error = record_response(Response(200, (), bytes(LIMIT + 1)), LIMIT)
    assert recorded.body == ""
    assert error == "not kept: the answer's body is over the 1,000 bytes that a transcript keeps"


def test_a_large_request_is_known_again_by_its_digest() -> None:
    large, other = (record_request(request(body=bytes([fill]) * (LIMIT + 1)), LIMIT) for fill in b"ab")
    assert large.body == other.body == ""
    assert large == record_request(request(body=b"a" * (LIMIT + 1)), LIMIT)
    assert large != other


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Authorization", "[redacted]"),
        ("X-Api-Key", "[redacted]"),
        ("X-Auth-Token", "[redacted]"),
        ("X-Hub-Signature", "[redacted]"),
        ("Cookie", "sid=[redacted]; theme=[redacted]"),
        ("X-Request", "sid=hunter2; theme=dark"),
    ],
)
def test_secrets_are_not_kept(name: str, kept: str) -> None:
    recorded = record_request(request(((name, "sid=hunter2; theme=dark"),)), LIMIT)
    assert recorded.headers == {name.lower(): kept}


def test_the_proxys_own_credentials_leave_no_trace() -> None:
    recorded = record_request(request((("Proxy-Authorization", "Basic x"), ("Proxy-Connection", "y"))), LIMIT)
    assert recorded.headers == {}


def test_cookies_keep_their_names_and_attributes() -> None:
    cookies = (("Set-Cookie", "sid=hunter2; Path=/; Expires=Mon, 1 Jan 2029"), ("Set-Cookie", "b=c"))
    recorded, _ = record_response(Response(200, cookies, b""), LIMIT)
    assert played_back(recorded, "GET").headers[:2] == (
        ("set-cookie", "sid=[redacted]; Path=/; Expires=Mon, 1 Jan 2029"),
        ("set-cookie", "b=[redacted]"),
    )


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body_are_played_back_without_a_length(status: int) -> None:
    recorded, _ = record_response(Response(status, (("ETag", "x"),), b""), LIMIT)
    assert played_back(recorded, "GET").headers == (("etag", "x"),)


@pytest.mark.parametrize("kind", Kind)
def test_a_kept_failure_is_the_same_failure_again(kind: Kind) -> None:
    failure = Failure(kind, "it rained: a lot")
    assert failure_of(str(failure)).response() == failure.response()
