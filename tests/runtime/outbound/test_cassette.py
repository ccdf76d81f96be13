"""A cassette answers the n-th request of a kind with the n-th recorded answer to that kind, and nothing else."""

import json
from collections import Counter
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinline.model.transcript import HttpExchange, HttpRequest, HttpResponse, Logged
from twinline.runtime.outbound import Cassette
from twinline.runtime.outbound.failures import Failure


def exchange(url: str = "http://a/b", body: str = "", answer: str = "", **more: str) -> HttpExchange:
    request = HttpRequest(
        method=more.get("method", "GET"), url=url, body=body, headers={"content-type": more.get("type", "")}
    )
    return HttpExchange(at=1.0, request=request, response=HttpResponse(200, body=answer))


def played(cassette: Cassette, request: HttpRequest) -> str:
    response = cassette.play(request).response
    assert response is not None
    return response.body


requests = st.builds(
    exchange,
    url=st.sampled_from(["http://a/", "http://a/b", "https://a/b", "http://a:81/b", "http://a/b?c=d"]),
    body=st.sampled_from(["", "x", '{"a": 1}']),
    method=st.sampled_from(["GET", "POST"]),
)


@given(st.lists(requests), st.randoms())
def test_every_recorded_exchange_is_played_once_in_its_kinds_order(
    recorded: list[HttpExchange], random: object
) -> None:
    numbered = [HttpExchange(e.at, e.request, HttpResponse(200, body=str(n))) for n, e in enumerate(recorded)]
    cassette = Cassette(numbered)
    asked = [e.request for e in numbered]
    random.shuffle(asked)
    given_back = [(request, int(played(cassette, request))) for request in asked]
    assert sorted(number for _, number in given_back) == list(range(len(numbered)))
    for kind in asked:
        places = [number for request, number in given_back if request == kind]
        assert places == sorted(places)


@given(st.lists(requests), requests)
def test_one_more_than_recorded_is_a_miss(recorded: list[HttpExchange], asked: HttpExchange) -> None:
    cassette = Cassette(recorded)
    times = Counter(repr(e.request) for e in recorded)[repr(asked.request)]
    for _ in range(times):
        cassette.play(asked.request)
    with pytest.raises(Failure, match=f"cassette miss: {asked.request.method} http"):
        cassette.play(asked.request)


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
json_values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=5), scalars, max_size=3)


@given(st.dictionaries(st.text(max_size=5), json_values, min_size=2, max_size=4))
def test_json_bodies_are_the_same_whatever_their_keys_order_and_white_space(value: dict[str, object]) -> None:
    there = json.dumps(value, indent=2)
    here = json.dumps(dict(reversed(value.items())), separators=(",", ":"))
    cassette = Cassette([exchange(body=there, type="application/json", answer="yes")])
    assert played(cassette, exchange(body=here, type="application/json; charset=utf-8").request) == "yes"


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=2))
def test_queries_and_forms_are_the_same_whatever_their_names_order(pairs: dict[str, str]) -> None:
    there, here = urlencode(pairs), urlencode(dict(reversed(pairs.items())))
    form = "application/x-www-form-urlencoded"
    cassette = Cassette([exchange(f"http://a/?{there}", body=there, type=form, answer="yes")])
    assert played(cassette, exchange(f"http://a/?{here}", body=here, type=form).request) == "yes"


def test_values_of_the_same_name_keep_their_order() -> None:
    cassette = Cassette([exchange("http://a/?b=1&b=2")])
    with pytest.raises(Failure):
        cassette.play(exchange("http://a/?b=2&b=1").request)


@pytest.mark.parametrize("url", ["http://A/b", "http://a:80/b", "http://a./b", "HTTP://a/b", "http://a/b#c"])
def test_ways_to_write_the_same_place(url: str) -> None:
    assert played(Cassette([exchange(answer="yes")]), exchange(url).request) == "yes"


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        (exchange("http://a/c"), "nearest recorded: GET http://a/b"),
        (exchange("http://other/b"), "nearest recorded: GET http://a/b"),
        (exchange(body="other"), "nearest recorded: GET http://a/b with another body"),
        (exchange(method="POST"), "nearest recorded: GET http://a/b"),
    ],
)
def test_a_miss_names_the_nearest(asked: HttpExchange, nearest: str) -> None:
    cassette = Cassette([exchange("http://x/y"), exchange(), exchange("http://a/zzz")])
    with pytest.raises(Failure) as miss:
        cassette.play(asked.request)
    assert str(miss.value) == f"cassette miss: {asked.request.method} {asked.request.url} ({nearest})"


def test_a_miss_says_when_a_request_was_made_too_often_or_nothing_was_recorded() -> None:
    cassette = Cassette([exchange()])
    cassette.play(exchange().request)
    with pytest.raises(Failure, match="asked 2 times, recorded once"):
        cassette.play(exchange().request)
    with pytest.raises(Failure, match="nothing was recorded"):
        Cassette([]).play(exchange().request)


def test_a_transcripts_other_events_are_passed_over() -> None:
    assert played(Cassette([Logged(0.0, "hello"), exchange(answer="yes")]), exchange().request) == "yes"


@given(st.text(), st.text())
def test_any_url_and_body_is_answered_or_missed(url: str, body: str) -> None:
    with pytest.raises(Failure, match="cassette miss"):
        Cassette([exchange()]).play(HttpRequest("GET", f"x{url}", body=body, encoded=True))
