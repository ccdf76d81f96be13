"""Whole sessions on a text line, with an application behind a real HTTP server."""

import json
import socketserver
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from tests.runtime.webapi.house import Application, House, exchanges, log, outcome, slowly
from twinline.model.errors import Refused
from twinline.model.transcript import ErrorRaised, HttpExchange, MessageReceived, Outcome, Transcript, VerbStarted
from twinline.runtime.outbound import OutboundProxy, OutboundSettings
from twinline.runtime.outbound.wire import Request

ORDER = [
    {"on": {"event": "continue", "next": "/size"}},
    {"ask": {"name": "cake", "choices": {"value": "apple, cherry"}, "say": "Which cake?"}},
]
SIZE = [
    {"ask": {"name": "size", "choices": {"value": "[1-2 DIGITS]"}, "say": "How many pieces?", "timeout": "60"}},
    {"on": {"event": "continue", "next": "done?a=1"}},
]
DONE = [{"say": "Baked."}, {"message": {"to": "+14155550122", "say": {"value": "A new order"}}}, {"hangup": None}]


async def test_a_conversation_from_the_first_text_to_the_last(house: House, application: Application) -> None:
    application.answers = {"/": ORDER, "/size": SIZE, "/done": DONE}
    texts, transcript = await house.hold("12", initial="cherry")
    assert texts == ["How many pieces?", "Baked.", "A new order"]
    assert outcome(transcript) == (Outcome.COMPLETED, "")
    (start, session), (size, first), (done, second) = application.told
    assert (start, session["initialText"], session["applicationId"]) == ("/", "cherry", "test")
    assert (size, first["sequence"], first["actions"]["value"]) == ("/size", 1, "cherry")  # type: ignore[index]
    assert (done, second["sequence"], second["actions"]["value"]) == ("/done", 2, "12")  # type: ignore[index]
    assert application.requests[2].path_qs == "/done?a=1"


async def test_posts_are_json_and_every_exchange_is_in_the_transcript(house: House, application: Application) -> None:
    application.answers = {"/": ORDER, "/size": DONE}
    _, transcript = await house.hold(initial="apple")
    first, second = exchanges(transcript)
    assert first.request.headers["content-type"] == "application/json; charset=UTF-8"
    assert json.loads(first.request.body)["session"]["id"] == "s"
    assert second.response is not None
    assert json.loads(second.response.body) == {"tropo": DONE}


async def test_a_verb_stands_in_the_transcript_with_its_documents_address_and_its_place(
    house: House, application: Application
) -> None:
    application.answers = {"/": ORDER, "/size": DONE}
    _, transcript = await house.hold(initial="apple")
    verbs = [event for event in transcript if isinstance(event, VerbStarted)]
    assert [(event.verb, event.file.removeprefix(application.url), event.line) for event in verbs] == [
        ("ask", "/", 2), ("say", "/size", 1), ("message", "/size", 2), ("hangup", "/size", 3),
    ]  # fmt: skip


async def test_a_result_that_is_missing_twice_is_asked_for_twice(house: House, application: Application) -> None:
    ask = {"name": "cake", "attempts": 3, "choices": {"value": "apple"}, "timeout": 0.05,
           "say": [{"event": "nomatch", "value": "We have none."}, {"value": "Which cake?"}]}  # fmt: skip
    application.answers = {"/": [{"ask": ask}, {"on": {"event": "incomplete", "next": "/no"}}], "/no": []}
    texts, _ = await house.hold("plum", initial=None)
    assert texts == ["Which cake?", "We have none. Which cake?", "Which cake?"]
    (_, (path, result)) = application.told
    assert path == "/no"
    assert result["actions"] == {"name": "cake", "attempts": 3, "disposition": "TIMEOUT"}


