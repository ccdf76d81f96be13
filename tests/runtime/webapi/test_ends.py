"""How sessions end: callers who leave, verbs that cannot be performed, applications that fail or never stop."""

import pytest

from tests.runtime.webapi.stage import ONE, URL, ask, begun, on, say
from twinline.model.transcript import VerbResult
from twinline.runtime.webapi.dialogue import DOCUMENTS_LIMIT, IDLE_LIMIT, End, Post


def test_a_caller_who_leaves_is_told_of_without_actions_and_the_reply_may_be_anything() -> None:
    stage = begun().answer(ask(name="a"), ask(name="b"), on("hangup", "/gone"), on("continue", "/n")).comes_to(ONE)
    stage.dialogue.line("DISCONNECTED")
    path, result = stage.comes_to("hangup").posted()
    assert (path, result["state"], result["complete"], "actions" in result) == ("/gone", "DISCONNECTED", True, False)
    assert stage.fail("the answer is no JSON").over
    assert "no JSON" in stage.warnings[0]


def test_a_verb_on_a_line_that_has_ended_is_a_hangup() -> None:
    stage = begun().answer(say("a"), on("hangup", "/gone"), on("error", "/bad"))
    stage.dialogue.line("DISCONNECTED")
    assert stage.comes_to(VerbResult(name="error", message="cannot say")).posted()[0] == "/gone"


def test_the_reply_to_a_hangup_is_the_last_document_and_its_messages_leave() -> None:
    stage = begun().answer({"hangup": None}, on("hangup", "/gone"))
    stage.dialogue.line("DISCONNECTED")
    stage.comes_to("hangup").answer(
        say("nobody hears"),
        {"message": {"to": "+14155550199", "say": "left"}},
        on("continue", "/more"),
        on("error", "/e"),
    )
    stage.comes_to(VerbResult(name="error", message="cannot say when state is DISCONNECTED"))
    assert stage.verb()[0] == "message"
    assert stage.comes_to("message").over


def test_an_on_for_hangup_that_says_something_does_not_go_round_and_round() -> None:
    stage = begun().answer({"hangup": None}, on("hangup", "/gone", say="bye"))
    stage.dialogue.line("DISCONNECTED")
    stage.comes_to("hangup")
    assert stage.verb()[0] == "say"
    assert stage.comes_to(VerbResult(name="error", message="cannot say")).posted()[0] == "/gone"


def test_a_call_that_is_answered_after_the_first_has_ended_is_a_new_line() -> None:
    stage = begun().answer({"hangup": None}, on("hangup", "/gone"))
    stage.dialogue.line("DISCONNECTED")
    stage.comes_to("hangup").answer({"call": {"to": "+14155550199"}}, on("continue", "/more"))
    stage.dialogue.line("ANSWERED")
    assert stage.comes_to("answer").posted()[0] == "/more"


def test_a_verb_that_cannot_be_performed_is_an_error_with_its_words() -> None:
    stage = begun().answer({"conference": {"id": "1"}}, on("error", "/bad"), on("continue", "/n"))
    path, result = stage.comes_to(VerbResult(name="error", message="needs a telephone call")).posted()
    assert (path, result["complete"], result["error"]) == ("/bad", False, "needs a telephone call")


def test_an_error_that_nothing_is_there_for_ends_the_session_with_its_words() -> None:
    stage = begun().answer({"conference": {"id": "1"}}).comes_to(VerbResult(name="error", message="needs a telephone"))
    assert stage.last == End("needs a telephone", URL)


@pytest.mark.parametrize(
    "item",
    [
        {"conference": {"id": "1", "required": False}},
        {"startRecording": {"url": "http://a"}},
        {"generalLogSecurity": "none"},
    ],
)
def test_a_verb_that_is_not_required_or_beside_the_dialogue_is_passed_over(item: object) -> None:
    stage = begun().answer(item, say("on we go")).comes_to(VerbResult(name="error", message="needs a telephone call"))
    assert stage.verb()[1] == {"text": "on we go"}
    assert "needs a telephone call" in stage.warnings[0]


def test_an_application_that_fails_at_once_ends_the_session() -> None:
    assert begun().fail().last == End("received non-2XX status code 500", URL)


def test_an_application_that_fails_later_is_told_at_its_on_for_errors_and_once() -> None:
    stage = begun().answer(on("continue", "/broken"), on("error", "/bad")).fail()
    path, result = stage.posted()
    assert (path, result["sequence"]) == ("/bad", 2)
    assert result["error"] == "received non-2XX status code 500 [url=https://app.example/broken]"
    assert stage.fail("received non-2XX status code 503").last == End(
        "received non-2XX status code 503", "https://app.example/bad"
    )


def test_continue_is_no_way_out_of_a_failed_exchange() -> None:
    assert isinstance(begun().answer(on("continue", "/broken")).fail().last, End)


def test_documents_that_only_name_each_other_come_to_an_end() -> None:
    stage = begun()
    for _ in range(IDLE_LIMIT):
        stage.answer(on("continue", "/again"))
    assert isinstance(stage.last, Post)
    stage.answer(on("continue", "/again")).answer(on("continue", "/again"))
    assert isinstance(stage.last, End)
    assert "did nothing" in stage.last.failure


def test_a_session_has_a_limit_of_documents() -> None:
    stage = begun()
    for _ in range(DOCUMENTS_LIMIT):
        stage.answer(say("music"), on("continue", "/hold")).comes_to("say")
    last = stage.answer(say("music")).last
    assert isinstance(last, End)
    assert "more than" in last.failure
