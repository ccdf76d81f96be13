"""Lines from a host are either messages or refused with a sentence."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinline.model.transcript import Choice, ScriptError, VerbResult
from twinline.runtime.languages import protocol

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)

KINDS = ["ready", "verb", "continue", "log", "output", "sync", "done", "failed", "start", "result", ""]

FIELDS = ["id", "verb", "arguments", "file", "line", "handlers", "text", "level", "error", "more"]

objects = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS) | json_values}, optional=dict.fromkeys(FIELDS, json_values)
)


@given(st.binary(max_size=200) | objects.map(lambda value: json.dumps(value).encode()))
def test_any_line_is_a_message_or_is_refused(line: bytes) -> None:
    with contextlib.suppress(protocol.ProtocolError):
        assert isinstance(protocol.decode(line), protocol.ChannelMessage)


@given(st.integers(100, 100_000))
def test_deep_nesting_is_refused_and_not_followed(depth: int) -> None:
    line = b'{"type":"verb","id":1,"verb":"say","arguments":{"a":' + b"[" * depth + b"]" * depth + b"}}"
    try:
        protocol.decode(line)
    except protocol.ProtocolError:
        return
    assert depth < 10_000


@given(st.text(max_size=128), st.dictionaries(st.text(), st.text() | st.booleans() | st.none()), st.integers(0, 2**53))
def test_a_verb_survives_the_line(verb: str, arguments: dict[str, object], number: int) -> None:
    message = protocol.VerbMessage(id=number, verb=verb, arguments=arguments, line=3)
    assert protocol.decode(protocol.encode(message).rstrip(b"\n")) == message


@pytest.mark.parametrize("number", ["-1", "1e30", '"1"', "null", str(2**64)])
def test_a_number_that_cannot_be_one_is_refused(number: str) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.decode(b'{"type":"continue","id":%s}' % number.encode())


def test_what_the_worker_says_is_one_line_each() -> None:
    result = VerbResult("choice", value="a\nb", choice=Choice("a", "a\nb", "a"))
    assert protocol.encode(protocol.ResultMessage(id=1, result=result)) == (
        b'{"type":"result","id":1,"result":{"name":"choice","value":"a\\nb",'
        b'"choice":{"concept":"a","interpretation":"a\\nb","utterance":"a"}}}\n'
    )
    assert protocol.encode(protocol.ResultMessage(id=2, error=protocol.RefusedVerb("E", "m"))) == (
        b'{"type":"result","id":2,"error":{"type":"E","message":"m"}}\n'
    )


def test_a_failure_is_told_as_the_transcript_keeps_it() -> None:
    line = b'{"type":"failed","error":{"type":"KeyError","message":"x","file":"main.py","line":2,"frames":["a"]}}'
    assert protocol.decode(line) == protocol.FailedMessage(ScriptError("KeyError", "x", "main.py", 2, ("a",)))