async def test_cookies_are_kept_for_the_session_and_sent_where_they_belong(
    house: House, application: Application
) -> None:
    async def first(_request: web.Request) -> web.StreamResponse:
        response = web.json_response({"tropo": ORDER})
        response.set_cookie("rack.session", "BAh7--1=")
        response.set_cookie("elsewhere", "x", path="/elsewhere")
        return response

    async def gone(_request: web.Request) -> web.StreamResponse:
        response = web.json_response({"tropo": [{"on": {"event": "continue", "next": "/end"}}]})
        response.del_cookie("rack.session")
        return response

    application.answers = {"/": first, "/size": gone, "/end": []}
    await house.hold(initial="apple")
    assert [request.headers.get("Cookie") for request in application.requests] == [None, "rack.session=BAh7--1=", None]
    await house.hold(initial="apple")
    assert application.requests[3].headers.get("Cookie") is None


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
async def test_redirects_are_followed_and_next_is_relative_to_their_end(
    house: House, application: Application, status: int, method: str
) -> None:
    async def away(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/shop/start#top"})

    application.answers = {"/": away, "/shop/start": [{"on": {"event": "continue", "next": "end"}}], "/shop/end": []}
    _, transcript = await house.hold()
    assert [(request.method, request.path) for request in application.requests] == [
        ("POST", "/"), (method, "/shop/start"), ("POST", "/shop/end"),
    ]  # fmt: skip
    assert outcome(transcript)[0] is Outcome.COMPLETED
    assert len(exchanges(transcript)) == 3


async def test_redirects_that_go_round_come_to_an_end(house: House, application: Application) -> None:
    async def round_and_round(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "/"})

    application.answers = {"/": round_and_round}
    _, transcript = await house.hold()
    assert outcome(transcript)[0] is Outcome.FAILED
    assert "more than 5 redirects" in outcome(transcript)[1]
    assert len(application.requests) == 6


@pytest.mark.parametrize("location", ["", "ftp://a/b", "http://[", "http://user:word@a/"])
async def test_a_redirect_to_nowhere_fails(house: House, application: Application, location: str) -> None:
    async def away(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location} if location else {})

    application.answers = {"/": away}
    _, transcript = await house.hold()
    assert "302 with nowhere to go" in outcome(transcript)[1]


async def _broken(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=500, text="oh no")


async def _html(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>", content_type="text/html")


async def _large(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"tropo": [{"say": "a" * 20_000}]})


async def _huge(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=b" " * 100_000)


