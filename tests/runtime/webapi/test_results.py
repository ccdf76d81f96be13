"""The documents that are posted: what was captured from Tropo reads and writes back the same, field for field."""

import json
from pathlib import Path

import pytest

from twinline.runtime.webapi.results import (
    ActionResult,
    ResultDocument,
    actions_field,
    grammar_name,
    nlsml,
    read_result,
    read_session,
    result_json,
    session_json,
    timeless,
    timestamp,
)

CAPTURED = Path(__file__).parent / "captured"


@pytest.mark.parametrize("file", sorted(CAPTURED.glob("session-*.json")), ids=lambda file: file.stem)
def test_a_captured_session_document_is_written_as_it_was_read(file: Path) -> None:
    captured = file.read_bytes()
    assert json.loads(session_json(read_session(captured))) == json.loads(captured)


@pytest.mark.parametrize("file", sorted(CAPTURED.glob("result-*.json")), ids=lambda file: file.stem)
def test_a_captured_result_document_is_written_as_it_was_read(file: Path) -> None:
    captured = file.read_bytes()
    assert json.loads(result_json(read_result(captured))) == json.loads(captured)


def test_the_fields_of_a_result_stand_in_the_captured_order() -> None:
    captured = json.loads((CAPTURED / "result-14.json").read_bytes())
    written = json.loads(result_json(read_result(json.dumps(captured).encode())))
    assert list(written["result"]) == list(captured["result"])
    assert list(written["result"]["actions"][0]) == list(captured["result"]["actions"][0])


def test_the_recognisers_answer_is_written_as_it_was_captured() -> None:
    for number, given in (("13", "1234"), ("14", "dtmf-1")):
        captured = json.loads((CAPTURED / f"result-{number}.json").read_bytes())["result"]["actions"][0]["xml"]
        grammar = captured.split('"')[3]
        assert nlsml(given, "dtmf", 100, grammar) == captured


def test_what_a_caller_wrote_cannot_break_out_of_the_recognisers_answer() -> None:
    assert '<input mode="text">a &lt;b&gt; &amp; c</input>' in nlsml("a <b> & c", "text", 100, "g")


def test_a_grammar_is_named_by_its_attempt_and_its_document() -> None:
    assert grammar_name("s", 1, 2).startswith("2@")
    assert grammar_name("s", 1, 2).endswith(".vxmlgrammar")
    assert grammar_name("s", 1, 0)[1:] == grammar_name("s", 1, 5)[1:] != grammar_name("s", 2, 0)[1:]


def test_actions_are_absent_or_an_object_or_a_list() -> None:
    one, other = ActionResult(name="a"), ActionResult(name="b")

    def written(*results: ActionResult) -> object:
        document = ResultDocument(
            sessionId="s",
            sessionDuration=1,
            sequence=1,
            complete=True,
            error=None,
            actions=actions_field(list(results)),
        )
        return json.loads(result_json(document))["result"].get("actions", "absent")

    assert written() == "absent"
    assert written(one) == {"name": "a"}
    assert written(one, other) == [{"name": "a"}, {"name": "b"}]


def test_a_moment_is_written_with_thousandths_in_utc() -> None:
    assert timestamp(1_310_752_992.275) == "2011-07-15T18:03:12.275Z"


def test_two_results_are_the_same_however_long_the_session_took() -> None:
    document = json.loads((CAPTURED / "result-12.json").read_bytes())
    slower = json.loads(
        json.dumps(document).replace(": 158", ": 200").replace(": 149", ": 190").replace(":22.", ":59.")
    )
    assert slower != document
    kind = "application/json"
    assert timeless(json.dumps(slower).encode(), kind) == timeless(json.dumps(document).encode(), kind)


def test_two_results_are_not_the_same_when_something_else_differs() -> None:
    document = (CAPTURED / "result-12.json").read_bytes()
    one, other = json.dumps(json.loads(document)).encode(), document.replace(b"SUCCESS", b"TIMEOUT")
    other = json.dumps(json.loads(other)).encode()
    assert timeless(one, "application/json") != timeless(other, "application/json")


@pytest.mark.parametrize("body", [b'{"result": 5}', b'{"result"', b'{"resultat": {"duration": 1}}', b"[1, 2]", b""])
def test_any_other_body_is_the_same_only_as_itself(body: bytes) -> None:
    assert timeless(body, "application/json") != timeless(body + b" x", "application/json")
