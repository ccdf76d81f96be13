"""Documents: what a sloppy program writes, and what is made of it."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinline.runtime.webapi.document import (
    ACTIONS_LIMIT,
    FIELDS,
    Condition,
    Document,
    DocumentError,
    Say,
    number,
    read_document,
    truth,
)


def read(*items: object) -> Document:
    return read_document(json.dumps({"tropo": items}).encode())


def test_actions_stand_in_their_order_and_events_apart() -> None:
    document = read({"on": {"event": "continue", "next": "/a"}}, {"say": {"value": "Hello"}}, {"hangup": None})
    assert [(action.verb, action.place) for action in document.actions] == [("say", 2), ("hangup", 3)]
    assert [(on.event, on.next) for on in document.ons] == [("continue", "/a")]


@pytest.mark.parametrize("hangup", [{"hangup": None}, {"hangup": {}}, {"hangup": ""}, {"hangup": []}])
def test_a_verb_without_fields_is_written_in_many_ways(hangup: object) -> None:
    document = read(hangup)
    assert [action.verb for action in document.actions] in (["hangup"], [])
    assert document.warnings == ()


@pytest.mark.parametrize("say", ["Hello", {"value": "Hello"}, [{"value": "Hello"}], ["Hello"], {"value": ["Hello"]}])
def test_a_prompt_is_written_in_many_ways(say: object) -> None:
    (action,) = read({"say": say}).actions
    assert [each.text for each in action.says] == ["Hello"]
    (action,) = read({"ask": {"say": say, "choices": "yes"}}).actions
    assert [each.text for each in action.says] == ["Hello"]


def test_a_list_of_prompts_is_as_many_actions() -> None:
    document = read({"say": [{"value": "a"}, {"value": "b", "voice": "kate"}]})
    assert [action.says for action in document.actions] == [(Say("a"),), (Say("b", options={"voice": "kate"}),)]


def test_prompts_for_events_have_conditions() -> None:
    say = [{"value": "a", "event": "timeout"}, {"value": "b", "event": "nomatch:1 nomatch:2"}, {"value": "c"}]
    (action,) = read({"ask": {"say": say}}).actions
    assert [each.conditions for each in action.says] == [
        (Condition("timeout"),),
        (Condition("nomatch", 1), Condition("nomatch", 2)),
        (),
    ]


def test_a_prompt_for_an_event_behind_the_plain_one_is_warned_of() -> None:
    (warning,) = read({"ask": {"say": [{"value": "c"}, {"value": "last one", "event": "nomatch:3"}]}}).warnings
    assert "'last one'" in warning
    assert "item 1" in warning


@pytest.mark.parametrize(
    ("written", "meant"), [(False, False), ("false", False), ("true", True), (0, False), ("?", True)]
)
def test_required_is_a_boolean_or_its_word(written: object, meant: bool) -> None:
    assert [action.required for action in read({"ask": {"required": written}}).actions] == [meant]


def test_the_first_generations_word_for_required_counts_too() -> None:
    assert not read({"ask": {"require": "false"}}).actions[0].required


def test_fields_that_are_null_are_not_there() -> None:
    (action,) = read({"ask": {"choices": None, "attempts": 3, "name": None}}).actions
    assert (action.options, action.name) == ({"attempts": 3}, None)


def test_what_is_not_known_is_left_out_with_a_warning_that_names_it() -> None:
    document = read({"sing": {}}, {"say": {"value": "a", "tune": 1}}, "b", {"on": {"next": "/a"}}, None)
    assert [action.verb for action in document.actions] == ["say"]
    for part, place in (("'sing'", 1), ("'tune'", 2), ("no object", 3), ("on without an event", 4)):
        assert any(part in warning and f"item {place}" in warning for warning in document.warnings)
    assert len(document.warnings) == 4


def test_an_on_may_do_something_before_it_goes_on() -> None:
    (on,) = read({"on": {"event": "hangup", "say": "bye", "message": {"say": "x", "to": "1"}, "order": "2"}}).ons
    assert ([action.verb for action in on.actions], on.next, on.order) == (["say", "message"], None, 2.0)


def test_a_transfer_keeps_its_own_events() -> None:
    (action,) = read({"transfer": {"to": "1", "on": [{"event": "ring", "say": {"value": "ring.mp3"}}]}}).actions
    assert [(on.event, on.actions[0].says[0].text) for on in action.ons] == [("ring", "ring.mp3")]


@pytest.mark.parametrize("body", [b"", b"  \r\n", b"\xef\xbb\xbf", b'{"tropo": []}', b'{"tropo": null}', b"[]"])
def test_nothing_is_an_empty_document(body: bytes) -> None:
    assert read_document(body) == Document()


def test_bytes_before_the_document_and_one_action_in_place_of_a_list_are_tolerated() -> None:
    (action,) = read_document(b'\xef\xbb\xbf\n {"tropo": {"say": "a"}}').actions
    assert action.verb == "say"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{"tropo": [{"say": "Grüezi"}]}'.encode(), "application/json"),
        ('{"tropo": [{"say": "Grüezi"}]}'.encode("latin-1"), "application/json"),
        ('{"tropo": [{"say": "Grüezi"}]}'.encode("latin-1"), "application/json; charset=ISO-8859-1"),
        ('{"tropo": [{"say": "Grüezi"}]}'.encode("utf-16"), 'text/html; charset="UTF-16"'),
        ('{"tropo": [{"say": "Grüezi"}]}'.encode(), "application/json; charset=klingon"),
    ],
)
def test_a_document_is_in_the_characters_that_it_says_or_that_fit(body: bytes, content_type: str) -> None:
    assert read_document(body, content_type).actions[0].says == (Say("Grüezi"),)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"tropo": [\n  {"say" "a"}]}', "line 2, column 10"),
        (b"<html>", "line 1, column 1"),
        (b'{"say": "a"}', "answer"),
        (b"5", "answer"),
        (b"[" * 100_000, "answer"),
    ],
)
def test_what_is_no_document_is_refused_with_its_place(body: bytes, place: str) -> None:
    with pytest.raises(DocumentError) as refused:
        read_document(body)
    assert place in refused.value.where
    assert refused.value.mend


def test_a_document_of_too_many_actions_is_refused_wherever_they_stand() -> None:
    for items in ([{"say": "a"}] * (ACTIONS_LIMIT + 1), [{"on": {"event": "e", "say": ["a"] * (ACTIONS_LIMIT + 1)}}]):
        with pytest.raises(DocumentError, match="more than"):
            read(*items)
    assert len(read(*[{"say": "a"}] * ACTIONS_LIMIT).actions) == ACTIONS_LIMIT


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["value", "event", "say", "on", "next", "name", "choices", "required"])
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
verbs = st.sampled_from([*FIELDS, "on", "dance"])


@settings(max_examples=60)
@given(st.lists(st.dictionaries(verbs, json_values, max_size=3) | json_values, max_size=6))
def test_any_json_under_tropo_is_a_document(items: list[object]) -> None:
    assert all(action.verb in FIELDS for action in read(*items).actions)


@given(st.binary(max_size=200), st.sampled_from(["", "charset=utf-16", "charset=windows-1252"]) | st.text(max_size=40))
def test_any_bytes_are_a_document_or_refused(body: bytes, content_type: str) -> None:
    with suppress(DocumentError):
        assert isinstance(read_document(body, content_type), Document)


@given(json_values)
def test_numbers_and_booleans_are_read_from_anything(value: object) -> None:
    assert isinstance(truth(value, default=True), bool)
    found = number(value)
    assert found is None or abs(found) < float("inf")