async def _cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"tropo": [')
    assert request.transport is not None
    request.transport.close()
    return response


FAILURES = [
    (_broken, "received non-2XX status code 500"),
    (_html, "the answer is no JSON: JSON is malformed"),
    (_html, "[code=200]"),
    (_large, "at most 16,384 are read"),
    (_huge, "too large: "),
    (_cut, "unreachable: "),
    (slowly, "no answer within 2 s"),
]


@pytest.mark.parametrize(("answer", "sentence"), FAILURES, ids=lambda value: getattr(value, "__name__", None))
async def test_an_application_that_fails_at_its_start_fails_the_session_with_address_and_reason(
    house: House, application: Application, answer: object, sentence: str
) -> None:
    application.answers = {"/": answer}
    texts, transcript = await house.hold()
    (error,) = [event.error for event in transcript if isinstance(event, ErrorRaised)]
    assert texts == []
    assert sentence in error.message
    assert f"[url={application.url}/]" in error.message
    assert error.file == f"{application.url}/"
    assert outcome(transcript) == (Outcome.FAILED, f"WebApiError: {error.message}")


async def test_an_application_that_fails_later_is_told_where_it_said_and_may_go_on(
    house: House, application: Application
) -> None:
    failing = [{"on": {"event": "continue", "next": "/broken"}}, {"on": {"event": "error", "next": "/mend"}}]
    application.answers = {"/": failing, "/broken": _broken, "/mend": [{"say": "Sorry."}]}
    texts, transcript = await house.hold()
    assert texts == ["Sorry."]
    path, result = application.told[-1]
    assert (path, result["sequence"], result["complete"]) == ("/mend", 2, False)
    assert result["error"] == f"received non-2XX status code 500 [url={application.url}/broken]"
    assert result["error"] in log(transcript)


async def test_an_address_that_scripts_may_not_reach_is_not_reached(authority: Path, tmp_path: Path) -> None:
    application = Application(url="http://127.0.0.1:1")
    settings = OutboundSettings()
    async with OutboundProxy(socket=tmp_path / "out.sock", ca_folder=authority, settings=settings) as proxy:
        _, transcript = await House(proxy, application).hold()
    assert "refused: 127.0.0.1:1 leads to a loopback address" in outcome(transcript)[1]


async def test_a_session_that_is_over_has_no_way_out(house: House) -> None:
    with pytest.raises(Refused, match="no way out"):
        await house.proxy.ask("gone:secret", Request("POST", f"{house.application.url}/", (), b""))
    assert house.application.requests == []


async def test_what_only_a_telephone_can_do_is_an_error_that_names_the_verb(
    house: House, application: Application
) -> None:
    wants = [{"conference": {"id": "room"}}, {"on": {"event": "error", "next": "/text"}}]
    application.answers = {"/": wants, "/text": [{"say": "By text, then."}]}
    texts, transcript = await house.hold()
    assert texts == ["By text, then."]
    assert "conference needs a telephone call" in str(application.told[-1][1]["error"])
    assert any("conference (item 1)" in line for line in log(transcript))


async def test_the_end_of_the_line_is_told_and_an_empty_reply_is_enough(house: House, application: Application) -> None:
    async def empty(_request: web.Request) -> web.StreamResponse:
        return web.Response(content_type="text/html")

    application.answers = {"/": [{"hangup": {}}, {"on": {"event": "hangup", "next": "/gone"}}], "/gone": empty}
    _, transcript = await house.hold()
    path, result = application.told[-1]
    assert (path, result["state"], result["complete"]) == ("/gone", "DISCONNECTED", True)
    assert outcome(transcript) == (Outcome.COMPLETED, "")


async def test_what_is_tolerated_is_in_the_log_with_the_address(house: House, application: Application) -> None:
    application.answers = {"/": [{"sing": {"tune": 1}}, {"say": "Hi"}]}
    texts, transcript = await house.hold()
    assert texts == ["Hi"]
    assert log(transcript) == [f"'sing' (item 1) is no verb; it is left out [url={application.url}/]"]


async def test_a_file_on_a_server_of_files_is_an_application(house: House, authority: Path, tmp_path: Path) -> None:
    """Python's own server answers a post with 501, others with 405: the file is then got."""
    (tmp_path / "hello.json").write_text('{"tropo": [{"say": "Hello from a file"}]}')
    handler = partial(_Quiet, directory=str(tmp_path))
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            application = Application(url=f"http://127.0.0.1:{server.server_address[1]}")
            settings = OutboundSettings(allow=frozenset({application.authority}))
            async with OutboundProxy(socket=tmp_path / "f.sock", ca_folder=authority, settings=settings) as proxy:
                texts, transcript = await House(proxy, application).hold(path="/hello.json")
        finally:
            server.shutdown()
            serving.join()
    assert texts == ["Hello from a file"]
    assert [each.request.method for each in exchanges(transcript)] == ["POST", "GET"]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """A test prints nothing."""


async def test_a_rehearsal_gets_the_recorded_answers_and_asks_nobody(house: House, application: Application) -> None:
    application.answers = {"/": ORDER, "/size": SIZE, "/done": DONE}
    _, recorded = await house.hold("12", initial="cherry")
    asked = len(application.requests)
    lane = await house.rehearse(_slower(recorded))
    assert outcome(lane) == (Outcome.COMPLETED, "")
    assert len(application.requests) == asked
    assert [event.verb for event in lane if isinstance(event, VerbStarted)] == [
        "ask",
        "ask",
        "say",
        "message",
        "hangup",
    ]
    assert [each.response for each in exchanges(lane)] == [each.response for each in exchanges(recorded)]


def _slower(recorded: Transcript) -> Transcript:
    """The same session with a caller who thought for half an hour, as the documents of that day would say."""
    return tuple(_later(event) if isinstance(event, HttpExchange) else event for event in recorded)


def _later(exchange: HttpExchange) -> HttpExchange:
    body = exchange.request.body.replace('"sessionDuration":0', '"sessionDuration":1800')
    return msgspec.structs.replace(exchange, request=msgspec.structs.replace(exchange.request, body=body))


async def test_a_rehearsal_that_goes_another_way_is_a_cassette_miss_with_the_address(
    house: House, application: Application
) -> None:
    application.answers = {"/": ORDER, "/size": DONE}
    _, recorded = await house.hold(initial="cherry")
    first = exchanges(recorded)[0]
    lane = await house.rehearse(tuple(event for event in recorded if event in (first, recorded[0])))
    assert outcome(lane)[0] is Outcome.FAILED
    assert "cassette miss" in outcome(lane)[1]
    assert f"[url={application.url}/size]" in outcome(lane)[1]


async def test_a_session_goes_on_after_its_process_was_lost_and_repeats_nothing(
    house: House, application: Application
) -> None:
    async def first(_request: web.Request) -> web.StreamResponse:
        response = web.json_response({"tropo": [{"say": "Welcome"}, *ORDER]})
        response.set_cookie("cart", "c7")
        return response

    application.answers = {"/": first, "/size": SIZE, "/done": DONE}
    _, whole = await house.hold("12", initial="cherry")
    lost = house.checkpoints[-1]
    application.requests.clear()
    texts, transcript = await house.hold("7", initial="cherry", recorded=lost)
    assert texts == ["Baked.", "A new order"]
    assert [request.path for request in application.requests] == ["/done"]
    assert application.requests[0].headers["Cookie"] == "cart=c7"
    assert application.told[-1][1]["sequence"] == 2
    assert outcome(transcript) == (Outcome.COMPLETED, "")
    assert transcript[: len(lost)] == lost
    assert [event.text for event in transcript if isinstance(event, MessageReceived)] == ["7"]
    assert len(exchanges(transcript)) == len(exchanges(whole))
