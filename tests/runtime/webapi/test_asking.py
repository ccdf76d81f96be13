"""Asking: attempts, prompts, and what an application is told of the answers."""

from tests.runtime.webapi.stage import ONE, ask, begun, on, say
from twinline.model.transcript import Choice, VerbResult
from twinline.runtime.webapi.dialogue import prompt
from twinline.runtime.webapi.document import Condition, Say


def test_a_single_result_is_an_object_by_its_name() -> None:
    stage = begun().answer(ask(choices={"value": "yes(1,yes), no(2,no)"}), on("continue", "/n"))
    answered = VerbResult(name="choice", value="yes", choice=Choice("yes", "1", "1"))
    action = stage.comes_to(answered).posted()[1]["actions"]
    assert isinstance(action, dict)
    assert action.pop("xml").startswith('<?xml version="1.0"?>\r\n<result grammar="0@')
    assert action == {
        "name": "pick", "attempts": 1, "disposition": "SUCCESS", "confidence": 100, "interpretation": "1",
        "utterance": "1", "concept": "yes", "value": "yes",
    }  # fmt: skip


def test_several_results_are_a_list_in_the_order_of_their_actions() -> None:
    stage = begun().answer(ask(name="a"), ask(name="b"), on("continue", "/n")).comes_to(ONE).comes_to(ONE)
    actions = stage.posted()[1]["actions"]
    assert isinstance(actions, list)
    assert [(action["name"], action["xml"].split('"')[3][:2], "concept" in action) for action in actions] == [
        ("a", "0@", False),
        ("b", "1@", False),
    ]


def test_an_ask_that_fails_ends_the_document_when_it_is_required() -> None:
    stage = begun().answer(ask(required="true"), say("never"), on("incomplete", "/no"), on("continue", "/yes"))
    path, result = stage.comes_to("badChoice").posted()
    assert (path, result["complete"]) == ("/no", False)
    assert result["actions"] == {"name": "pick", "attempts": 1, "disposition": "NOMATCH"}


def test_an_ask_that_fails_and_is_not_required_is_gone_on_from() -> None:
    stage = begun().answer(ask(required="false"), say("anyway"), on("incomplete", "/no"), on("continue", "/yes"))
    assert stage.comes_to("timeout").verb()[1] == {"text": "anyway"}
    path, result = stage.comes_to("say").posted()
    assert (path, result["complete"]) == ("/yes", True)
    assert result["actions"] == {"name": "pick", "attempts": 1, "disposition": "TIMEOUT"}


def test_attempts_are_counted_and_prompts_say_what_was_wrong() -> None:
    prompts = [
        {"value": "Nothing heard.", "event": "timeout"},
        {"value": "No.", "event": "nomatch:2"},
        {"value": "Pick"},
    ]
    stage = begun().answer(ask(attempts="4", say=prompts), on("continue", "/n"))
    said = [stage.verb()[1]["text"]]
    for failure in ("timeout", "badChoice", "badChoice"):
        said.append(stage.comes_to(failure).verb()[1]["text"])
    assert said == ["Pick", "Nothing heard. Pick", "No. Pick", "Pick"]
    action = stage.comes_to(ONE).posted()[1]["actions"]
    assert isinstance(action, dict)
    assert (action["attempts"], action["xml"].split('"')[3][:2]) == (4, "3@")


def test_a_prompt_for_an_event_counts_only_before_the_plain_one() -> None:
    says = (Say("first", (Condition("nomatch"),)), Say("plain"), Say("behind", (Condition("nomatch"),)))
    assert prompt(says, Condition("nomatch", 1)) == "first plain"
    assert prompt(says, None) == "plain"
    assert prompt(says[1:], Condition("nomatch", 1)) == "plain"


def test_an_ask_without_a_name_is_told_of_all_the_same() -> None:
    action = begun().answer(ask(name=None), on("continue", "/n")).comes_to(ONE).posted()[1]["actions"]
    assert isinstance(action, dict)
    assert (action["name"], action["value"]) == (None, "1")


def test_what_an_ask_is_told_goes_to_the_engine_in_its_words() -> None:
    stage = begun().answer(
        ask(
            choices={"value": "red, blue", "mode": "dtmf", "terminator": "#"},
            timeout="10.0",
            bargein="true",
            voice="kate",
        )
    )
    assert stage.verb() == (
        "ask",
        {
            "text": "Pick", "choices": "red, blue", "mode": "dtmf", "terminator": "#", "timeout": "10.0",
            "bargein": "true", "voice": "kate", "attempts": 1,
        },
    )  # fmt: skip
