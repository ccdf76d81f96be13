"""Events of a document: what they lead to, how far they reach, and the signals among them."""

import pytest

from tests.runtime.webapi.stage import ask, begun, on, say
from twinline.model.transcript import VerbResult
from twinline.runtime.webapi.dialogue import End


def test_actions_are_performed_in_order_and_then_the_document_continues() -> None:
    stage = begun().answer(on("continue", "/next"), say("One"), say("Two"))
    assert stage.verb() == ("say", {"text": "One"})
    assert stage.comes_to("say").verb() == ("say", {"text": "Two"})
    assert stage.comes_to("say", after=3.9).posted() == (
        "/next",
        {
            "sessionId": "s1", "callId": "c1", "state": "ANSWERED", "sessionDuration": 3, "sequence": 1,
            "complete": True, "error": None, "calledid": "14157660881",
        },
    )  # fmt: skip


def test_without_continue_the_session_ends_after_the_last_action() -> None:
    assert begun().answer(say("Bye")).comes_to("say").over
    assert begun().answer().over


@pytest.mark.parametrize(
    ("following", "path"),
    [("/a", "/a"), ("b.json?x=1", "/tropo/b.json?x=1"), ("?x=2", "/tropo/start.json?x=2"), ("../c", "/c")],
)
def test_next_is_relative_to_the_document(following: str, path: str) -> None:
    assert begun().answer(on("continue", following)).posted()[0] == path


def test_next_may_be_another_host() -> None:
    assert begun().answer(on("continue", "http://other.example:81/a")).last.url == "http://other.example:81/a"  # type: ignore[union-attr]


@pytest.mark.parametrize("following", ["ftp://app.example/a", "javascript:alert(1)", "http://[", "http://u:p@a/"])
def test_next_that_cannot_be_asked_ends_the_session_with_its_reason(following: str) -> None:
    last = begun().answer(on("continue", following)).last
    assert isinstance(last, End)
    assert following in last.failure


def test_events_are_forgotten_with_their_document() -> None:
    stage = begun().answer(on("incomplete", "/no"), on("continue", "/next")).answer(ask(), on("continue", "/then"))
    assert stage.comes_to("timeout").posted()[0] == "/then"


def test_an_event_that_the_document_does_not_name_is_continue() -> None:
    path, result = begun().answer(ask(), on("continue", "/next")).comes_to("timeout").posted()
    assert (path, result["complete"]) == ("/next", False)


def test_an_on_that_only_says_goes_on_with_continue() -> None:
    stage = begun().answer(ask(), {"on": {"event": "incomplete", "say": "Too slow"}}, on("continue", "/next"))
    assert stage.comes_to("timeout").verb() == ("say", {"text": "Too slow"})
    assert stage.comes_to("say").posted()[0] == "/next"


def test_an_on_with_both_says_and_then_posts() -> None:
    stage = begun().answer(ask(), on("incomplete", "/no", say={"value": "Too slow"}), on("continue", "/next"))
    assert stage.comes_to("timeout").verb()[1] == {"text": "Too slow"}
    path, result = stage.comes_to("say").posted()
    assert (path, result["complete"]) == ("/no", False)


def test_two_ons_of_one_event_are_done_in_their_order() -> None:
    stage = begun().answer(
        on("continue", "/b", say="second", order=2), {"on": {"event": "continue", "say": "first", "order": 1}}
    )
    assert stage.verb()[1] == {"text": "first"}
    assert stage.comes_to("say").verb()[1] == {"text": "second"}
    assert stage.comes_to("say").posted()[0] == "/b"


def test_the_sequence_counts_results() -> None:
    stage = begun()
    for count in (1, 2, 3):
        assert stage.answer(on("continue", "/a")).posted()[1]["sequence"] == count


def test_a_signal_that_the_document_names_ends_it() -> None:
    stage = begun().answer(say("music"), say("more"), on("continue", "/hold"), on("placed", "/place"))
    path, result = stage.comes_to(VerbResult(name="signal", value="placed")).posted()
    assert (path, result["complete"], "actions" in result) == ("/place", True, False)


def test_any_other_signal_ends_only_its_action() -> None:
    stage = begun().answer(say("music"), say("more"), on("placed", "/place"))
    assert stage.comes_to(VerbResult(name="signal", value="other")).verb()[1] == {"text": "more"}
